"""Landing and publication in a bucket and on an SFTP server, both of them real and on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import duckdb
import fsspec.config
import pytest

from dagster_project.config import remote
from dagster_project.config.remote import RemoteError, RemoteFolder
from dagster_project.publish.upload import upload
from dagster_project.read.spool import fetch_landing
from tests.conftest import DEALTRAIL, PROJECT, environment
from tests.faults.nights import Nights
from tests.forget import crm
from tests.integration.storage import KEY_ID, SECRET, empty_bucket, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    return empty_bucket(server, monkeypatch)


def keys(client: Any) -> set[str]:
    return {one["Key"] for one in client.list_objects_v2(Bucket="crm").get("Contents", [])}


def pointed_at(client: Any) -> str:
    return json.loads(client.get_object(Bucket="crm", Key="out/current.json")["Body"].read())["version"]


def version(folder: Path, name: str) -> Path:
    """A published version as far as uploading looks at it."""
    path = folder / name
    (path / "marts").mkdir(parents=True)
    (path / "marts" / "fct_deals.parquet").write_text(name)
    duckdb.sql("select timestamp '2026-01-01' as as_of").write_parquet(str(path / "violations.parquet"))
    return path


def run(command: str, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEALTRAIL), *command.split()],
        cwd=PROJECT,
        env=environment(DEALTRAIL_LOG_FORMAT="none", **settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_night_from_bucket_to_bucket(aws: Any, tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    crm.write(nights)
    exported = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
    files, size = len(exported), sum(path.stat().st_size for path in exported)
    for path in exported:
        aws.upload_file(str(path), "crm", f"in/{path.relative_to(tmp_path / 'landing')}")
    settings: dict[str, str | Path] = {
        "PIPELINE_CONFIG": nights.config,
        "WAREHOUSE_DIR": tmp_path / "warehouse",
        "LANDING_DIR": "s3://crm/in",
        "PUBLISH_TO": "s3://crm/out",
        "AS_OF": crm.SECOND,
    }
    night = run("nightly", **settings)
    assert night.returncode == 0, night.stdout + night.stderr
    told = json.loads((tmp_path / "warehouse" / "run.json").read_text())
    assert told["fetched"] == {"from": "s3://crm/in", "files": files, "bytes": size, "bytes_removed": 0}
    pointer = json.loads(aws.get_object(Bucket="crm", Key="out/current.json")["Body"].read())
    assert pointer["version"] == f"versions/{told['run_id']}"
    there = {key.removeprefix(f"out/{pointer['version']}/") for key in keys(aws) if key.startswith("out/versions")}
    assert {"pipeline.duckdb", "marts/fct_deals.parquet", "report/index.html", "data_docs/index.html"} <= there
    aws.download_file("crm", f"out/{pointer['version']}/pipeline.duckdb", str(tmp_path / "read.duckdb"))
    with duckdb.connect(str(tmp_path / "read.duckdb"), read_only=True) as connection:
        assert connection.sql("select count(*) > 0 from marts.fct_deals").fetchall() == [(True,)]

    forgotten = run(f"forget leads {crm.LEAD}", **settings)
    assert forgotten.returncode == 0, forgotten.stdout + forgotten.stderr
    assert "fetched files from spool/" in forgotten.stdout
    assert "still there" not in forgotten.stderr
    assert "not touched: the files in s3://crm/in, those uploaded to s3://crm/out" in forgotten.stdout
    written = [path for path in (tmp_path / "warehouse").rglob("*") if path.is_file()]
    assert not [path for path in written if crm.LEAD.encode() in path.read_bytes()]
    for secret in (KEY_ID, SECRET):
        assert not [path for path in written if secret.encode() in path.read_bytes()]
        assert all(secret not in one.stdout + one.stderr for one in (night, forgotten))


def test_versions_follow_each_other_in_a_bucket(aws: Any, tmp_path: Path) -> None:
    to = RemoteFolder("s3", "crm/out")
    for name in ("one", "two", "three"):
        assert upload(version(tmp_path, name), to).said == []
    assert {key.split("/")[2] for key in keys(aws) if "/versions/" in key} == {"two", "three"}
    assert (
        json.loads(aws.get_object(Bucket="crm", Key="out/current.json")["Body"].read())["version"] == "versions/three"
    )


def test_an_upload_that_is_cut_off_moves_no_reader(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to = RemoteFolder("s3", "crm/out")
    upload(version(tmp_path, "one"), to)
    second = version(tmp_path, "two")
    driver, root = to.open()
    real = driver._put_file

    async def cut_off(source: str, target: str, **options: Any) -> Any:
        if source.endswith(".parquet") and "fct_deals" in source:
            raise ConnectionResetError(f"reset by peer, key {SECRET}")
        return await real(source, target, **options)

    monkeypatch.setattr(driver, "_put_file", cut_off)
    monkeypatch.setattr(RemoteFolder, "open", lambda _: (driver, root))
    with pytest.raises(RemoteError, match="what was there before stands: reset by peer, key <AWS_SECRET_ACCESS_KEY>"):
        upload(second, to)
    assert pointed_at(aws) == "versions/one"


class _Unavailable(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_server_that_refuses_is_said_in_a_sentence(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch_landing(RemoteFolder("s3", "nowhere/in"), tmp_path, ["crm"]).files == 0
    assert not (tmp_path / "crm").exists(), "which check_landing refuses"
    broken = ThreadingHTTPServer(("127.0.0.1", 0), _Unavailable)
    threading.Thread(target=broken.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{broken.server_address[1]}")
    with pytest.raises(RemoteError, match="s3://crm/in cannot be listed: ") as caught:
        fetch_landing(RemoteFolder("s3", "crm/in"), tmp_path, ["crm"])
    broken.shutdown()
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Host and port of an SFTP server with a password, and the folder that it serves."""
    served = tmp_path / "served"
    served.mkdir()

    class Gate(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("crm", SECRET)

    class Served(asyncssh.SFTPServer):
        async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
            if file_obj.name.endswith(b"stalls.csv"):
                await asyncio.sleep(60)
            return super().read(file_obj, offset, size)  # type: ignore[return-value]

    loop = asyncio.new_event_loop()
    port: Future[int] = Future()

    async def serve() -> None:
        listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Gate,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: Served(channel, chroot=os.fsencode(served)),
        )
        port.set_result(listening.get_port())

    def forever() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=forever, daemon=True)
    thread.start()
    # as FSSPEC_SFTP_USERNAME and FSSPEC_SFTP_PASSWORD say it to a process that starts
    monkeypatch.setitem(fsspec.config.conf, "sftp", {"username": "crm", "password": SECRET})
    yield f"127.0.0.1:{port.result(30)}", served
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)


def test_landing_and_publication_on_an_sftp_server(sftp: tuple[str, Path], tmp_path: Path) -> None:
    address, served = sftp
    (served / "in" / "crm").mkdir(parents=True)
    (served / "in" / "crm" / "deals_2026-01-01.csv").write_text("id,stage\n1,New\n")
    spool = tmp_path / "spool"
    landing = RemoteFolder("sftp", f"{address}/in")
    done = fetch_landing(landing, spool, ["crm"])
    assert (done.files, done.said) == (1, [])
    assert (spool / "crm" / "deals_2026-01-01.csv").read_text() == "id,stage\n1,New\n"
    assert fetch_landing(landing, spool, ["crm"]).files == 0
    to = RemoteFolder("sftp", f"{address}/out")
    for name in ("one", "two", "three"):
        assert upload(version(tmp_path, name), to).said == []
    assert sorted(path.name for path in (served / "out" / "versions").iterdir()) == ["three", "two"]
    assert json.loads((served / "out" / "current.json").read_text())["version"] == "versions/three"


def test_an_sftp_server_that_hangs_is_given_up(
    sftp: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, served = sftp
    monkeypatch.setattr(remote, "PATIENCE", 2)
    (served / "in" / "crm").mkdir(parents=True)
    (served / "in" / "other").mkdir(parents=True)
    (served / "in" / "crm" / "stalls.csv").write_text("id,stage\n1,New\n")
    (served / "in" / "other" / "deals.csv").write_text("id,stage\n1,New\n")
    done = fetch_landing(RemoteFolder("sftp", f"{address}/in"), tmp_path / "spool", ["crm", "other"])
    assert len(done.said) == 1
    assert done.said[0].endswith("nothing new of it is read: stalls.csv the server has not answered for 2 s")
    assert (done.files, (tmp_path / "spool" / "other" / "deals.csv").exists()) == (1, True)
