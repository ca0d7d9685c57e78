"""A small CRM in which one lead and one owner stand everywhere: in rows, in texts, in what is dirty."""

from __future__ import annotations

from datetime import date, timedelta

from tests.faults.nights import Nights

LEAD = "00QZEB777XQ"
NAME = "Zébulon Quaxworthy"
MAIL = "Zebulon.Quaxworthy@nowhere.example"
OWNER = "U-PETRA-9"
OWNER_NAME = "Petronella Vandersnoot"
OWNER_MAIL = "petronella@ours.example"
DEAL = "DEAL-ZQ-0042"

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
thresholds: {max_quarantine_share: 0.5}
sources:
  - name: crm
    id_separator: "|"
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns:
          {deal_id: Id, deal_name: Name, stage: Stage, amount: Amount, owner_id: Owner, account_id: Account,
           lead_id: Lead, created_at: Created, merged_ids: Merged}
      log:
        entity: deal_changes
        deliveries: incremental
        files: ["log_*.csv"]
        columns: {deal_id: Deal, field: Field, old_value: Old, new_value: New, changed_at: At}
      versions:
        entity: deal_versions
        deliveries: incremental
        files: ["versions_*.csv"]
        columns: {version_id: Id, deal_id: Deal, stage: Stage, version_at: At, owner_id: Owner}
      calls:
        entity: activities
        files: ["calls_*.csv"]
        constants: {activity_type: call, is_done: "true"}
        columns:
          {activity_id: Id, subject: Subject, deal_id: Deal, lead_id: Lead, owner_id: Owner, completed_at: At}
      leads:
        entity: leads
        files: ["leads_*.csv"]
        columns:
          {lead_id: Id, lead_name: Name, email: Mail, owner_id: Owner, status: Status, created_at: Created,
           converted_deal_id: Deal, merged_into_id: Merged}
        converted_lead_statuses: [converted]
      users:
        entity: owners
        files: ["users_*.csv"]
        columns: {owner_id: Id, owner_name: Name, email: Mail}
      companies:
        entity: accounts
        files: ["companies_*.csv"]
        columns: {account_id: Id, account_name: Name, owner_id: Owner}
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Demo, canonical: demo, qualified: true}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
"""

FIRST, SECOND, THIRD = "2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z", "2026-01-04T06:00:00Z"


def write(nights: Nights) -> None:
    """The configuration, one that blocks, and three nightly exports, of which the third is delivered by `tomorrow`."""
    nights.config.write_text(CONFIG)
    nights.with_damage.write_text(CONFIG + "rules: {unparseable_value: {severity: critical}}\n")
    export(nights, "2026-01-01")
    export(nights, "2026-01-02")


def export(nights: Nights, day: str) -> None:
    """Every feed as of a day."""
    for feed, text in feeds(day).items():
        nights.deliver(f"crm/{feed}_{day}.csv", text)


def feeds(day: str) -> dict[str, str]:
    """The files of one night; the CRM grows by a lead and a call a day."""
    grown = (date.fromisoformat(day) - date(2025, 12, 31)).days
    leads = [
        f"{LEAD},{NAME},{MAIL},{OWNER},converted,2025-11-03,{DEAL}|D1,",
        f"L-OLD-{LEAD},Z. Quaxworthy,{MAIL.lower()},U1,new,2025-11-01,,{LEAD}",
        f",{NAME},{MAIL},U1,new,2025-11-04,,",  # no id: quarantined
        f"L9,{NAME},{MAIL},U1,new,2025-11-04,,,too,many,cells",  # rejected
        *(f"L{n},Lena Nr {n},lena{n}@else.example,U{n % 2 + 1},new,2025-11-{n:02},," for n in range(1, 9 + grown)),
    ]
    deals = [
        f"{DEAL},{NAME} - retrofit,New,100,{OWNER},A1,{LEAD},2025-11-05,",
        f"D1,Pilot for {NAME},Demo,200,{OWNER},A1,L2|{LEAD},2025-11-06,D77",
        f"D2,Extension,New,300,U1,A2,L3,{MAIL},",  # a date that cannot be read
        *(f"D{n},Deal {n},{'Won' if n % 2 else 'Demo'},{n}00,U1,A2,L{n % 8 + 1},2025-11-{n:02}," for n in range(3, 20)),
    ]
    calls = [
        f"C1,Call with Quaxworthy,{DEAL},{LEAD},{OWNER},2025-11-06",
        f"C2,mail from <{MAIL}>: {OWNER_NAME} answered,D1,L2|{LEAD},U1,2025-11-07",
        f"C3,nothing,,{LEAD},U1,ask {MAIL}",
        *(f"C{n},Call,D{n % 19 + 1},,U2,2025-12-{n:02}" for n in range(4, 20 + grown)),
    ]
    heads = {
        "leads": "Id,Name,Mail,Owner,Status,Created,Deal,Merged",
        "deals": "Id,Name,Stage,Amount,Owner,Account,Lead,Created,Merged",
        "calls": "Id,Subject,Deal,Lead,Owner,At",
        "users": "Id,Name,Mail",
        "companies": "Id,Name,Owner",
        "log": "Deal,Field,Old,New,At",
        "versions": "Id,Deal,Stage,At,Owner",
    }
    rows = {
        "leads": leads,
        "deals": deals,
        "calls": calls,
        "users": [
            f"{OWNER},{OWNER_NAME},{OWNER_MAIL}",
            "U1,Ulla One,ulla@ours.example",
            "U2,Udo Two,udo@ours.example",
        ],
        "companies": [f"A1,Acme,{OWNER}", "A2,Bolt,U1"],
        "log": [
            f"{DEAL},owner_id,U1,{OWNER},2025-11-06T10:00:00",
            f"D2,owner_id,{OWNER_NAME},U1,2025-11-07T10:00:00",
            f"D3,stage,New,{'Won'},2025-12-{10 + grown:02}T10:00:00",
        ],
        "versions": [
            f"V{grown}1,{DEAL},New,2025-11-06T09:00:00,{OWNER}",
            f"V{grown}2,D5,New,{date(2025, 11, 8) + timedelta(grown)}T09:00:00,U1",
        ],
    }
    return {feed: "\n".join([head, *rows[feed]]) for feed, head in heads.items()}
