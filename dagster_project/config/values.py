"""Values that several blocks of the configuration hold, and how each is checked."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from dagster_project.wording import near_name

CanonicalStage = Literal[
    "prospecting", "contact", "qualifying", "demo", "proposal", "closing", "post_sale", "won", "lost"
]
#: What a stage can require of a deal. The first four have rules of their own, the others `missing_required_field`.
DealField = Literal["amount", "expected_close_on", "owner", "account", "deal_name", "lead", "lead_source", "segment"]
Engine = Literal["duckdb", "spark"]
Deliveries = Literal["full", "incremental"]
Privacy = Literal["keep", "drop", "hash"]
DecimalSeparator = Literal[".", ","]
AfterClose = Literal["reopen", "keep_first"]
Severity = Literal["critical", "warning", "info"]
#: What a lead that a later full extract lacks has come to: it was deleted, or left an inbox by becoming a deal.
WhenGone = Literal["deleted", "converted"]
#: Units of the reporting currency for one of the other, or the other way round.
RateMeans = Literal["reporting_per_unit", "units_per_reporting"]


@cache
def _timezones() -> frozenset[str]:
    """The names of all timezones: a walk through the folders of the database, once."""
    return frozenset(available_timezones())


def _known_timezone(name: str) -> str:
    if name not in _timezones():
        near = near_name(name, _timezones())
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


def _deal_url(pattern: str) -> str:
    """An address with a place for a deal's id. Only of web pages: a reader clicks on it."""
    if not re.fullmatch(r"https?://[^\s/{}\"'<>]+/[^\s\"'<>]*", pattern):
        raise ValueError(f"'{pattern}' is no address of a page; write https://, the host and the path")
    if re.findall(r"[{][^}]*[}]?|[}]", pattern) != ["{id}"]:
        raise ValueError(f"'{pattern}': write {{id}} once, where the deal's id belongs, and no other braces")
    return pattern


Timezone = Annotated[str, AfterValidator(_known_timezone)]
#: A limit in whole days, or `auto`: from the history of the stage itself.
Days = Annotated[Annotated[int, Field(ge=0)] | Literal["auto"], BeforeValidator(_days_or_auto)]
Currency = Annotated[str, AfterValidator(_currency_code)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
DealUrl = Annotated[str, AfterValidator(_deal_url)]
Names = Annotated[list[str], BeforeValidator(_one_or_many)]
#: Headings of one column, best first; a list among them is several columns of one value, joined by a space.
Headings = Annotated[list[str | list[str]], BeforeValidator(_one_or_many)]


class Strict(BaseModel):
    """A block of the configuration in which a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


CANONICAL_STAGES: tuple[str, ...] = get_args(CanonicalStage)
