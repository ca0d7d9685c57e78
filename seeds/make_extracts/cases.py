"""Deals made to measure: those that break a rule, that nearly do, or that a pipeline easily gets wrong.

The lists are the plan; crafting.py turns a case into a deal. `seeds/planted_dirt.csv` follows from `rules`.
"""

from __future__ import annotations

from datetime import date

from seeds.make_extracts.clock import NEWEST
from seeds.make_extracts.crafting import Case

SF, PD, FS = "acme_salesforce", "boreal_pipedrive", "field_sheet"
STALE, PAST, BACKDATED = "stale_deal", "past_close_date", "closed_before_created"
NO_AMOUNT, NO_RATE, UNMAPPED = "missing_amount", "missing_exchange_rate", "unmapped_stage"

# What is 30 days old is not stale at a limit of 30; days are those of Berlin, whatever the hour.
TOUCHED = [
    Case(SF, "a day over its own short limit", "Negotiation/Review", (STALE,), quiet_days=15,
         touched_by="stage"),
    Case(SF, "at the limit", "Negotiation/Review", quiet_days=14, touched_by="stage"),
    Case(SF, "at the limit, if days are Berlin's: a day over in UTC", "Negotiation/Review", quiet_days=14,
         touched_at="00:20:00"),
    Case(SF, "over the limit by the minutes before midnight in Berlin", "Proposal/Price Quote", (STALE,),
         quiet_days=31, touched_at="23:50:00"),
    Case(SF, "within its own long limit", "Prospecting", quiet_days=44, touched_by="creation", amount=None),
    Case(SF, "at its own long limit", "Prospecting", quiet_days=45, touched_by="creation"),
    Case(SF, "a day over its own long limit", "Prospecting", (STALE,), quiet_days=46, touched_by="creation"),
    Case(SF, "forgotten", "Needs Analysis", (STALE,), age_days=160, quiet_days=97),
    Case(SF, "a new amount is no touch", "Value Proposition", (STALE,), quiet_days=38, repriced_since=True),
    Case(SF, "forgotten and overdue", "Perception Analysis", (STALE, PAST), age_days=170, quiet_days=66,
         close_in_days=-20),
    Case(SF, "forgotten, and nobody knows its worth", "Proposal/Price Quote", (STALE, NO_AMOUNT),
         quiet_days=41, amount=None),
    Case(PD, "a day over", "Demo Scheduled", (STALE,), pipeline="Pipeline", quiet_days=31),
    Case(PD, "at the limit", "Demo Scheduled", pipeline="Pipeline", quiet_days=30),
    Case(PD, "at the limit in Berlin, a day less in Helsinki", "Proposal Made", pipeline="Pipeline",
         quiet_days=30, touched_by="stage", touched_at="23:40:00"),
    Case(PD, "over in Berlin, at the limit in Helsinki", "Contacted", (STALE,), pipeline="Partners",
         quiet_days=31, touched_by="stage", touched_at="23:20:00"),
    Case(PD, "forgotten", "Qualified", (STALE,), pipeline="Pipeline", age_days=140, quiet_days=83),
    Case(PD, "a new amount is no touch", "Quote Sent", (STALE,), pipeline="Partners", quiet_days=36,
         repriced_since=True),
    Case(PD, "forgotten and overdue", "Negotiations Started", (STALE, PAST), pipeline="Pipeline",
         age_days=130, quiet_days=45, close_in_days=-3),
    Case(FS, "a day over its own short limit", "Offer", (STALE,), quiet_days=22),
    Case(FS, "at its own short limit", "Offer", quiet_days=21),
    Case(FS, "a day over", "First visit", (STALE,), quiet_days=31),
    Case(FS, "at the limit", "First visit", quiet_days=30),
    Case(FS, "opened and never visited", "Cold", (STALE,), quiet_days=52, touched_by="creation"),
    Case(FS, "opened and not yet visited, at the limit", "Cold", quiet_days=30, touched_by="creation"),
    Case(FS, "forgotten", "Signing", (STALE,), age_days=120, quiet_days=58),
    Case(FS, "forgotten and overdue", "Needs clear", (STALE, PAST), age_days=150, quiet_days=70,
         close_in_days=-31),
]  # fmt: skip

EXPECTED = [
    Case(SF, "overdue since yesterday", "Qualification", (PAST,), close_in_days=-1),
    Case(SF, "due on the as-of day", "Qualification", close_in_days=0),
    Case(SF, "overdue", "Negotiation/Review", (PAST,), close_in_days=-9),
    Case(SF, "long overdue", "Needs Analysis", (PAST,), age_days=200, close_in_days=-112),
    Case(PD, "overdue since yesterday", "Contact Made", (PAST,), pipeline="Pipeline", close_in_days=-1),
    Case(PD, "due on the as-of day", "Trial", pipeline="Partners", close_in_days=0),
    Case(PD, "overdue", "Lead In", (PAST,), pipeline="Partners", close_in_days=-16),
    Case(PD, "overdue, and nobody knows its worth", "Proposal Made", (PAST, NO_AMOUNT), pipeline="Pipeline",
         close_in_days=-5, amount=None),
    Case(FS, "overdue since yesterday", "Offer", (PAST,), close_in_days=-1),
    Case(FS, "due on the as-of day", "Signing", close_in_days=0),
    Case(FS, "overdue", "First visit", (PAST,), close_in_days=-24),
    Case(FS, "expected at no time at all", "Cold", close_in_days=None),
]  # fmt: skip

WORTH = [
    Case(SF, "offered without an amount", "Proposal/Price Quote", (NO_AMOUNT,), amount=None),
    Case(SF, "about to sign without an amount", "Negotiation/Review", (NO_AMOUNT,), amount=None),
    Case(SF, "a demo needs no amount", "Perception Analysis", amount=None),
    Case(PD, "offered without an amount", "Quote Sent", (NO_AMOUNT,), pipeline="Partners", amount=None),
    Case(PD, "about to sign without an amount", "Negotiations Started", (NO_AMOUNT,), pipeline="Pipeline",
         amount=None),
    Case(PD, "a demo needs no amount", "Trial", pipeline="Partners", amount=None),
    Case(FS, "offered without an amount", "Offer", (NO_AMOUNT,), amount=None),
    Case(FS, "about to sign without an amount", "Signing", (NO_AMOUNT,), amount=None),
    Case(FS, "clear needs ask for no amount yet", "Needs clear", amount=None),
    # Rates: none for CHF and CAD at all; those for NOK end on 2025-08-29, 62 days before 2025-10-30.
    Case(SF, "open, in a currency without rates", "Value Proposition", (NO_RATE,), currency="CAD"),
    Case(SF, "won, in a currency without rates", "Negotiation/Review", (NO_RATE,), status="won",
         closed_on=date(2025, 4, 10), currency="CAD"),
    Case(PD, "closed when the rate was 62 days old", "Proposal Made", pipeline="Pipeline", status="won",
         closed_on=date(2025, 10, 30), currency="NOK", amount="91000"),
    Case(PD, "closed when the rate was 63 days old", "Proposal Made", (NO_RATE,), pipeline="Pipeline",
         status="won", closed_on=date(2025, 10, 31), currency="NOK", amount="88000"),
    Case(PD, "open, and the rates have stopped", "Trial", (NO_RATE,), pipeline="Partners", currency="NOK",
         amount="45000"),
    Case(PD, "no amount needs no rate", "Lead In", pipeline="Partners", currency="NOK", amount=None),
    Case(FS, "open, in a currency without rates", "Offer", (NO_RATE,), currency="CHF"),
    Case(FS, "sold, in a currency without rates", "Signing", (NO_RATE,), status="won",
         closed_on=date(2025, 7, 3), currency="CHF"),
    Case(FS, "lost, in a currency without rates, before it began", "Offer", (NO_RATE, BACKDATED),
         status="lost", closed_on=date(2025, 9, 16), backdated_days=150, currency="CHF"),
    Case(FS, "no amount needs no rate", "Cold", currency="CHF", amount=None),
]  # fmt: skip

CLOSED = [
    Case(SF, "won before it began", "Negotiation/Review", (BACKDATED,), status="won",
         closed_on=date(2025, 3, 12), backdated_days=91),
    Case(SF, "lost a year before it began", "Qualification", (BACKDATED,), status="lost",
         closed_on=date(2025, 6, 4), backdated_days=365),
    Case(SF, "won the day it began", "Negotiation/Review", status="won", closed_on=date(2025, 5, 14),
         age_days=90, backdated_days=90),
    Case(SF, "won before it began, by a typo in the year", "Proposal/Price Quote", (BACKDATED,), status="won",
         closed_on=date(2025, 11, 5), backdated_days=730),
    Case(PD, "lost before it began", "Demo Scheduled", (BACKDATED,), pipeline="Pipeline", status="lost",
         closed_on=date(2025, 2, 18), backdated_days=93),
    Case(PD, "won before it began", "Subscription Agreed", (BACKDATED,), pipeline="Partners", status="won",
         closed_on=date(2025, 8, 20), backdated_days=120),
    Case(PD, "won long before it began", "Negotiations Started", (BACKDATED,), pipeline="Pipeline",
         status="won", closed_on=date(2025, 10, 8), backdated_days=366),
    Case(FS, "sold before it began", "Signing", (BACKDATED,), status="won", closed_on=date(2025, 4, 24),
         backdated_days=92),
    Case(FS, "lost before it began", "First visit", (BACKDATED,), status="lost", closed_on=date(2025, 9, 9),
         backdated_days=200),
    # The last second of a month, and the first of the next one, in Berlin.
    Case(SF, "won in the last second of May", "Negotiation/Review", status="won", closed_on=date(2025, 5, 31),
         closed_at="23:59:59", currency="USD", amount="27100"),
    Case(SF, "won in the first second of November, which is October in UTC", "Negotiation/Review",
         status="won", closed_on=date(2025, 11, 1), closed_at="00:00:00", currency="USD", amount="15300"),
    Case(PD, "won in the last second of September, which is October in Helsinki", "Negotiations Started",
         pipeline="Pipeline", status="won", closed_on=date(2025, 9, 30), closed_at="23:59:59"),
    Case(PD, "lost in the first second of 2025", "Quote Sent", pipeline="Partners", status="lost",
         closed_on=date(2025, 1, 1), closed_at="00:00:00"),
    Case(FS, "sold on the last day of the year", "Signing", status="won", closed_on=date(2024, 12, 31)),
]  # fmt: skip

STAGES = [
    Case(SF, "a stage nobody configured", "Legal Review", (UNMAPPED,), quiet_days=6, touched_by="stage"),
    Case(SF, "a stage nobody configured", "Legal Review", (UNMAPPED,), age_days=70, currency="USD"),
    Case(SF, "a stage nobody configured, overdue", "Security Questionnaire", (UNMAPPED, PAST),
         close_in_days=-7),
    Case(PD, "a stage nobody configured", "Legal Check", (UNMAPPED,), pipeline="Partners", touched_by="stage",
         quiet_days=5),
    Case(PD, "a stage nobody configured", "Legal Check", (UNMAPPED,), pipeline="Partners"),
    Case(FS, "a phase nobody configured", "With the lawyer", (UNMAPPED,)),
    Case(FS, "a phase nobody configured, overdue", "With the lawyer", (UNMAPPED, PAST), close_in_days=-12),
    # Two moves in one second: the log's own order decides, for versions the order of stages.
    Case(SF, "two stages in one second", "Needs Analysis", same_second=True, quiet_days=5,
         touched_by="stage"),
    Case(SF, "two stages in one second, long ago", "Proposal/Price Quote", same_second=True, status="won",
         closed_on=date(2025, 6, 18)),
    Case(PD, "two stages in one second", "Proposal Made", pipeline="Pipeline", same_second=True),
    Case(PD, "two stages in one second, long ago", "Trial", pipeline="Partners", same_second=True,
         status="lost", closed_on=date(2025, 3, 20)),
    Case(SF, "open again after it was lost", "Value Proposition", reopened=True, age_days=60, quiet_days=8),
    Case(SF, "won after it was lost", "Negotiation/Review", reopened=True, status="won",
         closed_on=date(2025, 7, 31)),
    Case(PD, "open again after it was lost", "Proposal Made", pipeline="Pipeline", reopened=True, age_days=64,
         quiet_days=9),
    Case(PD, "won after it was lost", "Quote Sent", pipeline="Partners", reopened=True, status="won",
         closed_on=date(2025, 10, 31)),
    Case(SF, "written without accents nor case", "VALUE  proposition", quiet_days=5),
    Case(FS, "written in another case", "first VISIT", quiet_days=5),
]  # fmt: skip

RECORDS = [
    Case(SF, "a formula for a name", "Qualification", name='=HYPERLINK("http://acme.example/q","Quote")'),
    Case(SF, "markup for a name", "Needs Analysis", name="<script>alert('deal')</script>"),
    Case(PD, "a formula for a name", "Contact Made", pipeline="Pipeline", name='=HYPERLINK("x")'),
    Case(PD, "quotes, a comma and a line break in its name", "Trial", pipeline="Partners",
         name='Åland "Archipelago", phase 2\nincl. training'),
    Case(FS, "a semicolon, quotes and an emoji in its name", "Cold", name='Halle "Süd"; Umbau 🏗'),
    Case(FS, "an ideographic name", "First visit", name="株式会社サンプル - Retrofit"),
    Case(SF, "no account", "Qualification", has_account=False),
    Case(PD, "no owner", "Contacted", pipeline="Partners", has_owner=False),
    Case(FS, "no owner and no account", "Cold", has_owner=False, has_account=False),
    Case(SF, "flagged as deleted on the 29th", "Qualification", flagged_deleted_on=date(2025, 12, 29)),
    Case(SF, "flagged as deleted in autumn", "Needs Analysis", quiet_days=80, age_days=150, close_in_days=-60,
         flagged_deleted_on=date(2025, 10, 20)),
    Case(SF, "deleted", "Qualification", gone_from=NEWEST),
    Case(SF, "deleted", "Value Proposition", gone_from=NEWEST),
    Case(SF, "deleted a day earlier", "Proposal/Price Quote", gone_from=date(2025, 12, 30)),
    Case(PD, "deleted", "Contact Made", pipeline="Pipeline", gone_from=NEWEST),
    Case(PD, "deleted", "Trial", pipeline="Partners", gone_from=NEWEST),
    Case(PD, "deleted a day earlier", "Proposal Made", pipeline="Pipeline", gone_from=date(2025, 12, 30)),
    Case(FS, "deleted", "Cold", gone_from=NEWEST),
    Case(FS, "deleted", "Offer", gone_from=NEWEST),
    Case(FS, "deleted a day earlier", "First visit", gone_from=date(2025, 12, 30)),
]  # fmt: skip

# A cell that cannot be read becomes empty; it stands where an empty one breaks nothing else.
SPOILED = [
    Case(SF, "an amount in words", "Qualification", spoiled={"amount": "n/a"}, amount=None),
    Case(SF, "an amount with a letter, of a lost deal", "Value Proposition", status="lost",
         closed_on=date(2025, 8, 12), spoiled={"amount": "25k USD"}, amount=None, currency="USD"),
    Case(SF, "an amount that was corrected since", "Prospecting", spoiled={"amount": "tbd"},
         spoiled_until=NEWEST),
    Case(PD, "an amount with a letter", "Contacted", pipeline="Partners", spoiled={"amount": "12k"},
         amount=None),
    Case(PD, "an expected close in words", "Qualified", pipeline="Pipeline",
         spoiled={"expected_close_on": "soon"}, close_in_days=None),
    Case(PD, "an amount that was corrected since", "Lead In", pipeline="Partners", spoiled={"amount": "5k"},
         spoiled_until=date(2025, 12, 30)),
    Case(FS, "an amount in words", "Cold", spoiled={"amount": "ca. 12 Tsd."}, amount=None),
    Case(FS, "a day that does not exist", "First visit", spoiled={"close_on": "31.02.2026"},
         close_in_days=None),
    Case(FS, "a close in words", "Needs clear", spoiled={"close_on": "soon"}, close_in_days=None),
    Case(FS, "a year before all history", "Cold", spoiled={"close_on": "15.03.1926"}, close_in_days=None),
    Case(FS, "a close that was corrected since", "First visit", spoiled={"close_on": "Ostern"},
         spoiled_until=NEWEST),
]  # fmt: skip

ALL_CASES = [*TOUCHED, *EXPECTED, *WORTH, *CLOSED, *STAGES, *RECORDS, *SPOILED]
