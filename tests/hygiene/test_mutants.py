"""No rule can be weakened without a planted record telling."""

from __future__ import annotations

from tests.hygiene.mutants import EQUIVALENT, verdicts
from tests.hygiene.prebuilt import Prebuilt


def test_every_mutant_of_a_rule_is_killed(prebuilt: Prebuilt) -> None:
    found = verdicts(prebuilt)
    survived = [str(verdict) for verdict in found if verdict.has_survived]
    assert not survived, "\n".join(survived)
    assert len(found) > 250


def test_only_what_means_the_same_is_listed_as_such(prebuilt: Prebuilt) -> None:
    found = verdicts(prebuilt)
    assert [str(verdict) for verdict in found if verdict.is_listed_in_vain] == []
    assert EQUIVALENT.keys() == {(v.mutant.name, v.mutant.change) for v in found if v.mutant.why_equivalent}
