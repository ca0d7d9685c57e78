"""Pages that are made of what the program says of itself: configuration, canonical columns, commands, tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from dagster_project.config.entities import ENTITIES, SAYS
from dagster_project.config.models import Configuration

_KINDS = {
    "text": "text as it is",
    "timestamp": "a moment",
    "date": "a day",
    "amount": "an amount of money",
    "number": "a number",
    "currency": "a currency's code",
    "boolean": "yes or no",
}


def configuration_page() -> str:
    """Every key of `pipeline.yml`, its type, default and meaning, from the configuration's schema."""
    schema = Configuration.model_json_schema()
    blocks = {"The whole file": schema, **schema["$defs"]}
    lines = [
        "# Keys of pipeline.yml",
        "",
        "Explained with examples on [the page of the configuration](configuration.md).",
    ]
    for name, block in blocks.items():
        if "properties" not in block:
            continue
        lines += ["", f"## {name}", "", _cell(block.get("description", "")), ""]
        lines += ["| key | what it takes | default | meaning |", "|---|---|---|---|"]
        required = set(block.get("required", []))
        for key, said in block["properties"].items():
            default = "**needed**" if key in required else _default(said)
            lines.append(f"| `{key}` | {_type(said)} | {default} | {_cell(said.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def columns_page() -> str:
    """The canonical columns of every entity: what the headings of a file are mapped to."""
    lines = [
        "# Canonical columns",
        "",
        "What a feed's `columns` can name, per entity ([configuration](configuration.md)).",
    ]
    for name, entity in ENTITIES.items():
        lines += [
            "",
            f"## {name}",
            "",
            f"{entity.says} Key: `{entity.key}`.",
            "",
            "| column | read as | in a file | meaning |",
            "|---|---|---|---|",
        ]
        for column, described in entity.described.items():
            needed = "needed" if column in entity.required_columns else ""
            if column in entity.alternatives:
                needed += ", or " + " and ".join(f"`{other}`" for other in entity.alternatives[column])
            says = _cell(described.says or SAYS[column])
            lines.append(f"| `{column}` | {_KINDS[described.kind]} | {needed} | {says} |")
    return "\n".join(lines) + "\n"


def commands_page(app: typer.Typer) -> str:
    """What every command of an app does and takes, as its `--help` says it."""

    lines = ["# Commands", "", "`dealtrail COMMAND --help` says the same."]
    for words, command in _commands("dealtrail", typer.main.get_command(app)):
        lines += ["", f"## {words}", "", _paragraphs(command.help or "")]
        options = [parameter.get_help_record(_context(command)) for parameter in command.params]
        rows = [f"| `{record[0].replace('|', '/')}` | {_cell(record[1])} |" for record in options if record]
        lines += ["", "| option | meaning |", "|---|---|", *rows] if rows else []
    return "\n".join(lines) + "\n"


def tables_page(manifest: Path) -> str:
    """Every published table with its columns, of a parsed dbt project."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    found = {
        (node["schema"].rsplit("_", 1)[-1], node["name"]): (
            node["description"],
            {name: (column.get("data_type") or "", column["description"]) for name, column in node["columns"].items()},
        )
        for node in nodes
        if node["resource_type"] == "model" and node["fqn"][1] in ("marts", "quality")
    }
    lines = ["# Published tables", "", "In `pipeline.duckdb`, and in Postgres where there is one ([BI](bi.md))."]
    for (schema, name), (says, columns) in sorted(found.items()):
        lines += ["", f"## {schema}.{name}", "", _paragraphs(says), "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column}` | {kind} | {_cell(meaning)} |" for column, (kind, meaning) in columns.items()]
    return "\n".join(lines) + "\n"


def _commands(words: str, command: Any) -> list[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        return [(words, command)]
    return [found for name, child in below.items() for found in _commands(f"{words} {name}", child)]


def _context(command: Any) -> Any:
    import click

    return click.Context(command, info_name=command.name)


def _type(said: dict[str, Any]) -> str:
    """The type of a key in words; blocks of the configuration lead to their section."""
    if "$ref" in said:
        name = said["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "enum" in said or "const" in said:
        return ", ".join(f"`{value}`" for value in said.get("enum", [said.get("const")]))
    if "anyOf" in said:
        kinds = [_type(option) for option in said["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if said.get("type") == "array":
        return f"list of {_type(said.get('items', {}))}"
    if said.get("type") == "object":
        inside = said.get("additionalProperties")
        return f"mapping to {_type(inside)}" if isinstance(inside, dict) else "mapping"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(
        said.get("type", ""), said.get("type", "anything")
    )


def _default(said: dict[str, Any]) -> str:
    default = said.get("default")
    return (
        "" if default in (None, {}, []) or isinstance(default, dict) else f"`{json.dumps(default, ensure_ascii=False)}`"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
