"""The goals of the configuration, each for a pipeline and stage that are configured, an owner or a team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dagster_project.config import metrics
from dagster_project.config.models import Configuration, Goal
from dagster_project.config.stages import configured_stages, normalized, pipeline_names, stage_aliases
from dagster_project.errors import ConfigurationError


@dataclass(frozen=True)
class ConfiguredGoal:
    """One goal as the models read it, named as its pipeline and stage are; a month that is None is any."""

    goal_number: int
    period: str
    first_month: date | None
    last_month: date | None
    source: str | None
    pipeline: str | None
    stage: str | None
    owner: str | None
    owner_name_key: str | None
    team: str | None
    goal: str
    target: float
    is_more_better: bool


@dataclass(frozen=True)
class TeamMember:
    """Owners by id or name, as the configuration puts them into teams."""

    member_number: int
    source: str
    owner: str
    owner_name_key: str
    team: str


def configured_teams(config: Configuration) -> list[TeamMember]:
    """Who is in which team, in the order of the file. Raises ConfigurationError for a source nobody configured."""
    sources = [source.name for source in config.sources]
    for position, team in enumerate(config.teams):
        if team.source not in sources:
            raise ConfigurationError(
                f"teams.{position}.source: '{team.source}' is no source; allowed: {', '.join(sources)}"
            )
    members = [(team, owner) for team in config.teams for owner in team.owners]
    return [
        TeamMember(number, team.source, owner, normalized(owner), team.team)
        for number, (team, owner) in enumerate(members, start=1)
    ]


def configured_goals(config: Configuration) -> list[ConfiguredGoal]:
    """The goals in their order. Raises ConfigurationError for one of a source, pipeline or stage nobody configured."""
    return [_resolved(config, position, goal) for position, goal in enumerate(config.goals)]


def _resolved(config: Configuration, position: int, goal: Goal) -> ConfiguredGoal:
    sources = [source.name for source in config.sources]
    if goal.source is not None and goal.source not in sources:
        raise _unknown(position, "source", goal.source, "source", sources)
    begins = goal.quarter_begins(config.fiscal_year_starts)
    return ConfiguredGoal(
        goal_number=position + 1,
        period="month" if goal.quarter is None else "quarter",
        first_month=goal.first_month if goal.quarter is None else begins,
        last_month=goal.last_month if goal.quarter is None else begins,
        source=goal.source,
        pipeline=None if goal.owner or goal.team else _pipeline(config, position, goal),
        stage=None if goal.stage is None else _open_stage(config, position, goal, _pipeline(config, position, goal)),
        owner=goal.owner,
        owner_name_key=None if goal.owner is None else normalized(goal.owner),
        team=goal.team,
        goal=goal.goal,
        target=goal.target,
        is_more_better=metrics.goals()[goal.goal].better != "less",
    )


def _pipeline(config: Configuration, position: int, goal: Goal) -> str:
    pipelines = {key: name for (source, key), name in pipeline_names(config).items() if source == goal.source}
    pipeline = pipelines.get(normalized(goal.pipeline))
    if pipeline is None:
        what = f"pipeline of {goal.source}"
        raise _unknown(position, "pipeline", goal.pipeline, what, dict.fromkeys(pipelines.values()))
    return pipeline


def _open_stage(config: Configuration, position: int, goal: Goal, pipeline: str) -> str:
    stages = {
        stage.stage_key: stage.stage
        for stage in configured_stages(config)
        if (stage.source, stage.pipeline) == (goal.source, pipeline) and not stage.is_won and not stage.is_lost
    }
    key = normalized(goal.stage or "")
    key = stage_aliases(config).get((str(goal.source), normalized(pipeline), key), key)
    if key not in stages:
        what = f"open stage of {goal.source}, pipeline {pipeline}"
        raise _unknown(position, "stage", str(goal.stage), what, stages.values())
    return stages[key]


def _unknown(position: int, key: str, name: str, what: str, allowed: Iterable[str]) -> ConfigurationError:
    return ConfigurationError(f"goals.{position}.{key}: '{name}' is no {what}; allowed: {', '.join(allowed)}")
