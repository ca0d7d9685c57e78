"""The plain-language words of `entities.yml`, `words.yml` and the vendors' presets: what a heading or a value means."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dagster_project.config.entities import COLUMN_WORDS, ENTITIES
from dagster_project.config.presets import read_preset, vendor_names
from dagster_project.config.stages import TEMPLATES
from dagster_project.config.yaml_files import read_words
from dagster_project.read.headings import heading_key

_WORDS = Path(__file__).with_name("words.yml")
_MIN_COMPOUND = 5
#: What turns the word behind it into its contrary: `unsigned`, `disqualified`.
_NOT = ("un", "dis", "non", "re", "in", "не")
#: What stands behind a word for an amount.
_CURRENCIES = (
    "eur", "euro", "usd", "gbp", "chf", "jpy", "cad", "aud", "rub", "руб", "рублеи", "pln", "czk", "sek", "nok", "dkk",
)  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What a value means; `is_sure` if the whole of it is a known word."""

    meaning: str
    is_sure: bool


def plain(text: str) -> str:
    """Words without case, accents and punctuation, one space between them: `ProjektNr.` → `projekt nr`."""
    apart = re.sub(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])", " ", text.replace("\ufeff", "").replace("№", " no "))
    bare = "".join(char for char in unicodedata.normalize("NFD", apart) if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W_]+|#", bare.casefold()))


@cache
def listed(part: str) -> dict[str, list[str]]:
    """A part of words.yml: meaning → its words, plain."""
    return {meaning: [plain(word) for word in said] for meaning, said in _words()[part].items()}


@cache
def listed_flat(part: str) -> tuple[str, ...]:
    """A part of words.yml that is one list, plain."""
    return tuple(plain(word) for word in _words()[part])


@cache
def nouns(entity: str) -> tuple[str, ...]:
    """What a record of an entity is called, plain; nothing where events have no name."""
    return tuple(plain(word) for word in ENTITIES[entity].nouns)


@cache
def column_words(column: str) -> tuple[str, ...]:
    """What people call a column, plain, likelier words first."""
    return tuple(plain(word) for word in COLUMN_WORDS.get(column, ()))


def stage_date_patterns() -> list[str]:
    """Patterns of headings that hold the day a stage was entered: ours, then the vendors'."""
    own: list[str] = _words()["stage_dates"]
    theirs = [
        pattern
        for vendor in vendor_names()
        for feed in read_preset(vendor)["feeds"].values()
        for pattern in feed.get("stage_dates", [])
    ]
    return list(dict.fromkeys([*own, *theirs]))


@cache
def vendor_headings(entity: str, column: str) -> frozenset[str]:
    """The headings (as keys) by which any vendor's preset finds this column."""
    return frozenset(
        heading_key(heading)
        for vendor in vendor_names()
        for feed in read_preset(vendor)["feeds"].values()
        if feed["entity"] == entity
        for heading in feed["columns"].get(column, [])
        if isinstance(heading, str)
    )


@cache
def _words() -> dict[str, Any]:
    return read_words(_WORDS)


# ------------------------------------------------------------------ values


def meaning(part: str, value: str, whole_only: tuple[str, ...] = ()) -> Meaning | None:
    """What a value means by the words of a part: the whole of it, else the longest word within it.

    `whole_only`: words that within another text say nothing.
    """
    text = plain(value)
    found: list[tuple[int, str]] = []
    for name, said in listed(part).items():
        if text in said:
            return Meaning(name, is_sure=True)
        found += [(len(word), name) for word in said if word not in whole_only and _holds(text, word)]
    return Meaning(max(found)[1], is_sure=False) if found else None


def stage_meaning(name: str) -> Meaning | None:
    """The canonical stage that a stage's name tells of; a win or loss before anything else its name says."""
    key = plain(name)
    if key in _known_stages():
        return Meaning(_known_stages()[key], is_sure=True)
    for canonical, said in listed("stages").items():
        if key in said:
            return Meaning(canonical, is_sure=True)
    for canonical in ("lost", "won"):
        if any(_holds(key, word) for word in listed("outcomes")[canonical]):
            return Meaning(canonical, is_sure=False)
    return meaning("stages", name, whole_only=listed_flat("whole_names"))


@cache
def _known_stages() -> dict[str, str]:
    """Plain stage name → canonical stage, from the vendors' presets and the templates of seeds/reference."""
    with TEMPLATES.open(encoding="utf-8", newline="") as file:
        known = {plain(row["stage"]): row["canonical_stage"] for row in csv.DictReader(file)}
    for vendor in vendor_names():
        for stage in read_preset(vendor)["stages"]:
            for name in (stage["name"], *stage.get("aliases", [])):
                known.setdefault(plain(name), stage["canonical"])
    return known


def _holds(text: str, word: str) -> bool:
    """Whether a word (or phrase) stands in a text, as a word or as a long part of a compound at either end."""
    if f" {word} " in f" {text} ":
        return True
    if " " in word or len(word) < _MIN_COMPOUND:
        return False
    return any(
        token.startswith(word) or (token.endswith(word) and token.removesuffix(word) not in _NOT)
        for token in text.split()
    )


# ------------------------------------------------------------------ headings


@lru_cache(maxsize=1 << 16)
def heading_score(heading: str, entity: str, column: str) -> float:
    """How well a heading says that it is this column, from 0 (not at all) to 1."""
    of_a_vendor = 0.9 if heading_key(heading) in vendor_headings(entity, column) else 0.0
    return max(_own_score(heading, entity, column), of_a_vendor)


def says_plainly(heading: str, entity: str, column: str) -> bool:
    """Whether a heading is a plain word for this column, that anyone may use."""
    return _own_score(heading, entity, column) >= 0.85


def _own_score(heading: str, entity: str, column: str) -> float:
    text = plain(heading)
    if not text:
        return 0.0
    scores = [_phrase_score(text, entity, column)]
    is_key = ENTITIES[entity].key == column
    for other, called in ENTITIES.items():
        if called.nouns and column == called.key:
            scores.append(_id_score(text, other, is_key))
        if called.nouns and column == called.name:
            scores.append(_name_score(text, nouns(other), entity == other))
    if column == "campaign":
        scores.append(_name_score(text, listed_flat("campaigns"), is_own=True))
    return max(scores)


def names_its_entity(heading: str, entity: str) -> bool:
    """Whether a heading holds an entity's noun and a word for id: `Deal No`, `Projekt-Nr`.

    A list of stages is known by their names: `Stage ID` stands in lists of anything.
    """
    return bool(nouns(entity)) and entity != "stages" and _id_score(plain(heading), entity, is_key=True) >= 1.0


def id_noun(heading: str) -> str | None:
    """Of what a heading is the id: `Payment ID` → payment, `Record ID` → nothing; None for one that is called no id."""
    split = [re.sub(r"(?<=\w\w\w)s?(nummer|nr)$", " nr", token) for token in plain(heading).split()]
    tokens = " ".join(split).split()
    of_what = [token for token in tokens if token not in listed_flat("ids")]
    if len(of_what) == len(tokens):
        return None
    return " ".join(token for token in of_what if token not in listed_flat("any_ids"))


def is_noun_of(noun: str, entity: str) -> bool:
    """Whether ids of this entity may be named so; nothing is a name for any."""
    own = [plain(word) for word in ENTITIES[entity].id_nouns]
    return not noun or nouns_in(noun, entity) or any(f" {word} " in f" {noun} " for word in own)


def nouns_in(text: str, entity: str) -> bool:
    """Whether a text, such as a file's name, holds a noun of this entity, in the plural or not."""
    tokens = plain(text).split()
    singular = {token.removesuffix(end) for token in tokens for end in ("", "s", "es", "e", "en", "n")}
    singular |= {token.removesuffix("ies") + "y" for token in tokens if token.endswith("ies")}
    return any(noun in singular for noun in nouns(entity))


def _phrase_score(text: str, entity: str, column: str) -> float:
    phrases = column_words(column)
    text = _without_currency(text)
    bare = _without_noun(text, entity)
    for rank, phrase in enumerate(phrases):
        if text == phrase:
            return 1.0 - 0.005 * rank
        if bare == phrase:
            return 0.92 - 0.005 * rank
    scores = [
        0.5 + 0.2 * len(phrase) / len(text) for phrase in phrases if f" {phrase} " in f" {text} " and len(phrase) > 2
    ] or [0.45 for phrase in phrases if " " not in phrase and _holds(text, phrase)]
    return 0.0 if not scores or _is_another(text) else max(scores)


def _without_currency(text: str) -> str:
    """`auftragswert eur` → `auftragswert`."""
    return " ".join(token for token in text.split() if token not in _CURRENCIES) or text


def _is_another(text: str) -> bool:
    return any(f" {word} " in f" {text} " for word in listed_flat("others"))


def _without_noun(text: str, entity: str) -> str:
    """`deal stage` → `stage`, of a heading in a file of deals."""
    for noun in nouns(entity):
        if text.startswith(f"{noun} "):
            return text.removeprefix(f"{noun} ").strip()
    return text


def _id_score(text: str, entity: str, is_key: bool) -> float:
    if is_key and text in listed_flat("ids"):
        return 0.9
    return max(_id_score_by(noun, text, entity, is_key) for noun in nouns(entity))


@cache
def _ids_of(noun: str) -> frozenset[str]:
    """What the id of a noun is called: `deal id`, `nr deal`, `projektnr`, `auftragsnummer`."""
    ways = (way for word in listed_flat("ids") for way in (f"{noun} {word}", f"{word} {noun}", f"{noun}{word}"))
    joints = (f"{noun}{joint}{word}" for joint in ("s", "n", "en", "s ") for word in ("nr", "nummer", "id"))
    return frozenset((*ways, *joints))


def _id_score_by(noun: str, text: str, entity: str, is_key: bool) -> float:
    if text in _ids_of(noun):
        return 1.0
    if text == noun:
        return 0.75 if is_key else 0.95 if entity == "owners" else 0.85
    if is_key or _is_another(text):
        return 0.0
    if any(text == f"{noun} {word}" for word in listed_flat("names")):
        return 0.8
    return 0.6 if entity == "owners" and f" {noun} " in f" {text} " else 0.0


def _name_score(text: str, its_nouns: tuple[str, ...], is_own: bool) -> float:
    if is_own and text in listed_flat("names"):
        return 0.9
    for noun in its_nouns:
        if any(text in (f"{noun} {word}", f"{noun}{word}", f"{noun}n{word}") for word in listed_flat("names")):
            return 1.0
        if text == noun and is_own:
            return 0.6
    return 0.0
