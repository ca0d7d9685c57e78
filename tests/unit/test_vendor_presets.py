"""The presets know the files and headings that the vendors' exports have, and leave alone what they cannot tell."""

import json
from pathlib import Path

import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.models import Source
from dagster_project.config.stages import configured_stages, pipeline_names, stage_aliases
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.headings import match
from dagster_project.ingest.landing import feed_of, takable
from tests.unit.reading import Landing


def preset(folder: Path, vendor: str) -> Source:
    path = folder / "pipeline.yml"
    path.write_text(f"timezone: UTC\ncurrency: EUR\nsources: [{{name: crm, vendor: {vendor}}}]\n", encoding="utf-8")
    return read_configuration(path).sources[0]


@pytest.mark.parametrize(
    ("vendor", "file", "feed"),
    [
        ("hubspot", "hubspot-crm-exports-all-deals-2026-03-31.csv", "deals"),
        ("hubspot", "hubspot-crm-exports-my-open-deals-2026-03-31-1.xlsx", "deals"),
        ("hubspot", "hubspot-crm-exports-todos-los-negocios-2026-03-31.csv", "deals"),
        ("hubspot", "hubspot-crm-exports-all-contacts-2026-03-31.csv.gz", "contacts"),
        ("hubspot", "hubspot-crm-exports-companies-2026-03-31.csv", "companies"),
        ("hubspot", "hubspot-crm-exports-all-calls-2026-03-31.csv", "calls"),
        ("hubspot", "hubspot-crm-exports-all-emails-2026-03-31.csv", "emails"),
        ("hubspot", "hubspot-crm-exports-all-meetings-2026-03-31.csv", "meetings"),
        ("hubspot", "hubspot-crm-exports-all-notes-2026-03-31.csv", "notes"),
        ("hubspot", "hubspot-crm-exports-all-tasks-2026-03-31.csv", "tasks"),
        # a view whose name does not end in what it lists
        ("hubspot", "hubspot-crm-exports-q4-forecast-2026-03-31.csv", None),
        ("hubspot", "deals.jsonl", "deals"),
        ("hubspot", "deals_2026-03-31.parquet", "deals"),
        ("hubspot", "deals_property_history.csv", "deal_property_history"),
        ("hubspot", "contacts_property_history.csv", None),
        ("hubspot", "owners.csv", "owners"),
        ("salesforce", "OpportunityFieldHistory.csv", "opportunity_field_history"),
        ("salesforce", "OpportunityHistory.csv", "opportunity_history"),
        ("salesforce", "Opportunity_2.csv", "opportunities"),
        ("salesforce", "Event.csv", "events"),
        ("salesforce", "Campaign.csv", "campaigns"),
        ("salesforce", "CampaignMember.csv", None),
        ("salesforce", "EntityHistory.csv", "entity_history"),
        ("salesforce", "FieldHistory.csv", None),
        ("pipedrive", "deals-29684860-7.csv", "deals"),
        ("pipedrive", "deal_changes.csv", "deal_changes"),
        # people are counted as leads only where the configuration says so
        ("pipedrive", "people-29684860-4.csv", None),
    ],
)
def test_files_and_what_they_hold(tmp_path: Path, vendor: str, file: str, feed: str | None) -> None:
    assert feed_of(preset(tmp_path, vendor), file) == feed


HUBSPOT_UI = [
    *(
        "Record ID",
        "Deal Name",
        "Pipeline",
        "Deal Stage",
        "Amount",
        "Currency",
        "Deal owner",
        "Create Date",
        "Close Date",
    ),
    *(
        "Is Closed Won",
        "Is closed lost",
        "Is Deal Closed?",
        "Closed Lost Reason",
        "Original Traffic Source",
        "Merged object IDs",
    ),
    *("Associated Contact IDs", "Associated Company IDs (Primary)", "Associated Company IDs"),
]
HUBSPOT_API = [
    *("hs_object_id", "dealname", "pipeline", "dealstage", "amount", "deal_currency_code", "hubspot_owner_id"),
    *(
        "createdate",
        "closedate",
        "hs_is_closed_won",
        "hs_is_closed_lost",
        "hs_is_closed",
        "closed_lost_reason",
        "hs_analytics_source",
    ),
    *("hs_merged_object_ids", "associations.contacts.results.id", "associations.companies.results.id"),
]


@pytest.mark.parametrize("headings", [HUBSPOT_UI, HUBSPOT_API], ids=["UI", "API"])
def test_hubspot_deals_by_labels_and_by_internal_names(tmp_path: Path, headings: list[str]) -> None:
    feed = preset(tmp_path, "hubspot").feeds["deals"]
    found = match(headings, feed)
    mapped = set(found.positions)
    assert set(feed.columns) - mapped == {"is_deleted"}
    assert found.unmapped == []


def test_hubspot_dates_of_entry_by_labels_and_by_internal_names(tmp_path: Path) -> None:
    feed = preset(tmp_path, "hubspot").feeds["deals"]
    labels = [
        'Date entered "Demo (on site) (Sales Pipeline)"',
        "Date entered 'Demo (on site) (Sales Pipeline)'",  # the older property says it again
        "Date entered 'Terms (Renewals)'",
        "Date entered current stage",
        'Date exited "Demo (on site) (Sales Pipeline)"',
    ]
    found = match(["Record ID", "Deal Stage", *labels], feed, pipelines=["Sales Pipeline"]).stage_dates.values()
    assert [(date.stage, date.pipeline) for date in found] == [
        ("Demo (on site)", "Sales Pipeline"),
        ("Terms", "Renewals"),
    ]
    names = ["hs_v2_date_entered_contractsent", "hs_v2_date_entered_current_stage", "hs_v2_date_exited_contractsent"]
    found = match(["hs_object_id", "dealstage", *names, "hs_date_entered_41278306"], feed).stage_dates.values()
    assert [(date.stage, date.pipeline) for date in found] == [("contractsent", None), ("41278306", None)]


def test_hubspot_headings_in_spanish(tmp_path: Path) -> None:
    feeds = preset(tmp_path, "hubspot").feeds
    deals = match(["ID de registro", "Nombre del negocio", "Etapa del negocio", "Valor", "Moneda"], feeds["deals"])
    assert set(deals.positions) == {"deal_id", "deal_name", "stage", "amount", "currency"}
    spanish = ["ID de registro", "Nombre", "Apellidos", "Correo", "Propietario del contacto", "Estado del lead"]
    contacts = match([*spanish, "Fecha de creación"], feeds["contacts"])
    assert contacts.unmapped == []


@pytest.mark.parametrize("feed", ["calls", "emails", "meetings", "notes", "tasks"])
def test_hubspot_activities_have_an_id_and_their_type(tmp_path: Path, feed: str) -> None:
    activities = preset(tmp_path, "hubspot").feeds[feed]
    assert activities.constants == {"activity_type": feed.removesuffix("s")}
    assert ("activity_id" in match(["Record ID"], activities).positions) is True
    with pytest.raises(RefusedFileError, match=r"no column for activities\.activity_id"):
        match(["Call Title"], activities)


def test_notes_and_tasks_answer_nobody(tmp_path: Path) -> None:
    feeds = preset(tmp_path, "hubspot").feeds
    assert {name: feeds[name].response_types for name in ("calls", "emails", "meetings", "notes", "tasks")} == {
        "calls": ["call"],
        "emails": ["email"],
        "meetings": ["meeting"],
        "notes": [],
        "tasks": [],
    }


def test_hubspot_stages_and_pipelines_are_known_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text("timezone: UTC\ncurrency: EUR\nsources: [{name: crm, vendor: hubspot}]\n", encoding="utf-8")
    config = read_configuration(path)
    assert pipeline_names(config)["crm", "default"] == "Sales Pipeline"
    aliases = stage_aliases(config)
    assert aliases["crm", "sales pipeline", "decisionmakerboughtin"] == "decision maker bought-in"
    assert len(aliases) == 7


def test_the_first_pipeline_of_a_pipedrive_account_has_the_stages_of_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text("timezone: UTC\ncurrency: EUR\nsources: [{name: crm, vendor: pipedrive}]\n", encoding="utf-8")
    config = read_configuration(path)
    assert {pipeline_names(config)["crm", name] for name in ("pipeline", "default")} == {"Pipeline"}
    assert "Demo Scheduled" in [stage.stage for stage in configured_stages(config)]


def test_a_campaign_whose_cost_nobody_entered_has_cost_nothing(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "night")
    landing.put(
        "Campaign_2026-03-01.csv",
        b"Name,StartDate,ActualCost,CurrencyIsoCode\nA,2026-01-10,5000.0,EUR\nB,2026-02-01,,EUR\n",
    )
    (record,) = landing.ingest(preset(tmp_path, "salesforce"))
    assert landing.rows(record, "campaign, amount") == [("A", "5000.0"), ("B", "0")]


def test_only_the_changes_in_a_pipedrive_deals_flow_are_changes(tmp_path: Path) -> None:
    change = {
        "item_id": 1,
        "field_key": "org_id",
        "old_value": "4",
        "new_value": "5",
        "log_time": "2026-01-05 10:00:00",
    }
    flow = [
        {"object": "dealChange", "timestamp": "2026-01-05 10:00:00", "data": change},
        {"object": "activity", "timestamp": "2026-01-06 10:00:00", "data": {"id": 77, "deal_id": 1}},
        {"object": "note", "timestamp": "2026-01-06 11:00:00", "data": {"id": 78, "deal_id": 1}},
    ]
    landing = Landing(tmp_path / "night")
    landing.put("deal_flow_2026-03-01.json", json.dumps({"success": True, "data": flow}).encode())
    (record,) = landing.ingest(preset(tmp_path, "pipedrive"))
    assert landing.rows(record, "deal_id, field, new_value") == [("1", "account_id", "5")]
    assert (record.rows_in_file, record.message) == (
        1,
        "2 rows that are no deal_changes were passed over: not 'object' dealChange",
    )


def test_salesforce_changes_of_opportunities_among_those_of_all_objects(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "night")
    landing.put(
        "EntityHistory_2026-03-01.csv",
        b"Id,ParentId,ParentSobjectType,FieldName,OldvalString,OldvalNumber,OldvalDate,"
        b"NewvalString,NewvalNumber,NewvalDate,CreatedDate\n"
        b"1,006A,Opportunity,StageName,Qualification,,,Closed Won,,,2026-01-05 10:00:00\n"
        b"2,001A,Account,Name,a,,,b,,,2026-01-05 10:00:00\n"
        b"3,006A,opportunity,Amount,,1.0,,,2.0,,2026-01-05 10:00:00\n",
    )
    (record,) = landing.ingest(preset(tmp_path, "salesforce"))
    assert landing.rows(record, "deal_id, field, old_value, new_value") == [
        ("006A", "stage", "Qualification", "Closed Won"),
        ("006A", "amount", "1.0", "2.0"),
    ]


def test_people_who_could_be_counted_as_leads_are_spoken_of(tmp_path: Path) -> None:
    said = takable(preset(tmp_path, "pipedrive"), ["old/people-29684860-4.csv.gz", "people-1.csv", "photos.zip"])
    assert said == [
        'old/people-29684860-4.csv.gz can be read as leads: to the source add `feeds: {people: {files: ["people-*"]}}`'
    ]


def test_a_pipedrive_activity_has_its_deal_by_id_not_by_title(tmp_path: Path) -> None:
    activities = preset(tmp_path, "pipedrive").feeds["activities"]
    found = match(["Activity - ID", "Activity - Deal", "Deal - ID", "Person - ID", "Organization - ID"], activities)
    assert {column: at for column, at in found.positions.items() if column != "activity_id"} == {
        "deal_id": (2,),
        "lead_id": (3,),
        "account_id": (4,),
    }
    assert found.unmapped == ["Activity - Deal"]


def test_salesforce_days_stay_days_and_moments_at_midnight_moments(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "night")
    landing.put(
        "Event_2026-03-01.csv",
        b"Id,ActivityDateTime,ActivityDate\n1,2026-02-02 00:00:00,2026-02-02 00:00:00\n2,,2026-02-03 00:00:00\n",
    )
    (record,) = landing.ingest(preset(tmp_path, "salesforce"))
    assert landing.rows(record, "due_at") == [("2026-02-02 00:00:00",), ("2026-02-03",)]


def test_salesforce_tasks_say_what_they_are_and_whether_they_are_done(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "night")
    landing.put(
        "Task_2026-03-01.csv",
        b"Id,Type,TaskSubtype,Subject,Status,ActivityDate\n"
        b"1,Call,Task,Called,Completed,2026-02-01 00:00:00\n"
        b"2,,Task,Email: hello,Waiting on someone else,\n"
        b"3,,Email,Re: hello,Completed,\n"
        b"4,,Task,Prepare,Our own word,\n",
    )
    (record,) = landing.ingest(preset(tmp_path, "salesforce"))
    assert landing.rows(record, "activity_type, is_done, due_at") == [
        ("Call", "true", "2026-02-01"),
        ("Email", "false", None),
        ("Email", "true", None),
        ("Task", "Our own word", None),
    ]
