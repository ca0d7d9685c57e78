"""Small inputs as CRMs and strangers really write them, each with its right outcome: one source of one night each.

An input has a landing folder of its own, so hundreds of them share a night. What refuses a delivery of deals goes
beside an earlier good one (a source without any good deals blocks the night of all).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

AS_OF = "2026-03-01T06:00:00Z"
CURRENCY = "EUR"


@dataclass(frozen=True)
class Expected:
    """What a query on the published database gives for the input's source, every cell as text.

    `sql` may say `{source}`; `rows` is a table, one row a line, cells parted by `|`, an empty cell for NULL. The order
    of the rows is not compared.
    """

    sql: str
    rows: str = ""

    def wanted(self) -> list[tuple[str | None, ...]]:
        """The rows of the table, sorted."""
        lines = [line for line in textwrap.dedent(self.rows).splitlines() if line.strip()]
        return sorted((tuple(cell.strip() or None for cell in line.split("|")) for line in lines), key=repr)


@dataclass(frozen=True)
class Input:
    """One source: `kind` is the number of the kind it belongs to, `source` is unique and names it, `says` the outcome.

    `config` is the source's block of the configuration as YAML, without `name`. `files` are its landing files by path.
    `expected` holds queries and their rows; `output` words that the night must print.
    """

    kind: str
    source: str
    says: str
    config: str
    files: dict[str, str | bytes]
    expected: tuple[Expected, ...] = ()
    output: tuple[str, ...] = ()
    #: False where the oracle does not read such files (it is then played in another night); say why beside it.
    oracle: bool = field(default=True, kw_only=True)

    def block(self) -> dict[str, Any]:
        """Its entry under `sources`."""
        return {"name": self.source, **yaml.safe_load(textwrap.dedent(self.config))}


def lay(inputs: Iterable[Input], folder: Path) -> Path:
    """Writes landing files and the configuration of one night of these inputs; gives the configuration's path."""
    blocks = []
    for one in inputs:
        blocks.append(one.block())
        for name, content in one.files.items():
            path = folder / "landing" / one.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = textwrap.dedent(content).lstrip("\n") if isinstance(content, str) else content
            path.write_bytes(text.encode() if isinstance(text, str) else text)
    config = {"timezone": "UTC", "currency": CURRENCY, "landing_dir": "landing", "sources": blocks}
    written = folder / "pipeline.yml"
    written.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return written
