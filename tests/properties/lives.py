"""Invented lives of deals: what truly happened, before any CRM writes it down.

A world is a handful of deals and the extracts taken of them. Its deals go forward and back, skip stages, close, reopen,
change pipeline, amount, owner and close date, twice within a second, vanish, come back, are deleted, are merged.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

#: Pipeline → its stages as configured, in order; the second one shares names with the first.
STAGES = {
    "Sales": {"New": "prospecting", "Demo": "demo", "Offer": "proposal", "Won": "won", "Lost": "lost"},
    "Partners": {"New": "contact", "Trial": "demo", "Demo": "demo", "Won": "won", "Lost": "lost"},
}
OUTCOMES = {"Won": "won", "Lost": "lost"}
OWNERS = ["ann", "bob"]
BEGINNING = datetime(2025, 12, 28, tzinfo=UTC)
#: When extracts are taken: one at the turn of a month, two a day apart.
EXTRACTS = [
    datetime(2026, month, day, tzinfo=UTC) for month, day in ((1, 10), (1, 20), (2, 1), (2, 2), (2, 14), (3, 5))
]


@dataclass(frozen=True)
class Step:
    """The whole deal from a moment on."""

    at: datetime
    pipeline: str
    stage: str
    amount: int | None
    owner: str
    close_on: date | None

    @property
    def place(self) -> tuple[str, str]:
        """Pipeline and stage."""
        return self.pipeline, self.stage

    @property
    def outcome(self) -> str | None:
        return OUTCOMES.get(self.stage)


@dataclass(frozen=True)
class Life:
    """A deal; `absent`: the extracts it is missing from, by number; `flagged`: those that call it deleted."""

    id: str
    steps: tuple[Step, ...]
    absent: frozenset[int] = frozenset()
    flagged: frozenset[int] = frozenset()
    merged_into: str | None = None
    merged_at: int = 0

    @property
    def created_at(self) -> datetime:
        return self.steps[0].at

    @property
    def moves(self) -> list[Step]:
        """The steps into another stage, the first one included."""
        before: list[Step | None] = [None, *self.steps]
        pairs = zip(before, self.steps, strict=False)
        return [step for last, step in pairs if last is None or last.place != step.place]

    def at(self, moment: datetime) -> Step | None:
        """The deal as it was at a moment."""
        return next((step for step in reversed(self.steps) if step.at <= moment), None)

    def column_stage(self, step: Step) -> str:
        """Where won and lost are statuses, the stage a closed deal stays in."""
        done = self.steps[: self.steps.index(step) + 1]
        return next((one.stage for one in reversed(done) if not one.outcome), "New")

    def is_in(self, extract: int) -> bool:
        """Whether an extract holds the deal."""
        is_merged = self.merged_into is not None and extract >= self.merged_at
        return self.at(EXTRACTS[extract]) is not None and extract not in self.absent and not is_merged


@dataclass(frozen=True)
class World:
    """Deals, and how their CRM writes: outcomes as a status or a stage; old values in its log or not."""

    lives: tuple[Life, ...]
    has_statuses: bool
    names_old_values: bool
    log_since: datetime
    versions_since: datetime
    keeps_first_entry: bool
    enters_days_only: bool
    shapes: frozenset[str]


def _moments() -> st.SearchStrategy[datetime]:
    """Any second; now and then the very second of an extract."""
    seconds = int((EXTRACTS[-1] - BEGINNING).total_seconds())
    anywhere = st.integers(0, seconds).map(lambda second: BEGINNING + timedelta(seconds=second))
    return st.one_of(anywhere, anywhere, anywhere, anywhere, st.sampled_from(EXTRACTS))


@st.composite
def _steps(draw: st.DrawFn, has_statuses: bool) -> tuple[Step, ...]:
    moments = sorted(draw(st.lists(_moments(), min_size=draw(st.integers(1, 4)), max_size=7, unique=True)))
    first = Step(moments[0], draw(st.sampled_from(["Sales", "Sales", "Partners"])), "New", 100, "ann", None)
    stage = draw(st.sampled_from(["New", "New", "New", "Demo", "Won"]))
    steps = [replace(first, stage="New" if has_statuses else stage)]
    for moment in moments[1:]:
        steps.append(_next(draw, steps[-1], moment, has_statuses))
        if draw(st.integers(0, 4)) == 0:
            steps.append(_next(draw, steps[-1], moment, has_statuses))
    return tuple(steps)


def _next(draw: st.DrawFn, last: Step, moment: datetime, has_statuses: bool) -> Step:
    """What happens next.

    A second holds two steps at most: equal rows of a log count once. A change of pipeline is the first thing that
    happens in its second: a log could not tell the order. Where closing is a status, closed deals stay in their
    pipeline: nothing says into which stage they would move.
    """
    kind = draw(st.sampled_from(["stage"] * 7 + ["pipeline", "amount", "owner", "close_on", "everything"]))
    step = replace(last, at=moment)
    stages = list(STAGES[step.pipeline])
    if kind == "pipeline" and last.at != moment and not (has_statuses and last.outcome):
        step = replace(step, pipeline="Partners" if last.pipeline == "Sales" else "Sales")
        stages = list(STAGES[step.pipeline])[: 3 if has_statuses else 5]
    if kind in ("stage", "everything", "pipeline"):
        step = replace(step, stage=draw(st.sampled_from(stages)))
    if kind in ("amount", "everything"):
        step = replace(step, amount=draw(st.sampled_from([None, 0, 50, 100, 200])))
    if kind in ("owner", "everything"):
        step = replace(step, owner=draw(st.sampled_from(OWNERS)))
    if kind in ("close_on", "everything"):
        step = replace(step, close_on=draw(st.sampled_from([None, date(2026, 2, 1), date(2026, 4, 1)])))
    return step


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Two to five deals."""
    has_statuses = draw(st.booleans())
    lives: list[Life] = []
    for number in range(1, draw(st.integers(2, 5)) + 1):
        steps = draw(_steps(has_statuses))
        absent = frozenset(draw(st.sets(st.integers(0, len(EXTRACTS) - 1), max_size=2)))
        is_flagged = draw(st.integers(0, 5)) == 0
        flagged = frozenset(draw(st.sets(st.integers(0, len(EXTRACTS) - 1)))) if is_flagged else frozenset()
        life = Life(str(number), steps, absent if draw(st.integers(0, 2)) == 0 else frozenset(), flagged)
        if lives and draw(st.integers(0, 5)) == 0:
            survivor = draw(st.sampled_from([one.id for one in lives]))
            life = _merged(life, survivor, draw(st.integers(1, len(EXTRACTS) - 1)))
        lives.append(life)
    shapes = draw(st.sets(st.sampled_from(["logged", "versioned", "dated", "observed"]), min_size=2, max_size=4))
    return World(
        lives=tuple(lives),
        has_statuses=has_statuses,
        names_old_values=draw(st.booleans()),
        log_since=draw(st.sampled_from([BEGINNING, *EXTRACTS[:4]])),
        versions_since=draw(st.sampled_from([BEGINNING, *EXTRACTS[:3]])),
        keeps_first_entry=draw(st.booleans()),
        enters_days_only=draw(st.booleans()),
        shapes=frozenset(shapes),
    )


def _merged(life: Life, survivor: str, extract: int) -> Life:
    """A deal that ends in another one before an extract; nothing happens to it any more."""
    steps = tuple(step for step in life.steps if step.at < EXTRACTS[extract])
    return replace(life, steps=steps, merged_into=survivor, merged_at=extract) if steps else life


class _EnoughError(Exception):
    """As many worlds as were asked for have been invented."""


def invented(count: int, number: int = 0) -> list[World]:
    """That many worlds with no life in common, the same for the same number: to be packed into one warehouse."""
    found: list[World] = []
    seen: set[tuple[Step, ...]] = set()

    @seed(number)
    @settings(
        max_examples=count * 50,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds())
    def collect(world: World) -> None:
        steps = {life.steps for life in world.lives if len(life.steps) > 1}
        if len(steps) > 1 and not steps & seen:
            found.append(world)
            seen.update(steps)
        if len(found) >= count:
            raise _EnoughError

    with suppress(_EnoughError):
        collect()
    found = found[:count]
    assert len(found) == count, f"only {len(found)} of {count} worlds were invented"
    return found
