"""The gate before the publish: every expectation as an asset check, evaluated in one operation.

One operation, because Great Expectations and DuckDB's single connection are opened once; blocking, because
`publish` depends on every asset that carries a check, and Dagster stops it when a critical one fails.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from dagster_project import sql
from dagster_project.assets.links import link, rule_page
from dagster_project.config.load import Settings
from dagster_project.config.rules import Check, checks
from dagster_project.preflight.notices import notices
from dagster_project.quality.evaluate import evaluate
from dagster_project.quality.tables import TABLES, Table
from dagster_project.quality.violation_history import keep_record, scores_by_source, write_life
from dagster_project.run.context import NightlyRun
from dagster_project.run.night import Night
from dagster_project.run.results import Result
from dagster_project.run.versions import current_version

Run = dg.ResourceParam[NightlyRun]

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR}
#: Violations that Dagster shows of a failed check, and their columns; all are in quality.hygiene_violations.
_SHOWN = 10
_PREVIEWED = ("record_key", "owner_key", "observed", "allowed", "message", "first_seen_on")


def asset_of(check: Check) -> dg.AssetKey:
    """The asset that shows a check."""
    return dg.AssetKey(check.asset.split("."))


def found_assets(upstream: list[dg.AssetKey]) -> list[dg.AssetSpec]:
    """The tables that the expectations leave behind, written by the operation `expectations`."""
    return [
        dg.AssetSpec(
            _key(table),
            deps=upstream if table is TABLES[0] else [_key(TABLES[0])],
            group_name="quality",
            kinds={"duckdb", "greatexpectations"},
            owners=["team:data"],
            description=table.says,
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(name, kind, says) for name, (kind, says) in table.columns.items()]
                )
            },
        )
        for table in TABLES
    ]


def expectation_checks(settings: Settings) -> dg.AssetChecksDefinition:
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

    @dg.multi_asset_check(name="expectations", specs=specs)
    def expectations(context: dg.AssetCheckExecutionContext, run: Run) -> Iterator[dg.AssetCheckResult]:
        with run.journal.step("expectations"):
            results = evaluate(
                run.settings.config,
                run.built(run.build_path),
                run.work_path,
                run.building_dir / "data_docs",
            )
            published = current_version(run.settings.warehouse_dir)
            if published is not None:
                # a run killed between its switch and its record
                keep_record(published, run.lake_dir)
            with duckdb.connect(str(run.build_path)) as connection:
                connection.execute(f"attach {sql.text(run.work_path)} as work (read_only)")
                write_life(connection, run.lake_dir, run.night)
                run.journal.note(**_summary(connection, run.night))
                for said in notices(connection, run.as_of):
                    run.journal.warn(said)
                previews = _previews(connection)
                for table in TABLES:
                    context.op_execution_context.log_event(_materialization(connection, table))
            run.journal.judge(results)
        for result in results:
            yield _check_result(run, result, previews)

    return expectations


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


def _materialization(connection: duckdb.DuckDBPyConnection, table: Table) -> dg.AssetMaterialization:
    (rows,) = connection.execute(f"select count(*) from quality.{table.name}").fetchone() or (0,)
    return dg.AssetMaterialization(_key(table), metadata={"dagster/row_count": rows})


def _key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(["quality", table.name])


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
