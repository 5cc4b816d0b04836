"""The other forms of a model, read by the programs that they are for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import rustac
import yaml
from cards import BARE, EVIL, HOSTILE, RICH, to_entry, to_library
from click.testing import CliRunner
from rdflib import SDO, Graph, URIRef
from rdflib.namespace import RDF
from sources import MINIMAL, build_files, write

from builder.catalog import CatalogInfo, Entry
from builder.cli import main
from builder.exporters import EXPORTERS, OPTIONAL, MissingExtraError, export, publish
from builder.exporters.card_md import prose
from builder.exporters.form import is_web
from builder.exporters.geoparquet import to_columns
from builder.exporters.jsonld import to_data_catalog, to_dataset, to_script
from builder.pipeline import Build, finish
from builder.schema import CATALOG_FILE, load

with warnings.catch_warnings():
    # pyparsing tells these libraries of its new names.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bibtexparser.entrypoint import parse_string as parse_bibtex
    from huggingface_hub import ModelCard, ModelCardData
    from pyld import jsonld

CFFCONVERT = os.environ.get("CFFCONVERT") or shutil.which("cffconvert")
TERMS: Any = SDO  # whether a name is in it, its metaclass knows
CATALOG = CatalogInfo("test", "Test models", "For tests.", "https://example.org/models")


def text_of(kind: str, *entries: Entry) -> str:
    """The text of the only file of a form."""
    (artifact,) = export(kind, entries, CATALOG).artifacts
    assert isinstance(artifact.content, bytes)
    return artifact.content.decode()


@pytest.fixture(scope="module")
def entries(real_build: Build) -> Sequence[Entry]:
    assert real_build.library is not None
    return finish(real_build.library)


def texts(kind: str, entries: Sequence[Entry]) -> dict[str, str]:
    made = export(kind, entries, CATALOG)
    return {a.path: a.content.decode() for a in made.artifacts if isinstance(a.content, bytes)}


# --- the family ------------------------------------------------------------------------------------------------------


def test_the_catalog_file_may_ask_for_every_form_that_is_published_when_asked_for() -> None:
    assert set(load(CATALOG_FILE)["properties"]["exports"]["items"]["enum"]) == set(OPTIONAL)


def test_the_command_knows_every_form() -> None:
    from builder.commands.export import KINDS

    assert set(KINDS) == set(EXPORTERS)


@pytest.mark.parametrize("kind", sorted(EXPORTERS))
def test_every_form_is_the_same_twice_and_holds_hostile_models(kind: str) -> None:
    made = [to_entry(data) for data in (RICH, BARE, HOSTILE)]
    first, second = export(kind, made, CATALOG), export(kind, made, CATALOG)
    assert first == second
    assert first.artifacts or first.notes
    assert len(first.artifacts) <= (len(made) if EXPORTERS[kind].each else 1)


def test_what_a_build_publishes_unasked_is_cheap(entries: Sequence[Entry]) -> None:
    """The bound is ten times what was measured, because other programs may be at work on the machine."""
    kinds = [kind for kind, exporter in EXPORTERS.items() if exporter.each and exporter.published == "always"]
    started = time.perf_counter()
    for kind in kinds:
        export(kind, entries, CATALOG)
    assert (time.perf_counter() - started) / len(entries) / len(kinds) < 0.002


def test_a_build_publishes_what_the_catalog_file_asks_for(tmp_path: Path) -> None:
    plain = build_files(tmp_path / "a", {"c/a.yml": MINIMAL})
    asked = build_files(tmp_path / "b", {"c/a.yml": MINIMAL, "catalog.yml": "exports: [jsonld, ndjson, parquet]\n"})
    more = {artifact.path for artifact in asked.artifacts} - {artifact.path for artifact in plain.artifacts}
    assert more == {"c/a/a.jsonld", "items.ndjson", "items.parquet"}
    assert "c/a/card.md" in {artifact.path for artifact in plain.artifacts}


def test_an_asset_cannot_take_the_name_of_a_form(tmp_path: Path) -> None:
    paths = [a.path.rsplit("/", 1)[1] for a in publish([to_entry(RICH)], CATALOG)]
    assert len(paths) == 3
    for number, name in enumerate([*paths, "fusion-2.1.jsonld"]):
        name = name.replace("fusion-2.1", "a")
        files = {"c/a.yml": MINIMAL + f"assets: {{x: {{href: {name}}}}}\n", f"c/{name}": "text"}
        made = build_files(tmp_path / str(number), files)
        assert "asset-name" in {d.rule for d in made.diagnostics}, name


# --- citations -------------------------------------------------------------------------------------------------------


def test_bibtex_is_read_by_a_parser(entries: Sequence[Entry]) -> None:
    files = texts("bibtex", entries) | texts("bibtex", [to_entry(RICH), to_entry(HOSTILE)])
    assert len(files) > 100
    for path, text in files.items():
        library = parse_bibtex(text)
        assert library.failed_blocks == [], path
        assert len(library.entries) == text.count("\n@misc") + 1
        assert all(entry.fields for entry in library.entries)
    (first, *_) = parse_bibtex(files["land-cover/fusion-2.1/fusion-2.1.bib"]).entries
    assert first.fields_dict["author"].value == "{Example Lab}"


def test_what_cannot_be_cited_has_no_bibtex() -> None:
    made = export("bibtex", [to_entry(BARE)], CATALOG)
    assert (made.artifacts, made.notes) == ((), ("bare states no DOI, citation or publication",))


def validate_citation(folder: Path, text: str) -> str:
    """What cffconvert, which carries the schema of the format, finds wrong. A program apart: it wants old libraries."""
    (folder / "CITATION.cff").write_text(text, "utf-8")
    assert CFFCONVERT is not None
    command = [CFFCONVERT, "--validate", "-i", str(folder / "CITATION.cff")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


needs_cffconvert = pytest.mark.skipif(CFFCONVERT is None, reason="needs cffconvert; CFFCONVERT names the program")


@needs_cffconvert
def test_citation_files_pass_the_schema_of_their_format(entries: Sequence[Entry], tmp_path: Path) -> None:
    hostile = {**HOSTILE, "providers": [{"name": EVIL, "roles": ["producer"]}], "sci:doi": "10.1/x"}
    files = texts("cff", entries) | texts("cff", [to_entry(RICH), to_entry(hostile)])
    assert len(files) >= 6
    for path, text in files.items():
        assert validate_citation(tmp_path, text) == "", path


@needs_cffconvert
def test_a_citation_file_with_a_fault_does_not_pass(tmp_path: Path) -> None:
    assert "authors" in validate_citation(tmp_path, "cff-version: 1.2.0\nmessage: x\ntitle: y\n")


def test_citation_files_say_what_is_stated(entries: Sequence[Entry]) -> None:
    for text in texts("cff", entries).values():
        data = yaml.safe_load(text)
        assert {"cff-version", "message", "title", "authors"} <= data.keys()
    rich = yaml.safe_load(text_of("cff", to_entry(RICH)))
    assert rich["authors"] == [{"name": "Example Lab"}]
    assert rich["title"] == RICH["title"]
    assert rich["repository-code"] == "https://github.com/example/fusion"


def test_without_a_producer_there_is_no_citation_file() -> None:
    made = export("cff", [to_entry(BARE)], CATALOG)
    assert made.artifacts == ()
    assert "role producer" in made.notes[0]


# --- JSON-LD ---------------------------------------------------------------------------------------------------------


def load_context(url: str, options: Any) -> dict[str, Any]:  # noqa: ARG001  pyld's signature
    """In place of the context that schema.org serves: its names are the vocabulary, and some hold addresses."""
    assert url.rstrip("/") == "https://schema.org"
    terms = {name: {"@type": "@id"} for name in ("url", "license", "contentUrl")}
    return {
        "contextUrl": None,
        "documentUrl": url,
        "document": {"@context": {"@vocab": "https://schema.org/", "id": "@id", "type": "@type", **terms}},
    }


def to_graph(text: str) -> Graph:
    quads = jsonld.to_rdf(
        json.loads(text),
        {"documentLoader": load_context, "base": "https://example.org/x/", "format": "application/n-quads"},
    )
    return Graph().parse(data=quads, format="nt")


def check_terms(graph: Graph) -> None:
    """Every class and property is one of schema.org's, as rdflib lists them."""
    for _, predicate, value in graph:
        if predicate != RDF.type:
            assert str(predicate).startswith(str(SDO)), predicate
            assert predicate in TERMS, predicate
        else:
            assert value in TERMS, value


def test_json_ld_of_every_card_is_a_graph_of_schema_org(entries: Sequence[Entry], site: Path) -> None:
    for entry in entries:
        page = (site / entry.folder / "index.html").read_text("utf-8")
        script = page.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
        graph = to_graph(script)
        check_terms(graph)
        (subject,) = graph.subjects(RDF.type, SDO.Dataset)
        assert str(graph.value(subject, SDO.name)) == entry.model.name
        on_the_web = [asset for asset in entry.model.assets if is_web(asset.href)]
        assert len(list(graph.objects(subject, SDO.distribution))) == len(on_the_web)


def test_json_ld_of_the_start_page_names_the_collections(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    graph = to_graph(page.partition('<script type="application/ld+json">')[2].partition("</script>")[0])
    check_terms(graph)
    assert len(list(graph.subjects(RDF.type, SDO.DataCatalog))) == len(list(site.glob("*/collection.json"))) + 1


def test_json_ld_says_what_is_stated_and_where_it_is() -> None:
    data = {key: value for key, value in RICH.items() if key != "end_datetime"}
    data |= {"bbox": [1, 2, 3, 4], "start_datetime": "2020-01-01T00:00:00Z"}
    graph = to_graph(text_of("jsonld", to_entry(data)))
    check_terms(graph)
    subject = URIRef("https://example.org/models/land-cover/fusion-2.1/")
    assert (subject, RDF.type, SDO.Dataset) in graph
    assert str(next(graph.objects(None, SDO.box))) == "2 1 4 3"
    assert {str(o) for o in graph.objects(None, SDO.contentUrl)} == {"https://example.com/fusion.pt"}
    assert {str(o) for o in graph.objects(None, SDO.sha256)} == {"ab" * 32}
    assert {str(o) for o in graph.objects(subject, SDO.temporalCoverage)} == {"2020-01-01T00:00:00Z/.."}


def test_json_ld_cannot_end_its_script_and_names_no_script() -> None:
    for made in (to_dataset(to_entry(HOSTILE), CATALOG), to_data_catalog(to_library(HOSTILE))):
        script = str(to_script(made))
        assert not set("<>&\u202e\x07") & set(script)
        assert json.loads(script)["name"]
        assert "javascript:" not in script
    assert to_dataset(to_entry(HOSTILE), CATALOG)["name"] == EVIL


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_front_matter_is_read_by_the_hub_s_classes(entries: Sequence[Entry]) -> None:
    for path, text in {**texts("huggingface", entries), "rich": text_of("huggingface", to_entry(RICH))}.items():
        card = ModelCard(text)
        assert isinstance(card.data, ModelCardData)
        assert "earth-observation" in (card.data.tags or []), path
        assert card.text.lstrip().startswith("# ")
    data: Any = ModelCard(text_of("huggingface", to_entry(RICH))).data
    (result,) = data.eval_results
    assert (result.task_type, result.dataset_name, result.metric_value) == ("image-segmentation", "Tiles 2023", 0.731)
    assert (data.pipeline_tag, data.model_name) == ("image-segmentation", RICH["title"])


def test_a_license_that_the_hub_does_not_list_keeps_its_name() -> None:
    for license_, front in (
        ("MIT", {"license": "mit"}),
        ("EUPL-1.2", {"license": "other", "license_name": "eupl-1.2",
                      "license_link": "https://spdx.org/licenses/EUPL-1.2.html"}),
        ("other", {"license": "other", "license_name": "other"}),
    ):  # fmt: skip
        card: Any = ModelCard(text_of("huggingface", to_entry({**BARE, "license": license_})))
        data = card.data.to_dict()
        assert {key: value for key, value in data.items() if key.startswith("license")} == front


def test_what_the_hub_has_no_place_for_is_listed() -> None:
    losses = export("huggingface", [to_entry(RICH)], CATALOG).losses
    assert losses == ("fusion-2.1: metric accuracy: it takes a number, a data set and a task",)


def test_the_card_in_markdown_says_every_fact_of_the_model() -> None:
    text = text_of("card", to_entry(RICH))
    stated = [RICH["title"], "0.731", "mIoU", "Open water", "#808080", "19.5 M", "8 × 3 × 256 × 256", "512",
              "registry.example.com:5000/fusion", "fusion.serve:handler", "Fails over snow.", "Seams at tile borders.",
              "Example Lab", "@misc{fusion-2.1,", "1220" + "ab" * 32, "0123456789abcdef"]  # fmt: skip
    for fact in stated:
        assert fact in text.replace("\\", ""), fact
    assert [line for line in text.splitlines() if line.startswith("# ")] == [f"# {RICH['title']}"]


def test_markdown_of_a_hostile_model_holds_no_html() -> None:
    text = text_of("card", to_entry(HOSTILE))
    outside = "".join(part for number, part in enumerate(text.split("```")) if number % 2 == 0)
    assert "<script" not in outside.replace("\\<script", "")
    assert "<img" not in outside.replace("\\<img", "")
    assert "<style" not in outside


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A\n\ntext", "### A\n\ntext"),
        ("A\n===\n\nB\n---\n", "### A\n\n#### B"),
        ("###### deep", "###### deep"),
        ("`<b>` and <b>bold</b>", "`<b>` and &lt;b>bold&lt;/b>"),
        ("<https://example.org/a>, 1 < 2", "<https://example.org/a>, 1 < 2"),
        ("```\n# code <b>\n```\n# after", "```\n# code <b>\n```\n### after"),
        ("~~~\nnever closed", "~~~\nnever closed\n~~~"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ],
)
def test_prose_keeps_its_meaning_below_other_headings(text: str, shown: str) -> None:
    assert prose(text, 3) == shown


# --- tables ----------------------------------------------------------------------------------------------------------


def test_items_on_a_line_each_are_the_items(entries: Sequence[Entry], site: Path) -> None:
    lines = text_of("ndjson", *entries).splitlines()
    assert len(lines) == len(entries)
    for line, entry in zip(lines, entries, strict=True):
        item, published = json.loads(line), json.loads((site / entry.href).read_bytes())
        assert item["properties"] == published["properties"]
        for found in (*item["links"], *item["assets"].values()):
            assert found["href"].startswith(("./", "https:", "pkg:", "docker:")), found
            if found["href"].startswith("./"):
                assert (site / found["href"]).is_file()


def test_columns_hold_one_type_each() -> None:
    items = [
        {"properties": {"a": {"x": 1}, "b": 1, "c": {}, "d": [{"y": []}], "e": 2**64}, "assets": {}, "links": []},
        {"properties": {"a": [{"x": "t"}, {"x": None}], "b": 1.5, "d": {"y": [{"z": 1}]}}, "assets": {}, "links": []},
    ]
    one, two = (made["properties"] for made in to_columns(items))
    assert one == {"a": [{"x": "1"}], "b": 1, "d": [{"y": []}], "e": str(2**64)}
    assert two == {"a": [{"x": "t"}, None], "b": 1.5, "d": [{"y": [{"z": 1}]}]}


def test_rustac_reads_and_searches_the_parquet_file(entries: Sequence[Entry], tmp_path: Path) -> None:
    location = tmp_path / "items.parquet"
    (artifact,) = export("parquet", entries, CATALOG).artifacts
    assert isinstance(artifact.content, bytes)
    location.write_bytes(artifact.content)
    read = rustac.read_sync(str(location))["features"]
    assert {item["id"] for item in read} == {entry.model.id for entry in entries}
    by_id = {item["id"]: item for item in read}
    for entry in entries:
        found = by_id[entry.model.id]["properties"]
        for key in ("dlm:architecture", "dlm:outputs", "dlm:inputs", "dlm:data"):
            stated = entry.item["properties"].get(key)
            assert bool(found.get(key)) == bool(stated), (entry.model.id, key)
    (mask,) = [item for item in read if item["id"] == "csmask-unet-4b-l2a"]
    assert [c["class_name"] for c in mask["properties"]["dlm:outputs"][0]["class_name_mapping"]] == [
        "background", "cloud", "cloud shadow",
    ]  # fmt: skip


def test_hostile_items_fit_a_table() -> None:
    export("parquet", [to_entry(data) for data in (RICH, BARE, HOSTILE)], CATALOG)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rustac", None)
    with pytest.raises(MissingExtraError, match=r"dlm-catalog\[parquet\]"):
        export("parquet", [to_entry(BARE)], CATALOG)
    source = write(tmp_path, {"src/c/a.yml": MINIMAL, "src/catalog.yml": "exports: [parquet]\n"}) / "src"
    for arguments in (["export", str(source), "--to", "parquet"], ["build", str(source), "-o", str(tmp_path / "site")]):
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, "dlm-catalog[parquet]" in result.output) == (4, True), result.output
    assert not (tmp_path / "site").exists()
