"""The gate before the publish: every expectation as an asset check, evaluated in one operation.

One operation, because Great Expectations and DuckDB's single connection are opened once; blocking, because
`publish` depends on every asset that carries a check, and Dagster stops it when a critical one fails.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Iterator

import dagster as dg
import duckdb

from dagster_project.config.models import Configuration
from dagster_project.quality.life import keep_record, write_violations
from dagster_project.quality.policy import Check, checks
from dagster_project.runs import NightlyRun

Run = dg.ResourceParam[NightlyRun]

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR}


def asset_of(check: Check) -> dg.AssetKey:
    """The asset that shows a check."""
    return dg.AssetKey(check.asset.split("."))


def expectation_checks(config: Configuration) -> dg.AssetChecksDefinition:
    """All rules and gates that are switched on, as checks on their models."""
    planned = checks(config)
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=asset_of(check),
            description=f"{check.severity}: {check.says}",
            blocking=check.severity == "critical",
            metadata={"severity": check.severity, "suite": check.suite.suite},
        )
        for check in planned
    ]

    @dg.multi_asset_check(name="expectations", specs=specs)
    def expectations(run: Run) -> Iterator[dg.AssetCheckResult]:
        from dagster_project.publish.publication import current_version
        from dagster_project.quality.evaluate import evaluate

        with run.step("expectations"):
            run.results = evaluate(
                run.settings.config,
                run.build_path,
                run.work_path,
                run.building_dir / "data_docs",
                run.settings.warehouse_dir / "cache" / "data_docs_templates",
            )
            published = current_version(run.settings.warehouse_dir)
            if published is not None:
                # a run killed between its switch and its record
                keep_record(published, run.records_dir)
            with duckdb.connect(str(run.build_path)) as connection:
                connection.execute(f"attach '{run.work_path}' as work (read_only)")
                write_violations(connection, run.records_dir, run.as_of, run.run_id, run.as_of_day)
                run.summary = _summary(connection)
            if any(result.stops_the_publish for result in run.results):
                run.state = "blocked"
        for result in run.results:
            check = result.check
            yield dg.AssetCheckResult(
                asset_key=asset_of(check),
                check_name=check.name,
                passed=result.success,
                severity=_SEVERITY.get(check.severity, dg.AssetCheckSeverity.WARN),
                description=result.example,
                metadata={
                    "severity": check.severity,
                    "evaluated": result.evaluated,
                    "unexpected": result.unexpected,
                    "not_applied_to": ", ".join(result.not_applied_to) or "-",
                    "violations": f"select * from quality.hygiene_violations where rule = '{check.rule}'",
                },
            )

    return expectations


def _summary(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    severities = connection.execute(
        "select severity, count(*) from quality.hygiene_violations where resolved_on is null group by severity"
    ).fetchall()
    rules = connection.execute(
        "select rule, severity, count(*) from quality.hygiene_violations where resolved_on is null "
        "group by rule, severity order by count(*) desc"
    ).fetchall()
    quarantined = connection.execute("select count(*) from quality.quarantined_rows").fetchone()
    deals = connection.execute("select status, count(*) from marts.fct_deals group by status").fetchall()
    return {
        "quarantined": quarantined[0] if quarantined else 0,
        "violations": dict(severities),
        "violations_by_rule": [{"rule": r, "severity": s, "count": c} for r, s, c in rules],
        "deals": dict(deals),
    }
