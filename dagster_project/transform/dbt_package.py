"""`dealtrail dbt-package`: the models from staging on to the marts as a dbt package, for a project of somebody else's.

What a night tells dbt by its environment and by tables it writes itself is written into the package: the entities, and
the configuration as `stg_config__*`. In place of the lake it reads models of that project, one for each feed, in which
canonical columns have their canonical names. What needs deliveries and checks stays behind: hygiene, quality, the
outlook that tells broken rules.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES, entities_as_json
from dagster_project.config.feeds import Feed, Source
from dagster_project.config.fields import FieldKind, kinds_of
from dagster_project.config.load import Settings
from dagster_project.config.models import Configuration
from dagster_project.errors import ConfigurationError
from dagster_project.package_files import PROJECT_DIR
from dagster_project.read import typed_columns
from dagster_project.transform.config_tables import CONFIG_TABLES, write_run, write_sources
from dagster_project.transform.lake_views import date_format_sets, write_files
from dagster_project.transform.spark.accents import accented_and_plain

_DBT = PROJECT_DIR / "dbt"
#: In a package's first line, by which a folder is known to be one that may be written over.
MARK = "# Written by `dealtrail dbt-package`"
_FOLDERS = ("staging", "intermediate", "derived", "marts")
_LEFT_OUT = (
    "staging/checks",
    "staging/deliveries",
    "staging/publications",
    "derived/restatements",
    "marts/semantic",
)
#: Of a model's YAML: tests of ours, and what is made of it elsewhere.
_NOT_TAKEN = ("unit_tests", "semantic_models", "metrics", "saved_queries", "anchors")
#: The moment of a run in UTC, in Jinja.
_AS_OF = "var('dealtrail_as_of', run_started_at.strftime('%Y-%m-%d %H:%M:%S'))"
_REF = re.compile(r"ref\('(\w+)'\)")


def write_package(settings: Settings, folder: Path) -> list[str]:
    """Writes the package; returns the names of the models that it reads, which the other project has to have.

    Raises ConfigurationError where the folder holds something else.
    """
    project = folder / "dbt_project.yml"
    if folder.exists() and any(folder.iterdir()):
        if not project.exists() or not project.read_text(encoding="utf-8").startswith(MARK):
            raise ConfigurationError(f"{folder}: holds files that are no package of ours; name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_project(project, settings.config)
    _copy_macros(folder / "macros", settings.config)
    shutil.copytree(PROJECT_DIR / "seeds" / "reference", folder / "seeds")
    shutil.copy(_DBT / "models" / "_seeds.yml", folder / "seeds" / "_seeds.yml")
    models = folder / "models"
    shutil.copy(_DBT / "models" / "vocabulary.md", _made(models) / "vocabulary.md")
    for name in _FOLDERS:
        _copy_models(_DBT / "models" / name, models / name)
    _write_configuration(models / "staging" / "configuration", settings.config)
    read = _write_inputs(models / "staging" / "inputs", settings.config)
    _copy_tests(folder / "tests", {path.stem for path in models.rglob("*.sql")} | {"canonical_stages"})
    return read


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_project(path: Path, config: Configuration) -> None:
    ours = yaml.safe_load((_DBT / "dbt_project.yml").read_text(encoding="utf-8"))
    layers: dict[str, dict[str, Any]] = {
        name: {"+schema": "staging" if name == "staging" else "intermediate"} for name in _FOLDERS[:3]
    }
    layers["staging"] |= {"+materialized": "view", "rows": {"+materialized": "table"}}
    package = {
        "name": "dealtrail",
        "version": ours["version"],
        "config-version": 2,
        "model-paths": ["models"],
        "macro-paths": ["macros"],
        "test-paths": ["tests"],
        "seed-paths": ["seeds"],
        "vars": ours["vars"] | {"date_format_sets": date_format_sets(config)},
        "models": {"dealtrail": {"+materialized": "table", **layers, "marts": {"+schema": "marts"}}},
        "seeds": {"dealtrail": {"+schema": "reference"}},
    }
    text = yaml.safe_dump(package, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(f"{MARK}; written anew by it, so change nothing here.\n{text}", encoding="utf-8")


def _copy_macros(folder: Path, config: Configuration) -> None:
    """All but the materialization of a night's own, and the naming of schemas, which is the other project's."""
    entities = sql.text(entities_as_json(config.fields, config.grain_fields))
    letters = sql.text(json.dumps(accented_and_plain(), ensure_ascii=False))
    _made(folder)
    for path in sorted((_DBT / "macros").glob("*.sql")):
        if path.name == "materializations.sql":
            continue
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\{# Schemas are named.*?endmacro %\}\n", "", text, flags=re.DOTALL)
        text = text.replace("env_var('DEALTRAIL_ENTITIES')", entities)
        # which DuckDB has a function for
        text = text.replace("""env_var('DEALTRAIL_ACCENTS', '["", ""]')""", letters)
        text = re.sub(r"env_var\('\w+', ('[^']*')\)", r"\1", text)
        text = re.sub(r"source\('lake', entity\)", "ref('lake_' ~ entity)", text)
        (folder / path.name).write_text(text, encoding="utf-8")


def _copy_models(there: Path, here: Path) -> None:
    for path in sorted(there.rglob("*")):
        place = path.relative_to(there.parent).as_posix()
        if path.is_dir() or place.startswith(_LEFT_OUT):
            continue
        target = _made((here / path.relative_to(there)).parent) / path.name
        if path.suffix == ".yml":
            described = yaml.safe_load(path.read_text(encoding="utf-8"))
            kept = {key: value for key, value in described.items() if key not in _NOT_TAKEN}
            target.write_text(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
        else:
            shutil.copy(path, target)


def _copy_tests(folder: Path, models: set[str]) -> None:
    """Those of our tests that ask nothing of what stays behind."""
    shutil.copytree(_DBT / "tests" / "generic", folder / "generic")
    for path in sorted((_DBT / "tests").glob("*.sql")):
        if set(_REF.findall(path.read_text(encoding="utf-8"))) <= models:
            shutil.copy(path, folder / path.name)


def _write_configuration(folder: Path, config: Configuration) -> None:
    """`stg_config__*` as literals; the moment alone is the run's: var `dealtrail_as_of`, else when dbt began."""
    with duckdb.connect() as connection:
        connection.execute("create schema config; create schema lake")
        connection.execute("create table lake.deal_changes (_source varchar, field varchar, new_value varchar)")
        as_of = datetime.now(UTC)
        write_run(connection, config, as_of)
        write_sources(connection, config, _as_tables(config), [], as_of)
        # what the night is a function of is asked for by restatements alone
        for path in folder.glob("stg_config__build.*"):
            path.unlink()
        for name in CONFIG_TABLES.keys() - {"build"}:
            columns = connection.execute(f"describe config.{name}").fetchall()
            rows = connection.execute(f"from config.{name}").fetchall()
            kinds = [(column[0], column[1]) for column in columns]
            text = {"run": _run, "feeds": _feeds}.get(name, _literals)(kinds, rows)
            (folder / f"stg_config__{name}.sql").write_text(text + "\n", encoding="utf-8")
        write_files(connection, config, [])
        kinds = [(column[0], column[1]) for column in connection.execute("describe lake.files").fetchall()]
        # no deliveries: of no night's extract is a deal missing
        (folder / "stg_lake__files.sql").write_text(_literals(kinds, []) + "\n", encoding="utf-8")
    (folder / "stg_config__delivered_columns.sql").write_text(_delivered(config) + "\n", encoding="utf-8")


def _as_tables(config: Configuration) -> Configuration:
    """Every feed as rows that are newest and say themselves which are gone: no deliveries are compared."""
    sources = [
        source.model_copy(
            update={
                "feeds": {
                    name: feed.model_copy(update={"deliveries": "incremental"}) for name, feed in source.feeds.items()
                }
            }
        )
        for source in config.sources
    ]
    return config.model_copy(update={"sources": sources})


def _literals(columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> str:
    selects = [_select(columns, row) for row in rows]
    return "\nunion all\n".join([*selects, _select(columns, [None] * len(columns)) + " where false"])


def _select(columns: list[tuple[str, str]], row: Sequence[Any]) -> str:
    cells = [f"{_literal(value, kind)} as {name}" for value, (name, kind) in zip(row, columns, strict=True)]
    return "select " + ", ".join(cells)


def _literal(value: Any, kind: str) -> str:
    if kind.endswith("[]"):
        return f"{{{{ text_list({json.dumps(value or [])}) }}}}"
    kind = "string" if kind == "VARCHAR" else kind.lower()
    return f"cast(null as {kind})" if value is None else f"cast({sql.text(str(value))} as {kind})"


def _run(columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> str:
    others = [(place, column) for place, column in enumerate(columns) if column[0] not in ("as_of", "as_of_date")]
    kept = _literals([column for _, column in others], [tuple(rows[0][place] for place, _ in others)])
    ordered = ", ".join(name for name, _ in columns)
    return (
        f"with configured as (\n{kept}\n),\n\n"
        f"moment as (\n    select *, cast('{{{{ {_AS_OF} }}}}' as timestamp) as as_of\n"
        "    from configured\n),\n\ndated as (\n    select *, {{ day_in('as_of', 'timezone') }} as as_of_date\n"
        f"    from moment\n)\n\nselect {ordered}\nfrom dated"
    )


def _feeds(columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> str:
    """A deal needs a stage of its own where no feed of its source tells its history."""
    names = [name for name, _ in columns]
    place, source, entity = names.index("needs_stage"), names.index("source"), names.index("entity")
    told = {row[source] for row in rows if row[entity] in HISTORY_ENTITIES}
    changed = [(*row[:place], row[source] not in told, *row[place + 1 :]) for row in rows]
    return _literals(columns, changed)


def _delivered(config: Configuration) -> str:
    """What the mappings give, and what logs tell."""
    listed = sorted(
        {
            (source.name, feed.entity, column)
            for source in config.sources
            for feed in source.feeds.values()
            for column in (*feed.mapped, *feed.constants)
        }
    )
    columns = [("source", "VARCHAR"), ("entity", "VARCHAR"), ("column_name", "VARCHAR")]
    return (
        _literals(columns, [tuple(one) for one in listed])
        + "\nunion all\nselect distinct _source, 'deal_changes', field\nfrom {{ ref('lake_deal_changes') }}\n"
        "where field is not null and new_value is not null"
    )


def _write_inputs(folder: Path, config: Configuration) -> list[str]:
    """`lake_<entity>`: the rows of the other project's models, as text, with where they come from."""
    _made(folder)
    read = []
    for entity in ENTITIES:
        fields = config.fields.get(entity, {})
        parts = [_no_rows(entity, fields)]
        for source in config.sources:
            for name, feed in source.feeds.items():
                if feed.entity == entity:
                    read.append(f"{source.name}_{name}")
                    parts.append(_rows(source, name, feed, fields))
        (folder / f"lake_{entity}.sql").write_text("\nunion all\n".join(parts) + "\n", encoding="utf-8")
    return read


def _rows(source: Source, name: str, feed: Feed, fields: Mapping[str, FieldKind]) -> str:
    """SQL of one feed's rows. Which columns its model has is seen once that is built."""
    model = f"{source.name}_{name}"
    relation = f"ref(project_name, var('dealtrail_{model}', '{model}'))"
    constants = json.dumps({column: str(value) for column, value in feed.constants.items()})
    columns = json.dumps(list(kinds_of(feed.entity, fields)))
    texts = f"{{{{ text_columns({relation}, {columns}, {constants}) }}}}"
    return f"select\n    {texts},\n    {_provenance(source.name, name, feed, fields)}\nfrom {{{{ {relation} }}}}"


def _provenance(source: str, name: str, feed: Feed, fields: Mapping[str, FieldKind]) -> str:
    readings = [
        f"cast(null as string) as _reading_{column}" for column in typed_columns.read_columns(feed.entity, fields)
    ]
    return ",\n    ".join(
        [
            f"cast({sql.text(source)} as string) as _source",
            f"cast({sql.text(name)} as string) as _feed",
            f"cast({sql.text(name)} as string) as _file_id",
            f"cast('{{{{ {_AS_OF} }}}}' as timestamp) as _extracted_at",
            *readings,
            "cast(null as string) as _unreadable",
            f"row_number() over (order by {ENTITIES[feed.entity].key}) - 1 as _file_row_number",
        ]
    )


def _no_rows(entity: str, fields: Mapping[str, FieldKind]) -> str:
    texts = [*kinds_of(entity, fields)]
    behind = ["_source", "_feed", "_file_id"]
    readings = [*(f"_reading_{column}" for column in typed_columns.read_columns(entity, fields)), "_unreadable"]
    columns = [f"cast(null as string) as {column}" for column in (*texts, *behind)]
    columns.append("cast(null as timestamp) as _extracted_at")
    columns += [f"cast(null as string) as {column}" for column in readings]
    columns.append("cast(null as bigint) as _file_row_number")
    return "select\n    " + ",\n    ".join(columns) + "\nwhere false"
