"""The documentation as a reader finds it: every link leads somewhere, and nothing is asked of the network."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser

from dagster_project.cli import app
from dagster_project.config.load import load_settings
from dagster_project.docs.site import write_site
from tests.conftest import PROJECT, Warehouse


class Parsed(HTMLParser):
    """The addresses and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.links += [address for address in (said.get("href"), said.get("src")) if address]
        self.anchors |= {anchor for anchor in [said.get("id")] if anchor}


@pytest.fixture(scope="module")
def site(sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages, in a warehouse that has published; with the sample's parsed project, to save seconds."""
    warehouse = tmp_path_factory.mktemp("docs") / "warehouse"
    shutil.copytree(sample.path / "dbt", warehouse / "dbt")
    for name in ("report", "data_docs"):
        (warehouse / name).symlink_to((sample.path / name).resolve())
    settings = load_settings({"PIPELINE_CONFIG": str(PROJECT / "pipeline.yml"), "WAREHOUSE_DIR": str(warehouse)})
    return write_site(settings, app).parent


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Parsed]:
    """The pages made of Markdown."""
    return {
        path.name: Parsed(path) for path in sorted(site.glob("*.html")) if path.name not in ("dbt.html", "404.html")
    }


@pytest.fixture(scope="module")
def nodes(site: Path) -> set[str]:
    """Where the dbt docs can be opened at."""
    manifest = json.loads((site.parent / "dbt" / "parsed.json").read_text(encoding="utf-8"))
    return {f"!/{node['resource_type']}/{name}" for name, node in manifest["nodes"].items()}


def leads_somewhere(address: str, page: Path, pages: dict[str, Parsed], nodes: set[str]) -> bool:
    path, _, anchor = unquote(address).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_file():
        return False
    if target.name == "dbt.html":
        return not anchor or anchor in nodes
    return not anchor or anchor in pages[target.name].anchors


def test_every_page_of_the_project_is_there(pages: dict[str, Parsed]) -> None:
    expected = {f"{path.stem}.html" for path in (PROJECT / "docs").glob("*.md")}
    elsewhere = {"benchmarks.html", "expectations.html", "superset.html", "contributing.html", "changelog.html"}
    made = {"metrics.html", "hygiene.html", "configuration-keys.html", "columns.html", "commands.html", "tables.html"}
    assert set(pages) == expected | elsewhere | made


def test_every_page_has_its_place_in_the_menu(pages: dict[str, Parsed]) -> None:
    in_the_menu = {link.partition("#")[0] for link in pages["index.html"].links} | {"index.html"}
    assert set(pages) - in_the_menu == set()


def test_every_link_leads_somewhere(site: Path, pages: dict[str, Parsed], nodes: set[str]) -> None:
    dead = [
        f"{name}: {link}"
        for name, page in pages.items()
        for link in page.links
        if not link.startswith(("https://", "http://")) and not leads_somewhere(link, site / name, pages, nodes)
    ]
    assert dead == []
    links = [link for page in pages.values() for link in page.links]
    assert {"dbt.html", "../report/index.html", "../data_docs/index.html", "metrics.html"} <= set(links)
    assert "dbt.html#!/model/model.dealtrail.mart_monthly_metrics" in pages["metrics.html"].links


def test_every_link_of_dagster_leads_somewhere(
    site: Path, pages: dict[str, Parsed], nodes: set[str], sample: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_CONFIG", str(PROJECT / "pipeline.yml"))
    monkeypatch.setenv("WAREHOUSE_DIR", str(sample.path))
    from dagster_project.assets.links import explained
    from dagster_project.definitions import defs

    settings = load_settings()
    checks = [spec for check in defs.asset_checks or [] for spec in check.check_specs if "docs" in spec.metadata]
    assets = [
        explained(node.to_asset_spec(), settings.warehouse_dir) for node in defs.resolve_asset_graph().asset_nodes
    ]
    links = [
        spec.metadata[name].value for spec in assets for name in ("docs", "dbt_docs", "page") if name in spec.metadata
    ]
    links += [str(spec.metadata["docs"].value) for spec in checks]
    assert len(checks) > 50 and len(links) > 300
    for link in dict.fromkeys(links):
        address = "../" + link.removeprefix(f"{settings.warehouse_dir}/")
        assert leads_somewhere(address, site / "index.html", pages, nodes), link


def test_the_search_finds_a_page_without_a_network(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=query]").click()
    page.locator("input[name=query]").press_sequentially("velocity")
    result = page.locator(".md-search-result__link").first
    result.wait_for(timeout=60_000)
    address = result.get_attribute("href")
    page.close()
    assert address is not None and ".html" in address


def test_nothing_is_asked_of_the_network(browser: Browser, site: Path, pages: dict[str, Parsed]) -> None:
    page = browser.new_page()
    page.set_default_timeout(120_000)  # the dbt docs are large
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for name in pages:
        page.goto((site / name).as_uri())
    assert said == [], "what the dbt docs say is dbt's"
    page.goto((site / "dbt.html").as_uri() + "#!/model/model.dealtrail.mart_funnel")
    page.get_by_text("every cohort month and step", exact=False).first.wait_for()
    page.close()
    assert len(asked) > len(pages)
    assert [url for url in asked if not url.startswith(("file://", "data:", "blob:"))] == []


def test_a_phone_shows_a_page_without_scrolling_sideways(
    browser: Browser, site: Path, pages: dict[str, Parsed]
) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for name in pages:
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
    page.close()
