"""Whatever a stranger's file sets off is that file's fault: it is refused by name, and the night goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_project.errors import DealtrailError, RefusedFileError

_MAX_SAID = 300


@contextmanager
def refusing(*places: Path) -> Iterator[None]:
    """Makes every error while one file is read a RefusedFileError, whose message names none of these `places`.

    A wrong configuration stays what it is.
    """
    try:
        yield
    except RefusedFileError as error:
        raise RefusedFileError(without_places(str(error), places)) from None
    except DealtrailError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0][:_MAX_SAID]
        said = f"{type(error).__name__}: {said}".rstrip(": ")
        raise RefusedFileError(
            f"cannot be read: {without_places(said, places)}. Export it again; if it stays so, report it as a bug"
        ) from error


def without_places(message: str, places: tuple[Path, ...]) -> str:
    """A message without the paths of unpacked copies and unfinished files, which tell nobody anything."""
    folders = "|".join(re.escape(str(place)) for place in places)
    return re.sub(rf"""((in|of) )?(file )?["']?(?:{folders})[^\s"',:;]*["']?(: |, )?""", "", message)
