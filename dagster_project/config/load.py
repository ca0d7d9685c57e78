"""Reads `pipeline.yml`: vendor presets under the user's words, and errors that name file, line and key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from dagster_project.config.goals import configured_goals, configured_teams
from dagster_project.config.models import Configuration
from dagster_project.config.postgres_url import PostgresUrl, read_postgres_url
from dagster_project.config.presets import merged, source_of_preset, table_presets, vendor_names
from dagster_project.config.remote import RemoteFolder, is_remote, remote_folder
from dagster_project.config.rules import checks
from dagster_project.config.salt import check_salt
from dagster_project.config.stages import configured_stages, pipeline_names, stage_aliases
from dagster_project.config.values import Engine
from dagster_project.config.yaml_files import read_yaml, shown_path
from dagster_project.errors import ConfigurationError

#: In WAREHOUSE_DIR: what was fetched of a landing zone that is no folder of this machine.
SPOOL = Path("spool", "landing")


@dataclass(frozen=True)
class Settings:
    """A run's configuration with the environment's overrides applied; all paths absolute."""

    config: Configuration
    config_path: Path
    landing_dir: Path
    warehouse_dir: Path
    as_of: datetime | None
    postgres: PostgresUrl | None = None
    #: Where the files come from, if not from a folder of this machine; `landing_dir` is then the spool.
    landing_url: RemoteFolder | None = None
    #: Where each publication goes besides.
    publish_to: RemoteFolder | None = None
    #: The folder of a catalog that keeps every publication.
    ducklake: Path | None = None
    engine: Engine = "duckdb"

    def moment(self) -> datetime:
        """The run's as-of moment in UTC: AS_OF, else the configuration's, else now. Asked once per run."""
        return self.as_of or datetime.now(UTC).replace(microsecond=0)


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Reads the configuration named by PIPELINE_CONFIG (default `pipeline.yml`) and the overriding variables.

    Raises ConfigurationError (exit status 2) with file, line and key of each mistake.
    """
    env = dict(os.environ) if environ is None else environ
    given = env.get("PIPELINE_CONFIG") or "pipeline.yml"
    path = Path(given).resolve()
    config = read_configuration(path)
    check_salt(config, env)
    if env.get("WAREHOUSE_DIR"):
        warehouse = Path(env["WAREHOUSE_DIR"])
    else:
        warehouse = path.parent / config.warehouse_dir if config.warehouse_dir else Path("warehouse")
    as_of = read_moment(env["AS_OF"], "AS_OF", config) if env.get("AS_OF") else None
    if as_of is None and config.as_of is not None:
        as_of = read_moment(config.as_of.isoformat(), f"{shown_path(path)}: as_of", config)
    warehouse = warehouse.resolve()
    landing_url = _landing_url(config, path, env)
    landing = Path(env["LANDING_DIR"]) if env.get("LANDING_DIR") else path.parent / config.landing_dir
    return Settings(
        config,
        path,
        warehouse / SPOOL if landing_url else landing.resolve(),
        warehouse,
        as_of,
        read_postgres_url(env),
        landing_url,
        _publish_to(config, path, env),
        (path.parent / config.ducklake).resolve() if config.ducklake else None,
        _engine(config, env),
    )


def _landing_url(config: Configuration, path: Path, env: dict[str, str]) -> RemoteFolder | None:
    if env.get("LANDING_DIR"):
        return remote_folder(env["LANDING_DIR"], "LANDING_DIR") if is_remote(env["LANDING_DIR"]) else None
    named = f"{shown_path(path)}: landing_dir"
    return remote_folder(config.landing_dir, named) if is_remote(config.landing_dir) else None


def _publish_to(config: Configuration, path: Path, env: dict[str, str]) -> RemoteFolder | None:
    if env.get("PUBLISH_TO"):
        return remote_folder(env["PUBLISH_TO"], "PUBLISH_TO")
    return remote_folder(config.publish_to, f"{shown_path(path)}: publish_to") if config.publish_to else None


def _engine(config: Configuration, env: dict[str, str]) -> Engine:
    """What builds the tables: by DEALTRAIL_ENGINE, else as configured."""
    given = env.get("DEALTRAIL_ENGINE") or config.engine
    for engine in get_args(Engine):
        if given == engine:
            return engine
    raise ConfigurationError(f"DEALTRAIL_ENGINE: '{given}' is none of {', '.join(get_args(Engine))}")


def read_configuration(path: Path) -> Configuration:
    """One configuration file with its vendor presets merged in, validated. Raises ConfigurationError."""
    raw, tree = read_yaml(path)
    _refuse_a_name_of_two(raw, path, tree)
    for position, source in enumerate(raw.get("sources") or []):
        if isinstance(source, dict):
            raw["sources"][position] = _with_preset(source, position, path, tree)
    try:
        config = Configuration.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(path, tree, problem) for problem in error.errors())) from None
    _check_connections(config, path, tree)
    _check_names(config, path)
    return config


def place_in(path: Path, *at: str | int) -> str:
    """Where a key stands in a configuration, for a message: file, line of its deepest part that is written, keys."""
    return _where(path, read_yaml(path)[1], at)


def is_written(path: Path, *at: str | int) -> bool:
    """Whether the user's file itself has this key, and not the vendor's preset below it."""
    node: Any = read_yaml(path)[0]
    for part in at:
        keys: Any = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        if part in keys:
            node = node[part]
        else:
            return False
    return True


def _refuse_a_name_of_two(raw: dict[str, Any], path: Path, tree: yaml.Node | None) -> None:
    """Two sources of one name would read one folder."""
    seen: dict[str, int] = {}
    for position, source in enumerate(raw.get("sources") or []):
        name = source.get("name") if isinstance(source, dict) else None
        if name in seen:
            at, first = ("sources", position, "name"), ("sources", seen[name], "name")
            raise ConfigurationError(
                f"{_where(path, tree, at)}: also in line {_line(tree, first)}: sources.{seen[name]} and "
                f"sources.{position} have one name, '{name}', and would read one folder. "
                "Give each source its own name, and its files a folder of that name"
            )
        if isinstance(name, str):
            seen[name] = position


def _check_connections(config: Configuration, path: Path, tree: yaml.Node | None) -> None:
    for position, source in enumerate(config.sources):
        if source.connection is not None and source.connection not in config.connections:
            at = ("sources", position, "connection")
            named = ", ".join(config.connections) or "none yet. Write `connections: {warehouse: {url_variable: …}}`"
            raise ConfigurationError(
                f"{_where(path, tree, at)}: '{source.connection}' is none of `connections`; those are {named}"
            )


def _check_names(config: Configuration, path: Path) -> None:
    """Refuses templates, stages, goals and rules that only the files beside the configuration can tell to be wrong."""
    try:
        configured_stages(config)
        pipeline_names(config)
        stage_aliases(config)
        configured_goals(config)
        configured_teams(config)
        checks(config)
    except ConfigurationError as error:
        raise ConfigurationError(f"{shown_path(path)}: {error}") from None


def _with_preset(source: dict[str, Any], position: int, path: Path, tree: yaml.Node | None) -> dict[str, Any]:
    vendor = source.get("vendor")
    if vendor is None:
        return source
    if vendor not in (known := [*vendor_names(), *table_presets()]):
        at = ("sources", position, "vendor")
        raise ConfigurationError(
            f"{_where(path, tree, at)}: '{vendor}' is no vendor; allowed: {', '.join(known)}, "
            "or leave `vendor` out and write `feeds` (docs/configuration.md)"
        )
    return dict(merged(source_of_preset(vendor), source))


def _explain(path: Path, tree: yaml.Node | None, problem: Any) -> str:
    at = tuple(part for part in problem["loc"])
    kind = problem["type"]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = f"unknown key '{at[-1]}'; allowed: {', '.join(_allowed_keys(at[:-1]))}"
    elif kind == "missing":
        message = f"'{at[-1]}' is missing"
    elif kind == "too_short" and at == ("sources",):
        message = (
            "there is no source yet. `dealtrail source draft FILES --out my_crm.yml` drafts one from your exports; "
            "`dealtrail try FILES` shows at once what would come of them"
        )
    return f"{_where(path, tree, at)}: {message}"


def _allowed_keys(at: tuple[Any, ...]) -> list[str]:
    """The keys of the block at this place, read from the JSON schema."""
    schema = Configuration.model_json_schema()
    block: dict[str, Any] = schema
    for part in at:
        block = _resolved(schema, block)
        if isinstance(part, int):
            block = block.get("items", {})
        elif part in block.get("properties", {}):
            block = block["properties"][part]
        else:
            block = block.get("additionalProperties") or {}
    return sorted(_resolved(schema, block).get("properties", {}))


def _resolved(schema: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    for option in block.get("anyOf", [block]):
        if "$ref" in option:
            return schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
    return block


def _where(path: Path, tree: yaml.Node | None, at: tuple[Any, ...]) -> str:
    line = _line(tree, at)
    place = ".".join(str(part) for part in at)
    return f"{shown_path(path)}{f' line {line}' if line else ''}" + (f": {place}" if place else "")


def _line(node: yaml.Node | None, at: tuple[Any, ...]) -> int | None:
    """The line of the deepest part of this place that the user's file has."""
    line = None
    for part in at:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            return line
        node = child
    return line


def read_moment(text: str, name: str, config: Configuration) -> datetime:
    """An ISO 8601 moment as UTC; without an offset, and as a day alone, in the reporting timezone.

    Raises ConfigurationError, which calls it by this name, for what is none.
    """
    try:
        return _in_utc(datetime.fromisoformat(text), config)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{name}: '{text}' is no ISO 8601 moment; write for example 2026-01-01T00:00:00Z"
        ) from None


def _in_utc(moment: datetime, config: Configuration) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=config.zone)).astimezone(UTC)
