"""Every rule finds its case at the line marked there, and nothing else; its counterpart passes.

A case is `rules/<rule>/bad.yml` and `good.yml`, or the source folders `bad/` and `good/` where a rule looks at several
files; a folder `before/` beside them is an earlier state, for rules about changes. `# expect: rule, rule` ends a line
where those rules, and no others, must report. Notes count only where marked.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shared import ROOT

from builder import pipeline
from builder.against import find_breaks
from builder.diagnostic import Diagnostic
from builder.rules import RULES
from builder.source import shown_path

CASES = ROOT / "tests" / "rules"
EXPECT = re.compile(r"#\s*expect:\s*(?P<rules>[a-z-]+(?:,\s*[a-z-]+)*)\s*$")
# Found by the stage that builds the documentation, whose tests are test_docs_stage.py.
RULES_OF_FILES = [rule for rule in RULES if rule != "docs-invalid"]
Place = tuple[str, int, str]
# Rules about one value, key or file; what any other rule finds names a second place as well.
ABOUT_ONE_PLACE = {
    "asset-temporary", "citation-missing", "class-gap", "commit-hash", "commit-missing", "common-name", "docker-source",
    "doi-syntax", "extension-unresolvable", "extent-missing", "file-checksum", "file-unknown", "findings-more",
    "function-syntax", "geometry-range", "geometry-ring", "gsd-range", "handler-syntax", "id-unsafe", "item-invalid",
    "key-draft", "key-unknown", "language-tag", "license-missing", "license-spdx", "link-broken", "metric-range",
    "mlm-missing", "model-removed", "process-level", "section-missing", "source-url", "task-missing", "time-missing",
    "todo-left", "url-unsafe", "value-ambiguous", "value-choice", "value-empty", "value-format", "value-missing",
    "value-range", "value-type", "waiver-invalid", "waiver-unused", "wavelength-unit", "weights-external",
    "weights-format", "weights-missing", "weights-pickled", "weights-unchecked", "weights-unreadable", "weights-unsafe",
    "withdrawal-incomplete", "word-misspelt", "yaml-syntax",
}  # fmt: skip


def case(rule: str, kind: str) -> Path:
    """The file or folder of a rule's case."""
    folder = CASES / rule / kind
    return folder if folder.is_dir() else CASES / rule / f"{kind}.yml"


def findings(location: Path) -> tuple[Diagnostic, ...]:
    if (earlier := location.parent / "before").is_dir():
        return (*find_breaks(str(earlier), location), *pipeline.check(pipeline.Settings(location)).diagnostics)
    if location.is_dir():
        return pipeline.check(pipeline.Settings(location)).diagnostics
    return pipeline.check_file(location).diagnostics


def expected(location: Path) -> set[Place]:
    """The places that the case marks: file, line and rule."""
    files = [path for path in location.rglob("*") if path.is_file()] if location.is_dir() else [location]
    files += (location.parent / "before").rglob("*.yml")
    return {
        (shown_path(path), number, rule)
        for path in files
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if (match := EXPECT.search(line))
        for rule in re.split(r",\s*", match["rules"])
    }


@pytest.mark.parametrize("rule", RULES_OF_FILES)
def test_bad_case_is_found_at_its_lines_and_nowhere_else(rule: str) -> None:
    marked = expected(case(rule, "bad"))
    found = {
        (d.span.file, d.span.line, d.rule)
        for d in findings(case(rule, "bad"))
        if d.severity != "note" or (d.span.file, d.span.line, d.rule) in marked
    }
    assert rule in {name for _, _, name in marked}
    assert found == marked


@pytest.mark.parametrize("rule", RULES_OF_FILES)
def test_good_case_passes(rule: str) -> None:
    assert [d for d in findings(case(rule, "good")) if d.rule == rule or d.severity != "note"] == []


@pytest.mark.parametrize("rule", RULES_OF_FILES)
def test_finding_says_how_to_mend_it(rule: str) -> None:
    found = [d for d in findings(case(rule, "bad")) if d.rule == rule]
    assert [d.message for d in found if not d.hint] == []


@pytest.mark.parametrize("rule", RULES_OF_FILES)
def test_finding_points_to_the_other_place_where_two_disagree(rule: str) -> None:
    related = [span for d in findings(case(rule, "bad")) if d.rule == rule for span, _ in d.related]
    assert bool(related) == (rule not in ABOUT_ONE_PLACE)
    assert all(span.source_line for span in related)


@pytest.mark.parametrize("rule", RULES)
def test_documentation_says_what_must_hold_and_why(rule: str) -> None:
    what, blank, *why = RULES[rule].documentation.split("\n")
    assert re.fullmatch(r"[A-Z`].{15,}\.", what)
    assert blank == ""
    assert re.search(r"\.$", "\n".join(why)), "sentences on why, and how to mend it"
    assert all(len(line) <= 118 for line in (what, *why))


def test_every_case_belongs_to_a_rule() -> None:
    assert {path.name for path in CASES.iterdir()} == set(RULES_OF_FILES)


@pytest.mark.parametrize("rule", [rule.id for rule in RULES.values() if rule.check is not None])
def test_id_names_the_function(rule: str) -> None:
    check = RULES[rule].check
    assert check is not None
    assert check.__name__ in (rule.replace("-", "_"), "<lambda>")
