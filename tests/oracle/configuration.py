"""Reads a configuration: sources, their feeds with the vendor's preset below, their pipelines.

Everything stays text (YAML's base loader), so that `02:00`, `0064` or `yes` mean what stands in the file.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

PROJECT = Path(__file__).resolve().parents[2]
VENDORS = PROJECT / "dagster_project" / "vendors"
TEMPLATES = PROJECT / "seeds" / "reference" / "pipeline_templates.csv"
DEFAULT_RESPONSE_TYPES = ["call", "email", "e-mail", "meeting"]
#: Limits of the hygiene rules (domain.md, Hygiene rules); `auto` is what the stage's own history says.
DEFAULT_THRESHOLDS = {
    "stale_after_days": "30",
    "max_days_in_stage": "auto",
    "max_close_date_pushes": "3",
    "max_amount_deviations": "10",
    "rewritten_within_days": "90",
    "max_rewritten_deals": "3",
    "dead_lead_after_days": "90",
    "max_delivery_age_hours": "26",
    "max_null_share": "0.05",
    "max_null_share_ratio": "3",
    "max_stage_mix_psi": "0.25",
    "max_quarantine_share": "0.05",
}


@dataclass(frozen=True)
class Feed:
    """One mapping entry: which files hold which entity, and what their headings and cells mean.

    `columns`: canonical column → synonyms, best first; each is the headings whose cells make up the value.
    """

    source: str
    name: str
    entity: str
    files: list[str]
    columns: dict[str, list[list[str]]]
    stage_dates: list[str]
    not_stage_dates: list[str]
    id_separator: str | None
    encoding: str | None
    delimiter: str | None
    values: dict[str, dict[str, list[str]]]
    constants: dict[str, str]
    null_values: frozenset[str]
    days: frozenset[str]
    references: dict[str, list[dict[str, Any]]]
    incremental: bool
    extracted_at: datetime | None
    zone: ZoneInfo
    date_formats: list[str]
    lost_when_set: frozenset[str]
    response_types: frozenset[str]
    lead_statuses: list[str]
    converted_lead_statuses: frozenset[str]
    closed_lead_statuses: frozenset[str]
    confirmed: frozenset[str]
    max_delivery_age_hours: str | None = None
    only_when: dict[str, list[str]] = field(default_factory=dict)
    empty_means: dict[str, str] = field(default_factory=dict)
    look_up: list[str] = field(default_factory=list)
    rate_means: str = "reporting_per_unit"
    when_gone: str = "deleted"
    utc_headings: frozenset[str] = frozenset()
    done_when_past: bool = False
    #: Field of its own → kind; their headings stand in `columns`.
    fields: dict[str, str] = field(default_factory=dict)
    report_tail: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PipelineConfig:
    """A configured pipeline: its stages as plain mappings, in order."""

    name: str
    stages: list[dict[str, Any]]
    after_close: str
    thresholds: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    #: Stages whose probability the configuration itself says, and no template.
    own_probabilities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Source:
    """One CRM."""

    name: str
    currency: str
    after_close: str
    feeds: list[Feed]
    pipelines: list[PipelineConfig]
    vendor_stages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_history_feed(self) -> bool:
        """Whether a change log or versions can give a deal its stage."""
        return any(feed.entity in ("deal_changes", "deal_versions") for feed in self.feeds)


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    zone: ZoneInfo
    currency: str
    as_of: str | None
    landing_dir: Path
    history_starts_on: date
    sla_hours: float
    max_rate_age_days: int
    min_volume_share: Decimal
    gross_margin: Decimal | None
    fiscal_year_starts: int
    sources: list[Source] = field(default_factory=list)
    goals: list[dict[str, str]] = field(default_factory=list)
    thresholds: dict[str, str] = field(default_factory=dict)
    disabled_rules: frozenset[str] = frozenset()
    teams: list[dict[str, Any]] = field(default_factory=list)
    #: Fields of deals by which the monthly metrics are cut.
    grains: list[str] = field(default_factory=list)

    def fields_of(self, entity: str) -> dict[str, str]:
        """The fields that any feed gives records of an entity, with their kinds."""
        return self._fields.get(entity, {})

    @cached_property
    def _fields(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for feed in (feed for source in self.sources for feed in source.feeds):
            found.setdefault(feed.entity, {}).update(feed.fields)
        return {entity: dict(sorted(fields.items())) for entity, fields in found.items()}

    def team_of(self, source: str, owner_id: str, name: str | None) -> str | None:
        """The first team that names an owner by id, else the first that does by name."""
        listed = [
            (one["team"], owner) for one in self.teams if one["source"] == source for owner in _many(one["owners"])
        ]
        by_id = [team for team, owner in listed if str(owner) == owner_id]
        by_name = [team for team, owner in listed if name and folded(str(owner)) == folded(name)]
        return next(iter(by_id + by_name), None)

    def threshold(self, name: str) -> str:
        """A limit of the hygiene rules as it stands there, else its default."""
        return self.thresholds.get(name, DEFAULT_THRESHOLDS[name])


def read_configuration(path: Path) -> Config:
    """`pipeline.yml` with presets and defaults filled in."""
    raw = _yaml(path)
    zone = ZoneInfo(raw["timezone"])
    thresholds = raw.get("thresholds") or {}
    return Config(
        zone=zone,
        currency=raw["currency"],
        as_of=raw.get("as_of"),
        landing_dir=path.parent / raw.get("landing_dir", "landing"),
        history_starts_on=date.fromisoformat(raw.get("history_starts_on", "2000-01-01")),
        sla_hours=float(thresholds.get("lead_response_sla_hours", 24)),
        max_rate_age_days=int(thresholds.get("max_rate_age_days", 62)),
        min_volume_share=Decimal(thresholds.get("min_volume_share", "0.5")),
        gross_margin=Decimal(raw["gross_margin"]) if raw.get("gross_margin") else None,
        fiscal_year_starts=int(raw.get("fiscal_year_starts", 1)),
        sources=[_source(source, raw["currency"]) for source in raw["sources"]],
        goals=raw.get("goals") or [],
        teams=raw.get("teams") or [],
        grains=[grain.removeprefix("deals.") for grain in _many(raw.get("grains", []))],
        thresholds=thresholds,
        disabled_rules=frozenset(
            rule for rule, word in (raw.get("rules") or {}).items() if word.get("enabled") == "false"
        ),
    )


def moment_in_utc(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 moment; without offset it is in the given timezone; a date is its midnight there."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def folded(text: str) -> str:
    """How headings, cells to translate, types and statuses are matched: case and space runs ignored."""
    return " ".join(text.replace("\ufeff", "").split()).casefold()


def _yaml(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8-sig") as file:
        return yaml.load(file, Loader=yaml.BaseLoader)


def _source(own: dict[str, Any], reporting_currency: str) -> Source:
    preset = _yaml(VENDORS / f"{own['vendor']}.yml") if own.get("vendor") else {}
    default_stages = preset.pop("stages", [])
    merged = _merged(preset, own)
    after_close = merged.get("after_close", "reopen")
    pipelines = merged.get("pipelines") or ([{"name": "default", "stages": default_stages}] if preset else [])
    return Source(
        name=merged["name"],
        currency=merged.get("currency", reporting_currency),
        after_close=after_close,
        feeds=[_feed(merged, name, feed) for name, feed in merged.get("feeds", {}).items()],
        pipelines=[_pipeline(pipeline, after_close) for pipeline in pipelines],
        vendor_stages=default_stages,
    )


def _merged(below: Any, above: Any) -> Any:
    """Mappings merge key by key; anything else above replaces what is below."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}
    return above


def _feed(source: dict[str, Any], name: str, raw: dict[str, Any]) -> Feed:
    def own_or_sources(key: str, default: Any) -> Any:
        return raw[key] if key in raw else source.get(key, default)

    zone = ZoneInfo(own_or_sources("timezone", "UTC"))
    extracted_at = own_or_sources("extracted_at", None)
    return Feed(
        source=source["name"],
        name=name,
        entity=raw["entity"],
        files=_many(raw["files"]),
        columns={
            column: [_many(synonym) for synonym in _many(synonyms)]
            for column, synonyms in {
                **raw.get("columns", {}),
                **{own: said["from"] for own, said in raw.get("fields", {}).items()},
            }.items()
        },
        fields={own: said.get("kind", "text") for own, said in raw.get("fields", {}).items()},
        stage_dates=_many(raw.get("stage_dates", [])),
        not_stage_dates=_many(raw.get("not_stage_dates", [])),
        id_separator=own_or_sources("id_separator", None),
        encoding=raw.get("encoding"),
        delimiter=raw.get("delimiter"),
        values={
            column: {canonical: _many(texts) for canonical, texts in words.items()}
            for column, words in raw.get("values", {}).items()
        },
        constants=raw.get("constants", {}),
        null_values=frozenset(_many(own_or_sources("null_values", []))),
        days=frozenset(_many(raw.get("days", []))),
        references={
            column: [given] if isinstance(given, dict) else given for column, given in raw.get("references", {}).items()
        },
        incremental=own_or_sources("deliveries", "full") == "incremental",
        extracted_at=moment_in_utc(extracted_at, zone) if extracted_at else None,
        zone=zone,
        date_formats=_many(own_or_sources("date_formats", [])),
        lost_when_set=_folded_set(raw.get("lost_when_set", [])),
        response_types=_folded_set(raw.get("response_types", DEFAULT_RESPONSE_TYPES)),
        lead_statuses=_many(raw.get("lead_statuses", [])),
        converted_lead_statuses=_folded_set(raw.get("converted_lead_statuses", [])),
        closed_lead_statuses=_folded_set(raw.get("closed_lead_statuses", [])),
        confirmed=frozenset(_many(raw.get("confirmed", []))),
        max_delivery_age_hours=raw.get("max_delivery_age_hours"),
        only_when={heading: _many(values) for heading, values in raw.get("only_when", {}).items()},
        empty_means=raw.get("empty_means", {}),
        look_up=_many(raw.get("look_up", [])),
        rate_means=raw.get("rate_means", "reporting_per_unit"),
        when_gone=raw.get("when_gone", "deleted"),
        utc_headings=_folded_set([] if "timezone" in raw else raw.get("utc_headings", [])),
        done_when_past=raw.get("done_when_past") == "true",
        report_tail=_many(own_or_sources("report_tail", [])),
    )


def _pipeline(raw: dict[str, Any], after_close: str) -> PipelineConfig:
    """Template stages first; an entry of the same name overrides what it names; new entries follow."""
    stages = _template(raw["template"]) if raw.get("template") else []
    places = {folded(stage["name"]): place for place, stage in enumerate(stages)}
    for entry in raw.get("stages") or []:
        place = places.get(folded(entry["name"]))
        if place is None:
            stages.append(dict(entry))
        else:
            stages[place] = {**stages[place], **entry}
    return PipelineConfig(
        raw.get("name", "default"),
        stages,
        raw.get("after_close", after_close),
        raw.get("thresholds") or {},
        tuple(_many(raw.get("aliases", []))),
        frozenset(folded(one["name"]) for one in raw.get("stages") or [] if "win_probability" in one),
    )


def _template(name: str) -> list[dict[str, Any]]:
    preset = VENDORS / f"{name}.yml"
    if preset.exists():
        return [dict(stage) for stage in _yaml(preset)["stages"]]
    with TEMPLATES.open(encoding="utf-8", newline="") as file:
        return [
            {
                "name": row["stage"],
                "canonical": row["canonical_stage"],
                "qualified": row["qualified"],
                "win_probability": row["win_probability"],
            }
            for row in csv.DictReader(file)
            if row["template"] == name
        ]


def _many(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def _folded_set(value: Any) -> frozenset[str]:
    return frozenset(folded(text) for text in _many(value))
