"""`pipeline.yml` as pydantic models. What is not named here is a mistake, and is refused with what is allowed."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from dagster_project.config import metrics
from dagster_project.config.digest import Digest
from dagster_project.config.feeds import Source
from dagster_project.config.fields import (
    ENTITIES_WITH_FIELDS,
    GRAIN_KINDS,
    GRAINS,
    FieldKind,
    refuse_taken_names,
)
from dagster_project.config.tables import Connection, check_connection_name
from dagster_project.config.values import Currency, Days, DealField, Engine, Names, Severity, Strict, Timezone


class Thresholds(Strict):
    """Limits of the hygiene rules where pipeline, stage or feed set none; all are exclusive."""

    stale_after_days: Days = Field(30, description="Days an open deal may lie untouched.")
    max_days_in_stage: Days = Field("auto", description="Days an open deal may be in one stage.")
    max_close_date_pushes: int = Field(3, ge=0, description="How often its expected close date may move later.")
    max_amount_deviations: float = Field(
        10, gt=0, description="Robust standard deviations that the logarithm of an amount may lie from the median."
    )
    lead_response_sla_hours: float = Field(24, ge=0, description="Hours within which a new lead is to be answered.")
    dead_lead_after_days: int = Field(90, ge=0, description="Days an open lead may lie untouched.")
    rewritten_within_days: int = Field(
        90, ge=0, description="Days for which a change of a deal's closed past is listed, once its month is over."
    )
    max_rewritten_deals: int = Field(
        3, ge=0, description="How many deals of an owner may be changed so in that time; more are a warning."
    )
    max_rate_age_days: int = Field(62, ge=0, description="Days for which an exchange rate holds.")
    max_delivery_age_hours: float = Field(26, ge=0, description="Hours since the newest delivery of a feed.")
    max_null_share: float = Field(0.05, ge=0, le=1, description="Share of empty cells a column may have in any case.")
    max_null_share_ratio: float = Field(3, ge=1, description="How many times its usual share it may have.")
    max_stage_mix_psi: float = Field(0.25, ge=0, description="Population stability index of the stages.")
    max_quarantine_share: float = Field(
        0.05, ge=0, le=1, description="Share of a feed's newest delivery that may be unusable; more stops the publish."
    )
    min_volume_share: float = Field(0.5, ge=0, le=1, description="A smaller full extract is held back.")


class Schedule(Strict):
    """When the nightly job runs."""

    at: str = Field("02:00", description="Time of day, in quotes.")
    timezone: Timezone | None = Field(None, description="Default: the reporting timezone.")
    settle_seconds: int = Field(60, ge=0, description="How long a file must be still before the sensor counts it.")

    @field_validator("at", mode="before")
    @classmethod
    def _is_a_time_of_day(cls, at: Any) -> str:
        try:
            return time.fromisoformat(str(at)).strftime("%H:%M")
        except ValueError:
            raise ValueError(f"'{at}' is no time of day; write it in quotes, such as \"02:00\"") from None


class Rule(Strict):
    """A team's word on a built-in hygiene rule; or, with `table` and `broken_when`, a rule of its own."""

    enabled: bool = Field(True, description="false: it is not checked.")
    severity: Severity | None = Field(
        None, description="critical stops the publish, warning counts in the score, info is listed."
    )
    table: str | None = Field(None, description="A published table, such as fct_deals; for a rule of the team's own.")
    says: str | None = Field(None, description="What a clean record looks like, as a sentence.")
    why: str | None = Field(None, description="What goes wrong where it is broken.")
    where: str = Field("true", description="SQL: the records it looks at.")
    broken_when: str | None = Field(None, description="SQL: when one of them breaks it.")
    observed: str = Field("null", description="SQL: what stands in the violation as observed.")
    allowed: str = Field("null", description="SQL: what stands there as allowed.")
    message: str | None = Field(None, description="What its owner reads; `{column}` is that record's value.")
    record_key: str | None = Field(None, description="SQL: what names the record, where its table's key is not known.")

    @property
    def is_own(self) -> bool:
        """Whether it says anything that only a rule of the team's own can say."""
        return bool(self.model_fields_set - {"enabled", "severity"})

    @model_validator(mode="after")
    def _own_rules_say_enough(self) -> Rule:
        if self.is_own and not (self.table and self.broken_when and self.severity and self.message):
            raise ValueError("a rule of your own needs table, severity, broken_when and message")
        return self


class Notifications(Strict):
    """What the webhook of the environment (DEALTRAIL_WEBHOOK_URL) is told of, beside nights that failed."""

    min_score_drop: float = Field(
        0.01, ge=0, le=1, description="Drop of a source's share of clean open deals since the published day before."
    )
    max_restatement: float = Field(
        0.05,
        ge=0,
        description="Share by which a published figure of a past month may change without a word: won amount and "
        "deals, lost deals, win rate, opportunities, leads, spend.",
    )


class Team(Strict):
    """Owners of a source who are a team, where the CRM does not say so itself."""

    team: str = Field(min_length=1, description="What it is called; several entries may be of one team.")
    source: str = Field(description="The source whose owners they are.")
    owners: Names = Field(min_length=1, description="Their ids in the CRM, or their names.")


#: Of whose goals the figures can be added up over owners and months.
_OF_ANYBODY = ("opportunities_created", "deals_won", "deals_lost", "won_amount", "win_rate", "avg_deal_size")


class Goal(Strict):
    """What is wanted of a pipeline, one of its stages, an owner or a team, in some months or quarters."""

    month: str = Field("every", description="`2025-12`, a range such as `2025-10..2025-12`, or `every`.")
    quarter: str | None = Field(
        None, description="Of a goal for fiscal quarters: `2026-Q1`, or `every`; instead of `month`."
    )
    source: str | None = Field(None, description="The source's name; a team needs none.")
    pipeline: str = Field("default", description="The pipeline's name.")
    stage: str | None = Field(None, description="Of a goal for one open stage.")
    owner: str | None = Field(None, description="Of a goal for one owner of the source: id in the CRM, or name.")
    team: str | None = Field(None, description="Of a goal for one team.")
    goal: Literal[tuple(metrics.goals())] = Field(  # type: ignore[valid-type]
        description="The metric it is a goal of, of those that the metric dictionary says can have one."
    )
    target: float = Field(ge=0, description="Rates as a share: 0.3 is 30 %.")

    @field_validator("month")
    @classmethod
    def _is_a_month(cls, month: str) -> str:
        one = r"\d{4}-(0[1-9]|1[0-2])"
        first, _, last = month.partition("..")
        if month != "every" and not re.fullmatch(rf"{one}(\.\.{one})?", month):
            raise ValueError(f"'{month}' is no month; write 2025-12, a range such as 2025-10..2025-12, or every")
        if last and last < first:
            raise ValueError(f"'{month}' ends before it begins")
        return month

    @field_validator("quarter")
    @classmethod
    def _is_a_quarter(cls, quarter: str | None) -> str | None:
        if quarter not in (None, "every") and not re.fullmatch(r"\d{4}-Q[1-4]", str(quarter)):
            raise ValueError(f"'{quarter}' is no fiscal quarter; write 2026-Q1, or every")
        return quarter

    @model_validator(mode="after")
    def _is_of_somebody(self) -> Goal:
        if self.source is None and self.team is None:
            raise ValueError("say of which source, or of which team")
        named = [name for name in ("pipeline", "stage", "owner", "team") if name in self.model_fields_set]
        if (self.owner is not None or self.team is not None) and len(named) > 1:
            raise ValueError(f"{' and '.join(named)}: a goal is of a pipeline, an owner or a team")
        if self.quarter is not None and "month" in self.model_fields_set:
            raise ValueError("a goal is of months or of quarters, not both")
        is_of_others = self.owner is not None or self.team is not None or self.quarter is not None
        if is_of_others and self.goal not in _OF_ANYBODY:
            raise ValueError(
                f"'{self.goal}' is a goal of a pipeline in a month; allowed here: {', '.join(_OF_ANYBODY)}"
            )
        return self

    @model_validator(mode="after")
    def _is_a_goal_of_its_level(self) -> Goal:
        wanted = metrics.goals()[self.goal]
        of_stages, other = (True, "pipeline") if self.stage is not None else (False, "stage")
        if metrics.is_of_stages(wanted) != of_stages:
            allowed = [name for name, one in metrics.goals().items() if metrics.is_of_stages(one) == of_stages]
            raise ValueError(f"'{self.goal}' is a goal of a {other}; allowed here: {', '.join(allowed)}")
        if wanted.unit == "rate" and self.target > 1:
            raise ValueError(f"target {self.target:g} of {self.goal}: a rate is a share, 0.3 is 30 %")
        return self

    def quarter_begins(self, fiscal_year_starts: int) -> date | None:
        """The first day of the quarter it is for; None: of any."""
        if self.quarter in (None, "every"):
            return None
        year, number = int(str(self.quarter)[:4]), int(str(self.quarter)[-1])
        # a fiscal year is named by the calendar year it ends in
        months = (year - (fiscal_year_starts > 1)) * 12 + fiscal_year_starts - 1 + 3 * (number - 1)
        return date(months // 12, months % 12 + 1, 1)

    @property
    def first_month(self) -> date | None:
        """The first day of the first month it is for; None: of any."""
        return None if self.month == "every" else date.fromisoformat(f"{self.month[:7]}-01")

    @property
    def last_month(self) -> date | None:
        """The first day of the last month it is for; None: of any."""
        return None if self.month == "every" else date.fromisoformat(f"{self.month[-7:]}-01")


class Spark(Strict):
    """The Spark that `engine: spark` builds the tables on."""

    master: str | None = Field(
        None, pattern=r"^(local|spark://|yarn|k8s://)", description="As Spark names it; else all cores of this machine."
    )
    remote: str | None = Field(
        None, pattern=r"^sc://", description="A Spark Connect server instead, such as sc://spark.example.com:15002."
    )
    warehouse_dir: str | None = Field(
        None, description="Where its tables lie for the night: a folder that all its workers and this machine see."
    )
    folders_from_rows: int = Field(
        100_000_000, ge=1, description="A fact of so many rows is published as a folder of Parquet files with a view."
    )
    conf: dict[str, str] = Field(default_factory=dict, description="Further settings of the session, in Spark's words.")

    @model_validator(mode="after")
    def _one_place(self) -> Spark:
        if self.master and self.remote:
            raise ValueError("spark.master and spark.remote name two places; keep one of them")
        return self


class Configuration(Strict):
    """The whole of `pipeline.yml`."""

    timezone: Timezone = Field(description="Dates, days and months are those of this timezone.")
    currency: Currency = Field(description="The reporting currency.")
    as_of: datetime | None = Field(None, description="The moment of the run; AS_OF overrides it; else now.")
    landing_dir: str = Field(
        "landing",
        min_length=1,
        description="Where the files lie, each source's in a folder of its name: a folder, or s3://, gs://, az://, sftp://.",
    )
    publish_to: str | None = Field(
        None, description="Where each publication goes too: s3://, gs://, az:// or sftp://; PUBLISH_TO overrides it."
    )
    ducklake: Path | None = Field(
        None, description="Folder of a DuckLake catalog that keeps each publication as a snapshot."
    )
    warehouse_dir: Path | None = Field(None, description="Where everything is written; else warehouse/.")
    memory: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(MB|GB|MiB|GiB)$",
        description="What DuckDB may take while the tables are built, such as 12GB.",
    )
    engine: Engine = Field("duckdb", description="What builds the tables; DEALTRAIL_ENGINE overrides it.")
    spark: Spark = Field(Spark(), description="Where Spark runs, with `engine: spark`.")
    history_starts_on: date = Field(date(2000, 1, 1), description="Dates before this day are taken for errors.")
    gross_margin: float | None = Field(
        None, ge=0, le=1, description="Share of revenue left after the cost of delivering it; `clv` needs it."
    )
    fiscal_year_starts: int = Field(
        1, ge=1, le=12, description="Month in which the fiscal year begins, 1 to 12; quarters are counted from it."
    )
    schedule: Schedule = Field(Schedule(), description="When `dealtrail daemon` starts the nightly job.")
    thresholds: Thresholds = Field(Thresholds(), description="Limits of the hygiene rules, for everybody.")
    rules: dict[str, Rule] = Field(default_factory=dict, description="Hygiene rules by id, your own among them.")
    notifications: Notifications = Field(Notifications(), description="What the webhook is told of.")
    digest: Digest = Field(Digest(), description="How `dealtrail digest` sends each owner what to mend.")
    connections: dict[str, Connection] = Field(
        default_factory=dict, description="Databases and folders whose tables feeds read, by a name of your own."
    )
    sources: list[Source] = Field(min_length=1, description="The CRMs and sheets to read.")
    grains: Names = Field(
        default_factory=list,
        description="Fields that the monthly metrics are cut by as well, such as deals.region.",
    )
    teams: list[Team] = Field(default_factory=list, description="Teams of owners, where no column of the CRM tells.")
    goals: list[Goal] = Field(default_factory=list, description="Targets; of several for one month the last counts.")

    @model_validator(mode="after")
    def _sources_have_their_own_names(self) -> Configuration:
        seen: dict[str, int] = {}
        for position, source in enumerate(self.sources):
            if source.name in seen:
                raise ValueError(
                    f"sources.{seen[source.name]} and sources.{position} have one name, '{source.name}'; "
                    "give each source its own"
                )
            seen[source.name] = position
        return self

    @field_validator("connections", mode="before")
    @classmethod
    def _connections_are_named(cls, connections: Any) -> Any:
        for name in connections if isinstance(connections, dict) else ():
            check_connection_name(str(name))
        return connections

    @model_validator(mode="after")
    def _addresses_are_of_sources(self) -> Configuration:
        names = [source.name for source in self.sources]
        for position, one in enumerate(self.digest.addresses):
            if one.source not in names:
                raise ValueError(
                    f"digest.addresses.{position}.source: '{one.source}' is no source; allowed: {', '.join(names)}"
                )
        return self

    @model_validator(mode="after")
    def _fields_agree(self) -> Configuration:
        said: dict[tuple[str, str], tuple[str, str]] = {}
        for source in self.sources:
            for feed_name, feed in source.feeds.items():
                for name, field in feed.fields.items():
                    where = f"sources.{source.name}.feeds.{feed_name}.fields.{name}"
                    kind, first = said.setdefault((feed.entity, name), (field.kind, where))
                    if kind != field.kind:
                        raise ValueError(
                            f"{where}: is a {field.kind}, but {first} says {kind}; one field of {feed.entity} is of "
                            "one kind, rename one of them"
                        )
        if said:
            refuse_taken_names(self.fields)
        return self

    @model_validator(mode="after")
    def _stages_require_fields(self) -> Configuration:
        known = [*get_args(DealField), *self.fields.get("deals", {})]
        for source in self.sources:
            for pipeline in source.pipelines:
                for stage in pipeline.stages:
                    for field in stage.required or []:
                        if field not in known:
                            raise ValueError(
                                f"sources.{source.name}: stage '{stage.name}' of pipeline '{pipeline.name}' requires "
                                f"'{field}', which is no field; allowed: {', '.join(known)}"
                            )
        return self

    @model_validator(mode="after")
    def _grains_are_fields(self) -> Configuration:
        fields = self.fields.get("deals", {})
        for grain in self.grains:
            entity, _, name = grain.partition(".")
            if entity != "deals" or name not in fields:
                known = ", ".join(f"deals.{field}" for field, kind in fields.items() if kind in GRAIN_KINDS)
                raise ValueError(
                    f"grains: '{grain}' is no field of deals; "
                    + (f"allowed: {known}" if known else "name one under `fields` of a feed of deals")
                )
            if fields[name] not in GRAIN_KINDS:
                raise ValueError(
                    f"grains: '{grain}' is of kind {fields[name]}; a grain is of kind {' or '.join(GRAIN_KINDS)}"
                )
            if name in GRAINS:
                raise ValueError(
                    f"grains: '{name}' is a grain already; give the field another name, such as crm_{name}"
                )
        if len(self.grains) != len(set(self.grains)):
            raise ValueError("grains: one is named twice")
        return self

    @property
    def fields(self) -> dict[str, dict[str, FieldKind]]:
        """Entity → the fields that any source's feeds give its records, by name, with their kinds."""
        found = {
            entity: {name: kind for source in self.sources for name, kind in source.fields_of(entity).items()}
            for entity in ENTITIES_WITH_FIELDS
        }
        return {entity: dict(sorted(fields.items())) for entity, fields in found.items() if fields}

    @property
    def grain_fields(self) -> list[str]:
        """The fields of deals that are grains, by name."""
        return sorted(grain.removeprefix("deals.") for grain in self.grains)

    @property
    def zone(self) -> ZoneInfo:
        """The reporting timezone."""
        return ZoneInfo(self.timezone)
