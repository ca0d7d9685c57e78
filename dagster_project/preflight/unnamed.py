"""Deals in stages that the configuration does not name: their outcome and place are guesses, so it is said loudly.

What is counted is counted here once: by `dealtrail config check` of what lies in landing, by a night of what it built.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.config.pipelines import Stage
from dagster_project.config.stages import merged_stages, normalized, pipelines_of
from dagster_project.config.values import CANONICAL_STAGES
from dagster_project.draft.words import stage_meaning
from dagster_project.draft.yaml_text import scalar, scalars
from dagster_project.wording import counted, near_name

#: A smaller share of a source's deals is a matter of its hygiene (rule unconfigured_stage).
LOUD_SHARE = 0.02
_SHOWN = 8
#: What is implicit in every pipeline (domain: Stages).
_IMPLICIT = ("Won", "Lost")


@dataclass(frozen=True)
class UnnamedStage:
    """A stage that no configuration names, how many deals stand in it, and the stage that was probably meant."""

    pipeline: str
    stage: str
    deals: int
    near: str | None


@dataclass(frozen=True)
class Unnamed:
    """A source's deals, and the unnamed stages that some of them stand in, those with most deals first."""

    source: str
    deals: int
    stages: list[UnnamedStage]

    @property
    def is_loud(self) -> bool:
        """Whether so many deals stand in them that figures of the source mislead."""
        return sum(one.deals for one in self.stages) >= max(LOUD_SHARE * self.deals, 1)

    def says(self) -> str:
        """The one sentence for terminal, report and log."""
        deals = sum(one.deals for one in self.stages)
        named = ", ".join(
            f"{one.stage} {one.deals:,}" + (f" (did you mean {one.near}?)" if one.near else "")
            for one in self.stages[:_SHOWN]
        )
        more = f" and {counted(len(self.stages) - _SHOWN, 'more stage')}" if len(self.stages) > _SHOWN else ""
        counts = f"{deals:,} of {counted(self.deals, 'deal')} {'stands' if deals == 1 else 'stand'}"
        return f"{self.source}: {counts} in stages you did not name: {named}{more}"


def unnamed_in_build(connection: duckdb.DuckDBPyConnection) -> list[Unnamed]:
    """Of each source with deals in unnamed stages, as the marts of a build have them; deleted deals are none."""
    named: dict[tuple[str, str], list[str]] = {}
    for source, pipeline, stage in connection.execute(
        "select source, pipeline, stage from marts.dim_stages where is_configured or stage in ('Won', 'Lost')"
    ).fetchall():
        named.setdefault((source, pipeline), []).append(stage)
    totals = dict(
        connection.execute(
            "select source, count(*) from marts.fct_deals where status != 'deleted' group by source"
        ).fetchall()
    )
    found: dict[str, list[UnnamedStage]] = {}
    for source, pipeline, stage, deals in connection.execute(
        """
        select deals.source, deals.pipeline, deals.stage, count(*) as deals
        from marts.fct_deals as deals
        inner join marts.dim_stages as stages
            on deals.source = stages.source and deals.pipeline = stages.pipeline and deals.stage = stages.stage
        where not stages.is_configured and deals.stage not in ('Won', 'Lost') and deals.status != 'deleted'
        group by all
        order by deals desc, deals.source, deals.pipeline, deals.stage
        """
    ).fetchall():
        near = near_name(stage, named.get((source, pipeline), []))
        found.setdefault(source, []).append(UnnamedStage(pipeline, stage, deals, near))
    return [Unnamed(source, totals[source], stages) for source, stages in sorted(found.items())]


def lines_to_add(source: Source, unnamed: Unnamed) -> list[str]:
    """What to write into the source so that these stages are known."""
    pipelines = {normalized(one.name): one for one in pipelines_of(source)}
    lines = ["pipelines:"]
    for name in dict.fromkeys(one.pipeline for one in unnamed.stages):
        known = pipelines.get(normalized(name))
        lines.append(f"  - name: {scalar(name)}")
        if known and known.template:
            lines.append(f"    template: {known.template}")
        lines.append("    stages:")
        stages = {normalized(one.name): one for one in (merged_stages(source, known) if known else [])}
        lines += [f"      {_line(one, stages)}" for one in unnamed.stages if one.pipeline == name]
    return lines


def _line(one: UnnamedStage, stages: dict[str, Stage]) -> str:
    deals = counted(one.deals, "deal")
    if one.near is None:
        said = stage_meaning(one.stage)
        meaning = said.meaning if said else CANONICAL_STAGES[0]
        return f"- {{name: {scalar(one.stage)}, canonical: {meaning}}}  # {deals}; check what it is compared as"
    near = stages.get(normalized(one.near))
    aliases = [*(near.aliases if near else []), one.stage]
    canonical = (near.canonical if near else None) or (one.near.lower() if one.near in _IMPLICIT else None)
    compared = f", canonical: {canonical}" if canonical else ""
    return f"- {{name: {scalar(one.near)}{compared}, aliases: {scalars(aliases)}}}  # {deals}"
