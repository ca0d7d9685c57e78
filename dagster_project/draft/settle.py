"""Answers to what a draft leaves open, so that it runs without an edit: each the likeliest, and said to be assumed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tzlocal import get_localzone_name

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.command import Attempt
from dagster_project.draft.write import Money, Settled
from dagster_project.draft.yaml_text import Line, scalars
from dagster_project.read.repeated_ids import LEAST_REPEATED
from dagster_project.sql import text
from dagster_project.wording import counted

#: As many rows that no run can use, and more than this share, stop a publish (thresholds.max_quarantine_share).
_LEAST_UNUSABLE, _MAX_UNUSABLE_SHARE = LEAST_REPEATED, 0.05
#: Settling one doubt may show the next.
_ROUNDS = 4
_SIGNS = {"point": ".", "comma": ","}


def settle(attempt: Attempt) -> None:
    """Chooses, and tries again, until nothing is in doubt that a choice can settle."""
    draft = attempt.draft
    zone = get_localzone_name().removeprefix("Etc/")
    draft.settled = Settled(zone, "that of this computer")
    _keep_the_vendors_word_on_unknown_stages(attempt)
    for _ in range(_ROUNDS):
        changed = [_settle_feed(attempt, feed) for feed in list(draft.trials)]
        if not any(changed):
            break
        attempt.try_again()
    if "TODO" in draft.money.said:
        is_american = any("month_first" in trial.readings.values() for trial in draft.trials.values())
        why = "nothing in the files names a currency" + (", and their dates are American" if is_american else "")
        draft.money = Money("USD" if is_american else draft.money.currency, f"check: {why}")
    _let_unusable_rows_pass(attempt)


def _keep_the_vendors_word_on_unknown_stages(attempt: Attempt) -> None:
    """Of a vendor's stages those whose names say nothing stay unnamed: the CRM's flags then say what they are."""
    draft = attempt.draft
    if draft.vendor is not None:
        draft.pipelines = {
            name: [stage for stage in stages if not (stage.check or "").startswith("what it is")]
            for name, stages in draft.pipelines.items()
        }
        draft.pipelines = {name: stages for name, stages in draft.pipelines.items() if stages}


def _settle_feed(attempt: Attempt, feed: str) -> bool:
    """Whether something was chosen for a feed."""
    draft, trial = attempt.draft, attempt.draft.trials[feed]
    if draft.settled is None:
        return False
    chosen = draft.settled.feeds.setdefault(feed, [])
    before = len(chosen)
    if trial.orders and not _has(chosen, "date_formats"):
        order, why = _order(attempt, feed)
        formats, unread = trial.orders[order]
        said = f"{_ORDERS[order]} stands first in dates, {why}" + (f"; {unread:,} are left unread" if unread else "")
        chosen.append(Line(f"        date_formats: {scalars(formats)}", f"check: {said}"))
    if trial.signs and not _has(chosen, "decimal_separator"):
        sign = max(trial.signs, key=lambda each: trial.signs[each])
        chosen.append(
            Line(
                f'        decimal_separator: "{_SIGNS[sign]}"',
                "check: so most amounts make sense, with cents or without",
            )
        )
    for column in trial.unreadable:
        _leave_out(attempt, feed, column)
    return len(chosen) > before or bool(trial.unreadable)


_ORDERS = {"day_first": "the day", "month_first": "the month", "year_first": "the year"}


def _order(attempt: Attempt, feed: str) -> tuple[str, str]:
    """The order of the numbers of doubtful dates, and why it is likely."""
    trials = attempt.draft.trials
    orders = trials[feed].orders
    fewest = min(unread for _, unread in orders.values())
    likely = [order for order, (_, unread) in orders.items() if unread == fewest]
    if len(likely) == 1:
        return likely[0], "for so most can be read"
    proved = Counter(reading for trial in trials.values() for reading in trial.readings.values() if reading in likely)
    if proved:
        return proved.most_common(1)[0][0], "as other dates of these files prove"
    with_points = any("." in each for formats, _ in orders.values() for each in formats)
    if attempt.draft.money.currency == "USD" and "month_first" in likely and not with_points:
        return "month_first", "as in the US, whose currency it is"
    return ("day_first", "as nearly everywhere") if "day_first" in likely else (likely[0], "for so all can be read")


def _has(chosen: list[Line], key: str) -> bool:
    return any(line.text.strip().startswith(f"{key}:") for line in chosen)


def _leave_out(attempt: Attempt, feed: str, column: str) -> None:
    """Takes a column out of a mapping that a run would refuse the file for; never a required one."""
    draft = attempt.draft
    why = draft.trials[feed].unreadable[column]
    drafted = next((each for each in draft.feeds if each.name == feed), None)
    entity = drafted.entity if drafted else draft.vendor.source.feeds[feed].entity if draft.vendor else "deals"
    if column in ENTITIES[entity].required_columns or draft.settled is None:
        draft.trials[feed].refusals.append(why)
    elif drafted is not None:
        guesses = {name: guess for name, guess in drafted.guessed.guesses.items() if name != column}
        drafted.guessed = replace(drafted.guessed, guesses=guesses)
        draft.settled.feeds[feed].append(Line("        ", f"check: {column} is not read: {why}"))
    else:
        lines = draft.settled.feeds[feed]
        if not _has(lines, "columns"):
            lines.append(Line("        columns:"))
        at = next(number for number, line in enumerate(lines) if line.text.strip() == "columns:")
        lines.insert(at + 1, Line(f"          {column}: []", f"check: it is not read: {why}"))


def _let_unusable_rows_pass(attempt: Attempt) -> None:
    """Where many rows lack what a record needs, they are left out and the rest is shown all the same."""
    draft = attempt.draft
    source = attempt.source()
    for feed, trial in draft.trials.items():
        if not trial.files or draft.settled is None:
            continue
        listed = ", ".join(text(str(path)) for path in trial.files)
        scan = f"read_parquet([{listed}], union_by_name = true)"
        columns = [name for (name, *_) in attempt.connection.execute(f"describe from {scan}").fetchall()]
        required = [name for name in ENTITIES[source.feeds[feed].entity].required_columns if name in columns]
        lacking = " or ".join(f"{name} is null" for name in required) or "false"
        (rows,) = attempt.connection.execute(f"select count(*) from {scan} where {lacking}").fetchone() or (0,)
        unusable, total = int(rows) + trial.rejected, trial.loaded + trial.rejected
        if unusable >= _LEAST_UNUSABLE and unusable > _MAX_UNUSABLE_SHARE * total:
            rows_of = f"{unusable:,} of {counted(total, 'row')} of {feed}"
            said = f"check: {rows_of} cannot be used; the rest is published all the same"
            draft.settled.top.append(Line("thresholds: {max_quarantine_share: 1}", said))
            return
