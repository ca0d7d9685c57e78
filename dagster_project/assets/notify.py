"""Tells a webhook of a night that failed, a score that got worse and a past that changed.

Silent unless DEALTRAIL_WEBHOOK_URL is set.

Dagster's hooks of the job, so that the command, the schedule and the UI tell alike. What is sent is JSON with the
sentence in `text`, as Slack, Mattermost and Teams take it, and the facts beside it.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import os
from typing import Any

import dagster as dg

from dagster_project.quality.restated import above
from dagster_project.run.context import NightlyRun
from dagster_project.run.journal import Journal
from dagster_project.run.report import report
from dagster_project.run.webhook import NotPostedError, post
from dagster_project.wording import counted

WEBHOOK = "DEALTRAIL_WEBHOOK_URL"


@dg.failure_hook(required_resource_keys={"run"})
def tell_of_failure(context: dg.HookContext) -> None:
    """The first operation that fails stops the night; what fails after it is not told."""
    run: NightlyRun = context.resources.run
    if run.journal.is_told_of or not os.environ.get(WEBHOOK):
        return
    run.journal.is_told_of = True
    facts = report(run)
    why = "; ".join(f"{stop['rule']}: {stop['example']}" for stop in facts["stopped_by"]) or facts["message"]
    state = {"blocked": "was blocked", "published": "is published, but failed"}.get(run.journal.state, "failed")
    step = run.journal.failed_step or context.op.name
    _send(run.journal, f"Dealtrail: the night {state} in step {step}. {why or ''}".strip(), facts)


@dg.success_hook(required_resource_keys={"run"})
def tell_of_worse_scores(context: dg.HookContext) -> None:
    """Once the night is published: sources whose share of clean open deals dropped since the published day before."""
    run: NightlyRun = context.resources.run
    if context.op.name != "publish" or not os.environ.get(WEBHOOK):
        return
    dropped = [
        scores
        for scores in run.journal.facts["hygiene"]
        if scores["score_before"] is not None
        and scores["score_before"] - scores["score"] > run.settings.config.notifications.min_score_drop
    ]
    if dropped:
        said = ", ".join(f"{one['source']} {one['score_before']:.0%} → {one['score']:.0%}" for one in dropped)
        _send(run.journal, f"Dealtrail: fewer open deals are clean than the night before: {said}", report(run))
    found = run.journal.facts.get("restated")
    changed = above(found, run.settings.config.notifications.max_restatement)
    if found and changed:
        past = counted(found["months"], "past month")
        _send(run.journal, f"Dealtrail: {past} changed since {found['since_day']}: {changed}", report(run))


def _send(journal: Journal, text: str, facts: dict[str, Any]) -> None:
    """Posts it, or it is a warning of the run: nobody's night fails for a chat."""
    kept = ("run_id", "state", "as_of", "message", "stopped_by", "violations", "hygiene", "restated")
    try:
        post(os.environ[WEBHOOK], {"text": text, **{name: facts.get(name) for name in kept}})
    except NotPostedError as error:
        journal.warn(f"the notification could not be sent to {WEBHOOK}: {error}")
