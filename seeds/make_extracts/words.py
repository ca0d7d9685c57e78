"""The vocabulary: names of people, companies, deals and of what people note down."""

from __future__ import annotations

import random
import re
import unicodedata

FIRST_NAMES = [
    "Anna",
    "Björn",
    "Carla",
    "Dmitri",
    "Elif",
    "Frank",
    "Greta",
    "Henrik",
    "Ines",
    "Jörg",
    "Katja",
    "Lars",
    "Maeve",
    "Noah",
    "Olga",
    "Pekka",
    "Quentin",
    "Rosa",
    "Søren",
    "Tuuli",
    "Ulrich",
    "Vera",
    "Wiktor",
    "Xenia",
    "Yusuf",
    "Zoë",
    "Aino",
    "Benedikt",
    "Chloé",
    "Dana",
    "Emil",
    "Fatima",
    "Günther",
    "Hanna",
    "Ilkka",
    "José",
    "Kaisa",
    "Łukasz",
    "Márta",
    "Niamh",
    "Oskar",
    "Priya",
    "Renée",
    "Sven",
    "Tomáš",
    "Ursula",
    "Ville",
    "Wanda",
    "Yvonne",
    "Zlatan",
]
LAST_NAMES = [
    "Müller",
    "Virtanen",
    "Schmidt",
    "Korhonen",
    "Åström",
    "Novák",
    "O'Brien",
    "Weber",
    "García",
    "Lindqvist",
    "Kowalska",
    "Fischer",
    "Nieminen",
    "Petrov",
    "Becker",
    "Dubois",
    "Hoffmann",
    "Laine",
    "Yılmaz",
    "Jensen",
    "Krüger",
    "Mäkinen",
    "Silva",
    "Vogel",
    "Salonen",
    "Brandt",
    "Øverland",
    "Richter",
    "Hämäläinen",
    "Peters",
    "Zimmermann",
    "Rossi",
    "Königs",
    "Anttila",
    "Wójcik",
    "Hartmann",
    "Järvinen",
    "Bauer",
    "Sánchez",
    "Lehto",
    "Whitfield",
    "Braun",
    "Niskanen",
    "Ortega",
    "Franke",
]
COMPANY_ROOTS = [
    "Alder",
    "Borealis",
    "Cobalt",
    "Delphin",
    "Eiche",
    "Fjord",
    "Granit",
    "Hafen",
    "Isar",
    "Juno",
    "Kestrel",
    "Linden",
    "Merkur",
    "Nordlicht",
    "Orkan",
    "Polar",
    "Quarz",
    "Rhein",
    "Saaristo",
    "Tundra",
    "Uhland",
    "Vantaa",
    "Wels",
    "Xaver",
    "Ypsilon",
    "Zeder",
    "Amber",
    "Birke",
    "Corvid",
    "Dover",
    "Elbe",
    "Falke",
    "Gletscher",
    "Havel",
]
COMPANY_TRADES = (
    "Logistik",
    "Foods",
    "Pharma",
    "Maschinenbau",
    "Energy",
    "Textiles",
    "Software",
    "Medizintechnik",
    "Marine",
    "Glas",
    "Retail",
    "Paper",
    "Robotics",
    "Optik",
)
COMPANY_FORMS = {
    "acme_salesforce": ("Inc", "LLC", "Ltd"),
    "boreal_pipedrive": ("Oy", "Oyj", "AB", "AS"),
    "field_sheet": ("GmbH", "AG", "KG", "GmbH & Co. KG"),
    "cascade_hubspot": ("Lda", "SA", "SL", "SLU"),
}
SEGMENTS = (
    "Manufacturing",
    "Retail",
    "Healthcare",
    "Energy",
    "Transportation",
    "Technology",
    "Food & Beverage",
)
CITIES = (
    "Berlin",
    "Hamburg",
    "München",
    "Köln",
    "Helsinki",
    "Tampere",
    "Göteborg",
    "Wien",
    "Zürich",
    "Leeds",
    "Boston",
)
LEAD_SOURCES = {
    "Web": 0.34,
    "Trade Show": 0.18,
    "Partner Referral": 0.16,
    "Phone Inquiry": 0.12,
    "Purchased List": 0.1,
    "Other": 0.1,
}
PRODUCTS = (
    "Line sensors",
    "Cold store",
    "Fleet upgrade",
    "Retrofit",
    "Service contract",
    "Pilot plant",
    "Packaging cell",
    "Control room",
    "Spare parts frame",
    "Training",
    "Second site",
    "Rollout",
)
LOSS_REASONS = ("Price", "Competitor", "No budget", "No decision", "Timing", "Missing feature")
SUBJECTS = {
    "call": ("Call", "Follow-up call", "Call back about the offer", "Intro call", "Reached the voicemail"),
    "email": (
        "Email: documents",
        "Email: next steps",
        "Email: our offer",
        "Email: references",
        "Email: thank you",
    ),
    "meeting": ("Meeting on site", "Demo", "Workshop", "Steering meeting", "Lunch with purchasing"),
    "task": ("Prepare offer", "Check terms", "Ask engineering", "Update forecast"),
    "note": ("<p>Budget confirmed</p>", '<p>Wants references, "local" ones</p>', "<p>Back in May;\ncall again</p>"),
}
VISIT_NOTES = (
    "Termin vor Ort, Bedarf aufgenommen",
    "Angebot besprochen",
    "walked the plant with the foreman",
    "Muster übergeben",
    "technician wants a second quote",
    "Rückfragen zum Wartungsvertrag",
    "met purchasing, price is fine",
    "Kaffee, sonst nichts",
    "Messe nachgefasst",
    "short stop on the way to Köln",
    "Lager gezeigt; Chef war nicht da",
    "agreed on next steps",
)
LEAD_NOTES = (
    "",
    "",
    "",
    "bittet um Rückruf",
    "wants a price list",
    "kommt von der Messe",
    "asked twice already",
    "kennt uns über Kollegen",
    "nur vormittags erreichbar",
    "call after 4 pm",
)


def weighted(rng: random.Random, weights: dict[str, float]) -> str:
    """One of the keys, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def person(rng: random.Random) -> tuple[str, str]:
    """A first and a last name."""
    return rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)


def company(rng: random.Random, forms: tuple[str, ...]) -> str:
    """A company's name, as its letterhead has it."""
    return f"{rng.choice(COMPANY_ROOTS)} {rng.choice(COMPANY_TRADES)} {rng.choice(forms)}"


def ascii_slug(text: str) -> str:
    """Lower-case letters and digits only, for e-mail addresses."""
    plain = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("Ø", "O").replace("Ł", "L").replace("ı", "i"))
    return re.sub(r"[^a-z0-9]", "", plain.encode("ascii", "ignore").decode().lower())


class EmailBook:
    """Gives every person an address of their own, so that no two leads look like one."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def address(self, first_name: str, last_name: str, host: str) -> str:
        """`first.last@host.example`, with a number for namesakes."""
        local = f"{ascii_slug(first_name)}.{ascii_slug(last_name)}"
        address = f"{local}@{ascii_slug(host)}.example"
        seen = self._taken.get(address, 0)
        self._taken[address] = seen + 1
        return address if seen == 0 else f"{local}{seen + 1}@{ascii_slug(host)}.example"
