"""The client-side index: complete, small, safe as a script, and the same at every build."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cards import BARE, HOSTILE, RICH, to_library, to_shell
from shared import ROOT

from builder import lists
from builder.catalog import Library
from builder.lists import to_coverage, to_listings
from builder.match import RULES
from builder.output import Artifact
from builder.pipeline import Build
from builder.search import FACETS, render_search, to_bar, to_row, words_of
from builder.site import render_pages
from builder.templates import read_templates

LIBRARY = to_library(RICH, BARE, HOSTILE)


def data_of(artifacts: list[Artifact], name: str) -> Any:
    """What a script assigns, read as its browser would."""
    content = next(a.content for a in artifacts if a.path == f"search/{name}.js")
    assert isinstance(content, bytes)
    found = re.fullmatch(r"globalThis\.(\w+)=JSON\.parse\('(.*)'\);\n", content.decode(), re.DOTALL)
    assert found is not None
    literal = re.sub(r"\\(u003c|u2028|u2029|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else m[1], found[2])
    return json.loads(literal)


def test_every_model_is_in_the_index_with_its_facts() -> None:
    artifacts = render_search(LIBRARY)
    index, details = data_of(artifacts, "index"), data_of(artifacts, "details-0")
    assert len(index["ids"]) == len(details) == 3
    assert [record["id"] for record in details] == index["ids"]
    at = index["ids"].index("fusion-2.1")
    facts = {
        facet["key"]: [facet["values"][number] for number in facet["sets"][facet["column"][at]]]
        for facet in index["facets"]
    }
    assert list(facts) == list(FACETS)
    assert facts["task"] == ["semantic segmentation", "regression"]
    assert facts["band"] == ["nir", "red", "green", "blue", "lwir"]
    assert facts["gpu"] == ["yes"]
    assert facts["sensor"] == ["sentinel-2a", "sentinel-2", "copernicus"]
    numbers = {entry["key"]: entry["column"][at] for entry in index["numbers"]}
    assert numbers == {"gsd": 10, "parameters": 19543210, "size": 78.23, "bands": 7, "classes": 3}
    assert index["flags"][at] == 3
    assert data_of(artifacts, "rules") == RULES


def test_words_of_descriptions_lead_to_their_rows() -> None:
    words = data_of(render_search(LIBRARY), "words")
    index = data_of(render_search(LIBRARY), "index")
    at = words["words"].split(" ").index("encoders")
    rows = [sum(words["rows"][at][: i + 1]) for i in range(len(words["rows"][at]))]
    assert [index["ids"][row] for row in rows] == ["fusion-2.1"]
    assert words["words"].split(" ") == sorted(words["words"].split(" "))
    assert words_of('Maps (land-cover), "L2A" & a.') == ["maps", "land-cover", "l2a"]


def test_scripts_are_safe_whatever_the_texts_are() -> None:
    evil = {**BARE, "id": "evil", "title": "</script><!-- '\\'\u2028\u2029\x07\u202e\ud800"}
    for artifact in render_search(to_library(HOSTILE, evil)):
        assert isinstance(artifact.content, bytes)
        text = artifact.content.decode()
        assert "<" not in text
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\u202e]", text)
        assert text.count("\n") == 1
    titles = data_of(render_search(to_library(evil)), "index")["titles"]
    assert titles == ["</script><!-- '\\'\u2028\u2029\ufffd\ufffd\ufffd"]


def test_the_same_library_gives_the_same_scripts() -> None:
    assert render_search(LIBRARY) == render_search(to_library(RICH, BARE, HOSTILE))


def test_an_empty_library_has_an_index() -> None:
    library = Library(LIBRARY.info, (), {})
    assert data_of(render_search(library), "index")["ids"] == []
    assert data_of(render_search(library), "words") == {"rows": [], "words": ""}


@pytest.mark.parametrize(
    ("band", "bar"),
    [
        (["B4", "red", 0.665, 0.04], ("red", 242, 27, "red")),
        (["B8", "nir", None, None], ("nir", 374, 14, "nir")),
        (["vv", None, None, None], ("VV", 0, 236, "radar")),
        (["B10", "lwir", 10.9, 0.6], ("lwir", 943, 14, "thermal")),
        (["x", None, None, None], None),
    ],
)
def test_bands_become_bars(band: list[Any], bar: tuple[Any, ...] | None) -> None:
    made = to_bar(band)
    assert (made is None) == (bar is None)
    if made is not None and bar is not None:
        assert (made[0], made[3]) == (bar[0], bar[3])
        assert made[1] == pytest.approx(bar[1], abs=25)
        assert 14 <= made[2] <= 240
        assert 0 <= made[1] <= made[1] + made[2] <= 1000


def test_first_load_of_the_start_page_is_small(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    loaded = ["index.html", *re.findall(r'(?:src|rel="stylesheet" href)="([^"]+)"', page), "assets/icon.svg"]
    assert {"search/index.js", "assets/browse.js", "assets/site.css"} <= set(loaded)
    total = sum(len(gzip.compress((site / name).read_bytes(), 9, mtime=0)) for name in loaded)
    assert total < 60_000


def test_index_of_ten_thousand_models_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import browse  # type: ignore[import-not-found]

    sizes = {a.path: len(gzip.compress(a.content, 9, mtime=0)) for a in browse.synthetic(10_000)}
    assert sum(sizes[f"search/{name}.js"] for name in ("index", "words", "rules")) < 400_000


# --- plain lists -----------------------------------------------------------------------------------------------------


def test_lists_by_task_and_sensor_hold_every_model(real_build: Build) -> None:
    library = real_build.library
    assert library is not None
    everything = {entry.folder for entry in library.entries}
    for listing in to_listings(library):
        assert {entry.folder for group in listing.groups for entry in group.entries} == everything
        assert len({group.anchor for group in listing.groups}) == len(listing.groups)
    tasks, sensors = to_listings(library)
    coverage = to_coverage(tasks, sensors)
    assert len(coverage.rows) == len(sensors.groups)
    row = {to_row(entry).record["id"]: entry for entry in library.entries}
    assert len(row) == len(everything)


def test_large_catalogs_have_a_page_for_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LIMIT", 2)
    monkeypatch.setattr("builder.site.LIMIT", 2)
    made = {a.path: a.content for a in render_pages(LIBRARY, to_shell(LIBRARY), read_templates())}
    assert {"search/tasks.html", "search/task-regression.html", "search/task-not-stated.html"} <= set(made)
    home, parent, page = (made[p] for p in ("index.html", "search/tasks.html", "search/task-regression.html"))
    assert isinstance(home, bytes)
    assert isinstance(parent, bytes)
    assert isinstance(page, bytes)
    assert b"fusion-2.1" not in home
    assert b'href="land-cover/index.html"' in home
    assert b'href="../search/task-regression.html"' in parent
    assert b"fusion-2.1" not in parent
    assert b'href="../land-cover/fusion-2.1/index.html"' in page
