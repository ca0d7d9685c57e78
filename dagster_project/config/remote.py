"""Folders that are no folders of this machine: `s3://bucket/prefix` and its like, for landing and for the publication.

Whoever may read them is said by the environment alone, in the words of each driver (docs/object-storage.md).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_project.errors import ConfigurationError, DealtrailError, told

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

#: Protocol → the extra of the package that brings its driver, and whether an object appears there all at once.
PROTOCOLS = {"s3": ("s3", True), "gs": ("gs", True), "az": ("az", True), "abfs": ("az", True), "sftp": ("sftp", False)}
_FORM = re.compile(r"(?P<protocol>[a-z][a-z0-9+]*)://(?P<place>.*)", re.DOTALL)
_HAS_PASSWORD = re.compile(r"[^/]*:[^/]*@")
#: Variables whose values are never repeated, whatever a driver says.
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSW|CREDENTIAL|CONNECTION_STRING|SAS", re.IGNORECASE)
_SHORTEST_SECRET = 6
#: A server that has not answered a question after so many seconds does not answer at all, whatever its driver waits
#: for; and one that brings a file more slowly than this many bytes a second never ends.
PATIENCE = 60
SLOWEST = 20_000
#: A listing is many answers, a thousand objects each.
LISTING_PATIENCE = 900


class RemoteError(DealtrailError):
    """A bucket or server that cannot be reached, or refuses; what was published stands."""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder in an object storage or on a server; prints as its address, in which no password can stand."""

    protocol: str
    #: Bucket and prefix, or host and path, without a slash at the end.
    place: str

    def __str__(self) -> str:
        return f"{self.protocol}://{self.place}"

    @property
    def appears_at_once(self) -> bool:
        """Whether a reader sees an object whole or not at all while it is written."""
        return PROTOCOLS[self.protocol][1]

    def open(self) -> tuple[AbstractFileSystem, str]:
        """The driver, and the folder's path as it takes it.

        Raises ConfigurationError where the driver is not installed or lacks a setting, RemoteError where the server
        does not answer.
        """
        extra = PROTOCOLS[self.protocol][0]
        try:
            from fsspec.core import url_to_fs

            driver, path = url_to_fs(str(self), skip_instance_cache=True, **_timeouts(self.protocol))
        except ImportError:
            raise ConfigurationError(
                f"{self}: the driver of {self.protocol}:// is not installed. Install the extra '{extra}': "
                f"pip install 'dealtrail[{extra}]'"
            ) from None
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{self}: {without_secrets(told(error))} (docs/object-storage.md)") from None
        except Exception as error:
            raise self.failed("cannot be reached", error) from None
        if self.protocol == "sftp":
            # paramiko waits for ever otherwise
            driver.ftp.get_channel().settimeout(PATIENCE)
        return driver, str(path).rstrip("/")

    def failed(self, what: str, error: BaseException) -> RemoteError:
        """What to raise where a driver fails: its words, without anything secret."""
        return RemoteError(f"{self} {what}: {without_secrets(told(error))}")


def is_async(driver: AbstractFileSystem) -> bool:
    """Whether a driver asks many things at a time; one that does not has one connection."""
    from fsspec.asyn import AsyncFileSystem

    return isinstance(driver, AsyncFileSystem)


def ask(driver: AbstractFileSystem, method: str, *given: Any, size: int = 0, **options: Any) -> Any:
    """Calls a method of a driver, which transfers `size` bytes, with an end to waiting.

    Raises TimeoutError where the server takes longer than one that still works would, and whatever the driver raises.
    """
    from fsspec.asyn import sync
    from fsspec.exceptions import FSTimeoutError

    seconds = (LISTING_PATIENCE if method == "find" else PATIENCE) + size / SLOWEST
    try:
        if is_async(driver):
            return sync(driver.loop, getattr(driver, f"_{method}"), *given, timeout=seconds, **options)
        return getattr(driver, method)(*given, **options)
    except FSTimeoutError:
        of_bytes = f" for {size:,} bytes" if size else ""
        raise TimeoutError(
            f"the server does not answer, or too slowly: given up after {seconds:,.0f} s{of_bytes}"
        ) from None
    except TimeoutError as error:
        # of a connection, which says no more
        raise TimeoutError(str(error) or f"the server has not answered for {PATIENCE:,} s") from None


def find(driver: AbstractFileSystem, folder: str) -> dict[str, dict[str, Any]]:
    """All that lies below a folder, by path, as the driver describes it. Raises what the driver raises."""
    if is_async(driver):
        return dict(ask(driver, "find", folder, detail=True))
    # `find` of a driver that goes from folder to folder leaves out, without a word, what cannot be listed
    found, folders = {}, [folder]
    while folders:
        for entry in ask(driver, "ls", folders.pop(), detail=True):
            if entry["type"] == "directory":
                folders.append(entry["name"])
            else:
                found[entry["name"]] = entry
    return found


def _timeouts(protocol: str) -> dict[str, int]:
    """What a driver that has no timeout of its own is told, unless its variables say otherwise."""
    from fsspec.config import conf

    if protocol != "sftp":
        return {}
    names = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
    return {name: PATIENCE for name in names if name not in conf.get("sftp", {})}


def is_remote(text: str) -> bool:
    """Whether a folder is given by an address."""
    return _FORM.match(text) is not None


def remote_folder(text: str, named: str) -> RemoteFolder:
    """The folder of an address; `named` is the key or variable that gives it.

    Raises ConfigurationError for a protocol that is none of ours, and, without repeating it, for a password.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None or form["protocol"] not in PROTOCOLS:
        allowed = ", ".join(f"{protocol}://" for protocol in PROTOCOLS)
        raise ConfigurationError(f"{named}: no folder of this machine, and none of {allowed}")
    place = form["place"].rstrip("/")
    if _HAS_PASSWORD.match(place) or "?" in place or "#" in place:
        raise ConfigurationError(
            f"{named}: an address with a password, a ? or a # in it (it is not shown). Keys and passwords come from "
            "the environment alone (docs/object-storage.md)"
        )
    if not place.partition("/")[0]:
        raise ConfigurationError(f"{named}: {form['protocol']}:// is followed by no bucket or host")
    return RemoteFolder(form["protocol"], place)


def without_secrets(text: str) -> str:
    """A driver's words without the values of variables that look like keys or passwords."""
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return text
