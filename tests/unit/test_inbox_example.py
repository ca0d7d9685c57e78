"""`examples/inbox`: attachments of a mailbox into landing, once, whole, and without touching a mail."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from dagster_project.config.feeds import Source
from dagster_project.read.landing import look
from tests.conftest import PROJECT
from tests.unit.mailbox import certificate

SCRIPT = PROJECT / "examples" / "inbox" / "save_attachments.py"
USER, PASSWORD = "crm-exports", "geheim-im-postfach"


@dataclass(frozen=True)
class Mail:
    """A mail in the box, and when it came."""

    uid: int
    received: datetime
    content: bytes
    sender: str = "reports@crm.example"


def mail(uid: int, day: int, sender: str = "reports@crm.example", **attachments: bytes) -> Mail:
    """With attachments by name; `__` stands for the dot, `_up_` for a way out of the folder."""
    message = EmailMessage()
    message["From"], message["Subject"] = sender, "Your report"
    message.set_content("Good morning")
    for name, content in attachments.items():
        shown = name.replace("_up_", "../../").replace("__", ".")
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=shown)
    return Mail(uid, datetime(2026, 1, day, 2, 0, 5, tzinfo=UTC), message.as_bytes(), sender)


class MailServer(ThreadingTCPServer):
    """As much of IMAP4rev1 as reading takes; keeps what clients said."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.certificate = certificate(folder)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate)
        self.mails: list[Mail] = []
        self.said: list[str] = []


class _Talk(StreamRequestHandler):
    server: MailServer

    def setup(self) -> None:
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        self._say(b"* OK here")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            tag, _, asked = line.partition(" ")
            self.server.said.append(asked.partition(" ")[0] if asked.startswith("LOGIN") else asked)
            verb = asked.upper()
            if verb.startswith("LOGIN") and PASSWORD not in asked:
                self._say(f"{tag} NO wrong: {asked}".encode())
                continue
            if verb == "CAPABILITY":
                self._say(b"* CAPABILITY IMAP4rev1")
            elif verb.startswith("EXAMINE"):
                self._say(f"* {len(self.server.mails)} EXISTS".encode())
            elif verb.startswith("UID SEARCH"):
                found = [one for one in self.server.mails if "FROM" not in verb or one.sender in asked]
                self._say(f"* SEARCH {' '.join(str(one.uid) for one in found)}".encode())
            elif verb.startswith("UID FETCH"):
                one = next(one for one in self.server.mails if str(one.uid) == asked.split()[2])
                if "INTERNALDATE" in verb:
                    self._say(
                        f'* 1 FETCH (INTERNALDATE "{one.received:%d-%b-%Y %H:%M:%S +0000}" UID {one.uid})'.encode()
                    )
                else:
                    head = f"* 1 FETCH (UID {one.uid} BODY[] {{{len(one.content)}}}".encode()
                    self._say(head + b"\r\n" + one.content + b")")
            elif verb == "LOGOUT":
                self._say(b"* BYE")
            self._say(f"{tag} OK done".encode())
            if verb == "LOGOUT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as one:
        Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def saved(server: MailServer, target: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {
        "INBOX_HOST": "127.0.0.1",
        "INBOX_PORT": str(server.server_address[1]),
        "INBOX_USER": USER,
        "INBOX_PASSWORD": PASSWORD,
        "SSL_CERT_FILE": str(server.certificate),
    }
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(target), *arguments],
        env={**os.environ, **told, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def names(target: Path) -> list[str]:
    return sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())


def test_attachments_land_once_and_the_mailbox_stays_as_it_was(server: MailServer, tmp_path: Path) -> None:
    target = tmp_path / "landing" / "crm"
    server.mails = [
        mail(7, 30, deals__csv=b"id,stage\n1,New\n", users__xlsx=b"PK", logo__png=b"not data"),
        mail(9, 31, deals__csv=b"id,stage\n1,Demo\n"),
        mail(11, 31, sender="somebody@else.example", deals__csv=b"id,stage\n1,Won\n"),
        mail(12, 31, logo__png=b"not data"),
    ]
    first = saved(server, target, "--sender", "reports@crm.example", "--days", "100")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        f"{target}/20260130T020005Z-7: deals.csv, users.xlsx",
        f"{target}/20260131T020005Z-9: deals.csv",
    ]
    written = ["20260130T020005Z-7/deals.csv", "20260130T020005Z-7/users.xlsx", "20260131T020005Z-9/deals.csv"]
    assert names(target) == written
    again = saved(server, target, "--sender", "reports@crm.example")
    assert (again.returncode, again.stdout, names(target)) == (0, "", written)
    assert {asked.split()[0] for asked in server.said} == {"CAPABILITY", "LOGIN", "EXAMINE", "UID", "LOGOUT"}
    assert all("PEEK" in asked for asked in server.said if "BODY" in asked), "no mail is marked as read"

    source = Source.model_validate(
        {"name": "crm", "feeds": {"deals": {"entity": "deals", "files": ["deals.csv"], "columns": {"deal_id": "id"}}}}
    )
    landed = look(source, target.parent).files
    moments = [datetime(2026, 1, day, 2, 0, 5, tzinfo=UTC) for day in (30, 31)]
    assert [(file.extracted_at, file.extract_time_from) for file in landed] == [(one, "folder") for one in moments]


def test_a_mail_that_was_cut_off_is_saved_whole_and_no_name_leads_out(server: MailServer, tmp_path: Path) -> None:
    target = tmp_path / "landing" / "crm"
    server.mails = [mail(7, 30, _up_evil__csv=b"a", hidden__csv=b"b")]
    (target / ".20260130T020005Z-7").mkdir(parents=True)
    (target / ".20260130T020005Z-7" / "half.csv").write_text("of a run that was killed")
    assert saved(server, target).returncode == 0
    assert names(target) == ["20260130T020005Z-7/evil.csv", "20260130T020005Z-7/hidden.csv"]
    assert not list(tmp_path.glob("*.csv"))


def test_what_is_wrong_is_said_in_a_sentence_without_the_password(server: MailServer, tmp_path: Path) -> None:
    missing = saved(server, tmp_path / "crm", INBOX_PASSWORD="")
    assert (missing.returncode, missing.stderr.strip()) == (1, "not set: INBOX_PASSWORD")
    wrong = saved(server, tmp_path / "crm", INBOX_PASSWORD="another-secret-of-ours")
    assert wrong.returncode == 1 and wrong.stderr.startswith("127.0.0.1: ")
    assert "another-secret-of-ours" not in wrong.stderr + wrong.stdout
    unknown = saved(server, tmp_path / "crm", SSL_CERT_FILE=os.devnull)
    assert unknown.returncode == 1 and "CERTIFICATE_VERIFY_FAILED" in unknown.stderr
    assert PASSWORD not in unknown.stderr and not (tmp_path / "crm").exists()
