"""Personal data: what a mapping says to drop or hash never reaches the lake (contract: Personal data)."""

from __future__ import annotations

import hashlib
import hmac
import os

import duckdb

from dagster_project.config.feeds import Feed
from dagster_project.config.salt import SALT
from dagster_project.errors import ConfigurationError
from dagster_project.sql import text

_BLOCK = 64
_GUARDS = ("drop", "hash")


def is_personal(feed: Feed) -> bool:
    """Whether a feed has a column that must not be shown as delivered."""
    return bool(feed.logged_privacy) or any(privacy != "keep" for privacy in feed.personal_data.values())


def has_hashes(feed: Feed) -> bool:
    """Whether a feed has a column to hash, for which there has to be a salt."""
    return "hash" in (*feed.personal_data.values(), *feed.logged_privacy.values())


def salt_version(feed: Feed) -> str | None:
    """Changes with the salt, tells nothing of it; None where the feed hashes nothing. For the mapping's version."""
    if not has_hashes(feed):
        return None
    return hashlib.pbkdf2_hmac("sha256", _salt(), b"dealtrail mapping version", 100_000).hex()[:8]


def prepare_hashing(connection: duckdb.DuckDBPyConnection) -> None:
    """Puts the keys into variables of the connection, so that they stand in no statement and no message."""
    key = hashlib.sha256(_salt()).digest() if len(_salt()) > _BLOCK else _salt()
    key = key.ljust(_BLOCK, b"\0")
    for name, pad in (("hash_inner", 0x36), ("hash_outer", 0x5C)):
        connection.execute(f"set variable {name} = unhex('{bytes(byte ^ pad for byte in key).hex()}')")


def hashed(value: str) -> str:
    """What the lake holds of a value that is hashed."""
    return hmac.digest(_salt(), value.encode(), "sha256").hex()


def guarded(value: str, column: str, feed: Feed, separator: str) -> str | None:
    """SQL for a column's value as the lake may hold it: itself, its hash, or nothing at all (None)."""
    privacy = feed.personal_data.get(column, "keep")
    if privacy == "drop":
        return None
    if privacy == "keep":
        return value
    if column.endswith(("_id", "_ids")):
        # several ids in one cell are hashed one by one, so that each still matches its record
        ids = (
            f"list_filter(list_transform(string_split({value}, {separator}), lambda id: trim(id)), lambda id: id != '')"
        )
        return f"array_to_string(list_transform({ids}, lambda id: {_hmac('id')}), {separator})"
    return _hmac(f"lower({value})" if column == "email" else value)


def guarded_in_log(value: str, field: str, feed: Feed) -> str:
    """SQL for what a change log says of a field, as the lake may hold it: what rows drop or hash, the log does too."""
    called = {kind: [name for name, privacy in feed.logged_privacy.items() if privacy == kind] for kind in _GUARDS}
    instead = {"drop": "cast(null as varchar)", "hash": _hmac(value)}
    whens = [
        f"when lower({field}) in ({', '.join(map(text, names))}) then {instead[kind]}"
        for kind, names in called.items()
        if names
    ]
    return f"case {' '.join(whens)} else {value} end" if whens else value


def _hmac(value: str) -> str:
    """HMAC-SHA256 in hexadecimal; NULL stays NULL."""
    inner = f"sha256(getvariable('hash_inner') || encode({value}))"
    return f"sha256(getvariable('hash_outer') || unhex({inner}))"


def _salt() -> bytes:
    salt = os.environ.get(SALT)
    if not salt:
        raise ConfigurationError(f"{SALT} is not set, but a feed has columns to hash")
    return salt.encode("utf-8")
