"""`pipeline.yml` as pydantic models. What is not named here is a mistake, and is refused with what is allowed."""

from __future__ import annotations

import codecs
import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from dagster_project.config.entities import ENTITIES, LOOKED_UP, LOOKING_UP
from dagster_project.wording import near_name

CanonicalStage = Literal[
    "prospecting", "contact", "qualifying", "demo", "proposal", "closing", "post_sale", "won", "lost"
]
#: What a stage can require of a deal. The first four have rules of their own, the others `missing_required_field`.
DealField = Literal["amount", "expected_close_on", "owner", "account", "deal_name", "lead", "lead_source", "segment"]
Deliveries = Literal["full", "incremental"]
Privacy = Literal["keep", "drop", "hash"]
DecimalSeparator = Literal[".", ","]
AfterClose = Literal["reopen", "keep_first"]
Severity = Literal["critical", "warning", "info"]
#: What a lead that a later full extract lacks has come to: it was deleted, or left an inbox by becoming a deal.
WhenGone = Literal["deleted", "converted"]
#: Units of the reporting currency for one of the other, or the other way round.
RateMeans = Literal["reporting_per_unit", "units_per_reporting"]
PipelineGoal = Literal[
    "opportunities_created",
    "deals_won",
    "deals_lost",
    "won_amount",
    "win_rate",
    "avg_deal_size",
    "sales_cycle_days",
    "closing_amount",
]
StageGoal = Literal["entered", "advanced", "conversion_rate", "drop_off_rate", "days_in_stage_median"]


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        near = near_name(name, available_timezones())
        meant = f" (did you mean {near}?)" if near else ""
        raise ValueError(f"'{name}' is no timezone{meant}; give an IANA name such as Europe/Berlin or UTC")
    return name


def _currency_code(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(f"'{code}' is no currency; give its three capital letters, such as EUR")
    return code


def _one_or_many(value: Any) -> Any:
    """Lets `columns: {deal_id: Id}` stand for `columns: {deal_id: [Id]}`; numbers and booleans are headings too."""
    if isinstance(value, list):
        return [str(item) if isinstance(item, int | float | bool) else item for item in value]
    return [str(value)] if isinstance(value, str | int | float | bool) else value


#: What staging's strptime reads, `%-d` and the like included.
_DIRECTIVES = "aAbBdfHIjmMpSyY"


def _date_format(text: str) -> str:
    """A strptime format that staging can read by, and that says which day it is."""
    directives = re.findall(r"%(-?.?)", text.replace("%%", ""))
    for directive in directives:
        if directive in ("z", "Z"):
            raise ValueError(f"'{text}': an offset or timezone (%{directive}) is read only of ISO 8601 times")
        if directive.removeprefix("-") not in set(_DIRECTIVES):
            raise ValueError(f"'{text}': %{directive} is not known; allowed: %" + " %".join(_DIRECTIVES))
    named = {directive.removeprefix("-") for directive in directives}
    says_day = "j" in named or ("d" in named and named & set("mbB"))
    if "'" in text or not says_day or not named & set("yY"):
        raise ValueError(f"'{text}' is no date format; write day, month and year, such as %d.%m.%Y")
    return text


def _days_or_auto(value: Any) -> Any:
    """One answer to what is neither; a union of types gives one for each."""
    is_days = isinstance(value, str | int) and not isinstance(value, bool) and re.fullmatch(r"\d{1,5}", str(value))
    if value != "auto" and not is_days:
        raise ValueError(f"'{value}' is no limit in days; write whole days, 0 or more, or auto")
    return value


Timezone = Annotated[str, AfterValidator(_known_timezone)]
#: A limit in whole days, or `auto`: from the history of the stage itself.
Days = Annotated[Annotated[int, Field(ge=0)] | Literal["auto"], BeforeValidator(_days_or_auto)]
Currency = Annotated[str, AfterValidator(_currency_code)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Names = Annotated[list[str], BeforeValidator(_one_or_many)]
#: Headings of one column, best first; a list among them is several columns of one value, joined by a space.
Headings = Annotated[list[str | list[str]], BeforeValidator(_one_or_many)]


class Strict(BaseModel):
    """A block of the configuration in which a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(Strict):
    """A stage of a pipeline, named as the CRM writes it; its place in the list is its order."""

    name: str = Field(description="As the CRM writes it.")
    aliases: Names = Field(default_factory=list, description="What else the CRM calls it: its id, its API name.")
    canonical: CanonicalStage | None = Field(None, description="The stage it is compared as across pipelines.")
    qualified: bool = Field(False, description="A deal that enters it, or a later open stage, is qualified.")
    won: bool = Field(False, description="A deal that stands in it is won.")
    lost: bool = Field(False, description="A deal that stands in it is lost.")
    mandatory: bool = Field(False, description="Moving forward over it is reported as `skipped`.")
    win_probability: float | None = Field(None, ge=0, le=1, description="The CRM's own chance of it, as a share.")
    stale_after_days: Days | None = Field(None, description="Overrides the pipeline's.")
    max_days_in_stage: Days | None = Field(None, description="Overrides the pipeline's.")
    max_close_date_pushes: int | None = Field(None, ge=0, description="Overrides the pipeline's.")
    required: list[DealField] | None = Field(None, description="Fields a deal needs from this stage on.")


class PipelineThresholds(Strict):
    """Limits of the hygiene rules for the deals of one pipeline; what is not said is as in `thresholds`."""

    stale_after_days: Days | None = Field(None, description="Days an open deal may lie untouched, or auto.")
    max_days_in_stage: Days | None = Field(None, description="Days an open deal may be in one stage, or auto.")
    max_close_date_pushes: int | None = Field(
        None, ge=0, description="How often a deal's expected close date may move later."
    )
    max_amount_deviations: float | None = Field(
        None, gt=0, description="Robust standard deviations that an amount may lie from the median."
    )


class Pipeline(Strict):
    """A pipeline of a source; `default` where the CRM has none."""

    name: str = Field("default", description="As the CRM writes it.")
    aliases: Names = Field(default_factory=list, description="What else the CRM calls it: its id, its API name.")
    template: str | None = Field(None, description="A vendor's default stages, or a template of seeds/reference.")
    stages: list[Stage] = Field(default_factory=list, description="All stages, or overrides of the template's.")
    after_close: AfterClose | None = Field(None, description="Overrides the source's.")
    thresholds: PipelineThresholds = Field(
        PipelineThresholds(), description="Limits of the hygiene rules for its deals, instead of everybody's."
    )


class MetPipeline(Pipeline):
    """One that nobody configured: of its vendor's stages it has those that are met in it, and no implicit ones."""


#: Words of `only_when` and `when` that speak of a cell instead of being its value.
EMPTY, FILLED = "", "*"


def _values_asked_for(words: list[str]) -> list[str]:
    if not words:
        raise ValueError("names no value; write what the cell has to say, '*' for anything, or '' for nothing")
    if FILLED in words and len(words) > 1:
        raise ValueError(
            f"'*' stands for any cell that is not empty; leave out {', '.join(map(repr, words))} beside it"
        )
    return words


#: What a cell has to say, one of several; `*`: anything, empty: nothing.
Asked = Annotated[Names, AfterValidator(_values_asked_for)]


class Reference(Strict):
    """A column that another one goes before: where it is filled, begins with a prefix, and other columns agree."""

    column: str = Field(description="Name in `columns` of the one that goes before; it need not be canonical.")
    prefix: str = Field("", description="Only where its value begins so, as ids do that say what they point at.")
    when: dict[str, Asked] = Field(
        default_factory=dict,
        description="Only where these columns say one of these values; '*' is any, '' is an empty cell.",
    )
    means: str | None = Field(None, description="What the column then says; else the other one's value.")


#: Of one column, best first; one alone need not be a list.
References = Annotated[list[Reference], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


class Feed(Strict):
    """One mapping entry: which files hold which entity, and what their headings mean."""

    entity: Literal[tuple(ENTITIES)] = Field(description="What a row of its files is.")  # type: ignore[valid-type]
    files: Names = Field(
        min_length=1,
        description="File name patterns; `.gz`, `.zst`, `.zip` need not be written, `.csv` stands for every format.",
    )
    files_on_request: Names = Field(
        default_factory=list, description="Patterns of files that are taken only if they are added to `files`."
    )
    columns: dict[str, Headings] = Field(
        description="Canonical column → headings, best first; a list among them is joined by a space, * is any text."
    )
    derive: Names = Field(
        default_factory=list,
        description="Headings that together are the id of a row, where a file has no column of it; an edited cell is "
        "then a new record.",
    )
    stage_dates: Names = Field(
        default_factory=list,
        description="Headings that hold the day a stage was entered, such as 'Date entered \"{stage} ({pipeline})\"'.",
    )
    not_stage_dates: Names = Field(
        default_factory=list, description="Headings that look like one of `stage_dates` and speak of no stage."
    )
    personal_data: dict[str, Privacy] = Field(
        default_factory=dict, description="Canonical column → keep, drop or hash, before the lake."
    )
    id_separator: str | None = Field(None, min_length=1, description="Between several ids in one cell.")
    encoding: str | None = Field(None, description="Of a text file that is neither UTF-8 nor marked, such as cp1252.")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="If its header does not tell it.")
    sheet: str | None = Field(None, description="Of a spreadsheet file; else its first.")
    report_tail: Names | None = Field(None, description="If its reports end otherwise than the source's.")
    decimal_separator: DecimalSeparator | None = Field(None, description="Of amounts and numbers, if configured.")
    deliveries: Deliveries | None = Field(None, description="Overrides the source's.")
    extracted_at: datetime | None = Field(None, description="Overrides the source's.")
    timezone: Timezone | None = Field(None, description="Overrides the source's.")
    date_formats: list[DateFormat] | None = Field(None, description="Overrides the source's.")
    null_values: list[str] | None = Field(None, description="Overrides the source's.")
    only_when: dict[str, Asked] = Field(
        default_factory=dict,
        description="Heading → values ('*': any, '': an empty cell); a row with another one is no record of this feed.",
    )
    constants: dict[str, str] = Field(default_factory=dict, description="Canonical column → one value for every row.")
    empty_means: dict[str, str] = Field(
        default_factory=dict, description="Canonical column → what it says where its cell is empty."
    )
    values: dict[str, dict[str, Names]] = Field(
        default_factory=dict, description="Canonical column → canonical value → what the CRM writes for it."
    )
    days: Names = Field(
        default_factory=list, description="Canonical columns whose midnights are days: `2026-03-05 00:00:00`."
    )
    utc_headings: Names = Field(
        default_factory=list,
        description="Headings whose times without offset are UTC, as an API's are, unless the feed has a `timezone`.",
    )
    references: dict[str, References] = Field(
        default_factory=dict, description="Canonical column → other columns that go before it, best first."
    )
    look_up: Names = Field(
        default_factory=list,
        description="Columns that may hold a name instead of an id: it means the one record of that name.",
    )
    done_when_past: bool = Field(False, description="Activities that say nothing else are done once they are due.")
    lost_when_set: list[str] = Field(default_factory=list, description="Logged fields whose setting means: lost.")
    response_types: list[str] = Field(
        default_factory=lambda: ["call", "email", "e-mail", "meeting"],
        description="Types of activities that answer a lead.",
    )
    lead_statuses: list[str] = Field(default_factory=list, description="In the order a lead goes through them.")
    converted_lead_statuses: list[str] = Field(
        default_factory=list, description="Statuses in which a lead has become a deal."
    )
    closed_lead_statuses: list[str] = Field(default_factory=list, description="Statuses in which a lead is given up.")
    when_gone: WhenGone = Field(
        "deleted", description="What leads became that a later full extract lacks; `converted`: a deal, or closed."
    )
    rate_means: RateMeans = Field(
        "reporting_per_unit", description="What a rate counts: which currency for one of which."
    )
    confirmed: list[str] = Field(default_factory=list, description="sha256 of files to load although held back.")
    required: bool = Field(False, description="A night without a good delivery of it is blocked.")
    id_begins_with: str | None = Field(
        None, description="What the vendor's ids of this entity begin with: a draft knows files of other names by it."
    )
    max_delivery_age_hours: float | None = Field(
        None, ge=0, description="Overrides thresholds.max_delivery_age_hours: a monthly export is no day late."
    )

    @model_validator(mode="after")
    def _references_name_columns(self) -> Feed:
        given = {*self.columns, *self.constants, *self.references}
        for column, ranked in self.references.items():
            for reference in ranked:
                for other in (reference.column, *reference.when):
                    if other not in given:
                        raise ValueError(
                            f"references.{column}: '{other}' is not in columns; name its headings there, "
                            f"such as columns: {{{other}: [Its heading]}}"
                        )
        return self

    @model_validator(mode="after")
    def _columns_are_canonical(self) -> Feed:
        ranked = [reference for references in self.references.values() for reference in references]
        others = {column for reference in ranked for column in (reference.column, *reference.when)}
        known = set(ENTITIES[self.entity].columns) | others
        for part in ("columns", "constants", "empty_means", "values", "days", "references", "personal_data"):
            for column in getattr(self, part):
                if column not in known:
                    raise ValueError(
                        f"'{column}' in {part} is no column of {self.entity}; allowed: "
                        + ", ".join(ENTITIES[self.entity].columns)
                    )
        return self

    @model_validator(mode="after")
    def _looked_up_columns_name_records(self) -> Feed:
        entity = ENTITIES[self.entity]
        allowed = [
            column
            for column in entity.columns
            if column in LOOKED_UP and column != entity.key and self.entity in LOOKING_UP
        ]
        for column in self.look_up:
            if column not in allowed:
                raise ValueError(
                    f"look_up: '{column}' of {self.entity} names no other record; "
                    f"allowed: {', '.join(allowed) or 'none'}"
                )
        return self

    @model_validator(mode="after")
    def _speaks_of_its_own_entity(self) -> Feed:
        for key, entity in (("when_gone", "leads"), ("rate_means", "exchange_rates")):
            if key in self.model_fields_set and self.entity != entity:
                raise ValueError(f"{key}: {self.entity} have none; only a feed of {entity} has")
        return self

    @model_validator(mode="after")
    def _headings_say_something(self) -> Feed:
        for column, synonyms in self.columns.items():
            for heading in (part for one in synonyms for part in (one if isinstance(one, list) else [one])):
                if "*" in heading and not re.search(r"[^\W_]", heading):
                    raise ValueError(f"columns.{column}: '{heading}' would be any heading; write what it has beside *")
        return self

    @model_validator(mode="after")
    def _stage_dates_name_a_stage(self) -> Feed:
        if self.stage_dates and "stage_dates" not in ENTITIES[self.entity].columns:
            raise ValueError(f"stage_dates: {self.entity} have none; only a feed of deals has")
        for pattern in self.stage_dates:
            parts = re.findall(r"\{[^}]*\}", pattern)
            if sorted(parts) not in (["{stage}"], ["{pipeline}", "{stage}"]) or "}{" in pattern:
                raise ValueError(
                    f"stage_dates: '{pattern}' needs {{stage}} once, may have {{pipeline}} once, with something between"
                )
        return self

    @model_validator(mode="after")
    def _personal_data_leaves_what_is_needed(self) -> Feed:
        entity = ENTITIES[self.entity]
        for column, privacy in self.personal_data.items():
            if privacy == "drop" and column in entity.required_columns:
                raise ValueError(f"personal_data: '{column}' is required of {self.entity}; hash it instead")
            if privacy == "hash" and entity.columns.get(column, "text") != "text":
                raise ValueError(f"personal_data: '{column}' is a {entity.columns[column]}; drop it instead")
        return self

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise ValueError(f"'{encoding}' is no encoding; give a name such as cp1252 or utf-16-le") from None
        return encoding


class Source(Strict):
    """One CRM (or spreadsheet): a folder of the landing zone, and how to read what lies in it."""

    name: str = Field(description="That of its folder in landing; small letters, digits and _.")
    vendor: str | None = Field(None, description="The CRM whose preset of feeds and stages it takes.")
    timezone: Timezone = Field("UTC", description="Of times in its files that carry no offset.")
    currency: Currency | None = Field(None, description="Of amounts that name none; else the reporting currency.")
    deliveries: Deliveries = Field(
        "full", description="Whether a file is the whole list (what it lacks was deleted) or what changed."
    )
    extracted_at: datetime | None = Field(None, description="When its files were exported, if their names do not say.")
    date_formats: list[DateFormat] = Field(
        default_factory=list, description="strptime formats; ISO 8601 is always read."
    )
    null_values: list[str] = Field(default_factory=list, description="Whole cells that say nothing, such as n/a.")
    id_separator: str | None = Field(None, min_length=1, description="Between several ids in one cell.")
    decimal_separator: DecimalSeparator | None = Field(None, description="Of amounts; else proved by their values.")
    report_tail: Names = Field(
        default_factory=list, description="Patterns of the first cell of the rows that a report ends with: no records."
    )
    after_close: AfterClose = Field(
        "reopen", description="What an open stage after a close means: it was opened again, or the first close counts."
    )
    pipelines: list[Pipeline] = Field(default_factory=list, description="Its pipelines and their stages, in order.")
    feeds: dict[str, Feed] = Field(description="Which of its files hold what, by a name of your own.")

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"'{name}': a source is named with small letters, digits and _, as its folder is")
        return name

    @field_validator("feeds")
    @classmethod
    def _feeds_are_named_as_folders(cls, feeds: dict[str, Feed]) -> dict[str, Feed]:
        for name in feeds:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"'{name}': a feed is named with small letters, digits and _, as its folder in the lake is"
                )
        return feeds

    @model_validator(mode="after")
    def _names_are_used_once(self) -> Source:
        names = [pipeline.name.casefold() for pipeline in self.pipelines]
        if len(names) != len(set(names)):
            raise ValueError("two pipelines have one name")
        return self

    @property
    def has_history_feed(self) -> bool:
        """Whether a change log or versions tell of deals, so that a deal's row needs no stage."""
        return any(feed.entity in ("deal_changes", "deal_versions") for feed in self.feeds.values())


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


class Goal(Strict):
    """What a team wants of a pipeline, or of one of its stages, in some months."""

    month: str = Field("every", description="`2025-12`, a range such as `2025-10..2025-12`, or `every`.")
    source: str = Field(description="The source's name.")
    pipeline: str = Field("default", description="The pipeline's name.")
    stage: str | None = Field(None, description="Of a goal for one open stage.")
    goal: Literal[get_args(PipelineGoal) + get_args(StageGoal)] = Field(  # type: ignore[valid-type]
        description="The metric it is a goal of; the last five are of a stage."
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

    @model_validator(mode="after")
    def _is_a_goal_of_its_level(self) -> Goal:
        level, other = (StageGoal, "pipeline") if self.stage is not None else (PipelineGoal, "stage")
        if self.goal not in get_args(level):
            raise ValueError(f"'{self.goal}' is a goal of a {other}; allowed here: {', '.join(get_args(level))}")
        if self.goal.endswith("_rate") and self.target > 1:
            raise ValueError(f"target {self.target:g} of {self.goal}: a rate is a share, 0.3 is 30 %")
        return self

    @property
    def first_month(self) -> date | None:
        """The first day of the first month it is for; None: of any."""
        return None if self.month == "every" else date.fromisoformat(f"{self.month[:7]}-01")

    @property
    def last_month(self) -> date | None:
        """The first day of the last month it is for; None: of any."""
        return None if self.month == "every" else date.fromisoformat(f"{self.month[-7:]}-01")


class Configuration(Strict):
    """The whole of `pipeline.yml`."""

    timezone: Timezone = Field(description="Dates, days and months are those of this timezone.")
    currency: Currency = Field(description="The reporting currency.")
    as_of: datetime | None = Field(None, description="The moment of the run; AS_OF overrides it; else now.")
    landing_dir: Path = Field(
        Path("landing"), description="Where the files lie, each source's in a folder of its name."
    )
    warehouse_dir: Path | None = Field(None, description="Where everything is written; else warehouse/.")
    history_starts_on: str = Field(
        "2000-01-01", pattern=r"^\d{4}-\d{2}-\d{2}$", description="Dates before this day are taken for errors."
    )
    gross_margin: float | None = Field(
        None, ge=0, le=1, description="Share of revenue left after the cost of delivering it; `clv` needs it."
    )
    schedule: Schedule = Field(Schedule(), description="When `dealtrail daemon` starts the nightly job.")
    thresholds: Thresholds = Field(Thresholds(), description="Limits of the hygiene rules, for everybody.")
    rules: dict[str, Rule] = Field(default_factory=dict, description="Hygiene rules by id, your own among them.")
    notifications: Notifications = Field(Notifications(), description="What the webhook is told of.")
    sources: list[Source] = Field(min_length=1, description="The CRMs and sheets to read.")
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

    @property
    def zone(self) -> ZoneInfo:
        """The reporting timezone."""
        return ZoneInfo(self.timezone)


CANONICAL_STAGES: tuple[str, ...] = get_args(CanonicalStage)
