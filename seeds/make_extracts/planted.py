"""The list of what is planted; its keys are known only once ids are given and files are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from seeds.make_extracts.business import Activity, Deal, Lead, Owner, Record
from seeds.make_extracts.clock import extract_time
from seeds.make_extracts.delivery import Extract
from seeds.make_extracts.worlds import BUSINESSES

ZONES = {business.name: business.zone for business in BUSINESSES}

_ENTITY: dict[type[Record], str] = {Deal: "deals", Lead: "leads", Activity: "activities", Owner: "owners"}


@dataclass
class Planted:
    """(rule, source, key) of every violation, and (source, file, row) of every row no parser can take."""

    _violations: list[tuple[str, str, Callable[[], str]]] = field(default_factory=list)
    _rejects: list[tuple[Extract, list[str]]] = field(default_factory=list)

    def record(self, rule: str, source: str, record: Record) -> None:
        """A record as a whole: `<source>:<id>`."""
        self._violations.append((rule, source, lambda: f"{source}:{record.id}"))

    def cell(self, source: str, record: Record, column: str) -> None:
        """A cell that cannot be read: `<source>:<entity>:<id>:<column>`."""
        entity = _ENTITY[type(record)]
        self._violations.append(("unparseable_value", source, lambda: f"{source}:{entity}:{record.id}:{column}"))

    def duplicate(self, extract: Extract, record_id: str, id_column: str) -> None:
        """An id that stands twice in the newest delivery."""
        key = f"{extract.source}:{extract.entity}:{record_id}:{id_column}"
        self._violations.append(("duplicate_key", extract.source, lambda: key))

    def nameless_row(self, extract: Extract, row: list[str]) -> None:
        """A row without id: `<sha256 of the file>:<row number>`, both final only when the file is."""
        source = extract.source
        self._violations.append(("missing_key", source, lambda: f"{extract.sha256()}:{extract.row_number(row)}"))

    def refused(self, extract: Extract) -> None:
        """A delivery that cannot be taken."""
        self.delivery("delivery_refused", extract)

    def delivery(self, rule: str, extract: Extract) -> None:
        """What a whole delivery breaks: `<source>:<feed>:<extract time in UTC>`."""
        moment = extract_time(extract.day, ZONES[extract.source])
        key = f"{extract.source}:{extract.feed}:{moment:%Y-%m-%dT%H:%M:%SZ}"
        self._violations.append((rule, extract.source, lambda: key))

    def ragged_row(self, extract: Extract, row: list[str]) -> None:
        """A row with too few or too many cells."""
        self._rejects.append((extract, row))

    def violations(self) -> list[tuple[str, str, str]]:
        """(rule, source, record_key), sorted."""
        return sorted((rule, source, key()) for rule, source, key in self._violations)

    def rejects(self) -> list[tuple[str, str, str]]:
        """(source, file, row_number), sorted; the file is named relative to its source's folder."""
        rows = [
            (extract.source, extract.path.split("/", 1)[1], extract.row_number(row)) for extract, row in self._rejects
        ]
        return [(source, file, str(number)) for source, file, number in sorted(rows)]
