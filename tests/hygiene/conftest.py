"""One night on the planted worlds for all tests of a session; a longer one on many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hygiene.prebuilt import Prebuilt, prebuild
from tests.hygiene.worlds import planted_sources

#: Seeds of sources full of records, and of sources full of deliveries.
SIZES = [
    pytest.param((range(9), range(3)), id="default"),
    pytest.param((range(9, 54), range(3, 18)), id="long", marks=pytest.mark.long),
]


@pytest.fixture(scope="session", params=SIZES)
def prebuilt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prebuilt:
    records, deliveries = request.param
    return prebuild(planted_sources(records, deliveries), Path(tmp_path_factory.mktemp("planted")))
