"""Fields of a team's own CRM beside the canonical columns: what they are called, and as what they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dagster_project.config.entities import ENTITIES, Kind
from dagster_project.config.values import Headings, Strict
from dagster_project.config.yaml_files import read_packaged
from dagster_project.package_files import PROJECT_DIR

_MARTS = PROJECT_DIR / "dbt" / "models" / "marts"

FieldKind = Literal["text", "boolean", "amount", "number", "date", "timestamp"]
#: Entities whose records can have fields: those with a fact or a dimension of their own.
ENTITIES_WITH_FIELDS = ("deals", "leads", "accounts", "owners", "activities")
#: Kinds by whose values deals can be counted apart: of others nearly each deal has its own.
GRAIN_KINDS: tuple[FieldKind, ...] = ("text", "boolean")
_TABLES = {"accounts": "dim_accounts", "owners": "dim_owners", "activities": "fct_activities"}
_SQL_TYPES: dict[FieldKind, str] = {
    "text": "varchar",
    "boolean": "boolean",
    "amount": "decimal(18, 2)",
    "number": "double",
    "date": "date",
    "timestamp": "timestamp",
}
#: What a stage requires of deals, what of them changes, and what they are joined by is called so.
_SAID_OF_DEALS = ("owner", "account", "lead", "deal")
#: What mart_monthly_metrics is cut by in any case, and its value for everything.
GRAINS = ("all", "source", "pipeline", "owner", "segment", "lead_source")

#: Words that SQL keeps for itself in DuckDB or Spark: a column called so would have to be quoted everywhere.
_WORDS_OF_SQL = """
    all analyse analyze and any anti array as asc asymmetric between both case cast check collate column constraint
    create cross default deferrable desc describe distinct do else end except exists false fetch filter for foreign
    from full glob grant group having ilike in initially inner intersect into is isnull join lambda lateral leading
    left like limit minus natural not notnull null offset on only or order outer overlaps pivot placing positional
    primary qualify references returning right select semi show similar some summarize symmetric table tablesample
    then to trailing true union unique unpivot user using variadic verbose when where window with
"""


def _field_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"'{name}': a field is named with small letters, digits and _, as a column is")
    if name in _WORDS_OF_SQL.split():
        raise ValueError(f"'{name}' is a word of SQL; give the field another name, such as crm_{name}")
    return name


FieldName = Annotated[str, AfterValidator(_field_name)]


class CustomField(Strict):
    """A column of the CRM that is none of the canonical ones."""

    headings: Headings = Field(
        alias="from", min_length=1, description="Its headings in the files, best first, as in `columns`."
    )
    kind: FieldKind = Field("text", description="How its cells are read, as those of canonical columns are.")


def kinds_of(entity: str, fields: Mapping[str, FieldKind]) -> dict[str, Kind]:
    """All columns that rows of an entity have in the lake: the canonical ones, then the fields."""
    return {**ENTITIES[entity].columns, **fields}


@cache
def _columns_of(table: str) -> frozenset[str]:
    """The columns that a published table has in any case; a wide view those of its fact as well."""
    paths = [next(_MARTS.rglob(f"{table}.yml"))]
    if table.endswith("_wide"):
        paths += _MARTS.rglob(f"fct_{table.removesuffix('_wide')}.yml")
    return frozenset(column["name"] for path in paths for column in read_packaged(path)["models"][0]["columns"])


def field_sql(name: str, kind: FieldKind, fields: str = "fields") -> str:
    """A field as its kind has it, of a table's column `fields`, in DuckDB's words (dbt: macros/fields.sql)."""
    text = f"json_extract_string({fields}, '$.{name}')"
    if kind == "amount":
        # as it is written: JSON's numbers are doubles to whoever reads them
        text = f"nullif(regexp_extract({fields}, '[{{,]\"{name}\":([-0-9.]+)', 1), '')"
    if kind == "timestamp":
        text = f"replace({text}, 'Z', '')"
    return text if kind == "text" else f"cast({text} as {_SQL_TYPES[kind]})"


def wide_columns(fields: dict[str, dict[str, FieldKind]]) -> dict[str, dict[str, FieldKind]]:
    """Entity with a wide view → the columns that fields add to it: its own, and those of a deal's account and owner."""
    deals = dict(fields.get("deals", {}))
    for prefix, entity in (("account", "accounts"), ("owner", "owners")):
        deals |= {f"{prefix}_{name}": kind for name, kind in fields.get(entity, {}).items()}
    return {"deals": deals, "leads": dict(fields.get("leads", {}))}


def refuse_taken_names(fields: dict[str, dict[str, FieldKind]]) -> None:
    """Raises ValueError where a field has the name of a column of its table, or of the wide view it is a column of."""
    tables = {f"{entity}_wide": list(columns) for entity, columns in wide_columns(fields).items()}
    tables |= {_TABLES[entity]: list(fields.get(entity, {})) for entity in ("accounts", "owners", "activities")}
    for table, names in tables.items():
        taken = next((name for name in names if name in _columns_of(table)), None)
        if taken is not None:
            raise ValueError(
                f"fields: {table} has a column '{taken}' already; give the field another name, such as crm_{taken}"
            )
    own = set(fields.get("deals", {}))
    for name in sorted(own.intersection(_SAID_OF_DEALS)):
        raise ValueError(
            f"fields: '{name}' of deals means another thing already; give it another name, such as crm_{name}"
        )
    for prefix, entity in (("account", "accounts"), ("owner", "owners")):
        for name in fields.get(entity, {}):
            if f"{prefix}_{name}" in own:
                raise ValueError(
                    f"fields: '{name}' of {entity} is the column '{prefix}_{name}' of deals_wide, and so is the field "
                    "of deals; rename one of them"
                )
