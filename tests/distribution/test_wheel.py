"""A stranger has the wheel and no clone: every command works, and nothing is written where the program lies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import duckdb
import pytest

from tests.conftest import PROJECT
from tests.distribution.installed import (
    Installed,
    build_wheel,
    install_beside_these_packages,
    install_with_dependencies,
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(
    scope="module",
    params=[install_beside_these_packages, pytest.param(install_with_dependencies, marks=pytest.mark.long)],
)
def installed(wheel: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return request.param(wheel, tmp_path_factory.mktemp("installed") / "venv")


def test_the_program_is_not_the_clones(installed: Installed, tmp_path: Path) -> None:
    where = "import dagster_project.package_files as c; print(c.PROJECT_DIR)"
    said = installed.run("python", "-c", where, cwd=tmp_path).stdout.strip()
    assert Path(said) == (installed.package / "distribution").resolve()


def test_everything_works_outside_the_clone_and_writes_nothing_into_the_program(
    installed: Installed, tmp_path: Path
) -> None:
    installed.protect()
    before = installed.contents()
    project = tmp_path / "project"

    done = installed.run("dealtrail", "init", project, "--sample", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = installed.run("dealtrail", "config", "check", cwd=project)
    assert done.returncode == 0, done.stderr
    done = installed.run("dealtrail", "nightly", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(project / "warehouse" / "pipeline.duckdb"), read_only=True) as published:
        assert published.execute("select count(*) > 1000 from marts.fct_deals").fetchone() == (True,)
    assert (project / "warehouse" / "report" / "index.html").exists()
    assert json.loads((project / "warehouse" / "run.json").read_text())["state"] == "published"

    done = installed.run("dealtrail", "docs", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "warehouse" / "docs" / "index.html").exists()
    done = installed.run("dealtrail", "metrics", "query", "--metrics", "win_rate", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    sheet = tmp_path / "opportunities.csv"
    sheet.write_bytes((PROJECT / "seeds" / "extracts" / "field_sheet" / "customers_2025-12-31.csv").read_bytes())
    done = installed.run("dealtrail", "source", "draft", sheet, "--out", tmp_path / "drafted.yml", cwd=project)
    assert done.returncode == 0, done.stderr
    assert _page_of_dagster(installed, project)

    assert installed.contents() == before
    left = {path.name for path in project.iterdir()}
    assert left - {".dagster", ".local", ".config", ".cache"} == {
        *("pipeline.yml", ".env.example", ".gitignore", "Makefile", "README.md", "landing", "warehouse")
    }


def _page_of_dagster(installed: Installed, project: Path) -> bool:
    """Whether `dealtrail dev` answers; on a busy machine its services take a minute to come up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"HOME": str(project), "PATH": f"{installed.folder / 'bin'}:/usr/bin:/bin"}
    with subprocess.Popen(
        ["dealtrail", "dev", "--port", str(port)],
        cwd=project,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "DAGSTER_DISABLE_TELEMETRY": "yes"},
        executable=str(installed.folder / "bin" / "dealtrail"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as dev:
        try:
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline and dev.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
                        return answer.status == 200
                except OSError:
                    time.sleep(1)
            return False
        finally:
            os.killpg(dev.pid, signal.SIGINT)
            try:
                dev.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(dev.pid, signal.SIGKILL)


def test_the_wheel_carries_what_git_has_and_no_leftovers(wheel: Path) -> None:
    import zipfile

    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("no git here")
    prefix = "dagster_project/distribution/"
    carried = {name.removeprefix(prefix) for name in zipfile.ZipFile(wheel).namelist() if name.startswith(prefix)}
    assert carried - set(tracked.stdout.splitlines()) == set()
    assert {"pipeline.yml", "dbt/dbt_project.yml", "seeds/reference/canonical_stages.csv"} <= carried
