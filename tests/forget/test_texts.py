"""What means a person in a text, and what only looks so."""

import pytest

from dagster_project.lake.erasure.texts import Texts, is_distinctive_id, is_distinctive_name, spellings

TEXTS = Texts(
    {"Zoë O'Hara": "[name]", "zoe@x.example": "[mail]", "00Q77": "[id]"},
    {"crm:1007": "crm:[id]", "crm:00Q77": "crm:[id]"},
)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("to ZOË O'HARA, zoe@x.example.", "to [name], [mail]."),
        ('{"said": "mail\\nZo\\u00eb O\'Hara"}', '{"said": "mail\\n[name]"}'),
        ("<td>Zoë O&#x27;Hara</td><td>Zoë O&#39;Hara</td>", "<td>[name]</td><td>[name]</td>"),
        ("?q=zoe%40x.example&id=00Q77", "?q=[mail]&id=[id]"),
        ("crm:1007, crm:10071, 1007, crm:00Q77", "crm:[id], crm:10071, 1007, crm:[id]"),
        ("anzoe@x.example, an.zoe@x.example, zoe@x.example.org, 00Q777", None),
        ("Zoë O'Haraldson", None),
    ],
)
def test_every_spelling_is_replaced_and_nothing_that_only_begins_alike(text: str, without: str | None) -> None:
    assert TEXTS.replaced(text) == (without or text)
    assert TEXTS.mentioned(text) == (without is not None)
    if without is not None:
        assert any(needle in text.lower() for needle in TEXTS.needles)


def test_bytes_hold_an_id_as_a_whole_and_a_name_wherever_it_stands() -> None:
    assert Texts({"00Q77": ""}).in_bytes(b"\x0500q77\x00") and not Texts({"00Q77": ""}).in_bytes(b"x00Q777")
    assert Texts({"Zoë Hara": ""}).in_bytes("abcZOË HARAxyz".encode())


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("00Q5g000002jo7r", True), ("L-01", False), ("L-013", True), ("1007", False), ("240771941564", True)],
)
def test_which_ids_are_looked_for_in_texts(value: str, is_one: bool) -> None:
    assert is_distinctive_id(value) == is_one


@pytest.mark.parametrize(
    ("name", "is_one"), [("Bo Li", True), ("Ulla", False), ("J. Li", False), ("Ada M. Byron", True)]
)
def test_which_names_mean_one_person_wherever_they_stand(name: str, is_one: bool) -> None:
    assert is_distinctive_name(name) == is_one


def test_a_name_is_also_written_the_other_way_round() -> None:
    assert spellings("Ada Byron") == ["Ada Byron", "Byron, Ada"]
