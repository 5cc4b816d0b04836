"""The measure of the check: the scripts behind the pages on mutations and on other checkers work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from shared import ROOT

from builder import pipeline
from builder.source import find_source

FILES = ["catalog_src/pleiades/thelper-unet.yml", "catalog_src/cloud-masks/csmask-unet-4b-l2a.yml"]


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The scripts, as modules."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import comparison  # type: ignore[import-not-found]
        import mutation  # type: ignore[import-not-found]

        yield {"mutation": mutation, "comparison": comparison}
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_mutations_of_real_models_are_caught(scripts: dict[str, ModuleType]) -> None:
    mutation = scripts["mutation"]
    source = find_source(ROOT / "catalog_src")
    tally = mutation.run(source, mutation.choose(source, False, [str(ROOT / name) for name in FILES]))
    assert tally.tracebacks == []
    assert tally.files == 2
    assert tally.mutations > 1_200
    assert tally.share > 0.62, "see docs/explanation/mutation.md"
    assert tally.caught["duplicate"] == tally.total("duplicate")
    assert tally.caught["rename"] > 0.9 * tally.total("rename")


def test_every_kind_of_mutation_changes_what_is_read(scripts: dict[str, ModuleType]) -> None:
    mutation = scripts["mutation"]
    data = {"title": "Land cover", "gsd": 10, "deprecated": False, "keywords": ["one", "two"], "x:y": {"z": [1]}}
    before, kinds = mutation.write(data), set()
    for kind, _, spoilt in mutation.mutations(data):
        assert mutation.write(spoilt) != before
        kinds.add(kind)
    assert kinds == set(mutation.KINDS)


def test_each_fault_of_the_comparison_is_found_at_its_line(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    comparison = scripts["comparison"]
    comparison.write_trees(tmp_path)
    faults = comparison.read_faults()
    assert len(faults) == 18
    for fault in faults:
        found = pipeline.check(pipeline.Settings(tmp_path / fault.name / "models")).diagnostics
        texts = [d.message + d.span.source_line for d in found if d.severity != "note"]
        assert len(texts) == 1, fault.name
        assert fault.word in texts[0], fault.name
    good = pipeline.check(pipeline.Settings(tmp_path / "good" / "models")).diagnostics
    assert {d.severity for d in good} == {"note"}
    said = comparison.build_catalog(tmp_path / comparison.ALL / "models", tmp_path)
    assert all(comparison.found_together(said, fault) for fault in faults)
