"""A mistake in the configuration or its environment: one message with file, key and what is allowed; exit 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.config.load import load_settings
from dagster_project.config.rules import checks
from dagster_project.config.stages import configured_stages
from dagster_project.errors import ConfigurationError
from dagster_project.run.folders import check_folders
from tests.faults import damage
from tests.faults.nights import Nights

GOOD = damage.configuration(["crm"])


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """A source with a good delivery, and its configuration."""
    nights = Nights(tmp_path)
    nights.config.write_text(GOOD, encoding="utf-8")
    nights.deliver(f"crm/{damage.NEW}", damage.text(damage.deals()))
    return nights


def check(nights: Nights, **environ: str) -> None:
    """What `dealtrail nightly` looks at before it starts."""
    settings = load_settings({"PIPELINE_CONFIG": str(nights.config), "LANDING_DIR": str(nights.landing), **environ})
    check_folders(settings)
    configured_stages(settings.config)
    checks(settings.config)


def complaint(nights: Nights, **environ: str) -> str:
    """The message about what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        check(nights, **environ)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_what_follows_is_about_mistakes_only(nights: Nights) -> None:
    check(nights)


MISTAKES: dict[str, tuple[Callable[[str], str], str]] = {
    "a key misspelt": (
        lambda good: good.replace("currency: EUR", "curency: EUR"),
        r"pipeline\.yml line 2: curency: unknown key 'curency'; allowed: .*currency",
    ),
    "a key misspelt deep inside": (
        lambda good: good.replace("entity: deals", "entity: deals\n        colums: {}"),
        r"pipeline\.yml line 11: sources\.0\.feeds\.deals\.colums: unknown key 'colums'; allowed: .*columns",
    ),
    "a key given twice": (lambda good: good + "timezone: UTC\n", r"pipeline\.yml line \d+: 'timezone' is given twice"),
    "a missing key": (lambda good: good.replace("timezone: UTC\n", ""), r"pipeline\.yml: timezone: .*missing"),
    "a source without feeds": (
        lambda good: "timezone: UTC\ncurrency: EUR\nsources:\n  - name: crm\n",
        r"pipeline\.yml line 4: sources\.0\.feeds: 'feeds' is missing",
    ),
    "an unknown vendor": (
        lambda good: good.replace("date_formats", "vendor: sugar\n    date_formats"),
        r"pipeline\.yml line 7: sources\.0\.vendor: 'sugar' is no vendor; allowed: .*pipedrive.*salesforce",
    ),
    "two sources with one name": (
        lambda good: damage.configuration(["crm", "crm"]),
        r"pipeline\.yml line \d+: sources\.1\.name: .*sources\.0 and sources\.1 have one name, 'crm'.* Give each",
    ),
    "a source's name that is no folder name": (
        lambda good: good.replace("name: crm", "name: My CRM"),
        r"pipeline\.yml line 6: sources\.0\.name: 'My CRM': .*small letters",
    ),
    "a column nobody knows": (
        lambda good: good.replace("deal_name:", "title:"),
        r"pipeline\.yml line 9: sources\.0\.feeds\.deals: 'title' in columns .*allowed: deal_id, deal_name",
    ),
    "a canonical stage nobody knows": (
        lambda good: good.replace("canonical: proposal", "canonical: offer"),
        r"pipeline\.yml line \d+: sources\.0\.pipelines\.0\.stages\.1\.canonical: .*'prospecting', 'contact'",
    ),
    "a template nobody knows": (
        lambda good: good.replace("- name: default", "- name: default\n        template: sugar"),
        r"pipeline\.yml.*'sugar' is no template; allowed: .*pipedrive",
    ),
    "a rule nobody knows": (
        lambda good: good + "rules: {stale_dael: {enabled: false}}\n",
        r"pipeline\.yml.*no rule 'stale_dael'; allowed: .*stale_deal",
    ),
    "a timezone nobody knows": (
        lambda good: good.replace("timezone: UTC", "timezone: Berlin"),
        r"pipeline\.yml line 1: timezone: 'Berlin' .*Europe/Berlin",
    ),
    "a currency that is none": (
        lambda good: good.replace("EUR", "Euro"),
        r"pipeline\.yml line 2: currency: 'Euro' .*EUR",
    ),
    "a date format without a year": (
        lambda good: good.replace("%d.%m.%Y", "%d.%m"),
        r"pipeline\.yml line 7: sources\.0\.date_formats\.0: '%d\.%m' .*%d\.%m\.%Y",
    ),
    "an as_of that is no date": (
        lambda good: good + "as_of: yesterday\n",
        r"pipeline\.yml line \d+: as_of: .*date",
    ),
    "a limit below zero": (
        lambda good: good + "thresholds: {stale_after_days: -1}\n",
        r"pipeline\.yml line \d+: thresholds\.stale_after_days: '-1' is no limit in days; write whole days",
    ),
    "a tab": (lambda good: "\t" + good, r"pipeline\.yml line 1: .*\\t"),
    "a list for a key": (lambda good: good + "? [a, b]\n: c\n", r"pipeline\.yml line \d+"),
    "nothing at all": (lambda good: "", r"pipeline\.yml: expected keys such as timezone, currency and sources"),
    "no sources": (
        lambda good: "timezone: UTC\ncurrency: EUR\nsources: []\n",
        r"pipeline\.yml line 3: sources: there is no source yet.*source draft",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_and_key_and_what_is_allowed(nights: Nights, mistake: str) -> None:
    change, expected = MISTAKES[mistake]
    nights.config.write_text(change(GOOD), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=expected):
        check(nights)


def test_several_mistakes_are_named_at_once(nights: Nights) -> None:
    nights.config.write_text(GOOD.replace("EUR", "Euro").replace("timezone: UTC", "timezone: Berlin"))
    said = complaint(nights)
    assert "'Berlin'" in said and "'Euro'" in said


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf_8_is_said_to_be_so(nights: Nights, encoding: str) -> None:
    nights.config.write_bytes((GOOD + "# für\n").encode(encoding))
    assert "pipeline.yml: not UTF-8 text" in complaint(nights)


@pytest.mark.parametrize("moment", ["yesterday", "2025-02-30", "2025-12-31T25:00:00Z", "31.12.2025", " "])
def test_an_as_of_that_is_no_date_is_refused_with_an_example(nights: Nights, moment: str) -> None:
    said = complaint(nights, AS_OF=moment)
    assert f"AS_OF: '{moment}' is no ISO 8601 moment" in said and "2026-01-01T00:00:00Z" in said


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_an_as_of_beyond_the_calendar_is_refused_too(nights: Nights, moment: str) -> None:
    assert "AS_OF" in complaint(nights, AS_OF=moment)


def test_a_missing_configuration_is_named_with_the_variable_that_sets_it(nights: Nights) -> None:
    said = complaint(nights, PIPELINE_CONFIG=str(nights.folder / "elsewhere.yml"))
    assert "elsewhere.yml: No such file" in said and "PIPELINE_CONFIG" in said


def test_a_wrong_landing_folder_is_named_with_the_variable_that_sets_it(nights: Nights) -> None:
    said = complaint(nights, LANDING_DIR=str(nights.folder / "nowhere"))
    assert "nowhere" in said and "LANDING_DIR" in said and "<source name>" in said


def test_a_file_in_the_place_of_the_landing_folder_is_refused(nights: Nights) -> None:
    assert "there is no folder" in complaint(nights, LANDING_DIR=str(nights.config))


def test_an_empty_landing_folder_says_which_folders_belong_there(nights: Nights, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    said = complaint(nights, LANDING_DIR=str(empty))
    assert "sources.0.name" in said and "Folders there: none" in said and str(empty / "crm") in said


def test_a_folder_named_otherwise_is_shown(nights: Nights) -> None:
    (nights.landing / "crm").rename(nights.landing / "CRM_export")
    assert "Folders there: CRM_export" in complaint(nights)


@pytest.mark.parametrize("command", ["nightly", "config"])
def test_the_command_says_it_without_a_traceback_and_exits_2(nights: Nights, command: str) -> None:
    nights.config.write_text(GOOD.replace("currency: EUR", "curency: EUR"))
    ended = nights.play(arguments=("nightly",) if command == "nightly" else ("config", "check"))
    assert ended.status == 2
    assert ended.output.startswith("dealtrail: ") and "unknown key 'curency'" in ended.output
    assert "Traceback" not in ended.output
    assert not nights.warehouse.exists(), "a mistake leaves nothing behind"


def test_wrong_usage_exits_2(nights: Nights) -> None:
    assert nights.play(arguments=("nightly", "--now")).status == 2
