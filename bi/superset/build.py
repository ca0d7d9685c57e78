"""Zips this folder for Superset's import, with the database that the dashboard is to read; uploads it if asked to.

    python bi/superset/build.py warehouse/pipeline.duckdb
    python bi/superset/build.py postgresql+psycopg2://reader@db.example:5432/crm --into http://127.0.0.1:8088

The database is a file of this machine, or any SQLAlchemy URI (where Superset runs on another one). The zip is the same
for the same folder and database, byte for byte. `--into` signs in as $SUPERSET_USER with $SUPERSET_PASSWORD and
overwrites what an earlier import made: the way to take a new version over. Superset's own dialog and
`superset import-dashboards` leave datasets and charts that are there as they are.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import requests
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


def upload(bundle: Path, superset: str, user: str, password: str) -> None:
    """Imports the zip by Superset's API, which takes everything in it over as it stands here."""
    with requests.Session() as session:

        def ask(method: str, path: str, **asked: Any) -> dict[str, Any]:
            answer = session.request(method, f"{superset.rstrip('/')}/api/v1/{path}", timeout=120, **asked)
            if not answer.ok:
                raise SystemExit(f"{superset} does not take it ({answer.status_code}): {answer.text[:2000]}")
            return dict(answer.json())

        signed_in = ask("POST", "security/login", json={"username": user, "password": password, "provider": "db"})
        session.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        session.headers["X-CSRFToken"] = ask("GET", "security/csrf_token/")["result"]
        session.headers["Referer"] = superset
        ask("POST", "assets/import/", files={"bundle": (bundle.name, bundle.read_bytes())})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", help="path of pipeline.duckdb, or a SQLAlchemy URI as Superset is to use it")
    parser.add_argument("--out", type=Path, default=Path("dealtrail-superset.zip"))
    parser.add_argument("--into", metavar="URL", help="a running Superset to upload it to")
    arguments = parser.parse_args()
    write(arguments.database, arguments.out)
    user, password = os.environ.get("SUPERSET_USER"), os.environ.get("SUPERSET_PASSWORD")
    if arguments.into:
        if not (user and password):
            parser.error("--into signs in: set SUPERSET_USER and SUPERSET_PASSWORD in the environment")
        upload(arguments.out, arguments.into, user, password)
        print(f"imported: {arguments.into.rstrip('/')}/superset/dashboard/dealtrail/")
    else:
        print(f"{arguments.out}: import it in Superset (Dashboards, Import)")


if __name__ == "__main__":
    main()
