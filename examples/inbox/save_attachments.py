"""Exports that come by e-mail: saves the attachments of a mailbox into a source's folder of the landing zone.

    INBOX_HOST=imap.example INBOX_USER=crm@example INBOX_PASSWORD=... python save_attachments.py landing/crm

Nothing but Python's own library. Each mail becomes a folder named after the moment at which the server received it,
which Dealtrail takes for the extract time; what has been saved is not saved again. The mailbox is only read.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import imaplib
import os
import re
import shutil
import ssl
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".gz", ".zst", ".zip")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Of the server's answers, in seconds.
TIMEOUT = 60
#: A file's name in bytes; most file systems take 255.
LONGEST_NAME = 200


class InboxError(Exception):
    """Why nothing could be read, in a sentence without the password."""


def save(mailbox: imaplib.IMAP4, target: Path, sender: str | None, days: int) -> Iterator[Path]:
    """Saves what is new among the mails of the last days, mail by mail; gives the folders that came.

    A folder appears whole: it is filled under a hidden name, which nobody reads.
    """
    since = datetime.now(UTC) - timedelta(days=days)
    wanted = ["SINCE", f"{since.day:02}-{MONTHS[since.month - 1]}-{since.year}"]
    wanted += ["FROM", f'"{sender}"'] if sender else []
    (uids,) = _answer(mailbox.uid("SEARCH", *wanted))
    for uid in (uids or b"").split():
        folder = target / _folder_name(mailbox, uid.decode())
        if folder.exists():
            continue
        # PEEK leaves the mail unread
        attachments = dict(_attachments(_mail(mailbox, uid.decode())))
        if not attachments:
            continue
        unfinished = target / f".{folder.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in attachments.items():
            (unfinished / name).write_bytes(content)
        unfinished.rename(folder)
        yield folder


def _folder_name(mailbox: imaplib.IMAP4, uid: str) -> str:
    """When the server received a mail, in UTC, and its number there: 20260131T020005Z-17."""
    (said,) = _answer(mailbox.uid("FETCH", uid, "(INTERNALDATE)"))
    received = imaplib.Internaldate2tuple(said)
    if received is None:
        raise InboxError(f"the server does not say when it received mail {uid}")
    moment = datetime.fromtimestamp(time.mktime(received), UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{uid}"


def _mail(mailbox: imaplib.IMAP4, uid: str) -> EmailMessage:
    answer = _answer(mailbox.uid("FETCH", uid, "(BODY.PEEK[])"))
    content = next((part[1] for part in answer if isinstance(part, tuple)), b"")
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def _attachments(mail: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files that Dealtrail can read, those of forwarded mails too."""
    names: set[str] = set()
    for part in mail.walk():
        name = _file_name(part.get_filename() or "")
        content = part.get_payload(decode=True)
        if not name.lower().endswith(ENDINGS) or not isinstance(content, bytes):
            continue
        while name in names:
            name = f"again-{name}"
        names.add(name)
        yield name, content


def _file_name(said: str) -> str:
    """A sender's name for a file as one that lies in the folder, wherever its slashes and dots would lead."""
    name = re.sub(r"[\x00-\x1f\x7f]", "", said).replace("\\", "/").rpartition("/")[2].strip().lstrip(".")
    stem, dot, ending = name.rpartition(".")
    return stem.encode()[:LONGEST_NAME].decode(errors="ignore") + dot + ending[:20]


def _answer(said: tuple[str, list[bytes | tuple[bytes, bytes]]]) -> list:
    status, answer = said
    if status != "OK":
        raise InboxError(f"the server refuses: {answer}")
    return answer


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", type=Path, help="the source's folder, such as landing/crm")
    parser.add_argument("--sender", help="only mails whose sender has this in its address")
    parser.add_argument("--days", type=int, default=30, help="how far back to look (30)")
    parser.add_argument("--folder", default="INBOX", help="of the mailbox (INBOX)")
    given = parser.parse_args()
    if given.sender and not re.fullmatch(r"[^\"\\\r\n]+", given.sender):
        parser.error("--sender: no quotes, backslashes or line breaks")
    missing = [name for name in ("INBOX_HOST", "INBOX_USER", "INBOX_PASSWORD") if not os.environ.get(name)]
    if missing:
        sys.exit(f"not set: {', '.join(missing)}")
    host, port = os.environ["INBOX_HOST"], int(os.environ.get("INBOX_PORT") or imaplib.IMAP4_SSL_PORT)
    try:
        # imaplib checks no certificate unless it is told to; one of your own is named by SSL_CERT_FILE
        with imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=TIMEOUT) as mailbox:
            mailbox.login(os.environ["INBOX_USER"], os.environ["INBOX_PASSWORD"])
            _answer(mailbox.select(f'"{given.folder}"', readonly=True))
            for folder in save(mailbox, given.target, given.sender, given.days):
                print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    except (imaplib.IMAP4.error, OSError, InboxError) as error:
        said = str(error).replace(os.environ["INBOX_PASSWORD"], "<INBOX_PASSWORD>")
        sys.exit(f"{host}: {said}")


if __name__ == "__main__":
    main()
