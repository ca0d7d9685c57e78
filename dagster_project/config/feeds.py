"""What a source delivers: feeds of files, and how their columns are read."""

from __future__ import annotations

import codecs
import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES, Kind
from dagster_project.config.fields import ENTITIES_WITH_FIELDS, CustomField, FieldKind, FieldName, kinds_of
from dagster_project.config.pipelines import Pipeline
from dagster_project.config.tables import TableOrName, check_connection_name
from dagster_project.config.values import (
    AfterClose,
    Currency,
    DateFormat,
    DealUrl,
    DecimalSeparator,
    Deliveries,
    Headings,
    Names,
    Privacy,
    RateMeans,
    Strict,
    Timezone,
    WhenGone,
)

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
    """One mapping entry: which files, or which table, hold which entity, and what their headings mean."""

    entity: Literal[tuple(ENTITIES)] = Field(description="What a row of its files is.")  # type: ignore[valid-type]
    files: Names = Field(
        default_factory=list,
        description="File name patterns; `.gz`, `.zst`, `.zip` need not be written, `.csv` stands for every format.",
    )
    table: TableOrName | None = Field(
        None, description="Instead of files: a table of the source's `connection`, of which a night takes a snapshot."
    )
    files_on_request: Names = Field(
        default_factory=list, description="Patterns of files that are taken only if they are added to `files`."
    )
    columns: dict[str, Headings] = Field(
        description="Canonical column → headings, best first; a list among them is joined by a space, * is any text."
    )
    fields: dict[FieldName, CustomField] = Field(
        default_factory=dict,
        description="Columns of your CRM that are not canonical: name of your own → headings and kind.",
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
    _logged_privacy: dict[str, Privacy] = PrivateAttr(default_factory=dict)
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

    @property
    def mapped(self) -> dict[str, list[str | list[str]]]:
        """Everything that is read from a file: column or field → its headings, best first."""
        return {**self.columns, **{name: field.headings for name, field in self.fields.items()}}

    @property
    def field_kinds(self) -> dict[str, FieldKind]:
        """Its fields → kind."""
        return {name: field.kind for name, field in self.fields.items()}

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column or field of its rows in the lake → kind."""
        return kinds_of(self.entity, self.field_kinds)

    @property
    def logged_privacy(self) -> dict[str, Privacy]:
        """Of a change log: what it may call a field that the source's rows drop or hash, in small letters → which."""
        return self._logged_privacy

    def guard_logged(self, privacy: dict[str, Privacy]) -> None:
        """Has a change log drop or hash what it says of these fields."""
        self._logged_privacy = dict(privacy)

    @model_validator(mode="after")
    def _fields_are_new(self) -> Feed:
        if self.fields and self.entity not in ENTITIES_WITH_FIELDS:
            raise ValueError(f"fields: {self.entity} have none; only {', '.join(ENTITIES_WITH_FIELDS)} have")
        for name in self.fields:
            if name in ENTITIES[self.entity].columns:
                raise ValueError(
                    f"fields.{name}: is a canonical column of {self.entity}; map it under columns, or give the field "
                    f"another name, such as crm_{name}"
                )
            if name in self.columns:
                raise ValueError(f"fields.{name}: stands in columns as well; give the field another name")
        return self

    @model_validator(mode="after")
    def _reads_files_or_a_table(self) -> Feed:
        if bool(self.files) == (self.table is not None):
            raise ValueError("say what it reads: `files`, patterns of file names, or `table`, such as crm.deal")
        return self

    @model_validator(mode="after")
    def _references_name_columns(self) -> Feed:
        given = {*self.mapped, *self.constants, *self.references}
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
        known = set(self.kinds) | others
        for part in ("columns", "constants", "empty_means", "values", "days", "references", "personal_data"):
            for column in getattr(self, part):
                if column not in known:
                    raise ValueError(
                        f"'{column}' in {part} is no column of {self.entity}; allowed: " + ", ".join(self.kinds)
                    )
        return self

    @model_validator(mode="after")
    def _looked_up_columns_name_records(self) -> Feed:
        allowed = [name for name, column in ENTITIES[self.entity].described.items() if column.looked_up_in]
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
        for column, synonyms in self.mapped.items():
            for heading in (part for one in synonyms for part in (one if isinstance(one, list) else [one])):
                if "*" in heading and not re.search(r"[^\W_]", heading):
                    block = "fields" if column in self.fields else "columns"
                    raise ValueError(f"{block}.{column}: '{heading}' would be any heading; write what it has beside *")
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
            if privacy == "hash" and self.kinds.get(column, "text") != "text":
                raise ValueError(f"personal_data: '{column}' is a {self.kinds[column]}; drop it instead")
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
    deal_url: DealUrl | None = Field(
        None, description="A deal's page in the CRM, `{id}` where its id belongs; the report links there."
    )
    connection: str | None = Field(None, description="Where the tables of its feeds are, one of `connections`.")
    tables_in: str | None = Field(None, description="The schema of its tables, where a feed names none.")
    pipelines: list[Pipeline] = Field(default_factory=list, description="Its pipelines and their stages, in order.")
    feeds: dict[str, Feed] = Field(description="Which of its files hold what, by a name of your own.")

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"'{name}': a source is named with small letters, digits and _, as its folder is")
        return name

    @field_validator("connection")
    @classmethod
    def _connection_is_a_name(cls, name: str | None) -> str | None:
        return name if name is None else check_connection_name(name)

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

    @model_validator(mode="after")
    def _tables_are_somewhere(self) -> Source:
        named = [name for name, feed in self.feeds.items() if feed.table is not None]
        if named and self.connection is None:
            raise ValueError(
                f"its feed '{named[0]}' reads a table: say in which `connection`, one of the `connections` of this file"
            )
        return self

    @model_validator(mode="after")
    def _logs_guard_what_rows_guard(self) -> Source:
        guarded: dict[str, Privacy] = {}
        for feed in self.feeds.values():
            for name, field in feed.fields.items() if feed.entity == "deals" else ():
                privacy = feed.personal_data.get(name, "keep")
                headings = [part for one in field.headings for part in (one if isinstance(one, list) else [one])]
                for called in (name.lower(), *map(str.lower, headings)):
                    if privacy != "keep" and guarded.get(called) != "drop":
                        guarded[called] = privacy
        for feed in self.feeds.values():
            if feed.entity == "deal_changes":
                feed.guard_logged(guarded)
        return self

    @property
    def reads_tables(self) -> bool:
        """Whether a feed reads a table."""
        return any(feed.table is not None for feed in self.feeds.values())

    @property
    def reads_files(self) -> bool:
        """Whether a feed reads files, so that the source needs a folder in landing."""
        return any(feed.files for feed in self.feeds.values())

    def fields_of(self, entity: str) -> dict[str, FieldKind]:
        """The fields that its feeds give records of an entity, with their kinds."""
        feeds = [feed for feed in self.feeds.values() if feed.entity == entity]
        return {name: kind for feed in feeds for name, kind in feed.field_kinds.items()}

    @property
    def has_history_feed(self) -> bool:
        """Whether a change log or versions tell of deals, so that a deal's row needs no stage."""
        return any(feed.entity in HISTORY_ENTITIES for feed in self.feeds.values())
