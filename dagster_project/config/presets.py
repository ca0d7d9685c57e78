"""The vendors' presets: one file each under vendors/, found by listing the folder."""

from __future__ import annotations

from functools import cache
from typing import Any

from dagster_project.config.yaml_files import read_packaged
from dagster_project.package_files import PACKAGE_DIR

VENDORS_DIR = PACKAGE_DIR / "vendors"


def vendor_names() -> list[str]:
    """The vendors there is a preset for."""
    return sorted(path.stem for path in VENDORS_DIR.glob("*.yml"))


@cache
def read_preset(vendor: str) -> dict[str, Any]:
    """A vendor's preset as written. Not to be changed."""
    return read_packaged(VENDORS_DIR / f"{vendor}.yml")


def source_of_preset(vendor: str) -> dict[str, Any]:
    """What a preset says of a source; its stages are a template, its title and fixes are for people."""
    return {key: value for key, value in read_preset(vendor).items() if key not in ("fixes", "stages", "title")}


def vendor_titles() -> dict[str, str]:
    """Vendor → as it writes its name."""
    return {vendor: str(read_preset(vendor)["title"]) for vendor in vendor_names()}


def vendor_fixes() -> dict[str, dict[str, str]]:
    """Vendor → rule → what its users do about a violation; a vendor without such words is left out."""
    return {vendor: read_preset(vendor)["fixes"] for vendor in vendor_names() if "fixes" in read_preset(vendor)}
