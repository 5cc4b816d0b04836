"""Stage 6, render: how templates are compiled. Printed values are escaped, whatever a template says, and the words are
put into the language of the site while they are compiled, so that a page takes no longer in any language.

`say("text", values)` and `say_count("one", "many", number, values)` are as in `words`. A block `{% say %}…{% endsay %}`
is a message with elements and values in it, which become `{0}`, `{1}` and so on; with a number, it has two forms:
`{% say number %}one{% many %}several{% endsay %}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from builder.prose import plain_text, show
from builder.quick_code import FILTERS, QuickGenerator, QuickMacro, each, is_in, shown, take
from builder.words import Words, format_whole

_UNQUOTED = re.compile(r"""<[a-zA-Z][\w-]*(?:\s+[^\s<>="'/]+(?:="[^"]*"|='[^']*'|=[^\s"'<>]+)?)*\s+[\w:-]+=\s*\Z""")
"""Text that ends where the value of an attribute would begin without a quotation mark."""


class Environment(jinja2.Environment):
    """The Jinja environment of the site's templates, without a way to print what is not escaped."""

    show = staticmethod(show)

    def __init__(self, sources: Mapping[str, str], words: Words = Words()) -> None:  # noqa: B008  frozen
        self.words = words
        self.parsing: list[str | None] = []
        self.slow: set[str] = set()
        super().__init__(
            extensions=[_Say],
            loader=jinja2.DictLoader(sources),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_finalize,
        )
        del self.filters["safe"]
        self.globals.update(plural_form=words.plural_form, format_whole=format_whole)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        self.parsing.append(name)
        try:
            _Revised(self, name).visit(tree)
        finally:
            self.parsing.pop()
        return tree

    def fill(self, name: str, context: Mapping[str, Any]) -> str:
        """The text of a template: by its quick code, unless that failed once."""
        if name not in self.slow:
            try:
                return self.quick.get_template(name).render(context)
            except Exception:  # it is told below, in Jinja's words, where it is one of the template
                self.slow.add(name)
        return self.get_template(name).render(context)

    @cached_property
    def quick(self) -> _Quick:
        """The environment of the quick code, with the filters of this one."""
        assert isinstance(self.loader, jinja2.DictLoader)  # noqa: S101  it is set above
        quick = _Quick(self.loader.mapping, self.words)
        quick.filters.update({**self.filters, **FILTERS})
        return quick

    def load_source(self, name: str) -> tuple[str, str, None]:
        """What `_parse` takes of a template."""
        assert self.loader is not None  # noqa: S101  it is set above
        return self.loader.get_source(self, name)[0], name, None


class _Say(Extension):
    """The tag `say`."""

    tags = {"say"}  # noqa: RUF012  Jinja's own form

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """The content of the block, in the language of the environment."""
        line = next(parser.stream).lineno
        number = None if parser.stream.current.test("block_end") else parser.parse_expression()
        one = parser.parse_statements(("name:endsay", "name:many"))
        many: list[nodes.Node] = []
        if next(parser.stream).value == "many":
            many = parser.parse_statements(("name:endsay",), drop_needle=True)
        if (number is None) != (not many):
            parser.fail("a number after say goes with two forms, parted by many", line)
        words: Words = self.environment.words  # type: ignore[attr-defined]
        text, parts = _to_message(one)
        if number is None:
            return _to_nodes(words.find(text), parts, line) if words.translations else one
        other, more = _to_message(many)
        if not words.translations:
            return nodes.If(_is_form(number, 0, words), one, [], many, lineno=line)
        made = [_to_nodes(words.find_form(text, other, form), more, line) for form in words.forms]
        return _choose(number, made, words, line)


def _to_message(body: list[nodes.Node]) -> tuple[str, list[nodes.Node]]:
    """The text of a block, on one line, with places for what is no text; and what goes there."""
    parts: list[nodes.Node] = []
    text = ""
    for node in body:
        for part in node.nodes if isinstance(node, nodes.Output) else [node]:
            if isinstance(part, nodes.TemplateData):
                text += part.data
            else:
                text += f"{{{len(parts)}}}"
                parts.append(part)
    return " ".join(text.split()), parts


def _to_nodes(text: str, parts: list[nodes.Node], line: int) -> list[nodes.Node]:
    """A message with its places filled in."""
    made: list[nodes.Node] = []
    for piece in re.split(r"(\{\d+\})", text):
        if not piece:
            continue
        part = parts[int(piece[1:-1])] if piece.startswith("{") else nodes.TemplateData(piece, lineno=line)
        made.append(part if isinstance(part, nodes.Stmt) else nodes.Output([part], lineno=line))
    return made


def _is_form(number: nodes.Expr, form: int, words: Words) -> nodes.Expr:
    line = number.lineno
    if words.plural_rule in ("n != 1", "n > 1"):
        operator = "eq" if words.plural_rule == "n != 1" else "lteq"
        return nodes.Compare(number, [nodes.Operand(operator, nodes.Const(1, lineno=line))], lineno=line)
    call = nodes.Call(nodes.Name("plural_form", "load", lineno=line), [number], [], None, None, lineno=line)
    return nodes.Compare(call, [nodes.Operand("eq", nodes.Const(form, lineno=line))], lineno=line)


def _choose(number: nodes.Expr, forms: list[list[nodes.Node]], words: Words, line: int) -> nodes.Node:
    rest = forms[-1]
    for form in range(len(forms) - 2, -1, -1):
        rest = [nodes.If(_is_form(number, form, words), forms[form], [], rest, lineno=line)]
    return rest[0] if len(rest) == 1 else nodes.Scope(rest, lineno=line)


class _Said(NodeTransformer):
    """Puts the words of `say` and `say_count` in place of their calls."""

    words: Words
    name: str | None

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        node = self.generic_visit(node)  # type: ignore[assignment]
        if not isinstance(node.node, nodes.Name) or node.node.name not in ("say", "say_count"):
            return node
        counted = node.node.name == "say_count"
        texts, values = node.args[: 1 + counted], node.args[1 + counted :]
        if len(texts) < 1 + counted or any(
            not isinstance(t, nodes.Const) or not isinstance(t.value, str) for t in texts
        ):
            message = f"{node.node.name} takes its text in quotes, or it cannot be translated"
            raise jinja2.TemplateSyntaxError(message, node.lineno, self.name)
        first = texts[0].as_const()
        if not counted:
            return self._fill(self.words.find(first), values, node.lineno)
        number, forms = values[0], self.words.forms
        whole = nodes.Call(
            nodes.Name("format_whole", "load", lineno=node.lineno), [number], [], None, None, lineno=node.lineno
        )
        filled = [whole, *values[1:]]
        found = [self.words.find_form(first, texts[1].as_const(), form) for form in forms]
        made = self._fill(found[-1], filled, node.lineno)
        for form in range(len(forms) - 2, -1, -1):
            chosen = self._fill(found[form], filled, node.lineno)
            made = nodes.CondExpr(_is_form(number, form, self.words), chosen, made, lineno=node.lineno)
        return made

    def _fill(self, text: str, values: list[nodes.Expr], line: int) -> nodes.Expr:
        pieces = [piece for piece in re.split(r"(\{\d+\})", text) if piece]
        parts = [
            values[int(piece[1:-1])] if piece.startswith("{") else nodes.Const(piece, lineno=line) for piece in pieces
        ]
        return parts[0] if len(parts) == 1 else nodes.Concat(parts, lineno=line)


class _Inlined(NodeTransformer):
    """Puts a template that is included in the place of its `include`, in a scope of its own: a card has thirteen, and
    at each Jinja looks the template up and copies the context."""

    environment: Environment

    def visit_Include(self, node: nodes.Include) -> nodes.Node:  # noqa: N802
        name = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(name, str) or not node.with_context or name in self.environment.parsing:
            return node
        try:
            tree = self.environment._parse(*self.environment.load_source(name))
        except jinja2.TemplateNotFound:
            return node  # it is missed when it is needed
        if any(tree.find_all((nodes.Block, nodes.Extends))):
            return node
        return nodes.Scope(tree.body, lineno=node.lineno)


class _Checked(NodeTransformer):
    """Refuses what would print a model's text unescaped."""

    name: str | None

    def _refuse(self, node: nodes.Node, message: str) -> None:
        raise jinja2.TemplateSyntaxError(message, node.lineno, self.name)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802  the visitor's name
        if node.name == "safe":
            self._refuse(node, "the filter safe prints text of models unescaped; use markdown, or the macro link")
        return self.generic_visit(node)

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        self._refuse(node, "autoescape cannot be switched off or on; what is printed is always escaped")
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        before = ""
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                before += part.data
                continue
            if _UNQUOTED.search(before[before.rfind("<") :]):
                self._refuse(part, "put quotes around the value of the attribute, or text of a model could add others")
            before += "x"
        return self.generic_visit(node)


class _Revised(_Checked, _Said, _Inlined):
    """All of this on one walk over the template, which takes longer than what is done on it."""

    def __init__(self, environment: Environment, name: str | None) -> None:
        self.environment, self.words, self.name = environment, environment.words, name

    def _keep(self, node: nodes.Node) -> nodes.Node:
        return node  # nothing is below it

    visit_Name = visit_Const = visit_TemplateData = _keep  # noqa: N815  the visitor's names


class _Generator(CodeGenerator):
    """Compiles `{{ x }}` to a call of `show`, in place of the two of `finalize` and `escape`."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.show(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_post(node, frame, finalize)
        else:
            self.write(")")


Environment.code_generator_class = _Generator


class _Quick(Environment):
    """The same templates in code that does less, and fails where that is not enough: see `quick_code`."""

    code_generator_class = QuickGenerator
    each = staticmethod(each)
    is_in = staticmethod(is_in)
    take = staticmethod(take)
    Macro = QuickMacro
    shown = shown

    def __init__(self, sources: Mapping[str, str], words: Words) -> None:
        super().__init__(sources, words)
        self.ready: dict[str, jinja2.Template] = {}

    def get_template(
        self,
        name: str | jinja2.Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  the library's name
    ) -> jinja2.Template:
        """The template, without Jinja's look at whether it has changed."""
        found = self.ready.get(name) if isinstance(name, str) else None
        if found is None:
            found = super().get_template(name, parent, globals)
            found.globals = dict(found.globals)  # Jinja's own is searched in two places, at each import
            self.ready[str(found.name)] = found
        return found


def _finalize(value: object) -> object:
    """For what a template prints without escaping it."""
    return plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
