"""Fields of a team's own that are dropped or hashed: no byte of what they said is anywhere in the warehouse."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess

import pytest

from dagster_project.forget.search import search
from dagster_project.lake.erasure.texts import Texts
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment
from tests.faults.nights import Nights

SALT = "a salt that is as long as salts should be"
CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
thresholds: {max_quarantine_share: 0.9}
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, account_id: Account, owner_id: Owner, created_at: Created}
        fields:
          note: {from: [Internal note, Note__c]}
          contract: {from: [Contract__c]}
          bonus: {from: [Bonus], kind: amount}
          region: {from: [Region]}
        personal_data: {note: drop, contract: hash, bonus: drop}
      log:
        entity: deal_changes
        deliveries: incremental
        files: ["log_*.csv"]
        columns: {deal_id: Deal, field: Field, old_value: Old, new_value: New, changed_at: At}
        values: {field: {contract: [Agreement]}}
      leads:
        entity: leads
        files: ["leads_*.csv"]
        columns: {lead_id: Id, status: Status, created_at: Created}
        fields: {passport: {from: [Passport]}, badge: {from: [Badge]}}
        personal_data: {passport: drop, badge: hash}
      companies:
        entity: accounts
        files: ["companies_*.csv"]
        columns: {account_id: Id}
        fields: {tax_number: {from: [Tax]}}
        personal_data: {tax_number: hash}
      users:
        entity: owners
        files: ["users_*.csv"]
        columns: {owner_id: Id}
        fields: {home: {from: [Home]}}
        personal_data: {home: drop}
    pipelines:
      - name: default
        stages: [{name: New, canonical: prospecting}, {name: Demo, canonical: demo}]
"""
#: All of these are in what is delivered, and in nothing that is written.
CLEAR = {
    "note": [
        "Quaxworthy drinks",
        "Zebulon is divorced",
        "ragged Quaxnote",
        "keyless Quaxnote",
        "Quaxnote by its heading",
    ],
    "contract": ["CONTRACT-ZQX-001", "CONTRACT-ZQX-002", "CONTRACT-ZQX-003"],
    "bonus": ["31415.93", "plenty of Quaxmoney"],
    "passport": ["PASSPORT-QUAX-7"],
    "badge": ["BADGE-QUAX-9"],
    "tax_number": ["TAX-QUAX-11"],
    "home": ["Quaxstreet 13"],
}


def hashed(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    nights = Nights(tmp_path_factory.mktemp("guarded"))
    nights.config.write_text(CONFIG, encoding="utf-8")
    heading = "Id,Stage,Amount,Account,Owner,Created,Internal note,Contract__c,Bonus,Region"
    nights.deliver(
        "crm/deals_2026-01-10.csv",
        f"""{heading}
        1,New,100,a1,u1,2026-01-02,Quaxworthy drinks,CONTRACT-ZQX-001,31415.93,Nord
        2,New,100,a1,u1,2026-01-02,Zebulon is divorced,,plenty of Quaxmoney,Nord
        ,New,100,a1,u1,2026-01-02,keyless Quaxnote,CONTRACT-ZQX-003,1,Nord
        4,New,100,a1,u1,2026-01-02,ragged Quaxnote,,1,Nord,one too many
        """,
    )
    nights.deliver(
        "crm/deals_2026-01-12.csv",
        f"""{heading}
        1,Demo,100,a1,u1,2026-01-02,Zebulon is divorced,CONTRACT-ZQX-002,31415.93,Nord
        2,New,100,a1,u1,2026-01-02,Quaxworthy drinks,,plenty of Quaxmoney,Nord
        """,
    )
    nights.deliver(
        "crm/log_2026-01-12.csv",
        """Deal,Field,Old,New,At
        1,Agreement,CONTRACT-ZQX-001,CONTRACT-ZQX-002,2026-01-11 10:00:00
        1,note,Quaxworthy drinks,Zebulon is divorced,2026-01-11 10:00:00
        1,NOTE__C,Quaxnote by its heading,Quaxworthy drinks,2026-01-11 09:00:00
        1,bonus,plenty of Quaxmoney,31415.93,2026-01-11 10:00:00
        1,stage,New,Demo,2026-01-11 10:00:00
        """,
    )
    lead = "Id,Status,Created,Passport,Badge\nl1,open,2026-01-02,PASSPORT-QUAX-7,BADGE-QUAX-9"
    nights.deliver("crm/leads_2026-01-12.csv", lead)
    nights.deliver("crm/companies_2026-01-12.csv", "Id,Tax\na1,TAX-QUAX-11")
    nights.deliver("crm/users_2026-01-12.csv", "Id,Home\nu1,Quaxstreet 13")
    night = subprocess.run(
        [str(DEALTRAIL), "nightly"],
        cwd=PROJECT,
        env=environment(
            PIPELINE_CONFIG=nights.config,
            LANDING_DIR=nights.landing,
            WAREHOUSE_DIR=nights.warehouse,
            AS_OF="2026-01-13T06:00:00Z",
            DEALTRAIL_SALT=SALT,
            DEALTRAIL_LOG_FORMAT="json",
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    warehouse = Warehouse(nights.warehouse, night.returncode, night.stdout + night.stderr)
    assert warehouse.status == 0, warehouse.output
    return warehouse


def test_no_byte_of_what_is_dropped_or_hashed_is_written(played: Warehouse) -> None:
    clear = Texts({value: "?" for values in CLEAR.values() for value in values})
    landing = played.path.parent / "landing"
    assert len(list(search(landing, clear))) == 6, "the search finds what is there"
    assert [place.shown(played.path) for place in search(played.path, clear)] == []
    assert not [value for values in CLEAR.values() for value in values if value in played.output]
    assert (played.path / "run.json").exists() and list(played.path.rglob("index.html"))


def test_a_hash_stands_where_its_value_would(played: Warehouse) -> None:
    first, second = hashed("CONTRACT-ZQX-001"), hashed("CONTRACT-ZQX-002")
    [(fields, wide, note, bonus)] = played.rows(
        "select facts.fields, contract, note, bonus from marts.deals_wide "
        "inner join marts.fct_deals as facts using (deal_key) where deal_key = 'crm:1'"
    )
    assert (json.loads(fields), wide, note, bonus) == ({"contract": second, "region": "Nord"}, second, None, None)
    assert played.rows("select account_tax_number, owner_home from marts.deals_wide where deal_key = 'crm:1'") == [
        (hashed("TAX-QUAX-11"), None)
    ]
    assert played.rows("select badge, passport from marts.leads_wide") == [(hashed("BADGE-QUAX-9"), None)]
    changes = played.rows(
        "select field, old_value, new_value, evidence from marts.fct_deal_changes "
        "where deal_key = 'crm:1' and field in ('note', 'contract', 'bonus', 'region')"
    )
    assert changes == [("contract", first, second, "logged")]
