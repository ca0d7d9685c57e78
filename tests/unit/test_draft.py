"""What the draft of a source makes of headings and values, and what it says where it cannot know."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.draft import vendor as recognition
from dagster_project.draft.command import Drafted, draft_source
from dagster_project.draft.feeds import pattern_of
from dagster_project.draft.words import stage_meaning
from dagster_project.draft.yaml_text import scalar
from dagster_project.errors import ConfigurationError
from tests.unit.delivering import delimited, json_lines, parquet, xlsx, zipped

DEALS = [["Deal No", "Stage", "Value"], ["D-1", "New", "10.5"], ["D-2", "Won", "20"], ["D-3", "Offer", "7"]]


def draft(folder: Path, **files: str | bytes) -> Drafted:
    """A draft of these files: name (`__` stands for the dot) → content."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return draft_source(paths)


def source(drafted: Drafted, folder: Path) -> Source:
    """The source that a run would read from the draft."""
    path = folder / "pipeline.yml"
    path.write_text(drafted.text, encoding="utf-8")
    return read_configuration(path).sources[0]


def columns(drafted: Drafted, folder: Path, feed: str = "deals") -> dict[str, str]:
    return {column: str(headings[0]) for column, headings in source(drafted, folder).feeds[feed].columns.items()}


# ------------------------------------------------------------------ headings


@pytest.mark.parametrize(
    ("headings", "row"),
    [
        ("Deal No,Phase,Value,Rep,Customer,Opened,Closing,Why lost", "1,New,10,Ann,Acme,2025-01-02,2025-02-02,"),
        ("Projekt-Nr.,Phase,Betrag,Verkäufer,Kunde,Angelegt am,Abschluss,Verlustgrund", "1,Neu,10,A,B,2025-01-02,,"),
        ("N° affaire,Étape,Montant,Commercial,Client,Créé le,Date de clôture,Motif de perte", "1,x,5,A,B,2025-01-02,,"),
        ("ID oportunidad,Etapa,Importe,Comercial,Cliente,Fecha de creación,Fecha de cierre,Motivo", "1,x,5,A,B,,,"),
        ("opportunity_id,deal_stage,dealValue,sales_rep,account,created_date,close_date,lost_reason", "1,x,5,A,B,,,"),
    ],
)
def test_headings_in_four_languages(tmp_path: Path, headings: str, row: str) -> None:
    second = "2" + row[1:]
    drafted = draft(tmp_path, deals__csv=f"{headings}\n{row}\n{second}\n")
    wanted = ["deal_id", "stage", "amount", "owner_id", "account_id", "created_at", "close_on", "lost_reason"]
    found = columns(drafted, tmp_path)
    assert [found.get(column) for column in wanted] == headings.split(",")


@pytest.mark.parametrize(
    ("name", "rows", "entity", "wanted"),
    [
        (
            "leads",
            [["Lead-ID", "E-Mail", "Status", "Quelle"], ["L1", "a@b.example", "neu", "Web"]],
            "leads",
            {"lead_id": "Lead-ID", "email": "E-Mail", "status": "Status", "lead_source": "Quelle"},
        ),
        (
            "tareas",
            [["ID tarea", "Negocio", "Tipo", "Vencimiento", "Hecho"], ["T1", "D1", "Llamada", "2025-01-02", "sí"]],
            "activities",
            {"activity_id": "ID tarea", "deal_id": "Negocio", "due_at": "Vencimiento", "is_done": "Hecho"},
        ),
        (
            "history",
            [
                ["Deal ID", "Field", "Old", "New", "Changed at"],
                *[["D1", "Stage", "a", "b", f"2025-01-0{n}"] for n in (1, 2)],
            ],
            "deal_changes",
            {
                "deal_id": "Deal ID",
                "field": "Field",
                "old_value": "Old",
                "new_value": "New",
                "changed_at": "Changed at",
            },
        ),
        (
            "versions",
            [["Deal ID", "Stage", "Valid from"], *[["D1", "a", f"2025-01-0{n}"] for n in (1, 2, 3)]],
            "deal_versions",
            {"deal_id": "Deal ID", "stage": "Stage", "version_at": "Valid from"},
        ),
        (
            "kurse",
            [["Stichtag", "Währung", "Kurs"], ["2025-01-02", "USD", "0.93"], ["2025-01-03", "USD", "0.94"]],
            "exchange_rates",
            {"rate_on": "Stichtag", "currency": "Währung", "rate": "Kurs"},
        ),
        (
            "ads",
            [["Month", "Campaign", "Cost", "Currency"], ["2025-01", "Summer", "100.5", "EUR"]],
            "spend",
            {"spent_on": "Month", "campaign": "Campaign", "amount": "Cost", "currency": "Currency"},
        ),
        (
            "customers",
            [["Customer", "Name", "Branch"], ["C1", "Acme", "Steel"], ["C2", "Apex", "Wood"]],
            "accounts",
            {"account_id": "Customer", "account_name": "Name", "segment": "Branch"},
        ),
        (
            "reps",
            [["Rep", "Name", "Active"], ["R1", "Ann", "yes"], ["R2", "Bob", "no"]],
            "owners",
            {"owner_id": "Rep", "owner_name": "Name", "is_active": "Active"},
        ),
        (
            "stages",
            [["Stage ID", "Stage name"], ["1", "New"], ["2", "Won"]],
            "stages",
            {"stage_id": "Stage ID", "stage_name": "Stage name"},
        ),
    ],
)
def test_each_entity(tmp_path: Path, name: str, rows: list[list[str]], entity: str, wanted: dict[str, str]) -> None:
    drafted = draft(tmp_path, **{f"{name}__csv": delimited(rows)})
    feed = source(drafted, tmp_path).feeds[entity]
    found = {column: headings[0] for column, headings in feed.columns.items()}
    assert wanted.items() <= found.items()
    assert not any("no heading for" in line for line in drafted.left)


def test_what_values_say_stands_above_what_headings_say(tmp_path: Path) -> None:
    """`Amount` holds words and `Created` numbers; the stage is under a heading that says nothing."""
    rows = [
        ["Deal No", "Ampel", "Amount", "Created"],
        *[[f"D{n}", stage, "much", str(n)] for n, stage in enumerate(["New", "Offer", "Won", "Lost", "New", "Won"])],
    ]
    found = columns(draft(tmp_path, deals__csv=delimited(rows)), tmp_path)
    assert found["stage"] == "Ampel"
    assert "created_at" not in found
    assert found.get("amount") != "Amount"


def test_guesses_by_values_alone_say_so(tmp_path: Path) -> None:
    rows = [["X", "Deal stage", "Z"], *[[f"k{n}", "Won" if n % 2 else "New", "a"] for n in range(9)]]
    text = draft(tmp_path, deals__csv=delimited(rows)).text
    assert re.search(r"deal_id: \[X\] +# check: every value is different; e.g. k0", text)
    assert "# not read: Z" in text


def test_a_list_of_anything_else_is_left_alone(tmp_path: Path) -> None:
    products = [["id", "name", "price"], ["1", "Screw", "2.5"], ["2", "Nail", "1.5"]]
    drafted = draft(tmp_path, deals__csv=delimited(DEALS), products__csv=delimited(products))
    assert list(source(drafted, tmp_path).feeds) == ["deals"]
    assert "# products.csv: its headings do not say what it is" in drafted.text


# ------------------------------------------------------------------ vendors


VENDOR_FILES = sorted((Path(__file__).with_name("vendors")).glob("*.yml"))
DESCRIBED = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in VENDOR_FILES}
VENDORS = [pytest.param(vendor, said["drafted"], id=vendor) for vendor, said in DESCRIBED.items()]


def of_a_vendor(headings: list[str]) -> str:
    """A file of deals with these headings and nothing but ids."""
    return delimited([headings, ["1", *["" for _ in headings[1:]]], ["2", *["" for _ in headings[1:]]]])


@pytest.mark.parametrize(("vendor", "headings"), VENDORS)
def test_a_vendor_is_known_by_its_headings(tmp_path: Path, vendor: str, headings: list[str]) -> None:
    drafted = draft(tmp_path, **{"My list 2025__csv": of_a_vendor(headings)})
    drafted_source = source(drafted, tmp_path)
    assert drafted_source.vendor == vendor
    feed = next(name for name, feed in drafted_source.feeds.items() if "My list *.csv" in feed.files)
    assert drafted_source.feeds[feed].entity == "deals"
    assert "columns:" not in drafted.text


@pytest.mark.parametrize(("vendor", "headings"), VENDORS)
@pytest.mark.parametrize("name", ["My list 2025__csv", "Deals_2026_01_05__csv", "opportunities__csv"])
def test_an_export_of_a_vendor_without_a_preset_is_no_other_vendors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, headings: list[str], name: str
) -> None:
    others = [other for other in recognition.vendor_names() if other != vendor]
    monkeypatch.setattr(recognition, "vendor_names", lambda: others)
    users = "Record Id,Email\n1,a@b.example\n"
    drafted = draft(tmp_path, **{name: of_a_vendor(headings), "Users_2026_01_05__csv": users})
    assert source(drafted, tmp_path).vendor is None


def test_plain_words_are_no_vendors(tmp_path: Path) -> None:
    rows = [
        ["Id", "Name", "Stage", "Amount", "Owner", "Created Date", "Close Date"],
        ["1", "a", "New", "1", "x", "", ""],
    ]
    assert source(draft(tmp_path, deals__csv=delimited(rows)), tmp_path).vendor is None


def test_names_that_the_preset_takes_need_no_pattern(tmp_path: Path) -> None:
    rows = [["Deal - ID", "Deal - Title", "Deal - Stage", "Deal - Value"], ["1", "a", "Qualified", "5"]]
    drafted = draft(tmp_path, **{"deals-29684860-7__csv": delimited(rows)})
    assert "files:" not in drafted.text
    assert "tried deals" not in drafted.text
    assert drafted.said == ["deals: 1 row of deals in 1 file, 0 rejected"]


# ------------------------------------------------------------------ dates, numbers, words of values


def test_dates_read_two_ways_are_left_to_choose(tmp_path: Path) -> None:
    rows = [
        ["Deal No", "Stage", "Opened", "Closing"],
        ["1", "New", "03/04/2025 10:00", "25/12/2025"],
        ["2", "Won", "05/06/2025 11:30", "1/12/2025"],
    ]
    drafted = draft(tmp_path, deals__csv=delimited(rows))
    assert any("3 April 2025 or 4 March 2025" in line for line in drafted.left)
    day_first = '# date_formats: ["%d/%m/%Y", "%d/%m/%Y %H:%M"]'
    # a column that proves itself keeps its format beside the one that is chosen
    assert day_first in drafted.text
    assert '# date_formats: ["%d/%m/%Y", "%m/%d/%Y %H:%M"]' in drafted.text
    chosen = Drafted(drafted.text.replace(day_first, day_first.removeprefix("# ")), [], [], [], [])
    assert source(chosen, tmp_path).feeds["deals"].date_formats == ["%d/%m/%Y", "%d/%m/%Y %H:%M"]


def test_amounts_read_two_ways_are_left_to_choose(tmp_path: Path) -> None:
    drafted = draft(tmp_path, deals__csv=delimited([["Deal No", "Stage", "Value"], ["1", "New", "1.200"]]))
    assert '# decimal_separator: "."' in drafted.text
    assert '# decimal_separator: ","' in drafted.text
    assert any("1.200 or 1200" in line for line in drafted.left)


def test_what_proves_itself_is_not_asked(tmp_path: Path) -> None:
    rows = [["Deal No", "Stage", "Value", "Opened"], ["1", "New", "1.200,50 €", "13.04.2025"]]
    drafted = draft(tmp_path, deals__csv=delimited(rows, delimiter=";"))
    assert drafted.left == []
    assert "date_formats" not in drafted.text
    assert source(drafted, tmp_path).currency == "EUR"


@pytest.mark.parametrize(("said", "currency"), [("CHF", "CHF"), ("usd", "USD")])
def test_the_one_currency_of_a_column_is_the_sources(tmp_path: Path, said: str, currency: str) -> None:
    rows = [["Deal No", "Stage", "Value", "Currency"], ["1", "New", "5", said], ["2", "Won", "6", said]]
    assert source(draft(tmp_path, deals__csv=delimited(rows)), tmp_path).currency == currency


def test_other_words_for_what_is_known(tmp_path: Path) -> None:
    deals = [
        ["Deal Nr", "Phase", "Status"],
        ["1", "Demo", "offen"],
        ["2", "Demo", "gewonnen"],
        ["3", "Neu", "verloren"],
    ]
    calls = [["Anruf-Nr", "Deal Nr", "Fällig am", "Erledigt", "Richtung"], ["1", "1", "2025-01-02", "ja", "ausgehend"]]
    feeds = source(draft(tmp_path, deals__csv=delimited(deals), anrufe__csv=delimited(calls)), tmp_path).feeds
    assert feeds["deals"].values == {"status": {"open": ["offen"], "won": ["gewonnen"], "lost": ["verloren"]}}
    assert feeds["activities"].values == {"direction": {"outbound": ["ausgehend"]}, "is_done": {"true": ["ja"]}}
    assert feeds["activities"].constants == {"activity_type": "call"}


def test_fields_of_a_log_by_other_names(tmp_path: Path) -> None:
    log = [
        ["Deal ID", "Feld", "Neu", "Wann"],
        *[["1", field, "x", "2025-01-02"] for field in ("Phase", "Betrag", "Farbe")],
    ]
    feed = source(draft(tmp_path, log__csv=delimited(log)), tmp_path).feeds["deal_changes"]
    assert feed.values == {"field": {"stage": ["Phase"], "amount": ["Betrag"]}}


# ------------------------------------------------------------------ stages


def stages(drafted: Drafted, folder: Path) -> list[tuple[str, str | None]]:
    (pipeline,) = source(drafted, folder).pipelines
    return [(stage.name, stage.canonical) for stage in pipeline.stages]


def of_stages(*names: str, reasons: dict[str, str] | None = None) -> str:
    rows = [[f"D{n}", name, (reasons or {}).get(name, "")] for n, name in enumerate(names)]
    return delimited([["Deal No", "Stage", "Lost reason"], *rows])


def test_stages_stand_in_the_order_of_a_deals_life(tmp_path: Path) -> None:
    drafted = draft(tmp_path, deals__csv=of_stages("Verloren", "Angebot", "Vendu", "New", "Demo booked"))
    assert stages(drafted, tmp_path) == [
        ("New", "prospecting"),
        ("Demo booked", "demo"),
        ("Angebot", "proposal"),
        ("Vendu", "won"),
        ("Verloren", "lost"),
    ]
    assert re.search(r"Demo booked.*check: by part of its name", drafted.text)


def test_numbers_in_front_of_stages_are_their_order(tmp_path: Path) -> None:
    names = ["10 Pflaume", "2 Angebot", "1 Birne", "3. Quitte", "Won"]
    assert stages(draft(tmp_path, deals__csv=of_stages(*names)), tmp_path) == [
        ("1 Birne", "prospecting"),
        ("2 Angebot", "proposal"),
        ("3. Quitte", "proposal"),
        ("10 Pflaume", "proposal"),
        ("Won", "won"),
    ]


def test_a_stage_whose_deals_have_a_reason_is_a_loss_to_check(tmp_path: Path) -> None:
    drafted = draft(tmp_path, deals__csv=of_stages("New", "Birne", reasons={"Birne": "too dear"}))
    assert stages(drafted, tmp_path) == [("New", "prospecting"), ("Birne", "lost")]
    assert re.search(r"Birne.*check: most of its deals have a reason for their loss", drafted.text)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("Closed Won", "won"), ("GEWONNEN", "won"), ("Signed", "won"), ("Perdu", "lost"), ("Angebot verloren", "lost"),
     ("Quote Sent", "proposal"), ("closedlost", "lost"), ("Erstgespräch", "contact"), ("Birne", None)],
)  # fmt: skip
def test_stages_by_their_words(name: str, canonical: str | None) -> None:
    found = stage_meaning(name)
    assert (found.meaning if found else None) == canonical


def test_dates_of_stages_are_found_by_their_names(tmp_path: Path) -> None:
    rows = [
        ["Deal No", "Stage", "Date entered New", "Birne since", "Last activity"],
        ["1", "New", "2025-01-02", "", "2025-05-05"],
        ["2", "Birne", "2025-01-02", "2025-01-09", "2025-05-05"],
    ]
    drafted = draft(tmp_path, deals__csv=delimited(rows))
    assert set(source(drafted, tmp_path).feeds["deals"].stage_dates) == {"Date entered {stage}", "{stage} since"}
    assert "# not read: Last activity" in drafted.text


def test_each_pipeline_has_its_own_stages(tmp_path: Path) -> None:
    rows = [["Deal No", "Pipeline", "Stage"], ["1", "New business", "New"], ["2", "Renewals", "Quote"]]
    pipelines = source(draft(tmp_path, deals__csv=delimited(rows)), tmp_path).pipelines
    assert {pipeline.name: [stage.name for stage in pipeline.stages] for pipeline in pipelines} == {
        "New business": ["New"],
        "Renewals": ["Quote"],
    }


# ------------------------------------------------------------------ what is missing, what is private


def test_what_deals_need_is_a_todo(tmp_path: Path) -> None:
    drafted = draft(tmp_path, deals__csv=delimited([["Deal No", "Value"], ["1", "5"], ["2", "6"]]))
    assert re.search(r"# stage: \[\] +# TODO: the column that says where a deal stands", drafted.text)
    assert "deals: no heading for stage" in drafted.left


def test_another_feed_without_its_id_is_not_in_force(tmp_path: Path) -> None:
    visits = [["Deal No", "Visited on", "Besuch"], ["D-1", "2025-01-02", "kurz"], ["D-1", "2025-01-03", "kurz"]]
    drafted = draft(tmp_path, deals__csv=delimited(DEALS), visits__csv=delimited(visits))
    assert list(source(drafted, tmp_path).feeds) == ["deals"]
    assert "# Not in force: TODO activity_id" in drafted.text
    uncommented = re.sub(r"^      # (activities:|  )", r"      \1", drafted.text, flags=re.MULTILINE)
    feeds = source(Drafted(uncommented, [], [], [], []), tmp_path).feeds
    assert feeds["activities"].files == ["visits.csv"]


def test_nobodys_address_or_number_is_shown(tmp_path: Path) -> None:
    rows = [
        ["Lead ID", "Email", "Telefon", "Company", "Status", "Source"],
        ["L1", "ann@acme.example", "+49 30 1234567", "ann@acme.example", "bob@acme.example", "030 7654321"],
        ["L2", "bea@acme.example", "030/1234567", "Acme", "new", "Web"],
    ]
    drafted = draft(tmp_path, leads__csv=delimited(rows))
    assert "@" not in drafted.text
    assert "1234567" not in drafted.text.replace(" ", "") and "7654321" not in drafted.text
    assert "# personal_data: {email: hash}" in drafted.text
    assert "personal data that is not read at all: 'Telefon'" in drafted.text


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("deals_2025-01-31.csv", "deals_*.csv"),
        ("Liste 31.12.2025 (3).xlsx", "Liste * (*).xlsx"),
        ("export20250131T0200Z.json.gz", "export*.json"),
        ("deals.csv", "deals.csv"),
        ("2025-01-31.csv", "2025-01-31.csv"),
        ("deals [new] 7.csv", "deals [[]new] *.csv"),
    ],
)
def test_patterns_of_names(name: str, pattern: str) -> None:
    assert pattern_of(name) == pattern


def test_files_of_one_kind_share_a_feed(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "deals_2025-01-01__csv": of_stages("New", "Offer"),
        "deals_2025-01-02__csv": of_stages("New", "Won"),
        "deals_2024__csv__gz": gzip.compress(of_stages("Lost", "Lost").encode()),
    }
    drafted = draft(tmp_path, **files)
    feed = source(drafted, tmp_path).feeds["deals"]
    assert feed.files == ["deals_*.csv"]
    # the stages of all nights
    assert [name for name, _ in stages(drafted, tmp_path)] == ["New", "Offer", "Won", "Lost"]


def test_every_format_and_archives(tmp_path: Path) -> None:
    for name, content in (
        ("a.tsv", delimited(DEALS, delimiter="\t").encode()),
        ("a.jsonl", json_lines(DEALS).encode()),
        ("a.parquet", parquet(DEALS, tmp_path / "p")),
        ("a.xlsx", xlsx({"Deals": [["Our deals"], [], *DEALS], "Empty": []})),
        ("a.zip", zipped({"deals.csv": delimited(DEALS).encode()})),
        ("a.csv", delimited(DEALS).encode("utf-16")),
    ):
        (tmp_path / name).write_bytes(content)
        drafted = draft_source([tmp_path / name])
        assert drafted.said == ["deals: 3 rows of deals in 1 file, 0 rejected"], name
        assert columns(drafted, tmp_path) == {"deal_id": "Deal No", "stage": "Stage", "amount": "Value"}, name


def test_a_source_is_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "north_shop" / "2025-01-31"
    folder.mkdir(parents=True)
    (folder / "deals.csv").write_text(delimited(DEALS))
    (folder / ".hidden").write_text("x")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4")
    drafted = draft_source([tmp_path / "landing"])
    assert "- name: north_shop" in draft_source([folder.parent]).text
    assert "broken.pdf: is a PDF" in re.sub(r"[\s#]+", " ", drafted.text)
    assert "- name: other" in draft_source([folder], "other").text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"%PDF-1.4", "is a PDF"),
        ("a.xlsx", b"PK\x03\x04broken", "damaged"),
        ("a.csv", b'Deal No,Stage\n1,"New\n2,Won\n', "never closed"),
        ("a.csv", b"ann@acme.example,2025-01-02,12.5\nbea@acme.example,2025-01-03,7\n", "has no headings"),
        ("a.csv", b"Foo,Bar\nx,y\n", "says what it is"),
    ],
)
def test_a_file_that_cannot_be_drafted_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(said)) as error:
        draft_source([tmp_path / name])
    assert error.value.exit_status == 2
    assert "@" not in str(error.value)


def test_wrong_usage(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["source", "draft"]).exit_code == 2
    deals = tmp_path / "deals.csv"
    deals.write_text(delimited(DEALS))
    with pytest.raises(ConfigurationError, match="there is no such file"):
        draft_source([tmp_path / "missing.csv"])
    with pytest.raises(ConfigurationError, match="small letters"):
        draft_source([deals], "My CRM")
    out = tmp_path / "pipeline.yml"
    out.write_text("keep: me\n")
    result = runner.invoke(app, ["source", "draft", str(deals), "--out", str(out)])
    assert isinstance(result.exception, ConfigurationError)
    assert out.read_text() == "keep: me\n"


# ------------------------------------------------------------------ the words themselves


@pytest.mark.parametrize(
    "text", ["no", "Deal No", "a: b", "#1", " x", "3 %", 'say "hi"', "[x]", "Wie?", "null", "€", "x\ty"]
)
def test_scalars_come_back_as_they_were(text: str) -> None:
    import yaml

    assert yaml.safe_load(f"key: [{scalar(text)}]") == {"key": [text]}
