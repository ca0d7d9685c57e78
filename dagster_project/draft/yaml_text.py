"""Small pieces of YAML text: scalars quoted where they must be, lines with their comments in one column."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass

from dagster_project.draft.sampled import looks_personal

_PLAIN = re.compile(r"[^\W\d_][\w ./+-]*")
_WORDS_OF_YAML = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_COMMENT_COLUMN = 46
_WIDTH = 116
_MAX_EXAMPLE = 30


@dataclass(frozen=True)
class Line:
    """A line of YAML, indentation included, with what is said about it."""

    text: str
    comment: str = ""

    def written(self) -> str:
        """The line as text."""
        if not self.comment:
            return self.text.rstrip()
        if not self.text.strip():
            return "\n".join(
                f"{self.text}# {part}" for part in textwrap.wrap(_one_line(self.comment), _WIDTH - len(self.text))
            )
        return f"{self.text:<{_COMMENT_COLUMN}}  # {_one_line(self.comment)}"


def scalar(value: str) -> str:
    """A text as a YAML scalar: plain where that is safe, else in double quotes."""
    if _PLAIN.fullmatch(value) and value == value.strip() and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def scalars(values: list[str]) -> str:
    """A YAML list in one line."""
    return f"[{', '.join(map(scalar, values))}]"


def example(value: str) -> str:
    """A value to be shown in a comment; never an e-mail address or a phone number."""
    if looks_personal(value):
        return "(not shown)"
    short = value if len(value) <= _MAX_EXAMPLE else value[: _MAX_EXAMPLE - 1] + "…"
    return _one_line(short)


def commented(lines: list[Line], indent: int) -> list[Line]:
    """The same lines, none of them in force: a `#` at this indentation."""
    written = [part for line in lines for part in line.written().split("\n")]
    return [Line(f"{part[:indent]}# {part[indent:]}") for part in written]


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()
