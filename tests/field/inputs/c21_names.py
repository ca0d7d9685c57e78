"""Names of files: folders in patterns, two spellings of one accent, archives that Windows packed."""

import unicodedata

from tests.field.world import Expected, Input
from tests.unit.delivering import zipped

_DEALS = "select deal_id, stage from marts.fct_deals where source = '{source}'"
_FILES = "select feed, file, state from quality.deliveries where source = '{source}'"
_FEEDS = """
    deliveries: full
    pipelines:
      - {{name: default, stages: [{{name: New, canonical: prospecting}}, {{name: Won, canonical: won}}]}}
    feeds:
      deals: {{entity: deals, files: [{deals}], columns: {{deal_id: Id, stage: Stage, created_at: Created}}}}
      accounts: {{entity: accounts, files: [{accounts}], columns: {{account_id: Id, account_name: Name}}}}
"""
_ROWS = "Id,Stage,Created\n1,New,2026-01-02\n2,Won,2026-01-03\n"
_ACCOUNTS = "Id,Name\n7,Acme\n"
_BOTH = "1 | New \n 2 | Won"


def _input(source: str, says: str, deals: str, accounts: str, files: dict[str, str | bytes], loaded: str) -> Input:
    return Input(
        kind="C21",
        source=source,
        says=says,
        config=_FEEDS.format(deals=deals, accounts=accounts),
        files=files,
        expected=(
            Expected(_DEALS, _BOTH),
            Expected(_FILES, loaded),
            Expected("select account_name from marts.dim_accounts where source = '{source}'", "Acme"),
        ),
        oracle=False,  # it knows patterns of names only
    )


INPUTS = (
    _input(
        "c21_folder_per_table",
        "one folder a table, the files in them named alike",
        '"deals/*.csv"',
        '"accounts/*.csv"',
        {"deals/2026-02-01.csv": _ROWS, "accounts/2026-02-01.csv": _ACCOUNTS},
        "deals | deals/2026-02-01.csv | loaded \n accounts | accounts/2026-02-01.csv | loaded",
    ),
    _input(
        "c21_folders_below_days",
        "dated folders above those of the tables, however deep",
        '"**/Deals/*.csv"',
        '"**/accounts/*"',
        {
            "2026-01-31/crm/deals/part.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "2026-02-01/crm/deals/part-1.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "2026-02-01/crm/deals/part-2.csv": "Id,Stage,Created\n2,Won,2026-01-03\n",
            "2026-02-01/accounts/a.csv": _ACCOUNTS,
        },
        """
        deals | 2026-01-31/crm/deals/part.csv | loaded
        deals | 2026-02-01/crm/deals/part-1.csv | loaded
        deals | 2026-02-01/crm/deals/part-2.csv | loaded
        accounts | 2026-02-01/accounts/a.csv | loaded
        """,
    ),
    _input(
        "c21_folder_as_a_whole",
        "a folder alone takes what lies in it",
        '"deals/"',
        '"accounts/**"',
        {"deals/2026-02-01": _ROWS, "accounts/north/2026-02-01.tsv": "Id\tName\n7\tAcme\n"},
        "deals | deals/2026-02-01 | loaded \n accounts | accounts/north/2026-02-01.tsv | loaded",
    ),
    _input(
        "c21_accents",
        "an accent in two characters, as macOS writes it, is the same letter",
        '"Geschäfte*.csv"',
        f'"{unicodedata.normalize("NFD", "Käufer")}/*.csv"',
        {
            unicodedata.normalize("NFD", "Geschäfte_2026-02-01.csv"): _ROWS,
            "käufer/2026-02-01.csv": _ACCOUNTS,
        },
        "deals | Geschäfte_2026-02-01.csv | loaded \n accounts | käufer/2026-02-01.csv | loaded",
    ),
    _input(
        "c21_backslashes",
        "an archive packed on Windows has backslashes between its folders",
        '"crm/deals/*.csv"',
        '"**/accounts.csv"',
        {
            "export_2026-02-01.zip": zipped(
                {"crm\\deals\\1.csv": _ROWS.encode(), "crm\\": b"", "crm\\accounts.csv": _ACCOUNTS.encode()}
            )
        },
        """
        deals | export_2026-02-01.zip/crm/deals/1.csv | loaded
        accounts | export_2026-02-01.zip/crm/accounts.csv | loaded
        """,
    ),
)
