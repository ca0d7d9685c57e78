"""One night on the planted worlds for all tests of a session; a longer one on many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hygiene.limits import DEFAULT, OTHER
from tests.hygiene.prebuilt import Prebuilt, prebuild
from tests.hygiene.worlds import planted_sources

#: Seeds of sources full of records, and of sources full of deliveries, and the limits they are made for.
SIZES = [
    pytest.param((range(9), range(3), DEFAULT), id="default"),
    pytest.param((range(9, 45), range(3, 12), DEFAULT), id="long", marks=pytest.mark.long),
    pytest.param((range(45, 54), range(12, 15), OTHER), id="other limits", marks=pytest.mark.long),
]


@pytest.fixture(scope="session", params=SIZES)
def prebuilt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prebuilt:
    return prebuild(planted_sources(*request.param), Path(tmp_path_factory.mktemp("planted")))
