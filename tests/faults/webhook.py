"""A chat that nights tell of what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from dagster_project.assets.notify import WEBHOOK


class Webhook(HTTPServer):
    """A chat that takes what it is sent, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Kept)
        self.messages: list[dict[str, Any]] = []


class _Kept(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook that the nights of the meantime find in their environment."""
    server = Webhook()
    Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WEBHOOK, f"http://127.0.0.1:{server.server_port}/chat")
        yield server
    server.shutdown()
