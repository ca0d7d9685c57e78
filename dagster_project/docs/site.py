"""The documentation as pages: every Markdown page of the project and the dbt docs, linked, readable without a network.

README.md is the first page. Where a page names a table of ours, it leads to the table in the dbt docs.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from dagster_project.carried import PROJECT_DIR
from dagster_project.config.load import Settings
from dagster_project.transform.docs import write_dbt_docs
from dagster_project.transform.project import manifest

#: What stands beside the pages under WAREHOUSE_DIR once a night has been published.
_PUBLISHED = {
    "report/index.html": "The morning's report",
    "data_docs/index.html": "Data Docs: what the checks found",
}
_DBT_PAGE = "dbt.html"
_HERE = Path(__file__).parent
#: Colours and type are those of the Data Docs.
_STYLES = (_HERE.parent / "quality" / "data_docs" / "style.css", _HERE / "style.css")


@dataclass(frozen=True)
class Section:
    """A heading that can be linked to."""

    slug: str
    text: str


@dataclass
class Page:
    """A Markdown file, by its path in the project."""

    path: str
    sections: list[Section] = field(default_factory=list)

    @property
    def file(self) -> str:
        """What it is called on the site."""
        path = PurePosixPath(self.path)
        if path.name == "README.md":
            return f"{path.parent}.html" if path.parent.name else "index.html"
        return f"{path.stem}.html"

    @cached_property
    def tokens(self) -> list[Token]:
        """Its Markdown, parsed; no HTML of its own passes."""
        text = (PROJECT_DIR / self.path).read_text(encoding="utf-8")
        return MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)

    @property
    def title(self) -> str:
        """Its first heading."""
        return next(_plain(inline) for opening, inline in _headings(self.tokens) if opening.tag == "h1")


def write_site(settings: Settings) -> Path:
    """Writes WAREHOUSE_DIR/docs/ anew; returns its index. Needs no night to have been run."""
    target = settings.warehouse_dir / "docs"
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    models = _models(manifest(settings))
    pages = [Page(path) for path in _paths()]
    with tempfile.TemporaryDirectory(dir=settings.warehouse_dir, prefix=".docs-") as scratch:
        made = Path(scratch) / "docs"
        made.mkdir()
        write_dbt_docs(settings, made / _DBT_PAGE)
        beside = [(_DBT_PAGE, "Tables, columns and lineage (dbt)")]
        beside += [
            (f"../{path}", name) for path, name in _PUBLISHED.items() if (settings.warehouse_dir / path).exists()
        ]
        for page in pages:
            (made / page.file).write_text(_html(page, pages, beside, models), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        made.replace(target)
    return target / "index.html"


def _paths() -> list[str]:
    """README, the pages in the order in which it names them, and then what it does not name."""
    readme = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
    named = [path for path in re.findall(r"\]\(([\w./-]+\.md)", readme) if (PROJECT_DIR / path).is_file()]
    others = sorted(f"docs/{path.name}" for path in (PROJECT_DIR / "docs").glob("*.md"))
    return list(dict.fromkeys(["README.md", *named, *others]))


def _models(path: Path) -> dict[str, str]:
    """Each table of the dbt project, and where the dbt docs have it."""
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    return {
        node["name"]: f"{_DBT_PAGE}#!/{node['resource_type']}/{name}"
        for name, node in nodes.items()
        if node["resource_type"] in ("model", "seed")
    }


def _html(page: Page, pages: list[Page], beside: list[tuple[str, str]], models: dict[str, str]) -> str:
    page.sections = list(_with_anchors(page.tokens, models))
    for token in page.tokens:
        if token.type == "inline":
            token.children = list(_with_links(token.children or [], page, pages, models))
    markdown = MarkdownIt("commonmark").enable("table")
    body = markdown.renderer.render(page.tokens, markdown.options, {})
    body = body.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return environment.from_string((_HERE / "page.html").read_text(encoding="utf-8")).render(
        title=page.title,
        file=page.file,
        pages=pages,
        beside=beside,
        sections=page.sections if len(page.sections) > 4 else [],
        style=Markup("\n".join(path.read_text(encoding="utf-8") for path in _STYLES)),
        body=Markup(body),
    )


def _headings(tokens: list[Token]) -> Iterator[tuple[Token, Token]]:
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            yield opening, inline


def _with_anchors(tokens: list[Token], models: dict[str, str]) -> Iterator[Section]:
    """Gives headings the names by which Markdown's links know them; that of a table also leads to the dbt docs."""
    taken: dict[str, int] = {}
    for opening, inline in _headings(tokens):
        slug = re.sub(r"[^\w\- ]", "", inline.content.lower()).replace(" ", "-")
        taken[slug] = taken.get(slug, -1) + 1
        slug += f"-{taken[slug]}" if taken[slug] else ""
        opening.attrSet("id", slug)
        if inline.content in models:
            inline.children = [*(inline.children or []), _text(" "), *_link(models[inline.content], [_text("in dbt")])]
        if opening.tag != "h1":
            yield Section(slug, _plain(inline))


def _with_links(tokens: list[Token], page: Page, pages: list[Page], models: dict[str, str]) -> Iterator[Token]:
    """The tokens of a text: links lead to pages of the site or away, tables to the dbt docs, other files nowhere."""
    inside: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href")), page, pages)
            inside.append(address is not None)
            if address is not None:
                token.attrSet("href", address)
                yield token
        elif token.type == "link_close":
            if inside.pop():
                yield token
        elif token.type == "code_inline" and token.content in models and not inside:
            yield from _link(models[token.content], [token])
        else:
            yield token


def _address(href: str, page: Page, pages: list[Page]) -> str | None:
    """Where a link of a Markdown file leads on the site; None where that is a file which is no page."""
    if href.startswith(("#", "http://", "https://", _DBT_PAGE)):
        return href
    path, _, section = href.partition("#")
    wanted = (PROJECT_DIR / page.path).parent.joinpath(path).resolve()
    # a folder is its README
    wanted = wanted / "README.md" if wanted.is_dir() else wanted
    file = next((other.file for other in pages if PROJECT_DIR / other.path == wanted), None)
    return file and file + (f"#{section}" if section else "")


def _plain(inline: Token) -> str:
    return inline.content.replace("`", "")


def _link(address: str, content: list[Token]) -> list[Token]:
    return [Token("link_open", "a", 1, attrs={"href": address}), *content, Token("link_close", "a", -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
