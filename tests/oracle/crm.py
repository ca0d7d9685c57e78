"""Everything one source has delivered by the as-of moment, read and keyed, before it is interpreted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from .configuration import Config, Feed, Source, folded
from .delivered_stages import with_delivered_stages
from .landing import Delivery, deliveries_of
from .lookups import resolve
from .mapping import Row
from .merges import Merges
from .records import is_flagged_deal, log_rows, records_of
from .stage_names import StageNames
from .stages import Pipelines, Stage
from .ties import by_chain, runs_backwards
from .told_twice import ID, told_once
from .values import Dates, boolean, number


@dataclass(frozen=True)
class Event:
    """A change of one field of a deal, as a change log tells it."""

    at: datetime
    order: tuple[datetime, int, int]
    field: str
    old: str | None
    new: str | None
    feed: Feed
    dates: Dates
    #: `id`: the values are ids; another word: they are not; None: it is not told
    kind: str | None = None


@dataclass(frozen=True)
class Version:
    """The whole deal at the time of a change."""

    id: str
    at: datetime
    row: Row
    dates: Dates


def by_field(events: list[Event]) -> list[Event]:
    """Events of one moment, those of one field beside each other."""
    return sorted(events, key=lambda one: (one.at, one.field, one.order))


def in_order(events: list[Event]) -> list[Event]:
    """Events of one deal; those of one moment and field by the chain of old value and new value."""
    return by_chain(
        sorted(events, key=lambda one: (one.at, one.order)),
        at_of=lambda one: one.at,
        field_of=lambda one: one.field,
        old_of=lambda one: _bare(one.old),
        new_of=lambda one: _bare(one.new),
    )


def _bare(value: str | None) -> str | Decimal | None:
    """A value as it is compared: 100 is 100.00."""
    read = number(value)
    return folded(value) if value and read is None else read


class Crm:
    """One source's records, events and versions."""

    def __init__(self, source: Source, config: Config, landing: Path, as_of: datetime) -> None:
        self.config = config
        self.as_of = as_of
        self._dates: dict[str, Dates] = {}
        self.deliveries, self.refused = deliveries_of(source, config, landing, as_of)
        self._filled_columns = {f"{one.feed.entity}.{name}" for one in self.deliveries for name in one.filled_columns}
        resolve(source, self.deliveries)
        self.source = with_delivered_stages(source, self.deliveries)
        self.pipelines = Pipelines(self.source)
        entities = ("deals", "leads", "activities", "owners", "accounts", "stages")
        records = {entity: records_of(entity, self.deliveries, self.dates) for entity in entities}
        self.deals, self.leads = records["deals"], records["leads"]
        self.activities, self.accounts = records["activities"], records["accounts"]
        self.owners = records["owners"]
        self.standing_accounts = frozenset(one.id for one in self.accounts.values() if not one.is_deleted)
        self.stages = StageNames(self.pipelines, records["stages"])
        self.stages.learn(self.deals.values())
        self.merged_deals, self.merged_leads = Merges(self.deals), Merges(self.leads)
        self.first_full_extracts = self._first_full_extracts()
        self._named = {
            field: frozenset(record.row.get(field) for record in self.deals.values())
            for field in ("pipeline", "owner_id", "account_id")
        }
        self.events = self._events()
        self.versions = self._versions()

    def key(self, record_id: str) -> str:
        """`<source>:<id>`."""
        return f"{self.source.name}:{record_id}"

    def dates(self, delivery: Delivery) -> Dates:
        """How the feed of a delivery writes dates."""
        feed = delivery.feed
        if feed.name not in self._dates:
            self._dates[feed.name] = Dates(feed, self.config.zone, self.config.history_starts_on)
        return self._dates[feed.name]

    def local_date(self, moment: datetime) -> date:
        """A moment's date in the reporting timezone."""
        return moment.astimezone(self.config.zone).date()

    def deal_ids(self) -> list[str]:
        """Every deal that a row, a log or a version tells of."""
        return sorted({*self.deals, *self.events, *self.versions})

    @cached_property
    def deal_odds(self) -> dict[str, float]:
        """Deal → how likely it is won, as the CRM says of it: in percent where its feed ever says more than one."""
        said: dict[str, dict[str, tuple[Decimal, bool]]] = {}
        for deal_id, record in self.deals.items():
            text = record.row.get("win_probability") or ""
            share = number(text.replace("%", "").replace(" ", "").replace(",", "."))
            if share is not None:
                said.setdefault(record.feed.name, {})[deal_id] = share, "%" in text or share > 1
        shares = {
            deal_id: share / (100 if any(is_percent for _, is_percent in of_feed.values()) else 1)
            for of_feed in said.values()
            for deal_id, (share, _) in of_feed.items()
        }
        return {deal_id: float(share) for deal_id, share in shares.items() if 0 <= share <= 1}

    def deal_value(self, deal_id: str, column: str) -> str | None:
        """What is last known of a deal: its newest row's, else the log's last, else the last version's."""
        if deal_id in self.deals:
            return self.deals[deal_id].row.get(column)
        if deal_id in self.events:
            return next((one.new for one in reversed(self.events[deal_id]) if one.field == column), None)
        return self.versions[deal_id][-1].row.get(column)

    def deleted_at(self, deal_id: str) -> datetime | None:
        """Since when a deal is flagged, gone from the full extracts, or merged into another."""
        record = self.deals.get(deal_id)
        gone_at = record.deleted_at if record else (self._logged_deletion(deal_id) or self._missing_since(deal_id))
        moments = (gone_at, self.merged_deals.merged_at.get(deal_id))
        return min((moment for moment in moments if moment), default=None)

    def is_deleted_deal(self, deal_id: str) -> bool:
        """Flagged, of status `deleted`, gone from a later full extract, or merged into another."""
        return self.deleted_at(deal_id) is not None

    def delivers(self, *columns: str) -> bool:
        """Whether any of these columns, written `entity.column`, has a value in any delivery that was loaded."""
        return not self._filled_columns.isdisjoint(columns)

    @cached_property
    def tells_statuses(self) -> bool:
        """Whether rows or the log say of deals that they are open, won or lost, beside their stages."""
        words = [record.row.get("status") for record in self.deals.values()]
        told = [one for of_deal in self.events.values() for one in of_deal if one.field == "status"]
        words += [word for one in told for word in (one.old, one.new)]
        return any((word or "").casefold() in ("open", "won", "lost") for word in words)

    def _logged_deletion(self, deal_id: str) -> datetime | None:
        """When the log of a deal without a row last began to call it deleted."""
        since = None
        for event in self.events.get(deal_id, []):
            if event.field == "status":
                since = (since or event.at) if (event.new or "").casefold() == "deleted" else None
        return since

    def _missing_since(self, deal_id: str) -> datetime | None:
        """The first of the full extracts, taken after a deal's history began, that do not have it."""
        by_feed: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in self.deliveries:
            if delivery.feed.entity == "deals":
                by_feed[delivery.feed.name].append(delivery)
        began_at = min(one.at for told in (self.events, self.versions) for one in told.get(deal_id, []))
        since: list[datetime] = []
        for of_feed in by_feed.values():
            if of_feed[-1].feed.incremental or deal_id in of_feed[-1].quarantined_ids:
                return None
            without = takewhile(lambda one: deal_id not in one.quarantined_ids, reversed(of_feed))
            since += [one.extracted_at for one in without if began_at <= one.extracted_at and not one.rejected]
        return min(since, default=None)

    def _first_full_extracts(self) -> dict[str, datetime]:
        """Feed of deals → when its first loaded full extract was taken."""
        first: dict[str, datetime] = {}
        for delivery in self.deliveries:
            if delivery.feed.entity == "deals" and not delivery.feed.incremental:
                first.setdefault(delivery.feed.name, delivery.extracted_at)
        return first

    def _events(self) -> dict[str, list[Event]]:
        """Events by deal, in order of time, then of old and new values, then of the log; equal ones once."""
        earliest: dict[tuple[object, ...], tuple[str, Event]] = {}
        flagged: set[tuple[object, ...]] = set()
        backwards = self._files_written_backwards()
        for delivery, place, row in log_rows("deal_changes", self.deliveries):
            dates = self.dates(delivery)
            at = dates.moment(row["changed_at"])
            if at is None or at > self.as_of:
                continue
            deal_id, name, new = str(row["deal_id"]), str(row["field"]), row.get("new_value")
            file = delivery.places[place].sha256
            order = (delivery.extracted_at, delivery.files[file], -place if file in backwards else place)
            event = Event(
                at, order, name.casefold(), row.get("old_value"), new, delivery.feed, dates, row.get("value_kind")
            )
            same = (delivery.feed.name, deal_id, event.field, at, new)
            if same not in earliest or order < earliest[same][1].order:
                earliest[same] = (deal_id, event)
                flagged = flagged | {same} if boolean(row.get("is_deleted")) else flagged - {same}
        told = [pair for same, pair in earliest.items() if same not in flagged or self._is_flagged(pair[0])]
        events: dict[str, list[Event]] = defaultdict(list)
        for deal_id, event in sorted(told, key=lambda pair: (pair[1].at, pair[1].order)):
            events[deal_id].append(event)
        return {deal_id: in_order(told_once(by_field(some), self._is_id)) for deal_id, some in events.items()}

    def _is_id(self, field: str, value: str) -> bool:
        """Whether a value is one of the ids that records have or name."""
        if field == "pipeline":
            by_id = self.pipelines.is_configured(value) and ID.fullmatch(value) is not None
            return by_id or value in self._named["pipeline"]
        records = self.owners if field == "owner_id" else self.accounts
        return value in records or value in self._named[field]

    def same_event(self, entity: str, delivery: Delivery, place: int, row: Row) -> tuple[object, ...]:
        """By what a row of a log is told from others: equal ones count once."""
        dates = self.dates(delivery)
        if entity == "deal_changes":
            at = dates.moment(row["changed_at"])
            return delivery.feed.name, row["deal_id"], str(row["field"]).casefold(), at, row.get("new_value")
        if entity == "deal_versions":
            return delivery.feed.name, row.get("version_id") or f"{dates.moment(row['version_at'])} {place:09d}"
        if not delivery.feed.incremental and entity != "exchange_rates":
            return delivery.feed.name, place
        return delivery.feed.name, tuple(sorted((column, text) for column, text in row.items() if text))

    def _files_written_backwards(self) -> set[str]:
        rows: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
        for delivery, place, row in log_rows("deal_changes", self.deliveries):
            at = self.dates(delivery).moment(row["changed_at"])
            if at:
                rows[delivery.places[place].sha256].append((str(row["deal_id"]), at))
        return {file for file, times in rows.items() if runs_backwards(times)}

    def _versions(self) -> dict[str, list[Version]]:
        """Versions by deal, by time, then stage, then id; of one version's rows the newest counts."""
        newest: dict[tuple[object, ...], tuple[str, Version]] = {}
        for delivery, place, row in log_rows("deal_versions", self.deliveries):
            dates = self.dates(delivery)
            at = dates.moment(row["version_at"])
            if at is None or at > self.as_of:
                continue
            deal_id = str(row["deal_id"])
            version_id = row.get("version_id") or f"{at} {place:09d}"
            newest[delivery.feed.name, version_id] = (deal_id, Version(version_id, at, row, dates))
        versions: dict[str, list[Version]] = defaultdict(list)
        for deal_id, version in newest.values():
            if not boolean(version.row.get("is_deleted")) or self._is_flagged(deal_id):
                versions[deal_id].append(version)
        for deal_id, of_deal in versions.items():
            of_deal.sort(key=lambda one: (one.at, self.version_stage(deal_id, one).rank, one.id))
            versions[deal_id] = self._by_from_stage(deal_id, of_deal)
        return dict(versions)

    def _by_from_stage(self, deal_id: str, versions: list[Version]) -> list[Version]:
        """Versions of one moment by the chain of the stage they came from and the one they are in."""

        def left(version: Version) -> Stage | None:
            return self.version_stage(deal_id, version, "from_stage") if version.row.get("from_stage") else None

        return by_chain(
            versions, lambda one: one.at, lambda one: "stage", left, lambda one: self.version_stage(deal_id, one)
        )

    def _is_flagged(self, deal_id: str) -> bool:
        """Whether the deal itself is flagged as deleted: its history is with it, and stays what it was."""
        record = self.deals.get(deal_id)
        return record is not None and is_flagged_deal(record.row)

    def stages_of_versions(self, deal_id: str) -> list[Stage]:
        """The stages of a deal's versions, in order: each in the pipeline of the one before, if none is told."""
        record = self.deals.get(deal_id)
        now = record.row.get("pipeline") if record else None
        stages: list[Stage] = []
        for version in self.versions.get(deal_id, []):
            before = stages[-1] if stages else None
            name, told = str(version.row["stage"]), version.row.get("pipeline")
            stages.append(self.stages.of_history(name, told, now, before))
        return stages

    def version_stage(self, deal_id: str, version: Version, column: str = "stage") -> Stage:
        """The stage a version is in, or came from; its pipeline is the deal's where the version names none."""
        record = self.deals.get(deal_id)
        now = record.row.get("pipeline") if record else None
        return self.stages.of_history(str(version.row[column]), version.row.get("pipeline"), now)
