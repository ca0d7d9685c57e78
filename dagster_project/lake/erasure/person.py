"""Who is to be forgotten: the record under every id it has, and what else names it, found before it is blanked.

What was found stands in `lake/tombstones/unfinished-<pseudonym>.json`, readable by the owner only, until everything is
clean: so that a command that was killed, or could not publish, can be run again although the lake is blank by then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Configuration
from dagster_project.config.salt import SALT
from dagster_project.errors import ConfigurationError
from dagster_project.lake.erasure.rows import FORGETTABLE, Subject, referred_entity, separators
from dagster_project.lake.erasure.texts import Texts, is_distinctive_id, is_distinctive_name, spellings
from dagster_project.lake.erasure.tombstones import read_tombstones, write_privately
from dagster_project.lake.manifest import data_files
from dagster_project.read.pii import hashed

_UNFINISHED = "unfinished-"
#: Whose names and addresses are people's: a value that one of them has too is not the forgotten record's alone.
_PEOPLE = ("leads", "owners")
_LEAST_TEXT = 3


@dataclass(frozen=True)
class Person:
    """A record to be forgotten. Values → pseudonyms: its ids, what means it in any text, and what means it where a row
    names it by id. `shared`: values that other records have too, with one of those."""

    entity: str
    source: str
    pseudonym: str
    ids: dict[str, str]
    everywhere: dict[str, str]
    linked: dict[str, str]
    shared: dict[str, str]
    rows: int

    @property
    def keys(self) -> dict[str, str]:
        """`<source>:<id>`, as every table, message and log writes it."""
        return {f"{self.source}:{value}": f"{self.source}:{pseudonym}" for value, pseudonym in self.ids.items()}

    @property
    def texts(self) -> Texts:
        """What to look for in anything that is no lake row."""
        return Texts(self.everywhere, self.keys)

    @property
    def searched(self) -> Texts:
        """What nothing may hold in the end."""
        return Texts(self.everywhere)

    @property
    def unsearched(self) -> list[str]:
        """Ids that are too short to be looked for in texts: they are replaced where a column or a key holds them."""
        return [value for value in self.ids if value not in self.everywhere]

    def subject(self, config: Configuration) -> Subject:
        """How to forget it in lake files."""
        everywhere, linked = Texts(self.everywhere), Texts(self.linked)
        return Subject(
            self.source,
            {self.entity: self.ids},
            separators(config, self.source),
            linked.replaced,
            everywhere.replaced,
            everywhere.needles,
        )


def unfinished(lake_dir: Path) -> list[Person]:
    """The records whose forgetting was begun, and is not done."""
    paths = sorted((lake_dir / "tombstones").glob(f"{_UNFINISHED}*.json"))
    return [Person(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def done(lake_dir: Path, person: Person) -> None:
    """Removes what was known of a record: it is forgotten."""
    _path(lake_dir, person).unlink(missing_ok=True)


def begin(
    lake_dir: Path, config: Configuration, entity: str, given: str, source: str | None, ahead: bool = False
) -> Person:
    """Finds a record by its id, leaves its tombstones, and notes what else names it.

    Raises ConfigurationError for an entity that has no records of its own, an id that several sources have or, unless
    `ahead`, none has.
    """
    if entity not in FORGETTABLE:
        raise ConfigurationError(f"'{entity}' is nothing to forget; allowed: {', '.join(FORGETTABLE)}")
    _check_source(config, lake_dir, entity, source)
    with duckdb.connect() as connection:
        finder = _Finder(connection, lake_dir, config, entity)
        candidates = [given.strip(), *([hashed(given.strip())] if os.environ.get(SALT) else [])]
        source = _source_of(finder, candidates, given, source, ahead)
        ids = finder.all_ids(source, candidates)
        names, addresses = finder.names(source, ids), finder.addresses(source, ids)
        shared = {value: other for value in [*names, *addresses] if (other := finder.somebody_else(source, ids, value))}
        rows = finder.rows(source, ids)
    aliases = [value for value in [*names, *addresses] if value not in shared] if entity == "owners" else []
    texts = [spelling for name in names for spelling in spellings(name)] + addresses
    texts = [text for text in texts if len(text) >= _LEAST_TEXT]
    pseudonyms = read_tombstones(lake_dir).add(source, {entity: [*ids, *aliases]}, texts)[entity]
    pseudonym = pseudonyms[ids[0]]
    everywhere = {value: pseudonyms[value] for value in ids if is_distinctive_id(value)}
    alone = [name for name in names if name not in shared and is_distinctive_name(name)]
    for value in [*(spelling for name in alone for spelling in spellings(name)), *addresses]:
        if value not in shared:
            everywhere[value] = pseudonym
    linked = everywhere | dict.fromkeys(texts, pseudonym)
    person = Person(entity, source, pseudonym, pseudonyms, everywhere, linked, shared, rows)
    path = _path(lake_dir, person)
    if path.exists():  # begun before: the lake may know less by now
        return Person(**json.loads(path.read_text(encoding="utf-8")))
    write_privately(path, json.dumps(asdict(person), ensure_ascii=False, indent=2))
    return person


def _path(lake_dir: Path, person: Person) -> Path:
    return lake_dir / "tombstones" / f"{_UNFINISHED}{person.pseudonym}.json"


def _check_source(config: Configuration, lake_dir: Path, entity: str, source: str | None) -> None:
    known = sorted({*(one.name for one in config.sources), *(path.name for path in lake_dir.glob(f"{entity}/*"))})
    if source is not None and source not in known:
        raise ConfigurationError(f"--source: there is no source '{source}'; there are {', '.join(known)}")


def _source_of(finder: _Finder, candidates: list[str], given: str, source: str | None, ahead: bool) -> str:
    """The one source that has the id."""
    entity = finder.entity
    found = finder.sources(candidates) if source is None else [source] * finder.is_known(source, candidates)
    if len(found) > 1:
        raise ConfigurationError(
            f"{entity} '{given}': the sources {', '.join(found)} all have such an id; say which by --source"
        )
    if found:
        return found[0]
    if source is not None and ahead:
        return source
    tombstones = read_tombstones(finder.lake_dir)
    sources = [source] if source else sorted({stone.source for stone in tombstones.by_digest.values()})
    forgotten = [one for one in sources if any(tombstones.pseudonym(one, entity, value) for value in candidates)]
    if forgotten:
        return forgotten[0]
    where = f"source {source}" if source else f"sources {', '.join(finder.looked_at()) or 'none'}"
    raise ConfigurationError(
        f"{entity} '{given}': no row of the lake has or names this id ({where}, {len(finder.files(entity))} files of "
        f"{entity} in {finder.lake_dir / entity}). Ids are compared as the CRM writes them. To keep out a record that "
        "never came, name its --source and add --ahead"
    )


class _Finder:
    """Looks for a record in all files of the lake."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, lake_dir: Path, config: Configuration, entity: str
    ) -> None:
        self.connection, self.lake_dir, self.config, self.entity = connection, lake_dir, config, entity
        self._columns: dict[str, set[str]] = {}

    def files(self, entity: str) -> list[str]:
        """The files of an entity's rows."""
        return [str(path) for path in data_files(self.lake_dir, entity)]

    def looked_at(self) -> list[str]:
        """The sources that have files of the entity."""
        return sorted(path.name for path in (self.lake_dir / self.entity).glob("*"))

    def sources(self, ids: list[str]) -> list[str]:
        """The sources with rows under one of the ids; if there are none, those where other rows name one."""
        key = ENTITIES[self.entity].key
        own = self._select(self.entity, [key], f"select distinct _source from rows where {key} in ({_listed(ids)})")
        return sorted({source for (source,) in own} or self._naming(ids))

    def is_known(self, source: str, ids: list[str]) -> bool:
        """Whether a source has one of the ids."""
        key = ENTITIES[self.entity].key
        condition = f"_source = {sql.text(source)} and {key} in ({_listed(ids)})"
        own = self._select(self.entity, [key], f"select 1 from rows where {condition} limit 1")
        return bool(own) or source in self._naming(ids)

    def _naming(self, ids: list[str]) -> set[str]:
        """The sources in which a row of any entity names one of the ids."""
        found: set[str] = set()
        for entity in ENTITIES:
            columns = [c for c in ENTITIES[entity].columns if referred_entity(entity, c) == self.entity]
            for column in columns:
                # cells with several ids are few, and separators differ: split by any
                cells = self._select(
                    entity,
                    [column],
                    f"select distinct _source from rows where {column} in ({_listed(ids)}) or "
                    f"list_has_any(string_split_regex({column}, '[;,|\\s]+'), [{_listed(ids)}])",
                )
                found |= {source for (source,) in cells}
        return found

    def all_ids(self, source: str, candidates: list[str]) -> list[str]:
        """The ids of the record: of a merged one those of all that were merged with it, for they are one person; of
        an owner who was named by name, the id of that name."""
        ids = list(candidates)
        if self.entity == "owners":
            same = self._of_source(
                "owners", ["owner_id", "owner_name"], source, "owner_id", f"owner_name in ({_listed(candidates)})"
            )
            ids += [owner for (owner,) in same if len(same) == 1 and owner not in ids]
        links: dict[str, set[str]] = {}
        key = ENTITIES[self.entity].key
        split = separators(self.config, source)
        for column in ("merged_ids", "merged_into_id"):
            if column not in ENTITIES[self.entity].columns:
                continue
            said = f"{key}, {column}, _feed"
            for one, cell, feed in self._of_source(
                self.entity, [key, column], source, said, f"{column} is not null and {key} is not null"
            ):
                for other in {part.strip() for part in cell.split(split.get(feed, ";"))} - {""}:
                    links.setdefault(one, set()).add(other)
                    links.setdefault(other, set()).add(one)
        for one in ids:  # grows as it goes
            ids += sorted(links.get(one, set()).difference(ids))
        return ids

    def names(self, source: str, ids: list[str]) -> list[str]:
        """What the record was ever called."""
        column, key = ENTITIES[self.entity].name, ENTITIES[self.entity].key
        if not column:
            return []
        own = f"{key} in ({_listed(ids)})"
        found = self._of_source(self.entity, [key, column], source, column, own)
        if self.entity == "deals":
            logged = f"{own} and field = 'deal_name'"
            for value in ("old_value", "new_value"):
                found += self._of_source("deal_changes", [key, "field", value], source, value, logged)
        return sorted({name.strip() for (name,) in found if name and name.strip()})

    def addresses(self, source: str, ids: list[str]) -> list[str]:
        """Its e-mail addresses, or what is stored of them."""
        if "email" not in ENTITIES[self.entity].columns:
            return []
        key = ENTITIES[self.entity].key
        found = self._of_source(self.entity, [key, "email"], source, "email", f"{key} in ({_listed(ids)})")
        return sorted({address.strip() for (address,) in found if address and address.strip()})

    def somebody_else(self, source: str, ids: list[str], value: str) -> str | None:
        """Another record with the same name or address: `<entity> <source>:<id>`."""
        for entity in dict.fromkeys([self.entity, *_PEOPLE]):
            key = ENTITIES[entity].key
            for column in {ENTITIES[entity].name, "email"} & set(ENTITIES[entity].columns):
                not_own = (
                    f"not (_source = {sql.text(source)} and {key} in ({_listed(ids)}))"
                    if entity == self.entity
                    else "true"
                )
                found = self._select(
                    entity,
                    [key, column],
                    f"select _source, {key} from rows where {key} is not null and {not_own} "
                    f"and lower(trim({column})) = lower({sql.text(value)}) order by all limit 1",
                )
                if found:
                    return f"{entity} {found[0][0]}:{found[0][1]}"
        return None

    def rows(self, source: str, ids: list[str]) -> int:
        """How many rows the record has, its log and versions aside."""
        key = ENTITIES[self.entity].key
        ((count,),) = self._of_source(
            self.entity, [key], source, "count(*)", f"{key} in ({_listed(ids)})", distinct=False
        ) or [(0,)]
        return int(count)

    def _of_source(
        self, entity: str, needed: list[str], source: str, said: str, condition: str, distinct: bool = True
    ) -> list[tuple]:
        """A selection from an entity's rows of one source."""
        what = f"select {'distinct ' if distinct else ''}{said} from rows"
        return self._select(entity, needed, f"{what} where _source = {sql.text(source)} and {condition}")

    def _select(self, entity: str, needed: list[str], query: str) -> list[tuple]:
        """A query on `rows`, all lake rows of an entity; of one whose files have not all the columns, nothing."""
        files = self.files(entity)
        if not files:
            return []
        rows = f"rows as (from read_parquet([{_listed(files)}], union_by_name = true))"
        if entity not in self._columns:
            described = self.connection.execute(f"describe with {rows} from rows").fetchall()
            self._columns[entity] = {row[0] for row in described}
        if not self._columns[entity].issuperset(needed):
            return []
        return self.connection.execute(f"with {rows} {query}").fetchall()


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(sql.text, values))
