"""A source whose values could be read two ways stops; the others publish; one line of configuration starts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Warehouse

CONFIG = """
timezone: Europe/Berlin
currency: EUR
landing_dir: landing
sources:
  - name: plain
    feeds: &feeds
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Value, created_at: Created, close_on: Close}
  - name: sheet
    feeds: *feeds
"""
CONFIGURED = """
    date_formats: ["%d/%m/%Y", "%d/%m/%Y %H:%M"]
    decimal_separator: ","
"""
HEADER = "Id;Stage;Value;Created;Close"
PLAIN = [HEADER, "1;New;1234.5;2025-03-04 10:00;2025-04-05"]
#: The first is proved by itself, the second by nothing: neither 3 April nor 4 March, 1.2 nor 1200.
PROVED = [HEADER, "1;New;€ 1.200,50;13/04/2025 10:00;30/04/2025", "2;New;900;03/04/2025;05/05/2025"]
DOUBTFUL = [HEADER, "1;New;1.200;05/04/2025 10:00;30/04/2025", "2;New;900;03/04/2025;05/05/2025"]

DEALS = "select source, deal_id, amount, created_at::date, expected_close_on from marts.fct_deals order by 1, 2"
OPEN = "select message from quality.hygiene_violations where resolved_on is null"
FIRST_NIGHT = [
    ("plain", "1", Decimal("1234.50"), date(2025, 3, 4), date(2025, 4, 5)),
    ("sheet", "1", Decimal("1200.50"), date(2025, 4, 13), date(2025, 4, 30)),
    ("sheet", "2", Decimal("900.00"), date(2025, 4, 2), date(2025, 5, 5)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ambiguous")
    for source, name, lines in (
        ("plain", "deals_2025-05-01", PLAIN),
        ("sheet", "deals_2025-05-01", PROVED),
        ("sheet", "deals_2025-05-02", DOUBTFUL),
    ):
        path = folder / "landing" / source / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_source_in_doubt_stays_at_its_last_good_delivery_until_it_is_configured(
    folder: Path, nightly: Callable[..., Warehouse]
) -> None:
    config = folder / "pipeline.yml"
    config.write_text(CONFIG, encoding="utf-8")
    refused = nightly(folder / "warehouse", config, as_of="2025-05-03T00:00:00Z")
    assert refused.status == 0, refused.output
    assert refused.rows(DEALS) == FIRST_NIGHT
    said = refused.value(f"{OPEN} and rule = 'delivery_refused'")
    assert "'1.200' in row 2 is 1.200 or 1200" in said
    assert "'05/04/2025 10:00' in row 2 is 5 April 2025 or 4 May 2025" in said
    assert '["%d/%m/%Y %H:%M"] or ["%m/%d/%Y %H:%M"]' in said

    config.write_text(CONFIG + CONFIGURED, encoding="utf-8")
    loaded = nightly(folder / "warehouse", config, as_of="2025-05-03T00:00:00Z")
    assert loaded.status == 0, loaded.output
    assert loaded.rows(DEALS) == [
        FIRST_NIGHT[0],
        ("sheet", "1", Decimal("1200.00"), date(2025, 4, 5), date(2025, 4, 30)),
        FIRST_NIGHT[2],
    ]
    assert loaded.rows(f"{OPEN} and rule in ('delivery_refused', 'unparseable_value')") == []
