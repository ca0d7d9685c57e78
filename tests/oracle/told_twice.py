"""One change that a log tells by two rows of one moment, once in names and once in ids (domain.md, History)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .crm import Event

FIELDS = ("owner_id", "pipeline", "account_id")
#: What an id may look like where nobody lists them: no spaces, and a digit somewhere.
ID = re.compile(r"(?=\S*\d)\S+")


def told_once(events: list[Event], is_known: Callable[[str, str], bool]) -> list[Event]:
    """Events of one deal in order, without those that tell in names what another row of the moment tells in ids.

    `is_known`: whether a field has a value as an id, elsewhere in what the CRM delivers.
    """
    kept = []
    for (_, field, _), group in groupby(events, key=lambda one: (one.at, one.field, one.feed.name)):
        told = list(group)
        if field not in FIELDS or len(told) < 2:
            kept += told
            continue
        by_ids = [one for one in told if _is_by_id(one, is_known)]
        by_names = [one for one in told if one not in by_ids]
        kept += by_ids if len(by_ids) == len(by_names) and not _go_on(by_ids, by_names) else told
    return kept


def _is_by_id(event: Event, is_known: Callable[[str, str], bool]) -> bool:
    if event.kind:
        return event.kind == "id"
    values = [value for value in (event.old, event.new) if value]
    known = [is_known(event.field, value) for value in values]
    return any(known) or (bool(values) and all(ID.fullmatch(value) for value in values))


def _go_on(some: list[Event], others: list[Event]) -> bool:
    """Whether one of these begins with what one of those ended with, or the other way: then they are changes apart."""
    pairs = [*product(some, others), *product(others, some)]
    return any(one.new and one.new == other.old for one, other in pairs)
