"""Workbooks as people keep them: errors in cells, hidden sheets, cover sheets, dates a spreadsheet has swapped."""

from tests.field.world import Expected, Input
from tests.unit.delivering import Cell, xlsx

_CONFIG = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, deal_name: Name, stage: Stage, amount: Amount, currency: Currency, owner_id: Owner,
                  account_id: Account, created_at: Created, expected_close_on: Close}
"""
_DEALS = (
    "select deal_id, deal_name, stage, amount, owner_key, expected_close_on from marts.fct_deals"
    " where source = '{source}'"
)
_FILES = "select file, state, rows_loaded from quality.deliveries where source = '{source}'"
_UNREAD = (
    "select record_key, observed from quality.hygiene_violations where source = '{source}'"
    " and rule = 'unparseable_value' and resolved_on is null"
)
_HEADINGS: list[Cell] = ["Id", "Name", "Stage", "Amount", "Owner", "Created", "Close"]
_FIRST: list[Cell] = ["1", "Hall", "New", 5, "ann", ("date", 46024), ("date", 46082)]
_SECOND: list[Cell] = ["2", "Roof", "Won", 7.5, "bob", ("date", 46025), None]
_GOOD = xlsx({"Deals": [_HEADINGS, _FIRST, _SECOND]})
_BOTH = """
    1 | Hall | New | 5.00 | {source}:ann | 2026-03-01
    2 | Roof | Won | 7.50 | {source}:bob |
"""
_OLD: list[list[Cell]] = [_HEADINGS, ["9", "Old", "New", 1, "old", ("date", 40000), None]]


def _loaded(source: str, says: str, workbook: bytes, *said: str, config: str = _CONFIG) -> Input:
    return Input(
        kind="C20",
        source=source,
        says=says,
        config=config,
        files={"deals_2026-02-01.xlsx": workbook},
        expected=(Expected(_DEALS, _BOTH.format(source=source)), Expected(_UNREAD)),
        output=said,
        oracle=False,  # it reads delimited text
    )


def _refused(source: str, says: str, workbook: bytes, *said: str) -> Input:
    return Input(
        kind="C20",
        source=source,
        says=says,
        config=_CONFIG,
        files={"deals_2026-02-01.xlsx": _GOOD, "deals_2026-02-02.xlsx": workbook},
        expected=(
            Expected(_DEALS, _BOTH.format(source=source)),
            Expected(_FILES, "deals_2026-02-01.xlsx | loaded | 2 \n deals_2026-02-02.xlsx | refused | 0"),
        ),
        output=said,
        oracle=False,
    )


INPUTS = (
    Input(
        kind="C20",
        source="c20_errors",
        says="an error is an unreadable value in every column, a text that looks like one is a word for nothing",
        config=_CONFIG,
        files={
            "deals_2026-02-01.xlsx": xlsx(
                {
                    "Deals": [
                        [*_HEADINGS, "Account", "Currency"],
                        [*_FIRST, "acme", "EUR"],
                        [*_SECOND, "acme", "EUR"],
                        ["3", "Mill", "New", ("error", "#DIV/0!"), "cat", ("date", 46026), None, "zeta", "EUR"],
                        ["4", ("error", "#N/A"), "New", 3, ("error", "#REF!"), ("date", 46026), None, "zeta", "EUR"],
                        ["5", "Barn", "New", 4, "cat", ("date", 46026), ("error", "#VALUE!"), "#N/A", "EUR"],
                        ["6", "Shed", "New", 6, "cat", ("date", 46026), None, "zeta", ("error", "#NAME?")],
                    ]
                }
            )
        },
        expected=(
            Expected(
                "select deal_id, deal_name, amount, amount_reporting, owner_key, account_key from marts.fct_deals"
                " where source = '{source}' and deal_id > '2'",
                """
                3 | Mill |      |      | c20_errors:cat | c20_errors:zeta
                4 |      | 3.00 | 3.00 |                | c20_errors:zeta
                5 | Barn | 4.00 | 4.00 | c20_errors:cat |
                6 | Shed | 6.00 |      | c20_errors:cat | c20_errors:zeta
                """,
            ),
            Expected(
                _UNREAD,
                """
                c20_errors:deals:3:amount | #DIV/0!
                c20_errors:deals:4:deal_name | #N/A
                c20_errors:deals:4:owner_id | #REF!
                c20_errors:deals:5:expected_close_on | #VALUE!
                c20_errors:deals:6:currency | #NAME?
                """,
            ),
        ),
        oracle=False,
    ),
    Input(
        kind="C20",
        source="c20_error_for_an_id",
        says="an error in the place of an id or stage quarantines its row",
        config=_CONFIG,
        files={
            "deals_2026-02-01.xlsx": xlsx(
                {
                    "Deals": [
                        _HEADINGS,
                        _FIRST,
                        _SECOND,
                        [("error", "#N/A"), "Mill", "New", 1, "cat", ("date", 46026), None],
                        ["4", "Barn", ("error", "#N/A"), 1, "cat", ("date", 46026), None],
                    ]
                }
            )
        },
        expected=(
            Expected(_DEALS, _BOTH.format(source="c20_error_for_an_id")),
            Expected(
                "select row_number, record_id, column_name from quality.quarantined_rows where source = '{source}'",
                "4 | | deal_id \n 5 | 4 | stage",
            ),
        ),
        oracle=False,
    ),
    _loaded(
        "c20_hidden_first",
        "a hidden sheet is not read, though it stands first and has the headings",
        xlsx({"Old": _OLD, "Deals": [_HEADINGS, _FIRST, _SECOND]}, {"Old": "hidden"}),
        "c20_hidden_first/deals_2026-02-01.xlsx: read sheet 'Deals', not 'Old' (hidden)",
    ),
    _loaded(
        "c20_very_hidden",
        "nor is one that only a macro can show",
        xlsx({"Old": _OLD, "Deals": [_HEADINGS, _FIRST, _SECOND]}, {"Old": "veryHidden"}),
    ),
    _loaded(
        "c20_hidden_but_named",
        "unless the feed names it",
        xlsx({"Cover": [["All deals"]], "Data": [_HEADINGS, _FIRST, _SECOND]}, {"Data": "hidden"}),
        config=_CONFIG + "        sheet: data\n",
    ),
    _loaded(
        "c20_cover_sheet",
        "a cover sheet and a pivot stand before the records, titles above them",
        xlsx(
            {
                "Read me": [["Sales report"], ["Made", "2026-02-01"]],
                "Pivot": [["Stage", "Sum of Amount"], ["New", 5]],
                "Deals": [["Sales report"], [None, None, "confidential"], _HEADINGS, _FIRST, _SECOND],
            }
        ),
        "sheet 'Deals': 2 rows above the headings passed over",
    ),
    _refused(
        "c20_no_sheet_fits",
        "the message lists the sheets",
        xlsx({"Cover": [["Sales"]], "Old": _OLD, "Sums": [["Stage", "Sum"]]}, {"Old": "hidden"}),
        "its sheets are 'Cover', 'Old' (hidden), 'Sums'",
    ),
    _refused(
        "c20_all_hidden",
        "where nothing can be seen nothing is read",
        xlsx({"Old": _OLD}, {"Old": "hidden"}),
        "has no sheet that can be seen; its sheets are 'Old' (hidden)",
    ),
    _refused(
        "c20_swapped",
        "typed dates all up to the twelfth beside texts all beyond it: the spreadsheet has swapped them",
        xlsx(
            {
                "Deals": [
                    _HEADINGS,
                    ["1", "Hall", "New", 5, "ann", ("date", 46144), None],
                    ["2", "Roof", "Won", 7.5, "bob", "13/02/2026", None],
                    ["3", "Mill", "New", 7.5, "bob", ("date", 46056), None],
                    ["4", "Barn", "New", 7.5, "bob", "28/01/2026", None],
                ]
            }
        ),
        "a spreadsheet has swapped day and month of the dates",
        "'2026-05-02' in row 2 is",
    ),
)
