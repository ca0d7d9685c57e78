"""What each shape can carry of a field that the configuration adds, worked out from the life itself."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.properties.lives import EXTRACTS, Life
from tests.properties.tellings import OWN_CELLS, OWN_TEXTS, Telling, log_of, own_cell

Text = str | None


@dataclass(frozen=True)
class Changed:
    """The field of a deal has another value than before."""

    at: datetime
    old: Text
    new: Text
    evidence: str


@dataclass(frozen=True)
class Word:
    """What a witness says that the field holds from a moment on; `old` is what a log says it held before."""

    at: datetime
    evidence: str
    value: Text
    old: Text = None


@dataclass
class Followed:
    """The field of one deal: what it holds now, and its changes in order."""

    now: Text
    changes: list[Changed]


def expected(telling: Telling, life: Life) -> Followed:
    """What is to be published of the field of a deal: the shapes that speak of it are the log and full extracts."""
    logged = _logged(telling, life)
    shown = _shown(telling, life)
    seen = [word for word in shown if not logged or word.at < logged[0].at]
    words = (seen if "observed" in telling.shapes and any(word.value is not None for word in shown) else []) + logged
    if words and shown and words[-1].at <= shown[-1].at and _rows_have_it(telling):
        words.append(shown[-1])
    now = shown[-1].value if shown else logged[-1].value if logged else None
    return Followed(now, _changes(words))


def _logged(telling: Telling, life: Life) -> list[Word]:
    """Every change since the log began, with the value before where it names one."""
    if "logged" not in telling.shapes:
        return []
    kind = telling.own_kind
    rows = [row for row in log_of(telling.world, life, kind) if row.field == f"own_{kind}"]
    return [Word(row.at, "logged", _text(kind, row.new), _text(kind, row.old)) for row in rows]


def _shown(telling: Telling, life: Life) -> list[Word]:
    """What the rows of the extracts show, one after the other; the last is the deal's row."""
    return [Word(EXTRACTS[one], "observed", _text(telling.own_kind, cell)) for one, cell in _cells(telling, life)]


def _cells(telling: Telling, life: Life) -> list[tuple[int, str]]:
    """Extract → what its row of the deal says."""
    found = []
    for extract in range(len(EXTRACTS)) if telling.has_rows else ():
        step = life.at(EXTRACTS[extract])
        if step is not None and life.is_in(extract):
            found.append((extract, own_cell(telling.own_kind, life, step)))
    return found


def _rows_have_it(telling: Telling) -> bool:
    """Whether any row of the source has anything in the column."""
    return any(cell for life in telling.world.lives for _, cell in _cells(telling, life))


def _changes(words: list[Word]) -> list[Changed]:
    """Where a word differs from the one before; a log's very first word from what it calls the old value."""
    begun = [word for word in words[:1] if word.evidence == "logged" and word.value != word.old]
    found = [Changed(word.at, word.old, word.value, word.evidence) for word in begun]
    return found + [
        Changed(after.at, before.value, after.value, after.evidence)
        for before, after in pairwise(words)
        if before.value != after.value
    ]


def _text(kind: str, cell: str) -> Text:
    return OWN_TEXTS[kind][OWN_CELLS[kind].index(cell)]


def followed_by(deals: Iterable[dict[str, Any]], changes: Iterable[dict[str, Any]]) -> dict[str, Followed]:
    """Deal → its field as published, of rows like those of `fct_deals` and `fct_deal_changes`."""
    by_deal: dict[str, list[Changed]] = defaultdict(list)
    for row in sorted(changes, key=lambda row: row["changed_at"]):
        if row["field"].startswith("own_"):
            said = Changed(row["changed_at"], row["old_value"], row["new_value"], row["evidence"])
            by_deal[row["deal_key"]].append(said)
    return {row["deal_key"]: Followed(_only_value(row["fields"]), by_deal[row["deal_key"]]) for row in deals}


def _only_value(fields: str | None) -> Text:
    """The value of the one field in the JSON object, as it stands there."""
    said = list(json.loads(fields, parse_float=str, parse_int=str).values()) if fields else []
    assert len(said) <= 1, fields
    return str(said[0]).lower() if said and isinstance(said[0], bool) else said[0] if said else None


def followed_otherwise(tellings: list[Telling], followed: dict[str, Followed]) -> list[str]:
    """The deals whose field is not what their telling can carry; a log alone has no feed that could name a field."""
    lines = []
    named = {telling.own_kind for telling in tellings if telling.has_rows}
    for telling in (one for one in tellings if one.own_kind):
        for life in telling.world.lives:
            key = f"{telling.name}:{life.id}"
            wanted = expected(telling, life) if telling.own_kind in named else Followed(None, [])
            found = followed.get(key)
            if found is None:
                lines += [f"{key} is not published"] * bool(_cells(telling, life))
            elif found != wanted:
                lines.append(f"{key}, own_{telling.own_kind}: {found}, expected {wanted}")
    return lines
