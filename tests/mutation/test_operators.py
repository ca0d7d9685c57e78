"""What is changed in a statement, and how its mutants are told apart."""

from __future__ import annotations

from tests.mutation.operators import mutants, together


def test_each_mutant_changes_one_thing() -> None:
    found = {one.change: one.sql() for one in mutants("m", "select a from t where a > 1 and b = 'x'")}
    assert found["a > 1 -> a >= 1"] == "SELECT a FROM t WHERE a >= 1 AND b = 'x'"
    assert found["a > 1 AND b = 'x' -> b = 'x'"] == "SELECT a FROM t WHERE b = 'x'"
    assert found["WHERE a > 1 AND b = 'x' -> nothing"] == "SELECT a FROM t"
    assert len(set(found.values())) == len(found)


def test_mutants_of_one_idea_differ_in_literals_only() -> None:
    ideas = [one.idea for one in mutants("m", "select a = 'x', a = 'y', b = 'x' from t") if "<>" in one.change]
    assert ideas == ["a = ? -> a <> ?", "a = ? -> a <> ?", "b = ? -> b <> ?"]


def test_a_table_written_out_as_a_case_is_left_alone() -> None:
    branches = " ".join(f"when a = {number} then {number}" for number in range(11))
    found = list(mutants("m", f"select case {branches} end as b from t where c > 1"))
    assert {one.sql().split("FROM")[1] for one in found} == {" t", " t WHERE c >= 1", " t WHERE c > 2"}


def test_of_a_union_that_is_distinct_its_parts_are_left_alone() -> None:
    found = [one.sql() for one in mutants("m", "select a from t union select a from u union select a from v")]
    assert found == ["SELECT a FROM t UNION SELECT a FROM u UNION ALL SELECT a FROM v"]


def test_no_member_is_left_out_of_a_long_list() -> None:
    members = ", ".join(f"'{number}'" for number in range(11))
    assert not [one for one in mutants("m", f"select a in ({members}) from t") if "without" in one.change]
    assert len([one for one in mutants("m", "select a in ('x', 'y') from t") if "without" in one.change]) == 2


def test_what_a_macro_writes_for_each_column_is_one_idea() -> None:
    sql = "select _time_won_at > 1, _time_expected_close_on > 1, close_on > 1, other > 1 from t"
    found = [one for one in mutants("m", sql) if "->" in one.change and ">=" in one.change]
    columns = frozenset({"won_at", "close_on", "expected_close_on"})
    assert [one.idea_of_columns(columns) for one in found] == [
        "_time_? > ? -> _time_? >= ?",
        "_time_? > ? -> _time_? >= ?",
        "? > ? -> ? >= ?",
        "other > ? -> other >= ?",
    ]
    assert "_TIME_WON_AT >= 1, _TIME_EXPECTED_CLOSE_ON >= 1, CLOSE_ON > 1" in together(found[:2]).sql().upper()


def test_changes_made_together_may_stand_in_one_another() -> None:
    found = [one for one in mutants("m", "select a or (b or c) from t") if one.change.count("AND")]
    assert together(found).sql() == "SELECT a AND (b AND c) FROM t"


def test_what_is_counted_of_some_is_counted_of_all() -> None:
    found = {one.change: one.sql() for one in mutants("m", "select count(*) filter (where a) as b from t where a")}
    assert found == {
        "COUNT(*) FILTER(WHERE a) -> COUNT(*)": "SELECT COUNT(*) AS b FROM t WHERE a",
        "WHERE a -> nothing": "SELECT COUNT(*) FILTER(WHERE a) AS b FROM t",
    }
