"""builder/simple_markdown.py: a text is refused, or has the HTML that python-markdown makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared import ROOT

from builder.pipeline import Settings, load
from builder.prose import _converter
from builder.simple_markdown import simple_html

# Pieces that mean something in Markdown, next to each other in every way, among plain words.
PIECES = st.sampled_from([
    "word", "Two words", "a_b", "_x_", "13", "1.", "1)", "é", "**bold**", "**two words**", "**", "*", "`code`", "`a b`",
    "`", "``", "[text](https://example.org/a?b=c)", "[text](x)", "[text]", "(https://example.org)", "www.example.org",
    "![image](https://example.org/a.png)", "[^1]", "[^1]: note", "<b>", "&", "&amp;", "\\", "# ", "> ", "- ", "* ",
    "+ ", "    ", "\t", " ", "  ", "\n", "\n\n", "\n- ", "\n\n- ", "\n\n\n", "\u00a0", "\u2028", "\r\n", "|",
    "| a | b |\n| - | - |", "~~~", "```", "---", "===", "\n---", "\n===", ":", ". ", ", ", "!", "(", ")", "“", '"', "'",
    "`a_b`", "\n\n```sh\n", "\n```\n\n", "```\nx <y> \"&'\n```", "\n\n| a | b |\n| --- | ---: |\n", "| c | d_e |\n",
    "| **f** | `g` |\n", "| h |\n", "|  | i |\n", "| - j | 1. k |\n", "| :---: |\n", "=", "~", "^", "{", "}",
    "https://example.org", "me@example.org", "*[abbr]: x", "term\n: x",
])  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
@example("- one\n\n- two")
@example("- one\n\ntwo\n\n- three")
@example("one\n- two")
@example("a **b** c\n**d** `e`\n\n- [f](https://g.h), **i**.\n- `j`")
@example("2024. A year\n\n1. One")
@example("Text  \nwith a break")
@example("\u00a0x")
@example("| a | b |\n| --- | ---: |\n| c | d |")
@example("- a\n\n```\nb\n```\n\n- c")
@example("a\n\n```sh\nb <c> \"'&\n\nd\n```\n\n| e |\n| --- |\n| **f** |")
@example("```\n \n```")
def test_what_is_not_refused_is_as_python_markdown_has_it(text: str) -> None:
    html = simple_html(text)
    if html is not None:
        assert html == _converter().convert(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One.\nTwo.\n\nThree.", "<p>One.\nTwo.</p>\n<p>Three.</p>"),
        ("- One\n- **Two**", "<ul>\n<li>One</li>\n<li><strong>Two</strong></li>\n</ul>"),
        ("See [it](https://example.org/a).", '<p>See <a href="https://example.org/a">it</a>.</p>'),
        ("Set `x = 1`.", "<p>Set <code>x = 1</code>.</p>"),
        ("# Heading", None),
        ("A | B\n--- | ---\n1 | 2", None),
        ("| a |\n| --- |\n| b | c |", None),
        ("A\n\n```sh\n<b>\n```", '<p>A</p>\n<pre><code class="language-sh">&lt;b&gt;\n</code></pre>'),
        ("[x](javascript:alert)", None),
        ("<script>", None),
        ("", None),
    ],
)
def test_simple_texts_are_converted_and_others_refused(text: str, html: str | None) -> None:
    assert simple_html(text) == html


def test_most_texts_of_the_catalog_are_simple() -> None:
    library = load(Settings(Path(ROOT / "catalog_src"))).library
    assert library is not None
    models = [entry.model for entry in library.entries]
    texts = [text for model in models for text in (model.description, *model.card.sections.values()) if text]
    assert sum(simple_html(text) is not None for text in texts) > 0.9 * len(texts)
