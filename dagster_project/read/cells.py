"""SQL for one cell as its program meant it: without Excel's wrapping, and NULL where it says nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import duckdb

from dagster_project.errors import RefusedFileError
from dagster_project.read.survey import OTHER_QUOTES
from dagster_project.sql import text

#: Sorts behind every digit and sign, before every letter.
_BEHIND_DIGITS = ":"
#: What an error of DuckDB's begins with that this module raises in the middle of a query.
_LOST_DIGITS = "an id whose digits are lost: "
_HEADINGS = "a heading in the place of an id: "
_SCIENTIFIC = r"^[+-]?[0-9]+([.,][0-9]+)?[eE]\+[0-9]+$"
#: An apostrophe before a number or a formula keeps a spreadsheet from calculating with it.
_QUOTED = r"^['«“„‘‚‹»]([^'«»“”‘’‹›]*)['»”“’›«]?$"
_GUARDED = r"^'([=+@-].*|[0-9][0-9.,:/ T-]*)$"


class HeadingsAgainError(Exception):
    """Headings stand among the rows."""


@dataclass(frozen=True)
class CellRules:
    """How the cells of one file are cleaned."""

    #: What stands for nothing, as whole cells.
    nulls: Sequence[str] = ()
    #: Whether a cell may be wrapped as `="00123"` or `'00123`.
    may_be_wrapped: bool = True
    #: What an id is not: the file's headings, where rows were not looked at one by one.
    headings: Sequence[str] = field(default_factory=tuple)

    def cleaned(self, relation: str, positions: Collection[int], ids: Collection[int]) -> str:
        """A query of the relation with each cell beside it, cleaned, as `cell` names it; `ids` are positions of ids."""
        cells = [(at, False) for at in positions] + [(at, True) for at in ids]
        if not cells:
            return f"select * from {relation}"
        # each step in a select of its own: written into one expression, a cell's text stands in it thirty times
        # an id that is cleaned like any cell has the name of one, and stands there once
        steps = [{self.cell(*cell): f"trim(c{cell[0]})" for cell in cells}]
        if self.may_be_wrapped:
            steps.append({self.cell(*cell): f"trim({_unwrapped(self.cell(*cell), cell[1])})" for cell in cells})
        steps.append({name: self._unless_nothing(name) for name in steps[0]})
        query = f"select *, {_listed(steps[0])} from {relation}"
        for step in steps[1:]:
            query = f"select * replace ({_listed(step)}) from ({query})"
        return query

    def cell(self, position: int, is_id: bool = False) -> str:
        """A cell of `cleaned`, NULL where it is empty or says nothing. An id may be wrapped in another way."""
        return f"{'id' if is_id and self.may_be_wrapped else 'cell'}_{position}"

    def _unless_nothing(self, cell: str) -> str:
        if not self.nulls:
            return f"nullif({cell}, '')"
        return f"case when {cell} not in ({', '.join(map(text, ['', *self.nulls]))}) then {cell} end"


def is_id(column: str) -> bool:
    """Whether a canonical column holds the id of a record."""
    return column.endswith(("_id", "_ids"))


def with_all_digits(value: str) -> str:
    """An id; a query that meets one in scientific notation (1.23E+12), whose digits are lost, fails."""
    is_short = f"contains(lower({value}), 'e+') and regexp_matches({value}, {text(_SCIENTIFIC)})"
    return f"case when {is_short} then error({text(_LOST_DIGITS)} || {value}) else {value} end"


def without_headings(value: str, headings: Sequence[str], typed: Sequence[str]) -> str:
    """An id; a query fails that meets a heading in its place, or no digit in front of any date and amount (`typed`)."""
    is_heading = f"{value} in ({', '.join(text(heading.strip()) for heading in headings)})"
    if len(typed) > 1:
        is_heading += f" or ({' and '.join(f'{cell} >= {text(_BEHIND_DIGITS)}' for cell in typed)})"
    return f"case when {is_heading} then error({text(_HEADINGS)} || {value}) else {value} end"


def explain(error: duckdb.Error, shows_values: bool) -> None:
    """Raises what an error raised by this module means; returns for any other."""
    said = str(error)
    if _HEADINGS in said:
        raise HeadingsAgainError from None
    if _LOST_DIGITS in said:
        example = said.split(_LOST_DIGITS, 1)[1].splitlines()[0]
        shown = f" ({example})" if shows_values else ""
        raise RefusedFileError(
            f"has ids in scientific notation{shown}: a spreadsheet has rounded them, and their digits are lost. Export "
            "the file again and do not save it in a spreadsheet, or format the column as text before"
        ) from None


def _unwrapped(value: str, is_id: bool) -> str:
    formula = f"starts_with({value}, '=\"') and ends_with({value}, '\"') and length({value}) > 2"
    inner = f"replace(substr({value}, 3, length({value}) - 3), '\"\"', '\"')"
    marks = ", ".join(map(text, OTHER_QUOTES))
    if is_id:
        # in other quotes, or behind an apostrophe
        bare = f"coalesce(nullif(regexp_extract({value}, {text(_QUOTED)}, 1), ''), {value})"
    else:
        bare = f"case when regexp_matches({value}, {text(_GUARDED)}) then substr({value}, 2) else {value} end"
    return f"case when {formula} then {inner} when left({value}, 1) in ({marks}) then {bare} else {value} end"


def _listed(step: dict[str, str]) -> str:
    return ", ".join(f"{value} as {name}" for name, value in step.items())
