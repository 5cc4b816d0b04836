"""The template snapshot, and the filters that make data safe to show."""

from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import ROOT

from builder import prose, templates
from builder.prose import markdown, plain_text, safe_href
from builder.templates import (
    Templates,
    TemplatesError,
    format_count,
    format_filesize,
    format_number,
    format_short,
    read_templates,
)


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


# --- the snapshot ----------------------------------------------------------------------------------------------------


def test_snapshot_holds_pages_and_static_files() -> None:
    snapshot = read_templates()
    assert {"page.html", "home.html", "collection.html", "card.html", "404.html", "feed.xml"} <= snapshot.sources.keys()
    assert {"site.css", "site.js", "icon.svg", "land.svg"} <= snapshot.static.keys()
    assert not any(name.startswith(("mkdocs", "default/mkdocs", "static")) for name in snapshot.sources)


def test_snapshot_is_the_same_each_time_and_travels() -> None:
    snapshot = read_templates()
    assert snapshot == read_templates()
    assert pickle.loads(pickle.dumps(snapshot)) == snapshot  # noqa: S301  our own bytes


def test_override_replaces_one_file_and_can_extend_the_original(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "site.css").write_text("body {}")
    (tmp_path / "robots.txt").write_text('{% include "default/robots.txt" %}# own\n{% include "mine.txt" %}')
    (tmp_path / "mine.txt").write_text("more")
    snapshot = read_templates(tmp_path)
    assert snapshot.static["site.css"] == b"body {}"
    assert snapshot.static["site.js"] == read_templates().static["site.js"]
    text = snapshot.render("robots.txt", base_url="")
    assert text.startswith("User-agent: *")
    assert text.endswith("# own\nmore")
    assert snapshot.digest != read_templates().digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% if %}", "template robots.txt, line 1: "),
        ("{{ unknown_name }}", "'unknown_name' is undefined"),
        ('{% include "../../pyproject.toml" %}', "TemplateNotFound"),
    ],
)
def test_faulty_override_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "robots.txt").write_text(text)
    with pytest.raises(TemplatesError, match=re.escape(message)):
        read_templates(tmp_path).render("robots.txt", base_url="")


def test_unreadable_override_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplatesError, match="does not exist"):
        read_templates(tmp_path / "none")
    (tmp_path / "home.html").write_bytes(b"\xff")
    with pytest.raises(TemplatesError, match=r"home\.html is not UTF-8"):
        read_templates(tmp_path)


def test_templates_are_found_in_package_and_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "builder"
    package.mkdir()
    monkeypatch.setattr(templates, "__file__", str(package / "templates.py"))
    (tmp_path / "site_templates").mkdir()
    with pytest.raises(TemplatesError):
        templates.find_templates()  # a folder of that name that is no project's
    (tmp_path / "pyproject.toml").touch()
    assert templates.find_templates() == tmp_path / "site_templates"
    (package / "_site_templates").mkdir()
    assert templates.find_templates() == package / "_site_templates"


def test_values_are_escaped_and_never_rendered() -> None:
    page = Templates({"x.html": "{{ text }}"}, {}, "x")
    assert page.render("x.html", text="<b>{{ 1 }}\u202e\x00") == "&lt;b&gt;{{ 1 }}\ufffd\ufffd"


def test_readme_names_every_template() -> None:
    readme = (ROOT / "site_templates" / "README.md").read_text()
    names = [name for name in read_templates().sources if not name.startswith("default/")]
    assert [name for name in names if Path(name).stem not in readme] == []


def test_docs_theme_has_the_same_policy_and_no_inline_code() -> None:
    theme = (ROOT / "site_templates" / "mkdocs" / "main.html").read_text()
    policy = re.search(r"<meta http-equiv=[^>]*>", read_templates().sources["page.html"])
    assert policy
    assert policy[0] in theme
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|<script>", theme)


# --- filters ---------------------------------------------------------------------------------------------------------


def test_numbers_are_formatted_without_locale() -> None:
    assert format_count(1234567) == "1,234,567"
    assert [format_short(n) for n in (0, 12, 999, 1500, 24_500_000, 999_999)] == [
        "0",
        "12",
        "999",
        "1.5 k",
        "24.5 M",
        "1 M",
    ]
    assert [format_filesize(n) for n in (0, 999, 37_800_000)] == ["0 bytes", "999 bytes", "37.8 MB"]
    assert [format_number(n) for n in (0.25, 3.0, 1e-5, 7, "nan", True)] == ["0.25", "3", "1e-05", "7", "nan", "True"]


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "s3://bucket/x",
        "//evil.example",
        "\\\\evil.example",
        "/root",
        "a\\b",
        "1:2",
        "",
        "https://a.example/<b>",
        'https://a.example/"x',
    ],
)
def test_unsafe_links_are_refused(href: str) -> None:
    assert safe_href(href, local=True) is None


@pytest.mark.parametrize(
    "href", ["https://a.example/x?y=1#z", "HTTP://a.example", "mailto:a@b.example", "./x", "../a/b.json"]
)
def test_safe_links_are_kept(href: str) -> None:
    assert safe_href(href, local=True) == href


def test_text_is_no_link_where_no_file_can_be_meant() -> None:
    assert safe_href("Table 3 of the paper") is None
    assert safe_href("https://a.example") == "https://a.example"


def test_spaces_in_links_are_encoded() -> None:
    assert safe_href("my file.txt", local=True) == "my%20file.txt"


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_headings_start_at_the_level_and_skip_none() -> None:
    found = re.findall(r"<h(\d)>(.*?)</h\1>", markdown("# a\n\n### b\n\n## c\n\n<h1>d</h1>\n\n###### e", "p", 3))
    assert found == [("3", "a"), ("4", "b"), ("4", "c"), ("3", "d"), ("4", "e")]


def test_tables_have_no_inline_style_and_scroll_by_keyboard() -> None:
    text = markdown("|a|b|\n|-:|:-:|\n|1|2|\n\n```python\nx\n```", "p")
    assert 'align="right"' in text
    assert "style" not in text
    assert '<div class="scroll" role="region" tabindex="0" aria-label="Table 1: p"><table>' in text
    assert '<pre tabindex="0">' in text


def test_list_may_follow_text_directly() -> None:
    assert markdown("Bands:\n- red\n- nir").count("<li>") == 2
    assert "<li>" not in markdown("```\na\n- b\n```")
    assert "<li>" not in markdown("in the year\n1999. It was")


def test_footnotes_have_ids_of_their_own() -> None:
    text = markdown("x[^1]\n\n[^1]: note", "first")
    assert 'id="first-fnref:1"' in text
    assert 'href="#first-fn:1"' in text
    assert 'id="first-fn:1"' in text


def test_images_are_local_or_links() -> None:
    text = markdown("![far](https://a.example/x.png) ![near](figure.png) <img src='https://a.example/y.png'>")
    assert '<a href="https://a.example/x.png" rel="noopener nofollow">far</a>' in text
    assert '<img alt="near" src="figure.png">' in text
    assert text.count("<img") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<p style='color:red' onclick='x'>a</p>",
        "[a](javascript:alert(1))",
        "<iframe src=x></iframe>",
        "<a href='java&#9;script:alert(1)'>x</a>",
        "<svg onload=alert(1)>",
        "<style>*{}</style>",
        "<form action=x><input></form>",
        '<img src="x" alt="<table><h1>" onerror=y>',
        "<div id=main class=bar>x</div>",
        "<https://ok.example> <javascript:alert(1)>",
    ],
)
def test_dangerous_html_does_not_survive(text: str) -> None:
    for tag, attributes in _Elements(markdown(text)).elements:
        assert tag not in {"script", "iframe", "svg", "style", "form", "input"}
        assert attributes.keys() <= {"href", "rel", "src", "alt", "tabindex", "class", "role", "aria-label"}
        assert attributes.get("class") in {None, "scroll"}
        assert safe_href(attributes.get("href", "ok"), local=True)


@given(st.text() | st.text("<>\"'`#*[]()!|-\n\t :/&;=ahtpjscriptimg\\", max_size=200))
@settings(deadline=None, max_examples=300)
def test_markdown_of_any_text_is_safe(text: str) -> None:
    html = markdown(text)
    html.encode()
    for tag, attributes in _Elements(html).elements:
        assert tag in prose._TAGS
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        href = attributes.get("href")
        assert href is None or href.startswith("#") or safe_href(href, local=True)


def test_markdown_survives_deep_nesting() -> None:
    assert markdown(">" * 20_000)
    assert markdown("[" * 2_000 + "a" + "](b)" * 2_000)


@given(st.text())
def test_plain_text_can_always_be_written(text: str) -> None:
    plain_text(text).encode()
    plain_text("\ud800").encode()
