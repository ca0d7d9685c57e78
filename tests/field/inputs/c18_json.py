"""JSON as APIs and their command lines give it: pages, errors, nothing, and numbers that are none."""

import json
from typing import Any

from tests.field.world import Expected, Input

_CONFIG = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.json*"]
        columns: {deal_id: Id, deal_name: Name, stage: Stage, amount: Amount, created_at: Created}
"""
_DEALS = "select deal_id, deal_name, status, amount from marts.fct_deals where source = '{source}'"
_FILES = "select state, rows_loaded from quality.deliveries where source = '{source}'"
_FIRST = {"Id": "1", "Name": "Hall", "Stage": "New", "Amount": 5, "Created": "2026-01-02"}
_SECOND = {"Id": "2", "Name": "Roof", "Stage": "New", "Amount": 7.5, "Created": "2026-01-03"}
_GOOD = json.dumps([_FIRST])
#: What an earlier good delivery leaves when the later one is refused.
_STAYS = Expected(_DEALS, "1 | Hall | open | 5.00")


def _page(*records: Any, **said: Any) -> str:
    return json.dumps({"results": records, **said})


def _refused(source: str, says: str, content: str, output: str) -> Input:
    return Input(
        kind="C18",
        source=source,
        says=says,
        config=_CONFIG,
        files={"deals_2026-02-01.json": _GOOD, "deals_2026-02-02.json": content},
        expected=(
            _STAYS,
            Expected(_FILES, "loaded | 1 \n refused | 0"),
        ),
        output=(output,),
        oracle=False,  # it refuses nothing for what a page says of itself
    )


INPUTS = (
    Input(
        kind="C18",
        source="c18_pages",
        says="pages one per line, records two levels down, and a number that is none",
        config=_CONFIG,
        files={
            "deals_2026-02-01.jsonl": json.dumps({"result": {"records": [_FIRST], "totalSize": 2, "done": False}})
            + "\n"
            + json.dumps({"result": {"records": [{**_SECOND, "Amount": float("nan")}], "totalSize": 2, "done": True}})
        },
        expected=(
            Expected(_DEALS, "1 | Hall | open | 5.00 \n 2 | Roof | open |"),
            Expected(
                "select record_key, observed from quality.hygiene_violations "
                "where source = '{source}' and rule = 'unparseable_value'",
                "c18_pages:deals:2:amount | NaN",
            ),
        ),
        oracle=False,  # it looks for a list one level down only
    ),
    Input(
        kind="C18",
        source="c18_pages_in_files",
        says="the pages of one delivery in a file each",
        config=_CONFIG,
        files={
            "deals_1_2026-02-01.json": _page(_FIRST, paging={"next": {"after": "1"}}),
            "deals_2_2026-02-01.json": _page(_SECOND),
        },
        expected=(Expected(_DEALS, "1 | Hall | open | 5.00 \n 2 | Roof | open | 7.50"),),
        oracle=False,
    ),
    _refused(
        "c18_first_page", "a first page is not all", _page(_SECOND, paging={"next": {"after": "1"}}), "more pages"
    ),
    _refused(
        "c18_error", "an error is not nothing", '{"status": "error", "message": "token expired"}', "token expired"
    ),
    _refused("c18_deep", "deep JSON is refused", "[" * 900 + "]" * 900, "levels deep"),
    _refused("c18_twice", "a key twice", '[{"Id": "1", "Stage": "New", "Stage": "Won"}]', "'Stage' twice"),
)
