"""`dealtrail digest`: who is sent what, and what is said of it at the terminal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import duckdb

from dagster_project.config.digest import TeamWebhook, mail_address
from dagster_project.config.load import Settings
from dagster_project.config.stages import normalized
from dagster_project.digest import message
from dagster_project.digest.message import Digest
from dagster_project.digest.sent import Last, Sent
from dagster_project.digest.smtp import Mailer, NoServerError, NotTakenError, credentials
from dagster_project.errors import ConfigurationError, DealtrailError, printable
from dagster_project.publish.owners.links import crm_links
from dagster_project.publish.owners.lists import Owner, OwnerList, owner_lists, owners_without
from dagster_project.publish.owners.pages import FOLDER, Page
from dagster_project.publish.shown_odds import why_left_out
from dagster_project.published import opened
from dagster_project.run.versions import as_of_version, current_version
from dagster_project.run.webhook import NotPostedError, post
from dagster_project.wording import counted, near_name

PAGES_URL = "DEALTRAIL_PAGES_URL"
#: A larger CSV stays where it is: mail servers refuse mails of some tens of megabytes.
_LARGEST_CSV = 5_000_000
_SHOWN_NAMES = 10
#: After so many connections lost one after the other the server is given up.
_LOST_AT_MOST = 3


@dataclass(frozen=True)
class Asked:
    """What the command was asked for. `to`: one address for all. `owner`: of this one only. `all_`: also where nothing
    changed."""

    dry_run: bool = False
    to: str | None = None
    owner: str | None = None
    all_: bool = False


@dataclass
class _Outcome:
    """Owners by what became of their digests."""

    counts: Counter[str] = field(default_factory=Counter)
    without_address: list[str] = field(default_factory=list)
    inactive: list[str] = field(default_factory=list)
    #: Why → who was not sent theirs.
    failed: dict[str, list[str]] = field(default_factory=dict)


def send_digests(settings: Settings, asked: Asked, say: Callable[[str], None], warn: Callable[[str], None]) -> int:
    """Sends the digests that are due; returns the exit status: 0, or 3 where one could not be sent.

    Raises ConfigurationError where nothing is configured to send by, and DealtrailError where nothing is published.
    """
    version = current_version(settings.warehouse_dir)
    post_office = _PostOffice(settings, asked, os.environ)
    if version is None:
        raise DealtrailError(f"nothing is published in {settings.warehouse_dir} yet; run `dealtrail nightly` first")
    round_ = _Round(settings, asked, version, post_office, say, warn)
    with opened(version / "pipeline.duckdb") as connection, post_office:
        _check_version(connection)
        round_.go(connection)
    return round_.told()


def _check_version(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select 1 from duckdb_columns() where table_name = 'dim_owners' and column_name = 'email'"
    if connection.execute(query).fetchone() is None:
        raise DealtrailError("what is published was made by an earlier version of Dealtrail; run a night first")


class _PostOffice:
    """By which way a digest goes, and the handing over. Every secret is read from the environment here."""

    def __init__(self, settings: Settings, asked: Asked, environ: Mapping[str, str]) -> None:
        """Raises ConfigurationError for what the command cannot go without."""
        config = settings.config.digest
        self._smtp = config.smtp
        self._addresses = {
            (one.source, key): one.email for one in reversed(config.addresses) for key in (one.owner, _name(one.owner))
        }
        self._to = None if asked.to is None else mail_address(asked.to)
        if asked.to is not None and self._to is None:
            raise ConfigurationError(f"--to: '{printable(asked.to)}' is no e-mail address")
        if self._smtp is None and (self._to or not config.webhooks):
            raise ConfigurationError(
                "digest.smtp is not configured, so there is no way to send by e-mail. Add to the configuration:\n"
                "  digest:\n"
                "    smtp: {host: smtp.example.com, sender: Dealtrail <crm@example.com>}\n"
                "and put user and password into the environment (docs/digest.md)"
            )
        self._webhooks = {} if self._to else {hook.team: hook for hook in config.webhooks}
        self._urls = {} if asked.dry_run else {team: _url(hook, environ) for team, hook in self._webhooks.items()}
        self._mailer = Mailer(self._smtp, credentials(self._smtp, environ)) if self._smtp else None
        self.unused_teams = set(self._webhooks)
        self._closed: dict[str, str] = {}
        self._lost = 0

    def __enter__(self) -> _PostOffice:
        return self

    def __exit__(self, *error: object) -> None:
        if self._mailer is not None:
            self._mailer.__exit__(*error)  # type: ignore[arg-type]

    def way(self, owner: Owner) -> str | None:
        """Where an owner's digest goes: `chat of <team>`, an e-mail address, or None."""
        if owner.team in self._webhooks:
            self.unused_teams.discard(owner.team)
            return f"chat of {owner.team}"
        if self._smtp is None:
            return None
        if self._to:
            return self._to
        configured = self._addresses.get((owner.source, owner.id or "")) or self._addresses.get(
            (owner.source, _name(owner.name))
        )
        return mail_address(configured or owner.email or "")

    def hand_over(self, digest: Digest, way: str, page: str, csv: bytes | None) -> None:
        """Sends one digest. Raises DealtrailError with what went wrong."""
        team = digest.lists.owner.team
        channel = f"chat of {team}" if team in self._webhooks else "the mail server"
        if channel in self._closed:
            raise DealtrailError(self._closed[channel])
        try:
            if team in self._webhooks:
                post(self._urls[team], message.chat(digest), is_harmless_twice=False)
            else:
                assert self._smtp is not None and self._mailer is not None, "there is a way"
                self._mailer.send(message.mail(digest, self._smtp, way, page, csv), way)
                self._lost = 0
        except NotPostedError as error:
            variable = self._webhooks[team or ""].url_variable
            self._closed[channel] = f"the webhook of {variable} could not be told: {error}"
            raise DealtrailError(self._closed[channel]) from None
        except NoServerError as error:
            assert self._smtp is not None, "it has answered"
            self._closed[channel] = f"the mail server {self._smtp.host}, port {self._smtp.port}: {error}"
            raise DealtrailError(self._closed[channel]) from None
        except NotTakenError as error:
            self._lost = self._lost + 1 if error.is_lost else 0
            if self._lost == _LOST_AT_MOST:
                self._closed[channel] = f"the mail server lost {_LOST_AT_MOST} connections one after the other"
            raise


def _url(hook: TeamWebhook, environ: Mapping[str, str]) -> str:
    url = environ.get(hook.url_variable, "").strip()
    if not url.startswith(("https://", "http://")):
        what = "is no address of a webhook" if url else "is not set"
        raise ConfigurationError(f"{hook.url_variable}, the webhook of team {hook.team} (digest.webhooks), {what}")
    return url


def _name(name: str) -> str:
    """A name as it is compared: without case and accents. Ids are compared as they are."""
    return f"name {normalized(name)}"


class _Round:
    """One round through the owners."""

    def __init__(
        self,
        settings: Settings,
        asked: Asked,
        version: Path,
        post_office: _PostOffice,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings, self._asked, self._version = settings, asked, version
        self._post_office, self._say, self._warn = post_office, say, warn
        self._as_of = as_of_version(version).astimezone(settings.config.zone)
        self._page = Page(settings.config, self._as_of)
        self._sent = Sent(settings.warehouse_dir)
        self._outcome = _Outcome()
        self._names: list[str] = []
        self._pages_url = os.environ.get(PAGES_URL, "").rstrip("/")

    def go(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Every owner with a record, then those who have none any more."""
        seen = set()
        self._page.left_out = why_left_out(connection)
        for lists in owner_lists(
            connection, message.IN_MAIL, crm_links(self._settings.config), new_since=self._new_since
        ):
            if lists.owner.key is not None:
                seen.add(lists.owner.key)
                self._one(lists)
            elif lists.mend_count and not self._asked.owner:
                self._say(f"{counted(lists.mend_count, 'record')} of nobody: report/{FOLDER}/nobody.html")
        gone = [key for key in self._sent.told_of_something() if key not in seen]
        left = owners_without(connection, gone)
        for owner in left:
            self._one(OwnerList(owner))
        if self._remembers:
            known = connection.execute("select owner_key from marts.dim_owners").fetchall()
            self._sent.keep_only(key for (key,) in known)
        if self._asked.owner and not self._names:
            self._names_nobody(connection)

    @property
    def _remembers(self) -> bool:
        """A look, and what went to another address, are no digest that an owner has had."""
        return not self._asked.dry_run and self._asked.to is None

    def _names_nobody(self, connection: duckdb.DuckDBPyConnection) -> None:
        wanted = self._asked.owner or ""
        owners = connection.execute("select owner_key, owner_name from marts.dim_owners").fetchall()
        if not any(_is(wanted, key, name) for key, name in owners):
            near = near_name(wanted, [name for _, name in owners if name])
            meant = f"; did you mean {near}?" if near else ""
            raise ConfigurationError(f"--owner: there is no owner '{printable(wanted)}'{printable(meant)}")
        self._say(f"{printable(wanted)} has nothing to mend and no open deal")

    def _new_since(self, owner: Owner) -> date | None:
        last = self._sent.last(owner.key or "")
        return last.moment.astimezone(self._settings.config.zone).date() if last else None

    def _one(self, lists: OwnerList) -> None:
        owner, asked = lists.owner, self._asked
        if asked.owner and not _is(asked.owner, owner.key or "", owner.name):
            return
        name = f"{message.one_line(owner.name)} ({owner.source})"
        self._names.append(name)
        last = self._sent.last(owner.key or "")
        state = self._state(lists, last)
        way = self._post_office.way(owner)
        if state != "due" and not (asked.all_ and state == "unchanged"):
            self._outcome.counts[state] += 1
            if asked.dry_run:
                self._say(f"{name}: {state}")
        elif owner.is_active is False:
            self._outcome.inactive.append(name)
        elif way is None:
            self._outcome.without_address.append(name)
        else:
            self._hand_over(lists, name, way)

    def _state(self, lists: OwnerList, last: Last | None) -> str:
        if last is None:
            return "due" if lists.fingerprint is not None else "nothing to say"
        if last.fingerprint == lists.fingerprint:
            return "unchanged"
        return "older than what was sent last" if last.moment > self._as_of else "due"

    def _hand_over(self, lists: OwnerList, name: str, way: str) -> None:
        owner = lists.owner
        folder = f"{self._pages_url}/report/{FOLDER}" if self._pages_url and owner.file else ""
        digest = Digest(
            lists,
            self._as_of,
            self._settings.config.currency,
            self._new_since(owner),
            f"{folder}/{quote(owner.file)}.html" if folder else None,
        )
        if self._asked.dry_run:
            self._outcome.counts["would be sent"] += 1
            self._say(f"{name}: to {way}: {digest.subject}")
            if self._asked.owner:
                for line in digest.lines(message.IN_MAIL):
                    self._say(f"  {line}".rstrip())
            return
        try:
            self._post_office.hand_over(digest, way, self._html(digest, folder), self._csv(owner))
        except DealtrailError as error:
            self._outcome.failed.setdefault(str(error), []).append(name)
            return
        self._outcome.counts["sent"] += 1
        if self._remembers and owner.key is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._sent.remember(owner.key, Last(lists.fingerprint, self._as_of.astimezone(UTC).isoformat(), now))

    def _html(self, digest: Digest, folder: str) -> str:
        links = None
        if folder:
            links = {
                "csv": f"{folder}/{quote(digest.lists.owner.file)}.csv",
                "report": f"{self._pages_url}/report/index.html",
                "data_docs": f"{self._pages_url}/data_docs/index.html",
            }
        return self._page.of(digest.lists, links, digest.new_since)

    def _csv(self, owner: Owner) -> bytes | None:
        path = self._version / "report" / FOLDER / f"{owner.file}.csv"
        if not owner.file or not path.is_file() or path.stat().st_size > _LARGEST_CSV:
            return None
        return path.read_bytes()

    def told(self) -> int:
        """Says what became of all, and returns the exit status."""
        outcome = self._outcome
        counts = {name: count for name, count in outcome.counts.items() if count}
        if outcome.failed:
            counts["not sent"] = sum(map(len, outcome.failed.values()))
        said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        self._say(f"digests as of {self._as_of:%Y-%m-%d %H:%M}: {said or 'none'}")
        if outcome.without_address and self._settings.config.digest.smtp is None:
            self._warn(
                "in no team with a webhook, and no mail server is configured (digest.smtp): "
                f"{_listed(outcome.without_address)}"
            )
        elif outcome.without_address:
            self._warn(
                f"no e-mail address is known of {_listed(outcome.without_address)}; where the CRM has none, or it is "
                "dropped or hashed, write it under digest.addresses"
            )
        if outcome.inactive:
            self._warn(f"no longer active, and not written to: {_listed(outcome.inactive)}; give their records away")
        for team in sorted(self._post_office.unused_teams if not self._asked.owner else ()):
            self._warn(f"digest.webhooks: no owner with a record is in a team '{team}'")
        for why, names in outcome.failed.items():
            self._warn(f"not sent to {_listed(names)}: {why}")
        return 3 if outcome.failed else 0


def _is(wanted: str, key: str, name: str) -> bool:
    return wanted == key or normalized(wanted) == normalized(name)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")
