"""YAML as people write it: read without surprises, each mistake with its file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from dagster_project.errors import ConfigurationError


def _plain_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """What a plain scalar may be beside text: as SafeLoader's, without moments, and numbers of digits only."""
    left = (":timestamp", ":int", ":float")
    resolvers = {
        letter: [(tag, pattern) for tag, pattern in known if not tag.endswith(left)]
        for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for letter in "-+0123456789":
        resolvers.setdefault(letter, []).extend(
            [
                ("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$")),
                ("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+$")),
            ]
        )
    return resolvers


class _KeysOnce:
    """A key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key has to be plain text", problem_mark=key_node.start_mark)
            if key_node.value in keys:
                raise yaml.MarkedYAMLError(
                    problem=f"'{key_node.value}' is given twice", problem_mark=key_node.start_mark
                )
            keys.add(key_node.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)  # type: ignore[misc]
        return mapping


class _Plain(_KeysOnce):
    """YAML without surprises: 02:00 stays text, a moment stays text."""

    yaml_implicit_resolvers = _plain_resolvers()


class _InC(_Plain, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Ten times as fast, where PyYAML was built with libyaml, as its wheels are."""


class _InPython(_Plain, yaml.SafeLoader):
    """Slow, and its messages name the character that is wrong."""


class _WordsLoader(_KeysOnce, getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Every word is text, `no` and `1` too."""


def read_packaged(path: Path) -> dict[str, Any]:
    """A file of the program, such as a vendor's preset."""
    keys: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _InC)
    return keys


def read_words(path: Path) -> dict[str, Any]:
    """A file of the program in which every value is text."""
    keys: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _WordsLoader)
    return keys


def read_yaml(path: Path) -> tuple[dict[str, Any], yaml.Node | None]:
    """A file's keys, and the tree that knows their lines. Raises ConfigurationError with file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{shown_path(path)}: {error.strerror or error}. Set PIPELINE_CONFIG to your configuration file."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{shown_path(path)}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    try:
        raw, tree = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{shown_path(path)}{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{shown_path(path)}: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{shown_path(path)}: expected keys such as timezone, currency and sources")
    return raw, tree


def _parsed(text: str) -> tuple[Any, yaml.Node | None]:
    try:
        return _parsed_by(_InC, text)
    except yaml.YAMLError:
        return _parsed_by(_InPython, text)


def _parsed_by(loader_class: type[_InC | _InPython], text: str) -> tuple[Any, yaml.Node | None]:
    loader = loader_class(text)
    tree = loader.get_single_node()
    return None if tree is None else loader.construct_document(tree), tree


def shown_path(path: Path) -> str:
    """A path as a person would type it: relative to where they stand, if it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
