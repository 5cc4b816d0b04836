"""Stage 6, render: how templates are compiled. Printed values are escaped, whatever a template says."""

from __future__ import annotations

import re
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from builder.prose import plain_text, show

_UNQUOTED = re.compile(r"""<[a-zA-Z][\w-]*(?:\s+[^\s<>="'/]+(?:="[^"]*"|='[^']*'|=[^\s"'<>]+)?)*\s+[\w:-]+=\s*\Z""")
"""Text that ends where the value of an attribute would begin without a quotation mark."""


class Environment(jinja2.Environment):
    """The Jinja environment of the site's templates, without a way to print what is not escaped."""

    show = staticmethod(show)

    def __init__(self, sources: Any) -> None:
        super().__init__(
            loader=jinja2.DictLoader(sources),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_finalize,
        )
        del self.filters["safe"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Checked(name).visit(tree)
        return tree


class _Checked(NodeTransformer):
    """Refuses what would print a model's text unescaped."""

    def __init__(self, name: str | None) -> None:
        self.name = name

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


def _finalize(value: object) -> object:
    """For what a template prints without escaping it."""
    return plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
