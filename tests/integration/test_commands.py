"""The commands beside `nightly`, tried as a person would."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import DEALTRAIL, PROJECT, environment


def command(*words: str, cwd: Path = PROJECT, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEALTRAIL), *words], cwd=cwd, env=environment(**settings), capture_output=True, text=True, check=False
    )


def test_help_names_every_command() -> None:
    done = command("--help")
    assert done.returncode == 0
    for name in ("nightly", "dev", "docs", "config", "source", "digest"):
        assert name in done.stdout


def test_config_check_says_what_each_source_is() -> None:
    done = command("config", "check")
    assert done.returncode == 0
    assert "boreal_pipedrive: 8 feeds, pipelines Partners, Pipeline" in done.stdout


@pytest.mark.parametrize("words", [("nightly",), ("config", "check")])
def test_an_empty_folder_is_answered_with_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Set PIPELINE_CONFIG" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_command_is_usage(tmp_path: Path) -> None:
    assert command("nightyl").returncode == 2


def test_docs_need_no_night_and_leave_nothing_but_pages(tmp_path: Path) -> None:
    done = command("docs", WAREHOUSE_DIR=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "docs" / "index.html") in done.stdout
    pages = {path.name: path for path in (tmp_path / "docs").iterdir()}
    assert {"index.html", "metrics.html", "operating.html", "dbt.html"} <= set(pages)
    assert {path.suffix for path in pages.values() if path.is_file()} <= {".html", ".png", ".xml", ".gz"}
    assert "mart_monthly_metrics" in pages["dbt.html"].read_text(encoding="utf-8")
