"""What is changed in a statement, and how its mutants are told apart."""

from __future__ import annotations

from tests.mutation.operators import mutants


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
