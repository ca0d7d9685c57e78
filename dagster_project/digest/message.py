"""What an owner is sent: a mail with their page and CSV, or a message in the chat of their team.

Names come from a CRM, where anybody may have written them: a mail's headers take none of their line breaks, and a chat
none of their markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any

from dagster_project.config.digest import Smtp
from dagster_project.errors import printable
from dagster_project.publish.owners.lists import OwnerList, Record
from dagster_project.wording import counted

#: Records of each part in a mail, and in a chat.
IN_MAIL, IN_CHAT = 20, 5
_LONGEST_NAME = 80
#: What chats take for mentions, links and emphasis; a word joiner is not seen and takes their meaning.
_MARKUP = re.compile(r"([@#*_~`|\\]|\](?=\())")
_WORD_JOINER = "\u2060"


@dataclass(frozen=True)
class Digest:
    """An owner's list as of a moment, and where its page is served, if it is."""

    lists: OwnerList
    as_of: datetime
    currency: str
    new_since: date | None = None
    page_url: str | None = None

    @property
    def subject(self) -> str:
        """How much there is, in a few words."""
        lists = self.lists
        if lists.mend_count:
            new = f"{lists.new_count:,} new of " if self.new_since is not None and lists.new_count else ""
            return f"CRM: {new}{lists.mend_count:,} to mend"
        if lists.noted_count:
            return f"CRM: {counted(lists.noted_count, 'deal')} to look at"
        return "CRM: nothing left to mend"

    def lines(self, shown: int) -> Iterator[str]:
        """The list as text, its first records of each part."""
        lists = self.lists
        yield f"{one_line(lists.owner.name)}, as of {self.as_of:%Y-%m-%d %H:%M} ({self.as_of.tzname()})"
        yield ""
        if lists.mend_count:
            new = f", {lists.new_count:,} of them new since {self.new_since}" if self.new_since is not None else ""
            yield f"To mend, worst first: {lists.mend_count:,}{new}"
            yield from self._listed(lists.to_mend, lists.mend_count, shown)
        else:
            yield "Nothing to mend."
        noted = [record for record in lists.open_deals if record.reasons]
        if noted:
            yield ""
            yield f"Open deals to look at: {lists.noted_count:,}"
            yield from self._listed(noted, lists.noted_count, shown)
        if lists.open_count:
            yield ""
            yield f"{counted(lists.open_count, 'open deal')}, amount {self._money(lists.open_amount)}; " + (
                f"likely won this quarter {self._money(lists.expected_amount)}"
            )

    def _listed(self, records: list[Record], count: int, shown: int) -> Iterator[str]:
        for record in records[:shown]:
            name = one_line(record.record_name or record.record_id)
            said = [f"{record.kind} {name}", one_line(record.stage or "")]
            if record.is_deal:
                said.append("amount not known" if record.amount is None else self._money(record.amount))
            if record.p_won_this_quarter is not None:
                said.append(f"won this quarter {record.p_won_this_quarter:.0%}")
            critical = "critical: " if record.severity == "critical" else ""
            yield f"- {', '.join(filter(None, said))}: {critical}{one_line(record.reasons or '')}"
            if record.url:
                yield f"  {record.url}"
        left = count - len(records[:shown])
        if left > 0:
            yield f"- and {left:,} more"

    def _money(self, amount: Any) -> str:
        return "not known" if amount is None else f"{self.currency} {amount:,.0f}"


def mail(digest: Digest, smtp: Smtp, to: str, page: str, csv: bytes | None) -> EmailMessage:
    """The digest as a mail: text, the page as HTML, and the CSV, if it is not too large to be sent."""
    name, address = smtp.sender_parts
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(name, address)
    message["To"] = _address(digest.lists.owner.name, to)
    message["Subject"] = digest.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2])
    # no holiday notice answers it
    message["Auto-Submitted"] = "auto-generated"
    where = []
    if digest.page_url:
        where.append(f"All of it: {digest.page_url}")
    if csv is not None:
        where.append("All of it as CSV is attached.")
    message.set_content("\n".join([*digest.lines(IN_MAIL), "", *where]) + "\n")
    message.add_alternative(page, subtype="html")
    if csv is not None:
        name = f"{digest.lists.owner.file}.csv"
        message.add_attachment(csv, maintype="text", subtype="csv", filename=name, params={"charset": "utf-8"})
    return message


def chat(digest: Digest) -> dict[str, Any]:
    """The digest as a webhook takes it: `text`, and the facts beside it."""
    lists = digest.lists
    # a line of its own is an address, in which a joiner would be a part of it
    text = [line if line.startswith("  http") else harmless(line) for line in digest.lines(IN_CHAT)]
    if digest.page_url:
        text.append(digest.page_url)
    return {
        "text": "\n".join([digest.subject, *text]),
        "owner_key": lists.owner.key,
        "owner_name": lists.owner.name,
        "team": lists.owner.team,
        "as_of": digest.as_of.isoformat(),
        "to_mend": lists.mend_count,
        "critical": lists.critical_count,
        "new": lists.new_count if digest.new_since is not None else None,
        "deals_to_look_at": lists.noted_count,
        "open_deals": lists.open_count,
    }


def one_line(text: str) -> str:
    """A text of the CRM on one line, without what a terminal obeys."""
    return printable(" ".join(text.split()))


def harmless(line: str) -> str:
    """A line of which a chat takes nothing for markup: Slack wants three characters escaped, others decode that."""
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(rf"\1{_WORD_JOINER}", escaped)


def _address(name: str, address: str) -> Address:
    """Only words before it: a name in quotes loses them where a long header is broken (CPython issue 80222),
    and an address in it would be one."""
    username, _, domain = address.rpartition("@")
    words = " ".join(re.sub(r"[^\w '-]+", " ", name).split())
    return Address(words[:_LONGEST_NAME].strip(), username, domain)
