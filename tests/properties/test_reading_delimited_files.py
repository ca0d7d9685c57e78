"""Whatever stands in a delimited file: no row is lost, none invented, and each reject says its row number."""

import csv
import io
import re
import tempfile
import unicodedata
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.config.models import Configuration
from dagster_project.errors import RefusedFileError
from dagster_project.read.nothing import WORDS
from dagster_project.read.reader import Provenance, load_file

CONFIG = Configuration.model_validate(
    {
        "timezone": "UTC",
        "currency": "EUR",
        "sources": [
            {
                "name": "crm",
                "feeds": {
                    "leads": {
                        "entity": "leads",
                        "files": "leads.csv",
                        "columns": {"lead_id": "id", "lead_name": "name", "status": "status"},
                    }
                },
            }
        ],
    }
)

# no lone carriage return: readers disagree on whether it ends a line
written_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00\x1a", exclude_categories=["Cs"]), max_size=12
)
# what programs write that mean something else than they say, now and then with spaces around it
special = st.sampled_from([*WORDS, '="007"', "'007", "'=1+1", "'"])
cells = st.one_of(
    written_cells, written_cells, written_cells, st.tuples(st.sampled_from(["", " ", "\u00a0"]), special).map("".join)
)
# an id says which row it is; one cell too few or too many makes a row ragged
good_rows = st.tuples(cells, cells).map(list)
ragged_rows = st.one_of(cells.map(lambda cell: [cell]), st.tuples(cells, cells, st.just("surplus")).map(list))
rows = st.lists(st.one_of(good_rows, good_rows, good_rows, ragged_rows), min_size=1, max_size=30)


def trimmed(cell: str) -> str:
    """Without spaces at its ends, of all the kinds Unicode has; not without line breaks."""
    inside = [at for at, char in enumerate(cell) if unicodedata.category(char) != "Zs"]
    return cell[inside[0] : inside[-1] + 1] if inside else ""


def said(cell: str) -> str | None:
    """What a cell says: not the spreadsheet's wrapping around it, and nothing where it holds a word for nothing."""
    value = trimmed(cell)
    if len(value) > 2 and value.startswith('="') and value.endswith('"'):
        value = trimmed(value[2:-1].replace('""', '"'))
    elif value.startswith("'") and (value[1:2] in tuple("=+-@") or re.fullmatch(r"[0-9][0-9.,:/ T-]*", value[1:])):
        value = trimmed(value[1:])
    return None if value in ("", *WORDS) else value


def written(lines: list[list[str]], delimiter: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["id", "name", "status"], *lines])
    return text.getvalue()


RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(RELAXED, max_examples=60, derandomize=True)
@given(cells=rows, delimiter=st.sampled_from(",;\t|"))
def test_every_row_is_loaded_or_rejected(cells: list[list[str]], delimiter: str) -> None:
    check(cells, delimiter)


@pytest.mark.long
@settings(RELAXED, max_examples=1000)
@given(cells=rows, delimiter=st.sampled_from(",;\t|"))
def test_of_a_thousand_files(cells: list[list[str]], delimiter: str) -> None:
    check(cells, delimiter)


def check(cells: list[list[str]], delimiter: str) -> None:
    """Writes the rows into a file, loads it, and finds each again."""
    lines = [[f"id{number}", *row] for number, row in enumerate(cells, start=2)]
    source = CONFIG.sources[0]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path, target = Path(folder) / "leads.csv", Path(folder) / "leads.parquet"
        path.write_text(written(lines, delimiter), encoding="utf-8", newline="")
        origin = Provenance("crm", "leads", "f", "2026-01-01 00:00:00")
        whole = [line for line in lines if len(line) == 3]
        if not whole:  # a file without one row that can be read is refused as a whole, and says where it begins
            with pytest.raises(RefusedFileError, match="row 2: "):
                load_file(connection, path, source, source.feeds["leads"], origin, target)
            return
        loaded = load_file(connection, path, source, source.feeds["leads"], origin, target)
        found = connection.execute(
            f"select lead_id, lead_name, status from read_parquet('{target}', file_row_number = true) "
            "order by file_row_number"
        ).fetchall()
    assert [row[0] for row in found] == [line[0] for line in whole]
    assert [row[1] for row in found] == [said(line[1]) for line in whole]
    assert [row[2] for row in found] == [said(line[2]) for line in whole]
    assert [reject.row_number for reject in loaded.rejects] == [int(line[0][2:]) for line in lines if len(line) != 3]
