"""A stranger's first ten minutes: their files end in a report that says what anybody would count in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.conftest import DEALTRAIL, Warehouse, environment
from tests.strangers.files import STRANGERS, Stranger, german_sheet, salesforce_report, us_sheet

pytestmark = pytest.mark.filterwarnings("ignore")

#: The shorter suite plays one of each kind: a sheet with semicolons, one without ids, the export of a CRM.
_LONG = (german_sheet, us_sheet, salesforce_report)


def dealtrail(folder: Path, *words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = environment(**settings) | {"TZ": "UTC", "COLUMNS": "100", "DEALTRAIL_LOG_FORMAT": "none"}
    return subprocess.run(
        [str(DEALTRAIL), *map(str, words)], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@dataclass
class Look:
    """A first look at a stranger's files, kept as `<name>.yml`."""

    stranger: Stranger
    folder: Path
    status: int
    output: str

    @property
    def warehouse(self) -> Warehouse:
        (place,) = (self.folder / "dealtrail-try").iterdir()
        return Warehouse(place / "warehouse", self.status, self.output)


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], Stranger]], Look]:
    """Each looked at once, in a folder with nothing else in it."""
    known: dict[str, Look] = {}

    def look(make: Callable[[Path], Stranger]) -> Look:
        if make.__name__ not in known:
            folder = tmp_path_factory.mktemp(make.__name__)
            stranger = make(folder / "Downloads of a stranger")
            done = dealtrail(folder, "try", *stranger.files, "--save", f"{stranger.name}.yml")
            known[make.__name__] = Look(stranger, folder, done.returncode, done.stdout + done.stderr)
        return known[make.__name__]

    return look


EACH = [pytest.param(make, marks=pytest.mark.long if make in _LONG else ()) for make in STRANGERS]


def won(warehouse: Warehouse, source: str | None = None) -> tuple[int, Decimal, str]:
    """How many deals were won, for how much, in which currency."""
    where = f"and source = '{source}'" if source else ""
    ((count, amount, currency),) = warehouse.rows(
        f"select count(*), sum(amount), any_value(currency) from marts.fct_deals where status = 'won' {where}"
    )
    return count, amount, currency


@pytest.mark.parametrize("make", EACH)
def test_it_ends_in_a_report_of_what_is_right(looks: Callable[..., Look], make: Callable[[Path], Stranger]) -> None:
    look = looks(make)
    stranger = look.stranger
    assert look.status == 0, look.output
    assert won(look.warehouse) == (stranger.won, stranger.won_amount, stranger.currency)
    assert look.warehouse.value("select count(*) from marts.fct_deals") == stranger.deals
    assert look.warehouse.value("select count(*) from quality.quarantined_rows") == 0
    assert (look.warehouse.path / "report" / "index.html").is_file()


@pytest.mark.parametrize("make", EACH)
def test_the_terminal_says_what_a_person_recognises(
    looks: Callable[..., Look], make: Callable[[Path], Stranger]
) -> None:
    look = looks(make)
    stranger = look.stranger
    assert f"{stranger.won} deals, {stranger.won_amount:,.2f} {stranger.currency}" in look.output
    assert f"deals     {stranger.deals}: " in look.output
    assert "owners    3" in look.output
    assert f"left out  {f'{stranger.passed_over} rows: ' if stranger.passed_over else 'no rows'}" in look.output
    assert re.search(r"report    dealtrail-try/.*/warehouse/report/index.html\n", look.output)
    assert "I assumed" in look.output and "timezone: UTC" in look.output
    assert "Traceback" not in look.output


@pytest.mark.parametrize("make", EACH)
def test_it_is_as_of_the_newest_moment_in_the_data(
    looks: Callable[..., Look], make: Callable[[Path], Stranger]
) -> None:
    look = looks(make)
    as_of = look.warehouse.run_json["as_of"]
    newest = look.warehouse.value(
        "select greatest(max(cast(created_at as date)), max(closed_on)) from marts.fct_deals"
    ).isoformat()
    page = (look.warehouse.path / "report" / "index.html").read_text(encoding="utf-8")
    if look.stranger.name == "hubspot":
        assert as_of == "2025-09-30T00:00:00+00:00"
        said = " ".join(look.output.split())
        assert "when hubspot-crm-exports-all-deals-2025-09-30.csv was exported, by its name" in said
    else:
        assert as_of.startswith(newest)
        assert "UTC: the newest moment in the data" in look.output
    assert f'"newest":"{newest}"' in page


@pytest.mark.parametrize("make", EACH)
def test_each_assumption_names_a_line_of_what_was_saved(
    looks: Callable[..., Look], make: Callable[[Path], Stranger]
) -> None:
    look = looks(make)
    saved = (look.folder / f"{look.stranger.name}.yml").read_text(encoding="utf-8").splitlines()
    numbers = [int(number) for number in re.findall(r"^line (\d+) ", look.output, re.MULTILINE)]
    assert numbers
    assert all("assumed: " in saved[number - 1] for number in numbers)
    assert not any("TODO" in line or "check: " in line for line in saved)


@pytest.mark.parametrize("make", [make for make in STRANGERS if make not in _LONG][:1])
def test_nothing_is_written_elsewhere(looks: Callable[..., Look], make: Callable[[Path], Stranger]) -> None:
    look = looks(make)
    assert {path.name for path in look.folder.iterdir()} == {
        "Downloads of a stranger",
        "dealtrail-try",
        "landing",
        f"{look.stranger.name}.yml",
    }


def test_what_was_saved_runs_every_night(looks: Callable[..., Look], tmp_path: Path) -> None:
    """One stage is changed in each sheet, and all of them are the sources of one night."""
    played = [looks(make) for make in STRANGERS if make not in _LONG]
    sources = []
    (tmp_path / "landing").mkdir()
    for look in played:
        name = look.stranger.name
        saved = look.folder / f"{name}.yml"
        checked = dealtrail(look.folder, "config", "check", PIPELINE_CONFIG=saved.name)
        assert checked.returncode == 0, checked.stderr
        sources += yaml.safe_load(saved.read_text(encoding="utf-8"))["sources"]
        laid = look.folder / "landing" / name
        file = laid / look.stranger.deals_file.name
        content = file.read_bytes()
        encoding = "cp1251" if name == "russian_sheet" else "utf-8"
        before, after = (line.encode(encoding) for line in (look.stranger.before, look.stranger.after))
        assert content.count(before) == 1
        file.write_bytes(content.replace(before, after))
        laid.rename(tmp_path / "landing" / name)
    config = {"timezone": "UTC", "currency": "USD", "sources": sources}
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    done = dealtrail(tmp_path, "nightly")
    assert done.returncode == 0, done.stdout + done.stderr
    warehouse = Warehouse(tmp_path / "warehouse", done.returncode, done.stdout)
    for look in played:
        one = look.stranger
        assert won(warehouse, one.name) == (one.won + 1, one.won_amount + one.adds, one.currency)
