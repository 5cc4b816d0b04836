"""The pages: complete, safe whatever the data is, and the same at every build."""

from __future__ import annotations

import html
import itertools
import pickle
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import numpy as np
import pytest
from cards import BARE, EVIL, HOSTILE, RICH, to_entry, to_library, to_shell

from builder import deploy
from builder.catalog import CatalogInfo, Library, Neighbours
from builder.cite import to_bibtex
from builder.mlm import without_derived
from builder.model import to_model
from builder.output import Artifact
from builder.prose import plain_text, safe_href
from builder.search import render_search
from builder.site import Shell, render_card, render_pages, source_artifact
from builder.templates import read_templates

TEMPLATES = read_templates()
INLINE = {"a", "b", "code", "em", "i", "span", "strong", "sup"}
VOID = {"br", "hr", "img", "input", "link", "meta"}
ATOM = {"a": "http://www.w3.org/2005/Atom"}


class Parsed(HTMLParser):
    """A page taken apart: elements with attributes, text, and whether every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words.append("" if tag in INLINE else " ")
        self.elements.append((tag, dict(attrs)))
        if len({name for name, _ in attrs}) != len(attrs):
            self.faults.append(f"attribute given twice: {tag} {attrs}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.words.append("" if tag in INLINE else " ")
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing, at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def card(data: dict[str, Any], library: Library | None = None) -> str:
    library = library or to_library(data)
    entry = next(entry for entry in library.entries if entry.model.id == data["id"])
    artifact, *_ = render_card(entry, library.neighbours[entry.folder], to_shell(library), TEMPLATES)
    assert artifact.path == f"{entry.folder}/index.html"
    return content(artifact)


def content(artifact: Artifact) -> str:
    assert isinstance(artifact.content, bytes)
    return artifact.content.decode()


def pages(base_url: str | None = None, *models: dict[str, Any]) -> dict[str, Artifact]:
    library = to_library(*(models or (RICH, BARE, HOSTILE)), base_url=base_url)
    shell = to_shell(library)
    artifacts = render_pages(library, shell, TEMPLATES) + render_search(library)
    for entry in library.entries:
        artifacts += render_card(entry, library.neighbours[entry.folder], shell, TEMPLATES)
        artifacts.append(source_artifact(entry))
        artifacts += deploy.to_artifacts(entry, deploy.to_bundle(entry, base_url))
    assert len({artifact.path for artifact in artifacts}) == len(artifacts)
    return {artifact.path: artifact for artifact in artifacts}


PAGES = {path: content(artifact) for path, artifact in pages().items() if path.endswith(".html")}


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, str):
        yield " ".join(plain_text(value).split())
    elif value is not None:
        yield str(value).lower() if isinstance(value, bool) else repr(value)


# --- what a card says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [RICH, BARE, HOSTILE], ids=["rich", "bare", "hostile"])
def test_every_value_is_on_the_card(data: dict[str, Any]) -> None:
    entry = to_entry(data)
    item = {**entry.item, "properties": without_derived(entry.item["properties"], entry.model)}
    text = Parsed(card(data)).text
    assert [
        leaf for part in ("properties", "assets", "links", "bbox") for leaf in leaves(item[part]) if leaf not in text
    ] == []


def test_head_answers_the_first_questions() -> None:
    text = card(RICH)
    head = Parsed(text[text.index("<h1") : text.index('class="contents"')]).text
    for words in (
        "Maps land cover from Sentinel-2",
        "Semantic segmentation, regression",
        "water, forest",
        "sentinel-2",
        "10 m",
        "CC-BY-4.0",
        "docker run --rm --gpus all --workdir '/work dir' registry.example.com:5000/fusion:2.1 python -m fusion "
        "--out '/tmp/a b'",
        "Parameters 19.5 M",
        "Size 74.55 MB",
        "Bands 5 + 2",
        "GSD 10 m",
        "Classes 3",
        "Framework PyTorch 2.4, ONNX 1.17",
        "Version 2.1.0",
        "Deprecated",
        "Experimental",
    ):
        assert words in head.replace("\u00a0", " "), words


def test_every_section_has_its_anchor_in_the_contents() -> None:
    for data in (RICH, BARE, HOSTILE):
        page = Parsed(card(data))
        ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
        targets = {a["href"][1:] for a in page.all("a") if (a.get("href") or "").startswith("#")}  # type: ignore[index]
        assert targets <= ids
        assert {
            "overview",
            "data",
            "pipeline",
            "architecture",
            "outputs",
            "run",
            "evaluation",
            "training",
            "ethics",
        } <= targets
        assert {"files", "cite", "versions", "metadata"} <= targets


def test_missing_facts_are_said_to_be_missing() -> None:
    text = Parsed(card(BARE)).text
    for words in (
        "License not stated",
        "Evaluation not stated",
        "Cite not stated",
        "Time span not stated",
        "Footprint not stated (treated as the whole world)",
        "an asset with the role weights",
        "Intended use not stated",
    ):
        assert words in text, words
    assert "1900-01-01" not in text.split("Every field")[0]


def test_pipeline_shows_the_real_numbers() -> None:
    text = Parsed(card(RICH)).text
    for words in (
        "Band selection B08, B04, B03, B02, B99 indices 4, 2, 1, 0, 6",
        "× 0.0001 = 1/10000",
        "x = (pixel × 0.0001 − mean) / std",
        "8 × 5 × 256 × 256",
        "N × 2 × 512 × 512",
        "0 B08 0.131 0.011",
        "4 B99 0.255 0.025",
        "pixels = np.asarray(image)[[4, 2, 1, 0, 6]]",
        "channel 4: B99, 10900 nm",
    ):
        assert words in text, words


def test_numpy_code_of_the_card_runs_as_written() -> None:
    found = re.search(r'aria-label="Preprocessing in numpy"><code>(.*?)</code>', card(RICH), re.DOTALL)
    assert found
    text = html.unescape(found[1])
    functions: dict[str, Any] = {}
    exec(compile(text, "card", "exec"), functions)  # noqa: S102  the text under test
    tensor, valid = functions["preprocess_1"](np.full((7, 2, 3), 1000, "uint16"))
    assert tensor.shape == (1, 5, 2, 3)
    assert tensor[0, 0, 0, 0] == pytest.approx((0.1 - 0.131) / 0.011, rel=1e-5)
    assert valid.all()


def test_unsafe_weights_are_marked() -> None:
    assert "Opening this file can run code" in card(RICH)
    safe = {**RICH, "assets": {"w": {"href": "https://example.com/x.safetensors", "roles": ["weights"]}}}
    assert "Opening this file can run code" not in card(safe)


def test_source_is_linked_at_its_commit() -> None:
    commit = RICH["dlm:runtime"][0]["model_commit_hash"]
    assert f'href="https://github.com/example/fusion/tree/{commit}"' in card(RICH)


def test_versions_and_successors_are_linked() -> None:
    library = to_library(RICH, {**BARE, "title": "Newer"})
    text = card(RICH, library)
    assert 'Use <a href="../../land-cover/bare/index.html">Newer</a> instead.' in text
    assert Parsed(text).text.count("this one") == 1


def test_problem_and_edit_links_name_the_model() -> None:
    text = card(RICH)
    assert "https://github.com/example/models/issues/new?title=land-cover%2Ffusion-2.1%3A%20" in text
    assert "https://github.com/example/models/blob/main/catalog_src/land-cover/fusion-2.1.yml" in text


def test_source_file_does_not_take_the_place_of_the_item() -> None:
    assert source_artifact(to_entry(BARE)).path == "land-cover/bare/bare.yml"
    assert source_artifact(to_entry(BARE, "land-cover/bare.json")).path == "land-cover/bare/bare.source.json"


def test_bibtex_is_made_of_stated_facts_and_escaped() -> None:
    text = to_bibtex(to_model(RICH))
    assert "author = {{Example Lab}}" in text
    assert "doi = {10.1234/model_one}" in text
    assert r"note = {Example Lab (2024): Fusion \& more, 50\% better.}" in text
    assert "year = {2024}" in text
    assert to_bibtex(to_model(BARE)) == ""
    evil = to_bibtex(to_model(HOSTILE))
    assert r"\} @misc\{x, \textbackslash{}input\{y\}" in evil


# --- every page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PAGES))
def test_page_is_sound_html(path: str) -> None:
    page = Parsed(PAGES[path])
    assert page.faults == []
    assert page.open == []
    ids = [attributes["id"] or "" for _, attributes in page.elements if "id" in attributes]
    assert sorted(set(ids)) == sorted(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for attribute in ("aria-labelledby", "for"):
        assert {a[attribute] for _, a in page.elements if attribute in a} <= set(ids)


@pytest.mark.parametrize("path", sorted(PAGES))
def test_page_obeys_its_own_security_policy(path: str) -> None:
    page = Parsed(PAGES[path])
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
    assert {"http-equiv": "Content-Security-Policy", "content": policy} in page.all("meta")
    for tag, attributes in page.elements:
        assert tag not in {"style", "iframe", "object", "embed", "form", "base"}
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        # JSON-LD is data, which the policy does not concern.
        if tag == "script" and attributes.get("type") != "application/ld+json":
            assert re.fullmatch(r"(\.\./)*(assets|search)/[a-z-]+\.js", attributes["src"] or "")


@pytest.mark.parametrize("path", sorted(PAGES))
def test_page_loads_and_links_nothing_unsafe(path: str) -> None:
    published = set(pages()) | {"catalog.json", "docs/index.html", "schemas/dlm/v1.0.0/schema.json"}
    for tag, attributes in Parsed(PAGES[path]).elements:
        for name in ("href", "src"):
            target = attributes.get(name)
            if target is None or target.startswith("#"):
                continue
            assert safe_href(target, local=True), (tag, target)
            if re.match("[a-z]+:", target):
                assert tag == "a", "a page loads nothing from elsewhere"
                assert "noopener" in (attributes.get("rel") or "")
            elif not (target == "x" and tag == "img"):  # the image that the hostile texts show
                parts = [*path.split("/")[:-1], *re.split("[#?]", target)[0].split("/")]
                while ".." in parts:
                    at = parts.index("..")
                    del parts[at - 1 : at + 1]
                assert "/".join(parts) in published or parts[-1].endswith((".json", "card.md")), target


def test_hostile_text_stays_text() -> None:
    library = to_library(HOSTILE)
    for path in (*(p for p in PAGES if "odd" in p), "index.html"):
        assert "<script>alert" not in PAGES[path]
        assert "javascript:" not in re.sub(r"<(code|td|dd|li|p)\b.*?</\1>", "", PAGES[path], flags=re.DOTALL)
        assert "\u202e" not in PAGES[path]
    assert plain_text(EVIL.split("{{")[1]).split("}}")[0] in Parsed(card(HOSTILE, library)).text


def test_every_page_says_what_it_is() -> None:
    parsed = {path: Parsed(text) for path, text in PAGES.items()}
    titles = [re.search("<title>(.*?)</title>", text, re.DOTALL)[1] for text in PAGES.values()]  # type: ignore[index]
    assert len(set(titles)) == len(titles)
    for page in parsed.values():
        assert [a["content"] for a in page.all("meta") if a.get("name") == "description"] != [""]
        assert {"lang": "en"} in page.all("html")
        assert "#main" in [a.get("href") for a in page.all("a")]


def test_same_library_gives_the_same_bytes() -> None:
    assert pages() == pages()
    shell = to_shell(to_library(RICH))
    assert pickle.loads(pickle.dumps(shell)) == shell  # noqa: S301  our own bytes


def test_empty_catalog_has_pages() -> None:
    library = Library(CatalogInfo("empty", "Empty", "Nothing yet."), (), {})
    paths = {a.path for a in render_pages(library, Shell(library.info, (), False, "x"), TEMPLATES)}
    assert {"index.html", "404.html", "feed.xml", "robots.txt", ".nojekyll", "assets/site.css"} <= paths


# --- lists, feed, crawling -------------------------------------------------------------------------------------------


def test_home_and_collection_list_every_model() -> None:
    rich = "Optical and radar fusion for land cover"
    assert rich in Parsed(PAGES["index.html"]).text
    assert 'href="land-cover/bare/index.html"' in PAGES["index.html"]
    assert 'href="../land-cover/bare/index.html"' in PAGES["land-cover/index.html"]
    for words in ("sentinel-2a", "5 + 2 bands", "CC-BY-4.0", "19.5 M parameters", "deprecated", "experimental"):
        assert words in Parsed(PAGES["land-cover/index.html"]).text


def test_feed_without_base_url_has_stable_ids_and_no_address() -> None:
    feed = ElementTree.fromstring(content(pages()["feed.xml"]))  # noqa: S314  our own bytes
    entries = feed.findall("a:entry", ATOM)
    assert [e.findtext("a:updated", "", ATOM) for e in entries] == [
        "2025-06-07T08:09:10Z",
        "2024-02-03T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
    ]
    ids = [e.findtext("a:id", "", ATOM) for e in (feed, *entries)]
    assert len(set(ids)) == 5
    assert all(i.startswith("urn:uuid:") for i in ids)
    assert feed.findtext("a:updated", "", ATOM) == "2025-06-07T08:09:10Z"
    assert feed.findall(".//a:link", ATOM) == []


def test_feed_and_site_map_with_base_url_are_absolute() -> None:
    site = pages("https://host.example/models/")
    feed = ElementTree.fromstring(content(site["feed.xml"]))  # noqa: S314  our own bytes
    hrefs = [link.get("href", "") for link in feed.findall(".//a:link", ATOM)]
    assert "https://host.example/models/land-cover/bare/index.html" in hrefs
    assert all(href.startswith("https://host.example/models/") for href in hrefs)
    addresses = [e.text for e in ElementTree.fromstring(content(site["sitemap.xml"])).iter() if e.tag.endswith("loc")]  # noqa: S314
    assert "https://host.example/models/" in addresses
    assert "https://host.example/models/land-cover/bare/" in addresses
    assert "Sitemap: https://host.example/models/sitemap.xml" in content(site["robots.txt"])
    assert '<link rel="canonical" href="https://host.example/models/land-cover/bare/">' in content(
        site["land-cover/bare/index.html"]
    )
    assert 'href="/models/assets/site.css"' in content(site["404.html"])


def test_without_base_url_nothing_is_absolute() -> None:
    site = pages()
    assert "sitemap.xml" not in site
    assert "Sitemap" not in content(site["robots.txt"])
    assert "canonical" not in PAGES["index.html"]


def test_deprecated_model_without_successor_says_so() -> None:
    library = to_library(RICH)
    (artifact,) = render_card(library.entries[0], Neighbours(), to_shell(library), TEMPLATES)
    assert "No successor is stated" in content(artifact)


def test_crawlers_may_read_everything() -> None:
    robots = RobotFileParser()
    robots.parse(content(pages("https://host.example/models")["robots.txt"]).splitlines())
    assert robots.can_fetch("anyone", "https://host.example/models/index.html")
    assert robots.site_maps() == ["https://host.example/models/sitemap.xml"]
