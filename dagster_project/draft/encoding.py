"""The code page of a text that is no UTF-8, where its letters tell: what a spreadsheet saves in Moscow or Warsaw."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

_LOOKED_AT = 1 << 18
#: Windows' and older ones, each of a script of its own; the Western one is the reader's default.
_WESTERN = "cp1252"
_OTHERS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"]
_CENTRAL_EUROPEAN = "cp1250"
#: Languages that Windows-1252 has not all the letters of.
_LANGUAGES = ("Czech", "Polish", "Hungarian", "Slovak", "Slovene", "Croatian", "Romanian")


def guess_code_page(path: Path) -> str | None:
    """The encoding of a text if it is neither UTF-8 nor Western; None as well where nothing tells."""
    with path.open("rb") as file:
        content = file.read(_LOOKED_AT)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        best = from_bytes(content, cp_isolation=[_WESTERN, _CENTRAL_EUROPEAN, *_OTHERS]).best()
        if best is not None and (best.encoding in _OTHERS or _is_central_european(best.encoding, best.language)):
            return best.encoding
    return None


def _is_central_european(encoding: str, language: str) -> bool:
    return encoding == _CENTRAL_EUROPEAN and language in _LANGUAGES
