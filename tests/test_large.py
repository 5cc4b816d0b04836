"""A catalog of 1,200 models with limits as low as ten thousand models would need: everything is divided."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pystac
import pytest
import rustac
from cards import to_shell
from divided import BASE, LIMITS, MODELS, build_divided, set_limits, write_source
from pystac.validation import validate_dict
from sources import write

import builder
from builder import schema
from builder.exporters.models_json import read_records
from builder.lists import LIMIT, Paging, to_pages, to_row
from builder.matching import read_site
from builder.output import publish
from builder.pipeline import Build, Settings, build
from builder.registry import RegistryError
from builder.sides import read_side
from builder.site import render_pages
from builder.templates import read_templates
from builder.verifying import find_targets


class Links(HTMLParser):
    """The addresses of a page, and the links that say which page of a list is meant."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.rels: dict[str, str] = {}
        self.current: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.hrefs += [found[name] for name in ("href", "src") if name in found]
        if tag == "a" and found.get("rel") in ("prev", "next"):
            self.rels[found["rel"]] = found["href"]
        if found.get("aria-current") == "page":
            self.current.append(found["href"])


def target_of(href: str, page: str) -> str | None:
    """The path in the site that a link of a page leads to; None for one that leads elsewhere."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    return normpath(join(dirname(page), unquote(parts.path)))


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "last", "linked"),
    [
        (1, 1, (1,)),
        (1, 3, (1, 2, 3)),
        (1, 9, (1, 2, 3, None, 9)),
        (5, 9, (1, None, 3, 4, 5, 6, 7, None, 9)),
        (9, 9, (1, None, 7, 8, 9)),
    ],
)
def test_first_last_and_near_pages_are_linked(number: int, last: int, linked: tuple[int | None, ...]) -> None:
    assert Paging("c/index.html", number, last, 1, 1, 1).linked == linked


def test_pages_hold_every_line_once_and_keep_the_first_address() -> None:
    made = list(to_pages(range(101), "c/index.html", 25))
    assert [line for _, lines in made for line in lines] == list(range(101))
    assert [(p.start, p.end) for p, _ in made] == [(1, 25), (26, 50), (51, 75), (76, 100), (101, 101)]
    assert [p.to_path(p.number) for p, _ in made][:3] == ["c/index.html", "c/page/2/index.html", "c/page/3/index.html"]
    assert Paging("search/task-a.html", 2, 2, 1, 1, 1).to_path(2) == "search/task-a/page/2/index.html"
    assert [len(part) for _, part in to_pages("", "c/index.html", 25)] == [0]


def test_no_page_is_large(large: Path) -> None:
    sizes = {path.relative_to(large).as_posix(): path.stat().st_size for path in large.rglob("*.html")}
    lists = {path: size for path, size in sizes.items() if "/m" not in path}
    assert len(lists) > 150
    assert max(lists.values()) < 20_000


def test_pages_at_the_limits_are_below_500_kb(real_build: Build) -> None:
    """The longest lines of the real catalog, as many as a page can have."""
    library = real_build.library
    assert library is not None
    entries = sorted(library.entries, key=lambda entry: len(str(astuple(entry.recall(to_row)))))[-25:]
    sizes = {}
    for number in (LIMIT, LIMIT + 25):
        collection = replace(library.collections[0], entries=tuple(entries) * (number // 25))
        whole = replace(library, collections=(collection,))
        for page in render_pages(whole, to_shell(whole), read_templates()):
            if page.path.endswith(".html") and isinstance(page.content, bytes):
                sizes[page.path, number] = len(page.content)
    assert {("index.html", LIMIT), ("search/tasks.html", LIMIT)} <= sizes.keys()
    assert (f"{library.collections[0].info.id}/page/4/index.html", LIMIT) in sizes
    assert max(sizes.values()) < 500_000


def test_every_link_of_every_page_leads_to_a_file(large: Path) -> None:
    pages = {p.relative_to(large).as_posix(): p for p in large.rglob("*.html") if p.name != "404.html"}
    linked: set[str] = set()
    for page, path in pages.items():
        targets = {target for href in Links(path.read_text("utf-8")).hrefs if (target := target_of(href, page))}
        for target in targets:
            assert (large / target).is_file(), (page, target)
        linked |= targets
    latest = {page for page in pages if page.endswith("/latest/index.html")}
    assert set(pages) - linked - latest == set(), "pages that nothing leads to"


@pytest.mark.parametrize("first", ["c1/index.html", "search/task-not-stated.html", "search/sensor-not-stated.html"])
def test_pages_lead_from_one_to_the_next_through_all_models(large: Path, first: str) -> None:
    page = first
    pages: list[str] = []
    models: list[str] = []
    titles: set[str] = set()
    while page:
        text = (large / page).read_text("utf-8")
        found = Links(text)
        assert [target_of(href, page) for href in found.current] == [page]
        if pages:
            assert target_of(found.rels["prev"], page) == pages[-1]
        pages.append(page)
        titles |= set(re.findall("<title>(.*?)</title>", text))
        address = BASE + page.removesuffix("index.html")
        assert f'<link rel="canonical" href="{address}">' in text
        models += re.findall(r'<li>\s*<span><a href="(?:\.\./)*(c\d/\w+)/index.html"', text)
        page = target_of(found.rels["next"], page) or "" if "next" in found.rels else ""
    number = {"c1/index.html": 400, "search/task-not-stated.html": 1200, "search/sensor-not-stated.html": 1201}[first]
    assert len(models) == len(set(models)) == number
    assert len(titles) == len(pages) == math.ceil(number / 25)


def test_start_page_names_the_collections_and_not_the_models(large: Path) -> None:
    text = (large / "index.html").read_text("utf-8")
    assert "1,201" in text
    assert 'href="c0/index.html"' in text
    assert "/m1/" not in text


def test_site_map_is_divided_and_holds_every_page(large: Path) -> None:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    index = ET.parse(large / "sitemap.xml").getroot()  # noqa: S314  made here
    assert index.tag == f"{space}sitemapindex"
    found: list[str] = []
    for place in index.iter(f"{space}loc"):
        part = ET.parse(large / (place.text or "").removeprefix(BASE)).getroot()  # noqa: S314
        addresses = [place.text or "" for place in part.iter(f"{space}loc")]
        assert part.tag == f"{space}urlset"
        assert 0 < len(addresses) <= LIMITS["builder.site.MAP_ADDRESSES"]
        found += addresses
    assert len(found) == len(set(found)) > MODELS + 3 * MODELS // 25
    for address in found:
        path = address.removeprefix(BASE)
        assert (large / (path if path.endswith(".html") else f"{path}index.html")).is_file(), address


# --- STAC ------------------------------------------------------------------------------------------------------------


def stac_paths(site: Path) -> list[Path]:
    return [site / "catalog.json", *site.glob("*/collection.json"), *site.glob("*/parts/items-*.json")]


def test_no_stac_object_has_many_links(large: Path) -> None:
    parts = list(large.glob("*/parts/items-*.json"))
    assert len(parts) > 40
    for path in stac_paths(large):
        data = json.loads(path.read_bytes())
        links = Counter(link["rel"] for link in data["links"])
        assert links["item"] <= LIMITS["builder.division.ITEMS"]
        assert links["child"] <= 40
        assert links["item"] + links["child"] > 0
        for link in data["links"]:
            target = target_of(link["href"], path.relative_to(large).as_posix())
            assert target is not None
            assert (large / target).is_file(), (path, link)
            if link["rel"] == "parent":
                above = json.loads((large / target).read_bytes())
                back = [target_of(child["href"], target) for child in above["links"] if child["rel"] == "child"]
                assert path.relative_to(large).as_posix() in back


def test_an_item_has_its_collection_for_a_parent(large: Path) -> None:
    item = json.loads((large / "c1/m1/m1.json").read_bytes())
    links = {link["rel"]: link["href"] for link in item["links"] if link["rel"] in ("root", "parent", "collection")}
    assert links == {"root": "../../catalog.json", "parent": "../collection.json", "collection": "../collection.json"}


def test_pystac_walks_a_divided_collection(large: Path) -> None:
    catalog = pystac.Catalog.from_file(str(large / "catalog.json"))
    found = Counter(item.id for item in catalog.get_items(recursive=True))
    assert len(found) == MODELS + 1
    assert set(found.values()) == {1}
    collection = catalog.get_child("c1")
    assert isinstance(collection, pystac.Collection)
    assert len(list(collection.get_items(recursive=True))) == MODELS // 3
    for part, _, items in collection.walk():
        assert part.get_root() is catalog
        assert all(item.collection_id == "c1" for item in items)


def test_rustac_walks_a_divided_collection(large: Path) -> None:
    async def walk() -> list[str]:
        found: list[str] = []
        async for _, _, items in rustac.walk(rustac.read_sync(str(large / "catalog.json"))):
            found += [item["id"] for item in items]
        return found

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(asyncio.run, walk()).result()
    assert len(found) == len(set(found)) == MODELS + 1


def test_catalogs_below_a_collection_are_valid(large: Path) -> None:
    for path in large.glob("*/parts/items-*.json"):
        assert validate_dict(json.loads(path.read_bytes()))


def test_diff_reads_a_divided_site(large: Path) -> None:
    side = read_side(str(large), large).side
    assert len(side.models) == MODELS + 1
    assert not [facts.fault for facts in side.models.values() if facts.fault]


def test_a_further_model_changes_few_files(large: Path, tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    further = "title: Model 5555\ndescription: One more.\nlicense: MIT\ndlm:architecture: {type: CNN}\n"
    write(source, {"c1/m5555.yml": further})
    site = tmp_path / "site"
    shutil.copytree(large, site)
    published = publish(build_divided(source), site)
    changed = {path for path in published.written if not path.startswith("c1/m5555/")}
    assert published.removed == ()
    assert {path for path in changed if path.endswith(".json")} <= {
        "c1/collection.json", "c1/parts/items-m5.json", "c1/parts/items-m55.json", "c1/parts/models-m5.json",
        "models.json", "manifest.json",
    }  # fmt: skip
    # The pages that list it and those after them, where each model moves down by one.
    pages = {path for path in changed if path.endswith(".html")}
    assert not {path for path in pages if re.match(r"c\d/(m\d+|task)/", path)}
    assert not {path for path in pages if path.startswith(("c0/", "c2/"))}


# --- models.json and the index ---------------------------------------------------------------------------------------


def test_models_json_names_its_parts(large: Path) -> None:
    index = json.loads((large / "models.json").read_bytes())
    assert "models" not in index
    assert {part["collection"] for part in index["parts"]} == {"c0", "c1", "c2"}
    for part in index["parts"]:
        records = json.loads((large / part["href"]).read_bytes())["models"]
        assert len(records) == part["models"] <= LIMITS["builder.exporters.models_json.WHOLE"]
        assert {record["collection"] for record in records} == {part["collection"]}
    records = list(read_records(lambda path: json.loads((large / path).read_bytes())))
    assert len({record["id"] for record in records}) == len(records) == MODELS + 1
    assert len(read_site(large)) == MODELS + 1
    assert len(find_targets(large)) == MODELS + 1


def test_models_json_and_its_parts_follow_the_schema(large: Path) -> None:
    validator = jsonschema.Draft7Validator(schema.load(schema.MODELS))
    for path in (large / "models.json", *large.glob("*/parts/models*.json")):
        assert not list(validator.iter_errors(json.loads(path.read_bytes()))), path


def test_a_catalog_in_parts_is_opened_and_searched(large: Path) -> None:
    catalog = builder.open(large)
    assert len(catalog) == MODELS + 1
    assert [record.id for record in catalog.search(task="classification")] == ["task"]
    assert Path(catalog["m1199"].card).is_file()


@pytest.mark.parametrize("href", ["https://host.example/x.json", "../models.json", "/models.json", 7, None])
def test_parts_elsewhere_are_not_read(tmp_path: Path, href: object) -> None:
    (tmp_path / "models.json").write_text(json.dumps({"version": "1.2.0", "parts": [{"href": href}]}))
    with pytest.raises(RegistryError, match="part that is not below it"):
        builder.open(tmp_path)


def read_script(path: Path) -> Any:
    literal = re.fullmatch(r"globalThis\.\w+=JSON\.parse\('(.*)'\);\n", path.read_text("utf-8"))
    assert literal
    return json.loads(literal[1].replace("\\'", "'").replace("\\\\", "\\"))


def test_the_index_is_the_same_in_parts(large: Path) -> None:
    index = read_script(large / "search/index.js")
    assert (index["total"], index["parts"], len(index["ids"])) == (MODELS + 1, 3, 100)
    parts = [read_script(large / f"search/index-{number}.js") for number in (1, 2, 3)]
    assert not (large / "search/index-4.js").exists()
    assert [len(part[0]) for part in parts] == [400, 400, 301]
    assert all(len({len(column) for column in part}) == 1 for part in parts)
    ids = [*index["ids"], *(key for part in parts for key in part[0])]
    assert len(set(ids)) == MODELS + 1
    assert all(len(part) == 6 + len(index["facets"]) + len(index["numbers"]) for part in parts)


# --- many of other things --------------------------------------------------------------------------------------------


def test_many_collections_and_values_are_divided_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limits(monkeypatch)
    text = "description: A model.\nplatform: sat-NUMBER\ndlm:outputs: {task: classification}\n"
    files: dict[str, str | bytes] = {f"c{n:02}/m{n}.yml": text.replace("NUMBER", f"{n:02}") for n in range(120)}
    made = build(Settings(write(tmp_path, files)))
    pages = {a.path: a.content.decode() for a in made.artifacts if isinstance(a.content, bytes) and a.path[-1] == "l"}
    home = pages["index.html"]
    assert home.count('<section class="group">') == LIMITS["builder.site.PAGE"]
    assert "All 120 collections" in home
    assert pages["search/collections.html"].count('/index.html">c') == 120
    assert home.count('<th scope="row">') == 60
    assert "The most common ones." in home
