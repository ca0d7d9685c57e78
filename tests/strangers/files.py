"""Files as strangers have them on their first day, and what anybody would count in them.

Each is made here, row by row, and counted here, in plain Python: how many deals were won, for how much.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from tests.unit.delivering import Quoting

_OWNERS = ("Dana Whitfield", "Luis Ortega", "Priya Raman")
_COMPANIES = (
    "Brightwater",
    "Cobalt Labs",
    "Delmar Foods",
    "Eastgate",
    "Fernhill",
    "Granite & Sons",
    "Hollis",
    "Ivory Coast",
)
_THINGS = ("website", "rollout", "renewal", "pilot", "audit")
_FIRST = date(2024, 11, 4)


@dataclass(frozen=True)
class Deal:
    """A deal, before any program has written it its own way. `outcome`: open, won or lost."""

    number: int
    name: str
    company: str
    owner: str
    step: int
    outcome: str
    amount: int
    created: date
    closes: date
    reason: str


@dataclass(frozen=True)
class Stranger:
    """Somebody's files, and what is right of them. `stage` and `instead` are for the night after: one changed cell."""

    name: str
    files: tuple[Path, ...]
    deals: int
    won: int
    won_amount: Decimal
    currency: str
    #: Rows that are neither deals nor contacts: blank ones, totals, a footer.
    passed_over: int
    #: In the first file: what an open deal's row says, and what it says once that deal is won.
    before: str
    after: str
    #: What the changed deal adds to the won amount.
    adds: Decimal

    @property
    def deals_file(self) -> Path:
        """The file of the deals."""
        return self.files[0]


def made(seed: int, count: int = 60) -> list[Deal]:
    """Deals of two quarters; every company has several, so that no name is one deal's alone."""
    chance = Random(seed)
    deals = []
    for number in range(1, count + 1):
        created = _FIRST + timedelta(days=chance.randrange(0, 240))
        outcome = chance.choices(("open", "won", "lost"), (4, 3, 3))[0]
        company = chance.choice(_COMPANIES)
        deals.append(
            Deal(
                number=number,
                name=f"{company} {chance.choice(_THINGS)}",
                company=company,
                owner=chance.choice(_OWNERS),
                step=chance.randrange(0, 3),
                outcome=outcome,
                amount=chance.choice((950, 4_200, 12_500, 18_000, 7_300, 150_000, 1_250_000)),
                created=created,
                closes=created + timedelta(days=chance.randrange(14, 120)),
                reason=chance.choice(("Price", "Timing", "Went with another")) if outcome == "lost" else "",
            )
        )
    return deals


def _won(deals: list[Deal]) -> tuple[int, Decimal]:
    won = [deal for deal in deals if deal.outcome == "won"]
    return len(won), sum((Decimal(deal.amount) for deal in won), Decimal())


def _first_open(deals: list[Deal]) -> Deal:
    return next(deal for deal in deals if deal.outcome == "open")


def _comma_separated(rows: list[list[str]], delimiter: str = ",", quoting: Quoting = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=quoting).writerows(rows)
    return out.getvalue()


# ------------------------------------------------------------------ (a) and (b): a sheet of a US team


def _us_day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _us_rows(deals: list[Deal]) -> list[list[str]]:
    stages = ("Prospecting", "Demo Scheduled", "Proposal Sent")
    return [
        [
            f"D-{deal.number:03}",
            deal.name,
            deal.company,
            deal.owner,
            {"open": stages[deal.step], "won": "Closed Won", "lost": "Closed Lost"}[deal.outcome],
            f"${deal.amount:,}",
            _us_day(deal.created),
            _us_day(deal.closes),
            deal.reason,
        ]
        for deal in deals
    ]


_US_HEADINGS = ["Deal ID", "Deal", "Account", "Owner", "Stage", "Amount", "Created", "Close Date", "Lost Reason"]


def us_sheet(folder: Path, with_id: bool = True) -> Stranger:
    """What Google Sheets downloads: `$12,500`, 3/14/2025, six blank rows, a row of totals."""
    # of ids that a person gives a deal are as many as there are deals; without them its name and its day are it
    deals = made(11)
    if not with_id:
        deals = list({(deal.name, deal.created): deal for deal in deals}.values())
    rows = _us_rows(deals)
    total = ["Total", "", "", "", "", f"${sum(deal.amount for deal in deals):,}", "", "", ""]
    blank = [""] * len(_US_HEADINGS)
    rows = [*rows[:30], blank, blank, blank, *rows[30:], blank, blank, total, blank]
    changed = _first_open(deals)
    before = next(row for row in rows if row[0] == f"D-{changed.number:03}")
    after = [*before[:4], "Closed Won", *before[5:]]
    headings = _US_HEADINGS
    if not with_id:
        headings = headings[1:]
        rows = [["Total", *row[2:]] if row[0] == "Total" else row[1:] for row in rows]
        before, after = before[1:], after[1:]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("Pipeline FY25 - Sheet1.csv" if with_id else "Our deals (shared) - Deals.csv")
    path.write_bytes(_comma_separated([headings, *rows]).encode())
    won, amount = _won(deals)
    return Stranger(
        name="us_sheet" if with_id else "us_sheet_without_id",
        files=(path,),
        deals=len(deals),
        won=won,
        won_amount=amount,
        currency="USD",
        passed_over=7,
        before=_comma_separated([before]).strip(),
        after=_comma_separated([after]).strip(),
        adds=Decimal(changed.amount),
    )


def us_sheet_without_id(folder: Path) -> Stranger:
    """The same without a column that tells deals apart."""
    return us_sheet(folder, with_id=False)


# ------------------------------------------------------------------ (c) HubSpot


def hubspot(folder: Path) -> Stranger:
    """Two list exports of HubSpot's: deals, and the contacts they are with."""
    deals = made(23)
    stages = ("Appointment Scheduled", "Qualified To Buy", "Contract Sent")
    headings = [
        "Record ID", "Deal Name", "Deal Stage", "Pipeline", "Amount", "Currency", "Deal owner", "Create Date",
        "Close Date", "Closed Lost Reason", "Associated Contact IDs", "Associated Company",
    ]  # fmt: skip
    rows = [
        [
            f"{9_000_000_000 + deal.number}",
            deal.name,
            {"open": stages[deal.step], "won": "Closed Won", "lost": "Closed Lost"}[deal.outcome],
            "Sales Pipeline",
            f"{deal.amount}.0",
            "EUR",
            deal.owner,
            f"{deal.created} 09:{deal.number % 60:02}",
            f"{deal.closes} 17:05",
            deal.reason,
            f"{500_000 + deal.number}",
            deal.company,
        ]
        for deal in deals
    ]
    contacts = [
        [
            f"{500_000 + deal.number}",
            "Ada",
            f"Example{deal.number}",
            f"ada{deal.number}@customer{deal.number}.example",
            "Connected",
            deal.owner,
            f"{deal.created} 08:00",
        ]
        for deal in deals
    ]
    contact_headings = [
        "Record ID", "First Name", "Last Name", "Email", "Lead Status", "Contact owner", "Create Date",
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    paths = (
        folder / "hubspot-crm-exports-all-deals-2025-09-30.csv",
        folder / "hubspot-crm-exports-all-contacts-2025-09-30.csv",
    )
    for path, table in zip(paths, ([headings, *rows], [contact_headings, *contacts]), strict=True):
        path.write_bytes(b"\xef\xbb\xbf" + _comma_separated(table, quoting=csv.QUOTE_ALL).encode())
    changed = _first_open(deals)
    before = rows[changed.number - 1]
    after = [*before[:2], "Closed Won", *before[3:]]
    won, amount = _won(deals)
    return Stranger(
        name="hubspot",
        files=paths,
        deals=len(deals),
        won=won,
        won_amount=amount,
        currency="EUR",
        passed_over=0,
        before=_comma_separated([before], quoting=csv.QUOTE_ALL).strip(),
        after=_comma_separated([after], quoting=csv.QUOTE_ALL).strip(),
        adds=Decimal(changed.amount),
    )


# ------------------------------------------------------------------ (d) a report of Salesforce's


def salesforce_report(folder: Path) -> Stranger:
    """A report exported as `Details Only`, with what Salesforce writes below it; as reports are, named by a number."""
    deals = made(37)
    stages = ("Qualification", "Proposal/Price Quote", "Negotiation/Review")
    headings = [
        "Opportunity ID", "Opportunity Owner", "Account Name", "Opportunity Name", "Stage", "Amount", "Probability (%)",
        "Close Date", "Created Date", "Lead Source", "Type",
    ]  # fmt: skip
    chances = {"won": "100", "lost": "0", "open": "50"}
    rows = [
        [
            f"0065g00000Bq{deal.number:03}",
            deal.owner,
            deal.company,
            deal.name,
            {"open": stages[deal.step], "won": "Closed Won", "lost": "Closed Lost"}[deal.outcome],
            f"{deal.amount}.00",
            chances[deal.outcome],
            _us_day(deal.closes),
            _us_day(deal.created),
            "Web",
            "New Business",
        ]
        for deal in deals
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report1759224912345.csv"
    footer = [
        "", "",
        '"Pipeline by quarter"',
        '"Copyright (c) 2000-2025 salesforce.com, inc. All rights reserved."',
        '"Confidential Information - Do Not Distribute"',
        '"Generated By:  Dana Whitfield  9/30/2025, 9:15 AM"',
        '"Northwind Example Inc."',
    ]  # fmt: skip
    text = _comma_separated([headings, *rows], quoting=csv.QUOTE_ALL) + "\r\n".join(footer) + "\r\n"
    path.write_bytes(text.encode())
    changed = _first_open(deals)
    before = rows[changed.number - 1]
    after = [*before[:4], "Closed Won", *before[5:]]
    won, amount = _won(deals)
    return Stranger(
        name="salesforce_report",
        files=(path,),
        deals=len(deals),
        won=won,
        won_amount=amount,
        currency="USD",
        passed_over=5,
        before=_comma_separated([before], quoting=csv.QUOTE_ALL).strip(),
        after=_comma_separated([after], quoting=csv.QUOTE_ALL).strip(),
        adds=Decimal(changed.amount),
    )


# ------------------------------------------------------------------ (e) `;` and decimal commas


def _european(amount: int, group: str) -> str:
    return f"{amount:,},00".replace(",", group, f"{amount:,}".count(","))


def _dotted(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def german_sheet(folder: Path) -> Stranger:
    """What a German Excel saves: semicolons, decimal commas, Windows-1252, a row of sums."""
    deals = made(41)
    stages = ("Erstgespräch", "Angebot", "Verhandlung")
    headings = [
        "Nr.",
        "Projekt",
        "Kunde",
        "Verkäufer",
        "Phase",
        "Auftragswert (€)",
        "Angelegt am",
        "Abschluss am",
        "Verlustgrund",
    ]
    rows = [
        [
            f"{1000 + deal.number}",
            deal.name,
            deal.company,
            deal.owner,
            {"open": stages[deal.step], "won": "Gewonnen", "lost": "Verloren"}[deal.outcome],
            _european(deal.amount, "."),
            _dotted(deal.created),
            _dotted(deal.closes),
            deal.reason,
        ]
        for deal in deals
    ]
    total = ["Summe", "", "", "", "", _european(sum(deal.amount for deal in deals), "."), "", "", ""]
    changed = _first_open(deals)
    before = rows[changed.number - 1]
    after = [*before[:4], "Gewonnen", *before[5:]]
    won, amount = _won(deals)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Vertriebsliste Süd.csv"
    path.write_bytes(_comma_separated([headings, *rows, [""] * 9, total], ";").encode("cp1252"))
    return Stranger(
        name="german_sheet",
        files=(path,),
        deals=len(deals),
        won=won,
        won_amount=amount,
        currency="EUR",
        passed_over=2,
        before=_comma_separated([before], ";").strip(),
        after=_comma_separated([after], ";").strip(),
        adds=Decimal(changed.amount),
    )


def russian_sheet(folder: Path) -> Stranger:
    """What a Russian Excel saves: Windows-1251, semicolons, decimal commas, spaces between thousands."""
    deals = made(53)
    stages = ("Первичный контакт", "Коммерческое предложение", "Согласование договора")
    headings = [
        "№ сделки",
        "Название",
        "Клиент",
        "Ответственный",
        "Этап",
        "Сумма, руб.",
        "Дата создания",
        "Дата закрытия",
        "Причина отказа",
    ]
    rows = [
        [
            f"С-{deal.number:04}",
            f"Поставка {deal.number}",
            deal.company,
            ("Иванова Анна", "Пётр Смирнов", "О. Щукина")[_OWNERS.index(deal.owner)],
            {"open": stages[deal.step], "won": "Успешно реализовано", "lost": "Закрыто и не реализовано"}[deal.outcome],
            _european(deal.amount, "\xa0"),
            _dotted(deal.created),
            _dotted(deal.closes),
            "Дорого" if deal.reason else "",
        ]
        for deal in deals
    ]
    total = ["Итого", "", "", "", "", _european(sum(deal.amount for deal in deals), "\xa0"), "", "", ""]
    changed = _first_open(deals)
    before = rows[changed.number - 1]
    after = [*before[:4], "Успешно реализовано", *before[5:]]
    won, amount = _won(deals)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Сделки.csv"
    path.write_bytes(_comma_separated([headings, *rows, [""] * 9, total], ";").encode("cp1251"))
    return Stranger(
        name="russian_sheet",
        files=(path,),
        deals=len(deals),
        won=won,
        won_amount=amount,
        currency="RUB",
        passed_over=2,
        before=_comma_separated([before], ";").strip(),
        after=_comma_separated([after], ";").strip(),
        adds=Decimal(changed.amount),
    )


STRANGERS: tuple[Callable[[Path], Stranger], ...] = (
    us_sheet,
    us_sheet_without_id,
    hubspot,
    salesforce_report,
    german_sheet,
    russian_sheet,
)
