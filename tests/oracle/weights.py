"""How far our odds are believed beside the CRM's: what would have been best at the month-ends before."""

from __future__ import annotations

from collections import Counter, defaultdict

from .odds import HORIZON, Odds, Place, Standing, month_number, said_within

ENOUGH_CLOSED = 60


class Weights:
    """Of each source, at each month that was over."""

    def __init__(self, standings: list[Standing], odds: Odds, as_of_month: int) -> None:
        dated = [one for one in standings if one.crm_probability is not None and one.traits[1] != "none"]
        self._terms: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
        self._closed: dict[str, dict[str, int]] = defaultdict(dict)
        alike: Counter[tuple[Standing, Place]] = Counter()
        for one in dated:
            if one.outcome in ("won", "lost") and one.months_to_end is not None:
                closed, month = self._closed[one.place[0]], month_number(one.day) + one.months_to_end
                closed[one.deal_key] = min(month, closed.get(one.deal_key, month))
            alike[one, one.place] += 1
        for (one, place), deals in alike.items():
            ours = 0.0
            for chance in odds.of(place, one.day, one.traits):
                ours += chance.won
                known_from = month_number(one.day) + chance.step
                was_deleted = one.outcome == "deleted" and one.ended_within(chance.step)
                if chance.step > HORIZON or known_from > as_of_month or was_deleted:
                    continue
                crm = said_within(one.kind, 1, chance.step) or 0.0
                came = float(one.outcome == "won" and one.ended_within(chance.step))
                gap = ours - crm
                self._terms[place[0]].append((known_from, deals * gap * (came - crm), deals * gap * gap))

    def ours(self, source: str, known_month: int) -> float:
        """Between 0 and 1; the minimum of a quadratic. `known_month`: the last that is over."""
        closed = sum(month <= known_month for month in self._closed[source].values())
        terms = [one for one in self._terms[source] if one[0] <= known_month]
        squared = sum(one[2] for one in terms)
        if closed < ENOUGH_CLOSED or squared <= 0:
            return 1.0
        return min(1.0, max(0.0, sum(one[1] for one in terms) / squared))
