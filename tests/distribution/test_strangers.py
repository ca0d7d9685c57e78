"""A stranger with the wheel alone: five kinds of files, each to a report that is right, and one night after of all."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.distribution.installed import build_wheel, install_beside_these_packages
from tests.strangers.files import STRANGERS

_ENCODINGS = {"german_sheet": "cp1252", "russian_sheet": "cp1251"}


def _won(warehouse: Path, source: str) -> tuple[int, Decimal, str]:
    with duckdb.connect(str(warehouse / "pipeline.duckdb"), read_only=True) as published:
        (found,) = published.execute(
            "select count(*), sum(amount), any_value(currency) from marts.fct_deals "
            "where status = 'won' and source = ?",
            [source],
        ).fetchall()
    return found


@pytest.mark.long
def test_every_kind_of_file_ends_in_a_report_that_is_right_and_a_changed_stage_shows(tmp_path: Path) -> None:
    """The won count and amount are those that plain Python counts; nothing is edited but one stage the night after."""
    installed = install_beside_these_packages(build_wheel(tmp_path / "wheel"), tmp_path / "venv")
    night = tmp_path / "night"
    (night / "landing").mkdir(parents=True)
    sources, strangers = [], []
    for make in STRANGERS:
        here = tmp_path / make.__name__ / "an empty folder"
        here.mkdir(parents=True)
        stranger = make(here.parent / "Downloads")
        done = installed.run("dealtrail", "try", *stranger.files, "--save", f"{stranger.name}.yml", cwd=here, TZ="UTC")
        assert done.returncode == 0, done.stdout + done.stderr
        (place,) = (here / "dealtrail-try").iterdir()
        assert (place / "warehouse" / "report" / "index.html").is_file()
        assert _won(place / "warehouse", stranger.name) == (stranger.won, stranger.won_amount, stranger.currency)

        laid = here / "landing" / stranger.name
        file = laid / stranger.deals_file.name
        encoding = _ENCODINGS.get(stranger.name, "utf-8")
        before, after = (line.encode(encoding) for line in (stranger.before, stranger.after))
        assert file.read_bytes().count(before) == 1
        file.write_bytes(file.read_bytes().replace(before, after))
        sources += yaml.safe_load((here / f"{stranger.name}.yml").read_text(encoding="utf-8"))["sources"]
        shutil.move(laid, night / "landing" / stranger.name)
        strangers.append(stranger)

    config = {"timezone": "UTC", "currency": "USD", "sources": sources}
    (night / "pipeline.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    done = installed.run("dealtrail", "nightly", cwd=night, TZ="UTC")
    assert done.returncode == 0, done.stdout + done.stderr
    for one in strangers:
        assert _won(night / "warehouse", one.name) == (one.won + 1, one.won_amount + one.adds, one.currency)
