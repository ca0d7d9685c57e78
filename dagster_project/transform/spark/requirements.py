"""Whether a night on Spark can be run here: asked before anything is read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError

#: Of pyspark, and what its Java must be at least.
SPARK_MAJOR, JAVA_MAJOR = 4, 17
_EXTRA = "install Dealtrail with its extra `spark` (pip install 'dealtrail[spark]')"


def check_engine(settings: Settings) -> None:
    """Raises ConfigurationError for what a night on Spark lacks; a night on DuckDB lacks nothing."""
    if settings.engine != "spark":
        return
    for package in ("pyspark", "dbt-spark"):
        try:
            version(package)
        except PackageNotFoundError:
            raise ConfigurationError(f"engine: spark needs {package}, which is not here: {_EXTRA}") from None
    found = version("pyspark")
    if found.partition(".")[0] != str(SPARK_MAJOR):
        raise ConfigurationError(f"engine: spark needs pyspark {SPARK_MAJOR}.x, and {found} is installed: {_EXTRA}")
    if settings.config.spark.remote is None:
        _check_java()


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    where = f"JAVA_HOME ({home})" if home else "PATH"
    install = (
        f"install a Java {JAVA_MAJOR} or newer (Debian: openjdk-{JAVA_MAJOR}-jre-headless) or point JAVA_HOME at one"
    )
    try:
        said = subprocess.run([java or "java", "-version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        raise ConfigurationError(f"engine: spark needs Java, and there is none in {where}: {install}") from None
    told = re.search(r'version "(\d+)(?:\.(\d+))?', said.stderr + said.stdout)
    # before 9 they called themselves 1.8
    major = int(told[2] or 0) if told and told[1] == "1" else int(told[1]) if told else 0
    if major < JAVA_MAJOR:
        raise ConfigurationError(f"engine: spark needs Java {JAVA_MAJOR}, and the one in {where} is {major}: {install}")
