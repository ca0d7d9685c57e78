"""Zips this folder for Superset's import, with the database that the dashboard is to read.

    python bi/superset/build.py warehouse/pipeline.duckdb
    python bi/superset/build.py postgresql+psycopg2://reader:XXXXXXXXXX@db.example:5432/crm

The database is a file of this machine, or any SQLAlchemy URI (where Superset runs on another one). The zip is the same
for the same folder and database, byte for byte.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml

HERE = Path(__file__).resolve().parent
PARTS = ("metadata.yaml", "databases/*.yaml", "datasets/*/*.yaml", "charts/*.yaml", "dashboards/*.yaml")

#: Superset only reads: no lock that a night would meet, and no SQL Lab user reads the machine's other files.
DUCKDB = {"connect_args": {"read_only": True, "config": {"enable_external_access": False}}}


def uri(database: str) -> str:
    """The SQLAlchemy URI of what was given. The link `pipeline.duckdb` is kept, for it is what a night switches."""
    return database if "://" in database else f"duckdb:///{Path(database).absolute()}"


def connected(settings: dict[str, Any], database: str) -> dict[str, Any]:
    """The settings of databases/Dealtrail.yaml with this database."""
    engine = DUCKDB if uri(database).startswith("duckdb:") else {}
    return {**settings, "sqlalchemy_uri": uri(database), "extra": {**settings["extra"], "engine_params": engine}}


def write(database: str, out: Path) -> None:
    """Writes the zip."""
    with ZipFile(out, "w", ZIP_DEFLATED) as bundle:
        for path in sorted(path for part in PARTS for path in HERE.glob(part)):
            text = path.read_text(encoding="utf-8")
            if path.parent.name == "databases":
                text = yaml.safe_dump(connected(yaml.safe_load(text), database), sort_keys=False)
            name = f"dealtrail/{path.relative_to(HERE).as_posix()}"
            bundle.writestr(ZipInfo(name), text, compress_type=ZIP_DEFLATED)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", help="path of pipeline.duckdb, or a SQLAlchemy URI as Superset is to use it")
    parser.add_argument("--out", type=Path, default=Path("dealtrail-superset.zip"))
    arguments = parser.parse_args()
    write(arguments.database, arguments.out)
    print(f"{arguments.out}: import it in Superset (Dashboards, Import), or see docs/bi.md")


if __name__ == "__main__":
    main()
