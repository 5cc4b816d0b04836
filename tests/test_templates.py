"""The template snapshot, and the filters that make data safe to show."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import meta, nodes
from shared import ROOT
from sources import write

from builder import compiling, prose, templates
from builder.diff import compare
from builder.pipeline import Settings, build
from builder.prose import markdown, plain_text, safe_href
from builder.review_page import render_review
from builder.sides import read_sides
from builder.templates import (
    FILTERS,
    Templates,
    TemplatesError,
    format_filesize,
    format_number,
    format_short,
    read_templates,
)
from builder.words import format_whole, speaking

MACROS = {"link", "stated", "fact", "code", "empty", "heading"}
"""Those that `card.html` imports for its parts."""


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
        ('{% include "robots.txt" %}', "template robots.txt: it includes, extends or calls itself without end"),
    ],
)
def test_faulty_override_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "robots.txt").write_text(text)
    with pytest.raises(TemplatesError, match=re.escape(message)):
        read_templates(tmp_path).render("robots.txt", base_url="")


def test_what_is_included_has_names_of_its_own() -> None:
    sources = {
        "page": '{% set x = 1 %}{% include "part" %}{{ x }}{% for y in (1, 2) %}{% include "part" %}{% endfor %}',
        "part": '[{% from "macros" import twice %}{{ x }}{% set x = 5 %}{{ twice(x) }}{{ y }}]',
        "macros": "{% macro twice(a, b=2) %}{{ a * b }}{% endmacro %}",
        "named": "{% include which %}",
        "whole": '{% include "base" %}',
        "base": "{% block a %}base{% endblock %}",
    }
    environment = compiling.Environment(sources)
    assert environment.get_template("page").render(y="") == "[110]1[1101][1102]"
    assert environment.get_template("named").render(which="part", x=3, y=4) == "[3104]"
    assert environment.get_template("whole").render() == "base"
    sources["part"] = "other"
    assert compiling.Environment(sources).get_template("page").render(y="") == "other1otherother"


def test_an_override_of_the_macros_counts(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    text = read_templates().sources["parts/macros.html"]
    (tmp_path / "parts" / "macros.html").write_text(text.replace('say("not stated")', '"nobody said"'))
    card = build(Settings(ROOT / "tests" / "golden" / "source", templates=tmp_path))
    pages = [a.content.decode() for a in card.artifacts if a.path.endswith(".html") and isinstance(a.content, bytes)]
    assert any("nobody said" in page for page in pages)
    assert not any('<span class="unstated">not stated' in page for page in pages)


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


# --- what templates can rely on --------------------------------------------------------------------------------------

GUIDE = (ROOT / "docs/guide/templates.md").read_text("utf-8")


def _documented() -> dict[str, tuple[str, set[str] | None]]:
    """Each template of the guide with what is said of it, and the names it gets; None stands for those of the card."""
    found: dict[str, tuple[str, set[str] | None]] = {}
    for first, about, names in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|([^|]*)\|$", GUIDE, re.MULTILINE):
        for name in re.findall(r"`([\w/.]+)`", first):
            whole = name if "." in name else f"parts/{name}.html"
            given = None if "those of" in names else set(re.findall(r"(?<!builder\.catalog\.)`(\w+)`", names))
            found[whole] = (about, given)
    return {name: said for name, said in found.items() if name != "parts/static/.html"}


def test_the_guide_names_every_template_and_no_other() -> None:
    names = {name for name in read_templates().sources if not name.startswith("default/")}
    assert _documented().keys() == names


def _given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The names that each template is given in real builds, one of them with pages of a folder of templates."""
    given: dict[str, set[str]] = {}
    real = Templates.render

    def render(self: Templates, name: str, **context: Any) -> str:
        assert given.setdefault(name, set(context)) == set(context)
        return real(self, name, **context)

    monkeypatch.setattr(Templates, "render", render)
    write(folder, {"pages/about.md": "# About\n\nText.", "pages/own.html": "{{ title }}"})
    for source in ("tests/kinds", "tests/golden/source"):
        assert build(Settings(ROOT / source, "https://a.example", folder)).artifacts
    pair = ROOT / "tests/diff/scaling"
    old, new = read_sides(str(pair / "old"), str(pair / "new"), pair)
    assert render_review(compare(old.side, new.side), old, new, read_templates())
    return given


def test_templates_are_given_the_names_that_the_guide_lists_and_use_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, documented, sources = _given(tmp_path, monkeypatch), _documented(), read_templates().sources
    assert given.pop("pages/own.html") == {"shell", "page", "title"}
    assert {name: said[1] for name, said in documented.items() if name in given} == given
    card = documented["card.html"][1]
    for name, (_, listed) in documented.items():
        used = _used(name, sources)
        allowed = card if listed is None else listed
        assert allowed is not None
        assert used <= allowed, name
        assert name not in given or used == allowed, name
        if not name.startswith("parts/"):
            assert name in given or name == "page.html"


def _used(name: str, sources: Mapping[str, str]) -> set[str]:
    """The names that a template takes from its context, with those of the templates that it extends and includes."""
    environment = compiling.Environment(sources)
    environment.filters.update(dict.fromkeys(FILTERS, str))
    tree = environment.parse(sources[name])
    used = set(meta.find_undeclared_variables(tree)) - (MACROS if name.startswith("parts/") else set())
    # Jinja's own search counts names that are set inside a loop.
    used -= {node.target.name for node in tree.find_all(nodes.Assign) if isinstance(node.target, nodes.Name)}
    used -= {alias for node in tree.find_all(nodes.FromImport) for alias in node.names if isinstance(alias, str)}
    for other in meta.find_referenced_templates(tree):
        if other is not None and other != name:
            used |= _used(other, sources)
    return used


def test_blocks_macros_and_filters_are_those_of_the_guide() -> None:
    sources = {name: text for name, text in read_templates().sources.items() if not name.startswith("default/")}
    for name, (about, _) in _documented().items():
        alone = compiling.Environment({name: sources[name]})  # what it includes would be put into it
        alone.filters.update(dict.fromkeys(FILTERS, str))
        parsed = alone.parse(sources[name])
        own = [b.name for b in parsed.find_all(nodes.Block)]
        if not list(parsed.find_all(nodes.Extends)):
            assert sorted(own) == sorted(_listed(about, "block")), name
        else:
            assert set(own) - {"main", "head"} == set(_listed(about, "block")), name
        assert sorted(m.name for m in parsed.find_all(nodes.Macro)) == sorted(_listed(about, "macro")), name
    table = GUIDE[GUIDE.index("Filters besides") :]
    rows = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)", row)} == set(FILTERS)


def _listed(about: str, what: str) -> list[str]:
    found = re.search(rf"\b{what}s? ((?:`\w+`(?: \([^)]*\))?(?:, )?)+)", about)
    return re.findall(r"`(\w+)`", found[1]) if found else []


def test_variables_of_the_style_sheet_are_those_of_the_guide() -> None:
    root = read_templates().static["site.css"].decode().partition(":root {")[2].partition("}")[0]
    rows = re.findall(r"^\| (`--[^|]*) \|", GUIDE, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"--[\w-]+", row)) == sorted(
        re.findall(r"^\s*(--[\w-]+):", root, re.MULTILINE)
    )


# --- a folder of templates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api: 2\n", "were written for version 2 of the template API, and this is version 1"),
        ("api: 0\n", "were written for version 0"),
        ("api: one\n", "as a whole number, api: 1"),
        ("api: true\n", "as a whole number"),
        ("[1]\n", "as a whole number"),
        ("{\n", "as a whole number"),
        ("", "as a whole number"),
        ("api: 1\nversion: 2\n", "there is no key version"),
    ],
)
def test_templates_for_another_version_of_the_api_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "templates.yml").write_text(text)
    with pytest.raises(TemplatesError, match=re.escape(message)):
        read_templates(tmp_path)


def test_a_folder_may_state_the_version_of_the_api_or_none(tmp_path: Path) -> None:
    plain = read_templates(tmp_path)
    (tmp_path / "templates.yml").write_text(f"# ours\napi: {templates.API}\n")
    assert read_templates(tmp_path) == plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ page.title | safe }}", "the filter safe prints text of models unescaped"),
        ("{% autoescape false %}{{ page.title }}{% endautoescape %}", "autoescape cannot be switched"),
        ("<p>\n<a class=a href={{ page.title }}>", "put quotes around the value of the attribute"),
    ],
)
def test_templates_cannot_print_what_is_not_escaped(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "404.html").write_text(text)
    with pytest.raises(TemplatesError, match=message):
        build(Settings(ROOT / "tests/kinds", None, tmp_path))


def test_a_folder_brings_style_logo_footer_pages_and_fields(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    task = "description: A model.\ndlm:outputs: {task: regression}\n"
    source = write(tmp_path / "source", {
        "catalog.yml": "base_url: https://a.example\n"
                       "fields: {'lab:contact': Contact, 'lab:note': Note, 'lab:when': Reviewed}\n",
        "c/a.yml": f"{task}lab:contact: https://lab.example/x\nlab:note: '{hostile}'\n",
        "c/b.yml": f"{task}lab:contact: 'javascript:alert(1)'\nlab:when: {{by: A, on: 2024}}\n",
    })  # fmt: skip
    folder = write(tmp_path / "own", {
        "templates.yml": "api: 1\n",
        "static/custom.css": ":root { --accent: red; }",
        "static/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "pages/about.md": f"# About us & more\n\nWho we are. {hostile}\n",
        "pages/legal.html": '{% extends "page.html" %}{% block main %}<h1>{{ title }}</h1>{% endblock %}',
        "page.html": '{% extends "default/page.html" %}{% block footer %}<span>Ours</span>{{ super() }}{% endblock %}',
        "parts/cite.html": "<p>{{ item.properties['lab:note'] | default('') }}</p>",
    })  # fmt: skip
    made = build(Settings(source, None, folder))
    assert [d for d in made.diagnostics if d.severity == "error"] == []
    pages = {a.path: a.content.decode() for a in made.artifacts if isinstance(a.content, bytes)}
    assert pages["assets/custom.css"] == ":root { --accent: red; }"
    for path in (p for p in pages if p.endswith(".html")):
        top = "/" if path == "404.html" else "../" * path.count("/")
        text = pages[path]
        assert f'<link rel="stylesheet" href="{top}assets/custom.css">' in text
        assert text.index("assets/site.css") < text.index("assets/custom.css")
        assert f'<img src="{top}assets/logo.svg" alt="">' in text
        assert "<span>Ours</span>" in text
        assert f'<a href="{top}pages/about.html">About us &amp; more</a>' in text
        assert hostile not in text
    assert "<h1>About us &amp; more</h1>" in pages["pages/about.html"]
    assert pages["pages/about.html"].count("About us") == 3  # title, heading, footer
    assert "<h1>Legal</h1>" in pages["pages/legal.html"]
    assert "https://a.example/pages/about.html" in pages["sitemap.xml"]
    card = pages["c/a/index.html"]
    assert '<dt>Contact</dt><dd><a href="https://lab.example/x" rel="noopener nofollow">' in card
    assert '<dt>Reviewed</dt><dd><span class="unstated">not stated</span></dd>' in card
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in card
    assert "<dt>Contact</dt><dd>javascript:alert(1)</dd>" in pages["c/b/index.html"]
    assert "<dt>Reviewed</dt><dd>by: A; on: 2024</dd>" in pages["c/b/index.html"]


@pytest.mark.parametrize("name", ["About.md", "a b.md", "x/y.md", "a.txt", "-a.html"])
def test_files_that_make_no_page_are_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, {f"pages/{name}": "text"})
    with pytest.raises(TemplatesError, match="is no page"):
        read_templates(tmp_path)


def test_two_files_for_one_page_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"pages/a.md": "text", "pages/a.html": "text"})
    with pytest.raises(TemplatesError, match=r"pages/a\.md: two files make the page pages/a\.html"):
        read_templates(tmp_path)


def test_a_page_without_a_heading_has_its_name_for_a_title(tmp_path: Path) -> None:
    write(tmp_path, {"pages/how-to-cite.md": "Text.\n\n# Later\n"})
    assert read_templates(tmp_path).pages == {"pages/how-to-cite.html": ("How to cite", "Text.\n\n# Later\n")}


def test_docs_theme_has_the_same_policy_and_no_inline_code() -> None:
    theme = (ROOT / "site_templates" / "mkdocs" / "main.html").read_text()
    policy = re.search(r"<meta http-equiv=[^>]*>", read_templates().sources["page.html"])
    assert policy
    assert policy[0] in theme
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|<script>", theme)


# --- filters ---------------------------------------------------------------------------------------------------------


def test_numbers_are_formatted_without_locale() -> None:
    assert format_whole(1234567) == "1,234,567"
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


def test_what_is_kept_of_a_text_is_its_html_in_one_place_and_language() -> None:
    text = "Text[^1]\n\n[^1]: Note"
    first = markdown(text, "a")
    assert "Back to text" in first
    assert markdown(text, "a") is first
    assert "a-fn" not in markdown(text, "b")
    with speaking("fr"):
        assert "Retour au texte" in markdown(text, "a")
    assert markdown("# A", "a", 2) != markdown("# A", "a", 3)
    long = "word " * 2000 + "word"
    assert markdown(long) == f"<p>{long}</p>"


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
