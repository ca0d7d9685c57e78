"""A person's values in text: found however they are escaped, and replaced by the pseudonym."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

#: An id is looked for in texts only if it can hardly be anything else.
_LEAST_LETTERS, _LEAST_DIGITS = 5, 9
_LEAST_NAME = 5
_ESCAPED_BREAK = r"(?<=\\n)|(?<=\\r)|(?<=\\t)"


@dataclass(frozen=True)
class Texts:
    """What to look for, each with what stands for it. `keys` are `<source>:<id>`; they are only replaced."""

    values: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)

    def replaced(self, text: str) -> str:
        """The text with every value replaced."""
        return self._pattern.sub(lambda found: self._replacements[found.group().casefold()], text)

    def mentioned(self, text: str) -> bool:
        """Whether a value or a key stands in the text."""
        return self._pattern.search(text) is not None

    @property
    def needles(self) -> list[str]:
        """Every form of every value in lower case: a text without any of them has nothing to replace."""
        return sorted({form.lower() for value in {**self.values, **self.keys} for form in _forms(value)})

    def in_bytes(self, data: bytes) -> bool:
        """Whether some bytes hold a value in any form: an id as a whole, anything else whatever stands around it."""
        return any(pattern.search(data) for pattern in self._byte_patterns)

    @cached_property
    def _byte_patterns(self) -> list[re.Pattern[bytes]]:
        patterns = []
        for value in {**self.values, **self.keys}:
            is_id = value.isascii() and "@" not in value and " " not in value
            for form in _forms(value):
                said = b"|".join(re.escape(way.encode()) for way in dict.fromkeys([form, form.lower(), form.upper()]))
                bounded = rb"(?<![0-9A-Za-z])(?:" + said + rb")(?![0-9A-Za-z])" if is_id else said
                patterns.append(re.compile(bounded, re.IGNORECASE))
        return patterns

    @cached_property
    def _replacements(self) -> dict[str, str]:
        return {form.casefold(): to for value, to in {**self.values, **self.keys}.items() for form in _forms(value)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        forms = sorted({form for value in {**self.values, **self.keys} for form in _forms(value)}, key=len)
        if not forms:
            return re.compile("(?!)")
        alternatives = "|".join(_bounded(form) for form in reversed(forms))
        return re.compile(alternatives, re.IGNORECASE)


def is_distinctive_id(value: str) -> bool:
    """Whether an id can be looked for in any text: 00Q5g000002jo7r can, 1007 is also an amount and a year."""
    return len(value) >= (_LEAST_DIGITS if value.isdigit() else _LEAST_LETTERS) and any(map(str.isdigit, value))


def is_distinctive_name(name: str) -> bool:
    """Whether a name, if it is one record's alone, means that record wherever it stands: two words at least."""
    return len(name) >= _LEAST_NAME and len([word for word in name.split() if len(word.strip(".")) > 1]) >= 2


def spellings(name: str) -> list[str]:
    """A name, and of first and last name also the other order."""
    words = name.split()
    return [name, f"{words[1]}, {words[0]}"] if len(words) == 2 else [name]


def _forms(value: str) -> list[str]:
    """As it is, and as JSON, HTML and URLs write it."""
    in_html = html.escape(value)
    by_numbers = in_html.replace("&#x27;", "&#39;")
    escaped = [json.dumps(value)[1:-1], in_html, by_numbers, by_numbers.replace("&quot;", "&#34;"), quote(value)]
    return list(dict.fromkeys([value, *escaped]))


def _bounded(form: str) -> str:
    if "@" in form:
        return rf"(?:(?<![\w.+%-])|{_ESCAPED_BREAK}){re.escape(form)}(?![\w-]|\.\w)"
    return rf"(?:(?<!\w)|{_ESCAPED_BREAK}){re.escape(form)}(?!\w)"
