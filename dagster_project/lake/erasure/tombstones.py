"""Who was forgotten, without saying who: keyed hashes, by which later deliveries' rows are known again.

    lake/tombstones/<pseudonym>.json     the hashes of one record
                    key                  made once, for tombstones that were set without a salt

The key is DEALTRAIL_SALT where it is set: then a copy of the lake alone tells nobody whether an id was forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from dagster_project.config.salt import SALT
from dagster_project.errors import ConfigurationError
from dagster_project.lake import inventory

FORGOTTEN = "forgotten-"
#: What stands for a piece of text (a name, an e-mail address) instead of an entity.
_TEXT = "text"
_PRIVATE = 0o600
_KEY_OF_LAKE = "lake"
_WORD = re.compile(r"\S+")
_PUNCTUATION = " .,;:!?()[]{}<>\"'`*_/|"


@dataclass(frozen=True)
class Tombstone:
    """One value that names a forgotten record: an id, or (entity `text`) some words of a text."""

    source: str
    entity: str
    digest: str
    key: str
    pseudonym: str
    words: int = 1


@dataclass(frozen=True)
class Tombstones:
    """All tombstones of a lake, and the keys they were made with."""

    lake_dir: Path
    keys: dict[str, bytes]
    by_digest: dict[str, Tombstone]

    def entities(self, source: str) -> set[str]:
        """The entities of a source that have forgotten records."""
        return {stone.entity for stone in self.by_digest.values() if stone.source == source} - {_TEXT}

    def pseudonym(self, source: str, entity: str, value: str) -> str | None:
        """What stands for a value of a forgotten record; None if it is not one."""
        for key in self.keys.values():
            stone = self.by_digest.get(_digest(key, source, entity, value))
            if stone is not None:
                return stone.pseudonym
        return None

    def in_text(self, source: str, text: str) -> str:
        """A text without what it says of forgotten records: their names and e-mail addresses, word by word."""
        lengths = {stone.words for stone in self.by_digest.values() if (stone.source, stone.entity) == (source, _TEXT)}
        for length in sorted(lengths, reverse=True):
            words = list(_WORD.finditer(text))
            for first in range(len(words) - length, -1, -1):
                said = text[words[first].start() : words[first + length - 1].end()]
                core = said.strip(_PUNCTUATION)
                found = self.pseudonym(source, _TEXT, _normalised(core)) if core else None
                if found:
                    at = words[first].start() + said.index(core)
                    text = text[:at] + found + text[at + len(core) :]
        return text

    def names_somebody(self, source: str, text: str) -> bool:
        """Whether a text of unknown make-up, such as a rejected row, holds an id, a name or an address of somebody."""
        cells = [cell.strip().strip(_PUNCTUATION) for cell in re.split(r"[\s,;|]+", text)]
        entities = self.entities(source)
        return self.in_text(source, re.sub(r"[,;|\t]", " ", text)) != re.sub(r"[,;|\t]", " ", text) or any(
            self.pseudonym(source, entity, cell) for cell in cells if cell for entity in entities
        )

    def add(self, source: str, ids: Mapping[str, list[str]], texts: list[str]) -> dict[str, dict[str, str]]:
        """Leaves tombstones for a record: its ids by entity, and words that name it. Entity → id → pseudonym."""
        name, key = self._key()
        made: dict[str, dict[str, str]] = {}
        stones: list[Tombstone] = []
        first = ""
        for entity, values in ids.items():
            for value in values:
                digest = _digest(key, source, entity, value)
                pseudonym = self.pseudonym(source, entity, value) or FORGOTTEN + digest[:16]
                first = first or pseudonym
                made.setdefault(entity, {})[value] = pseudonym
                if not self.pseudonym(source, entity, value):
                    stones.append(Tombstone(source, entity, digest, name, pseudonym))
        for text in texts:
            if not self.pseudonym(source, _TEXT, _normalised(text)):
                digest = _digest(key, source, _TEXT, _normalised(text))
                stones.append(Tombstone(source, _TEXT, digest, name, first, len(text.split())))
        if stones:
            folder = self.lake_dir / "tombstones"
            taken = [*folder.glob(f"{first}*.json")]
            path = folder / f"{first}{f'-{len(taken)}' if taken else ''}.json"
            inventory.place_text(
                path, json.dumps([asdict(stone) for stone in stones], indent=2), self.lake_dir, _PRIVATE
            )
        return made

    def _key(self) -> tuple[str, bytes]:
        """The key for new tombstones, with its name."""
        salt = os.environ.get(SALT)
        if salt:
            return _name_of_salt(salt), salt.encode()
        path = self.lake_dir / "tombstones" / "key"
        if not path.exists():
            inventory.place_text(path, secrets.token_hex(32), self.lake_dir, _PRIVATE)
        return _KEY_OF_LAKE, path.read_text().encode()


def read_tombstones(lake_dir: Path, environ: Mapping[str, str] | None = None) -> Tombstones:
    """The tombstones of a lake. Raises ConfigurationError where the salt they were made with is not there."""
    stones = [
        Tombstone(**stone)
        for path in sorted((lake_dir / "tombstones").glob(f"{FORGOTTEN}*.json"))
        for stone in json.loads(path.read_text(encoding="utf-8"))
    ]
    salt = (os.environ if environ is None else environ).get(SALT)
    keys: dict[str, bytes] = {}
    for name in sorted({stone.key for stone in stones}):
        if name == _KEY_OF_LAKE:
            path = lake_dir / "tombstones" / "key"
            if not path.exists():
                raise ConfigurationError(
                    f"{path} is missing: without it forgotten records would come back. Restore it with the lake"
                )
            keys[name] = path.read_text().encode()
        elif salt and _name_of_salt(salt) == name:
            keys[name] = salt.encode()
        else:
            raise ConfigurationError(
                f"{SALT} is {'another one than' if salt else 'not set, but'} the one that records were forgotten with "
                f"({lake_dir / 'tombstones'}): without it they would come back. Set it as it was"
            )
    return Tombstones(lake_dir, keys, {stone.digest: stone for stone in stones})


def write_privately(path: Path, text: str) -> None:
    """Writes a small file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=_PRIVATE)
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _digest(key: bytes, source: str, entity: str, value: str) -> str:
    return hmac.digest(key, "\x1f".join((source, entity, value)).encode(), "sha256").hex()


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split())


@cache  # slow on purpose, and asked for by every feed of a night
def _name_of_salt(salt: str) -> str:
    """Tells a changed salt from the same one, and nothing else of it."""
    return "salt-" + hashlib.pbkdf2_hmac("sha256", salt.encode(), b"dealtrail tombstones", 100_000).hex()[:8]
