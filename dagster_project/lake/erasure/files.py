"""The lake without a record: rows, rejects, the records of deliveries, those of violations and scores, and what was
published."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.models import Configuration
from dagster_project.lake.erasure.namesakes import apart
from dagster_project.lake.erasure.person import Person, unfinished
from dagster_project.lake.erasure.rows import Changed, forget_in_file, forgotten_rows, open_with, write_anew
from dagster_project.lake.erasure.texts import Texts
from dagster_project.lake.manifest import (
    LAKE_FORMAT,
    FileRecord,
    data_files,
    is_of_rejects,
    read_records,
    replace_records,
    with_forgotten,
)

#: Columns of a record of violations that say what was found; the others say when.
_WORDS = ("record_key", "observed", "allowed", "message")


@dataclass
class Blanked:
    """What was changed in the lake."""

    files: int = 0
    changed: Changed = field(default_factory=Changed)
    rejects: int = 0
    violations: int = 0


def finish_what_was_cut_off(lake_dir: Path, config: Configuration) -> bool:
    """Blanks records whose forgetting was begun and not finished; whether there was any.

    A night does so before it reads the lake: half of a record must not count.
    """
    people = unfinished(lake_dir)
    for person in people:
        apart(forget_in_lake, lake_dir, config, person)
    return bool(people)


def forget_in_lake(lake_dir: Path, config: Configuration, person: Person) -> Blanked:
    """Takes a record out of every file of the lake; again after a kill it changes what is left."""
    done = Blanked()
    subject = person.subject(config)
    for path in lake_dir.rglob("*.unfinished"):
        path.unlink()  # of a killed run or command; holding the lock, there is no other
    with duckdb.connect() as connection:
        for entity in ENTITIES:
            for path in data_files(lake_dir, entity):
                changed = forget_in_file(path, entity, subject, lake_dir)
                done.changed += changed
                done.files += bool(changed)
            for path in sorted(lake_dir.glob(f"{entity}/{person.source}/*/*.parquet")):
                if is_of_rejects(path):
                    rows = _forget_in_rejects(path, person, lake_dir)
                    done.rejects += rows
                    done.files += bool(rows)
        replace_records(lake_dir, _changed_records(connection, lake_dir, person.texts))
        for what in ("violations", "scores"):
            for path in sorted((lake_dir / what).glob("*.parquet")):
                rows = _forget_in_findings(connection, path, person, lake_dir)
                done.violations += rows
                done.files += bool(rows)
        for path in sorted((lake_dir / "published").glob("*.parquet")):
            done.files += bool(_forget_in_publication(path, person, lake_dir))
    return done


def _changed_records(connection: duckdb.DuckDBPyConnection, lake_dir: Path, texts: Texts) -> list[FileRecord]:
    """The records of deliveries whose counts or notes are no longer right."""
    records = read_records(lake_dir)
    paths = sorted({record.path(lake_dir, "parquet") for record in records if record.state == "loaded"})
    forgotten = forgotten_rows(connection, [path for path in paths if path.exists()])
    changed = []
    for record in records:
        anew = replace(
            record,
            message=texts.replaced(record.message),
            headings=list(map(texts.replaced, record.headings)),
            outranked=list(map(texts.replaced, record.outranked)),
            unmapped=list(map(texts.replaced, record.unmapped)),
        )
        if record.state == "loaded":
            anew = with_forgotten(anew, forgotten.get((record.path(lake_dir, "parquet"), record.file_id), 0))
        if anew != record:
            # a Dealtrail that knows nothing of forgotten rows would take them for empty ones: it refuses this format
            changed.append(replace(anew, lake_format=LAKE_FORMAT))
    return changed


def _forget_in_rejects(path: Path, person: Person, lake_dir: Path) -> int:
    """Blanks the text of rejected rows that name the person; file, row and reason stay."""
    known = Texts(person.linked | person.ids)
    return _rewritten(
        path,
        {"value": "case when not mentioned(value) then value end", "reason": "in_text(reason)"},
        "mentioned(value) or mentioned(reason)",
        known,
        lake_dir,
    )


def _forget_in_findings(connection: duckdb.DuckDBPyConnection, path: Path, person: Person, lake_dir: Path) -> int:
    """Takes the record's own violations out of what a night found, and its name out of others'."""
    columns = [row[0] for row in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
    when = ("as_of", "run_id", "seen_on")
    own = _own_findings(person) if "record_key" in columns else "false"
    owner = f"owner_key in ({', '.join(map(sql.text, person.keys))})" if person.entity == "owners" else "false"
    renamed = " ".join(f"when {sql.text(key)} then {sql.text(to)}" for key, to in person.keys.items())
    values = {}
    for column in columns:
        if column in when:
            continue
        said = column
        if column == "owner_key" and person.entity == "owners":
            said = f"case owner_key {renamed} else owner_key end"
        elif column in _WORDS:
            said = f"in_text({column})"
        # a finding without a rule is none: it only says that there was a night
        values[column] = f"case when not ({own}) then {said} end" if own != "false" else said
    mentioned = " or ".join(f"coalesce(mentioned({column}), false)" for column in _WORDS if column in columns)
    return _rewritten(
        path,
        values,
        f"({own}) or coalesce({owner}, false) or {mentioned or 'false'}",
        person.texts,
        lake_dir,
        "compression zstd",
    )


def _forget_in_publication(path: Path, person: Person, lake_dir: Path) -> int:
    """Takes what a night counted of the record out of its publication, and its name out of that of others.

    The cells stay: what they were is what was published.
    """
    keys = ", ".join(map(sql.text, person.keys))
    own = f"coalesce(entity = {sql.text(person.entity)} and record_key in ({keys}), false)"
    renamed = " ".join(f"when {sql.text(key)} then {sql.text(to)}" for key, to in person.keys.items())
    named = ("record_key", "owner_key", "account_key", "grain_value", "before", "now")
    values = {column: f"case {column} {renamed} else {column} end" for column in named}
    found = [f"coalesce({column} in ({keys}), false)" for column in named]
    for column in ("record_key", "lead_source", "segment", "grain_value"):
        needles = [f"contains(lower({column}), {sql.text(needle)})" for needle in person.texts.needles]
        said = " or ".join(needles) or "false"
        values[column] = f"case when {said} then in_text({column}) else {values.get(column, column)} end"
        found.append(f"coalesce({said}, false)")
    with duckdb.connect() as connection:
        columns = [row[0] for row in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
    blanked = {column: f"case when not {own} then {values.get(column, column)} end" for column in columns}
    return _rewritten(path, blanked, f"{own} or {' or '.join(found)}", person.texts, lake_dir, "compression zstd")


def _own_findings(person: Person) -> str:
    """Whether a finding is about the record itself."""
    entities = [person.entity, *(HISTORY_ENTITIES if person.entity == "deals" else ())]
    listed = ", ".join(map(sql.text, entities))
    about = [f"(entity = {sql.text(person.entity)} and record_key in ({', '.join(map(sql.text, person.keys))}))"]
    about += [
        f"(entity in ({listed}) and starts_with(record_key, {sql.text(f'{person.source}:{entity}:{value}:')}))"
        for entity in entities
        for value in person.ids
    ]
    if person.entity == "deals":
        about.append("(entity = 'transitions' and mentioned(message))")
    return f"coalesce({' or '.join(about)}, false)"


def _rewritten(
    path: Path, values: dict[str, str], condition: str, texts: Texts, lake_dir: Path, options: str = ""
) -> int:
    """Writes a small file anew with other values in these columns, if a row meets the condition; how many do."""
    with open_with(path, {"in_text": texts.replaced, "mentioned": texts.mentioned}) as connection:
        row = connection.execute(f"select count(*) from read_parquet(?) where {condition}", [str(path)]).fetchone()
        if not row or not row[0]:
            return 0
        anew = ", ".join(f"{value} as {column}" for column, value in values.items())
        write_anew(connection, f"select * replace ({anew}) from read_parquet(?)", path, lake_dir, options)
        return int(row[0])
