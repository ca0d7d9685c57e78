"""Each owner's records from the published tables: what stands on their worklist, and their other open deals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import duckdb

from dagster_project.publish.owners.links import Link, no_link
from dagster_project.publish.owners.names import Named, file_names
from dagster_project.publish.shown_odds import SHOWN_OUTLOOK

_ROWS_AT_ONCE = 10_000

# What is listed of whom. A deal with a violation is in the worklist's place; the others come by what stands out, then
# by amount times how open it is how they end.
_RECORDS = f"""
select
    case when worklists.record_key is null then outlook.owner_key else worklists.owner_key end as owner_key,
    worklists.place,
    coalesce(worklists.source, outlook.source) as source,
    coalesce(worklists.pipeline, outlook.pipeline) as pipeline,
    coalesce(worklists.entity, 'deals') as entity,
    coalesce(worklists.record_key, outlook.deal_key) as record_key,
    coalesce(worklists.deal_key, outlook.deal_key) as deal_key,
    worklists.record_name,
    coalesce(worklists.stage, outlook.stage) as stage,
    coalesce(worklists.amount_at_stake, outlook.amount_reporting) as amount,
    outlook.deal_key is not null as is_open_deal,
    outlook.expected_close_on,
    outlook.days_in_stage,
    outlook.stage_median_days,
    outlook.p_won_this_month,
    outlook.p_won_this_quarter,
    outlook.p_won,
    outlook.slip_probability,
    worklists.severity,
    coalesce(worklists.violations, 0) as violations,
    -- of an open deal also what no rule forbids
    coalesce(outlook.reason_ids, worklists.rules) as reason_ids,
    coalesce(outlook.reasons, worklists.messages) as reasons,
    worklists.first_seen_on
from (
    select *, case entity when 'deals' then record_key end as deal_key from quality.worklists
) as worklists
-- keys alone: with a condition on the entity beside it, DuckDB compares every row with every other
full join {SHOWN_OUTLOOK} as outlook on worklists.deal_key = outlook.deal_key
"""
LISTED = f"""
with records as ({_RECORDS})

select
    records.owner_key,
    records.place,
    records.source,
    records.pipeline,
    records.entity,
    records.record_key,
    coalesce(records.record_name, deals.deal_name) as record_name,
    records.stage,
    records.amount,
    deals.amount as own_amount,
    deals.currency,
    deals.deal_key is not null as is_deal,
    records.is_open_deal,
    records.expected_close_on,
    records.days_in_stage,
    records.stage_median_days,
    records.p_won_this_month,
    records.p_won_this_quarter,
    records.p_won,
    records.slip_probability,
    records.severity,
    records.violations,
    records.reason_ids,
    records.reasons,
    records.first_seen_on
from records
left join marts.fct_deals as deals on records.deal_key = deals.deal_key
order by
    records.owner_key nulls first,
    records.place nulls last,
    records.reason_ids is null,
    records.amount * coalesce(records.p_won * (1 - records.p_won), 0.25) desc nulls last,
    records.record_key
"""
OWNERS = f"""
with records as ({_RECORDS}),

owning as (
    select owner_key, min(source) as source from records group by owner_key
),

scores as (
    select owner_key, sum(open_deals) as open_deals, sum(clean_deals) as clean_deals
    from quality.hygiene_scores
    where date_day = (select max(date_day) from quality.hygiene_scores)
    group by owner_key
)

select
    owning.owner_key,
    coalesce(owners.source, owning.source) as source,
    coalesce(owners.owner_name, substr(owning.owner_key, length(owning.source) + 2), '') as owner_name,
    owners.owner_id,
    owners.team,
    owners.email,
    owners.is_active,
    scores.open_deals,
    scores.clean_deals
from owning
left join marts.dim_owners as owners on owning.owner_key = owners.owner_key
left join scores on owning.owner_key is not distinct from scores.owner_key
"""


class Owner(NamedTuple):
    """Whose list it is. `key` None: nobody's. `file` is the name of page and CSV, without ending."""

    key: str | None
    source: str
    name: str
    id: str | None
    team: str | None
    email: str | None
    is_active: bool | None
    #: Of their open deals, how many have no open warning.
    scored_deals: int | None
    clean_deals: int | None
    file: str


class Record(NamedTuple):
    """One record of a list. `amount` in the reporting currency, `own_amount` in the deal's own; odds between 0 and 1;
    None: not known.

    `place` is that in the worklist, None of what breaks no rule; `url` its address in the CRM.
    """

    place: int | None
    source: str
    pipeline: str | None
    entity: str
    record_key: str
    record_name: str | None
    stage: str | None
    amount: Decimal | None
    own_amount: Decimal | None
    currency: str | None
    is_deal: bool
    is_open_deal: bool
    expected_close_on: date | None
    days_in_stage: float | None
    stage_median_days: float | None
    p_won_this_month: float | None
    p_won_this_quarter: float | None
    p_won: float | None
    slip_probability: float | None
    severity: str | None
    violations: int
    reason_ids: str | None
    reasons: str | None
    first_seen_on: date | None
    url: str | None

    @property
    def record_id(self) -> str:
        """As the CRM writes it; of what is wrong in a row of a file `<entity>:<id>:<column>`."""
        return self.record_key.removeprefix(f"{self.source}:")

    @property
    def kind(self) -> str:
        """What it is, as a word for one."""
        return f"{self.entity.removesuffix('ies')}y" if self.entity.endswith("ies") else self.entity.removesuffix("s")

    @property
    def told(self) -> str:
        """What has to change before the owner is told again: no figure that a night alone moves, as days, odds and the
        day's exchange rate do."""
        said = (self.entity, self.record_key, self.record_name, self.stage, self.own_amount, self.currency)
        return repr((*map(str, said), str(self.expected_close_on), self.severity, self.reason_ids))


@dataclass
class OwnerList:
    """An owner's list as it is shown: the first records of each part, and figures over all of them."""

    owner: Owner
    to_mend: list[Record] = field(default_factory=list)
    open_deals: list[Record] = field(default_factory=list)
    mend_count: int = 0
    mend_deals: int = 0
    critical_count: int = 0
    #: Open deals that stand in no worklist, and those of them with something to look at.
    deal_count: int = 0
    noted_count: int = 0
    #: Amount of the deals to mend, as far as it is known; None where it is of none.
    at_stake: Decimal | None = None
    #: Over all open deals: amount, and what of it is likely to be won this quarter, as far as they are known.
    open_count: int = 0
    open_amount: Decimal | None = None
    expected_amount: float | None = None
    new_count: int = 0
    #: Of what is to be mended and looked at; None where there is nothing.
    fingerprint: str | None = None

    @property
    def score(self) -> float | None:
        """Share of open deals without an open warning; None without open deals."""
        owner = self.owner
        return owner.clean_deals / owner.scored_deals if owner.scored_deals and owner.clean_deals is not None else None


def owner_lists(
    connection: duckdb.DuckDBPyConnection,
    shown: int,
    link: Link = no_link,
    each: Callable[[Owner, Iterator[Record]], Iterator[Record]] = lambda owner, records: records,
    new_since: Callable[[Owner], date | None] = lambda owner: None,
) -> Iterator[OwnerList]:
    """The lists of all owners who have a record, nobody's first, read one after the other: none is ever held whole.

    `shown`: records of each part to keep. `each` sees all records of an owner as they pass. `new_since`: what was first
    seen after that day counts as new.
    """
    owners = _owners(connection)
    rows = connection.cursor().execute(LISTED)
    for key, records in groupby(_fetched(rows), key=lambda row: row[0]):
        owner = owners[key]
        yield _gathered(owner, each(owner, (_record(row, link) for row in records)), shown, new_since(owner))


def owners_without(connection: duckdb.DuckDBPyConnection, keys: list[str]) -> list[Owner]:
    """Of owners who have no record any more those who are still known, without a score and files."""
    query = "select owner_key, source, owner_name, owner_id, team, email, is_active from marts.dim_owners"
    rows = connection.execute(f"{query} where list_contains($keys, owner_key) order by owner_key", {"keys": keys})
    return [Owner._make((*row, None, None, "")) for row in rows.fetchall()]


def _owners(connection: duckdb.DuckDBPyConnection) -> dict[str | None, Owner]:
    rows = connection.execute(OWNERS).fetchall()
    files = file_names(Named(row[0], row[1] or "", row[2]) for row in rows)
    return {row[0]: Owner._make((*row, files[row[0]])) for row in rows}


def _fetched(rows: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    while some := rows.fetchmany(_ROWS_AT_ONCE):
        yield from some


def _record(row: tuple, link: Link) -> Record:
    record = Record._make((*row[1:], None))
    if record.record_id.startswith(f"{record.entity}:"):
        return record  # a cell or row of a file, which is no record of its own in the CRM
    url = link(record.source, record.entity, record.record_id)
    # what a pattern makes of an id is no script
    return record._replace(url=url) if url and url.startswith(("https://", "http://")) else record


def _gathered(owner: Owner, records: Iterator[Record], shown: int, new_since: date | None) -> OwnerList:
    found = OwnerList(owner)
    told: int | None = None
    for record in records:
        if record.place is not None or record.reason_ids:
            # a sum: the order in which they stand is no news
            told = (told or 0) + int.from_bytes(hashlib.sha256(record.told.encode()).digest(), "big")
        if record.is_open_deal:
            found.open_count += 1
            found.open_amount = _plus(found.open_amount, record.amount)
            if record.amount is not None and record.p_won_this_quarter is not None:
                found.expected_amount = (found.expected_amount or 0) + float(record.amount) * record.p_won_this_quarter
        if record.place is None:
            part, count = found.open_deals, found.deal_count
            found.deal_count += 1
            found.noted_count += record.reason_ids is not None
        else:
            part, count = found.to_mend, found.mend_count
            found.mend_count += 1
            found.mend_deals += record.is_deal
            found.critical_count += record.severity == "critical"
            found.at_stake = _plus(found.at_stake, record.amount)
            found.new_count += new_since is not None and bool(record.first_seen_on and record.first_seen_on > new_since)
        if count < shown:
            part.append(record)
    found.fingerprint = f"{told % 2**256:064x}" if told is not None else None
    return found


def _plus(total: Decimal | None, amount: Decimal | None) -> Decimal | None:
    return total if amount is None else (total or Decimal(0)) + amount
