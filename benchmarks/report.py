"""How large the report of a published warehouse is, and how long a browser takes until every chart of it is drawn.

`python benchmarks/report.py WAREHOUSE_DIR [--config pipeline.yml]` makes the page anew from what is published there, in
a folder of its own, and opens it several times in the system's headless Chromium. Exit status 1: it breaks a limit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from playwright.sync_api import sync_playwright

from benchmarks.measure import MEGABYTE
from dagster_project.config.load import load_settings
from dagster_project.publish.report.build import write_report

#: What the report promises for 200 thousand deals.
MAX_MEGABYTES = 5
MAX_SECONDS = 2
TIMES = 5
_DRAWN = "() => document.querySelectorAll('.chart').length === document.querySelectorAll('.chart svg').length"


def main() -> int:
    """Makes the page, opens it, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--config", type=Path, default=Path("pipeline.yml"))
    options = parser.parse_args()
    database = options.warehouse / "pipeline.duckdb"
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(database), read_only=True) as published:
        as_of, deals = published.execute(
            "select max(date_day), (select count(*) from marts.fct_deals) from marts.mart_pipeline_daily"
        ).fetchall()[0]
        os.environ.update(PIPELINE_CONFIG=str(options.config), WAREHOUSE_DIR=folder)
        settings, moment = load_settings(), datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
        # the bundle of Vega is kept from night to night
        write_report(database, Path(folder) / "report", settings, moment)
        started = time.perf_counter()
        write_report(database, Path(folder) / "report", settings, moment)
        made = time.perf_counter() - started
        page = Path(folder) / "report" / "index.html"
        megabytes = page.stat().st_size / MEGABYTE
        opened = [_seconds_to_open(page) for _ in range(TIMES)]
    print(f"{deals:,} deals: {megabytes:.2f} MB, made in {made:.1f} s")
    print(f"opened in {statistics.median(opened):.2f} s ({min(opened):.2f} to {max(opened):.2f}, {TIMES} times)")
    return int(megabytes > MAX_MEGABYTES or statistics.median(opened) > MAX_SECONDS)


def _seconds_to_open(page: Path) -> float:
    """From the address to the last chart drawn, in a browser that is running."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        tab = browser.new_page()
        started = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="load")
        tab.wait_for_function(_DRAWN)
        seconds = time.perf_counter() - started
        browser.close()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
