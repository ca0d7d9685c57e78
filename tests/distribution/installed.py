"""The wheel built from the clone, installed into a virtual environment that knows nothing of the clone.

Installing every dependency anew takes minutes without uv, so the quick environment finds the dependencies where the
tests have them: a path file names their folder, from which the clone itself cannot be imported, for Python reads the
path files of a folder that is named so no further. What it proves is that the wheel is whole and that nothing leads
back into the clone; that the dependencies it names are enough is proved by the long test's real installation.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from tests.conftest import PROJECT

#: Commands of dependencies that Dealtrail starts from beside its Python.
_STARTED = ("dbt", "dagster", "dagster-webserver", "dagster-daemon")


@dataclass
class Installed:
    """A virtual environment with `dealtrail` in it."""

    folder: Path

    @property
    def package(self) -> Path:
        """Where the program's files are."""
        return next(self.folder.glob("lib/python*/site-packages/dagster_project"))

    def run(self, *words: str | Path, cwd: Path, **settings: str | Path) -> subprocess.CompletedProcess[str]:
        """A command of the environment's own, as of a person who has nothing else."""
        own = {"HOME": str(cwd), "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        return subprocess.run(
            [str(word) for word in words],
            cwd=cwd,
            env={**kept, **own, **{name: str(value) for name, value in settings.items()}},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def contents(self) -> dict[str, str]:
        """Every file of the installed package, by what is in it."""
        return {
            str(path.relative_to(self.package)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.package.rglob("*"))
            if path.is_file()
        }

    def protect(self) -> None:
        """Makes the package read-only; root may write nevertheless, so contents are compared as well."""
        for path in [self.package, *self.package.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)


def build_wheel(folder: Path) -> Path:
    """The clone's wheel, without asking a package index for anything."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"),
            *("-w", str(folder), str(PROJECT)),
        ],
        check=True,
    )
    return next(folder.glob("*.whl"))


def install_beside_these_packages(wheel: Path, folder: Path) -> Installed:
    """Unpacks the wheel into a new environment, which takes the dependencies from the tests' own."""
    venv.create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = folder / "bin" / "python"
    scripts = {point.name: point.value for point in entry_points(group="console_scripts") if point.name in _STARTED}
    scripts["dealtrail"] = "dagster_project.cli:main"
    for name, target in scripts.items():
        module, function = target.split(":")
        script = folder / "bin" / name
        script.write_text(f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        script.chmod(0o755)
    return Installed(folder)


def install_with_dependencies(wheel: Path, folder: Path) -> Installed:
    """Installs the wheel and what it names, held to the versions of the lock."""
    venv.create(folder, with_pip=True)
    uv = Path(sys.executable).with_name("uv")
    python = str(folder / "bin" / "python")
    install = [str(uv), "pip", "install", "--python", python] if uv.exists() else [python, "-m", "pip", "install"]
    lock = folder / "versions.txt"
    lines = (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    lock.write_text("\n".join(line.rstrip(" \\") for line in lines if not line.startswith(" ")), encoding="utf-8")
    subprocess.run([*install, "-q", "-c", str(lock), str(wheel)], check=True)
    return Installed(folder)
