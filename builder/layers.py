"""Stage 6, draw: the layers that a network's summary lists, and its parameters by stage.

Read are the tables of torchsummary, torchinfo and Keras, and what `print(model)` shows of a PyTorch module, whose
parameters are counted from its arguments where the layer is a known one. A chart is made only where the numbers of
the rows add up to the total: in any other text some row was misread, or is not there.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

LONGEST_TEXT, LONGEST_LINE, MOST_ROWS = 1_000_000, 600, 20_000
"""Beyond these a summary stays text."""
MOST_STAGES = 16
_LARGEST = 10**18


@dataclass(frozen=True, slots=True)
class Row:
    """A layer: its name ("" where only types are listed), type, output shape as printed, parameters, and depth."""

    name: str
    type: str
    shape: str = ""
    parameters: int | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive layers: what they share, how many there are, and their parameters."""

    label: str
    layers: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Layers:
    """A parsed summary; `total` is the printed one, else the stated one, and `stages` add up to it."""

    rows: tuple[Row, ...]
    stages: tuple[Stage, ...]
    total: int


@functools.lru_cache(maxsize=16)  # models of a family have the same network; a summary may be long
def parse_layers(text: str, stated: int | None = None) -> Layers | None:
    """The layers in a summary, with their stages; None where it is none of the known kinds or does not add up."""
    if not text or len(text) > LONGEST_TEXT:
        return None
    lines = [line for line in text.splitlines() if len(line) <= LONGEST_LINE]
    rows = _parse_table(lines) or _parse_print(lines)
    if not 2 <= len(rows) <= MOST_ROWS:
        return None
    total = _printed_total(lines)
    total = stated if total is None else total
    if not total or sum(row.parameters or 0 for row in rows) != total:
        return None
    stages = to_stages(rows)
    return Layers(tuple(rows), stages, total) if len(stages) > 1 else None


# --- tables ----------------------------------------------------------------------------------------------------------

_TREE = "│├└─┊┆ |+`-"
_BOX = "│┃|"
_NUMBER = re.compile(r"\(?(\d[\d,]{0,24})\)?")
_PLAIN_ROW = re.compile(r"\s*(\S+-\d+)\s+(\[[^\[\]]*\])\s+([\d,]+)\s*")
_TYPED = re.compile(r"(.*?) ?\((\w[\w.]*)\)(: ?\d+(?:-\d+)?)?")
_DEPTH = re.compile(r": (\d+)-\d+")
_TOTAL = re.compile(r"\s*total params?\s*[:=]\s*(\d[\d,]{0,24})", re.IGNORECASE)


def _printed_total(lines: Iterable[str]) -> int | None:
    for line in lines:
        if found := _TOTAL.match(line):
            return _whole(found[1])
    return None


def _whole(digits: str) -> int | None:
    number = int(digits.replace(",", "") or "0")
    return number if number <= _LARGEST else None


def _parse_table(lines: list[str]) -> list[Row]:
    """The rows of a table whose header names the layer and its parameters."""
    start = next((i for i, line in enumerate(lines) if "Layer" in line and "Param" in line), None)
    if start is None:
        return []
    boxed = lines[start].lstrip()[:1] in ("┃", "│")
    header = [cell.lower() for cell in _cells(lines[start], boxed)]
    at_parameters = next((i for i, cell in enumerate(header) if cell.startswith("param")), None)
    at_shape = next((i for i, cell in enumerate(header) if cell.startswith("output")), None)
    rows: list[Row] = []
    for line in lines[start + 1 :]:
        if _TOTAL.match(line):
            break
        if found := _PLAIN_ROW.fullmatch(line):
            name, _, _ = found[1].rpartition("-")
            rows.append(Row("", name, found[2], _whole(found[3])))
            continue
        cells = _cells(line, boxed)
        if at_parameters is None or len(cells) <= max(at_parameters, at_shape or 0) or set(line) <= set("=_-─━ "):
            continue
        number = _NUMBER.match(cells[at_parameters])
        if number is None and cells[at_parameters] not in ("--", "-", "?", "0 (unused)", "(recursive)"):
            continue
        name, kind, depth = _layer(cells[0], line)
        shape = cells[at_shape] if at_shape is not None else ""
        rows.append(Row(name, kind, shape, _whole(number[1]) if number else None, depth))
    return rows


def _cells(line: str, boxed: bool) -> list[str]:
    """The cells of a line: between the lines of a box, else between two spaces or more."""
    if boxed:
        return [cell.strip() for cell in line.strip().strip(_BOX).replace("┃", "│").split("│")]
    marked = line.lstrip(_TREE)
    return [cell.strip() for cell in marked.split("  ") if cell.strip()]


def _layer(cell: str, line: str) -> tuple[str, str, int]:
    """Name, type and depth of a layer, from `conv1 (Conv2D)` of Keras or `Conv2d (conv1): 1-1` of torchinfo."""
    numbered = _DEPTH.search(cell)
    indent = len(line) - len(line.lstrip(_TREE))
    depth = int(numbered[1][:3]) if numbered else indent // 4
    found = _TYPED.fullmatch(cell[:200])
    if found is None:
        return "", cell.split(": ")[0], depth
    first, second = found[1].strip(), found[2]
    return (second, first, depth) if found[3] else (first, second, depth)


# --- print(model) ----------------------------------------------------------------------------------------------------

_MODULE = re.compile(r"( *)(?:\((\w+)\): )?(?:\((\d+)-(\d+)\): (\d+) x )?([A-Z_a-z]\w*)\((.*)")
_ARGUMENT = re.compile(r"\b(\w+)=(\([^()]*\)|[^,()]+)")


def _parse_print(lines: list[str]) -> list[Row]:
    """The modules that `print(model)` lists, with their parameters where the layer's type is known."""
    rows: list[Row] = []
    repeats: list[tuple[int, int]] = []
    for line in lines:
        found = _MODULE.fullmatch(line.rstrip())
        if found is None:
            continue
        indent, name, kind, rest = len(found[1]), found[2] or "", found[6], found[7]
        while repeats and repeats[-1][0] >= indent:
            repeats.pop()
        times = math.prod(n for _, n in repeats)
        if found[5]:
            # "(0-11): 12 x Block(" stands for twelve modules alike.
            times *= int(found[5][:4])
            repeats.append((indent, int(found[5][:4])))
            name = f"{found[3]}-{found[4]}"
        if times > 10_000:
            return []
        count = _count(kind, rest[:-1]) if rest.endswith(")") else None
        rows.append(Row(name, kind, "", None if count is None else count * times, indent // 2))
    return rows if len(rows) > 1 and rows[0].depth == 0 and all(row.depth for row in rows[1:]) else []


def _count(kind: str, arguments: str) -> int | None:
    """The parameters of a layer, from what its class prints; None for a class that is not known."""
    counter = next((count for name, count in _COUNTERS if re.fullmatch(name, kind)), None)
    if counter is None:
        return None
    named = {key: value.strip() for key, value in _ARGUMENT.findall(arguments)}
    plain = [part.strip() for part in _ARGUMENT.sub("", arguments.replace("(", " ").replace(")", " ")).split(",")]
    sizes = [int(part) for part in plain if part.isdigit() and len(part) < 10]
    try:
        count = counter(sizes, named)
    except (ValueError, IndexError, KeyError, ZeroDivisionError):
        return None
    return count if 0 <= count <= _LARGEST else None


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d{1,9}", text)]


def _true(named: dict[str, str], key: str, default: bool = True) -> bool:
    return named.get(key, str(default)) == "True"


def _convolution(sizes: list[int], named: dict[str, str]) -> int:
    inner, outer = sizes[0], sizes[1]
    kernel = math.prod(_numbers(named["kernel_size"]))
    return inner * outer * kernel // int(named.get("groups", "1")) + (outer if _true(named, "bias") else 0)


def _linear(_: list[int], named: dict[str, str]) -> int:
    inner, outer = int(named["in_features"]), int(named["out_features"])
    return inner * outer + (outer if _true(named, "bias") else 0)


def _batch_norm(sizes: list[int], named: dict[str, str]) -> int:
    return 2 * sizes[0] if _true(named, "affine", "track_running_stats" in named or "affine" in named) else 0


def _layer_norm(sizes: list[int], named: dict[str, str]) -> int:
    return 2 * math.prod(sizes) if sizes and _true(named, "elementwise_affine") else 0


def _group_norm(sizes: list[int], named: dict[str, str]) -> int:
    return 2 * sizes[1] if _true(named, "affine") else 0


def _embedding(sizes: list[int], _: dict[str, str]) -> int:
    return sizes[0] * sizes[1]


_COUNTERS: tuple[tuple[str, Callable[[list[int], dict[str, str]], int]], ...] = (
    (r"Conv(Transpose)?[123]d", _convolution),
    (r"Linear|NonDynamicallyQuantizableLinear", _linear),
    (r"(Sync)?BatchNorm([123]d)?", _batch_norm),
    (r"LayerNorm", _layer_norm),
    (r"GroupNorm", _group_norm),
    (r"Embedding", _embedding),
)


# --- stages ----------------------------------------------------------------------------------------------------------


def to_stages(rows: list[Row]) -> tuple[Stage, ...]:
    """Consecutive layers together: by the outermost modules, else by the size of the image, else one by one."""
    depths = sorted({row.depth for row in rows})
    found: tuple[Stage, ...] = ()
    for depth in depths[1:5]:
        found = _drawn(_by_module(rows, depth))
        if len(found) > 1:
            break
    if not 2 <= len(found) <= MOST_STAGES:
        by_size = _drawn(_by_size(rows))
        found = by_size if 2 <= len(by_size) <= MOST_STAGES or not found else found
    if len(found) < 2:
        found = tuple(Stage(_label(row), 1, row.parameters) for row in rows if row.parameters)
    return _merged(found)


def _drawn(groups: Iterable[tuple[str, list[Row]]]) -> tuple[Stage, ...]:
    """The groups as stages; one without parameters goes to the stage before it, or is left out."""
    stages: list[Stage] = []
    for label, members in groups:
        count = sum(row.parameters or 0 for row in members)
        layers = sum(1 for row in members if row.parameters)
        if count:
            stages.append(Stage(label, layers, count))
    return tuple(stages)


def _by_module(rows: list[Row], depth: int) -> Iterable[tuple[str, list[Row]]]:
    groups: list[tuple[str, list[Row]]] = []
    for row in rows:
        if not groups or row.depth <= depth:
            groups.append((_label(row), [row]))
        else:
            groups[-1][1].append(row)
    return groups


def _by_size(rows: list[Row]) -> Iterable[tuple[str, list[Row]]]:
    groups: list[tuple[str, list[Row]]] = []
    current = ""
    for row in rows:
        size = _size(row.shape)
        if not groups or (size and size != current and row.parameters):
            groups.append((f"at {size}" if size else _label(row), []))
            current = size
        groups[-1][1].append(row)
    return groups


def _size(shape: str) -> str:
    """Height and width in a printed shape, with channels first or, as in Keras's parentheses, last."""
    sizes = shape.strip("[]() ").split(",")
    if len(sizes) != 4:
        return ""
    height, width = sizes[1:3] if "(" in shape else sizes[2:4]
    return f"{height.strip()} × {width.strip()}"


def _label(row: Row) -> str:
    return " ".join(part for part in (row.name, row.type) if part)[:60]


def _merged(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """At most `MOST_STAGES`: runs of equal length become one."""
    if len(stages) <= MOST_STAGES:
        return stages
    step = math.ceil(len(stages) / MOST_STAGES)
    merged = []
    for run in (stages[i : i + step] for i in range(0, len(stages), step)):
        label = run[0].label if len(run) == 1 else f"{run[0].label} to {run[-1].label}"
        merged.append(
            replace(run[0], label=label, layers=sum(s.layers for s in run), parameters=sum(s.parameters for s in run))
        )
    return tuple(merged)
