"""Versions, deprecation and withdrawal, from the model file to the pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pystac
import pytest
from shared import ROOT
from sources import MINIMAL, build_files, find_item

from builder import schema
from builder.dlm import DLMExtension
from builder.exporting import find_entries
from builder.output import publish
from builder.pipeline import Build, Settings, build
from builder.validate import check_item

GOLDEN = ROOT / "tests" / "golden" / "source"
WITHDRAWN = "withdrawn: {reason: It was wrong., since: 2024-10-02}\n"


@pytest.fixture(scope="module")
def made() -> Build:
    """Three versions of one model, of which the last is withdrawn in favour of the second."""
    result = build(Settings(GOLDEN))
    assert not result.failed
    return result


def page(made: Build, path: str) -> str:
    content = next(artifact.content for artifact in made.artifacts if artifact.path == path)
    assert isinstance(content, bytes)
    return content.decode()


def words(html: str) -> str:
    """The text of a page on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# --- withdrawal ------------------------------------------------------------------------------------------------------


def test_a_withdrawn_model_keeps_its_item_which_says_so(made: Build) -> None:
    item = find_item(made, "land-cover/unet-3/unet-3.json")
    assert check_item(item) == []
    assert item["properties"]["deprecated"] is True
    assert item["properties"]["dlm:withdrawn"] == {
        "reason": "It was trained on tiles of the test set.",
        "since": "2024-10-02T00:00:00Z",
        "replaced_by": "unet-2",
    }
    links = {(link["rel"], link["href"]) for link in item["links"]}
    assert ("related", "../unet-2/unet-2.json") in links
    assert ("latest-version", "../unet-2/unet-2.json") in links
    assert schema.VERSION in item["stac_extensions"]


def test_the_extension_reads_the_withdrawal(made: Build, tmp_path: Path) -> None:
    publish(made.artifacts, tmp_path / "site")
    with pytest.warns(pystac.errors.DeprecatedWarning, match="unet-3"):
        item = pystac.Item.from_file(tmp_path / "site" / "land-cover" / "unet-3" / "unet-3.json")
    withdrawn = DLMExtension.ext(item).withdrawn
    assert withdrawn is not None
    assert (withdrawn.reason, withdrawn.replaced_by) == ("It was trained on tiles of the test set.", "unet-2")
    item = pystac.Item.from_file(tmp_path / "site" / "land-cover" / "unet-2" / "unet-2.json")
    assert DLMExtension.ext(item).withdrawn is None


def test_the_weights_of_a_withdrawn_model_are_not_offered(made: Build) -> None:
    item = find_item(made, "land-cover/unet-3/unet-3.json")
    assert item["assets"].keys() == {"card"}
    assert not any(path.startswith("land-cover/unet-3/") and path.endswith(".onnx") for path in paths(made))
    card = page(made, "land-cover/unet-3/index.html")
    assert "unet.onnx" not in card
    assert "docker run" not in card
    record = next(model for model in find_item(made, "models.json")["models"] if model["id"] == "unet-3")
    assert "weights" not in record
    assert record["deprecated"] is True
    assert record["withdrawn"]["replaced_by"] == "unet-2"


def paths(made: Build) -> set[str]:
    return {artifact.path for artifact in made.artifacts}


def test_a_withdrawn_model_carries_no_mlm_even_if_its_file_does(tmp_path: Path) -> None:
    text = MINIMAL + WITHDRAWN + "mlm:name: a\nassets: {w: {href: 'https://e.org/a.onnx', roles: [weights]}}\n"
    text += "stac_extensions: ['https://stac-extensions.github.io/mlm/v1.5.2/schema.json']\n"
    item = find_item(build_files(tmp_path, {"c/a.yml": text}), "c/a/a.json")
    assert not any(key.startswith("mlm:") for key in item["properties"])
    assert not any("/mlm/" in uri for uri in item["stac_extensions"])


def test_the_card_of_a_withdrawn_model_says_why_since_when_and_what_to_use(made: Build) -> None:
    text = words(page(made, "land-cover/unet-3/index.html"))
    assert "Withdrawn on 2024-10-02 . It was trained on tiles of the test set." in text
    assert "Use Land cover U-Net 2 1.10 instead." in text
    assert "Deprecated" not in text


def test_a_replacement_may_lie_elsewhere(tmp_path: Path) -> None:
    text = MINIMAL + WITHDRAWN.replace("}", ", replaced_by: 'https://example.org/b?x=1&y=2'}")
    made = build_files(tmp_path, {"c/a.yml": text})
    card = page(made, "c/a/index.html")
    assert '<a href="https://example.org/b?x=1&amp;y=2" rel="noopener nofollow">' in card
    related = [link for link in find_item(made, "c/a/a.json")["links"] if link["rel"] == "related"]
    assert [link["href"] for link in related] == ["https://example.org/b?x=1&y=2"]


@pytest.mark.parametrize("target", ["javascript:alert(1)", "a", "b", "//e.org/x", "../d/c"])
def test_a_replacement_that_leads_nowhere_is_an_error(target: str, tmp_path: Path) -> None:
    files = {"c/a.yml": MINIMAL + WITHDRAWN.replace("}", f", replaced_by: '{target}'}}"), "d/c.yml": MINIMAL}
    made = build_files(tmp_path, {**files, "c/b.yml": MINIMAL + WITHDRAWN})
    (found,) = [d for d in made.diagnostics if d.severity == "error"]
    assert (found.rule, found.span.line) == ("withdrawal-target", 3)


def test_the_published_spelling_is_read_too_but_not_both(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"c/a.yml": MINIMAL + "dlm:" + WITHDRAWN})
    assert "dlm:withdrawn" in find_item(made, "c/a/a.json")["properties"]
    both = build_files(tmp_path, {"c/a.yml": MINIMAL + "dlm:" + WITHDRAWN + WITHDRAWN})
    (found,) = [d for d in both.diagnostics if d.severity == "error"]
    assert (found.rule, found.span.line, found.related[0][0].line) == ("key-duplicate", 4, 3)


def test_an_export_of_a_withdrawn_model_has_no_weights() -> None:
    (entry,), _ = find_entries("unet-3", GOLDEN)
    assert entry.item["assets"].keys() == {"card"}
    assert json.dumps(entry.item).count("mlm:") == 0


# --- versions --------------------------------------------------------------------------------------------------------


def version(number: int, more: str = "") -> str:
    text = f"{MINIMAL}title: Cover\nversion: '{number}'\ndlm:outputs: {{number_of_classes: {number}}}\n{more}"
    return text + (f"links: [{{rel: predecessor-version, href: v{number - 1}.yml}}]\n" if number > 1 else "")


def hrefs(html: str, start: str, end: str) -> list[str]:
    """The targets of the links between two texts of a page."""
    return re.findall(r'href="([^"]*)"', html[html.index(start) : html.index(end, html.index(start))])


def test_every_card_of_a_line_switches_between_its_versions(made: Build) -> None:
    for own in (1, 2, 3):
        card = page(made, f"land-cover/unet-{own}/index.html")
        links = hrefs(card, '<nav aria-label="Versions">', "</nav>")
        assert links == [f"../../land-cover/unet-{n}/index.html" for n in (3, 2, 1)]
        current = re.findall(r'href="([^"]*)" aria-current="page"', card)
        assert current == [f"../../land-cover/unet-{own}/index.html"]
        menu = words(card[card.index('<nav aria-label="Versions">') : card.index("</nav>", card.index("switcher"))])
        assert menu == "2.0 withdrawn 1.10 latest 1.0 deprecated"


def test_a_model_alone_has_no_switcher_and_no_alias(made: Build) -> None:
    assert "switcher" not in page(made, "ships/ship-finder/index.html")
    assert "ships/ship-finder/latest/index.html" not in paths(made)


def test_every_version_has_an_alias_that_leads_past_what_is_withdrawn(made: Build) -> None:
    for own in (1, 2, 3):
        alias = page(made, f"land-cover/unet-{own}/latest/index.html")
        assert '<a href="../../unet-2/index.html">' in alias
        assert '<meta http-equiv="refresh" content="0; url=../../unet-2/index.html">' in alias
        assert '<link rel="canonical" href="https://example.org/models/land-cover/unet-2/">' in alias
        assert len(re.findall("canonical", alias)) == 1


def test_an_alias_leads_into_another_collection(tmp_path: Path) -> None:
    newer = version(2).replace("v1.yml", "../c/v1.yml")
    made = build_files(tmp_path, {"c/v1.yml": version(1), "d/v2.yml": newer})
    assert '<a href="../../../d/v2/index.html">' in page(made, "c/v1/latest/index.html")
    assert '<a href="../../v2/index.html">' in page(made, "d/v2/latest/index.html")


def test_no_asset_takes_the_place_of_the_alias(tmp_path: Path) -> None:
    files = {"c/a.yml": MINIMAL + "assets: {x: {href: latest/index.html}}\n", "c/latest/index.html": "x"}
    (found,) = [d for d in build_files(tmp_path, files).diagnostics if d.severity == "error"]
    assert found.rule == "asset-name"


def test_the_latest_is_the_newest_that_is_not_withdrawn(tmp_path: Path) -> None:
    files = {"c/v1.yml": version(1), "c/v2.yml": version(2), "c/v3.yml": version(3, WITHDRAWN)}
    for withdrawn, latest in (((), "v2"), ((2,), "v1"), ((1, 2), "v3")):
        for number in withdrawn:
            files[f"c/v{number}.yml"] = version(number, WITHDRAWN)
        made = build_files(tmp_path, files)
        assert f'<a href="../../{latest}/index.html">' in page(made, "c/v1/latest/index.html")


def test_the_history_says_what_each_version_changed(made: Build) -> None:
    card = page(made, "land-cover/unet-3/index.html")
    history = words(
        card[card.index('<table class="versions">') : card.index("</table>", card.index('class="versions"'))]
    )
    assert "breaking class 1 was “forest”, is “town”" in history
    assert history.index("Land cover U-Net 3") < history.index("Land cover U-Net 2") < history.index("first version")
    for told in ("title was", "version was", "created"):
        assert told not in history


def test_what_every_version_has_of_its_own_is_no_change(tmp_path: Path) -> None:
    first = MINIMAL + "title: One\nversion: '1'\ncreated: 2020-01-01\ndeprecated: true\n"
    second = MINIMAL + "title: Two\nversion: '2'\ncreated: 2021-01-01\n"
    second += "links: [{rel: predecessor-version, href: a.yml}]\n"
    made = build_files(tmp_path, {"c/a.yml": first, "c/b.yml": second})
    assert "no fact of 1" in words(page(made, "c/b/index.html"))


# --- the feed --------------------------------------------------------------------------------------------------------


def feed(made: Build) -> list[tuple[str, str]]:
    """The entries of the feed: the day and the title."""
    text = page(made, "feed.xml")
    return re.findall(r"<entry>.*?<title>(.*?)</title>\s*<updated>(.{10})", text, re.DOTALL)


def test_the_feed_tells_what_happened_by_the_days_that_are_stated(tmp_path: Path) -> None:
    files = {
        "c/v1.yml": version(1, "created: 2020-01-01\nupdated: 2020-02-01\n"),
        "c/v2.yml": version(2, "created: 2021-01-01\ndeprecated: true\n"),
        "c/v3.yml": version(3, "created: 2022-01-01\n" + WITHDRAWN),
    }
    assert feed(build_files(tmp_path, files)) == [
        ("Withdrawn: Cover 3", "2024-10-02"),
        ("Deprecated: Cover 2", "2022-01-01"),
        ("New version: Cover 3", "2022-01-01"),
        ("New version: Cover 2", "2021-01-01"),
        ("Changed: Cover 1", "2020-02-01"),
        ("New: Cover 1", "2020-01-01"),
    ]


def test_the_feed_says_what_a_version_changed(made: Build) -> None:
    text = page(made, "feed.xml")
    assert "class 1 was “forest”, is “town”" in text
    ids = re.findall("<id>(.*?)</id>", text)
    assert len(set(ids)) == len(ids)


def test_lists_without_scripts_mark_what_is_outdated(made: Build) -> None:
    for path in ("index.html", "land-cover/index.html", "search/tasks.html"):
        text = words(page(made, path))
        assert "Land cover U-Net 1 deprecated" in text
        assert "Land cover U-Net 3 withdrawn" in text
