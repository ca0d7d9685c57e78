"""The night as a log: one event a line on stderr, for cron, the journal and log collectors; silent on a terminal.

`DEALTRAIL_LOG_FORMAT` or `--log-format`: `text` (time, level, event, facts) or `json` (one object a line). Without
either: text where stderr is no terminal, and `none` where it is: there is the progress line.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Literal, TextIO

import structlog

from dagster_project.errors import ConfigurationError, printable

LOG_FORMAT = "DEALTRAIL_LOG_FORMAT"
Level = Literal["info", "warning", "error"]

_FORMATS = ("text", "json", "none")
_log: Any = None
_is_json = False


def start(log_format: str | None = None) -> None:
    """Begins to log in this format, else the environment's, else as stderr wants it. Raises for an unknown one."""
    global _log, _is_json
    chosen = log_format or os.environ.get(LOG_FORMAT) or ("none" if sys.stderr.isatty() else "text")
    if chosen not in _FORMATS:
        raise ConfigurationError(f"log format {chosen!r}: there are {', '.join(_FORMATS)} (--log-format, {LOG_FORMAT})")
    if chosen == "none":
        return
    _is_json = chosen == "json"
    _log = structlog.wrap_logger(
        structlog.PrintLogger(own_stderr()),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *(_json() if _is_json else _text()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def own_stderr() -> TextIO:
    """The command's stderr, also while Dagster takes what a step prints into files of its own."""
    return os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, encoding="utf-8", errors="backslashreplace")


def event(name: str, level: Level = "info", **facts: Any) -> None:
    """Logs an event, if there is a log; facts that are None say nothing."""
    if _log is not None:
        said = {key: printable(value) if isinstance(value, str) else value for key, value in facts.items()}
        getattr(_log, level)(name, **{key: value for key, value in said.items() if value is not None})


def failed(message: str, exit_status: int) -> None:
    """Says what the command ends with: as a sentence, or as an event where every line is an object."""
    if _is_json:
        event("failed", "error", message=message, exit_status=exit_status)
    else:
        print(f"dealtrail: {printable(message)}", file=sys.stderr)


def _json() -> list[Any]:
    return [_in_order, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]


def _run_named_once(_: Any, __: str, facts: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """To the eye, the run is the same from its first line on."""
    return facts if facts["event"] == "run started" else {key: facts[key] for key in facts if key != "run_id"}


def _in_order(_: Any, __: str, facts: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What every line has comes first."""
    first = {key: facts.pop(key) for key in ("time", "level", "event", "run_id") if key in facts}
    return {**first, **facts}


def _text() -> list[Any]:
    return [
        _run_named_once,
        structlog.dev.ConsoleRenderer(
            colors=False, timestamp_key="time", pad_event_to=0, pad_level=False, sort_keys=False
        ),
    ]
