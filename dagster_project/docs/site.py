"""The documentation as a site: pages of the project, pages made of what it says of itself, and the dbt docs.

MkDocs with its Material theme builds it (docs/mkdocs.yml); it is searched and read without a network. Where a page
names a table of ours, it leads to the table in the dbt docs.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer

from dagster_project.config.load import Settings
from dagster_project.docs.reference import columns_page, commands_page, configuration_page, tables_page
from dagster_project.package_files import PROJECT_DIR
from dagster_project.quality.rule_guide import rule_guide
from dagster_project.transform.docs import write_dbt_docs
from dagster_project.transform.metric_dictionary import metric_dictionary
from dagster_project.transform.project import manifest

_ASSETS = Path(__file__).parent / "assets"
_DBT_PAGE = "dbt.html"

#: Page of the site → the file that it is, where that is not of its name in docs/.
_ELSEWHERE = {
    "expectations.md": "expectations/README.md",
    "superset.md": "bi/superset/README.md",
    "benchmarks.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
#: What stands beside the site under WAREHOUSE_DIR once a night has been published.
_PUBLISHED = {
    "report/index.html": "The morning's report",
    "data_docs/index.html": "Data Docs: what the checks found",
}
#: Code, links and headings, in which no table becomes a link; and names in code, some of which are tables.
_MARKDOWN = re.compile(
    r"(?P<code>^```.*?^```$)|(?P<heading>^#+ [^\n]*$)"
    r"|(?P<link>(?<!!)\[(?P<says>[^\]]*)\]\((?P<to>[^)\s]+)\))|`(?P<name>\w+)`",
    re.MULTILINE | re.DOTALL,
)
_LIST_BELOW_TEXT = re.compile(r"^(?![ \t]|[-*] |\d+\. |#|\|)(.+)\n(?=[-*] |\d+\. )", re.MULTILINE)


def write_site(settings: Settings, app: typer.Typer) -> Path:
    """Writes WAREHOUSE_DIR/docs/ anew; returns its index. `app` is the command. Needs no night to have been run."""
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    target = settings.warehouse_dir / "docs"
    with tempfile.TemporaryDirectory(dir=settings.warehouse_dir, prefix=".docs-") as scratch:
        source, made = Path(scratch) / "source", Path(scratch) / "docs"
        source.mkdir()
        write_source(settings, app, source)
        _build(source, made)
        shutil.rmtree(target, ignore_errors=True)
        made.replace(target)
    return target / "index.html"


def generated_pages(parsed: Path, app: typer.Typer) -> dict[str, str]:
    """The pages that are made, by name, of a parsed dbt project and the command."""
    return {
        "metrics.md": metric_dictionary(parsed),
        "hygiene.md": rule_guide(),
        "configuration-keys.md": configuration_page(),
        "columns.md": columns_page(),
        "commands.md": commands_page(app),
        "tables.md": tables_page(parsed),
    }


def write_source(settings: Settings, app: typer.Typer, folder: Path) -> None:
    """Everything the site is built of: Markdown whose links lead to pages of the site, the dbt docs, styles."""
    parsed = manifest(settings)
    models = _models(parsed)
    written = {f"docs/{path.name}": path.name for path in (PROJECT_DIR / "docs").glob("*.md")}
    written |= {file: page for page, file in _ELSEWHERE.items()}
    made = generated_pages(parsed, app)
    pages = {**{f"docs/{page}": page for page in made}, **written}
    texts = {file: (PROJECT_DIR / file).read_text(encoding="utf-8") for file in written}
    texts |= {f"docs/{page}": text for page, text in made.items()}
    texts["docs/index.md"] += _beside(settings)
    for file, text in texts.items():
        (folder / pages[file]).write_text(_for_the_site(text, file, pages, models), encoding="utf-8")
    for picture in (PROJECT_DIR / "docs").glob("*.png"):
        shutil.copyfile(picture, folder / picture.name)
    shutil.copytree(_ASSETS, folder / "assets")
    write_dbt_docs(settings, folder / _DBT_PAGE)


def _build(source: Path, target: Path) -> None:
    # the theme otherwise advertises another generator
    os.environ["NO_MKDOCS_2_WARNING"] = "true"
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    logging.getLogger("mkdocs").setLevel(logging.ERROR)
    with (PROJECT_DIR / "docs" / "mkdocs.yml").open("rb") as file:
        config = load_config(file, docs_dir=str(source), site_dir=str(target))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()


def _models(path: Path) -> dict[str, str]:
    """Each table of the dbt project, and where the dbt docs have it."""
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    return {
        node["name"]: f"{_DBT_PAGE}#!/{node['resource_type']}/{name}"
        for name, node in nodes.items()
        if node["resource_type"] in ("model", "seed")
    }


def _beside(settings: Settings) -> str:
    there = [(f"../{path}", name) for path, name in _PUBLISHED.items() if (settings.warehouse_dir / path).exists()]
    links = [f"- [{name}]({path})" for path, name in [*there, (_DBT_PAGE, "Tables, columns and lineage, by dbt")]]
    return "\n## Beside these pages\n\n" + "\n".join(links) + "\n"


def _for_the_site(text: str, file: str, pages: dict[str, str], models: dict[str, str]) -> str:
    """A page's Markdown: links lead to pages of the site or away, tables to the dbt docs, other files nowhere."""
    text = _LIST_BELOW_TEXT.sub(r"\1\n\n", text)
    return _MARKDOWN.sub(_linked(file, pages, models), text)


def _linked(file: str, pages: dict[str, str], models: dict[str, str]) -> Callable[[re.Match[str]], str]:
    def link(found: re.Match[str]) -> str:
        if found["heading"]:
            name = found["heading"].lstrip("# ").rsplit(".", 1)[-1]
            return found[0] + (f"\n\n[In dbt: SQL and lineage]({models[name]})" if name in models else "")
        if found["name"] in models:
            return f"[{found[0]}]({models[found['name']]})"
        if found["link"]:
            address = _address(found["to"], file, pages)
            return found["says"] if address is None else f"[{found['says']}]({address})"
        return found[0]

    return link


def _address(to: str, file: str, pages: dict[str, str]) -> str | None:
    """Where a link of a file leads on the site; None where that is a file which is no page."""
    if to.startswith(("#", "http://", "https://", "../report/", "../data_docs/", _DBT_PAGE)):
        return to
    path, _, section = to.partition("#")
    wanted = os.path.normpath(Path(file).parent / path)
    page = pages.get(wanted) or pages.get(f"{wanted}/README.md")
    return page and page + (f"#{section}" if section else "")
