"""A mail server on this machine: takes mails and keeps them, or misbehaves as it is told."""

from __future__ import annotations

import base64
import email
import email.policy
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Habits:
    """What the server does to whom. `answers`: verb or address → the answer in place of 250."""

    answers: dict[str, str] = field(default_factory=dict)
    #: Seconds it takes over a mail of these addresses.
    slow: dict[str, float] = field(default_factory=dict)
    #: Mails that one connection may bring; then 421, and it is closed.
    mails_per_connection: int = 10**6
    #: Addresses at whose mail it hangs up without a word.
    hangs_up: set[str] = field(default_factory=set)
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None


class MailServer(ThreadingTCPServer):
    """Keeps (address, mail) in the order they came, and every line that clients said."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, habits: Habits) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.habits = habits
        self.mails: list[tuple[str, EmailMessage]] = []
        self.said: list[str] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.mails]


class _Talk(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self._brought = 0
        try:
            self._reply("220 here")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                self.server.said.append(line)
                if not self._answer(line):
                    return
        except OSError:
            return  # the client left

    def _answer(self, line: str) -> bool:
        """Whether to go on."""
        verb, habits = line.split(" ")[0].upper(), self.server.habits
        if verb == "EHLO":
            offers = [
                "here",
                *(["STARTTLS"] if habits.tls else []),
                *(["AUTH PLAIN"] if habits.login else []),
                "8BITMIME",
            ]
            self._reply(*(f"250{' ' if one is offers[-1] else '-'}{one}" for one in offers))
        elif verb == "STARTTLS" and habits.tls:
            self._reply("220 go on")
            self.connection = habits.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        elif verb == "AUTH" and habits.login:
            user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
            right = (user, password) == habits.login
            self._reply("235 welcome" if right else f"535 no such user {user} with {password}")
        elif verb == "RCPT":
            self._to = line[line.index("<") + 1 : line.index(">")]
            self._reply(habits.answers.get(self._to, "250 fine"))
        elif verb == "MAIL" and self._brought == habits.mails_per_connection:
            self._reply("421 enough for today")
            return False
        elif verb == "DATA":
            self._reply("354 go on")
            return self._take()
        elif verb == "QUIT":
            self._reply("221 bye")
            return False
        else:
            self._reply(habits.answers.get(verb, "250 fine"))
        return True

    def _take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self._to in self.server.habits.hangs_up:
            return False
        time.sleep(self.server.habits.slow.get(self._to, 0))
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.mails.append((self._to, cast(EmailMessage, mail)))
        self._brought += 1
        self._reply(self.server.habits.answers.get("DATA", "250 taken"))
        return True

    def _reply(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mailbox(habits: Habits | None = None) -> Iterator[MailServer]:
    """A mail server for the meantime."""
    with MailServer(habits or Habits()) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def certificate(folder: Path) -> Path:
    """A file with key and certificate of 127.0.0.1, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(pem))
    return path
