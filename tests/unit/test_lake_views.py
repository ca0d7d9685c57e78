"""The schema `lake` of `work`: it reads the lake from wherever it lies, and says nowhere where that is."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.load import read_configuration
from dagster_project.lake.store import ingest
from dagster_project.read.landing import look
from dagster_project.transform.warehouse import prepare

AS_OF = datetime(2026, 1, 31, tzinfo=UTC)
CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage}
"""


@pytest.mark.parametrize("folder", ["plain", "it's", "[1]", "a,b"])
def test_views_read_the_lake(tmp_path: Path, folder: str) -> None:
    here = tmp_path / folder
    landing, lake_dir, work = here / "landing", here / "warehouse" / "lake", here / "work.duckdb"
    (landing / "crm").mkdir(parents=True)
    (here / "pipeline.yml").write_text(CONFIG, encoding="utf-8")
    (landing / "crm" / "deals_2026-01-30.csv").write_text("id,stage\n1,open\n2,open\n3\n", encoding="utf-8")
    config = read_configuration(here / "pipeline.yml")
    (source,) = config.sources
    records = ingest(source, "deals", look(source, landing).files, lake_dir, [])

    with duckdb.connect(str(work)) as connection:
        prepare(connection, config, records, lake_dir, AS_OF)
        assert connection.execute("select deal_id from lake.deals order by 1").fetchall() == [("1",), ("2",)]
        assert connection.execute("select row_number from lake.rejects").fetchall() == [(4,)]
    says_where = str(here).encode() in work.read_bytes()
    assert says_where == ("," in folder), "a list of search paths cannot hold a comma"
