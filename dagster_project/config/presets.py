"""The vendors' presets: one file each under vendors/, found by listing the folder.

Under vendors/tables/ stand those of tables as connectors write them. Each `extends` a vendor's, and its feeds say which
of that vendor's they are `like`: `headings` tells how the connector calls a column that the vendor's API calls so.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from dagster_project.config.yaml_files import read_packaged
from dagster_project.package_files import PACKAGE_DIR

VENDORS_DIR = PACKAGE_DIR / "vendors"
TABLES_DIR = VENDORS_DIR / "tables"
#: Keys of a feed that list headings.
_LISTS = ("derive", "stage_dates", "not_stage_dates", "utc_headings")


def vendor_names() -> list[str]:
    """The vendors there is a preset for."""
    return sorted(path.stem for path in VENDORS_DIR.glob("*.yml"))


@cache
def read_preset(vendor: str) -> dict[str, Any]:
    """A vendor's preset as written. Not to be changed."""
    return read_packaged(VENDORS_DIR / f"{vendor}.yml")


def table_presets() -> list[str]:
    """The presets of tables as connectors write them."""
    return sorted(path.stem for path in TABLES_DIR.glob("*.yml"))


def vendor_of(preset: str) -> str:
    """The vendor whose words and stages a preset has: its own, or of what it extends."""
    return str(_read_tables(preset)["extends"]) if preset in table_presets() else preset


def source_of_preset(preset: str) -> dict[str, Any]:
    """What a preset says of a source; its stages are a template, its title and fixes are for people."""
    if preset not in table_presets():
        return {key: value for key, value in read_preset(preset).items() if key not in ("fixes", "stages", "title")}
    said = _read_tables(preset)
    vendor = source_of_preset(said["extends"])
    feeds = {name: _feed_of_tables(feed, vendor["feeds"], said) for name, feed in said["feeds"].items()}
    own = {key: value for key, value in said.items() if key not in ("title", "extends", "headings", "synced_at")}
    return {**vendor, **own, "feeds": feeds}


def merged(below: Any, above: Any) -> Any:
    """Mappings are merged key by key; anything else above replaces what is below."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}
    return above


@cache
def _read_tables(preset: str) -> dict[str, Any]:
    return read_packaged(TABLES_DIR / f"{preset}.yml")


def _feed_of_tables(said: dict[str, Any], of_vendor: dict[str, Any], preset: dict[str, Any]) -> dict[str, Any]:
    """A feed of a connector's table: the vendor's feed that it is like, called as the connector does; times are UTC."""
    own = {key: value for key, value in said.items() if key not in ("like", "headings")}
    own["table"] = {"synced_at": preset.get("synced_at", []), **own["table"]}
    if "like" not in said:
        return {"timezone": "UTC", **own}
    feed = {key: value for key, value in of_vendor[said["like"]].items() if key not in ("files", "files_on_request")}
    pattern = said.get("headings", preset.get("headings", "{}"))
    columns = {column: _written(headings, pattern) for column, headings in feed["columns"].items()}
    feed["columns"] = {column: headings for column, headings in columns.items() if headings}
    feed |= {key: _written(feed[key], pattern) for key in _LISTS if key in feed}
    feed.pop("only_when", None)
    return dict(merged({**feed, "timezone": "UTC"}, own))


def _written(headings: list[Any], patterns: str | list[str]) -> list[Any]:
    """Headings of the vendor's API as the connector writes them, each way it may, without those of screens."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return [one for heading in headings for pattern in listed if (one := _called(heading, pattern))]


def _called(heading: Any, pattern: str) -> Any:
    """A name of the vendor's API as the connector writes it; None of a heading of its screens, which no table has."""
    if isinstance(heading, list):
        parts = [_called(part, pattern) for part in heading]
        return parts if all(parts) else None
    if " " in heading:
        return None
    if pattern == "snake_case":
        return re.sub(r"_+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", heading).lower().replace(".", "_"))
    return pattern.replace("{}", heading)


def vendor_titles() -> dict[str, str]:
    """Vendor → as it writes its name."""
    return {vendor: str(read_preset(vendor)["title"]) for vendor in vendor_names()}


def vendor_fixes() -> dict[str, dict[str, str]]:
    """Vendor → rule → what its users do about a violation; a vendor without such words is left out."""
    return {vendor: read_preset(vendor)["fixes"] for vendor in vendor_names() if "fixes" in read_preset(vendor)}
