"""What a night on Spark lacks is said before it reads anything, with what to do and the exit status of the contract."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.load import load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.transform.spark import requirements
from dagster_project.transform.spark.requirements import check_engine
from dagster_project.transform.spark.session import explained
from tests.conftest import DEALTRAIL, environment

CONFIG = "timezone: UTC\ncurrency: EUR\nsources: [{name: crm, vendor: salesforce}]\n"
HERE = {"pyspark": "4.3.0", "dbt-spark": "1.11.0"}


def settings(folder: Path, text: str = "", engine: str | None = "spark") -> Any:
    path = folder / "pipeline.yml"
    path.write_text(CONFIG + text, encoding="utf-8")
    given = {"DEALTRAIL_ENGINE": engine} if engine else {}
    return load_settings({"PIPELINE_CONFIG": str(path), "WAREHOUSE_DIR": str(folder / "warehouse"), **given})


def with_packages(monkeypatch: pytest.MonkeyPatch, **others: str | None) -> None:
    found: dict[str, str | None] = {**HERE, **{name.replace("_", "-"): told for name, told in others.items()}}

    def version(name: str) -> str:
        told = found[name]
        if told is None:
            raise PackageNotFoundError(name)
        return told

    monkeypatch.setattr(requirements, "version", version)


def java(folder: Path, says: str) -> Path:
    """A JAVA_HOME whose Java says this of its version."""
    program = folder / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n", encoding="utf-8")
    program.chmod(0o755)
    return folder / "jdk"


def refused(told: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        check_engine(told)
    assert raised.value.exit_status == 2
    return str(raised.value)


def test_duckdb_lacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch, pyspark=None, dbt_spark=None)
    check_engine(settings(tmp_path, engine=None))


@pytest.mark.parametrize("package", ["pyspark", "dbt_spark"])
def test_extra_not_installed(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch, **{package: None})
    said = refused(settings(tmp_path))
    assert said.startswith(f"engine: spark needs {package.replace('_', '-')}")
    assert "pip install 'dealtrail[spark]'" in said


def test_another_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch, pyspark="3.5.1")
    assert "needs pyspark 4.x, and 3.5.1 is installed" in refused(settings(tmp_path))


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert f"there is none in JAVA_HOME ({tmp_path / 'nowhere'})" in refused(settings(tmp_path))
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is none in PATH" in refused(settings(tmp_path))


@pytest.mark.parametrize(
    ("says", "major"), [('openjdk version "11.0.22" 2024-01-16', 11), ('java version "1.8.0_392"', 8), ("who knows", 0)]
)
def test_java_too_old(says: str, major: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch)
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, says)))
    assert f"needs Java 17, and the one in JAVA_HOME ({tmp_path / 'jdk'}) is {major}" in refused(settings(tmp_path))


@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21" 2023-09-19'])
def test_java_new_enough(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch)
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, says)))
    check_engine(settings(tmp_path))


@pytest.mark.parametrize("command", [["nightly"], ["config", "check"]])
def test_a_command_ends_with_the_status_of_a_wrong_configuration(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "landing" / "crm").mkdir(parents=True)
    done = subprocess.run(
        [str(DEALTRAIL), *command],
        cwd=tmp_path,
        env=environment(DEALTRAIL_ENGINE="spark", JAVA_HOME=tmp_path / "nowhere", WAREHOUSE_DIR=tmp_path / "warehouse"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "engine: spark needs" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_server_elsewhere_has_its_own_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    check_engine(settings(tmp_path, "spark: {remote: 'sc://spark.example.com:15002'}\n"))


def test_the_environment_goes_before_the_configuration(tmp_path: Path) -> None:
    assert settings(tmp_path, "engine: spark\n", engine=None).engine == "spark"
    assert settings(tmp_path, "engine: spark\n", engine="duckdb").engine == "duckdb"
    assert settings(tmp_path, engine=None).engine == "duckdb"
    with pytest.raises(ConfigurationError, match="DEALTRAIL_ENGINE: 'flink' is none of duckdb, spark"):
        settings(tmp_path, engine="flink")


def test_one_place_for_spark(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name two places"):
        settings(tmp_path, "spark: {master: 'local[2]', remote: 'sc://spark.example.com'}\n")


def test_a_locked_metastore_is_told_in_a_sentence() -> None:
    error = RuntimeError("Caused by: ERROR XSDB6: Another instance of Derby may have already booted\n\tat org.apache")
    assert explained(error) == (
        "its metastore is locked by another Spark: end that one, or give this one a metastore of its own"
    )
    assert explained(RuntimeError("An error\n\tat org.apache.spark")) == "An error"
