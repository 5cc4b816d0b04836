"""Stage 6, render: Python code of templates that runs in half the time of Jinja's, and does less.

It supposes what nearly always holds: an attribute is an attribute, a macro is given what it takes, a loop asks for no
more than its number and its end. Where this does not hold it fails, with whatever exception, and the page is rendered
by the code that does everything (`compiling`). So it needs to be right only where it comes to an end.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, MacroRef
from jinja2.runtime import Macro
from jinja2.utils import missing

from builder.prose import show

MOST_SHOWN, LONGEST_SHOWN = 20_000, 80
"""How many texts are known to need no escaping, and the characters that one of them has at most."""

MAPPINGS = frozenset({"fields", "group", "item", "properties", "sections"})
"""Names and fields of the template API that hold mappings, so that what follows a point is an item."""


class Shown(dict[object, str]):
    """What values print as: `shown[value]` is `show(value)`. Texts that print as they are and come again and again
    (names of fields, labels, units) are found by a look-up."""

    def __missing__(self, value: object) -> str:
        kind = type(value)
        if kind is int:
            return repr(value)
        text = show(value)
        # Nothing else may become a key: 1, 1.0 and True are one key, and Markup is equal to text that it is not.
        if text is value and kind is str and len(value) <= LONGEST_SHOWN:
            if len(self) >= MOST_SHOWN:
                self.clear()
            self[value] = text
        return text


shown = Shown()
"""What is known in this process, whatever the catalog and its language."""


class QuickMacro(Macro):
    """A macro with nothing but its parameters can be called without a look at what it is given: `direct` gives text,
    where Jinja gives Markup."""

    def __init__(self, environment: Any, function: Any, name: str, arguments: list[str], *special: bool) -> None:
        super().__init__(environment, function, name, arguments, *special)
        if not (self.catch_kwargs or self.catch_varargs or self.caller):
            function.__defaults__ = (missing,) * len(arguments)
            self.direct = function


class Loop:
    """What a loop says of itself, or most of it."""

    __slots__ = ("first", "index", "index0", "last", "length")
    first: bool
    index: int
    index0: int
    last: bool
    length: int


def each(values: Iterable[Any], _undefined: Any) -> Iterator[tuple[Any, Loop]]:
    """The values, each with its loop."""
    items = values if isinstance(values, (list, tuple)) else list(values)
    loop = Loop()
    loop.length = length = len(items)
    for number, value in enumerate(items, 1):
        loop.index, loop.index0 = number, number - 1
        loop.first, loop.last = number == 1, number == length
        yield value, loop


def is_in(owner: Any, key: object) -> bool:
    """Whether a dict has a key, without making Jinja's object for what it has not."""
    if type(owner) is not dict:
        raise TypeError("this is for dicts alone")
    return key in owner


def take(owner: Any, key: Any) -> Any:
    """An item of a mapping or a sequence, or an attribute of anything else."""
    return owner[key] if type(key) is int or hasattr(owner, "keys") else getattr(owner, key)


def _join(texts: Iterable[Any], between: str = "") -> str:
    """For texts alone, without asking each whether it is Markup."""
    texts = list(texts)
    if all(type(text) is str for text in texts):
        return str(between).join(texts)
    raise TypeError("this is for texts alone")


def _select(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value]


def _selectattr(values: Iterable[Any], name: str) -> list[Any]:
    return [value for value in values if _attribute(value, name)]


def _map(values: Iterable[Any], *, attribute: str) -> list[Any]:
    return [_attribute(value, attribute) for value in values]


def _attribute(value: Any, name: str) -> Any:
    """For objects alone: of a mapping, these filters take an item."""
    if hasattr(value, "keys"):
        raise TypeError("this is for objects alone")
    return getattr(value, name)


def _max(values: Iterable[Any]) -> Any:
    """For numbers alone: of texts, Jinja does not mind the case."""
    numbers = list(values)
    if numbers and set(map(type, numbers)) <= {int, float}:
        return max(numbers)
    raise TypeError("this is for numbers alone")


FILTERS = {"join": _join, "list": list, "map": _map, "max": _max, "select": _select, "selectattr": _selectattr}
"""Filters of Jinja for what they are mostly used for: they take less than Jinja's, and fail with more."""


class QuickGenerator(CodeGenerator):
    """Writes the code. What is printed gathers in a list, attributes and items with a fixed name are taken as such,
    macros are called directly, and a condition is put around what it prints."""

    macros: frozenset[str] = frozenset()
    careful: nodes.Expr | None = None

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802
        names: set[str] = set()
        for found in node.find_all((nodes.FromImport, nodes.Macro)):
            if isinstance(found, nodes.Macro):
                names.add(found.name)
            elif isinstance(found, nodes.FromImport):
                names.update(name if isinstance(name, str) else name[1] for name in found.names)
        self.macros = frozenset(names)
        super().visit_Template(node, frame)

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("shown = environment.shown")

    def write(self, x: str) -> None:
        # The only way to another loop without a copy of `visit_For`. It is code: text of templates ends in a quote.
        super().write(x.replace("LoopContext(", "environment.each(") if x.endswith(" in LoopContext(") else x)

    def macro_def(self, macro_ref: MacroRef, frame: Frame) -> None:
        self.write("environment.")
        super().macro_def(macro_ref, frame)

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        if not frame.block_frame or frame.buffer is not None:
            super().blockvisit(nodes, frame)
            return
        self.buffer(frame)
        super().blockvisit(nodes, frame)
        self.writeline(f"yield concat({frame.buffer})")

    # --- expressions -------------------------------------------------------------------------------------------------

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        owner = node.node
        named = owner.name if isinstance(owner, nodes.Name) else owner.attr if isinstance(owner, nodes.Getattr) else ""
        careful = node is self.careful or named in MAPPINGS
        if careful or keyword.iskeyword(node.attr) or isinstance(owner, nodes.Literal):
            super().visit_Getattr(node, frame)
            return
        self._visit_owner(owner, frame)
        self.write(f".{node.attr}")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        if node is self.careful or isinstance(node.arg, nodes.Slice) or isinstance(node.node, nodes.Literal):
            super().visit_Getitem(node, frame)
        elif isinstance(node.arg, nodes.Const):
            self._visit_owner(node.node, frame)
            self.write(f"[{node.arg.value!r}]")
        else:
            self.write("environment.take(")
            self.visit(node.node, frame)
            self.write(", ")
            self.visit(node.arg, frame)
            self.write(")")

    def _visit_owner(self, node: nodes.Expr, frame: Frame) -> None:
        """What an attribute is taken of: a name that is missing has none, and needs no question."""
        if isinstance(node, nodes.Name):
            self.write(frame.symbols.ref(node.name))
        else:
            self.visit(node, frame)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:  # noqa: N802
        if node.name == "none":
            self.write("(")
            self.visit(node.node, frame)
            self.write(" is None)")
        elif node.name == "defined" and isinstance(node.node, nodes.Getitem):
            self._write_is_in(node.node, frame)
        else:
            if node.name in ("defined", "undefined"):
                self.careful = node.node
            super().visit_Test(node, frame)

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802
        if node.name not in ("default", "d"):
            super().visit_Filter(node, frame)
        elif isinstance(node.node, nodes.Getitem) and len(node.args) == 1 and not node.kwargs:
            self.write("(")
            self.visit(node.node, frame)
            self.write(" if ")
            self._write_is_in(node.node, frame)
            self.write(" else ")
            self.visit(node.args[0], frame)
            self.write(")")
        else:
            self.careful = node.node
            super().visit_Filter(node, frame)

    def _write_is_in(self, node: nodes.Getitem, frame: Frame) -> None:
        self.write("environment.is_in(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        if node.dyn_args or node.dyn_kwargs or forward_caller:
            super().visit_Call(node, frame, forward_caller=forward_caller)
        elif self._is_macro(node):
            self.write("Markup(")
            self._call_macro(node, frame)
            self.write(")")
        elif isinstance(node.node, nodes.Getattr):
            # Methods of what models are made of do not ask for Jinja's context.
            self.visit(node.node, frame)
            self._write_arguments(node, frame, "")
        else:
            super().visit_Call(node, frame)

    def _is_macro(self, node: nodes.Expr) -> bool:
        return (
            isinstance(node, nodes.Call)
            and isinstance(node.node, nodes.Name)
            and node.node.name in self.macros
            and not (node.dyn_args or node.dyn_kwargs)
        )

    def _call_macro(self, node: nodes.Call, frame: Frame) -> None:
        assert isinstance(node.node, nodes.Name)  # noqa: S101  as `_is_macro` says
        self.write(f"{frame.symbols.ref(node.node.name)}.direct")
        # Jinja's name for a parameter of a macro that stands in no other one.
        self._write_arguments(node, frame, "l_1_")

    def _write_arguments(self, node: nodes.Call, frame: Frame, prefix: str) -> None:
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        for named in node.kwargs:
            self.write(f"{prefix}{named.key}=")
            self.visit(named.value, frame)
            self.write(", ")
        self.write(")")

    # --- what is printed ---------------------------------------------------------------------------------------------

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802
        if frame.require_output_check:
            super().visit_Output(node, frame)  # beside the blocks of a template that may extend another one
            return
        parts: list[str | nodes.Expr] = []
        for child in node.nodes:
            for part in _pieces(child):
                text = _to_constant(part, frame)
                if text is None:
                    parts.append(part)
                elif parts and isinstance(parts[-1], str):
                    parts[-1] += text
                else:
                    parts.append(text)
        together = len(parts) > 2 and frame.buffer is not None
        if together:
            self.writeline(f"{frame.buffer}.extend((", node)
        for piece in parts:
            if not together:
                self.writeline("yield " if frame.buffer is None else f"{frame.buffer}.append(", node)
            if isinstance(piece, str):
                self.write(repr(piece))
            else:
                self._print(piece, frame)
            self.write(", " if together else "" if frame.buffer is None else ")")
        if together:
            self.write("))")

    def _print(self, node: nodes.Expr, frame: Frame) -> None:
        """The text of a value, escaped."""
        if self._is_macro(node):
            assert isinstance(node, nodes.Call)  # noqa: S101  as `_is_macro` says
            self._call_macro(node, frame)
        elif isinstance(node, nodes.CondExpr):
            frame = frame.soft()
            self.write("(")
            self._print(node.expr1, frame)
            self.write(" if ")
            self.visit(node.test, frame)
            self.write(" else ")
            self._print(node.expr2 or nodes.Const("", lineno=node.lineno), frame)
            self.write(")")
        elif isinstance(node, nodes.Concat):
            self.write("concat((")
            for piece in _pieces(node):
                self._print(piece, frame)
                self.write(", ")
            self.write("))")
        elif (text := _to_constant(node, frame)) is not None:
            self.write(repr(text))
        else:
            self.write("shown[")
            self.visit(node, frame)
            self.write("]")


def _to_constant(node: nodes.Expr, frame: Frame) -> str | None:
    """What a part prints where that is the same each time; None elsewhere."""
    if isinstance(node, nodes.TemplateData):
        return node.data
    try:
        return str(show(node.as_const(frame.eval_ctx)))
    except Exception:  # whatever is wrong with the part is told when it is rendered
        return None


def _pieces(node: nodes.Expr) -> list[nodes.Expr]:
    """What is printed one after the other where texts are put together with `~`."""
    return [piece for part in node.nodes for piece in _pieces(part)] if isinstance(node, nodes.Concat) else [node]
