"""A report that cannot be made keeps no table from its readers, and does not go unnoticed."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.faults import crm
from tests.faults.nights import Nights
from tests.faults.webhook import listening


def test_the_tables_are_published_and_the_night_says_what_is_missing(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    in_its_way = nights.warehouse / "cache" / "report"
    in_its_way.parent.mkdir(parents=True)
    in_its_way.write_text("<b>a file where a folder should be</b>", encoding="utf-8")

    with listening() as webhook:
        night = nights.play(crm.FIRST)

    assert night.status == 3
    assert night.output.startswith("published, but without a report")
    assert "cache/report" in night.output and "Traceback" not in night.output
    assert (night.run_json["state"], night.run_json["failed_step"]) == ("published", "report")
    with duckdb.connect(str(nights.warehouse / "pipeline.duckdb"), read_only=True) as published:
        assert published.execute("select count(*) > 20 from marts.fct_deals").fetchone() == (True,)
    page = (nights.warehouse / "report" / "index.html").read_text(encoding="utf-8")
    assert "No report this morning" in page and night.run_json["run_id"] in page
    for pages in ("owners", "deals"):
        assert not (nights.warehouse / "report" / pages).exists(), f"nor half of the pages of {pages}"
    (message,) = webhook.messages
    assert message["text"].startswith("Dealtrail: the night is published, but failed in step report. ")
