"""Broken on purpose: what is wrong with an export or a configuration is said so that a newcomer can act on it.

One night is played over a landing folder with one source for each kind of damage (tests/faults/damage.py).
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import Warehouse
from tests.faults import damage
from tests.faults.nights import Nights
from tests.faults.week import Night

pytest_plugins = ["tests.faults.week"]


@pytest.fixture(scope="module")
def night(nights: Nights, first: Night) -> Warehouse:
    """The night over all of them. It publishes: damage to one delivery is no reason to keep the others back."""
    return Warehouse(nights.kept("first"), first.warehouse.status, first.warehouse.output)


def messages(night: Warehouse, source: str) -> dict[str, tuple[str, str]]:
    """State and message of each file of a source."""
    rows = night.rows("select file, state, message from quality.deliveries where source = ?", source)
    return {file: (state, message) for file, state, message in rows}


def out_of_use(night: Warehouse, source: str) -> list[tuple[Any, ...]]:
    """Row number, record, column, value, reason and kind of what stands in quarantine."""
    return night.rows(
        "select row_number, record_id, column_name, value, reason, kind from quality.quarantined_rows "
        "where source = ? order by row_number",
        source,
    )


def violations(night: Warehouse, source: str) -> list[tuple[Any, ...]]:
    """Everything listed against a source, but what its good rows say of stale, overdue and future deals."""
    return night.rows(
        "select rule, record_key, observed from quality.hygiene_violations where source = ? and rule not in "
        "('stale_deal', 'past_close_date', 'missing_amount', 'missing_close_date', 'closed_in_future') order by all",
        source,
    )


SAID_OF_REFUSED = {
    "no_stage_column": r"no column for deals\.stage .*'Stage' or 'Phase'.*'Id', 'Name', 'Amount'",
    "no_id_column": r"no column for deals\.deal_id .*'Id'.*'Name', 'Stage'",
    "picture": r"not .*(text|CSV)",
    "web_page": r"HTML|web page|not .*CSV",
    "no_bytes": r"is empty",
    "no_text": r"is empty",
    "legacy_xls": r"legacy Office file \(\.xls or \.doc\), not \.xlsx; export it as",
    "half_a_gz": r"cannot be read.* ended before",
    "no_gz": r"cannot be read.*[Nn]ot a gzip",
    "open_quote": r"quote .* row 41 .*never closed",
    "twins_differ": r"'Stage' twice \(columns 3 and 7\).* 1 row",
    "one_of_two_files": r"deals_2025-12-04_b\.csv: has no column for deals\.deal_id",
}


@pytest.mark.parametrize("source", damage.REFUSED)
def test_a_delivery_that_cannot_be_used_is_refused_and_says_why(night: Warehouse, source: str) -> None:
    found = messages(night, source)
    assert found.pop(damage.OLD) == ("loaded", None)
    assert found, "the broken delivery is not listed"
    for state, message in found.values():
        assert state == "refused"
        assert not re.search(r"Error|Traceback|Exception", message), message
    said = " / ".join(message for _, message in found.values())
    assert re.search(SAID_OF_REFUSED[source], said), said


@pytest.mark.parametrize("source", damage.HELD_BACK)
def test_a_much_smaller_full_extract_is_held_back_and_says_how_to_confirm_it(night: Warehouse, source: str) -> None:
    state, message = messages(night, source)[damage.NEW]
    sha256 = night.value("select sha256 from quality.deliveries where source = ? and state = 'held_back'", source)
    assert state == "held_back"
    assert "80" in message and f"add its sha256 {sha256} to `confirmed` of feed 'deals'" in message


@pytest.mark.parametrize("source", [*damage.REFUSED, *damage.HELD_BACK])
def test_a_source_stays_at_its_last_good_delivery(night: Warehouse, source: str) -> None:
    deals = night.value("select count(*) from marts.fct_deals where source = ? and status != 'deleted'", source)
    assert deals == damage.ROWS
    rule = "delivery_refused" if source in damage.REFUSED else "delivery_held_back"
    assert [(found[0], found[1]) for found in violations(night, source)] == [
        (rule, f"{source}:deals:2025-12-04T00:00:00Z"),
        ("late_delivery", f"{source}:deals:2025-12-03T00:00:00Z"),
    ]
    assert any(source in warning and "deals_2025-12-04" in warning for warning in night.run_json["warnings"])


@pytest.mark.parametrize("source", damage.LOADED)
def test_every_record_of_a_file_is_counted_as_python_counts_it(night: Warehouse, source: str) -> None:
    found = dict(night.rows("select file, rows_in_file from quality.row_accounting where source = ?", source))
    delivered = {
        file: content for file, content in damage.LOADED[source]().items() if file.startswith(("deals", "rates"))
    }
    delivered.pop(f"{damage.NEW}.part", None)
    assert found == {file: len(damage.records(content)) - 1 for file, content in delivered.items()}


@pytest.mark.parametrize("source", damage.LOADED)
def test_a_row_out_of_use_stands_where_its_file_and_number_say(night: Warehouse, source: str) -> None:
    found = night.rows(
        "select file, row_number, record_id, value, kind from quality.quarantined_rows where source = ?", source
    )
    for file, number, record_id, value, kind in found:
        record = damage.records(damage.LOADED[source]()[file])[number - 1]
        if kind == "quarantined":
            assert record_id in record if record_id else record[0].strip() == ""
        else:
            assert value is None or value.startswith(record[0].replace("\0", "\\0"))


def test_every_row_is_accounted_for(night: Warehouse) -> None:
    assert night.rows("from quality.row_accounting where balance != 0") == []
    sums = "rows_in_file = rows_rejected + rows_loaded and rows_loaded = current_rows + superseded + quarantined"
    assert night.rows(f"from quality.row_accounting where not ({sums})") == []
    rejected = night.value("select sum(rows_rejected) from quality.row_accounting")
    assert rejected == night.value("select count(*) from quality.quarantined_rows where kind = 'rejected'") > 0


def test_ragged_rows_are_rejected_by_their_record_number_although_a_cell_spans_lines(night: Warehouse) -> None:
    short, long = out_of_use(night, "ragged")
    assert (short[0], short[5], long[0], long[5]) == (11, "rejected", 21, "rejected")
    assert "6" in short[4] and "3" in short[4] and short[3].startswith("D10,Deal 10")
    assert "6" in long[4] and long[3].startswith("D20,Deal 20")
    assert night.value("select deal_name from marts.fct_deals where deal_key = 'ragged:D5'") == "a name\nof two lines"


@pytest.mark.parametrize(
    ("source", "cells"),
    [("nul_byte", [(13, "deal_name"), (31, "stage")]), ("nul_in_gz", [(13, "deal_name")])],
)
def test_a_row_with_a_nul_byte_is_rejected_and_its_cell_named(
    night: Warehouse, source: str, cells: list[tuple[int, str]]
) -> None:
    found = out_of_use(night, source)
    assert [(row[0], row[2]) for row in found] == cells
    assert all("NUL" in row[4] and row[5] == "rejected" for row in found)


def test_no_table_carries_a_nul_byte_on(night: Warehouse) -> None:
    (padding,) = out_of_use(night, "nul_padding")
    assert padding[0] == damage.ROWS + 2 and padding[5] == "rejected"
    assert night.rows("select source from quality.quarantined_rows where contains(value, chr(0))") == []


def test_row_numbers_do_not_drift_where_rows_are_rejected_and_quarantined_in_turn(night: Warehouse) -> None:
    assert [(row[0], row[5]) for row in out_of_use(night, "mixture")] == [
        (6, "rejected"),
        (11, "rejected"),
        (16, "quarantined"),
        (21, "rejected"),
    ]
    (message,) = night.rows(
        "select message from quality.hygiene_violations where source = 'mixture' and rule = 'unparseable_value'"
    )
    assert message == (f"row 31 of {damage.NEW}: amount cannot be read: 'tbd'; it counts as empty",)


def test_blank_lines_are_no_records_and_shift_no_row_number(night: Warehouse) -> None:
    assert [(row[0], row[5]) for row in out_of_use(night, "blank_lines")] == [(21, "rejected"), (51, "quarantined")]


def test_a_file_in_windows_1252_is_read_whole_and_said(night: Warehouse) -> None:
    assert out_of_use(night, "latin_1") == []
    assert night.value("select deal_name from marts.fct_deals where deal_key = 'latin_1:D11'") == "Müller"
    assert "Windows-1252" in messages(night, "latin_1")[damage.NEW][1]
    (warning,) = [text for text in night.run_json["warnings"] if text.startswith("latin_1/")]
    assert "Windows-1252" in warning and "`encoding`" in warning


def test_utf_16_is_read(night: Warehouse) -> None:
    assert messages(night, "utf16") == {damage.NEW: ("loaded", None)}
    assert night.value("select count(*) from marts.fct_deals where source = 'utf16'") == damage.ROWS


def test_a_file_in_two_encodings_loses_only_the_rows_that_cannot_be_read(night: Warehouse) -> None:
    (row,) = out_of_use(night, "two_encodings")
    assert row[0] == 12 and row[5] == "rejected"
    assert "utf-8" in row[4].lower()
    assert night.value("select deal_name from marts.fct_deals where deal_key = 'two_encodings:D10'") == "Zoë"


def test_quotes_inside_a_cell_are_part_of_it(night: Warehouse) -> None:
    names = dict(night.rows("select deal_id, deal_name from marts.fct_deals where source = 'stray_quotes'"))
    assert (names["D7"], names["D9"], len(names)) == ('Screen 27"', 'The "big" one', damage.ROWS)


def test_an_unreadable_date_or_amount_is_empty_and_listed(night: Warehouse) -> None:
    assert violations(night, "unreadable_cells") == [
        ("unparseable_value", "unreadable_cells:deals:D3:amount", "about 500"),
        ("unparseable_value", "unreadable_cells:deals:D4:amount", "1.2.3"),
        ("unparseable_value", "unreadable_cells:deals:D5:created_at", "31.02.2025"),
        ("unparseable_value", "unreadable_cells:deals:D6:created_at", "soon"),
        ("unparseable_value", "unreadable_cells:deals:D8:close_on", "12/31/2025"),
        ("unparseable_value", "unreadable_cells:deals:D9:close_on", "01.01.1025"),
    ]
    assert out_of_use(night, "unreadable_cells") == []
    deals = night.rows(
        "select deal_id, amount is null, created_at_is_estimated, expected_close_on is null from marts.fct_deals "
        "where source = 'unreadable_cells' and (amount is null or created_at_is_estimated or expected_close_on is null)"
    )
    assert sorted(deal[:3] for deal in deals if deal[0] in ("D3", "D4", "D5", "D6")) == [
        ("D3", True, False),
        ("D4", True, False),
        ("D5", False, True),
        ("D6", False, True),
    ]
    message = night.value(
        "select message from quality.hygiene_violations where record_key = 'unreadable_cells:deals:D3:amount'"
    )
    assert "amount" in message and "about 500" in message


def test_an_unknown_stage_counts_and_is_listed(night: Warehouse) -> None:
    assert violations(night, "unknown_stage") == [("unmapped_stage", "unknown_stage:D2", "Legal review")]
    stage = night.rows(
        "select canonical_stage, is_configured from marts.dim_stages "
        "where source = 'unknown_stage' and stage = 'Legal review'"
    )
    assert stage == [("prospecting", False)]
    assert night.value("select status from marts.fct_deals where deal_key = 'unknown_stage:D2'") == "open"


def test_of_two_headings_for_one_column_the_better_is_read_and_the_other_listed(night: Warehouse) -> None:
    outranked = night.value("select outranked_headings from quality.deliveries where source = 'synonyms'")
    assert outranked == "Phase"
    assert night.value("select count(distinct stage) from marts.fct_deals where source = 'synonyms'") == 4
    assert any("synonyms/" in warning and "Phase" in warning for warning in night.run_json["warnings"])


def test_one_heading_twice_is_read_if_the_contents_agree(night: Warehouse) -> None:
    assert messages(night, "twins_agree") == {damage.NEW: ("loaded", None)}
    assert night.value("select count(*) from marts.fct_deals where source = 'twins_agree'") == damage.ROWS


def test_of_two_rows_with_one_id_the_last_counts_and_only_a_contradiction_is_listed(night: Warehouse) -> None:
    assert violations(night, "repeated_ids") == [("duplicate_key", "repeated_ids:deals:D4:deal_id", "2")]
    assert night.value("select amount from marts.fct_deals where deal_key = 'repeated_ids:D4'") == 4444
    assert night.value("select superseded from quality.row_accounting where source = 'repeated_ids'") == 2


def test_a_row_without_id_or_required_value_stands_in_quarantine(night: Warehouse) -> None:
    assert out_of_use(night, "no_ids") == [
        (11, None, "deal_id", None, "no deal_id", "quarantined"),
        (21, None, "deal_id", None, "no deal_id", "quarantined"),
        (22, "D21", "stage", None, "no stage", "quarantined"),
    ]
    sha256 = night.value("select sha256 from quality.deliveries where source = 'no_ids'")
    keys = [key for rule, key, _ in violations(night, "no_ids") if rule == "missing_key"]
    assert keys == sorted([f"{sha256}:11", f"{sha256}:21", "no_ids:deals:D21:stage"])


def test_a_required_value_that_cannot_be_read_stands_in_quarantine_with_its_text(night: Warehouse) -> None:
    assert out_of_use(night, "rates") == [(82, "USD", "rate", "?", "rate cannot be read", "quarantined")]


def test_headings_that_map_to_nothing_are_listed_once(night: Warehouse) -> None:
    assert night.value("select unmapped_headings from quality.deliveries where source = 'other_words'") == "Mood"
    assert sum("Mood" in warning for warning in night.run_json["warnings"]) == 1


def test_a_spreadsheet_programs_csv_is_read(night: Warehouse) -> None:
    """Byte-order mark, semicolons, CRLF."""
    deals = night.rows("select count(*), sum(amount) from marts.fct_deals where source = 'excel_style'")
    assert deals == night.rows("select count(*), sum(amount) from marts.fct_deals where source = 'twins_agree'")


def test_unfinished_and_hidden_files_are_left_alone_and_strangers_listed_once(night: Warehouse) -> None:
    assert list(messages(night, "unfinished")) == [damage.NEW]
    warnings = night.run_json["warnings"]
    assert sum("no_source_of_this_name" in warning for warning in warnings) == 1
    assert sum("notes.txt" in warning for warning in warnings) == 1
    assert not any(".part" in warning or ".deals" in warning for warning in warnings)


def test_an_extract_time_taken_from_the_clock_of_the_file_is_said(night: Warehouse) -> None:
    (warning,) = [text for text in night.run_json["warnings"] if text.startswith("undated/")]
    assert "modification time 2025-12-03T00:00:00" in warning


def test_the_screen_shows_what_was_lost(night: Warehouse) -> None:
    said, quarantined = night.run_json["rows"], night.run_json["quarantined"]
    printed = " ".join(night.output.split())
    assert f"{said['in_files']:,} in files, {said['loaded']:,} loaded, " in printed
    # a row that the reader rejected stands in quarantine as well, and is counted once
    assert said["rejected"] > 0 and quarantined >= said["rejected"]
    assert f"loaded, {quarantined:,} in quarantine ({said['rejected']:,} of them rejected on reading)" in printed
    assert "delivery_refused 12" in printed and "Traceback" not in printed


def test_a_moment_before_the_first_delivery_is_refused_and_the_earliest_named(last: Night, too_early: Night) -> None:
    assert too_early.warehouse.status == 2
    said = too_early.warehouse.output
    assert "nothing had been delivered yet" in said and "Traceback" not in said
    assert "crm/" in said and "2025-11-20T00:00:00" in said
    assert too_early.readable == last.readable
