"""The comparison as a page: it stands alone, shows both sides, and nothing of what authors write becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cards import EVIL, EVIL_URL, HOSTILE, RICH
from click.testing import CliRunner
from shared import ROOT
from sources import write

from builder.cli import main
from builder.diff import compare
from builder.review_page import MOST_CARDS, render_review
from builder.sides import read_sides
from builder.templates import read_templates

PAIRS = ROOT / "tests" / "diff"
TEMPLATES = read_templates()


class Parsed(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name))]


def review(old: Path, new: Path) -> str:
    before, after = read_sides(str(old), str(new), old)
    return render_review(compare(before.side, after.side), before, after, TEMPLATES)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page in which everything is different, and every text an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    one = {**RICH, "id": "hostile", "collection": "odd"}
    return review(
        write(folder / "old", {"odd/hostile.json": json.dumps(one), "catalog.yml": "id: a\n"}),
        write(folder / "new", {"odd/hostile.json": json.dumps(HOSTILE), "catalog.yml": "id: a\n"}),
    )


@pytest.mark.parametrize("pair", sorted(path.name for path in PAIRS.iterdir()))
def test_a_page_tells_every_change_and_fetches_nothing(pair: str) -> None:
    text = review(PAIRS / pair / "old", PAIRS / pair / "new")
    page = Parsed(text)
    expected = json.loads((PAIRS / pair / "expected.json").read_text("utf-8"))
    assert text.count('<span class="mark') == len(expected)
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    names = [
        word
        for name in ("aria-labelledby", "aria-describedby")
        for value in page.values(name)
        for word in value.split()
    ]
    assert set(names) <= set(ids)
    targets = page.values("href") + page.values("src")
    assert [t for t in targets if not re.match(r"#|https?://|data:image/svg\+xml;base64,", t)] == []
    assert {t[1:] for t in targets if t.startswith("#")} <= set(ids)
    assert not {"script", "link", "iframe", "img"} & {tag for tag, _ in page.tags}


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    text = review(PAIRS / "scaling" / "old", PAIRS / "scaling" / "new")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [a["content"] for tag, a in Parsed(text).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"


def test_the_sections_that_changed_are_shown_on_both_sides() -> None:
    text = review(PAIRS / "class-renamed" / "old", PAIRS / "class-renamed" / "new")
    before, after = re.findall(r'<div class="side (?:before|after)">(.*?)</section>', text, re.DOTALL)
    assert "water" in before
    assert "town" not in before
    assert "town" in after
    assert re.findall(r'<h2 id="[on]\d+-(\w+)-', text) == ["outputs", "outputs"]


def test_a_section_that_looks_the_same_is_left_out() -> None:
    assert 'class="sides"' not in review(PAIRS / "license" / "old", PAIRS / "license" / "new")


def test_what_authors_write_is_shown_and_not_obeyed(hostile: str) -> None:
    page = Parsed(hostile)
    assert "script" not in {tag for tag, _ in page.tags}
    assert [
        name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"
    ] == []
    assert [value for value in page.values("href") if value.startswith(("javascript", "data:text", "//"))] == []
    assert EVIL_URL in hostile
    assert EVIL not in hostile
    ids = page.values("id")
    assert len(set(ids)) == len(ids)


def test_many_models_are_listed_without_their_cards(tmp_path: Path) -> None:
    model = "description: A model.\ndlm:outputs: {number_of_classes: %d}\n"
    for side, number in (("old", 2), ("new", 3)):
        write(tmp_path / side, {f"c/m{n:03}.yml": model % number for n in range(MOST_CARDS + 5)})
    text = review(tmp_path / "old", tmp_path / "new")
    assert text.count("The card before and after") == MOST_CARDS
    assert text.count('<section class="group"') == MOST_CARDS + 5


def test_the_command_prints_the_page() -> None:
    words = ["diff", str(PAIRS / "scaling" / "old"), str(PAIRS / "scaling" / "new"), "--format", "html"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
