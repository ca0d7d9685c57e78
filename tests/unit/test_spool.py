"""A landing zone elsewhere: what is fetched, and that half of a delivery never is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from dagster_project.config import remote
from dagster_project.config.feeds import Source
from dagster_project.config.load import Settings, load_settings
from dagster_project.config.remote import RemoteError, RemoteFolder, is_remote, remote_folder, without_secrets
from dagster_project.errors import ConfigurationError
from dagster_project.lake.manifest import read_records
from dagster_project.lake.store import ingest
from dagster_project.read.landing import folders_without_source, look
from dagster_project.read.spool import fetch_landing, forget_spooled, removed_from_spool
from dagster_project.run.fetching import fetch, prune

BUCKET = RemoteFolder("s3", "bucket/landing")


@dataclass
class Bucket:
    """Objects in memory, with the faults of a network."""

    driver: MemoryFileSystem = field(default_factory=MemoryFileSystem)
    gone: set[str] = field(default_factory=set)
    broken: dict[str, BaseException] = field(default_factory=dict)
    unlistable: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)

    def put(self, name: str, content: str) -> None:
        self.driver.pipe_file(f"/landing/{name}", content.encode())

    def remove(self, name: str) -> None:
        self.driver.rm(f"/landing/{name}")

    def ls(self, path: str, detail: bool) -> Any:
        if "" in self.unlistable:
            raise TimeoutError("the server does not answer")
        if path.rpartition("/")[2] in self.unlistable:
            raise ConnectionResetError("cut off after page 3")
        return [{**entry, "mtime": entry.get("created")} for entry in self.driver.ls(path, detail=detail)]

    def get_file(self, path: str, target: str) -> None:
        name = path.removeprefix("/landing/")
        self.fetched.append(name)
        if name in self.gone:
            raise FileNotFoundError(path)
        if name in self.broken:
            raise self.broken[name]
        self.driver.get_file(path, target)
        if name in self.cut:
            Path(target).write_bytes(Path(target).read_bytes()[:-1])


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    one = Bucket()
    one.driver.store.clear()
    one.driver.pseudo_dirs[:] = [""]
    monkeypatch.setattr(remote.RemoteFolder, "open", lambda _: (one, "/landing"))
    yield one
    one.driver.store.clear()


def names(spool: Path) -> list[str]:
    return sorted(path.relative_to(spool).as_posix() for path in spool.rglob("*") if path.is_file())


def test_objects_are_fetched_once_and_read_as_files(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/2026-01-01/deals.csv", "id,stage\n1,New\n")
    first = fetch_landing(BUCKET, tmp_path, ["crm"])
    again = fetch_landing(BUCKET, tmp_path, ["crm"])
    assert (first.files, first.bytes, again.files) == (1, 15, 0)
    assert (first.said, again.said) == ([], [])
    source = Source.model_validate(
        {"name": "crm", "feeds": {"deals": {"entity": "deals", "files": ["deals.csv"], "columns": {"deal_id": ["id"]}}}}
    )
    [file] = look(source, tmp_path).files
    created = bucket.driver.info("/landing/crm/2026-01-01/deals.csv")["created"]
    assert (file.name, file.modified_ns / 1e9) == ("2026-01-01/deals.csv", pytest.approx(created.timestamp(), abs=1e-5))


def test_what_was_overwritten_is_fetched_anew_and_what_is_gone_is_removed(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/deals.csv", "a")
    bucket.put("crm/old.csv", "b")
    fetch_landing(BUCKET, tmp_path, ["crm"])
    time.sleep(0.01)
    bucket.put("crm/deals.csv", "c")
    bucket.remove("crm/old.csv")
    assert fetch_landing(BUCKET, tmp_path, ["crm"]).files == 1
    assert (tmp_path / "crm" / "deals.csv").read_text() == "c"
    assert names(tmp_path) == [".fetched.json", "crm/deals.csv"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"gone": {"crm/b.csv"}}, "b.csv is listed, and is not there"),
        ({"cut": {"crm/b.csv"}}, "b.csv has 2 bytes, listed were 3"),
        ({"broken": {"crm/b.csv": TimeoutError("no answer")}}, "b.csv no answer"),
        ({"unlistable": {"crm"}}, "s3://bucket/landing/crm cannot be listed, so nothing new of it is read: cut off"),
    ],
)
def test_half_of_a_delivery_is_none(bucket: Bucket, tmp_path: Path, fault: dict[str, Any], said: str) -> None:
    bucket.put("crm/a.csv", "old")
    bucket.put("other/x.csv", "new")
    fetch_landing(BUCKET, tmp_path, ["crm"])
    time.sleep(0.01)
    for name in ("a.csv", "b.csv", "c.csv"):
        bucket.put(f"crm/{name}", "new")
    for name, value in fault.items():
        setattr(bucket, name, value)
    done = fetch_landing(BUCKET, tmp_path, ["crm", "other"])
    assert [said in line for line in done.said] == [True], done.said
    assert names(tmp_path) == [".fetched.json", "crm/a.csv", "other/x.csv"]
    assert (tmp_path / "crm" / "a.csv").read_text() == "old"
    for name, value in vars(Bucket()).items():
        if name in fault:
            setattr(bucket, name, value)
    assert fetch_landing(BUCKET, tmp_path, ["crm", "other"]).files == 3
    assert names(tmp_path) == [".fetched.json", "crm/a.csv", "crm/b.csv", "crm/c.csv", "other/x.csv"]


def test_a_run_that_is_killed_while_it_fetches_leaves_nothing_that_is_read(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/a.csv", "new")
    bucket.put("crm/b.csv", "new")
    bucket.broken = {"crm/b.csv": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        fetch_landing(BUCKET, tmp_path, ["crm"])
    assert names(tmp_path) == ["crm/a.csv.part"]
    bucket.broken = {}
    assert fetch_landing(BUCKET, tmp_path, ["crm"]).files == 2
    assert names(tmp_path) == [".fetched.json", "crm/a.csv", "crm/b.csv"]


def test_lost_notes_cost_no_second_fetch(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/a.csv", "new")
    fetch_landing(BUCKET, tmp_path, ["crm"])
    (tmp_path / ".fetched.json").write_text("{cut off")
    assert fetch_landing(BUCKET, tmp_path, ["crm"]).files == 0


def test_a_folder_that_cannot_be_listed_fails_the_run(bucket: Bucket, tmp_path: Path) -> None:
    bucket.unlistable = {""}
    with pytest.raises(RemoteError, match="s3://bucket/landing cannot be listed: the server does not answer"):
        fetch_landing(BUCKET, tmp_path, ["crm"])


def test_names_that_no_file_can_have_are_said_and_hidden_ones_left(bucket: Bucket, tmp_path: Path) -> None:
    for name in (
        "crm/a.csv",
        "crm/.hidden/b.csv",
        "crm/c.csv.part",
        f"crm/{'n' * 300}.csv",
        "crm/d.csv",
        "crm/d.csv.done",
    ):
        bucket.driver.store[f"/landing/{name}"] = bucket.driver.open(f"/x/{len(name)}", "wb")
    bucket.driver.store["/landing/crm/../../etc.csv"] = bucket.driver.store["/landing/crm/a.csv"]
    done = fetch_landing(BUCKET, tmp_path / "spool", ["crm"])
    assert names(tmp_path) == ["spool/.fetched.json", "spool/crm/a.csv", "spool/crm/d.csv", "spool/crm/d.csv.done"]
    assert (
        sorted(line.rpartition(": ")[2] for line in done.said)
        == ["no name that a file can have here; it is not read"] * 2
    )


def test_what_lies_beside_the_sources_is_named_and_not_fetched(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/a.csv", "new")
    bucket.put("backup/huge.csv", "x")
    bucket.put("loose.csv", "x")
    fetch_landing(BUCKET, tmp_path, ["crm"])
    source = Source.model_validate(
        {"name": "crm", "feeds": {"deals": {"entity": "deals", "files": ["*.csv"], "columns": {"deal_id": ["id"]}}}}
    )
    assert folders_without_source([source], tmp_path) == ["backup"]
    assert names(tmp_path) == [".fetched.json", "crm/a.csv", "loose.csv"]
    assert bucket.fetched == ["crm/a.csv"]


def test_what_is_forgotten_is_fetched_again_only_where_it_changes(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("crm/people.csv", "Ada")
    bucket.put("crm/deals.csv", "1")
    fetch_landing(BUCKET, tmp_path, ["crm"])
    assert forget_spooled(tmp_path, "crm") == 2
    assert names(tmp_path) == [".fetched.json"]
    time.sleep(0.01)
    bucket.put("crm/deals.csv", "2")
    assert fetch_landing(BUCKET, tmp_path, ["crm"]).files == 1
    assert names(tmp_path) == [".fetched.json", "crm/deals.csv"]


def night(settings: Settings) -> tuple[int, int]:
    """Fetches, prunes and takes in as a night does; how many files and how many bytes came and went."""
    lake = settings.warehouse_dir / "lake"
    known = read_records(lake)
    done = fetch(settings, known=known)
    assert done is not None and done.said == []
    removed = prune(settings, known)
    for source in settings.config.sources:
        for feed in source.feeds:
            files = [file for file in look(source, settings.landing_dir).files if file.feed == feed]
            ingest(source, feed, files, lake, [one for one in known if one.feed == feed])
    return done.files, removed


def test_what_the_lake_has_leaves_the_spool_and_comes_back_only_where_it_is_needed(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    environment = {"PIPELINE_CONFIG": str(tmp_path / "pipeline.yml"), "WAREHOUSE_DIR": str(tmp_path / "w")}
    settings = load_settings(environment)
    old, older = "crm/2026-01-01/deals.csv", "crm/2026-01-02/deals.csv"
    for name in (old, older, "crm/deals_2026-01-20.csv", "crm/deals_2026-01-27.csv"):
        bucket.put(name, f"id,stage\n1,{name[:16]}\n")
    bucket.put("crm/2026-01-01/notes.doc", "no feed takes this")
    assert night(settings) == (5, 0)
    gone = sum(len(bucket.driver.cat_file(f"/landing/{name}")) for name in (old, older))
    assert night(settings) == (0, gone)
    kept = [".fetched.json", "crm/2026-01-01/notes.doc", "crm/deals_2026-01-20.csv", "crm/deals_2026-01-27.csv"]
    assert names(settings.landing_dir) == kept
    assert not (settings.landing_dir / "crm" / "2026-01-02").exists()
    bucket.fetched.clear()
    assert night(settings) == (0, 0)
    assert fetch(settings) is not None and bucket.fetched == [], "nor by a sensor or a check"

    time.sleep(0.01)
    bucket.put(old, "id,stage\n1,corrected\n")
    assert night(settings)[0] == 1
    assert bucket.fetched == [old]

    # a heading that the mapping did not have: the past is read again
    bucket.fetched.clear()
    night(settings)
    (tmp_path / "pipeline.yml").write_text(CONFIG.replace("stage: stage}", "stage: [stage, phase]}"))
    changed = load_settings(environment)
    assert night(changed)[0] == 2
    assert sorted(bucket.fetched) == [old, older]
    assert night(changed)[0] == 0

    # a lake that is lost is built of all that lies there
    bucket.fetched.clear()
    shutil.rmtree(settings.warehouse_dir / "lake")
    assert night(changed)[0] == 2

    night(changed)
    assert removed_from_spool(settings.landing_dir, "crm").keys() == {name[4:] for name in (old, older)}
    forget_spooled(settings.landing_dir, "crm")
    bucket.fetched.clear()
    assert night(settings)[0] == 0, "what is forgotten is not read again for a new mapping"


CONFIG = """
timezone: UTC
currency: EUR
landing_dir: s3://bucket/landing
sources:
  - {name: crm, feeds: {deals: {entity: deals, files: ["*.csv"], columns: {deal_id: id, stage: stage}}}}
"""


def test_a_run_reads_the_spool_and_is_told_of_a_folder_that_lacks_by_its_address(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    settings = load_settings({"PIPELINE_CONFIG": str(tmp_path / "pipeline.yml"), "WAREHOUSE_DIR": str(tmp_path / "w")})
    assert settings.landing_dir == tmp_path / "w" / "spool" / "landing"
    bucket.put("other/deals.csv", "id,stage\n1,New\n")
    with pytest.raises(ConfigurationError, match=r"no folder s3://bucket/landing/crm .*\s*.* there: other"):
        fetch(settings)
    bucket.put("crm/deals.csv", "id,stage\n1,New\n")
    done = fetch(settings)
    assert done is not None and (done.files, names(settings.landing_dir)[1]) == (1, "crm/deals.csv")
    # what was written just now may not be all
    bucket.put("crm/more.csv", "id,stage\n2,New\n")
    assert fetch(settings, settle_seconds=60) is not None
    assert names(settings.landing_dir) == [".fetched.json", "crm/deals.csv"]


def test_addresses_are_told_from_folders() -> None:
    assert [is_remote(text) for text in ("s3://b/x", "landing", "/data/x", "C:\\x", "a:b")] == [True, *[False] * 4]
    assert str(remote_folder("s3://bucket/landing/", "landing_dir")) == "s3://bucket/landing"
    assert str(remote_folder("sftp://crm@files.example:2222/out", "landing_dir")) == "sftp://crm@files.example:2222/out"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/x", "none of s3://, gs://, az://, abfs://, sftp://"),
        ("s3://", "is followed by no bucket"),
        ("sftp://crm:geheim@host/x", "with a password"),
        ("az://c/x?sig=geheim", "with a password"),
    ],
)
def test_a_wrong_address_is_said_without_its_password(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        remote_folder(text, "LANDING_DIR")
    assert str(caught.value).startswith("LANDING_DIR: ")
    assert "geheim" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ImportError("Install gcsfs to access Google Storage")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(ConfigurationError, match=r"gs://bucket: .* pip install 'dealtrail\[gs\]'"):
        RemoteFolder("gs", "bucket").open()


def test_values_of_secret_variables_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AWS_SECRET_ACCESS_KEY", "abc/def+123")
    assert without_secrets("denied for abc/def+123") == "denied for <AWS_SECRET_ACCESS_KEY>"
