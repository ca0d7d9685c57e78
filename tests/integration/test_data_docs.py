"""Data Docs: pages that ask nothing of the network, an index of every suite, and words that stay words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import pytest

from dagster_project.config.load import load_settings
from dagster_project.config.rules import Check, Gate, Rule, Suite, checks, read_suites
from dagster_project.quality import evaluate as evaluation
from dagster_project.quality.evaluate import evaluate
from dagster_project.run.results import Result
from dagster_project.transform.check_tables import create_check_tables
from tests.conftest import PROJECT, Warehouse

#: What is not ended by a tag of its own.
VOID = ("meta", "link", "br", "img", "hr", "input")


@dataclass
class Page(HTMLParser):
    """A page as a browser reads it: its tags, and the text of its articles and of its tables' rows."""

    path: Path
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    articles: dict[str, str] = field(default_factory=dict)
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    styles: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._article = ""
        self._cells: list[str] = []
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"{self.path.name}: never ended: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "article":
            self._article = str(dict(attrs)["id"])
        elif tag == "tr":
            self._cells = []
        elif tag in ("td", "th"):
            self._cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"{self.path.name}: </{tag}> ends something else"
        if tag == "article":
            self._article = ""
        elif tag == "tr":
            self.rows[self._cells[0]] = tuple(self._cells[1:])

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.styles += data
        elif self._article:
            self.articles[self._article] = self.articles.get(self._article, "") + data
        elif self._open and self._open[-1] not in ("tr", "table", "thead", "tbody") and "tr" in self._open:
            self._cells[-1] += data.strip()

    def targets(self) -> list[str]:
        """Everything that a page refers to."""
        return [
            str(value)
            for _, attributes in self.tags
            for name, value in attributes.items()
            if name in ("href", "src", "srcset", "data", "action", "poster")
        ]


def pages_of(folder: Path) -> list[Page]:
    return [Page(path) for path in sorted(folder.rglob("*.html"))]


@pytest.fixture(scope="module")
def folder(sample: Warehouse) -> Path:
    return (sample.path / "data_docs").resolve()


@pytest.fixture(scope="module")
def pages(folder: Path) -> list[Page]:
    return pages_of(folder)


def test_pages_ask_nothing_of_the_network(folder: Path, pages: list[Page]) -> None:
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".html"}
    for page in pages:
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "iframe", "object", "embed", "form", "base"})
        assert [attributes["href"] for tag, attributes in page.tags if tag == "link"] == ["data:,"]
        assert not re.search(r"url\(|@import", page.styles)
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        policies = [attributes for _, attributes in page.tags if attributes.get("http-equiv")]
        assert (policies[0]["content"] or "").startswith("default-src 'none'")


def test_every_link_leads_to_a_page_of_their_own(folder: Path, pages: list[Page]) -> None:
    for page in pages:
        for target in page.targets():
            if target == "data:,":
                continue
            parts = urlsplit(target)
            assert not parts.scheme and not parts.netloc, target
            path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            assert path.is_file() and path.is_relative_to(folder), target
            if parts.fragment:
                assert parts.fragment in {attributes.get("id") for _, attributes in page.tags}


def test_ids_are_not_given_twice(pages: list[Page]) -> None:
    for page in pages:
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_the_index_has_every_suite_with_what_was_found(sample: Warehouse, folder: Path) -> None:
    index = Page(folder / "index.html")
    found = sample.rows(
        """
        select
            suite, split_part("table", '.', 2), count(*), count(*) filter (not success), sum(unexpected),
            count(*) filter (not applies),
            coalesce(
                min_by(severity, list_position(['critical', 'warning', 'info'], severity)) filter (not success),
                'all met'
            )
        from quality.check_results group by suite, "table"
        """
    )
    several = {suite for suite, *_ in found if [row[0] for row in found].count(suite) > 1}
    expected = {
        f"{suite}-{table}" if suite in several else suite: (
            worst,
            str(broken),
            str(expectations),
            f"{unexpected:,}",
            str(not_applied),
        )
        for suite, table, expectations, broken, unexpected, not_applied, worst in found
    }
    assert {name: row for name, row in index.rows.items() if name != "Suite"} == expected
    worst = [row[0] for name, row in index.rows.items() if name != "Suite"]
    order = ["critical", "warning", "info", "all met"]
    assert worst == sorted(worst, key=order.index)


def test_a_suite_says_of_each_expectation_what_was_found_and_why_it_matters(
    sample: Warehouse, pages: list[Page]
) -> None:
    pages_by_suite = {page.path.relative_to(page.path.parents[3]).parts[0]: page for page in pages[1:]}
    deals = pages_by_suite["deals"]
    found = sample.rows(
        "select expectation, severity, evaluated, unexpected from quality.check_results where suite = 'deals'"
    )
    assert set(deals.articles) == {expectation for expectation, *_ in found}
    rules = {rule.check or rule.rule: rule for suite in read_suites() if suite.suite == "deals" for rule in suite.rules}
    for rule, severity, evaluated, unexpected in found:
        outcome, *counts, shown_severity = deals.rows[rule]
        assert counts == [f"{unexpected:,}", f"{evaluated:,}"]
        assert shown_severity == severity
        assert outcome == ("not met" if unexpected else "met" if evaluated else "nothing to look at")
        article = deals.articles[rule]
        assert rules[rule].says in article
        assert rules[rule].why in article
        of_rule = f"rule = '{rules[rule].rule}' and severity = '{severity}' and entity = 'deals'"
        listed = f"select * from quality.hygiene_violations where {of_rule}"
        assert (listed in article) == bool(unexpected)
    assert "Does not apply to field_sheet" in deals.articles["no_next_activity"]
    gate = pages_by_suite["gate_facts-fct_deals"].articles["fact_key_deal_key"]
    assert "deal_key is never missing and never twice." in gate
    assert "expect_column_values_to_be_unique" in gate


def test_a_rule_shows_its_worst_records_and_no_more_than_twenty(sample: Warehouse, pages: list[Page]) -> None:
    articles = {name: text for page in pages for name, text in page.articles.items()}
    found = sample.rows(
        "select rule, record_key, message from quality.hygiene_violations as violations "
        "left join marts.fct_deals on record_key = deal_key and violations.entity = 'deals' "
        "where resolved_on is null and rule in ('regressed', 'stale_deal', 'unanswered_lead') "
        "order by rule, amount_reporting desc nulls last, record_key, message"
    )
    listed = {rule: [row[1:] for row in found if row[0] == rule] for rule, *_ in found}
    assert len(listed["stale_deal"]) < 20 < len(listed["unanswered_lead"]) < len(listed["regressed"])
    for rule, records in listed.items():
        places = [articles[rule].find(key) for key, _ in records[:20]]
        assert -1 not in places and places == sorted(places), rule
        assert all(message in articles[rule] for _, message in records[:20])
        shown = {key for key, _ in records[:20]}
        assert not [key for key, _ in records[20:] if key not in shown and f"{key}\n" in articles[rule]], rule
    assert "All, the largest amount first" in articles["stale_deal"]
    assert f"The first 20 of {len(listed['regressed'])}" in articles["regressed"]
    assert f"The first 20 of {len(listed['unanswered_lead'])}" in articles["unanswered_lead"]


def test_names_of_files_and_folders_go_anywhere(sample: Warehouse) -> None:
    names = [path.relative_to(sample.path) for path in sample.path.rglob("*")]
    assert len(names) > 100
    assert [str(name) for name in names if re.search(r'[\s:"*?<>|\\]', name.name)] == []


def test_the_query_for_the_list_finds_as_many(sample: Warehouse) -> None:
    config = load_settings({"PIPELINE_CONFIG": str(PROJECT / "pipeline.yml")}).config
    unexpected = dict(sample.rows("select concat(suite, '.', expectation), unexpected from quality.check_results"))
    for check in checks(config):
        if isinstance(check.definition, Rule):
            listed = sample.value(f"select count(*) from ({check.open_violations_sql})")
            assert listed == unexpected[f"{check.suite.suite}.{check.name}"], check.name


HOSTILE = (
    "</code><script>alert(1)</script><img src=https://example.com/x onerror=alert(2)> & \"quoted\" 'words' {{ 7 * 7 }}"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Result], list[Page]]:
    """Three checks on a table of three rows: a broken one with hostile words, one that applies to no source, a gate."""
    broken = Rule(
        rule="hostile",
        severity="critical",
        says=f"says {HOSTILE}",
        why=f"why {HOSTILE}",
        where="true",
        broken_when=f"deal_key <> $${HOSTILE}$$",
        observed="1",
        allowed="2",
        message=f"message {HOSTILE.replace('{{ 7 * 7 }}', '')}",
        record_key="deal_key",
    )
    nowhere = broken.model_copy(update={"rule": "nowhere", "severity": "warning", "needs": [["deals.amount"]]})
    gate = Gate(
        rule="fact_key", severity="critical", table="marts.fct_deals", asset="marts.fct_deals", column="deal_key"
    )
    rules = Suite(
        suite="deals", table="marts.fct_deals", asset="marts.fct_deals", entity="deals", rules=[broken, nowhere]
    )
    gates = Suite(suite="gate_facts", says="", why="counted twice", gates=[gate])
    planned = [
        *(
            Check(rules, rule.rule, rule.severity, rules.table, rules.asset, rule.says, rule.why, rule)
            for rule in rules.rules
        ),
        Check(gates, gate.rule, gate.severity, gate.table, gate.asset, "never twice", gates.why, gate),
    ]
    place = tmp_path_factory.mktemp("told")
    with duckdb.connect(str(place / "work.duckdb")) as connection:
        connection.execute("create schema config; create schema checks")
        create_check_tables(connection)
        connection.execute(
            "create table config.delivered_columns (source varchar, entity varchar, column_name varchar)"
        )
        connection.execute("create table config.run as select timestamp '2026-01-01 00:00:00' as as_of")
    with duckdb.connect(str(place / "pipeline.duckdb")) as connection:
        connection.execute("create schema marts; create schema quality")
        connection.execute(
            "create table marts.fct_deals as select unnest(['a', 'a', 'b']) as deal_key, 'crm' as source, "
            "deal_key as deal_name, cast(7 as decimal(18, 2)) as amount_reporting; "
            "create table marts.fct_leads (lead_key varchar, lead_name varchar); "
            "create table marts.dim_owners (owner_key varchar, owner_name varchar)"
        )
    config = load_settings({"PIPELINE_CONFIG": str(PROJECT / "pipeline.yml")}).config
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "checks", lambda _: planned)
        connection = duckdb.connect(str(place / "pipeline.duckdb"))
        connection.execute(f"attach '{place / 'work.duckdb'}' as work")
        results = evaluate(config, connection, place / "data_docs")
    return results, pages_of(place / "data_docs")


def test_words_of_a_rule_stay_words(told: tuple[list[Result], list[Page]]) -> None:
    _, pages = told
    assert len(pages) == 3
    for page in pages:
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    (deals,) = (page for page in pages if "hostile" in page.articles)
    article = deals.articles["hostile"]
    assert article.count(HOSTILE) == 3, "in what it says, in why, and in the query"


def test_a_check_that_applies_to_no_source_says_so(told: tuple[list[Result], list[Page]]) -> None:
    results, pages = told
    assert [(result.applies, result.evaluated, result.unexpected) for result in results] == [
        (True, 3, 3),
        (False, 0, 0),
        (True, 3, 2),
    ]
    (deals,) = (page for page in pages if "nowhere" in page.articles)
    assert deals.rows["nowhere"] == ("applies to no source", "0", "0", "warning")
    assert all(Path(pages[0].path.parent / result.page).is_file() for result in results)


def test_the_index_says_that_a_night_was_stopped(told: tuple[list[Result], list[Page]]) -> None:
    _, (index, *_) = told
    assert index.rows["deals"] == ("critical", "1", "2", "3", "1")
    assert index.rows["gate_facts-fct_deals"] == ("critical", "1", "1", "2", "0")
    assert "A critical expectation is not met" in index.path.read_text(encoding="utf-8")
