"""A second, independent implementation of the domain in plain Python, for the pipeline to be compared with.

No SQL, no data frames, nothing imported from the project: `compute` reads the raw files of a landing folder
and works through `domain.md` definition by definition. `tests.oracle.compare` (imported by itself, for it needs
duckdb) lists where a published warehouse differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from .accounting import file_rows
from .activities import activity_rows, bridge_rows
from .bottlenecks import bottlenecks
from .configuration import Config, moment_in_utc, read_configuration
from .crm import Crm
from .customers import Customer, customer_months, customer_years, customers_of
from .deals import Deal, deals_of
from .dimensions import date_rows, stage_rows, with_canonical
from .flow import close_date_slippage, stage_flow
from .forecast import forecasts, read_past
from .funnel import funnel
from .goals import goals
from .hygiene import Violation, applying
from .hygiene_activities import activity_violations, transition_violations
from .hygiene_deals import deal_violations
from .hygiene_deliveries import delivery_violations
from .hygiene_leads import lead_violations
from .hygiene_rows import row_violations
from .leads import Lead, contacts_of, leads_of
from .money import Rates, read_rates
from .monthly import first_wins, monthly_metrics
from .movements import months_with_completeness, movements, turns_of
from .open_pipeline import pipeline_daily, pipeline_snapshots, stays_of
from .outlook import calibration, deal_outlook
from .published import (
    account_rows,
    change_rows,
    deal_months,
    deal_row,
    lead_row,
    owner_rows,
    transition_rows,
    visit_row,
)
from .quarters import quarter_movements, quarter_outlook, spells_of
from .scores import scores
from .spend import spend_of, spend_rows
from .stage_metrics import stage_metrics, time_in_stage
from .star import accounts_met, deals_wide, leads_wide, owners_met, owners_named, pipelines_met, with_stage_keys
from .visits import Visit, visits_of
from .win_probability import win_probability

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """Plain rows, named as the published tables and columns; `notes`: deliveries that were not loaded."""

    deals: Rows
    transitions: Rows
    visits: Rows
    leads: Rows
    activities: Rows
    changes: Rows
    snapshots: Rows
    daily: Rows
    customer_months: Rows
    monthly_metrics: Rows
    stage_metrics: Rows
    time_in_stage: Rows
    funnel: Rows
    win_probability: Rows
    movements: Rows
    stage_flow: Rows
    close_date_slippage: Rows
    bottlenecks: Rows
    goals: Rows
    forecast: Rows
    forecast_backtest: Rows
    deal_outlook: Rows
    outlook_calibration: Rows
    quarter_movements: Rows
    quarter_outlook: Rows
    violations: Rows
    stages: Rows
    owners: Rows
    accounts: Rows
    pipelines: Rows
    bridge: Rows
    deals_wide: Rows
    leads_wide: Rows
    dates: Rows
    spend: Rows
    deal_months: Rows
    customer_years: Rows
    scores: Rows
    files: Rows
    notes: list[str]


def compute(
    config_path: str | Path, landing_dir: str | Path | None = None, as_of: str | datetime | None = None
) -> Result:
    """What a run at `as_of` has to publish; the defaults are the configuration's own."""
    config = read_configuration(Path(config_path))
    landing = Path(landing_dir) if landing_dir else config.landing_dir
    moment = _as_of(as_of if as_of is not None else config.as_of, config.zone)
    crms = [Crm(source, config, landing, moment) for source in config.sources]
    rates = read_rates(crms)
    leads: list[Lead] = []
    activities: Rows = []
    bridge: Rows = []
    deals: list[Deal] = []
    visits: list[Visit] = []
    broken: list[Violation] = []
    broken_by_deals: list[Violation] = []
    for crm in crms:
        its_leads = leads_of(crm)
        its_deals = deals_of(crm, its_leads, rates)
        its_visits = [visit for deal in its_deals for visit in visits_of(deal)]
        broken += applying(_violations(crm, its_deals, its_leads, its_visits), crm)
        broken_by_deals += applying(deal_violations(crm, its_deals, its_visits), crm)
        leads += its_leads.values()
        activities += activity_rows(crm, its_leads, contacts_of(crm))
        bridge += bridge_rows(crm, its_leads, contacts_of(crm))
        deals += its_deals
        visits += its_visits
    stays = [stay for deal in deals for stay in stays_of(deal, rates)]
    past = read_past(deals, rates, moment.astimezone(config.zone).date())
    forecast, backtest = forecasts(past)
    as_of_day = moment.astimezone(config.zone).date()
    customers = customers_of(crms, rates)
    living = [deal for deal in deals if not deal.is_deleted]
    watched = frozenset(crm.source.name for crm in crms if crm.delivers("activities.activity_id"))
    wins = first_wins(living)
    by_month = monthly_metrics(living, leads, spend_of(crms, rates), customers, config, moment, watched)
    months = {row["month"]: row["is_complete_month"] for row in by_month if row["grain"] == "all"}
    by_stage = stage_metrics(crms, visits, months)
    turns = [turn for deal in deals for turn in turns_of(deal, rates)]
    months_moved = months_with_completeness(by_month, turns, moment)
    spells = spells_of(turns)
    moved = movements(deals, turns, rates, months_moved)
    stages = [row for crm in crms for row in stage_rows(crm)]
    canonical = {(row["source"], row["pipeline"], row["stage"]): row["canonical_stage"] for row in stages}
    transitions = [row for deal in deals for row in transition_rows(deal)]
    told = [deal_row(deal, wins) for deal in deals]
    asked = [lead_row(lead) for lead in leads]
    snapshots = pipeline_snapshots(stays, moment)
    changes = [row for deal in deals for row in change_rows(deal)]
    spent = spend_rows(crms, rates)
    revenue = customer_months(customers, moment, config)
    owners = owners_met(
        crms,
        [row for crm in crms for row in owner_rows(crm)],
        [told, asked, activities, transitions, snapshots, spent, owners_named(changes)],
    )
    accounts = accounts_met([row for crm in crms for row in account_rows(crm)], [told, activities, revenue])
    return Result(
        deals=told,
        transitions=transitions,
        visits=with_stage_keys([visit_row(visit) for visit in visits]),
        leads=asked,
        activities=activities,
        changes=changes,
        snapshots=with_stage_keys(snapshots),
        daily=with_canonical(pipeline_daily(stays, moment), canonical),
        customer_months=revenue,
        monthly_metrics=by_month,
        stage_metrics=by_stage,
        time_in_stage=time_in_stage(crms, visits),
        funnel=funnel(config.sources, living, leads, months),
        win_probability=win_probability(living),
        movements=moved,
        stage_flow=stage_flow(living, rates),
        close_date_slippage=close_date_slippage(living, {(deal.source, deal.pipeline) for deal in deals}, months_moved),
        bottlenecks=with_canonical(
            bottlenecks(
                [stay for stay in stays if not stay.deal.is_deleted],
                [turn for turn in turns if not turn.deal.is_deleted],
                months_moved,
            ),
            canonical,
        ),
        goals=goals(config, crms, owners, by_month, moved, by_stage, as_of_day),
        forecast=forecast,
        forecast_backtest=backtest,
        deal_outlook=deal_outlook(deals, visits, broken_by_deals, past, config.fiscal_year_starts),
        quarter_movements=quarter_movements(deals, spells, months_moved, rates, as_of_day, config.fiscal_year_starts),
        quarter_outlook=quarter_outlook(deals, spells, owners, crms, months_moved, past, rates, config),
        outlook_calibration=calibration(past, config.fiscal_year_starts),
        violations=[asdict(violation) for violation in broken],
        stages=with_stage_keys(stages),
        owners=owners,
        accounts=accounts,
        bridge=bridge,
        pipelines=pipelines_met(stages, [told, transitions, snapshots]),
        deals_wide=deals_wide(told, owners, accounts, stages, config),
        leads_wide=leads_wide(asked, told, owners, config),
        dates=date_rows(_days_met(deals, leads, activities, crms, rates, customers, config, moment), as_of_day, config),
        spend=spent,
        deal_months=deal_months(living),
        files=[row for crm in crms for row in file_rows(crm)],
        customer_years=customer_years(customers, moment, config),
        scores=scores(deals, broken, moment.astimezone(config.zone).date()),
        notes=[str(refusal) for crm in crms for refusal in crm.refused],
    )


def _as_of(given: str | datetime | None, zone: Any) -> datetime:
    """AS_OF without offset is in the reporting timezone."""
    if given is None:
        raise ValueError("an as-of moment is needed: the configuration names none")
    return moment_in_utc(given.isoformat() if isinstance(given, datetime) else given, zone).astimezone(UTC)


def _violations(crm: Crm, deals: list[Deal], leads: dict[str, Lead], visits: list[Visit]) -> Iterator[Violation]:
    """What is broken about the records of one source."""
    yield from deal_violations(crm, deals, visits)
    yield from transition_violations(crm, deals)
    yield from lead_violations(crm, leads, deals)
    yield from activity_violations(crm, leads, deals)
    yield from row_violations(crm, leads, deals)
    yield from delivery_violations(crm)


def _days_met(
    deals: list[Deal],
    leads: list[Lead],
    activities: Rows,
    crms: list[Crm],
    rates: Rates,
    customers: list[Customer],
    config: Config,
    moment: datetime,
) -> list[date]:
    """The days of everything that is published."""
    moments = [
        at
        for deal in deals
        for at in (deal.created_at, deal.deleted_at, deal.next_activity_at, *(one.at for one in deal.transitions))
    ]
    moments += [at for lead in leads for at in (lead.created_at, lead.converted_at)]
    moments += [row[name] for row in activities for name in ("due_at", "completed_at")]
    days = [at.astimezone(config.zone).date() for at in moments if at]
    days += [day for deal in deals for day in (deal.opened_on, deal.closed_on, deal.expected_close_on) if day]
    days += [row["spent_on"] for row in spend_rows(crms, rates)]
    days += [row["month"] for row in customer_months(customers, moment, config)]
    return days
