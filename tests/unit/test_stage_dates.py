"""Headings that say when a stage was entered."""

from __future__ import annotations

import pytest

from dagster_project.config.feeds import Feed
from dagster_project.read.headings import match
from dagster_project.read.stage_dates import stage_date

UI, API = 'Date entered "{stage} ({pipeline})"', "hs_v2_date_entered_{stage}"


@pytest.mark.parametrize(
    ("heading", "pattern", "stage", "pipeline"),
    [
        ('Date entered "Demo (Sales)"', UI, "Demo", "Sales"),
        ('DATE  entered "Demo (Placements — Inbound)" ', UI, "Demo", "Placements — Inbound"),
        ('Date entered "Demo (1st) (Sales)"', UI, "Demo (1st)", "Sales"),
        ('Date entered "Demo (1st) (Sales (EU))"', UI, "Demo (1st)", "Sales (EU)"),
        ('Date entered "Demo (Resale (EU))"', UI, "Demo", "Resale (EU)"),
        # torn either way
        ('Date entered "Demo :) (a (b)"', UI, "Demo :) (a", "b"),
        ('Date entered "Demo (Partner (US))"', UI, "Demo", "Partner (US)"),
        ('Date entered "Demo (1st) (PARTNER  (US))"', UI, "Demo (1st)", "PARTNER (US)"),
        ("HS_v2_date_entered_12345", API, "12345", None),
        ("Sales: Demo since", "{pipeline}: {stage} since", "Demo", "Sales"),
    ],
)
def test_a_heading_taken_apart(heading: str, pattern: str, stage: str, pipeline: str | None) -> None:
    found = stage_date(heading, pattern, ["Default", "Partner (US)"])
    assert found is not None
    assert (found.stage, found.pipeline) == (stage, pipeline)


@pytest.mark.parametrize(
    "heading", ['Date exited "Demo (Sales)"', 'Date entered "Demo"', 'Date entered " (Sales)"', ""]
)
def test_a_heading_that_says_something_else(heading: str) -> None:
    assert stage_date(heading, UI, []) is None


def test_ranks_and_headings_mapped_otherwise() -> None:
    feed = Feed.model_validate(
        {
            "entity": "deals",
            "files": "deals",
            "columns": {"deal_id": "Id", "stage": "Stage", "created_at": [API.format(stage="new")]},
            "stage_dates": [UI, "Date entered '{stage} ({pipeline})'", API],
        }
    )
    headings = [
        "Id",
        "Stage",
        "Date entered 'Demo (Sales)'",
        'Date entered "Demo (Sales)"',
        "hs_v2_date_entered_new",
        "hs_v2_date_entered_won",
        "Mood",
        'date entered "demo (sales)"',
    ]
    found = match(headings, feed, True, ["Sales"])
    assert {at: (said.stage, said.pipeline) for at, said in found.stage_dates.items()} == {
        3: ("Demo", "Sales"),
        5: ("won", None),
    }
    assert (found.outranked, found.unmapped, found.doubled) == (["Date entered 'Demo (Sales)'"], ["Mood"], [(3, 7)])
