"""What was sent to whom, in `digest/sent.json` of the warehouse: so that nobody is told the same twice.

Written after every single message, so that a command that was killed goes on where it was. `dealtrail forget` puts
pseudonyms into it as into every other file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from dagster_project.errors import DealtrailError
from dagster_project.files import write_atomically

FOLDER = "digest"


@dataclass(frozen=True)
class Last:
    """The last digest of an owner: what it told, by its fingerprint (None: that nothing is left), and as of when."""

    fingerprint: str | None
    as_of: str
    sent_at: str

    @property
    def moment(self) -> datetime:
        """The moment whose tables it told of."""
        return datetime.fromisoformat(self.as_of)


class Sent:
    """Owner key → their last digest."""

    def __init__(self, warehouse_dir: Path) -> None:
        """Raises DealtrailError where the file cannot be read."""
        self._path = warehouse_dir / FOLDER / "sent.json"
        self._last: dict[str, Last] = {}
        if self._path.exists():
            try:
                said = json.loads(self._path.read_text(encoding="utf-8"))["owners"]
                self._last = {key: Last(**last) for key, last in said.items()}
                for last in self._last.values():
                    last.moment  # noqa: B018  one that is none is a damaged file, too
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DealtrailError(
                    f"{self._path}: cannot be read ({type(error).__name__}). It holds who was sent what; without it "
                    "every owner is sent their list once more. Remove it, or restore it from a backup"
                ) from None

    def last(self, owner_key: str) -> Last | None:
        """An owner's last digest."""
        return self._last.get(owner_key)

    def told_of_something(self) -> list[str]:
        """The owners whose last digest had something to mend or to look at."""
        return sorted(key for key, last in self._last.items() if last.fingerprint is not None)

    def remember(self, owner_key: str, last: Last) -> None:
        """Keeps, on the disk, what was sent."""
        self._last[owner_key] = last
        self._write()

    def keep_only(self, owner_keys: Iterable[str]) -> None:
        """Forgets the owners whom nobody knows any more."""
        known = set(owner_keys)
        if any(key not in known for key in self._last):
            self._last = {key: last for key, last in self._last.items() if key in known}
            self._write()

    def _write(self) -> None:
        said = {"owners": {key: asdict(last) for key, last in sorted(self._last.items())}}
        write_atomically(self._path, json.dumps(said, indent=2, ensure_ascii=False))
