"""The whole build: the real catalog, a golden one, and sources with faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pystac
import pytest
from click.testing import CliRunner
from shared import ROOT
from sources import MINIMAL, build_files, find_item, french_kinds, write

from builder import schema
from builder.cli import main
from builder.document import parse
from builder.held import MANIFEST
from builder.output import publish
from builder.pipeline import Build, Settings, build, check
from builder.stac import to_datetime

GOLDEN = ROOT / "tests" / "golden"
RENEW = bool(os.environ.get("UPDATE_GOLDEN"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the real catalog ------------------------------------------------------------------------------------------------


def test_the_real_catalog_builds_without_an_error(real_build: Build, site: Path) -> None:
    assert [d for d in real_build.diagnostics if d.severity == "error"] == []
    items = list(site.glob("*/*/*.json"))
    assert len(items) == real_build.models >= 127
    assert real_build.library is not None
    assert {path.stem for path in items} == {entry.model.id for entry in real_build.library.entries}


def test_checking_finds_what_building_finds(real_build: Build) -> None:
    checked = check(Settings(ROOT / "catalog_src"))
    assert checked.diagnostics == real_build.diagnostics
    assert checked.artifacts == ()


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    build(Settings(ROOT / "catalog_src"), lambda *state: told.append(state))
    assert {stage for stage, _, _ in told} == {"check", "render"}
    for stage in ("check", "render"):
        done = [(done, total) for name, done, total in told if name == stage]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1] >= 127


# --- golden ----------------------------------------------------------------------------------------------------------

# Pages have tests of their own, and what is copied is compared with its origin.
NOT_GOLDEN = re.compile(rf".*\.html|assets/.*|docs/.*|schemas/.*|{MANIFEST}")


def test_a_golden_catalog_is_made_byte_for_byte(tmp_path: Path) -> None:
    made = build(Settings(GOLDEN / "source"))
    assert [d.message for d in made.diagnostics if d.severity != "note"] == []
    publish(made.artifacts, tmp_path / "site")
    everything = snapshot(tmp_path / "site")
    found = {path: content for path, content in everything.items() if not NOT_GOLDEN.fullmatch(path)}
    paths = "".join(f"{path}\n" for path in sorted(everything) if not path.startswith("assets/"))
    if RENEW:
        shutil.rmtree(GOLDEN / "expected", ignore_errors=True)
        write(GOLDEN / "expected", found)
        (GOLDEN / "expected-paths.txt").write_text(paths, "utf-8")
    expected = snapshot(GOLDEN / "expected")
    assert (GOLDEN / "expected-paths.txt").read_text("utf-8") == paths
    assert sorted(found) == sorted(expected)
    for path, content in found.items():
        assert content.decode("utf-8", "replace") == expected[path].decode("utf-8", "replace"), path
        assert content == expected[path], path
    published = json.loads(everything[schema.DLM_PATH])
    assert published == schema.published("https://example.org/models")[1]


def run_build(source: Path, output: Path, cwd: Path, **environment: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "builder.cli", "build", str(source), "-o", str(output), "--no-docs"]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_two_machines_make_the_same_bytes(tmp_path: Path) -> None:
    """Other working directories, hash seeds, locales and time zones, and the source in another place."""
    one, two = tmp_path / "one", tmp_path / "somewhere" / "else"
    one.mkdir()
    two.mkdir(parents=True)
    shutil.copytree(ROOT / "catalog_src", two / "catalog_src")
    run_build(ROOT / "catalog_src", one / "site", one, PYTHONHASHSEED="1", LC_ALL="C.UTF-8", TZ="Asia/Tokyo")
    run_build(
        two / "catalog_src", two / "site", two,
        PYTHONHASHSEED="2", LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", TZ="America/New_York",
    )  # fmt: skip
    assert snapshot(one / "site") == snapshot(two / "site")


def test_building_twice_writes_nothing(site: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(site, tmp_path / "site")
    again = publish(build(Settings(ROOT / "catalog_src")).artifacts, folder)
    assert (again.written, again.removed) == ((), ())


def test_a_changed_model_rewrites_only_what_mentions_it(tmp_path: Path) -> None:
    source = shutil.copytree(GOLDEN / "source", tmp_path / "source")
    publish(build(Settings(source)).artifacts, tmp_path / "site")
    card = source / "ships" / "ships.json"
    card.write_text(card.read_text("utf-8").replace("kept as it is", "changed"), "utf-8")
    made = publish(build(Settings(source)).artifacts, tmp_path / "site")
    assert {path.rpartition("/")[0] for path in made.written} == {"ships/ship-finder", ""}
    assert made.written[-1] == "ships/ship-finder/ship-finder.source.json"
    assert not any(path.startswith("land-cover/") or path in ("catalog.json", "models.json") for path in made.written)


@pytest.mark.parametrize("source", [ROOT / "catalog_src", GOLDEN / "source"])
def test_published_items_fed_back_build_to_the_same_items(source: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "site", tmp_path / "source"
    publish(build(Settings(source)).artifacts, first)
    for file in source.rglob("*.yml"):
        if file.name in ("catalog.yml", "collection.yml"):
            write(again, {file.relative_to(source).as_posix(): file.read_bytes()})
    for item in first.glob("*/*/*.json"):
        if not item.name.endswith(".source.json"):
            write(again, {item.relative_to(first).as_posix(): item.read_bytes()})
    for weights in first.glob("*/*/*.onnx"):
        write(again, {weights.relative_to(first).as_posix(): weights.read_bytes()})
    made = build(Settings(again))
    assert [d for d in made.diagnostics if d.severity == "error"] == []
    for item in again.glob("*/*/*.json"):
        path = item.relative_to(again).as_posix()
        assert find_item(made, path) == json.loads(item.read_bytes()), path


# --- links and paths -------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """The links, ids and text of a page, and what stands in attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  as inherited
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            elif name == "srcset" and value:
                self.links += [part.split()[0] for part in value.split(",")]
            if name in ("id", "name") and value:
                self.ids.add(value)
            self.attributes.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def hrefs(data: Any) -> Iterator[str]:
    """Every value at a key `href`, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "href" and isinstance(value, str):
                yield value
            else:
                yield from hrefs(value)
    elif isinstance(data, list):
        for value in data:
            yield from hrefs(value)


def broken_links(site: Path, base: str = "") -> list[str]:
    """The links that lead nowhere. `base` is the path of the site's address, from which 404.html links."""
    pages = {path: _Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    found = [(path, link) for path, page in pages.items() for link in page.links]
    for path in (*site.glob("*.json"), *site.glob("*/*.json"), *site.glob("*/*/*.json")):
        found += [(path, link) for link in hrefs(json.loads(path.read_bytes()))]
    broken = []
    for path, link in found:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        # A query is for the page's script.
        address, fragment = parts.path, parts.fragment
        start = path.parent
        if base and path.name == "404.html":
            start, address = site, address.removeprefix(base)
        target = (start / unquote(address)).resolve() if address else path
        if not target.is_file() or not target.is_relative_to(site.resolve()):
            broken.append(f"{path.relative_to(site)}: {link}")
        elif fragment and target.suffix == ".html" and unquote(fragment) not in pages[target].ids | {"top"}:
            broken.append(f"{path.relative_to(site)}: {link} has no such place")
    return broken


def test_every_relative_link_of_the_real_site_leads_somewhere(site: Path) -> None:
    assert broken_links(site) == []


def test_every_relative_link_of_the_golden_site_leads_somewhere(tmp_path: Path) -> None:
    publish(build(Settings(GOLDEN / "source")).artifacts, tmp_path / "site")
    assert broken_links(tmp_path / "site", "/models/") == []


def test_every_relative_link_of_a_french_site_leads_somewhere(tmp_path: Path) -> None:
    publish(build(Settings(french_kinds(tmp_path / "source"))).artifacts, tmp_path / "site")
    assert broken_links(tmp_path / "site") == []


def test_links_of_the_catalog_are_relative(site: Path) -> None:
    rels = {"root", "parent", "collection", "item", "child", "alternate", "predecessor-version", "successor-version"}
    for path in (site / "catalog.json", *site.glob("*/collection.json"), *site.glob("*/*/*.json")):
        for link in json.loads(path.read_bytes())["links"]:
            assert link["rel"] != "self", "a self-contained catalog has no self links"
            if link["rel"] in rels:
                assert not urlsplit(link["href"]).scheme
                assert not link["href"].startswith("/")
                assert link["title"]


def test_no_path_of_the_machine_is_published(site: Path) -> None:
    places = [str(ROOT), str(site.parent), str(Path.home()), "file:///"]
    for path, content in snapshot(site).items():
        for place in places:
            assert place.encode() not in content, f"{place} in {path}"


def test_the_site_reads_the_same_from_another_place(site: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(site, tmp_path / "a folder with spaces")
    catalog = pystac.Catalog.from_file(str(copy / "catalog.json"))
    hrefs = [item.get_self_href() for item in catalog.get_items(recursive=True)]
    assert len(hrefs) >= 127
    assert all(str(href).startswith(str(copy)) for href in hrefs)
    assert broken_links(copy) == []


# --- nothing that an author wrote is lost ----------------------------------------------------------------------------

Leaf = tuple[tuple[str | int, ...], Any]
# Rewritten on purpose: what is written with another word or number is compared with what is published.
REWRITTEN = {
    ("dlm:data", "process_level"): str.lower,
    ("dlm:outputs", "task"): str.lower,
}
ITEM_KEYS = {"id", "collection", "bbox", "geometry", "assets", "links"}


def leaves(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            data = data[step]
        else:
            return None
    return data


def written(model: Path) -> dict[str, Any]:
    """What a model file says, with the item properties at the top level and its collection's defaults."""
    document, _ = parse(model.name, model.read_text("utf-8"))
    assert document is not None
    data: dict[str, Any] = {**document.data, **document.data.get("properties", {})}
    data.pop("properties", None)
    about, _ = parse("collection.yml", (model.parent / "collection.yml").read_text("utf-8"))
    defaults = about.data.get("defaults", {}) if about is not None else {}
    return {**defaults, **data}


def models() -> list[Path]:
    found = sorted((ROOT / "catalog_src").glob("*/*.yml"))
    return [path for path in found if path.name != "collection.yml"]


def test_every_value_that_an_author_wrote_is_in_the_item(site: Path) -> None:
    missing = []
    for model in models():
        item = json.loads((site / model.parent.name / model.stem / f"{model.stem}.json").read_bytes())
        data = written(model)
        links = data.pop("links", [])
        missing += [f"{model.stem}: {link}" for link in links if link not in item["links"]]
        for path, value in leaves(data):
            if value is None:
                continue
            found = at(item if path[0] in ITEM_KEYS else item["properties"], path)
            rewrite = REWRITTEN.get((str(path[0]), str(path[-1])), lambda text: text)
            same = found == value or (isinstance(value, str) and rewrite(value) == rewrite(str(found)))
            if not same and not (isinstance(value, str) and to_datetime(value) == found):
                missing.append(f"{model.stem}: {path} is {value!r}, published is {found!r}")
    assert missing == []


def squeezed(text: str) -> str:
    """Letters and digits only: what the marks of Markdown, line breaks and typography leave alone."""
    return re.sub(r"[\W_]+", "", text).lower()


def is_shown(value: Any, text: str, everything: str) -> bool:
    """Whether a card with this text says a value, in one of the ways in which it may be written.

    `everything` is the text and the attributes, squeezed.
    """
    if isinstance(value, (int, float)):
        whole = [str(int(value)), f"{int(value):,}"] if value == int(value) else []
        found = (re.search(rf"(?<![\w.]){re.escape(form)}(?![\w,]|\.\d)", text) for form in (repr(value), *whole))
        return any(found)
    # A Markdown link has its address in an attribute, behind its text.
    forms = [value, re.sub(r"\]\([^)]*\)", "", value)]
    if re.match(r"\d{4}-\d{2}-\d{2}", value):
        forms.append(value[:10])
    return any(squeezed(form) in everything for form in forms)


# What the card says in other words, by key.
NOT_ON_CARD = {
    "rel": "a link's relation decides where it stands",
    "roles": "an asset's roles decide where it stands",
    "gpu": "the card says whether a GPU is needed",
}


def test_every_value_that_an_author_wrote_is_on_the_card(site: Path) -> None:
    missing = []
    for model in models():
        page = _Page((site / model.parent.name / model.stem / "index.html").read_text("utf-8"))
        text = " ".join(page.text)
        everything = squeezed(" ".join((text, *page.attributes)))
        for path, value in leaves(written(model)):
            names = {step for step in path if isinstance(step, str)}
            if value is None or names & NOT_ON_CARD.keys():
                continue
            if not is_shown(value, text, everything):
                missing.append(f"{model.stem}: {path} is {value!r}")
    assert missing == []


# --- sources with faults ---------------------------------------------------------------------------------------------

SECOND = {"c/b.yml": MINIMAL}
BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    # name: files, where and what the message begins with, and what the help says
    "typo": ({"c/a.yml": MINIMAL + "licence: MIT\n"}, "c/a.yml:3:1: error[key-unknown] licence", "license"),
    "typo-dlm": (
        {"c/a.yml": MINIMAL + "dlm:data:\n  number_of_band: 3\n"},
        "c/a.yml:4:3: error[key-unknown] number_of_band",
        "number_of_bands",
    ),
    "duplicate-key": (
        {"c/a.yml": MINIMAL + "title: A\ntitle: B\n"},
        "c/a.yml:4:1: error[key-duplicate] the key title is given twice",
        "keep one",
    ),
    "tab": ({"c/a.yml": MINIMAL + "dlm:data:\n\tdtype: uint8\n"}, "c/a.yml:4:1: error[yaml-syntax] a tab", "spaces"),
    "missing-value": (
        {"c/a.yml": "dlm:architecture: {type: CNN}\n"},
        "c/a.yml:1:1: error[value-missing] description is missing",
        "description",
    ),
    "unknown-file": (
        {"c/a.yml": MINIMAL, "c/b.yml.txt": "x"},
        "c/b.yml.txt:1:1: error[file-unknown] b.yml.txt is neither",
        "rename it",
    ),
    "broken-link": (
        {"c/a.yml": MINIMAL + "assets:\n  w:\n    href: weigths.onnx\n", "c/weights.onnx": "x", "c/b.yml": MINIMAL
         + "assets: {w: {href: weights.onnx}}\n"},
        "c/a.yml:5:11: error[link-broken] there is no file c/weigths.onnx",
        "did you mean c/weights.onnx?",
    ),
    "version-to-nowhere": (
        {"c/a.yml": MINIMAL + "links:\n  - {rel: predecessor-version, href: b.yml}\n"},
        "c/a.yml:4:38: error[link-broken] there is no model file c/b.yml",
        "the path of a model file",
    ),
    "cycle": (
        {
            "c/a.yml": MINIMAL + "links: [{rel: predecessor-version, href: b.yml}]\n",
            "c/b.yml": MINIMAL
            + "links: [{rel: predecessor-version, href: c.yml}, {rel: predecessor-version, href: a.yml}]\n",
            "c/c.yml": MINIMAL,
        },
        "c/a.yml:3:42: error[version-cycle] following predecessor-version leads back here: c/a.yml → c/b.yml → c/a.yml",
        "remove one of these links",
    ),
    "duplicate-id": (
        {"c/a.yml": MINIMAL, "d/b.yml": MINIMAL + "id: a\n"},
        "d/b.yml:3:5: error[id-duplicate] the id a is taken by c/a.yml",
        "another id",
    ),
    "ids-that-differ-in-case": (
        {"c/a.yml": MINIMAL, "c/b.yml": MINIMAL + "id: A\n"},
        "c/b.yml:3:5: error[id-duplicate] the id A is taken by c/a.yml",
        "another id",
    ),
    "collections-that-differ-in-case": (
        {"c/a.yml": MINIMAL, "d/b.yml": MINIMAL + "collection: C\n"},
        "c/a.yml:1:1: error[id-duplicate] the collection c differs from the collection C in case only",
        "choose another name",
    ),
    "catalog-file": (
        {"c/a.yml": MINIMAL, "catalog.yml": "titel: x\n"}, "catalog.yml:1:1: error[key-unknown] titel", "title"
    ),
    "collection-file": (
        {"c/a.yml": MINIMAL, "c/collection.yml": "license: [MIT]\n"},
        "c/collection.yml:1:10: error[value-type] license is a list",
        "write one text",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_one_message_and_the_previous_site_stays(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, message, help_text = BROKEN[name]
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "src", {"c/good.yml": MINIMAL})
    runner = CliRunner()
    assert runner.invoke(main, ["build", "src", "--no-docs"]).exit_code == 0
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("site").rglob("*") if path.is_file()}
    write(tmp_path / "src", files)
    result = runner.invoke(main, ["build", "src", "--no-docs"])
    assert result.exit_code == 1
    assert f"src/{message}" in result.stdout
    assert result.stdout.count(": error[") == 1, result.stdout
    (help_line,) = [line for line in result.stdout.splitlines() if line.startswith("   help: ")]
    assert help_text in help_line
    assert "1 error, 0 warnings" in result.stderr
    assert "Nothing was written." in result.stderr
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("site").rglob("*") if path.is_file()}
    assert before == after


def test_all_faults_of_all_files_are_found_in_one_run(tmp_path: Path) -> None:
    made = build_files(
        tmp_path,
        {
            "a/a.yml": MINIMAL + "licence: MIT\ngsd: -1\n",
            "b/b.yml": "title: [\n",
            "c/c.yml": MINIMAL + "id: 'x y'\n",
            "c/collection.yml": "titel: x\n",
            "catalog.yml": "base_url: nowhere\n",
        },
    )
    assert made.failed
    assert made.artifacts == ()
    rules = [(Path(d.span.file).name, d.rule) for d in made.diagnostics if d.severity == "error"]
    assert rules == [
        ("a.yml", "key-unknown"),
        ("a.yml", "value-range"),
        ("b.yml", "yaml-syntax"),
        ("c.yml", "id-unsafe"),
        ("collection.yml", "key-unknown"),
        ("catalog.yml", "value-format"),
    ]


def test_an_item_that_stac_refuses_is_reported_at_its_line(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"c/a.yml": MINIMAL + "assets:\n  '':\n    href: https://example.com/x\n"})
    assert not made.failed or all(d.span.line >= 3 for d in made.diagnostics if d.severity == "error")


def test_an_empty_source_has_nothing_to_build(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"README.md": "hello", "_drafts/x.yml": "no: model"})
    assert (made.models, made.failed, made.library, made.artifacts) == (0, False, None, ())


def test_a_model_without_a_collection_has_one(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"a.yml": MINIMAL, "deep/er/b.yml": MINIMAL})
    assert find_item(made, "models/a/a.json")["collection"] == "models"
    assert find_item(made, "deep/b/b.json")["collection"] == "deep"


def test_the_address_of_the_site_comes_from_the_settings_or_the_catalog_file(tmp_path: Path) -> None:
    files = {"a.yml": MINIMAL, "catalog.yml": "base_url: https://one.example/x/\n"}
    one = build_files(tmp_path, files)
    two = build_files(tmp_path, files, base_url="https://two.example/y/")
    for made, address in ((one, "https://one.example/x"), (two, "https://two.example/y")):
        uri = f"{address}/schemas/dlm/v1.0.0/schema.json"
        assert find_item(made, schema.DLM_PATH)["$id"] == uri
        assert find_item(made, "models/a/a.json")["stac_extensions"] == [uri]
        assert find_item(made, "models/collection.json")["stac_extensions"] == [uri]
        assert "extension-unresolvable" not in {d.rule for d in made.diagnostics}
    none = build_files(tmp_path / "other", {"a.yml": MINIMAL})
    assert find_item(none, "models/a/a.json")["stac_extensions"] == [schema.DLM]
    assert "extension-unresolvable" in {d.rule for d in none.diagnostics}


# --- known faults: each of these is to be told as an error ---------------------------------------------------------


UNPUBLISHABLE = {
    "an id that is a file of its collection's folder": {"c/index.html.yml": MINIMAL},
    "an id that is the collection's own file": {"c/collection.json.yml": MINIMAL},
    "a collection that is a file of the site": {"c/a.yml": MINIMAL + "collection: catalog.json\n"},
    "an asset with the key of the card": {
        "c/a.yml": MINIMAL + "assets: {card: {href: card.pdf}}\n", "c/card.pdf": "x",
    },
    "a relative link of a collection": {
        "c/a.yml": MINIMAL, "c/collection.yml": "links: [{rel: license, href: LICENSE.txt}]\n",
    },
    "a relative link of the catalog": {
        "c/a.yml": MINIMAL, "catalog.yml": "links: [{rel: child, href: other/catalog.json}]\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", UNPUBLISHABLE)
def test_what_cannot_be_published_is_an_error_at_its_line(name: str, tmp_path: Path) -> None:
    assert build_files(tmp_path, UNPUBLISHABLE[name]).failed
