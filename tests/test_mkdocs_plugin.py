"""The MkDocs plugin: a catalog inside of a site that is somebody else's, with each theme that MkDocs users have."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import pystac
import pytest
import yaml

SITE = """\
site_name: Remote sensing group
theme: {theme}
use_directory_urls: {directories}
markdown_extensions: [attr_list, tables, md_in_html, toc]
plugins:
  - search
  - dlm-catalog:
      source: catalog_src
      {options}
{nav}
"""
MODEL = """\
title: "Land cover: a U-Net, <b>bold</b>"
description: |
  Separates classes of *land cover*.

  ## How it was trained

  [read](javascript:alert(1)) {: onclick="alert(2)" } <script>alert(3)</script>
license: Apache-2.0
version: "2"
links:
  - {rel: predecessor-version, href: first.yml}
dlm:inputs:
  selected_band: [3, 2, 1]
  normalization:mean: [0.11, 0.09, 0.07]
dlm:outputs: {task: semantic segmentation, class_name_mapping: [land, water]}
assets:
  weights: {href: unet.bin, roles: [weights]}
  notes: {href: notes.md, roles: [metadata]}
"""
NAV = "nav: [Home: index.md, Models: models/, About: about.md]"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's MkDocs project, with pages of its own and a source folder beside them."""
    monkeypatch.chdir(tmp_path)
    files = {
        "docs/index.md": "# Home\n\nSee [our models](models/index.md) and [one of them](models/land/unet/index.md).\n",
        "docs/about.md": "# About us\n",
        "catalog_src/land/unet.yml": MODEL,
        "catalog_src/land/first.yml": "title: First\ndescription: The first.\nversion: '1'\ndeprecated: true\n"
        "dlm:outputs: {task: regression}\n",
        "catalog_src/land/unet.bin": "weights",
        "catalog_src/land/notes.md": "# Notes\n",
        "catalog_src/sea/floes.yml": "description: Finds floes.\ndlm:outputs: {task: object detection}\n",
        "catalog_src/catalog.yml": "title: Our models\ndescription: What we trained.\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    configure(tmp_path)
    return tmp_path


def configure(
    project: Path, theme: str = "mkdocs", directories: bool = True, nav: str = NAV, options: str = ""
) -> None:
    made = SITE.format(theme=theme, directories=str(directories).lower(), nav=nav, options=options or "folder: models")
    (project / "mkdocs.yml").write_text(made, encoding="utf-8")


def mkdocs(project: Path, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "mkdocs", *(words or ("build", "--strict"))]
    result = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    return said


class Page(HTMLParser):
    def __init__(self, location: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(location.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids.add(given.get("id") or "")
        self.links += [value for value in (given.get("href"), given.get("src")) if value]


def crawl(site: Path) -> set[str]:
    """The pages that links lead to from the start page; every link must lead somewhere."""
    seen, left = set[str](), ["index.html"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        for href in Page(site / path).links:
            parts = urlsplit(href)
            if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
            location = site / target
            if location.is_dir():
                target = posixpath.normpath(f"{target}/index.html")
            assert (site / target).is_file(), f"{path} leads to {href}"
            if target.endswith(".html"):
                left.append(target)
    return seen


def walk(site: Path) -> Iterator[pystac.Item]:
    """All Items from the catalog on; their links and assets must lead somewhere."""
    catalog = pystac.Catalog.from_file(str(site / "models/catalog.json"))
    for item in catalog.get_items(recursive=True):
        place = Path(item.get_self_href() or "").parent
        for link in item.to_dict(include_self_link=False, transform_hrefs=False)["links"]:
            assert "://" in link["href"] or (place / link["href"]).exists(), link
        for asset in item.assets.values():
            assert "://" in asset.href or (place / asset.href).exists(), asset.href
        yield item


# pystac warns of each deprecated Item that it reads.
pytestmark = pytest.mark.filterwarnings("ignore::pystac.errors.DeprecatedWarning")
THEMES = ["mkdocs", "readthedocs", "{name: material, font: false}"]


@pytest.mark.parametrize("directories", [True, False], ids=["folders", "files"])
@pytest.mark.parametrize("theme", THEMES, ids=["mkdocs", "readthedocs", "material"])
def test_the_catalog_is_a_part_of_the_site(theme: str, directories: bool, project: Path) -> None:
    if "material" in theme:
        pytest.importorskip("material")
    configure(project, theme, directories)
    mkdocs(project)
    site = project / "site"
    cards = {f"models/{name}/index.html" for name in ("land/unet", "land/first", "sea/floes")}
    assert cards | {"models/index.html", "models/land/index.html", "models/sea/index.html"} <= crawl(site)
    items = {item.id: item for item in walk(site)}
    assert sorted(items) == ["first", "floes", "unet"]
    for name in cards:
        item = items[name.split("/")[-2]]
        (card,) = (link for link in item.to_dict(transform_hrefs=False)["links"] if link["rel"] == "alternate")
        location = Path(item.get_self_href() or "").parent / card["href"]
        assert location == site / name
        assert (item.properties.get("title") or item.id).split(",")[0] in location.read_text("utf-8")
    assert (site / "models/land/unet/unet.bin").read_text() == "weights"
    assert (site / "models/land/unet/notes.md").read_text() == "# Notes\n"
    assert (site / "models/land/unet/card.md").read_text("utf-8").startswith("# Land cover")
    assert (site / "models/schemas/dlm/v1.0.0/schema.json").is_file()


def test_models_are_found_by_the_search_and_stand_in_the_contents(project: Path) -> None:
    mkdocs(project)
    found = json.loads((project / "site/search/search_index.json").read_text("utf-8"))["docs"]
    texts = {entry["location"]: entry["text"] for entry in found}
    assert "land cover" in texts["models/land/unet/"]
    assert "models/land/unet/#input" in texts
    page = Page(project / "site/models/land/unet/index.html")
    assert {"input", "output", "files", "how-it-was-trained"} <= page.ids
    assert "#input" in page.links


def test_what_a_model_says_cannot_act_on_the_page(project: Path) -> None:
    mkdocs(project)
    for path in (project / "site/models").rglob("*.html"):
        for tag, given in Page(path).tags:
            assert not any(name.startswith("on") for name in given), path
            assert not (given.get("href") or "").startswith("javascript:"), path
            assert tag != "b", "the title is text"
    text = (project / "site/models/land/unet/index.html").read_text("utf-8")
    assert "<script>alert(3)" not in text


def test_the_place_in_the_navigation_is_the_one_that_is_named(project: Path) -> None:
    mkdocs(project)
    text = (project / "site/index.html").read_text("utf-8")
    assert re.search(r"Home.*Models.*About", text, re.DOTALL)
    configure(project, nav="nav: [Home: index.md, About: about.md]", options="nav: Networks")
    mkdocs(project)
    assert re.search(r"About.*Networks", (project / "site/index.html").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("nav", "options"),
    [
        ("", ""),
        (NAV, "models_in_nav: false"),
        ("nav: [Home: index.md, About: about.md]", "nav: ''\n      models_in_nav: false"),
    ],
    ids=["none", "collections", "nothing"],
)
def test_each_way_to_navigate_is_without_warnings(nav: str, options: str, project: Path) -> None:
    configure(project, nav=nav, options=options)
    with (project / "mkdocs.yml").open("a") as file:
        file.write("validation: {nav: {omitted_files: info}}\n")
    mkdocs(project)
    assert "models/land/unet/index.html" in crawl(project / "site")


def test_an_error_in_a_model_is_shown_at_its_line(project: Path) -> None:
    path = project / "catalog_src/land/unet.yml"
    path.write_text(path.read_text("utf-8").replace("license:", "licence:"), encoding="utf-8")
    said = mkdocs(project, "build", code=1)
    assert re.search(r"ERROR .*catalog_src/land/unet\.yml:8:1: error\[key-unknown\]", said)
    assert "Traceback" not in said
    assert not (project / "site/index.html").exists()


def test_a_warning_fails_a_strict_build_only(project: Path) -> None:
    (project / "catalog_src/land/first.yml").write_text("description: TODO\ndlm:outputs: {task: regression}\n")
    path = project / "catalog_src/land/unet.yml"
    path.write_text(re.sub(r"links:\n.*\n", "", path.read_text("utf-8")), encoding="utf-8")
    assert "warning[" in mkdocs(project, "build")
    mkdocs(project, code=1)


@pytest.mark.parametrize(
    ("options", "message"), [("folder: ../out", "does not name a folder"), ("unknown: 1", "Unrecognised")]
)
def test_settings_that_cannot_be_are_refused(options: str, message: str, project: Path) -> None:
    configure(project, options=options)
    assert message in mkdocs(project, code=1)


def test_a_page_of_the_site_goes_before_one_of_the_catalog(project: Path) -> None:
    (project / "docs/models").mkdir()
    (project / "docs/models/index.md").write_text("# Our own words\n\n[land](land/index.md)\n")
    mkdocs(project)
    assert "Our own words" in (project / "site/models/index.html").read_text("utf-8")


def test_with_an_address_the_items_name_the_schema_there(project: Path) -> None:
    with (project / "mkdocs.yml").open("a") as file:
        file.write("site_url: https://example.org/group/\n")
    mkdocs(project)
    item = json.loads((project / "site/models/sea/floes/floes.json").read_text("utf-8"))
    assert "https://example.org/group/models/schemas/dlm/v1.0.0/schema.json" in item["stac_extensions"]


def test_the_same_models_give_the_same_pages(project: Path) -> None:
    def pages() -> dict[Path, bytes]:
        mkdocs(project)
        return {path: path.read_bytes() for path in (project / "site/models").rglob("*") if path.is_file()}

    assert pages() == pages()


def test_hundreds_of_models_are_pages_too(project: Path) -> None:
    for number in range(300):
        text = f"title: Net {number}\ndescription: An example.\ndlm:outputs: {{task: regression}}\n"
        (project / f"catalog_src/sea/net-{number}.yml").write_text(text)
    configure(project, options="models_in_nav: false")
    mkdocs(project)
    assert len(list(walk(project / "site"))) == 303
    assert "Net 299" in (project / "site/models/sea/net-299/index.html").read_text("utf-8")


@contextmanager
def serving(project: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", address]
    with (
        (project / "log.txt").open("w") as log,
        subprocess.Popen(command, cwd=project, stdout=log, stderr=subprocess.STDOUT) as server,
    ):
        try:
            yield f"http://{address}/"
        finally:
            server.terminate()


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        time.sleep(0.2)
    raise AssertionError("not within a minute")


def says(address: str, words: str) -> bool:
    with contextlib.suppress(URLError), urlopen(address, timeout=60) as answer:  # noqa: S310  this machine's own
        return words in answer.read().decode()
    return False


def test_serve_follows_a_model_file_and_survives_a_mistake(project: Path) -> None:
    path = project / "catalog_src/sea/floes.yml"
    with serving(project) as address:
        card = f"{address}models/sea/floes/"
        wait_until(lambda: says(card, "Finds floes."))
        path.write_text("description: Finds\n  floes: ]\n")
        wait_until(lambda: "catalog_src/sea/floes.yml:" in (project / "log.txt").read_text("utf-8"))
        path.write_text("description: Finds bergs.\ndlm:outputs: {task: object detection}\n")
        wait_until(lambda: says(card, "Finds bergs."))


def test_the_configuration_of_such_a_site_is_not_taken_for_documentation(project: Path) -> None:
    from builder.commands.shared import find_docs

    assert yaml.safe_load((project / "mkdocs.yml").read_text("utf-8"))["plugins"]
    assert find_docs(project / "catalog_src") is None
