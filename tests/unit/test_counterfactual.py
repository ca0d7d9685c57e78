"""Why records are not computed again with the configuration before, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.transform.counterfactual import _CannotTellError, _configuration_then
from dagster_project.transform.publications import configured_as_json
from tests.conftest import PROJECT


def run_of(config: Configuration) -> Any:
    return SimpleNamespace(settings=SimpleNamespace(config=config))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "the version that published last did not keep it"),
        ('{"timezone": "UTC"}', r"this version does not read it \(2 mistakes\)"),
    ],
)
def test_a_configuration_that_is_not_known(said: str | None, why: str) -> None:
    with pytest.raises(_CannotTellError, match=why):
        _configuration_then(run_of(read_configuration(PROJECT / "pipeline.yml")), said)


def test_it_is_that_of_then_with_the_memory_of_now() -> None:
    config = read_configuration(PROJECT / "pipeline.yml").model_copy(update={"memory": "3GB"})
    then = _configuration_then(run_of(config), configured_as_json(config))
    assert then.memory == "3GB" and configured_as_json(then) == configured_as_json(config)
