"""`dealtrail source draft`: from files nobody has described to a configuration that can be run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.config.stages import configured_stages, normalized
from dagster_project.draft.feeds import DraftedFeed, draft_feeds, pattern_of, stage_columns
from dagster_project.draft.figures import figures
from dagster_project.draft.sampled import Sample, read_samples, values_of
from dagster_project.draft.stages import DraftedStage, StageColumns, draft_pipelines
from dagster_project.draft.trial import try_feed
from dagster_project.draft.vendor import VendorFit, recognise
from dagster_project.draft.words import listed, plain
from dagster_project.draft.write import Draft, Money, written
from dagster_project.draft.yaml_text import Line
from dagster_project.errors import ConfigurationError
from dagster_project.read.landing import feed_of
from dagster_project.read.nothing import words_of_mapping
from dagster_project.read.number_format import currency_marks
from dagster_project.wording import counted

#: A heading that says by itself what it is.
_SURE = 0.75
#: What so many headings say is drafted although a required column is missing.
_MUCH = 2.0
#: Entities of which at least one has to be there.
HISTORY = ("deals", "deal_changes", "deal_versions")


@dataclass(frozen=True)
class Drafted:
    """The text of the configuration, what it was drafted from, and what is left to fill in before it can run."""

    text: str
    said: list[str]
    left: list[str]
    #: Files and sheets that no feed reads, and why.
    left_out: list[str]
    #: What a person recognises of the records, as the draft reads them: stages, won amounts, first and last days.
    figures: list[str]


def draft_source(paths: list[Path], name: str | None = None, database: Database | None = None) -> Drafted:
    """Looks at the files and drafts a source for them; the draft is tried on them before it is handed out.

    Raises ConfigurationError for files that are not there or cannot be read, and for a name that is none.
    """
    with drafting(paths, name, database) as attempt:
        source = attempt.source()
        seen = figures(attempt.connection, source, attempt.draft.trials)
        text = written(attempt.draft)
    draft = attempt.draft
    return Drafted(text, _said(draft), _left(draft), draft.left, seen)


@dataclass
class Attempt:
    """A draft of files, tried on them; the rows that it reads lie in `scratch` while it is open."""

    connection: duckdb.DuckDBPyConnection
    draft: Draft
    scratch: Path

    def source(self) -> Source:
        """The source as the configuration has it that the draft would be written as."""
        return _checked(written(self.draft), self.scratch).sources[0]

    def try_again(self) -> None:
        """Tries every feed of the draft as it now is."""
        source = self.source()
        for feed, files in _in_force(self.draft):
            self.draft.trials[feed] = try_feed(self.connection, source, feed, files, self.scratch)

    def samples(self) -> list[tuple[str, Sample]]:
        """Feed and file, of everything that a feed in force reads."""
        return [(feed, sample) for feed, files in _in_force(self.draft) for sample in files]

    def left(self) -> list[str]:
        """What a run would stumble over."""
        return _left(self.draft)


@dataclass(frozen=True)
class Database:
    """A database whose tables were copied to the files that a draft is made of."""

    connections: list[Line]
    #: File name → table.
    tables: dict[str, str]


@contextmanager
def drafting(paths: list[Path], name: str | None = None, database: Database | None = None) -> Iterator[Attempt]:
    """A draft of these files, tried once. Raises as `draft_source` does."""
    name = name or _name_from(paths)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigurationError(
            f"--name '{name}': a source is named with small letters, digits and _, as its folder is"
        )
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        scratch = Path(folder)
        connection.execute("set preserve_insertion_order = true")
        samples, unread = read_samples(connection, paths, scratch)
        fit = None if database else recognise(samples, name)
        draft = _from_vendor(connection, fit, name) if fit else _from_words(connection, samples, name)
        draft.left += unread
        if database:
            draft.connections, draft.tables = database.connections, database.tables
        attempt = Attempt(connection, draft, scratch)
        attempt.try_again()
        yield attempt


def _name_from(paths: list[Path]) -> str:
    """The source whose landing folder the files lie in, else `my_crm`."""
    parts = paths[0].resolve().parts
    if "landing" in parts[:-1]:
        name = parts[parts.index("landing") + 1]
        if re.fullmatch(r"[a-z][a-z0-9_]*", name):
            return name
    return "my_crm"


def _checked(text: str, scratch: Path) -> Configuration:
    """The draft as `dealtrail config check` reads it."""
    path = scratch / "draft.yml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(path)


# ------------------------------------------------------------------ by words


def _from_words(connection: duckdb.DuckDBPyConnection, samples: list[Sample], name: str) -> Draft:
    feeds, left = draft_feeds(connection, samples)
    left += [
        f"{feed.newest.shown}: its headings do not say what it is; if it belongs here, write its feed by hand"
        for feed in feeds
        if not _says_something(feed)
    ]
    feeds = [feed for feed in feeds if _says_something(feed)]
    if not feeds:
        headings = ", ".join(sorted({repr(column.heading) for sample in samples for column in sample.columns})[:12])
        raise ConfigurationError("\n".join([f"no heading of these files says what it is: {headings}", *left]))
    columns = stage_columns(feeds)
    pipelines = draft_pipelines(connection, columns) if columns else {}
    return Draft(name, _money(connection, feeds), feeds, pipelines, nothing=_nothing_of(feeds), left=left)


def _nothing_of(feeds: list[DraftedFeed]) -> dict[str, list[str]]:
    """Words for nothing in what is read → the headings below which they stand."""
    return _by_word(
        (heading, sample)
        for feed in feeds
        for sample in feed.samples
        for guess in feed.guessed.guesses.values()
        for heading in (guess.source.heading, *([guess.joined.heading] if guess.joined else []))
    )


def _by_word(read: Iterable[tuple[str, Sample]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for heading, sample in read:
        words, _ = sample.nothing.get(heading, ([], 0))
        for word in words:
            if heading not in found.setdefault(word, []):
                found[word].append(heading)
    return found


def _says_something(feed: DraftedFeed) -> bool:
    """Whether at least one heading is a word for what the file is taken for."""
    is_said = any(guess.score >= _SURE for guess in feed.guessed.guesses.values())
    return is_said and (feed.guessed.score > 0 or feed.guessed.found >= _MUCH)


def _money(connection: duckdb.DuckDBPyConnection, feeds: list[DraftedFeed]) -> Money:
    """The one currency of a currency column; else a sign in the amounts or their heading; else a TODO."""
    for feed in feeds:
        heading = feed.heading("currency")
        if heading and feed.entity in ("deals", "deal_versions"):
            named = _named_currency(connection, feed.samples, heading)
            if named:
                return named
    for feed in feeds:
        amount = feed.guessed.guesses.get("amount")
        if amount and feed.entity in ("deals", "deal_versions"):
            for text in (amount.source.heading, *amount.source.examples):
                found = _currency_in(text)
                if found:
                    return Money(found, f"check: by '{text}'")
    return Money("EUR", "TODO: nothing in the files says it")


def _currency_in(text: str) -> str | None:
    """The currency that a heading or a cell names, by its code, its sign or in words."""
    for mark, currency in currency_marks().items():
        if mark in text and (not mark.isalpha() or re.search(rf"(?<![^\W\d_]){re.escape(mark)}(?![^\W\d_])", text)):
            return currency
    tokens = plain(text).split()
    return next((code for code, words in listed("currencies").items() if not set(words).isdisjoint(tokens)), None)


def _named_currency(connection: duckdb.DuckDBPyConnection, samples: list[Sample], heading: str) -> Money | None:
    """The currency that a column names, of several the one in most rows."""
    counts: dict[str, int] = {}
    for value, count in values_of(connection, samples, heading):
        code = value.upper()
        if re.fullmatch("[A-Z]{3}", code):
            counts[code] = counts.get(code, 0) + count
    if not counts:
        return None
    first, *others = sorted(counts, key=lambda code: -counts[code])
    if not others:
        return Money(first, f"the only one under '{heading}'")
    return Money(first, f"check: '{heading}' has {', '.join(others[:4])} too, which need exchange_rates")


# ------------------------------------------------------------------ by a vendor's preset


def _from_vendor(connection: duckdb.DuckDBPyConnection, fit: VendorFit, name: str) -> Draft:
    patterns: dict[str, list[str]] = {}
    for sample, feed in fit.feeds:
        if feed_of(fit.source, sample.name) != feed:
            patterns.setdefault(feed, list(fit.source.feeds[feed].files)).append(pattern_of(sample.name))
    left = [f"{sample.shown}: {why}" for sample, why in fit.left]
    for feed, said in patterns.items():
        patterns[feed] = list(dict.fromkeys(said))
    # a feed whose new pattern takes the files of another is said, since the first feed that matches has them
    changed = {
        feed: each.model_copy(update={"files": patterns.get(feed, each.files)})
        for feed, each in fit.source.feeds.items()
    }
    source = fit.source.model_copy(update={"feeds": changed})
    for sample, feed in fit.feeds:
        taker = feed_of(source, sample.name)
        if taker != feed:
            left.append(f"check: {sample.name} looks like {feed}, but by its name it goes to {taker}; rename it")
    nothing = _by_word(
        (sample.columns[at].heading, sample) for sample, feed in fit.feeds for at in fit.headings(sample, feed).used
    )
    for feed in {feed for _, feed in fit.feeds}:  # what the preset takes for a value is one
        for word in words_of_mapping(fit.source.feeds[feed], fit.source) | set(fit.source.null_values):
            nothing.pop(word, None)
    draft = Draft(name, _money_of(connection, fit), vendor=fit, patterns=patterns, nothing=nothing, left=left)
    draft.pipelines = _unknown_stages(connection, fit)
    return draft


def _money_of(connection: duckdb.DuckDBPyConnection, fit: VendorFit) -> Money:
    for sample, feed in fit.feeds:
        heading = fit.heading(sample, feed, "currency")
        if heading and fit.source.feeds[feed].entity == "deals":
            named = _named_currency(connection, [sample], heading)
            if named:
                return named
    return Money("EUR", "TODO: nothing in the files says it")


def _unknown_stages(connection: duckdb.DuckDBPyConnection, fit: VendorFit) -> dict[str, list[DraftedStage]]:
    """The pipelines as seen, if they have a stage that the preset's do not."""
    config = Configuration(timezone="UTC", currency="EUR", sources=[fit.source])
    known = {stage.stage_key for stage in configured_stages(config)}
    for sample, feed in fit.feeds:
        stage = fit.heading(sample, feed, "stage")
        if fit.source.feeds[feed].entity == "deals" and stage:
            columns = StageColumns([sample], stage, fit.heading(sample, feed, "pipeline"))
            drafted = draft_pipelines(connection, columns)
            nothing = fit.source.null_values
            pipelines = {"default" if name in nothing else name: stages for name, stages in drafted.items()}
            seen = {normalized(each.name) for stages in pipelines.values() for each in stages}
            return pipelines if seen - known or len(pipelines) > 1 else {}
    return {}


# ------------------------------------------------------------------ what is said about it


def _in_force(draft: Draft) -> Iterator[tuple[str, list[Sample]]]:
    if draft.vendor:
        for feed in dict.fromkeys(feed for _, feed in draft.vendor.feeds):
            yield feed, [sample for sample, name in draft.vendor.feeds if name == feed]
    for drafted in draft.feeds:
        if not drafted.guessed.missing:
            yield drafted.name, drafted.samples


def _said(draft: Draft) -> list[str]:
    entities = _entities(draft)
    return [
        f"{feed}: {counted(trial.loaded, 'row')} of {entities[feed]} in {counted(len(files), 'file')}, "
        f"{trial.rejected:,} rejected" + (", files refused" if trial.refusals else "")
        for feed, files in _in_force(draft)
        if (trial := draft.trials[feed])
    ]


def _entities(draft: Draft) -> dict[str, str]:
    if draft.vendor:
        return {name: feed.entity for name, feed in draft.vendor.source.feeds.items()}
    return {feed.name: feed.entity for feed in draft.feeds}


def _left(draft: Draft) -> list[str]:
    """What a run would stumble over: a required column, a doubt, no deals at all."""
    left = [
        f"{feed.name}: no heading for {', '.join(feed.guessed.missing)}" for feed in draft.feeds if feed.guessed.missing
    ]
    for feed, trial in draft.trials.items():
        left += [f"{feed}: {problem}" for problem in [*trial.refusals, *trial.doubts]]
    if not {_entities(draft)[feed] for feed, _ in _in_force(draft)} & set(HISTORY):
        left.append("no file of deals: every other feed hangs on one")
    return left
