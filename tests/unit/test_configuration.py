"""A mistake in pipeline.yml is answered with file, line, key and what is allowed."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dagster_project.config.goals import configured_goals
from dagster_project.config.load import load_settings, read_configuration
from dagster_project.config.models import Configuration
from dagster_project.config.presets import vendor_names
from dagster_project.config.stages import configured_stages, normalized
from dagster_project.errors import ConfigurationError
from dagster_project.run.folders import check_folders
from tests.conftest import PROJECT

GOOD = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    vendor: salesforce
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(write(folder, text))
    assert raised.value.exit_status == 2
    return str(raised.value)


@pytest.mark.parametrize(
    "name", ["pipeline.yml", *(f"examples/{path.name}" for path in (PROJECT / "examples").glob("*.yml"))]
)
def test_the_project_s_own_configurations_are_right(name: str) -> None:
    config = read_configuration(PROJECT / name)
    assert configured_stages(config)


def test_unknown_key_names_line_and_allowed_keys(tmp_path: Path) -> None:
    said = mistake(tmp_path, GOOD + "    tiemzone: UTC\n")
    assert "pipeline.yml line 7: sources.0.tiemzone: unknown key 'tiemzone'" in said
    assert "timezone" in said.split("allowed:")[1]


def test_unknown_vendor_names_those_there_are(tmp_path: Path) -> None:
    said = mistake(tmp_path, GOOD.replace("salesforce", "salesfarce"))
    assert "line 6: sources.0.vendor: 'salesfarce' is no vendor; allowed: " + ", ".join(vendor_names()) in said


def test_two_sources_with_one_name(tmp_path: Path) -> None:
    assert "sources.0 and sources.1 have one name, 'crm'" in mistake(
        tmp_path, GOOD + "  - name: crm\n    vendor: pipedrive\n"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("timezone: Mars", "'Mars' is no timezone"),
        ("currency: euro", "'euro' is no currency"),
        ("as_of: yesterday", "as_of"),
        ("schedule: {at: 25}", "'25' is no time of day"),
        (
            "thresholds: {stale_after_days: -1}",
            "line 7: thresholds.stale_after_days: '-1' is no limit in days; write whole days, 0 or more, or auto",
        ),
        ("thresholds: {max_days_in_stage: 1.5}", "'1.5' is no limit in days"),
        ("thresholds: {max_days_in_stage: true}", "'True' is no limit in days"),
        ("thresholds: {max_days_in_stage: 123456789012}", "'123456789012' is no limit in days"),
        ("thresholds: {dead_lead_after_days: -1}", "greater than or equal to 0"),
        ("timezone: UTC", "'timezone' is given twice"),
    ],
)
def test_values_that_cannot_be(tmp_path: Path, change: str, said: str) -> None:
    key = change.split(":")[0]
    text = GOOD if said.endswith("twice") else "\n".join(x for x in GOOD.splitlines() if not x.startswith(f"{key}:"))
    assert said in mistake(tmp_path, f"{text}\n{change}\n")


def test_column_nobody_knows(tmp_path: Path) -> None:
    text = GOOD + "    feeds: {opportunities: {columns: {amuont: Amount}}}\n"
    assert "'amuont' in columns is no column of deals; allowed: deal_id, deal_name" in mistake(tmp_path, text)


def test_date_format_without_a_year(tmp_path: Path) -> None:
    assert "'%d.%m' is no date format" in mistake(tmp_path, GOOD + '    date_formats: ["%d.%m"]\n')


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("javascript:alert('{id}')", "is no address of a page"),
        ("acme.pipedrive.com/deal/{id}", "is no address of a page"),
        ("https://{id}.example.com/deal", "is no address of a page"),
        ("https://acme.pipedrive.com/deal/", "write {id} once"),
        ("https://acme.pipedrive.com/{id}/{id}", "write {id} once"),
        ("https://acme.pipedrive.com/{deal}/{id}", "write {id} once"),
        ("https://acme.pipedrive.com/deal/{id", "write {id} once"),
        ("https://acme.pipedrive.com/deal/{id}?tab=notes#top", ""),
    ],
)
def test_a_deal_s_page_is_an_address_with_a_place_for_its_id(tmp_path: Path, pattern: str, said: str) -> None:
    text = GOOD + f"    deal_url: {json.dumps(pattern)}\n"
    if said:
        assert f"line 7: sources.0.deal_url: '{pattern}'" in mistake(tmp_path, text)
        assert said in mistake(tmp_path, text)
    else:
        assert read_configuration(write(tmp_path, text)).sources[0].deal_url == pattern


@pytest.mark.parametrize("place", ["    date_formats: {}\n", "    feeds: {{leads: {{date_formats: {}}}}}\n"])
@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("DD.MM.YYYY", "is no date format"),
        ("%d.%m.%Y o'clock", "is no date format"),
        ("%Y-%d", "is no date format"),
        ("%d.%m.%Y %Q", "%Q is not known; allowed: %a"),
        ("%d.%m.%Y %T", "%T is not known"),
        ("%d.%m.%Y %", "% is not known"),
        ("%d.%m.%Y %H:%M %z", "an offset or timezone (%z) is read only of ISO 8601 times"),
        ("%-d/%-m/%y %I:%M%p, 100%%", ""),
        ("%j %Y", ""),
    ],
)
def test_date_formats_are_checked_where_they_stand(tmp_path: Path, place: str, format: str, said: str) -> None:
    text = GOOD + place.format(json.dumps([format]))
    if said:
        assert said in mistake(tmp_path, text)
    else:
        read_configuration(write(tmp_path, text))


@pytest.mark.parametrize("name", ["a/b", "../../x", "Deals", "1st", ""])
def test_a_feed_is_named_as_its_folder_in_the_lake_can_be(tmp_path: Path, name: str) -> None:
    text = GOOD + f"    feeds: {{'{name}': {{entity: deals, files: [x.csv], columns: {{deal_id: Id}}}}}}\n"
    assert f"'{name}': a feed is named with small letters, digits and _" in mistake(tmp_path, text)


def test_missing_file() -> None:
    with pytest.raises(ConfigurationError, match="Set PIPELINE_CONFIG"):
        load_settings({"PIPELINE_CONFIG": "nowhere.yml"})


def test_missing_folders_are_named(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD)
    with pytest.raises(ConfigurationError, match=r"there is no folder .*landing"):
        check_folders(load_settings({"PIPELINE_CONFIG": str(config)}))
    (tmp_path / "landing" / "other").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"sources\.0\.name.*\n.*Folders there: other"):
        check_folders(load_settings({"PIPELINE_CONFIG": str(config)}))
    (tmp_path / "landing" / "crm").mkdir()
    check_folders(load_settings({"PIPELINE_CONFIG": str(config)}))


def test_variables_override_the_configuration(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD.replace("timezone: UTC", "timezone: Europe/Berlin") + "as_of: 2026-01-01\n")
    assert load_settings({"PIPELINE_CONFIG": str(config)}).as_of == datetime(2025, 12, 31, 23, tzinfo=UTC)
    changed = load_settings(
        {
            "PIPELINE_CONFIG": str(config),
            "LANDING_DIR": str(tmp_path / "in"),
            "WAREHOUSE_DIR": str(tmp_path / "out"),
            "AS_OF": "2026-02-01T12:00:00",
        }
    )
    assert (changed.landing_dir, changed.warehouse_dir) == (tmp_path / "in", tmp_path / "out")
    assert changed.as_of == datetime(2026, 2, 1, 11, tzinfo=UTC)
    with pytest.raises(ConfigurationError, match="AS_OF: 'soon' is no ISO 8601 moment"):
        load_settings({"PIPELINE_CONFIG": str(config), "AS_OF": "soon"})


def test_a_source_s_words_are_merged_over_the_preset(tmp_path: Path) -> None:
    text = GOOD + "    feeds: {leads: {deliveries: incremental, columns: {lead_name: Full Name}}}\n"
    feed = read_configuration(write(tmp_path, text)).sources[0].feeds["leads"]
    assert feed.deliveries == "incremental"
    assert feed.columns["lead_name"] == ["Full Name"]
    assert feed.columns["lead_id"] == ["Id", "Lead ID"]


def test_schema_describes_every_key() -> None:
    """What editors show beside a key, and the documentation's page of keys."""
    schema = Configuration.model_json_schema()
    assert set(schema["properties"]) == set(Configuration.model_fields)
    blocks = {"Configuration": schema, **schema["$defs"]}
    said = {
        f"{name}.{key}": block["properties"][key].get("description", "").strip()
        for name, block in blocks.items()
        for key in block.get("properties", {})
    }
    assert len(said) > 100
    assert [key for key, description in said.items() if not description] == []


def test_stages_of_a_template_are_overridden_by_name_and_won_and_lost_are_implied(tmp_path: Path) -> None:
    text = GOOD.replace("salesforce", "pipedrive") + (
        "    pipelines:\n"
        "      - name: Sales\n        template: pipedrive\n"
        "        stages: [{name: demo  SCHEDULED, stale_after_days: 5}, {name: Legal, canonical: closing}]\n"
    )
    stages = configured_stages(read_configuration(write(tmp_path, text)))
    assert [stage.stage for stage in stages] == [
        "Qualified",
        "Contact Made",
        "Demo Scheduled",
        "Proposal Made",
        "Negotiations Started",
        "Legal",
        "Won",
        "Lost",
    ]
    assert {stage.stage: stage.stale_after_days for stage in stages}["Demo Scheduled"] == 5
    assert next(stage.stage for stage in stages if "amount" in stage.required_fields) == "Proposal Made"


def test_unknown_template(tmp_path: Path) -> None:
    text = GOOD + "    pipelines: [{name: default, template: sass}]\n"
    with pytest.raises(ConfigurationError, match=f"'sass' is no template; allowed: {', '.join(vendor_names())}, hr"):
        configured_stages(read_configuration(write(tmp_path, text)))


@pytest.mark.parametrize("name", ["Négociation", "  NEGOCIATION ", "negociation"])
def test_names_are_compared_without_case_accents_and_spaces(name: str) -> None:
    assert normalized(name) == "negociation"


CONFIGURED = GOOD.replace("vendor: salesforce", "vendor: pipedrive") + "goals:\n  - {"


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("source: cmr, goal: deals_won, target: 1", "goals.0.source: 'cmr' is no source; allowed: crm"),
        (
            "source: crm, pipeline: Partners, goal: deals_won, target: 1",
            "goals.0.pipeline: 'Partners' is no pipeline of crm; allowed: Pipeline",
        ),
        (
            "source: crm, stage: Won, goal: entered, target: 1",
            "goals.0.stage: 'Won' is no open stage of crm, pipeline Pipeline; allowed: Qualified, Contact Made",
        ),
        (
            "source: crm, goal: entered, target: 1",
            "line 8: goals.0: 'entered' is a goal of a stage; allowed here: opportunities_created, deals_won",
        ),
        (
            "source: crm, stage: Qualified, goal: deals_won, target: 1",
            "line 8: goals.0: 'deals_won' is a goal of a pipeline; allowed here: entered, advanced",
        ),
        ("source: crm, goal: win_rate, target: 30", "line 8: goals.0: target 30 of win_rate: a rate is a share"),
        ("source: crm, goal: deals_won, target: -1", "line 8: goals.0.target: "),
        (
            "source: crm, goal: deals_won, target: 1, month: 2025-13",
            "goals.0.month: '2025-13' is no month; write 2025-12",
        ),
        ("source: crm, goal: deals_won, target: 1, month: 2025-12..2025-01", "ends before it begins"),
        (
            "source: crm, goal: profit, target: 1",
            "line 8: goals.0.goal: Input should be 'opportunities_created', 'deals_won'",
        ),
    ],
)
def test_a_goal_of_nothing_there_is(tmp_path: Path, goal: str, said: str) -> None:
    assert said in mistake(tmp_path, CONFIGURED + goal + "}\n")


def test_goals_are_named_as_their_pipelines_and_stages_are(tmp_path: Path) -> None:
    wanted = "source: crm, pipeline: DEFAULT, stage: contact  made, goal: entered, target: 3, month: 2025-01..2025-03"
    (goal,) = configured_goals(read_configuration(write(tmp_path, CONFIGURED + wanted + "}\n")))
    assert (goal.pipeline, goal.stage) == ("Pipeline", "Contact Made")
    assert (goal.first_month, goal.last_month) == (date(2025, 1, 1), date(2025, 3, 1))


_FEED = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: [x.csv]
        columns: {deal_id: Id, stage: Stage, amount: [Amount, "*_Amount"], lost_reason: R, status: S, owner_id: O}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("references: {amount: {column: lost_reason}}", ""),
        (
            "references: {amount: [{column: status, when: {status: [won]}}, {column: status, when: {owner_id: '*'}}]}",
            "",
        ),
        (
            "references: {amount: {column: piad}}",
            "sources.0.feeds.deals: references.amount: 'piad' is not in columns; name its headings there",
        ),
        (
            "references: {amount: {column: lost_reason, when: {state: [won]}}}",
            "references.amount: 'state' is not in columns; name its headings there, such as columns: {state:",
        ),
        ("references: {amuont: {column: lost_reason}}", "'amuont' in references is no column of deals"),
        (
            "references: {amount: {column: lost_reason, when: {status: []}}}",
            "names no value; write what the cell has to say, '*' for anything, or '' for nothing",
        ),
        ("only_when: {Kind: ['*', Deal]}", "sources.0.feeds.deals.only_when.Kind: '*' stands for any cell"),
        ("only_when: {Kind: ['', Deal]}", ""),
        ("only_when: {Kind: '*'}", ""),
        ("look_up: owner_id", ""),
        (
            "look_up: [stage]",
            "look_up: 'stage' of deals names no other record; allowed: owner_id, account_id, lead_id",
        ),
        ("look_up: [deal_id]", "look_up: 'deal_id' of deals names no other record"),
        (
            "not_stage_dates: []\n      other: {entity: owners, files: y, columns: {owner_id: '* - '}}",
            "would be any heading",
        ),
        (
            "days: []\n      other: {entity: accounts, files: y, columns: {account_id: Id}, look_up: owner_id}",
            "look_up: 'owner_id' of accounts names no other record; allowed: none",
        ),
    ],
)
def test_columns_that_hang_on_others_are_checked(tmp_path: Path, line: str, said: str) -> None:
    text = f"{_FEED}        {line}\n"
    if said:
        assert said in mistake(tmp_path, text)
    else:
        read_configuration(write(tmp_path, text))
