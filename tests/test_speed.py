"""benchmarks/speed.py and what it measures with: the corpus is the same every time, and the programs really run."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from shared import ROOT

from builder.pipeline import Settings, check


@pytest.fixture(scope="module")
def speed() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("speed")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_the_corpus_is_the_same_every_time_and_has_no_faults(speed: ModuleType, tmp_path: Path) -> None:
    first = speed.corpus.write_corpus(tmp_path / "first", 40)
    again = speed.corpus.write_corpus(tmp_path / "again", 40)
    other = speed.corpus.write_corpus(tmp_path / "other", 40, seed=7)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(first, other, strict=True))
    checked = check(Settings(tmp_path / "first"))
    assert checked.models == 40
    assert checked.diagnostics == ()


def test_the_corpus_is_as_long_and_varied_as_it_says(speed: ModuleType) -> None:
    texts = [speed.corpus.to_model_file(number) for number in range(300)]
    models = [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts]
    assert sum(map(len, texts)) / len(texts) == pytest.approx(8700, rel=0.05)
    assert {len(model["eo:bands"]) for model in models} == set(range(4, 14))
    assert {len(model["dlm:outputs"]["class_name_mapping"]) for model in models} == set(range(5, 21))
    assert sum("summary" in model["dlm:architecture"] for model in models) == 100
    for model in models:
        prose = [model["description"], *(text for text in model["card"].values() if isinstance(text, str))]
        assert 140 <= sum(len(text.split()) for text in prose) <= 500


def test_programs_and_stages_are_measured(speed: ModuleType, tmp_path: Path) -> None:
    files = speed.corpus.write_corpus(tmp_path / "source", 6)
    programs = {program.name: program for program in speed.programs(tmp_path, files)}
    measured = speed.Measured(6)
    for name in ("build", "one", "script"):
        measured.titles[name] = programs[name].title
        seconds, processor = speed.run(programs[name])
        measured.seconds[name].append(seconds)
        measured.processor[name].append(processor)
        measured.memory[name] = speed.peak_memory(programs[name])
    card = tmp_path / "site" / "collection-000" / "land-cover-000000"
    assert json.loads((card / "land-cover-000000.json").read_bytes())["id"] == "land-cover-000000"
    assert (tmp_path / "naive" / "collection-000" / "land-cover-000000" / "index.html").is_file()
    assert "| `build-catalog`, everything |" in speed.time_table(measured)
    assert all(processor > 0.1 for (processor,) in measured.processor.values())
    assert min(measured.memory.values()) > 10_000_000
    costs = speed.stages(6, tmp_path / "stages")
    assert costs.keys() == {*speed.STAGES, speed.REST}
    assert min(costs.values()) >= 0
    assert costs["model card"] > 0.1
    assert speed.stage_table(costs).count("\n") == len(costs) + 2


def test_the_projects_of_the_peers_hold_every_model(speed: ModuleType, tmp_path: Path) -> None:
    files = speed.corpus.write_corpus(tmp_path / "source", 6)
    speed.peers.write_hugo(files, tmp_path / "hugo")
    speed.peers.write_mkdocs(files, tmp_path / "mkdocs", "mkdocs")
    for pages in (tmp_path / "hugo" / "content", tmp_path / "mkdocs" / "docs"):
        assert sorted(p.stem for p in pages.glob("*/*.md")) == sorted(file.stem for file in files)
    page = (tmp_path / "mkdocs" / "docs" / "collection-000" / "land-cover-000000.md").read_text("utf-8")
    assert page.startswith("# Land cover of ")
    assert "## Classes" in page
