"""A webhook that cannot be told is a warning of the run, without its address: that is a secret."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import monotonic

import pytest

from dagster_project.assets.notify import WEBHOOK, _send
from dagster_project.run.journal import Journal


class _Refuses(BaseHTTPRequestHandler):
    """Answers with the status that the address names, and asks to be left alone for an hour."""

    def do_POST(self) -> None:
        self.send_response(int(self.path.rsplit("/", 1)[-1]))
        self.send_header("Retry-After", "3600")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refuses)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret"
    server.shutdown()


def told(monkeypatch: pytest.MonkeyPatch, address: str) -> str:
    monkeypatch.setenv(WEBHOOK, address)
    journal = Journal("a run")
    _send(journal, "a night failed", {})
    (warning,) = journal.warnings
    return warning


@pytest.mark.parametrize(
    "address", ["secret", "ftp://secret/chat", "http://[::1/secret", "http://secret..invalid/chat"]
)
def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    warning = told(monkeypatch, address)
    assert warning.startswith(f"the notification could not be sent to {WEBHOOK}: ")
    assert "secret" not in warning


@pytest.mark.parametrize(("status", "error"), [(500, "HTTPError"), (429, "RetryError")])
def test_a_chat_that_refuses(monkeypatch: pytest.MonkeyPatch, refusing: str, status: int, error: str) -> None:
    began = monotonic()
    assert told(monkeypatch, f"{refusing}/{status}") == f"the notification could not be sent to {WEBHOOK}: {error}"
    assert monotonic() - began < 30
