"""What a look at every byte of a delimited file spares: trimming cells, and looking for words for nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.read.nothing import SPACES, WORDS
from dagster_project.read.survey import survey


def test_the_spaces_are_those_that_duckdb_trims() -> None:
    trimmed = duckdb.sql(
        "select chr(code::int) as said from range(1, 65536) as codes(code) "
        "where code not between 55296 and 57343 and trim(chr(code::int)) = ''"
    ).fetchall()
    assert sorted(said.encode() for (said,) in trimmed) == sorted(SPACES)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("space", [space.decode() for space in SPACES])
@pytest.mark.parametrize("cell", ["{}a", "a{}", '"{}a"', '"a{}"', '"a{}""b"'])
def test_a_space_at_an_edge_is_seen(tmp_path: Path, cell: str, space: str, end: str) -> None:
    path = tmp_path / "deals.csv"
    for row in (["1", cell.format(space), "x"], [cell.format(space), "2", "x"], ["1", "2", cell.format(space)]):
        path.write_text(f"id,name,stage{end}{','.join(row)}{end}7,8,9{end}", encoding="utf-8", newline="")
        found = survey(path, ",", 3)
        assert (found.is_regular, found.records, found.has_edge_spaces) == (True, 3, True)


@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("name", ["a b", '"Smith, J"', "Ärzte né", "", '""', "a\u00a0b", "a\u3000b", "1\t2"])
def test_a_space_inside_a_cell_is_none(tmp_path: Path, name: str, last: str) -> None:
    path = tmp_path / "deals.csv"
    path.write_text(f"id,name\n1,{name}\n2,{name}{last}", encoding="utf-8", newline="")
    found = survey(path, ",", 2)
    assert (found.is_regular, found.records, found.has_edge_spaces) == (True, 3, False)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("cell", ["{}", '"{}"', " {}", "{}\u3000", '" {} "'])
def test_a_word_for_nothing_is_found_as_a_whole_cell(tmp_path: Path, word: str, cell: str) -> None:
    path = tmp_path / "deals.csv"
    for row in (["1", cell.format(word), "x"], [cell.format(word), "2", "x"], ["1", "2", cell.format(word)]):
        path.write_text(f"id,name,stage\n{','.join(row)}\n7,8,9\n", encoding="utf-8")
        assert word in survey(path, ",", 3).nothing
        path.write_text(f"id,name,stage\n{','.join(row).replace(word, f'a{word}')}\n7,8,9\n", encoding="utf-8")
        assert survey(path, ",", 3).nothing == frozenset()
