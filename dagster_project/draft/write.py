"""A draft as YAML with comments: every guess beside an example of what it was guessed from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.feeds import DraftedFeed
from dagster_project.draft.guesses import Guess
from dagster_project.draft.sampled import report_tails
from dagster_project.draft.stages import DraftedStage
from dagster_project.draft.trial import Trial
from dagster_project.draft.vendor import VendorFit
from dagster_project.draft.yaml_text import Line, commented, example, scalar, scalars
from dagster_project.wording import counted

#: What a draft calls the connection to a database.
DATABASE = "warehouse"
#: Columns whose values are people: shown by nobody's name.
_PEOPLE = ("lead_name", "company")
#: What to do about cells that cannot be read.
_UNREAD = "write them out in the file, or name them in null_values if they stand for nothing"
_NEEDED = {
    "deal_id": "the column that tells deals apart",
    "stage": "the column that says where a deal stands",
    "lead_id": "the column that tells leads apart",
    "activity_id": "the column that tells activities apart; number the rows if there is none",
    "changed_at": "when the change was made",
    "field": "which field was changed",
    "version_at": "since when the row was so",
}


@dataclass(frozen=True)
class Money:
    """The currency of a source's amounts, and how it is known."""

    currency: str
    said: str


@dataclass
class Draft:
    """A source as it will be written."""

    name: str
    money: Money
    feeds: list[DraftedFeed] = field(default_factory=list)
    pipelines: dict[str, list[DraftedStage]] = field(default_factory=dict)
    vendor: VendorFit | None = None
    #: Of a vendor's feeds: patterns of files that its preset does not take.
    patterns: dict[str, list[str]] = field(default_factory=dict)
    #: Feed → what a trial of it found.
    trials: dict[str, Trial] = field(default_factory=dict)
    #: Words for nothing that the preset does not know → the headings below which they stand.
    nothing: dict[str, list[str]] = field(default_factory=dict)
    #: Files that no feed takes, and why.
    left: list[str] = field(default_factory=list)
    #: Of a draft from a database: the lines that say where it is, and file name → the table that was copied there.
    connections: list[Line] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    #: What was chosen where nobody but the user can know; nothing of it in a draft that is left for the user to edit.
    settled: Settled | None = None


@dataclass
class Settled:
    """Answers to what a draft leaves open, so that it runs as it is; each with why it was taken."""

    timezone: str
    timezone_says: str
    #: Feed → lines under it.
    feeds: dict[str, list[Line]] = field(default_factory=dict)
    #: Lines at the top and at the source.
    top: list[Line] = field(default_factory=list)
    source: list[Line] = field(default_factory=list)


def written(draft: Draft) -> str:
    """The whole configuration."""
    return "\n".join(line.written() for line in lines_of(draft)) + "\n"


def lines_of(draft: Draft) -> list[Line]:
    """The whole configuration, line by line; what was guessed says `check`, or `assumed` where it is settled."""
    lines = _head(draft)
    if draft.vendor:
        lines += _of_vendor(draft)
    else:
        lines.append(Line("    deliveries: full", "every file is the whole list; else `incremental`"))
        if any(sample.has_tail for feed in draft.feeds for sample in feed.samples):
            lines.append(Line(f"    report_tail: {scalars(list(report_tails()))}", "what stands below the last record"))
        lines += _feeds(draft)
        lines += _pipelines(draft.pipelines)
    lines += [Line("    ", left) for left in draft.left]
    if draft.settled is None:
        return lines
    return [replace(line, comment=line.comment.replace("check: ", "assumed: ")) for line in lines]


def _head(draft: Draft) -> list[Line]:
    zone, of_files = "UTC", "TODO: the timezone of the times in these files, such as Europe/Berlin"
    settled = draft.settled
    if settled is None:
        lines = [
            Line(
                "",
                "Drafted by `dealtrail source draft` from the files' headings and values. Every guess has an example",
            ),
            Line("", "beside it; look at each `check` and `TODO` (docs/adding-a-source.md goes through such a draft)."),
            Line("", "If you have a pipeline.yml already, append what stands under `sources:` to its sources."),
            Line("timezone: UTC", "TODO: the timezone of your reports, such as Europe/Berlin"),
        ]
    else:
        zone, of_files = settled.timezone, "of the times in these files"
        lines = [
            Line(
                "",
                "Made by `dealtrail try` from the files' headings and values. What is `assumed` may be wrong: correct",
            ),
            Line("", "it here (docs/configuration.md says what else can be said)."),
            Line(f"timezone: {zone}", f"of your reports; check: {settled.timezone_says}"),
        ]
    lines += [
        Line(f"currency: {draft.money.currency}", f"of your reports; {draft.money.said}"),
        *(draft.connections or [Line("landing_dir: landing", f"put the files into landing/{draft.name}/")]),
        *(settled.top if settled else []),
        Line(""),
        Line("sources:"),
        Line(f"  - name: {draft.name}"),
    ]
    if draft.vendor:
        lines.append(Line(f"    vendor: {draft.vendor.vendor}", "its headings are this vendor's"))
    if draft.tables:
        lines.append(Line(f"    connection: {DATABASE}"))
    said = "" if settled else f"; {draft.money.said}"
    return [
        *lines,
        Line(f"    timezone: {zone}", of_files),
        Line(f"    currency: {draft.money.currency}", f"of amounts that name none{said}"),
        *(settled.source if settled else []),
        *([_null_values(draft)] if draft.nothing else []),
    ]


def _null_values(draft: Draft) -> Line:
    """The preset's words for nothing, which a list here replaces, and those that were met."""
    known = draft.vendor.source.null_values if draft.vendor else []
    places = list(dict.fromkeys(heading for headings in draft.nothing.values() for heading in headings))
    shown = ", ".join(f"'{example(heading)}'" for heading in places[:4]) + (" …" if len(places) > 4 else "")
    said = f"check: whole cells that say nothing, in {shown}"
    return Line(f"    null_values: {scalars([*known, *draft.nothing])}", said)


# ------------------------------------------------------------------ a vendor's


def _of_vendor(draft: Draft) -> list[Line]:
    feeds: dict[str, list[Line]] = {}
    encoded: list[str] = []
    for feed, patterns in draft.patterns.items():
        feeds.setdefault(feed, []).append(Line(f"        files: {scalars(patterns)}", "the preset has other names"))
    for sample, feed in draft.vendor.feeds if draft.vendor else []:
        if sample.encoding and feed not in encoded:
            encoded.append(feed)
            line = Line(f"        encoding: {sample.encoding}", "check: no UTF-8; do the names look right?")
            feeds.setdefault(feed, []).append(line)
    for feed, trial in draft.trials.items():
        found = [
            *(draft.settled.feeds.get(feed, []) if draft.settled else []),
            *_of_trial(trial, 8, list(trial.unread)),
        ]
        if found:
            feeds.setdefault(feed, []).extend(found)
    lines = []
    if feeds:
        in_force = any(
            not line.text.strip().startswith("#") and line.text.strip() for each in feeds.values() for line in each
        )
        lines.append(Line("    feeds:") if in_force else Line("    # feeds:"))
        for feed, said in feeds.items():
            is_said = any(line.text.strip() and not line.text.strip().startswith("#") for line in said)
            lines.append(Line(f"      {feed}:" if is_said else f"      # {feed}:"))
            lines += said
    if draft.pipelines and draft.settled:
        lines += _pipelines(draft.pipelines)
    elif draft.pipelines:
        lines.append(
            Line("    ", "The stages are those of a new account. If yours differ, name them; these were seen:")
        )
        lines += commented(_pipelines(draft.pipelines), 4)
    return lines


# ------------------------------------------------------------------ feeds


def _feeds(draft: Draft) -> list[Line]:
    lines = [Line("    feeds:")]
    for feed in draft.feeds:
        said = _feed(feed, draft.trials.get(feed.name, Trial()), draft.tables)
        said += draft.settled.feeds.get(feed.name, []) if draft.settled else []
        if feed.guessed.missing and feed.entity != "deals":
            what = " and ".join(feed.guessed.missing)
            lines.append(Line("      ", f"Not in force: TODO {what}. Without it every file of this feed is refused."))
            said = commented(said, 6)
        lines += said
    return lines


def _feed(feed: DraftedFeed, trial: Trial, tables: dict[str, str]) -> list[Line]:
    files = feed.newest.shown + (f" and {len(feed.samples) - 1} more" if len(feed.samples) > 1 else "")
    lines = [
        Line(f"      {feed.name}:", f"{files}: {counted(sum(sample.rows for sample in feed.samples), 'row')}"),
        Line(f"        entity: {feed.entity}"),
        Line(f"        table: {scalar(tables[feed.newest.name])}")
        if tables
        else Line(f"        files: {scalars(feed.patterns)}"),
    ]
    if feed.newest.encoding:
        lines.append(
            Line(f"        encoding: {feed.newest.encoding}", "check: no UTF-8; do the names below look right?")
        )
    if feed.newest.sheet:
        lines.append(Line(f"        sheet: {scalar(feed.newest.sheet)}"))
    if feed.constants:
        said = ", ".join(f"{column}: {value}" for column, value in feed.constants.items())
        lines.append(Line(f"        constants: {{{said}}}"))
    lines.append(Line("        columns:" if feed.guessed.guesses else "        columns: {}"))
    lines += [
        Line(f"          {guess.column}: {_headings(guess)}", _said(guess, trial))
        for guess in feed.guessed.guesses.values()
    ]
    lines += [
        Line(f"          # {column}: []", f"TODO: {_NEEDED.get(column, 'required')}; name its heading")
        for column in feed.guessed.missing
    ]
    if feed.derive:
        lines.append(Line(f"        derive: {scalars(feed.derive)}", f"check: {feed.derived_says}"))
    if feed.stage_dates:
        lines.append(Line("        stage_dates:"))
        lines += [Line(f"          - {scalar(pattern)}", _dated(feed)) for pattern in feed.stage_dates]
    lines += _values(feed)
    lines += _of_trial(trial, 8, [column for column in trial.unread if column not in feed.guessed.guesses])
    lines += [Line(f"        # {choice}") for choice in feed.choices]
    unread = [example(column.heading) for column in feed.unmapped if not column.is_personal]
    if unread:
        lines.append(Line("        ", f"not read: {', '.join(unread)}"))
    absent = [column for column in ENTITIES[feed.entity].columns if column not in feed.guessed.guesses]
    wanted = [column for column in absent if column in _WORTH_HAVING.get(feed.entity, ())]
    if wanted:
        lines.append(Line("        ", f"not found: {', '.join(wanted)}"))
    lines += [Line("        ", comment) for comment in [*feed.newest.notes, *feed.comments]]
    return lines


_WORTH_HAVING = {
    "deals": ("amount", "owner_id", "account_id", "created_at", "close_on", "lost_reason"),
    "leads": ("owner_id", "lead_source", "status", "created_at"),
    "activities": ("deal_id", "owner_id", "completed_at"),
    "owners": ("owner_name",),
    "accounts": ("account_name", "segment"),
}


def _headings(guess: Guess) -> str:
    if guess.joined is None:
        return scalars([guess.source.heading])
    return f"[{scalars([guess.source.heading, guess.joined.heading])}]"


def _said(guess: Guess, trial: Trial) -> str:
    """What a guess was guessed from, and what to look at."""
    said = []
    unread = trial.unread.get(guess.column)
    checks = [*guess.checks, *([f"{unread.says()}; {_UNREAD}"] if unread else [])]
    if checks:
        said.append("check: " + "; ".join(checks))
    if guess.source.is_personal or guess.column in _PEOPLE:
        said.append("personal data, not shown")
    elif guess.source.examples:
        said.append(f"e.g. {example(guess.source.examples[0])}")
    return "; ".join(said)


def _dated(feed: DraftedFeed) -> str:
    shown = ", ".join(f"'{example(heading)}'" for heading in feed.dated[:3])
    return f"the day a stage was entered: {shown}{' …' if len(feed.dated) > 3 else ''}"


def _values(feed: DraftedFeed) -> list[Line]:
    lines = []
    if feed.values:
        lines.append(Line("        values:", "what these files write for what Dealtrail knows"))
        for column, said in feed.values.items():
            words = ", ".join(f"{scalar(meaning)}: {scalars(words)}" for meaning, words in said.items())
            lines.append(Line(f"          {column}: {{{words}}}"))
    for key, said_list in feed.lists.items():
        check = "check: their order" if key == "lead_statuses" else "check: which of them"
        lines.append(Line(f"        {key}: {scalars(said_list)}", check))
    return lines


def _of_trial(trial: Trial, indent: int, unread: list[str]) -> list[Line]:
    """What a run would refuse or not read, and the lines that settle it. `unread`: columns that are not said above."""
    pad = " " * indent
    lines = [Line(pad, f"check: {refusal}") for refusal in trial.refusals]
    lines += [Line(pad, f"check: {column}: {trial.unread[column].says()}; {_UNREAD}") for column in unread]
    lines += [Line(pad, f"check: {doubt}") for doubt in trial.doubts]
    if trial.choices:
        lines.append(Line(pad, "Until one of the next lines is taken in (without its #), such files are refused:"))
        lines += [Line(f"{pad}# {choice}") for choice in trial.choices]
    return lines


# ------------------------------------------------------------------ stages


def _pipelines(pipelines: dict[str, list[DraftedStage]]) -> list[Line]:
    if not any(pipelines.values()):
        return []
    lines = [Line("    pipelines:", "check: their order, and what each is compared as")]
    for name, stages in pipelines.items():
        lines += [Line(f"      - name: {scalar(name)}"), Line("        stages:")]
        width = max(len(_stage(stage)) for stage in stages)
        lines += [Line(_stage(stage).ljust(width), _deals(stage)) for stage in stages]
    return lines


def _stage(stage: DraftedStage) -> str:
    return f"          - {{name: {scalar(stage.name)}, canonical: {stage.canonical}}}"


def _deals(stage: DraftedStage) -> str:
    said = [] if stage.deals is None else [counted(stage.deals, "deal")]
    return "; ".join(said + ([f"check: {stage.check}"] if stage.check else []))
