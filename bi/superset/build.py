"""Zips this folder for Superset's import, with the database that the dashboard is to read; uploads it if asked to.

What the marts say of their metrics (label, unit, arithmetic) comes into the zip from them, and stands nowhere here.

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

from dagster_project.config.metrics import Metric, metric

HERE = Path(__file__).resolve().parent
PARTS = ("metadata.yaml", "databases/*.yaml", "datasets/*/*.yaml", "charts/*.yaml", "dashboards/*.yaml")

#: Unit of a metric → how Superset shows it.
FORMATS = {
    "count": ",.0f",
    "money": ".3s",
    "money_per_day": ".3s",
    "rate": ".1%",
    "ratio": ",.1f",
    "days": ",.1f",
    "hours": ",.1f",
}
#: How a metric's rows are one figure → what its description says of that.
COMBINED = {
    "always": "Added up{within}.",
    "within_month": "Added up within one month{and_within}; empty where several meet.",
    "by_its_parts": "Of the added-up parts{within}.",
    "never": "Of one row; empty where several meet, for it cannot be combined.",
}

#: Superset only reads: no lock that a night would meet, and no SQL Lab user reads the machine's other files.
DUCKDB = {"connect_args": {"read_only": True, "config": {"enable_external_access": False}}}


def uri(database: str) -> str:
    """The SQLAlchemy URI of what was given. The link `pipeline.duckdb` is kept, for it is what a night switches."""
    return database if "://" in database else f"duckdb:///{Path(database).absolute()}"


def connected(settings: dict[str, Any], database: str) -> dict[str, Any]:
    """The settings of databases/Dealtrail.yaml with this database."""
    engine = DUCKDB if uri(database).startswith("duckdb:") else {}
    return {**settings, "sqlalchemy_uri": uri(database), "extra": {**settings["extra"], "engine_params": engine}}


def assets() -> dict[str, Any]:
    """Path in this folder → what Superset imports: what the marts say of their metrics stands in it."""
    read = {
        path.relative_to(HERE).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for part in PARTS
        for path in sorted(HERE.glob(part))
    }
    datasets = {path: dataset(asset) for path, asset in read.items() if path.startswith("datasets/")}
    by_uuid = {asset["uuid"]: asset for asset in datasets.values()}
    charts = {
        path: chart(asset, by_uuid[asset["dataset_uuid"]]) for path, asset in read.items() if path.startswith("charts/")
    }
    titles = {asset["uuid"]: asset["slice_name"] for asset in charts.values()}
    for asset in (asset for path, asset in read.items() if path.startswith("dashboards/")):
        for part in asset["position"].values():
            if isinstance(part, dict) and part["type"] == "CHART":
                part["meta"]["sliceName"] = titles[part["meta"]["uuid"]]
    return {**read, **datasets, **charts}


def dataset(asset: dict[str, Any]) -> dict[str, Any]:
    """A dataset. Metrics given by name alone are columns of its `mart`; its rows are of one `grain` at a time."""
    given = dict(asset)
    mart, grain = given.pop("mart", None), given.pop("grain", None)
    metrics = [of_mart(metric(mart, one), grain) if isinstance(one, str) else one for one in given.get("metrics", [])]
    return {**given, "metrics": metrics}


def of_mart(one: Metric, grain: str | None) -> dict[str, Any]:
    """A mart's metric as Superset's: NULL where rows meet that cannot be combined."""
    within = {"within": f" within one {grain}" if grain else "", "and_within": f" and {grain}" if grain else ""}
    conditions = [f"count(distinct {grain}) = 1"] if grain else []
    conditions += ["count(distinct month) = 1"] if one.combines == "within_month" else []
    condition = "count(*) = 1" if one.combines == "never" else " and ".join(conditions)
    return {
        "metric_name": one.name,
        "verbose_name": one.heading,
        "expression": f"case when {condition} then {one.of_several_rows} end" if condition else one.of_several_rows,
        "d3format": FORMATS[one.unit],
        "description": f"{' '.join(one.description.split())} {COMBINED[one.combines].format(**within)}",
    }


def chart(asset: dict[str, Any], of: dict[str, Any]) -> dict[str, Any]:
    """A chart; one of a single metric that has no title or format of its own has the metric's."""
    if "slice_name" in asset:
        return asset
    (shown,) = [one for one in of["metrics"] if one["metric_name"] == asset["params"]["metric"]]
    params = {**asset["params"], "y_axis_format": shown["d3format"]}
    return {"slice_name": shown["verbose_name"], **asset, "params": params}


def write(database: str, out: Path) -> None:
    """Writes the zip."""
    with ZipFile(out, "w", ZIP_DEFLATED) as bundle:
        for path, asset in sorted(assets().items()):
            said = connected(asset, database) if path.startswith("databases/") else asset
            text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
            bundle.writestr(ZipInfo(f"dealtrail/{path}"), text, compress_type=ZIP_DEFLATED)


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
