"""A publication of a few owners, made of its tables alone: what pages and digests are written from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.load import Settings, load_settings
from dagster_project.config.models import Configuration
from dagster_project.publish.owners.links import Link, no_link
from dagster_project.publish.owners.pages import write_owner_pages

CONFIG = """
timezone: Europe/Berlin
currency: EUR
landing_dir: .
digest:
{digest}
sources:
  - {{name: crm, vendor: hubspot}}
  - {{name: erp, vendor: hubspot}}
"""

_TABLES = """
create schema marts;
create schema quality;
create table marts.dim_owners (
    owner_key varchar, source varchar, owner_id varchar, owner_name varchar, is_active boolean, is_delivered boolean,
    team varchar, email varchar
);
create table marts.fct_deals (deal_key varchar, deal_name varchar, amount decimal(18, 2), currency varchar);
create table marts.mart_deal_outlook (
    deal_key varchar, source varchar, pipeline varchar, stage varchar, owner_key varchar,
    amount_reporting decimal(18, 2), expected_close_on date, days_in_stage double, stage_median_days double,
    p_won_this_month double, p_won_this_quarter double, p_won double, slip_probability double, reasons varchar,
    reason_ids varchar
);
-- of odds that were right before, at each horizon
create table marts.mart_outlook_calibration as
select horizon, 'combined' as odds, 10 as deals, 0.1 as combined_brier, 0.2 as base_brier
from (values ('this_month'), ('this_quarter'), ('ever')) as horizons (horizon);
create table quality.worklists (
    owner_key varchar, owner_name varchar, place bigint, source varchar, pipeline varchar, entity varchar,
    record_key varchar, record_name varchar, stage varchar, amount_at_stake decimal(18, 2), severity varchar,
    violations bigint, rules varchar, messages varchar, first_seen_on date
);
create table quality.hygiene_scores (date_day date, owner_key varchar, open_deals bigint, clean_deals bigint);
"""


@dataclass
class Published:
    """Tables as they are to be published next; each method adds a row."""

    folder: Path
    as_of: str = "2026-03-02T02:00:00"
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse"

    def owner(self, key: str, name: str | None, email: str | None = None, **more: Any) -> None:
        source, _, id_ = key.partition(":")
        said = {"owner_key": key, "source": source, "owner_id": id_, "owner_name": name, "email": email} | more
        self._add("marts.dim_owners", {"is_active": True, "is_delivered": True} | said)

    def deal(self, key: str, owner: str | None, name: str = "Pump", amount: Any = 100, **more: Any) -> None:
        """An open deal."""
        said = {"deal_key": key, "deal_name": name, "amount": amount, "currency": "EUR"}
        self._add("marts.fct_deals", said | {column: more.pop(column) for column in ("currency",) if column in more})
        said = {"deal_key": key, "source": key.partition(":")[0], "pipeline": "default", "stage": "Demo"}
        self._add("marts.mart_deal_outlook", said | {"owner_key": owner, "amount_reporting": amount} | more)

    def broken(self, key: str, owner: str | None, message: str = "is stale", **more: Any) -> None:
        """A record on a worklist; a deal unless it says otherwise."""
        place = 1 + sum(row["owner_key"] == owner for row in self.rows.get("quality.worklists", []))
        said = {"owner_key": owner, "place": place, "source": key.partition(":")[0], "entity": "deals"}
        said |= {"record_key": key, "severity": "warning", "violations": 1, "rules": "stale_deal", "messages": message}
        self._add("quality.worklists", said | {"first_seen_on": "2026-03-01"} | more)

    def score(self, owner: str | None, open_deals: int, clean_deals: int, day: str = "2026-03-02") -> None:
        said = {"date_day": day, "owner_key": owner, "open_deals": open_deals, "clean_deals": clean_deals}
        self._add("quality.hygiene_scores", said)

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)

    def clear(self, *tables: str) -> None:
        for table in tables:
            self.rows.pop(table, None)

    def publish(self, link: Link = no_link) -> Path:
        """Writes the next version, and points `current` at it."""
        version = self.warehouse / "versions" / f"v{len(list(self.warehouse.glob('versions/*')))}"
        version.mkdir(parents=True)
        database = version / "pipeline.duckdb"
        with duckdb.connect(str(database)) as connection:
            connection.execute(_TABLES)
            for table, rows in self.rows.items():
                for row in rows:
                    marks = ", ".join("?" * len(row))
                    connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))
            record = str(version / "violations.parquet")
            connection.execute(f"copy (select timestamp '{self.as_of}' as as_of) to '{record}' (format parquet)")
        moment = datetime.fromisoformat(self.as_of).replace(tzinfo=UTC)
        write_owner_pages(database, version / "report", self.config(), moment, link)
        current = self.warehouse / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(Path("versions") / version.name)
        return version

    def config(self) -> Configuration:
        return self.settings().config

    def settings(self, digest: Iterable[str] = ("  addresses: []",)) -> Settings:
        """The settings with these lines under `digest`."""
        path = self.folder / "pipeline.yml"
        path.write_text(CONFIG.format(digest="\n".join(digest)), encoding="utf-8")
        return load_settings({"PIPELINE_CONFIG": str(path), "WAREHOUSE_DIR": str(self.warehouse)})
