"""Great Expectations' Data Docs with pages of our own, which ask nothing of the network.

Its own pages take their styles, scripts and logos from other people's servers: plain offline, the index empty, and
calls to strangers online. A site may name the classes that make its pages; these two renderers and views are ours,
their templates stand beside this file, and everything else (stores, addresses, results) is Great Expectations'.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer.renderer import Renderer
from great_expectations.render.view.view import DefaultJinjaPageView

if TYPE_CHECKING:
    from great_expectations.data_context import AbstractDataContext

#: Worst first.
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Offender:
    """A record that breaks a check, as its page shows it; None: not known, or nothing of the kind."""

    record_key: str
    record_name: str | None
    owner_name: str | None
    amount: Decimal | None
    message: str


#: Check → its worst records. Great Expectations makes the renderers from its configuration, in which a `$NAME` of a
#: deal would mean something.
_OFFENDERS: ContextVar[Mapping[str, list[Offender]]] = ContextVar("offenders")


def write_data_docs(
    context: AbstractDataContext, data_docs_dir: Path, about: dict[str, str], offenders: Mapping[str, list[Offender]]
) -> None:
    """Writes the index and one page per suite. `about` is what each page says of the night; `offenders` are the worst
    records of each check, by its key."""
    context.add_data_docs_site(
        "data_docs",
        {  # type: ignore[typeddict-unknown-key]
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", **_made_by("Index", about)},
            "site_section_builders": {
                "validations": _made_by("Suite", about),
                # pages of suites without results say nothing more
                "expectations": "none",
                "profiling": "none",
            },
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(data_docs_dir),
            },
        },
    )
    shown = _OFFENDERS.set(offenders)
    try:
        context.build_data_docs()
    finally:
        _OFFENDERS.reset(shown)
    # the fonts and pictures of its own pages: 4 MB in every version
    shutil.rmtree(data_docs_dir / "static")


def _made_by(page: str, about: dict[str, str]) -> dict[str, Any]:
    return {
        "renderer": {"module_name": __name__, "class_name": f"{page}Renderer", "about": about},
        "view": {
            "module_name": __name__,
            "class_name": f"{page}View",
            "custom_views_directory": str(Path(__file__).parent),
        },
    }


class IndexView(DefaultJinjaPageView):
    """Fills in the index; Jinja escapes what it fills into a template named .html."""

    _template = "index.html"


class SuiteView(DefaultJinjaPageView):
    """Fills in a suite's page."""

    _template = "suite.html"


class Page(RenderedDocumentContent):
    """What a template is filled with: plain values in place of Great Expectations' blocks of content."""

    def __init__(self, page_title: str, **content: Any) -> None:
        super().__init__(sections=[], page_title=page_title)
        self.content = content

    def to_json_dict(self) -> dict[str, Any]:
        """The names that the template knows."""
        return super().to_json_dict() | self.content


class IndexRenderer(Renderer):
    """All suites: those in which something is broken come first, the worst of them at the top."""

    def __init__(self, data_context: AbstractDataContext, about: dict[str, str]) -> None:
        super().__init__()
        self.data_context = data_context
        self.about = about

    def render(self, index_links_dict: dict[str, Any]) -> Page:
        """What the index says; Great Expectations hands in where each suite's page is."""
        suites = [self._suite(link) for link in index_links_dict["validations_links"]]
        suites.sort(key=lambda suite: (_rank(suite["worst"]), suite["name"]))
        checks = [check for suite in suites for check in suite.pop("checks")]
        return Page(
            "Data Docs",
            about=self.about,
            suites=suites,
            totals=_totals(checks),
            broken_by_severity={
                severity: sum(not check["success"] for check in checks if check["severity"] == severity)
                for severity in SEVERITIES
            },
        )

    def _suite(self, link: dict[str, Any]) -> dict[str, Any]:
        name = link["expectation_suite_name"]
        found: Any = self.data_context.get_validation_result(
            expectation_suite_name=name, run_id=link["run_id"], batch_identifier=link["batch_identifier"]
        )
        checks = _checks(found)
        broken = [check["severity"] for check in checks if not check["success"]]
        return {
            "name": name,
            "page": link["filepath"],
            "table": checks[0]["table"],
            "worst": min(broken, key=SEVERITIES.index, default=None),
            "checks": checks,
            **_totals(checks),
        }


class SuiteRenderer(Renderer):
    """One suite: a table of what was found, and what each expectation means."""

    def __init__(self, about: dict[str, str]) -> None:
        super().__init__()
        self.about = about

    def render(self, validation_results: ExpectationSuiteValidationResult) -> Page:
        """What the page of a suite says."""
        checks = _checks(validation_results)
        name = validation_results.suite_name
        # validations/<parts of its name>/<run>/<time>/<batch>.html
        return Page(
            f"{name}: Data Docs",
            about=self.about,
            name=name,
            index="../" * (len(name.split(".")) + 3) + "index.html",
            checks=checks,
            table=checks[0]["table"],
            totals=_totals(checks),
            offenders=_OFFENDERS.get(),
        )


def evaluated_rows(result: ExpectationValidationResult) -> int:
    """The rows that one expectation looked at: of a rule, those it speaks of; of a gate, all."""
    assert result.expectation_config is not None
    said = result.expectation_config.meta["evaluated"]
    return int(result.result["element_count"] if said is None else said)


def unexpected_rows(result: ExpectationValidationResult) -> int:
    """The rows that do not meet one expectation."""
    return int(result.result.get("observed_value", result.result.get("unexpected_count")) or 0)


def _checks(validation: ExpectationSuiteValidationResult) -> list[dict[str, Any]]:
    """The checks of a suite with what was found. A gate is one check, and two expectations of Great Expectations."""
    checks: dict[str, dict[str, Any]] = {}
    for result in validation.results:
        configuration = result.expectation_config
        assert configuration is not None
        check = checks.setdefault(
            configuration.meta["key"], {**configuration.meta, "success": True, "unexpected": 0, "expectations": []}
        )
        check["evaluated"] = evaluated_rows(result)
        check["success"] &= bool(result.success)
        check["unexpected"] += unexpected_rows(result)
        query = configuration.kwargs.get("unexpected_rows_query")
        check["expectations"].append(
            {
                "type": configuration.type,
                "column": configuration.kwargs.get("column"),
                "query": query and query.format(batch=check["table"]),
                "unexpected": unexpected_rows(result),
            }
        )
    return list(checks.values())


def _totals(checks: Iterable[dict[str, Any]]) -> dict[str, int]:
    checks = list(checks)
    return {
        "expected": len(checks),
        "broken": sum(not check["success"] for check in checks),
        "not_applied": sum(not check["applies"] for check in checks),
        "unexpected": sum(check["unexpected"] for check in checks),
    }


def _rank(severity: str | None) -> int:
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)
