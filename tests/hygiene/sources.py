"""Sources as they are configured and delivered, packed into one landing folder and one configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.hygiene.calendar import AS_OF, ZONE
from tests.hygiene.deliveries import Feed
from tests.hygiene.needs import not_applied
from tests.hygiene.planted import Planted


@dataclass
class Source:
    """Its part of `pipeline.yml`, its feeds, and what is broken in it."""

    name: str
    settings: dict[str, Any]
    feeds: list[Feed]
    planted: Planted

    @property
    def not_applied(self) -> set[str]:
        """The rules that do not apply to it, as `<suite>.<rule>`."""
        return not_applied(self.feeds)

    def as_yaml(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings, "feeds": {feed.name: feed.as_yaml() for feed in self.feeds}}


def write(sources: list[Source], folder: Path) -> Path:
    """The landing folder with all deliveries, and the configuration beside it, whose path is returned."""
    for source in sources:
        for feed in source.feeds:
            feed.write(folder / "landing")
    config = {
        "timezone": str(ZONE),
        "currency": "EUR",
        "as_of": f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}",
        "landing_dir": "landing",
        "thresholds": sources[0].feeds[0].limits.as_yaml(),
        "sources": [source.as_yaml() for source in sources],
    }
    path = folder / "pipeline.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path
