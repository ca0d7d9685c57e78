"""An S3 server on this machine, and one before it that is slow, breaks off, or has not heard yet of what it lists."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer

KEY_ID, SECRET = "AKIAOFTHETESTS7", "geheim/of+the-bucket-42"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address."""
    one = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    one.start()
    host, port = one.get_host_and_port()
    yield f"http://{host}:{port}"
    one.stop()


def empty_bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server, whose address and keys are in the environment; with an empty bucket `crm`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": server,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="crm")
    for one in client.list_objects_v2(Bucket="crm").get("Contents", []):
        client.delete_object(Bucket="crm", Key=one["Key"])
    return client


@dataclass
class Faults:
    """What goes wrong: of objects, by the end of a key, `trickles`, `stalls`, `missing` or `held`; and of listings."""

    behind: str
    of_objects: dict[str, str] = field(default_factory=dict)
    page_size: int = 1000
    breaks_off_after_a_page: bool = False
    #: Set once an object has begun to stall or is held; and what ends that.
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def faulty_server(behind: str) -> Iterator[tuple[str, Faults]]:
    """A server that hands everything on to the one behind it, but for its faults; its address, and these."""
    faults = Faults(behind)
    handler = type("_Handler", (_Handler,), {"faults": faults})
    one = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    one.daemon_threads = True
    threading.Thread(target=one.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{one.server_address[1]}", faults
    faults.over.set()
    one.shutdown()
    one.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: Faults

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query, keep_blank_values=True))
        fault = next((fault for key, fault in self.faults.of_objects.items() if url.path.endswith(key)), "")
        if "continuation-token" in asked and self.faults.breaks_off_after_a_page:
            self._send(403, b"<Error><Code>AccessDenied</Code><Message>no more of it</Message></Error>")
            return
        if fault == "missing":
            self._send(404, b"<Error><Code>NoSuchKey</Code><Message>not there yet</Message></Error>")
            return
        if fault == "held":
            self.faults.reached.set()
            self.faults.over.wait(60)
        path = self.path
        if "list-type" in asked:
            path = f"{url.path}?{urlencode(asked | {'max-keys': str(self.faults.page_size)})}"
        back = HTTPConnection(self.faults.behind.removeprefix("http://"), timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        back.request(self.command, path, body, headers)
        answer = back.getresponse()
        content = answer.read()
        kept = {n: v for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection", "date")}
        self._send(answer.status, content, kept, fault)
        back.close()

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None, fault: str = "") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = (headers or {}).get("Content-Length", str(len(content))) if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        # who has given up closes the connection
        with suppress(BrokenPipeError, ConnectionResetError):
            if fault == "trickles":
                for number in range(len(content)):
                    if self.faults.over.is_set():
                        return
                    self.wfile.write(content[number : number + 1])
                    self.wfile.flush()
                    time.sleep(0.1)
            elif fault == "stalls":
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                self.faults.reached.set()
                self.faults.over.wait(60)
                self.close_connection = True
            elif self.command != "HEAD":
                self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass
