"""Whether files are a vendor's export: headings that only this vendor writes, in files its preset can read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.feeds import Feed, Source
from dagster_project.config.presets import source_of_preset, vendor_names
from dagster_project.draft.sampled import Sample
from dagster_project.draft.words import says_plainly
from dagster_project.errors import RefusedFileError
from dagster_project.read.headings import ANY_TEXT, Matched, heading_key, known_headings, match
from dagster_project.read.landing import feed_of

#: Headings of its own by which a vendor is known, and how many times those of the next vendor.
_LEAST_OWN, _CLEARLY = 3, 2
_LEAST_THROUGHOUT = 5
#: What a vendor's export of an entity has, each in one of these columns: most of it, or it is somebody else's export.
ESSENTIAL = {
    "deals": (
        ("deal_id",),
        ("stage",),
        ("amount",),
        ("created_at",),
        ("close_on", "expected_close_on", "closed_at", "won_at"),
    ),
    "leads": (("lead_id",), ("lead_name", "email"), ("status", "lead_source"), ("created_at",)),
    "activities": (("activity_id",), ("deal_id", "lead_id", "account_id"), ("due_at", "completed_at", "created_at")),
}
_LEAST_ESSENTIAL = 0.5
#: Headings of one feed alone by which a file is known whose name is no vendor's; or one, among so many it reads.
_LEAST_ALONE, _LEAST_READ = 2, 8
#: Characters that an id has which a vendor's program made.
_LEAST_ID = 12


@dataclass(frozen=True)
class VendorFit:
    """A vendor's preset, and which of its feeds reads which file; `left` are files that none does, and why."""

    vendor: str
    source: Source
    feeds: list[tuple[Sample, str]]
    left: list[tuple[Sample, str]]
    own_headings: int

    def headings(self, sample: Sample, feed: str) -> Matched:
        """How the preset reads a file's headings."""
        return match([column.heading for column in sample.columns], self.source.feeds[feed], needs_stage=False)

    def heading(self, sample: Sample, feed: str, column: str) -> str | None:
        """The heading a canonical column is read from."""
        positions = self.headings(sample, feed).positions.get(column)
        return sample.columns[positions[0]].heading if positions else None


def recognise(samples: list[Sample], name: str) -> VendorFit | None:
    """The vendor whose export these files are, if one fits clearly better than the others and reads deals."""
    fits = sorted((_fit(vendor, samples, name) for vendor in vendor_names()), key=lambda fit: -fit.own_headings)
    best, following = fits[0], fits[1:]
    entities = {best.source.feeds[feed].entity for _, feed in best.feeds}
    next_best = following[0].own_headings if following else 0
    is_clear = best.own_headings >= _LEAST_OWN and best.own_headings >= _CLEARLY * next_best
    # files that no feed of the preset reads say nothing against it: an export may hold any number of other objects
    if is_clear and entities & {"deals", "deal_versions", "deal_changes"}:
        return best
    return None


def _fit(vendor: str, samples: list[Sample], name: str) -> VendorFit:
    source = Source.model_validate({**source_of_preset(vendor), "name": name, "vendor": vendor})
    feeds: list[tuple[Sample, str]] = []
    left: list[tuple[Sample, str]] = []
    own = 0
    # a log that is among the files gives the stages of deals; one that the preset could read does not
    has_history = any(
        source.feeds[feed].entity in HISTORY_ENTITIES for sample in samples if (feed := feed_of(source, sample.name))
    )
    for sample in samples:
        by_name = feed_of(source, sample.name)
        try:
            feed = by_name or _by_headings(sample, source)
            if feed is None:
                left.append((sample, "no feed of the preset has such headings; if it belongs here, write one"))
                continue
            found = _own_headings(sample, source.feeds[feed], has_history)
            lacking = _lacking(sample, source.feeds[feed])
            if lacking:
                left.append((sample, f"too little of it is called as this vendor calls it: nothing for {lacking}"))
                continue
            own += found
        except RefusedFileError as error:
            left.append((sample, f"by its name it is the preset's {by_name}, but it {error}"))
        else:
            feeds.append((sample, feed))
    return VendorFit(vendor, source, feeds, left, own)


def _by_headings(sample: Sample, source: Source) -> str | None:
    """The feed that reads most of a file whose name says nothing, by headings that no other feed has."""
    found: dict[str, int] = {}
    for name, feed in source.feeds.items():
        try:
            matched = match([column.heading for column in sample.columns], feed)
        except RefusedFileError:
            continue
        if not _has_ids_of(sample, feed, matched):
            continue
        others = [known_headings(other) for key, other in source.feeds.items() if key != name]
        used = {heading_key(sample.columns[at].heading) for at in matched.used}
        alone = len([key for key in used if not any(key in other for other in others)])
        if alone >= _LEAST_ALONE or (alone and len(used) >= _LEAST_READ):
            found[name] = len(matched.used)
    return max(found, key=lambda name: found[name], default=None)


def _has_ids_of(sample: Sample, feed: Feed, matched: Matched) -> bool:
    """Whether the ids of a file may be those of a feed, where the vendor's tell by their beginning what they are of."""
    positions = matched.positions.get(ENTITIES[feed.entity].key)
    if feed.id_begins_with is None or positions is None:
        return True
    # shorter ones were made up by whoever shared the file
    ids = [value for value in sample.columns[positions[0]].examples if len(value) >= _LEAST_ID]
    return all(value.startswith(feed.id_begins_with) for value in ids)


def _own_headings(sample: Sample, feed: Feed, has_history: bool) -> int:
    """How many headings a file has that only this vendor writes. Raises RefusedFileError if the feed would."""
    headings = [column.heading for column in sample.columns]
    matched = match(headings, feed, needs_stage=not has_history)
    used = [(column, headings[at]) for column, positions in matched.positions.items() for at in positions]
    own = len(matched.stage_dates) + sum(
        _is_own(heading, feed.entity, column) and _is_spelled_so(heading, feed, column) for column, heading in used
    )
    # a list with few columns, each of them as this vendor calls it
    is_throughout = len(used) >= _LEAST_THROUGHOUT and len(used) >= 0.8 * len(headings)
    return max(own, _LEAST_OWN) if own and is_throughout else own


def _lacking(sample: Sample, feed: Feed) -> str | None:
    """The essential columns that a file lacks, if it lacks most of those that the feed knows."""
    matched = match([column.heading for column in sample.columns], feed, needs_stage=False)
    known = [columns for columns in ESSENTIAL.get(feed.entity, ()) if not set(columns).isdisjoint(feed.columns)]
    given = {*matched.positions, *feed.constants}
    missing = [columns[0] for columns in known if given.isdisjoint(columns)]
    return ", ".join(missing) if len(missing) >= _LEAST_ESSENTIAL * len(known) and missing else None


def _is_spelled_so(heading: str, feed: Feed, column: str) -> bool:
    """Whether the vendor writes a heading with these capitals, which one of another vendor may not; or has none."""
    if heading in (heading.lower(), heading.upper()):
        return True
    written = [part for one in feed.columns[column] for part in (one if isinstance(one, list) else [one])]
    return any(heading.strip() == part.strip() or ANY_TEXT in part for part in written)


def _is_own(heading: str, entity: str, column: str) -> bool:
    """Whether nobody would call a column so who does not use this vendor."""
    return re.search(r"[a-z][A-Z]| - ", heading) is not None or not says_plainly(heading, entity, column)
