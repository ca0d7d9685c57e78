"""Writes `seeds/vendor_extracts`: a landing folder for each vendor, two nights in it."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from seeds.make_vendor_extracts import dynamics, zoho
from seeds.make_vendor_extracts.business import NIGHTS

SEEDS = Path(__file__).resolve().parents[1]


def write(out: Path) -> None:
    """Writes all files below a folder; what its vendors' folders held is removed."""
    for name, made, files in (
        ("zoho", zoho.zoho(), zoho.files),
        ("dynamics", dynamics.dynamics(), dynamics.files),
    ):
        shutil.rmtree(out / name, ignore_errors=True)
        for night in NIGHTS:
            for file, content in files(made, night).items():
                path = out / name / "crm" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SEEDS / "vendor_extracts")
    write(parser.parse_args().out)
