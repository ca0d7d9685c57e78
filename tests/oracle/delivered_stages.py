"""Stages that a CRM delivers with order, probability and outcome: as if somebody had configured them so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .configuration import PipelineConfig, Source, folded
from .landing import Delivery
from .mapping import Row
from .stages import CANONICAL, DEFAULT_PIPELINE, normalised
from .values import boolean, number

_TERMINAL = ("won", "lost", "post_sale")


def with_delivered_stages(source: Source, deliveries: Iterable[Delivery]) -> Source:
    """The source with what its lists of stages add to its pipelines."""
    rows: dict[str, Row] = {}
    for delivery in sorted(deliveries, key=lambda one: one.extracted_at):
        if delivery.feed.entity == "stages":
            rows |= {str(row["stage_id"]): row for row in delivery.rows}
    pipelines = {normalised(one.name): one for one in source.pipelines}
    names = {normalised(alias): key for key, one in pipelines.items() for alias in (one.name, *one.aliases)}
    of_pipeline: dict[str, list[Row]] = {}
    for row in rows.values():
        key = normalised(row.get("pipeline") or DEFAULT_PIPELINE)
        of_pipeline.setdefault(names.get(key, key), []).append(row)
    shares = [number(row.get("win_probability")) for row in rows.values()]
    scale = 100 if any(share is not None and share > 1 for share in shares) else 1
    for key, listed in of_pipeline.items():
        if any(number(row.get("stage_order")) is not None or _outcome(row) or _canonical(row) for row in listed):
            empty = PipelineConfig(listed[0].get("pipeline") or DEFAULT_PIPELINE, [], source.after_close)
            pipeline = pipelines.get(key, empty)
            pipelines[key] = replace(pipeline, stages=_completed(pipeline, listed, source.vendor_stages, scale))
    return replace(source, pipelines=list(pipelines.values()))


def _completed(
    pipeline: PipelineConfig, listed: list[Row], vendors: list[dict[str, Any]], scale: int
) -> list[dict[str, Any]]:
    completed = list(pipeline.stages)
    before = -1
    for row in sorted(listed, key=lambda row: (number(row.get("stage_order")) is None, number(row.get("stage_order")))):
        names = {normalised(str(row["stage_name"])), normalised(str(row["stage_id"]))}
        at = next((at for at, stage in enumerate(completed) if names & _names(stage)), None)
        if at is None:
            at = before + 1
            completed.insert(at, _stage(row, completed[:at], [one for one in vendors if names & _names(one)], scale))
        elif folded(completed[at]["name"]) not in pipeline.own_probabilities:
            said = _stage(row, [], [], scale)["win_probability"]
            completed[at] = {**completed[at], **({} if said is None else {"win_probability": said})}
        elif completed[at] in vendors and number(row.get("win_probability")) is not None:
            # what the CRM says of its stage goes before what the vendor's template supposes
            completed[at] = {**completed[at], "win_probability": _stage(row, [], [], scale)["win_probability"]}
        before = at
    return completed


def _stage(row: Row, before: list[dict[str, Any]], known: list[dict[str, Any]], scale: int) -> dict[str, Any]:
    open_before = [one["canonical"] for one in before if one.get("canonical") and one["canonical"] not in _TERMINAL]
    known_as = known[0]["canonical"] if known else None
    probability = number(row.get("win_probability"))
    return {
        "name": row["stage_name"],
        "aliases": [row["stage_id"]],
        "canonical": _canonical(row) or _outcome(row) or known_as or next(reversed(open_before), "prospecting"),
        "qualified": known[0].get("qualified", "false") if known else "false",
        "win_probability": None if probability is None else str(probability / scale),
    }


def _canonical(row: Row) -> str | None:
    said = (row.get("canonical_stage") or "").casefold()
    return said if said in CANONICAL else None


def _outcome(row: Row) -> str | None:
    return "won" if boolean(row.get("is_won")) else "lost" if boolean(row.get("is_lost")) else None


def _names(stage: dict[str, Any]) -> set[str]:
    aliases = stage.get("aliases", [])
    return {normalised(name) for name in (stage["name"], *([aliases] if isinstance(aliases, str) else aliases))}
