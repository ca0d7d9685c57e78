"""Files that belong together → one drafted feed each: its columns, its patterns, and what its values are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from glob import escape

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.derived import derived_id, without_repeated_key
from dagster_project.draft.foreign import strangers
from dagster_project.draft.guesses import ONE_ROW_EACH, Guess, Guessed, best_guess
from dagster_project.draft.sampled import Column, Sample, looks_personal, values_of
from dagster_project.draft.stages import StageColumns, are_outcomes_of_status
from dagster_project.draft.words import heading_score, listed, meaning, plain, stage_date_patterns, stage_meaning
from dagster_project.draft.yaml_text import scalars
from dagster_project.read.headings import heading_key
from dagster_project.read.patterns import COMPRESSED
from dagster_project.read.stage_dates import stage_date

#: Logged fields that staging understands, with the column of deals whose words a log may use for them.
_LOGGED = ("stage", "amount", "owner_id", "expected_close_on", "close_on", "pipeline", "status", "created_at")
_STANDARD = {
    "booleans": {"true": ["true", "t", "yes", "y", "1", "x"], "false": ["false", "f", "no", "n", "0"]},
    "directions": {"outbound": ["outbound", "outgoing", "out"], "inbound": ["inbound", "incoming", "in"]},
}


@dataclass
class DraftedFeed:
    """A feed as it will be written; `samples` are its files, oldest name first, judged by the last."""

    name: str
    guessed: Guessed
    samples: list[Sample]
    patterns: list[str]
    stage_dates: list[str] = field(default_factory=list)
    #: Headings that `stage_dates` finds.
    dated: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    #: Headings that are the id together, where no column is one, and what is said of it.
    derive: list[str] = field(default_factory=list)
    derived_says: str = ""
    #: lead_statuses, converted_lead_statuses, closed_lead_statuses.
    lists: dict[str, list[str]] = field(default_factory=dict)
    #: What a person should know, a line each.
    comments: list[str] = field(default_factory=list)
    #: Further lines, commented out, to choose from.
    choices: list[str] = field(default_factory=list)

    @property
    def entity(self) -> str:
        """Which entity its files hold."""
        return self.guessed.entity

    @property
    def newest(self) -> Sample:
        """The file it is judged by."""
        return self.samples[-1]

    @property
    def unmapped(self) -> list[Column]:
        """Columns that nothing is read from."""
        dated = {heading_key(heading) for heading in self.dated}
        return [column for column in self.guessed.unmapped if heading_key(column.heading) not in dated]

    def heading(self, column: str) -> str | None:
        """The heading a canonical column is read from."""
        guess = self.guessed.guesses.get(column)
        return guess.source.heading if guess else None


def draft_feeds(connection: duckdb.DuckDBPyConnection, samples: list[Sample]) -> tuple[list[DraftedFeed], list[str]]:
    """One feed per group of files with the same headings or the same pattern, deals first; and what is left out."""
    groups = _groups(samples)
    tables = [
        (without_repeated_key(connection, group[-1], best_guess(connection, group[-1])), group[-1]) for group in groups
    ]
    left_out = strangers(tables)
    left = [f"{tables[at][1].shown}: left out: {why}" for at, why in left_out.items()]
    feeds: list[DraftedFeed] = []
    for at, (group, (guessed, _)) in enumerate(zip(groups, tables, strict=True)):
        if at not in left_out:
            patterns = list(dict.fromkeys(pattern_of(sample.name) for sample in group))
            feeds.append(DraftedFeed("", guessed, group, patterns))
    feeds.sort(key=lambda feed: (list(ENTITIES).index(feed.entity), len(feed.guessed.missing), feed.patterns))
    taken: set[str] = set()
    for feed in feeds:
        feed.name = _name(feed, taken)
        taken.add(feed.name)
        _derive_id(connection, feed)
        _complete(connection, feed)
    _keep_apart(feeds)
    _tell_of_overlaps(connection, feeds)
    return feeds, left


def _derive_id(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> None:
    """Of deals without an id: the fewest columns that tell them apart."""
    key = ENTITIES[feed.entity].key
    if feed.entity != "deals" or key not in feed.guessed.missing:
        return
    apart = derived_id(connection, feed.newest, feed.guessed)
    if apart is None:
        return
    feed.guessed = replace(feed.guessed, missing=[column for column in feed.guessed.missing if column != key])
    feed.derive = list(apart.names)
    shared = f"{apart.shared:,} of {apart.rows:,} rows share them, and of those that do the last counts; "
    feed.derived_says = (
        "no column is an id; "
        + (shared if apart.shared else "no two rows share them; ")
        + "an edited cell of these is a new deal"
    )


def _tell_of_overlaps(connection: duckdb.DuckDBPyConnection, feeds: list[DraftedFeed]) -> None:
    """Two feeds of one entity with the same ids tell of one record twice, or number two kinds of records alike."""
    for at, feed in enumerate(feeds):
        for other in feeds[:at]:
            if feed.entity != other.entity or feed.entity not in ONE_ROW_EACH:
                continue
            shared = _ids(connection, feed) & _ids(connection, other)
            if shared:
                feed.comments.append(
                    f"check: {len(shared):,} of its ids are in {other.name} too: of one record told twice the later "
                    "row counts; of two kinds of records, or of lists by other headings, map one"
                )


def _ids(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> set[str]:
    heading = feed.heading(ENTITIES[feed.entity].key)
    return {value for value, _ in values_of(connection, feed.samples, heading)} if heading else set()


def _groups(samples: list[Sample]) -> list[list[Sample]]:
    groups: list[list[Sample]] = []
    for sample in sorted(samples, key=lambda each: each.name):
        headings = {heading_key(column.heading) for column in sample.columns}
        for group in groups:
            same_headings = any({heading_key(c.heading) for c in each.columns} == headings for each in group)
            same_pattern = any(pattern_of(each.name) == pattern_of(sample.name) for each in group)
            if group[0].sheet == sample.sheet and (same_headings or same_pattern):
                group.append(sample)
                break
        else:
            groups.append([sample])
    return groups


def pattern_of(name: str) -> str:
    """A file's name with `*` for its dates and numbers, without the ending of its compression."""
    for ending in COMPRESSED:
        name = re.sub(re.escape(ending) + "$", "", name, flags=re.IGNORECASE)
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if dot else (name, "")
    parts = re.split(r"\d+(?:[-_.:T ]*\d+)*Z?", stem)
    pattern = "*".join(escape(part) for part in parts)
    return (pattern if re.search(r"[^\W\d_]", stem) else escape(stem)) + ending


def _name(feed: DraftedFeed, taken: set[str]) -> str:
    if feed.entity not in taken:
        return feed.entity
    slug = re.sub(r"[^a-z0-9]+", "_", plain(feed.newest.sheet or feed.newest.name.split(".")[0])).strip("_0123456789")
    name = slug or feed.entity
    number = 2
    while name in taken:
        name, number = f"{slug or feed.entity}_{number}", number + 1
    return name


def _keep_apart(feeds: list[DraftedFeed]) -> None:
    """Where a pattern would take another feed's file, the names themselves stand instead."""
    for feed in feeds:
        others = [sample.name for other in feeds if other is not feed for sample in other.samples]
        own = {sample.name for sample in feed.samples}
        if any(fnmatch(name.lower(), pattern.lower()) for name in set(others) - own for pattern in feed.patterns):
            feed.patterns = sorted(escape(name) for name in own)
            feed.comments.append("check: other files have such names, so these are named one by one")


# ------------------------------------------------------------------ what a feed says beside its columns


def _complete(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> None:
    if feed.entity == "deals":
        _find_stage_dates(connection, feed)
        _translate(connection, feed, "status", are_outcomes_of_status)
    if feed.entity == "activities":
        _complete_activities(connection, feed)
    if feed.entity == "leads":
        _list_lead_statuses(connection, feed)
    if feed.entity == "deal_changes":
        _translate(connection, feed, "field", _logged_fields)
    for column, kind in ENTITIES[feed.entity].columns.items():
        if kind == "boolean":
            _translate(connection, feed, column, _booleans)
    _suggest_privacy(feed)


def _find_stage_dates(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> None:
    """Headings of dates that name a stage: by the known patterns, or by a value of the stage column in them."""
    heading = feed.heading("stage")
    stages = [value for value, _ in values_of(connection, feed.samples, heading)] if heading else []
    free = [column.heading for column in feed.guessed.unmapped if column.kind in ("date", "empty")]
    own = [pattern for name in free for stage in stages if (pattern := _pattern_around(name, stage))]
    candidates = list(dict.fromkeys(own)) + stage_date_patterns()
    for pattern in candidates:
        found = [name for name in free if name not in feed.dated and stage_date(name, pattern, ())]
        if found:
            feed.stage_dates.append(pattern)
            feed.dated += found
    for pattern in feed.stage_dates:
        caught = [
            column.heading
            for column in feed.unmapped
            if column.kind not in ("date", "empty")
            if stage_date(column.heading, pattern, ())
        ]
        if caught:
            feed.choices.append(f"not_stage_dates: {scalars(caught)}")


def _pattern_around(heading: str, stage: str) -> str | None:
    """`Angebot am` around the stage `Angebot` → `{stage} am`; a heading that is the stage alone has no pattern."""
    found = re.search(rf"(?<!\w){re.escape(stage)}(?!\w)", heading, re.IGNORECASE)
    if found is None or not (heading[: found.start()] + heading[found.end() :]).strip():
        return None
    return f"{heading[: found.start()]}{{stage}}{heading[found.end() :]}"


def _translate(
    connection: duckdb.DuckDBPyConnection,
    feed: DraftedFeed,
    column: str,
    words: Callable[[list[str]], dict[str, list[str]]],
) -> None:
    """Notes what a column's values are called, where `words` knows them by other names than staging."""
    heading = feed.heading(column)
    if heading is None:
        return
    said = words([value for value, _ in values_of(connection, feed.samples, heading)])
    if said:
        feed.values[column] = said


def _booleans(values: list[str]) -> dict[str, list[str]]:
    return _other_words("booleans", values)


def _other_words(part: str, values: list[str]) -> dict[str, list[str]]:
    """Meaning → the words that staging does not know by itself."""
    said: dict[str, list[str]] = {}
    for value in values:
        found = meaning(part, value)
        if found and value.lower() not in _STANDARD.get(part, {}).get(found.meaning, [found.meaning]):
            said.setdefault(found.meaning, []).append(value)
    return said


def _logged_fields(values: list[str]) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for value in values:
        scores = {field: heading_score(value, "deals", field) for field in _LOGGED}
        best = max(scores, key=lambda name: scores[name])
        # of a change log, whatever date a deal should close on is the expected one
        canonical = "expected_close_on" if best == "close_on" else "stage" if best == "status" else best
        if scores[best] >= 0.6 and value != canonical:
            said.setdefault(canonical, []).append(value)
    return said


def _complete_activities(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> None:
    _translate(connection, feed, "activity_type", lambda values: _other_words("activity_types", values))
    _translate(connection, feed, "direction", lambda values: _other_words("directions", values))
    guesses = feed.guessed.guesses
    if "activity_type" not in guesses:
        kind = _activity_type_of(feed)
        if kind:
            feed.constants["activity_type"] = kind
            feed.comments.append(f"check: it names no type of activity; by the file's name they are {kind}s")
        else:
            feed.choices.append("constants: {activity_type: meeting}    # what they are, if all of one type")
    if "completed_at" in guesses and "is_done" not in guesses:
        feed.comments.append(
            f"check: every activity with a '{feed.heading('completed_at')}' counts as done; if it is a plan, map due_at"
        )


def _activity_type_of(feed: DraftedFeed) -> str | None:
    named = f"{feed.newest.name.split('.')[0]} {feed.newest.sheet or ''} {feed.heading('activity_id') or ''}"
    tokens = plain(named).split()
    for kind, words in listed("activity_types").items():
        if any(word in tokens for word in words):
            return kind
    return None


def _list_lead_statuses(connection: duckdb.DuckDBPyConnection, feed: DraftedFeed) -> None:
    heading = feed.heading("status")
    if heading is None:
        return
    statuses = [value for value, _ in values_of(connection, feed.samples, heading) if not looks_personal(value)]
    if len(statuses) > 30:
        return
    ends = {value: found.meaning for value in statuses if (found := meaning("lead_statuses", value))}
    converted = [value for value in statuses if ends.get(value) == "converted"]
    closed = [value for value in statuses if value in ends]
    unfinished = [value for value in statuses if value not in ends]
    # as first seen, but new ones in front
    unfinished.sort(key=lambda value: (found := stage_meaning(value)) is None or found.meaning != "prospecting")
    feed.lists["lead_statuses"] = [*unfinished, *converted, *(each for each in closed if each not in converted)]
    feed.lists["converted_lead_statuses"] = converted
    feed.lists["closed_lead_statuses"] = closed


def _suggest_privacy(feed: DraftedFeed) -> None:
    guesses: Iterable[Guess] = feed.guessed.guesses.values()
    personal = [guess.column for guess in guesses if guess.source.is_personal]
    if personal:
        privacy = ", ".join(f"{column}: hash" for column in personal)
        feed.choices.append(f"personal_data: {{{privacy}}}    # or drop; hash needs DEALTRAIL_SALT in the environment")
    unread = [column.heading for column in feed.unmapped if column.is_personal]
    if unread:
        feed.comments.append(f"personal data that is not read at all: {', '.join(map(repr, unread))}")


def stage_columns(feeds: list[DraftedFeed]) -> StageColumns | None:
    """Where the names of the stages stand: a list of stages, else the deals, else their versions."""
    wanted = (("stages", "stage_name"), ("deals", "stage"), ("deal_versions", "stage"))
    for entity, column in wanted:
        for feed in feeds:
            heading = feed.heading(column)
            if feed.entity == entity and heading:
                status = feed.heading("status")
                return StageColumns(
                    samples=feed.samples,
                    stage=heading,
                    pipeline=feed.heading("pipeline"),
                    # a CRM with a status keeps lost deals in the stage they were in
                    lost_reason=None if status else feed.heading("lost_reason"),
                    status=status,
                    patterns=tuple(feed.stage_dates),
                    is_list=entity == "stages",
                )
    return None
