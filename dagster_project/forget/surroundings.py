"""Everything under a warehouse but the lake and the publication: attempts, Dagster's books, logs, the last summary."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from dagster_project.forget.search import mentions
from dagster_project.lake.erasure.texts import Texts

_SQLITE = b"SQLite format 3\0"
_OTHERS = ("lake", "versions", "attempts", "building")
_PATIENCE_SECONDS = 60


def remove_attempts(warehouse_dir: Path, texts: Texts) -> list[str]:
    """Removes what blocked runs left, where it names the person; returns their names."""
    removed = []
    for attempt in sorted((warehouse_dir / "attempts").glob("*")):
        files = [path for path in attempt.rglob("*") if path.is_file()]
        if any(mentions(path, texts) is not None for path in files):
            shutil.rmtree(attempt)
            removed.append(attempt.name)
    return removed


def clean_up(warehouse_dir: Path, texts: Texts) -> list[str]:
    """Puts pseudonyms into Dagster's books, logs, dbt's files and run.json; returns the files it changed."""
    changed = []
    for path in sorted(warehouse_dir.rglob("*")):
        relative = path.relative_to(warehouse_dir)
        if path.is_symlink() or not path.is_file() or relative.parts[0] in _OTHERS:
            continue
        if path.name.endswith(("-wal", "-shm", "-journal")):
            continue  # SQLite's own, beside the file that they are of
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
        if _in_sqlite(path, texts) if is_sqlite else _in_text(path, texts):
            changed.append(str(relative))
    return changed


def _in_text(path: Path, texts: Texts) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    anew = texts.replaced(text)
    if anew == text:
        return False
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(anew, encoding="utf-8")
    shutil.copymode(path, unfinished)
    unfinished.replace(path)
    return True


def _in_sqlite(path: Path, texts: Texts) -> bool:
    """Replaces within every text of a database, and leaves no bytes of the old ones: neither in it nor in its log."""
    changed = 0
    connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
    try:
        connection.create_function("replaced", 1, texts.replaced, deterministic=True)
        connection.create_function("mentioned", 1, texts.mentioned, deterministic=True)
        connection.execute("pragma secure_delete = on")
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for column in [row[1] for row in connection.execute(f'pragma table_info("{table}")')]:
                changed += connection.execute(
                    f'update "{table}" set "{column}" = replaced("{column}") '
                    f'where typeof("{column}") = \'text\' and mentioned("{column}")'
                ).rowcount
        if changed:
            connection.execute("vacuum")
        # also where an earlier command was killed before it
        connection.execute("pragma wal_checkpoint(truncate)")
    finally:
        connection.close()
    return changed > 0
