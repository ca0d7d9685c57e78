"""A bucket that is slow, breaks off, or does not have what it lists; and nights that are killed over it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config import remote
from dagster_project.config.remote import RemoteError, RemoteFolder
from dagster_project.publish.upload import upload
from dagster_project.read.spool import fetch_landing
from tests.conftest import DEALTRAIL, PROJECT, environment
from tests.faults.nights import Nights
from tests.forget import crm
from tests.integration.storage import Faults, empty_bucket, faulty_server, s3_server
from tests.integration.test_object_storage import keys, pointed_at, run, version

LANDING = RemoteFolder("s3", "crm/in")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    return empty_bucket(server, monkeypatch)


@pytest.fixture
def faults(server: str, aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A server before the real one, which is the one that the environment names; and an end to patience after 3 s."""
    monkeypatch.setattr(remote, "PATIENCE", 3)
    monkeypatch.setattr(remote, "LISTING_PATIENCE", 3)
    with faulty_server(server) as (address, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield faults


def put(aws: Any, **files: str) -> None:
    """Objects of the landing zone: `crm__a` is crm/a.csv."""
    for name, content in files.items():
        aws.put_object(Bucket="crm", Key=f"in/{name.replace('__', '/')}.csv", Body=content.encode())


def names(spool: Path) -> set[str]:
    return {path.relative_to(spool).as_posix() for path in spool.rglob("*.*") if path.suffix != ".json"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("trickles", "b.csv the server does not answer, or too slowly: given up after 3 s for 80 bytes"),
        ("stalls", "b.csv the server does not answer, or too slowly: given up after 3 s for 80 bytes"),
        ("missing", "b.csv is listed, and is not there"),
    ],
)
def test_a_source_whose_file_does_not_come_waits_for_the_next_night(
    aws: Any, faults: Faults, tmp_path: Path, fault: str, said: str
) -> None:
    put(aws, crm__a="a", crm__b="b" * 80, other__x="x")
    faults.of_objects = {"crm/b.csv": fault}
    done = fetch_landing(LANDING, tmp_path, ["crm", "other"])
    assert done.said == [f"s3://crm/in/crm: not all could be fetched, so nothing new of it is read: {said}"]
    assert (done.files, names(tmp_path)) == (1, {"other/x.csv"})
    faults.over.set()
    faults.of_objects = {}
    assert fetch_landing(LANDING, tmp_path, ["crm", "other"]).files == 2
    assert names(tmp_path) == {"crm/a.csv", "crm/b.csv", "other/x.csv"}


def test_a_listing_that_breaks_off_is_no_delivery(aws: Any, faults: Faults, tmp_path: Path) -> None:
    put(aws, crm__a="a", other__x="x")
    assert fetch_landing(LANDING, tmp_path, ["crm", "other"]).files == 2
    put(aws, crm__b="b", crm__c="c")
    faults.page_size = 2
    assert fetch_landing(LANDING, tmp_path, ["crm", "other"]).said == [], "in two pages"
    aws.delete_object(Bucket="crm", Key="in/crm/a.csv")
    put(aws, crm__d="d", crm__e="e")
    faults.breaks_off_after_a_page = True
    done = fetch_landing(LANDING, tmp_path, ["crm", "other"])
    assert [line.partition(": ")[0] for line in done.said] == [
        "s3://crm/in/crm cannot be listed, so nothing new of it is read"
    ]
    assert names(tmp_path) == {"crm/a.csv", "crm/b.csv", "crm/c.csv", "other/x.csv"}
    faults.breaks_off_after_a_page = False
    assert fetch_landing(LANDING, tmp_path, ["crm", "other"]).files == 2
    assert names(tmp_path) == {"crm/b.csv", "crm/c.csv", "crm/d.csv", "crm/e.csv", "other/x.csv"}


def test_an_upload_that_hangs_ends_and_moves_no_reader(aws: Any, faults: Faults, tmp_path: Path) -> None:
    to = RemoteFolder("s3", "crm/out")
    upload(version(tmp_path, "one"), to)
    faults.of_objects = {"two/marts/fct_deals.parquet": "held"}
    with pytest.raises(RemoteError, match="what was there before stands: the server does not answer, or too slowly"):
        upload(version(tmp_path, "two"), to)
    assert pointed_at(aws) == "versions/one"


def killed_at(faults: Faults, settings: dict[str, str | Path]) -> None:
    """Starts a night, and kills all of it once the server holds something back."""
    faults.reached.clear()
    night = subprocess.Popen(
        [str(DEALTRAIL), "nightly"],
        cwd=PROJECT,
        env=environment(DEALTRAIL_LOG_FORMAT="none", **settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert faults.reached.wait(240), "the night never came so far"
    os.killpg(night.pid, signal.SIGKILL)
    night.wait(60)


def test_nights_that_are_killed_over_a_bucket(aws: Any, faults: Faults, tmp_path: Path) -> None:
    """One while it fetches, one while it uploads; what they leave, the next command goes on from."""
    nights = Nights(tmp_path)
    crm.write(nights)
    exported = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
    for path in exported:
        aws.upload_file(str(path), "crm", f"in/{path.relative_to(tmp_path / 'landing')}")
    warehouse = tmp_path / "warehouse"
    settings: dict[str, str | Path] = {
        "PIPELINE_CONFIG": nights.config,
        "WAREHOUSE_DIR": warehouse,
        "LANDING_DIR": "s3://crm/in",
        "PUBLISH_TO": "s3://crm/out",
        "AS_OF": crm.SECOND,
    }
    [stalled, *_] = sorted(path.name for path in exported if path.name.startswith("deals_"))
    faults.of_objects = {stalled: "stalls"}
    killed_at(faults, settings)
    assert list((warehouse / "spool").rglob("*.part")), "what came so far"
    assert not list((warehouse / "lake").rglob("*.parquet"))
    assert not [key for key in keys(aws) if key.startswith("out/")]

    faults.of_objects = {"marts/fct_deals.parquet": "held"}
    killed_at(faults, settings)
    assert not list((warehouse / "spool").rglob("*.part"))
    assert (warehouse / "current").exists(), "published here"
    assert "out/current.json" not in keys(aws)

    faults.of_objects = {}
    faults.over.set()
    uploaded = run("upload", **settings)
    assert uploaded.returncode == 0, uploaded.stdout + uploaded.stderr
    assert pointed_at(aws) == f"versions/{(warehouse / 'current').resolve().name}"
