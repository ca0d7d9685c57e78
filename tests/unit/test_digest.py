"""Digests: who is sent what, once; what is not sent is said and sent next time; no secret and no markup goes out."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dagster_project.config.digest import mail_address
from dagster_project.config.load import load_settings
from dagster_project.digest.command import Asked, send_digests
from dagster_project.digest.message import harmless
from dagster_project.digest.smtp import PASSWORD, USER
from dagster_project.errors import ConfigurationError, DealtrailError
from tests.conftest import DEALTRAIL, PROJECT, environment
from tests.faults.webhook import listening
from tests.unit.mailbox import Habits, MailServer, certificate, mailbox
from tests.unit.owned import CONFIG, Published

ADA, BO, CY = "ada@ours.example", "bo@ours.example", "cy@ours.example"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (USER, PASSWORD, "DEALTRAIL_PAGES_URL", "DEALTRAIL_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)


class Office:
    """A publication with three owners, and a digest command that sends them theirs."""

    def __init__(self, folder: Path) -> None:
        self.published = Published(folder)
        for number, (name, address) in enumerate([("Ada", ADA), ("Bo", BO), ("Cy", CY)], start=1):
            self.published.owner(f"crm:{number}", name, address)
            self.published.deal(f"crm:d{number}", f"crm:{number}", f"Deal {number}", reason_ids="stale_deal")
            self.published.broken(f"crm:d{number}", f"crm:{number}", record_name=f"Deal {number}")

    def says(self, *lines: str, **asked: Any) -> tuple[int, str]:
        """Exit status and all that is said."""
        said: list[str] = []
        status = send_digests(self.published.settings(lines), Asked(**asked), said.append, said.append)
        return status, "\n".join(said)

    def send(self, server: MailServer, *more: str, **asked: Any) -> tuple[int, str]:
        return self.says(by(server), *more, **asked)

    @property
    def sent(self) -> dict[str, Any]:
        path = self.published.warehouse / "digest" / "sent.json"
        return json.loads(path.read_text())["owners"] if path.exists() else {}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    it = Office(tmp_path)
    it.published.publish()
    return it


def by(server: MailServer, security: str = "none", timeout: float = 5) -> str:
    """The line of the configuration that names a server."""
    return (
        f"  smtp: {{host: 127.0.0.1, port: {server.port}, security: {security}, timeout_seconds: {timeout}, "
        'sender: "Dealtrail <crm@ours.example>"}'
    )


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_each_owner_is_sent_theirs_with_page_and_csv(office: Office) -> None:
    with mailbox() as server:
        status, said = office.send(server)
    assert (status, said) == (0, "digests as of 2026-03-02 03:00: 3 sent")
    assert server.addresses == [ADA, BO, CY] and server.connections == 1
    mail = server.mails[0][1]
    assert (mail["From"], mail["To"]) == ("Dealtrail <crm@ours.example>", "Ada <ada@ours.example>")
    assert mail["Subject"] == "CRM: 1 to mend" and mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@ours.example>"), "not the name of this machine"
    assert "ehlo ours.example" in server.said
    assert "- deal Deal 1, Demo, EUR 100: is stale" in body(mail)
    assert "Deal 1" in body(mail, "html") and "Deal 2" not in body(mail, "html")
    (attached,) = mail.iter_attachments()
    published = office.published.warehouse / "current" / "report" / "owners" / "Ada.csv"
    assert attached.get_filename() == "Ada.csv"
    assert attached.get_content().lstrip("\ufeff").split() == published.read_text(encoding="utf-8-sig").split()


def test_nobody_is_told_twice(office: Office) -> None:
    with mailbox() as server:
        office.send(server)
        office.published.as_of = "2026-03-03T02:00:00"
        for row in office.published.rows["marts.mart_deal_outlook"]:  # a night moves days, odds and the rate of the day
            row |= {"days_in_stage": 13.0, "p_won": 0.2, "amount_reporting": 101, "reasons": "is stale for 13 days"}
        office.published.publish()
        assert office.send(server) == (0, "digests as of 2026-03-03 03:00: 3 unchanged")
        assert len(server.mails) == 3
        office.published.broken("crm:new", "crm:2", "is dead", entity="leads", first_seen_on="2026-03-03")
        office.published.publish()
        assert office.send(server) == (0, "digests as of 2026-03-03 03:00: 2 unchanged, 1 sent")
        assert office.send(server) == (0, "digests as of 2026-03-03 03:00: 3 unchanged")
    assert server.addresses == [ADA, BO, CY, BO]
    assert server.mails[-1][1]["Subject"] == "CRM: 1 new of 2 to mend"
    assert "1 new since 2 Mar 2026" in body(server.mails[-1][1], "html")


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "Closing"},
        {"expected_close_on": "2026-04-01"},
        {"reason_ids": "stale_deal, pushed"},
    ],
)
def test_what_is_a_change(office: Office, change: dict[str, Any]) -> None:
    with mailbox() as server:
        office.send(server)
        office.published.rows["marts.mart_deal_outlook"][1] |= change
        office.published.publish()
        office.send(server)
    assert server.addresses == [ADA, BO, CY, BO]


def test_who_has_mended_everything_is_told_so_once(office: Office) -> None:
    with mailbox() as server:
        office.send(server)
        office.published.clear("quality.worklists", "marts.mart_deal_outlook")
        office.published.deal("crm:d2", "crm:2", "Deal 2")
        office.published.publish()
        assert office.send(server)[1].endswith(": 3 sent")
        assert office.send(server)[1].endswith(": 1 unchanged")
    assert [mail["Subject"] for _, mail in server.mails[3:]] == ["CRM: nothing left to mend"] * 3
    assert not list(server.mails[-1][1].iter_attachments())


def test_who_never_had_anything_to_mend_is_not_written_to(office: Office) -> None:
    office.published.owner("crm:4", "Di", "di@ours.example")
    office.published.deal("crm:d4", "crm:4", "Fine")
    office.published.publish()
    with mailbox() as server:
        assert office.send(server) == (0, "digests as of 2026-03-02 03:00: 3 sent, 1 nothing to say")
    assert "di@ours.example" not in server.addresses


def test_owners_without_an_address_are_said(office: Office) -> None:
    office.published.owner("crm:4", "Di", None)
    office.published.owner("crm:5", "Ed", "5f4dcc3b5aa765d61d8327deb882cf99")  # hashed
    office.published.owner("crm:6", "Fay", "fay@ours.example", is_active=False)
    for number in (4, 5, 6):
        office.published.broken(f"crm:x{number}", f"crm:{number}")
    office.published.broken("crm:y", None)
    office.published.publish()
    addresses = (
        '  addresses: [{source: crm, owner: di, email: di@new.example}, {source: crm, owner: "1", email: a@b.example}]'
    )
    with mailbox() as server:
        status, said = office.send(server)
        assert status == 0
        assert "no e-mail address is known of Di (crm), Ed (crm); " in said
        assert "no longer active, and not written to: Fay (crm)" in said
        assert "1 record of nobody: report/owners/nobody.html" in said
        assert server.addresses == [ADA, BO, CY]
        office.send(server, addresses, all_=True)
    assert server.addresses[3:] == ["a@b.example", BO, CY, "di@new.example"], (
        "by id, or by name; it goes before the CRM's"
    )


def test_a_refused_recipient_is_said_and_is_next(office: Office) -> None:
    habits = Habits(answers={BO: "550 5.1.1 no such user\x1b[2J here"})
    with mailbox(habits) as server:
        status, said = office.send(server)
        assert status == 3
        assert "2 sent, 1 not sent" in said and "not sent to Bo (crm): 550 5.1.1 no such user\\u001b[2J here" in said
        assert server.addresses == [ADA, CY] and set(office.sent) == {"crm:1", "crm:3"}
        habits.answers.clear()
        assert office.send(server)[0] == 0
    assert server.addresses == [ADA, CY, BO]


def test_a_server_that_closes_after_some_mails_is_asked_anew(office: Office) -> None:
    with mailbox(Habits(mails_per_connection=1)) as server:
        assert office.send(server)[0] == 0
    assert server.addresses == [ADA, BO, CY] and server.connections == 3


def test_a_server_that_hangs_up_costs_one_mail(office: Office) -> None:
    with mailbox(Habits(hangs_up={BO})) as server:
        status, said = office.send(server)
    assert (status, server.addresses) == (3, [ADA, CY])
    assert "not sent to Bo (crm): the connection was lost" in said


def test_a_server_that_loses_every_connection_is_given_up(office: Office) -> None:
    for number in range(4, 8):
        office.published.owner(f"crm:{number}", f"O{number}", f"o{number}@ours.example")
        office.published.broken(f"crm:x{number}", f"crm:{number}")
    office.published.publish()
    with mailbox(Habits(hangs_up={ADA, BO, CY})) as server:
        status, said = office.send(server)
    assert (status, server.connections) == (3, 3)
    assert "not sent to O4 (crm), O5 (crm), O6 (crm), O7 (crm): the mail server lost 3 connections" in said


def test_a_slow_server_is_not_waited_for(office: Office) -> None:
    began = time.monotonic()
    with mailbox(Habits(slow={ADA: 3})) as server:
        status, said = office.says(by(server, timeout=0.4))
        assert time.monotonic() - began < 3
    assert status == 3 and "not sent to Ada (crm): the connection was lost (it does not answer in time)" in said
    assert set(office.sent) == {"crm:2", "crm:3"}


def test_a_sender_that_is_refused_ends_it(office: Office) -> None:
    with mailbox(Habits(answers={"MAIL": "553 not you"})) as server:
        status, said = office.send(server)
    assert (status, server.connections) == (3, 1)
    assert f"not sent to Ada (crm), Bo (crm), Cy (crm): the mail server 127.0.0.1, port {server.port}: " in said
    assert "it does not take mails from this sender: 553 not you" in said


def test_a_server_that_is_not_there(office: Office) -> None:
    with mailbox() as server:
        line = by(server)
    status, said = office.says(line)
    assert status == 3 and "not sent to Ada (crm), Bo (crm), Cy (crm): the mail server 127.0.0.1" in said
    assert "no connection: Connection refused" in said and office.sent == {}


def test_mails_go_encrypted_and_the_password_is_never_said(office: Office, tmp_path: Path, monkeypatch: Any) -> None:
    pem = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    monkeypatch.setenv(USER, "robot")
    monkeypatch.setenv(PASSWORD, "pa:ss")
    with mailbox(Habits(login=("robot", "pa:ss"), tls=tls)) as server:
        status, said = office.says(by(server, "starttls"))
        assert status == 3 and "CERTIFICATE_VERIFY_FAILED" in said, "who cannot show who they are is told nothing"
        assert not any("AUTH" in line for line in server.said)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert office.says(by(server, "starttls")) == (0, "digests as of 2026-03-02 03:00: 3 sent")
        monkeypatch.setenv(PASSWORD, "wr:ong")
        status, said = office.says(by(server, "starttls"), all_=True)
    assert status == 3 and f"it refuses {USER} and {PASSWORD} (535)" in said
    assert "wr:ong" not in said and "robot" not in said
    assert b"pa:ss" not in b"".join(path.read_bytes() for path in (office.published.warehouse / "digest").iterdir())


def test_a_server_without_encryption_is_told_nothing(office: Office) -> None:
    with mailbox() as server:
        status, said = office.says(by(server, "starttls"))
    assert status == 3 and "STARTTLS extension not supported by server" in said and not server.mails


HOSTILE = 'Eve\r\nBcc: all@ours.example\r\n\r\n<b>x</b> \u202e\x1b[2J, "quoted" <eve@evil.example>' + "y" * 2000


def test_names_are_no_headers_and_no_markup(office: Office) -> None:
    office.published.owner("crm:4", HOSTILE, "eve@ours.example")
    office.published.deal("crm:h", "crm:4", HOSTILE, reasons=HOSTILE, reason_ids="pushed", stage=HOSTILE)
    office.published.owner("crm:5", "Mallory", "m@ours.example\r\nBcc: all@ours.example")
    office.published.broken("crm:x", "crm:5")
    office.published.publish()
    with mailbox() as server:
        status, said = office.send(server)
    assert status == 0 and "no e-mail address is known of Mallory (crm)" in said and "\x1b" not in said
    assert server.addresses == [ADA, BO, CY, "eve@ours.example"]
    assert not any("all@ours" in line for line in server.said if line.startswith("rcpt"))
    mail = server.mails[-1][1]
    assert mail.keys().count("To") == 1 and mail["Bcc"] is None
    assert [one.addr_spec for one in mail["To"].addresses] == ["eve@ours.example"]
    assert "\x1b" not in body(mail) and "<b>x</b>" not in body(mail, "html")


def test_a_team_is_told_in_its_chat(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in office.published.rows["marts.dim_owners"][:2]:
        row["team"] = "North"
    office.published.rows["marts.fct_deals"][0]["deal_name"] = "<!channel> @here [x](http://evil) *b* `c`"
    office.published.rows["quality.worklists"][0]["record_name"] = "<!channel> @here [x](http://evil) *b* `c`"
    office.published.publish()
    hooks = "  webhooks: [{team: North, url_variable: NORTH}, {team: South, url_variable: SOUTH}]"
    with mailbox() as server, listening() as chat:
        monkeypatch.setenv("NORTH", f"http://127.0.0.1:{chat.server_port}/secret")
        with pytest.raises(ConfigurationError, match=r"SOUTH, the webhook of team South .* is not set"):
            office.send(server, hooks)
        monkeypatch.setenv("SOUTH", "secret")
        with pytest.raises(ConfigurationError, match=r"SOUTH, .* is no address of a webhook") as error:
            office.send(server, hooks)
        assert "secret" not in str(error.value)
        monkeypatch.setenv("SOUTH", "http://127.0.0.1:1/secret")
        status, said = office.send(server, hooks)
    assert status == 0 and "no owner with a record is in a team 'South'" in said
    assert server.addresses == [CY]
    assert [message["owner_name"] for message in chat.messages] == ["Ada", "Bo"]
    first = chat.messages[0]
    assert (first["to_mend"], first["new"], first["team"]) == (1, None, "North")
    assert "&lt;!channel&gt; @\u2060here [x]\u2060(http://evil)" in first["text"] and "is stale" in first["text"]


def test_a_chat_that_refuses_is_not_asked_for_the_next_owner(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in office.published.rows["marts.dim_owners"][:2]:
        row["team"] = "North"
    office.published.publish()
    monkeypatch.setenv("NORTH", "http://127.0.0.1:1/secret")
    with mailbox() as server:
        status, said = office.send(server, "  webhooks: [{team: North, url_variable: NORTH}]")
    assert status == 3 and server.addresses == [CY]
    assert "not sent to Ada (crm), Bo (crm): the webhook of NORTH could not be told: ConnectionError" in said
    assert "secret" not in said


@contextmanager
def chat_that(*answers: float) -> Iterator[tuple[str, list[str]]]:
    """A chat that gives these answers one after the other, the last again and again: a status, or below 100 seconds of
    silence; its address, and whom it was told of."""
    told: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["owner_name"])
            answer = answers[min(len(told), len(answers)) - 1]
            time.sleep(answer if answer < 100 else 0)
            self.send_response(int(answer) if answer >= 100 else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret", told
        server.shutdown()


@pytest.mark.parametrize(
    ("answers", "told", "why"),
    [
        ((200, 404), ["Ada", "Bo"], "HTTPError"),
        ((200, 503), ["Ada", "Bo", "Bo", "Bo"], "RetryError"),
        ((200, 2), ["Ada", "Bo"], "ReadTimeout"),  # it may have been taken: not once more
    ],
)
def test_a_chat_that_takes_half(
    office: Office, monkeypatch: pytest.MonkeyPatch, answers: tuple[float, ...], told: list[str], why: str
) -> None:
    monkeypatch.setattr("dagster_project.run.webhook._TIMEOUT_SECONDS", 0.5)
    for row in office.published.rows["marts.dim_owners"]:
        row["team"] = "North"
    office.published.publish()
    hook = "  webhooks: [{team: North, url_variable: NORTH}]"
    with chat_that(*answers) as (url, heard):
        monkeypatch.setenv("NORTH", url)
        status, said = office.says(hook)
    assert (status, heard, set(office.sent)) == (3, told, {"crm:1"})
    assert f"not sent to Bo (crm), Cy (crm): the webhook of NORTH could not be told: {why}" in said
    with chat_that(200) as (url, heard):
        monkeypatch.setenv("NORTH", url)
        assert office.says(hook)[0] == 0
    assert heard == ["Bo", "Cy"]


def test_chats_alone_need_no_mail_server(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.published.rows["marts.dim_owners"][0]["team"] = "North"
    office.published.publish()
    with listening() as chat:
        monkeypatch.setenv("NORTH", f"http://127.0.0.1:{chat.server_port}/x")
        status, said = office.says("  webhooks: [{team: North, url_variable: NORTH}]")
    assert status == 0 and len(chat.messages) == 1
    assert "in no team with a webhook, and no mail server is configured (digest.smtp): Bo (crm), Cy (crm)" in said


def test_a_look_sends_nothing_and_remembers_nothing(office: Office) -> None:
    with mailbox() as server:
        status, said = office.send(server, dry_run=True)
        assert status == 0 and f"Bo (crm): to {BO}: CRM: 1 to mend" in said and said.endswith(": 3 would be sent")
        status, said = office.send(server, dry_run=True, owner="bo")
        assert "- deal Deal 2, Demo, EUR 100: is stale" in said and "Ada" not in said
    assert not server.connections and office.sent == {}


def test_a_trial_goes_to_one_address_and_is_not_remembered(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.published.rows["marts.dim_owners"][0] |= {"team": "North", "email": None}
    office.published.publish()
    monkeypatch.setenv("NORTH", "http://127.0.0.1:1/x")
    with mailbox() as server:
        status, _ = office.send(server, "  webhooks: [{team: North, url_variable: NORTH}]", to="me@ours.example")
        assert (status, server.addresses, office.sent) == (0, ["me@ours.example"] * 3, {})
        with pytest.raises(ConfigurationError, match="--to: 'me' is no e-mail address"):
            office.send(server, to="me")


def test_one_owner_alone(office: Office) -> None:
    office.published.owner("crm:4", "Idle", "idle@ours.example")
    office.published.publish()
    with mailbox() as server:
        assert office.send(server, owner="BÓ")[0] == 0
        assert office.send(server, owner="crm:3")[0] == 0
        assert "Idle has nothing to mend and no open deal" in office.send(server, owner="Idle")[1]
        with pytest.raises(ConfigurationError, match="--owner: there is no owner 'Adda'; did you mean Ada"):
            office.send(server, owner="Adda")
    assert server.addresses == [BO, CY]


def test_what_is_published_leads_to_its_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEALTRAIL_PAGES_URL", "https://pages.example/crm/")
    with mailbox() as server:
        office.send(server)
    mail = server.mails[0][1]
    assert "https://pages.example/crm/report/owners/Ada.html" in body(mail)
    assert 'href="https://pages.example/crm/report/owners/Ada.csv"' in body(mail, "html")


def test_an_older_publication_is_no_news(office: Office) -> None:
    with mailbox() as server:
        office.send(server)
        office.published.as_of = "2026-02-01T02:00:00"
        office.published.broken("crm:new", "crm:2")
        office.published.publish()
        assert office.send(server)[1].endswith(": 2 unchanged, 1 older than what was sent last")


def test_what_nobody_can_go_on_without(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"digest\.smtp is not configured"):
        office.says("  addresses: []")
    smtp = "  smtp: {host: mail.example, security: none, sender: crm@ours.example}"
    monkeypatch.setenv(USER, "robot")
    with pytest.raises(ConfigurationError, match=f"{PASSWORD} is not set, but {USER} is"):
        office.says(smtp)
    monkeypatch.setenv(PASSWORD, "secret")
    with pytest.raises(ConfigurationError, match=r"the password would go to mail\.example unencrypted") as error:
        office.says(smtp)
    assert "secret" not in str(error.value)
    monkeypatch.delenv(USER)
    monkeypatch.delenv(PASSWORD)
    (office.published.warehouse / "digest").mkdir()
    (office.published.warehouse / "digest" / "sent.json").write_text('{"owners": {"crm:1": {"fingerprint": 1')
    with pytest.raises(DealtrailError, match=r"sent\.json: cannot be read"):
        office.says(smtp)
    (office.published.warehouse / "current").unlink()
    with pytest.raises(DealtrailError, match="nothing is published"):
        office.says(smtp)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("smtp: {host: 'smtp://u:secret@x', sender: a@b.example}", "digest.smtp.host: is no name of a server"),
        ("smtp: {host: x, sender: nobody}", "digest.smtp.sender: 'nobody' is no e-mail address"),
        ("smtp: {host: x, sender: a@b.example, password: u:secret}", "digest.smtp.password: unknown key 'password'"),
        (
            "smtp: {host: x, sender: a@b.example, security: ssl}",
            "digest.smtp.security: Input should be 'starttls', 'tls'",
        ),
        ("webhooks: [{team: A, url_variable: 'https://x/secret'}]", "digest.webhooks.0.url_variable: is no name of a"),
        ("webhooks: [{team: A, url_variable: X}, {team: A, url_variable: Y}]", "webhooks.1: team 'A' has a webhook"),
        ("addresses: [{source: crm, owner: A, email: a b}]", "digest.addresses.0.email: 'a b' is no e-mail address"),
        ("addresses: [{source: cmr, owner: A, email: a@b.example}]", "digest.addresses.0.source: 'cmr' is no source"),
    ],
)
def test_a_wrong_configuration_says_where_and_shows_no_secret(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(CONFIG.format(digest=f"  {lines}"))
    with pytest.raises(ConfigurationError) as error:
        load_settings({"PIPELINE_CONFIG": str(path)})
    assert said in str(error.value) and "u:secret" not in str(error.value) and "/secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a.b+c@ours.example", "a.b+c@ours.example"),
        (" mailto:a@müller.example ", "a@xn--mller-kva.example"),
        ("a@localhost", "a@localhost"),
        *(
            (text, None)
            for text in ("", "a", "a@", "@b.example", "a@b.example, c@d.example", "a b@c.example", "a..b@c.d")
        ),
        *(
            (text, None)
            for text in ("a@b.example\nBcc: c@d.example", "<a@b.example>", "ü@b.example", "a@b..c", "a@-b.c")
        ),
        *((text, None) for text in (f"{'a' * 65}@b.example", f"a@{'b.' * 130}example")),
    ],
)
def test_what_is_an_address(text: str, address: str | None) -> None:
    assert mail_address(text) == address


def test_a_chat_takes_nothing_for_markup() -> None:
    assert harmless("a & <@U1> |x|") == "a &amp; &lt;@\u2060U1&gt; |\u2060x|\u2060"


def test_the_command_remembers_whom_it_told_when_it_is_killed(office: Office) -> None:
    with mailbox(Habits(slow={BO: 3})) as server:
        command = _command(office, server)
        with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            deadline = time.monotonic() + 60
            while f"rcpt TO:<{BO}>" not in server.said and time.monotonic() < deadline:
                time.sleep(0.05)
            other = subprocess.run(**command, capture_output=True, text=True, timeout=60, check=False)
            assert other.returncode == 3 and "another run" in other.stderr
            os.kill(running.pid, signal.SIGKILL)
        assert set(office.sent) == {"crm:1"}
        server.habits.slow.clear()
        again = subprocess.run(**command, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout == "digests as of 2026-03-02 03:00: 1 unchanged, 2 sent\n"
    assert server.addresses.count(ADA) == 1 and server.addresses[-1] == CY


def test_the_command_starts_as_fast_as_before() -> None:
    done = subprocess.run(
        [str(DEALTRAIL.with_name("python")), "-X", "importtime", "-c", "import dagster_project.cli"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=True,
        timeout=60,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    heavy = {"smtplib", "ssl", "requests", "jinja2", "duckdb", "pydantic", "dagster", "dagster_project.digest.command"}
    assert not loaded & heavy


def _command(office: Office, server: MailServer) -> dict[str, Any]:
    settings = office.published.settings([by(server)])
    env = environment(PIPELINE_CONFIG=settings.config_path, WAREHOUSE_DIR=settings.warehouse_dir)
    return {"args": [str(DEALTRAIL), "digest"], "env": env, "cwd": PROJECT}
