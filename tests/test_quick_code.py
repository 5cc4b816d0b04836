"""builder/quick_code.py: the quick code of a template gives what Jinja's gives, or fails, and Jinja's is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup
from shared import ROOT

from builder import quick_code, templates
from builder.compiling import Environment
from builder.pipeline import Settings, build
from builder.quick_code import Shown


@dataclass(frozen=True)
class Thing:
    title: str = "a <b> & c"
    parts: tuple[str, ...] = ("x", "y&", "z")

    def doubled(self, number: int) -> int:
        return number * 2


CONTEXT = {
    "thing": Thing(),
    "fields": {"title": "t", "items": 1, "of": {"a": [1, 2]}},
    "markup": Markup("<i>m</i>"),
    "html": "<i>m</i>",
    "numbers": [1, 2.5, True, None],
    "rows": [{"items": 1, "of": "a"}, {"items": 2, "of": ""}],
    "things": [Thing("a"), Thing("")],
    "nothing": "",
}
MACROS = (
    '{% macro row(label, value="-", wide=false) %}[{{ label }}|{{ value }}{% if wide %}|wide{% endif %}]{% endmacro %}'
    "{% macro any() %}{{ varargs | length }}{{ kwargs | length }}{% endmacro %}"
    "{% macro around() %}({{ caller() }}){% endmacro %}"
    '{% macro outer(x) %}{{ row(x, row("<", 2)) }}{% endmacro %}'
)
SAME = (
    "{{ thing.title }} {{ html }} {{ markup }} {{ html }}",
    "{{ 1 }}{{ 1.0 }}{{ true }}{{ none }}{{ '<' }}{{ \"'\" }}",
    "{% for n in numbers %}{{ n }}{{ ', ' if not loop.last }}{{ loop.index }}{{ loop.first }}{% endfor %}",
    "{% for a in numbers %}{% for b in 'xy' %}{{ loop.length }}{{ a }}{{ b }}{% endfor %}{{ loop.index0 }}{% endfor %}",
    "{% for n in [] %}x{% else %}none{% endfor %}{% for n in numbers if n %}{{ loop.last }}{% endfor %}",
    "{{ html ~ markup ~ 1 }}{{ html ~ '&' }}{{ (html ~ markup) | upper }}",
    "{{ html if nothing }}{{ html if nothing else markup }}{{ '<' if html else '>' }}",
    "{{ row(html) }}{{ row(markup, 2, true) }}{{ row('<', wide=true) }}{{ row(value='v', label=html) }}",
    "{{ row(html) | length }}{% set kept = row(html) %}{{ kept }}{{ kept ~ html }}{{ outer(html) }}",
    "{{ thing.parts | join(', ') }}{{ fields.title is defined }}{{ thing.doubled(4) }}{{ fields['of'].get('b') }}",
    "{{ fields['of']['a'][1] }}{{ thing.none is defined }}{{ thing.none | default('d') }}{{ fields.none | d('<') }}",
    "{% set block %}<{{ html }}>{% endset %}{{ block }}{% filter upper %}a{{ html }}{% endfilter %}",
    "{% set s = namespace(n=0) %}{% for n in [1, 2] %}{% set s.n = s.n + n %}{% endfor %}{{ s.n }}",
    "{% block a %}{{ html }}{% block b %}{{ markup }}{% endblock %}{% endblock %}",
    "in LoopContext({{ html }} in LoopContext(",
    "{{ things | map(attribute='title') | join('&') }}{{ things | selectattr('title') | list | length }}",
    "{{ [1, 3, 2.5] | max }}{{ [html, nothing, 1] | select | list | length }}",
    "{{ html is none }}{{ none is none }}{{ rows[0]['none'] is defined }}{{ rows[0]['of'] | default('d') }}",
    "{{ rows[0]['none'] | default(html) }}{{ rows[0]['none'] | default('d', true) }}{{ 'a' ~ (html if nothing) }}",
    "{{ fields.title }}{{ fields.items is defined }}{{ fields.of.get('a') | length }}",
    "{% for key in ('title', 'parts') %}{{ thing[key] }}{% endfor %}{% for i in (0, -1) %}{{ numbers[i] }}{% endfor %}",
    "{% for key in ('title', 'items') %}{{ fields[key] }}{% endfor %}{{ thing.title[:3] }}{{ html[1:][0] }}",
    "{{ 'shown[' }}{{ \"{}\\n'\" }}",
)
OTHER = (
    "{% for key in (true, false) %}{{ thing.parts[key] }}{% endfor %}",
    "{{ rows | map(attribute='items') | join }}",
    "{{ rows | selectattr('of') | list | length }}",
    "{{ ['b', 'A'] | max }}{{ [] | max is defined }}",
    "{{ numbers | select('number') | list | length }}",
    "{% block a %}{{ html }}{% endblock %}{{ self.a() }}",
    "{{ fields.of.a }}",
    "{{ thing['title'] }}",
    "{{ [row(1)] | join }}",
    "{{ rows[0].of }}",
    "{{ [1, '<'] }}{{ fields }}",
    "{% for n in numbers %}{{ loop.cycle('a', 'b') }}{{ loop.revindex }}{% endfor %}",
    "{% for n in [[1, [2]]] recursive %}{{ loop(n) if n is iterable else n }}{% endfor %}",
    "{{ any(1, 2, x=3) }}",
    "{% call around() %}{{ html }}{% endcall %}{{ [markup, html] | join(', ') }}",
    "{{ thing.parts | map('upper') | join(attribute=0) }}",
)


@pytest.mark.parametrize("text", [*SAME, *OTHER])
def test_the_quick_code_prints_the_same(text: str) -> None:
    sources = {"macros": MACROS, "page": '{% from "macros" import row, any, around, outer with context %}' + text}
    environment, plain = Environment(sources), Environment(sources)
    assert environment.fill("page", CONTEXT) == plain.get_template("page").render(CONTEXT)
    assert environment.fill("page", CONTEXT) == plain.get_template("page").render(CONTEXT)  # what is shown is known now
    assert (not environment.slow) == (text in SAME)


@pytest.mark.parametrize(
    "text", ["{{ thing.none }}", "{{ missing }}", "{{ missing.x }}", "{{ row(missing) }}", "{{ 1 / 0 }}"]
)
def test_what_is_wrong_is_told_as_jinja_tells_it(text: str) -> None:
    environment = Environment({"page": MACROS + text})
    with pytest.raises((jinja2.UndefinedError, ZeroDivisionError)) as quick:
        environment.fill("page", CONTEXT)
    with pytest.raises(type(quick.value)) as plain:
        environment.get_template("page").render(CONTEXT)
    assert str(quick.value) == str(plain.value)
    assert environment.slow == {"page"}


def test_blocks_can_be_replaced_and_extended() -> None:
    sources = {
        "base": "a{% block x %}{{ html }}{% endblock %}b{% block y %}y{% endblock %}",
        "page": '{% extends "base" %}no{% block x %}[{{ super() }}{% set v = 2 %}{% include "part" %}]{% endblock %}',
        "part": "{{ v }}{% for n in (1, 2) %}{{ html }}{% endfor %}",
        "either": '{% if html %}{% extends "base" %}{% endif %}kept{% block y %}Y{% endblock %}',
    }
    environment = Environment(sources)
    for name in sources:
        if name != "part":
            assert environment.fill(name, CONTEXT) == Environment(sources).get_template(name).render(CONTEXT)
    assert not environment.slow


def test_own_templates_are_rendered_by_the_quick_code_alone() -> None:
    for source in ("tests/golden/source", "catalog_src"):
        build(Settings(ROOT / source, base_url="https://example.org"))
        (environment,) = templates._environments.values()
        assert not environment.slow, source


@pytest.mark.parametrize(
    ("own", "slow"),
    [
        ("{{ item.properties.datetime }}{% for file in card.files %}{{ file.fields.href }}{% endfor %}", set()),
        ('{% set own = {"a": 1} %}{{ own.a }}', {"card.html"}),
    ],
)
def test_templates_of_others_take_items_with_a_point(tmp_path: Path, own: str, slow: set[str]) -> None:
    block = f'{{% extends "default/card.html" %}}{{% block sections %}}{own}{{% endblock %}}'
    (tmp_path / "card.html").write_text(block)
    assert build(Settings(ROOT / "tests" / "golden" / "source", templates=tmp_path)).artifacts
    (environment,) = templates._environments.values()
    assert environment.slow == slow


def test_only_texts_that_print_as_they_are_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown()
    assert [shown[value] for value in (1, True, 1.0, "1", "a<", Markup("a<"), Markup("b"), "b")] == [
        "1", "True", "1.0", "1", "a&lt;", "a<", "b", "b",
    ]  # fmt: skip
    assert set(shown) == {"1", "b"}
    assert shown["\x00"] == "\ufffd"
    assert shown["x" * 200] == "x" * 200
    monkeypatch.setattr(quick_code, "MOST_SHOWN", 3)
    assert [shown[text] for text in ("c", "d", "e")] == ["c", "d", "e"]
    assert len(shown) <= 3
