"""The errors a person meets, and the exit status each one ends the command with (contract: Commands)."""

from __future__ import annotations

import re

#: What a terminal obeys instead of showing it, and what turns the direction of the words around it.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class DealtrailError(Exception):
    """Something a person can act on: the message says what, where and what to do; it is shown without a traceback."""

    exit_status = 3


class ConfigurationError(DealtrailError):
    """Wrong configuration or usage; names file and key, and what is allowed."""

    exit_status = 2


class RunInProgressError(DealtrailError):
    """Another run holds the warehouse."""


class Interrupted(BaseException):
    """Ctrl-C, or SIGTERM: a person or a service manager ended the command. No KeyboardInterrupt: typer keeps those."""


def told(error: BaseException) -> str:
    """An error in one sentence. What is no Exception is an interruption, whoever raised it; DuckDB's is one."""
    if not isinstance(error, Exception) or type(error).__name__ == "InterruptException":
        return "interrupted"
    return printable(str(error)) or repr(error)


def printable(text: str) -> str:
    """A text that may quote names and cells of files, for terminal and log: control characters by their numbers."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class RefusedFileError(DealtrailError):
    """A delivered file that cannot be loaded; its delivery is refused and the run goes on."""


class MissingColumnError(RefusedFileError):
    """A file without the heading of a required column."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column
