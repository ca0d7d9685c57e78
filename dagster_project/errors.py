"""The errors a person meets, and the exit status each one ends the command with (contract: Commands)."""

from __future__ import annotations


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
    return str(error) or repr(error)


class RefusedFileError(DealtrailError):
    """A delivered file that cannot be loaded; its delivery is refused and the run goes on."""
