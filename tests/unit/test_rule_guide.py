"""The page of the rules is what the suites say, of every rule, in words that name what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Feed, Source
from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration, Rule, Thresholds
from dagster_project.config.pipelines import Pipeline, Stage
from dagster_project.config.presets import vendor_fixes
from dagster_project.config.rules import checks
from dagster_project.config.stages import configured_stages
from dagster_project.docs.reference import configuration_page
from dagster_project.package_files import PROJECT_DIR
from dagster_project.quality.rule_guide import rule_guide, sections

PAGE = rule_guide()

#: The rules there are to be (domain: Hygiene rules), by severity.
RULES = {
    "critical": "row_balance fact_key entity_without_rows quarantine_share",
    "warning": """
        stale_deal stuck_in_stage past_close_date
        missing_close_date missing_amount missing_owner missing_account missing_required_field
        no_next_activity inactive_owner pushed_too_often won_without_amount lost_without_reason
        closed_before_created closed_before_lead closed_in_future created_in_future
        negative_amount stage_disagrees_with_history missing_exchange_rate
        duplicate_deal duplicate_lead unanswered_lead dead_lead converted_without_deal
        orphan_activity future_activity_done
        late_delivery schema_drift null_spike stage_mix_drift delivery_refused delivery_held_back
        unparseable_value duplicate_key missing_key
    """,
    "info": "regressed skipped_stage amount_outlier unmapped_stage deleted_deal history_rewritten",
}


def test_it_has_every_rule_with_its_severity() -> None:
    expected = {rule: severity for severity, rules in RULES.items() for rule in rules.split()}
    assert {section.rule: section.severity for section in sections()} == expected
    for rule in expected:
        assert PAGE.count(f"\n### {rule}\n") == 1


def test_every_rule_says_why_it_matters_and_how_it_is_mended_in_each_crm() -> None:
    for section in sections():
        assert all(section.says), section.rule
        assert section.why, section.rule
    of_vendors = {section.rule for section in sections() if not section.fix}
    assert len(vendor_fixes()) >= 3
    for vendor, fixes in vendor_fixes().items():
        assert set(fixes) == of_vendors, vendor


def test_the_words_name_what_there_is() -> None:
    """A metric, column, rule or key of the configuration that is renamed is renamed in the words too."""
    known = set(_vocabulary())
    for section in sections():
        for text in [section.why, *section.fixes.values()]:
            named = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text))
            assert named - known == set(), section.rule


def test_the_examples_of_the_page_are_a_configuration(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "pipeline.yml"
    path.write_text("timezone: UTC\ncurrency: EUR\n" + "".join(examples), encoding="utf-8")
    config = read_configuration(path)
    severities = {check.rule: check.severity for check in checks(config)}
    assert severities["large_deal_not_qualified"] == "warning"
    assert severities["missing_amount"] == "info"
    assert "orphan_activity" not in severities
    assert {stage.stage for stage in configured_stages(config)} >= {"Talks", "Offer", "Signing"}


def test_the_limits_are_told_and_their_defaults_where_they_are_made() -> None:
    told = (PROJECT_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")
    keys = configuration_page()
    for name, limit in Thresholds.model_fields.items():
        assert f"\n| `{name}` | `" in told, name
        assert re.search(rf"\n\| `{name}` \| [^|]+ \| `{re.escape(json.dumps(limit.default))}` \|", keys), name


def _vocabulary() -> Iterator[str]:
    """Tables, columns, rules and keys of the configuration."""
    for path in (PROJECT_DIR / "dbt" / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            yield model["name"]
            yield from (column["name"] for column in model.get("columns", []))
    for name, entity in ENTITIES.items():
        yield from [name, *entity.columns]
    for block in (Configuration, Source, Feed, Pipeline, Stage, Thresholds, Rule):
        yield from block.model_fields
    yield from (section.rule for section in sections())


def test_what_is_code_already_gets_no_second_backticks() -> None:
    assert not re.search(r"\w``(?!`)", PAGE)
