"""The gate before the publish: every expectation as an asset check, evaluated in one operation.

One operation, because Great Expectations and DuckDB's single connection are opened once; blocking, because
`publish` depends on every asset that carries a check, and Dagster stops it when a critical one fails.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import build_dbt_asset_specs

from dagster_project.assets.links import link, rule_page
from dagster_project.assets.transform import TRANSLATOR, dbt_events, explain_failure, row_counts
from dagster_project.config.load import Settings
from dagster_project.config.rules import Check, checks
from dagster_project.preflight.notices import notices
from dagster_project.quality import restated
from dagster_project.quality.evaluate import evaluate
from dagster_project.quality.violation_history import scores_by_source
from dagster_project.run.context import NightlyRun
from dagster_project.run.night import Night
from dagster_project.run.results import Result
from dagster_project.transform.check_tables import CHECK_TABLES
from dagster_project.transform.dbt_build import AFTER_CHECKS, AFTER_CHECKS_PART, build
from dagster_project.transform.publications import write_publication

Run = dg.ResourceParam[NightlyRun]

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR}
#: The check of what changed in months that were over.
RESTATEMENT = "max_restatement"
#: Violations that Dagster shows of a failed check, and their columns; all are in quality.hygiene_violations.
_SHOWN = 10
_PREVIEWED = ("record_key", "owner_key", "observed", "allowed", "message", "first_seen_on")


def asset_of(check: Check) -> dg.AssetKey:
    """The asset that shows a check."""
    return dg.AssetKey(check.asset.split("."))


def found_assets(upstream: list[dg.AssetKey], parsed: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """What the expectations find, and dbt's models of that: all of it is made by the operation `expectations`."""
    found = []
    for name, table in CHECK_TABLES.items():
        columns = dg.TableSchema([dg.TableColumn(column, kind) for column, kind in table.items()])
        found.append(
            dg.AssetSpec(
                ["checks", name],
                deps=upstream,
                group_name="quality",
                kinds={"duckdb", "greatexpectations"},
                owners=["team:data"],
                description=parsed["sources"][f"source.dealtrail.checks.{name}"]["description"],
                metadata={"dagster/column_schema": columns},
            )
        )
    return [
        *found,
        *build_dbt_asset_specs(manifest=parsed, dagster_dbt_translator=TRANSLATOR, select=AFTER_CHECKS),
    ]


def expectation_checks(settings: Settings, parsed: Mapping[str, Any]) -> dg.AssetChecksDefinition:
    """All rules and gates that are switched on, as checks on their models."""
    planned = checks(settings.config)
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=asset_of(check),
            description=f"{check.severity}: {check.says}",
            blocking=check.severity == "critical",
            metadata={
                "severity": check.severity,
                "suite": check.suite.suite,
                "docs": rule_page(settings.warehouse_dir, check),
            },
        )
        for check in planned
    ]
    specs.append(
        dg.AssetCheckSpec(
            RESTATEMENT,
            asset=dg.AssetKey(["quality", "restatements"]),
            description="warning: no published figure of a past month differs by more than "
            f"{settings.config.notifications.max_restatement:.1%} from what it was.",
            blocking=False,
            metadata={"severity": "warning"},
        )
    )

    @dg.multi_asset_check(name="expectations", specs=specs)
    def expectations(context: dg.AssetCheckExecutionContext, run: Run) -> Iterator[dg.AssetCheckResult]:
        with run.journal.step("expectations"):
            results = evaluate(run.settings.config, run.databases.connect(), run.building_dir / "data_docs")
            for event in _models_of_what_was_found(run, parsed):
                context.op_execution_context.log_event(event)
            with run.databases.connect() as connection:
                run.journal.note(**_summary(connection, run.night), restated=restated.told(connection))
                for said in notices(connection, run.as_of):
                    run.journal.warn(said)
                previews = _previews(connection)
                write_publication(connection, run.building_dir, run.night, run.settings.config)
            run.journal.judge(results)
        for result in results:
            yield _check_result(run, result, previews)
        yield _restatement_result(run)

    return expectations


def _models_of_what_was_found(run: NightlyRun, parsed: Mapping[str, Any]) -> Iterator[dg.AssetMaterialization]:
    """Has dbt build the models of what the expectations found, also of a night that they stop."""
    built = build(run.settings, run.on_line or print, AFTER_CHECKS_PART)
    if not built.succeeded:
        explain_failure(run, built)
    counts = row_counts(run)
    for name in CHECK_TABLES:
        yield dg.AssetMaterialization(["checks", name], metadata={"dagster/row_count": counts[name]})
    yield from dbt_events(built, parsed, counts)


def _check_result(
    run: NightlyRun, result: Result, previews: dict[tuple[str, str], list[dg.TableRecord]]
) -> dg.AssetCheckResult:
    check = result.check
    is_blocked = run.journal.state == "blocked"
    shown = [
        record
        for (rule, entity), records in previews.items()
        if rule == check.rule and check.entity in (None, entity)
        for record in records
    ][:_SHOWN]
    metadata: dict[str, Any] = {
        "severity": check.severity,
        "evaluated": result.evaluated,
        "unexpected": result.unexpected,
        "not_applied_to": ", ".join(result.not_applied_to) or "-",
        "all_violations": dg.MetadataValue.md(f"```sql\n{check.open_violations_sql}\n```"),
        # where the pages of this run will stand: of a blocked one, with its evidence
        "data_docs": link(
            run.settings.warehouse_dir,
            f"attempts/{run.run_id}/data_docs/{result.page}" if is_blocked else f"data_docs/{result.page}",
        ),
        "docs": rule_page(run.settings.warehouse_dir, check),
    }
    if shown:
        metadata["first_violations"] = dg.MetadataValue.table(shown)
    return dg.AssetCheckResult(
        asset_key=asset_of(check),
        check_name=check.name,
        passed=result.success,
        severity=_SEVERITY.get(check.severity, dg.AssetCheckSeverity.WARN),
        description=result.example,
        metadata=metadata,
    )


def _restatement_result(run: NightlyRun) -> dg.AssetCheckResult:
    """Whether the past stayed as it was published, within the configured share."""
    found = run.journal.facts["restated"]
    limit = run.settings.config.notifications.max_restatement
    too_large = restated.above(found, limit)
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(["quality", "restatements"]),
        check_name=RESTATEMENT,
        passed=too_large is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=too_large,
        metadata={
            "allowed": limit,
            "since": found["since"] if found else "nothing was published before",
            "past_months": found["months"] if found else 0,
            "figures": found["figures"] if found else 0,
            "what_changed": dg.MetadataValue.md("\n".join(f"- {line}" for line in found["lines"]) if found else "-"),
            "all_restatements": dg.MetadataValue.md("```sql\nselect * from quality.restatements\n```"),
        },
    )


def _previews(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[dg.TableRecord]]:
    """The first open violations of each rule and entity."""
    found: dict[tuple[str, str], list[dg.TableRecord]] = {}
    rows = connection.execute(
        f"select rule, entity, {', '.join(_PREVIEWED)} from quality.hygiene_violations where resolved_on is null "
        f"qualify row_number() over (partition by rule, entity order by record_key) <= {_SHOWN} "
        "order by record_key"
    ).fetchall()
    for rule, entity, *values in rows:
        texts = [str(value) if value is not None else "" for value in values]
        found.setdefault((rule, entity), []).append(dg.TableRecord(dict(zip(_PREVIEWED, texts, strict=True))))
    return found


def _summary(connection: duckdb.DuckDBPyConnection, night: Night) -> dict[str, object]:
    severities = connection.execute(
        "select severity, count(*) from quality.hygiene_violations where resolved_on is null group by severity"
    ).fetchall()
    rules = connection.execute(
        "select rule, severity, count(*) from quality.hygiene_violations where resolved_on is null "
        "group by rule, severity order by count(*) desc, rule"
    ).fetchall()
    quarantined = connection.execute("select count(*) from quality.quarantined_rows").fetchone()
    deals = connection.execute("select status, count(*) from marts.fct_deals group by status").fetchall()
    return {
        "quarantined": quarantined[0] if quarantined else 0,
        "violations": dict(severities),
        "violations_by_rule": [{"rule": r, "severity": s, "count": c} for r, s, c in rules],
        "deals": dict(deals),
        "hygiene": scores_by_source(connection, night),
    }
