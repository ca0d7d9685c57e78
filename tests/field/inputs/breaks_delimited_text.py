"""Delimited text that shifts, swallows or hides rows in the hands of a trusting reader."""

from tests.field.world import Expected, Input

_CONFIG = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Lost, canonical: lost}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Deal ID, deal_name: Name, stage: Stage, amount: Amount, created_at: Created,
                  lost_reason: Reason lost}
"""
_DEALS = "select deal_id, deal_name, amount, lost_reason, status from marts.fct_deals where source = '{source}'"
_COUNTS = "select rows_in_file, rows_rejected, rows_loaded, state from quality.deliveries where source = '{source}'"
_HEADER = "Deal ID,Name,Stage,Amount,Created,Reason lost\n"
_TWO_LINES = b'Deal ID,Name,Stage,Amount,Created,"Reason\nlost"\r\n1,Hall,Lost,5,2026-01-02,price\r\n'


def _row(at: int) -> str:
    return f"{at},Deal,New,{at},2026-01-03,\n"


def _short(at: int) -> str:
    return f"{at},Deal,New,{at},2026-01-03\n"


def _rows(*numbers: int) -> str:
    return "".join(map(_row, numbers))


def _input(source: str, says: str, text: str | bytes, deals: str, counts: str, *more: Expected) -> Input:
    return Input(
        kind="breaks",
        source=source,
        says=says,
        config=_CONFIG,
        files={"deals_2026-02-01.csv": text},
        expected=(Expected(_DEALS, deals), Expected(_COUNTS, counts), *more),
        oracle=False,  # it reads files that are plainly well-formed
    )


INPUTS = (
    _input(
        "breaks_heading_of_two_lines",
        "a heading with a line break in a file with the line ends of Windows",
        _TWO_LINES,
        "1 | Hall | 5.00 | price | lost",
        "1 | 0 | 1 | loaded",
    ),
    _input(
        "breaks_heading_of_windows",
        "and one whose own line break is that of Windows as well",
        _TWO_LINES.replace(b"Reason\n", b"Reason\r\n"),
        "1 | Hall | 5.00 | price | lost",
        "1 | 0 | 1 | loaded",
    ),
    _input(
        "breaks_surplus_delimiter",
        "a delimiter too many in a row whose last cell is empty is a row of another form, not other values",
        _HEADER + _row(1) + "2,Roof, east,New,6,2026-01-03,\n3,Mill,New,1,100,2026-01-03,\n" + _row(4),
        "1 | Deal | 1.00 | | open \n 4 | Deal | 4.00 | | open",
        "4 | 2 | 2 | loaded",
        Expected("select row_number from quality.quarantined_rows where source = '{source}'", "3 \n 4"),
    ),
    _input(
        "breaks_stray_quote",
        "rows that a stray quote and the next one hold between them are rejected one by one, and no other one",
        _HEADER + '1,"Hall,New,5,2026-01-02,\n' + _row(2) + '3,Deal",New,3,2026-01-03,\n' + _rows(4, 5, 6, 7, 8),
        "\n".join(f"{at} | Deal | {at}.00 | | open" for at in range(4, 9)),
        "8 | 3 | 5 | loaded",
        Expected("select row_number from quality.quarantined_rows where source = '{source}'", "2 \n 3 \n 4"),
    ),
    _input(
        "breaks_quote_in_a_cell",
        'a cell `"Nord" depot` rejects its row',
        _HEADER + '1,"Nord" depot,New,5,2026-01-02,\n' + _row(2) + '3,"Deal",New,3,2026-01-03,\n',
        "2 | Deal | 2.00 | | open \n 3 | Deal | 3.00 | | open",
        "3 | 1 | 2 | loaded",
    ),
    Input(
        kind="breaks",
        source="breaks_quote_never_closed",
        says="where nothing closes a quote, nothing tells the rows behind it apart",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": _HEADER + _row(1),
            "deals_2026-02-02.csv": _HEADER + '1,"Hall,New,5,2026-01-02,\n' + _row(2),
        },
        expected=(
            Expected(_DEALS, "1 | Deal | 1.00 | | open"),
            Expected(_COUNTS, "1 | 0 | 1 | loaded \n 0 | 0 | 0 | refused"),
        ),
        output=("opened near row 2 (line 2) and never closed",),
        oracle=False,
    ),
    Input(
        kind="breaks",
        source="breaks_rejected_stays",
        says="a deal whose row is rejected or quarantined stays, and so does one that is not there beside it",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": _HEADER + _rows(1, 2, 3, 4, 5, 6),
            # 1 rejected, 2 without its stage, 6 gone: with a reject in it, the extract proves nothing
            "deals_2026-02-02.csv": _HEADER + _short(1) + "2,Deal,,2,2026-01-03,\n" + _rows(3, 4, 5),
        },
        expected=(
            Expected(
                "select deal_id, status from marts.fct_deals where source = '{source}'",
                "\n".join(f"{at} | open" for at in range(1, 7)),
            ),
        ),
        oracle=False,
    ),
    Input(
        kind="breaks",
        source="breaks_later_extract_proves",
        says="the next sound extract proves what is gone",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": _HEADER + _rows(1, 2, 3, 4),
            "deals_2026-02-02.csv": _HEADER + _short(1) + _rows(2, 4),
            "deals_2026-02-03.csv": _HEADER + _rows(1, 2, 4),
        },
        expected=(
            Expected(
                "select deal_id, status, deleted_at from marts.fct_deals where source = '{source}'",
                "1 | open | \n 2 | open | \n 3 | deleted | 2026-02-03 00:00:00 \n 4 | open |",
            ),
        ),
        oracle=False,
    ),
)
