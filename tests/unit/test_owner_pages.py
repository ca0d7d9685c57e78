"""report/owners: whose files are called what, what stands in them, and that nothing of it is taken for a command."""

from __future__ import annotations

import csv
import re
import unicodedata
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.publish.owners.links import deal_links
from dagster_project.publish.owners.names import INDEX, NOBODY, Named, file_names
from tests.unit.owned import Published

#: What a CRM may write as a name, and what would be one if it were not escaped.
HOSTILE = "<script>alert(1)</script>\"'&amp; {{ 7*7 }} \u202e"
FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "  =1", "\t=1", "＝1", "x;=HYPERLINK(1)", "a\n=1"]


def names(*owners: tuple[str, str]) -> list[str]:
    """The file names of owners given as key and name, in their order."""
    found = file_names(Named(key, key.split(":")[0], name) for key, name in owners)
    return [found[key] for key, _ in owners]


def test_names_are_readable() -> None:
    assert names(("crm:1", "Anna Müller"), ("crm:2", "Greta O'Brien"), ("crm:3", "Анна"), ("crm:4", "山田 太郎")) == [
        "Anna-Müller",
        "Greta-O-Brien",
        "Анна",
        "山田-太郎",
    ]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("a\\b:c|d*e?f", "a-b-c-d-e-f"),
        ("", "owner"),
        ("😀", "owner"),
        ("...", "owner"),
        ("CON", "owner-CON"),
        ("nul.txt", "owner-nul.txt"),
        ("a -- b", "a-b"),
        ("é" * 300, "é" * 50),
        ("x\0y\nz", "x-y-z"),
    ],
)
def test_names_are_safe(name: str, file: str) -> None:
    assert names(("crm:1", name)) == [file]


def test_names_that_come_to_the_same_are_kept_apart_whatever_the_order() -> None:
    owners = [
        ("crm:1", "Ann Lee"),
        ("erp:1", "ann  lee"),
        ("erp:2", "Ann/Lee"),
        ("crm:2", "index"),
        ("crm:3", "Nobody"),
    ]
    found = names(*owners)
    assert found[0] == "Ann-Lee--crm"
    assert re.fullmatch("ann-lee--erp--[0-9a-f]{12}", found[1]) and re.fullmatch("Ann-Lee--erp--[0-9a-f]{12}", found[2])
    assert found[3:] == ["index--crm", "Nobody--crm"]
    assert names(*reversed(owners)) == found[::-1]


@given(st.lists(st.tuples(st.sampled_from(["a", "b b", "b-b"]), st.text(max_size=8)), max_size=12))
def test_no_two_owners_share_a_file(owners: list[tuple[str, str]]) -> None:
    found = file_names(Named(f"{source}:{n}", source, name) for n, (source, name) in enumerate(owners))
    spelled = [unicodedata.normalize("NFD", file).casefold() for file in found.values()]
    assert len({*spelled, NOBODY, INDEX}) == len(owners) + 2
    assert all(len(file.encode()) < 250 and not re.search(r'[/\\:*?"<>|\0\s]', file) for file in found.values())
    assert not any(file.startswith((".", "-")) for file in found.values())


@pytest.fixture
def published(tmp_path: Path) -> Published:
    it = Published(tmp_path)
    it.owner("crm:1", "Ada", "ada@ours.example", team="North")
    it.owner("crm:2", "Bo")
    it.owner("crm:3", "Cy, who has nothing")
    odds = {"p_won_this_quarter": 0.5, "p_won": 0.75, "days_in_stage": 12.0, "stage_median_days": 7.0}
    it.deal("crm:a", "crm:1", "Alpha", 1000, expected_close_on="2026-02-01", reasons="is stale; was moved", **odds)
    it.broken("crm:a", "crm:1", record_name="Alpha", amount_at_stake=1000, stage="Demo")
    it.deal("crm:b", "crm:1", "Beta", None, p_won_this_quarter=None)
    it.deal("crm:c", "crm:2", "Gamma", 50, reasons="was moved later once", reason_ids="pushed")
    it.broken("crm:lead", "crm:1", "is dead", entity="leads", record_name="Lena", severity="critical")
    it.broken("crm:deals:x:amount", None, "row 3: amount cannot be read")
    it.score("crm:1", 2, 1)
    it.score("crm:1", 9, 9, "2026-03-01")
    return it


def text(page: str) -> str:
    """What a reader sees of a page."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", re.sub("(?s)<style>.*?</style>", "", page))).split())


def test_each_owner_with_a_record_has_a_page_and_a_csv(published: Published) -> None:
    folder = published.publish() / "report" / "owners"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(f"{name}.{kind}" for name in ("Ada", "Bo", "nobody") for kind in ("csv", "html")), "index.html"]
    )
    page = text((folder / "Ada.html").read_text())
    assert "North · crm" in page and "As of 2026-03-02 03:00 (Europe/Berlin)" in page
    assert "To mend 2 1 critical , EUR 1,000 at stake" in page
    assert "Open deals 2 EUR 1,000 Likely won this quarter 500 EUR" in page
    assert "Clean open deals 50 % 1 of 2 have no open warning" in page, "of the newest day"
    assert "Alpha deal · Demo · crm 1,000 1 Feb 2026 50 % 75 % 12 median 7 is stale; was moved since 1 Mar 2026" in page
    assert "Lena lead · crm – – – – – critical: is dead" in page
    assert "Beta deal · Demo · crm not known not known not known not known not known" in page
    assert "Records without an owner" in (folder / "nobody.html").read_text()
    index = text((folder / "index.html").read_text())
    assert "Ada North · crm 2 1,000 2 50 % CSV Bo crm 0 – 1 – CSV Nobody's records 1 – 0 – CSV" in index


def test_the_csv_has_every_record(published: Published) -> None:
    for n in range(300):
        published.deal(f"crm:n{n}", "crm:2", f"Deal {n}", n)
    folder = published.publish() / "report" / "owners"
    page = (folder / "Bo.html").read_text()
    assert page.count("<tr>") == 201, "two hundred and the headings"
    assert "The first 200 of 301; all stand in the CSV." in text(page)
    with (folder / "Bo.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["record_key"] for row in rows[:3]] == ["crm:c", "crm:n299", "crm:n298"]
    assert len(rows) == 301
    assert (rows[0]["amount"], rows[0]["is_open_deal"], rows[0]["p_won"]) == ("50.00", "1", "")


def test_what_the_crm_writes_is_no_markup(published: Published) -> None:
    published.owner("crm:4", HOSTILE, team=HOSTILE)
    published.deal("crm:h", "crm:4", HOSTILE, reasons=HOSTILE, reason_ids="pushed", stage=HOSTILE)
    folder = published.publish() / "report" / "owners"
    (path,) = folder.glob("*script*.html")
    page = path.read_text()
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6, "title, heading, team, name, stage, reason"
    assert "<script" not in page and "49" not in text(page)
    assert "<script" not in (folder / "index.html").read_text()
    assert f'href="{path.stem}.html"' in (folder / "index.html").read_text()


def test_what_the_crm_writes_is_no_formula(published: Published) -> None:
    for n, formula in enumerate(FORMULAS):
        published.broken(f"crm:f{n}", "crm:2", formula, entity="leads", record_name=formula, stage="-")
    published.deal("crm:minus", "crm:2", "Refund", -5)
    with (published.publish() / "report" / "owners" / "Bo.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    written = [row["record_name"] for row in rows if row["entity"] == "leads"]
    assert written == ["'=1+1", "'+1", "'-1+1", "'@SUM(A1)", "'  =1", "'\t=1", "'＝1", "x;'=HYPERLINK(1)", "a\n'=1"]
    assert {row["stage"] for row in rows if row["entity"] == "leads"} == {"'-"}
    assert [row["amount"] for row in rows if row["record_key"] == "crm:minus"] == ["-5.00"], "a number is one"


def test_records_lead_to_the_crm_where_it_says_how(published: Published) -> None:
    def link(source: str, entity: str, record_id: str) -> str | None:
        return f"https://crm.example/{source}/{record_id}?a&b" if entity == "deals" else f"javascript:{record_id}"

    folder = published.publish(link) / "report" / "owners"
    page = (folder / "Ada.html").read_text()
    assert '<a href="https://crm.example/crm/a?a&amp;b" rel="noreferrer">Alpha</a>' in page
    assert "javascript:" not in page
    assert "crm.example" not in (folder / "nobody.html").read_text(), "a cell of a file is no record there"


def test_a_deal_s_address_is_that_of_its_source_with_its_id_in_it() -> None:
    link = deal_links({"crm": "https://crm.example/deals/{id}?tab=1", "erp": ""})
    assert link("crm", "deals", "a/b ü") == "https://crm.example/deals/a%2Fb%20%C3%BC?tab=1"
    assert [link("crm", "leads", "a"), link("erp", "deals", "a"), link("ads", "deals", "a")] == [None] * 3


def test_pages_ask_nobody_for_anything(published: Published) -> None:
    for path in (published.publish() / "report" / "owners").glob("*.html"):
        page = unescape(path.read_text())
        assert "default-src 'none'; style-src 'sha256-" in page
        assert "src=" not in page and "@import" not in page and "url(" not in page
        assert not re.search(r'href="(https?:)?//', page)


def test_who_has_nothing_any_more_leaves_no_page(published: Published) -> None:
    published.publish()
    published.clear("quality.worklists", "marts.mart_deal_outlook")
    folder = published.publish() / "report" / "owners"
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    assert "Nobody has an open deal or a record to mend." in (folder / "index.html").read_text()
