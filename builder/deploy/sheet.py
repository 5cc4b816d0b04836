"""What all deploy files share: the facts they are made from, the head that tells them apart, and what they lack."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from builder.deploy.quoting import comment
from builder.diagnostic import Path
from builder.facts import shorten
from builder.model import Asset, Model
from builder.recipe import COMPLEX, DATA_TYPES, Recipe, data_of
from builder.words import say

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FREE = -1
LONGEST_FACT = 200
"""Characters of a fact in the head of a file."""
FLOAT = "float32"
TORCHSCRIPT = ("torch.jit.save", "torch.jit.script", "torch.jit.trace")
"""MLM's artifact types of weights that are TorchScript, and the functions that make it."""


@dataclass(frozen=True, slots=True)
class Site:
    """What deploy files are made from: a model and its recipe, the names of the files beside its card, the address of
    their folder. `made` keeps a file that another one asks for, too."""

    model: Model
    recipe: Recipe
    files: frozenset[str] = frozenset()
    address: str | None = None
    made: dict[str, DeployFile | Withheld] = field(default_factory=dict, compare=False)

    @property
    def local_weights(self) -> str | None:
        """The name of the weights, below the folder of the model, where the site has them."""
        weights = self.model.weights
        return weights.published_name if weights and weights.published_name in self.files and weights.is_local else None


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact that nothing states: the field of the model file that would state it, and what it would say."""

    field: str
    words: str


@dataclass(frozen=True, slots=True)
class DeployFile:
    """A deploy file: its name, what it is, its text."""

    name: str
    title: str
    text: str
    stated: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """A deploy file that is not written, and the facts that it lacks."""

    name: str
    title: str
    missing: tuple[Gap, ...]


@dataclass(slots=True)
class Sheet:
    """Where a file notes its facts while it is made: what is stated, what it inferred and why, what is missing."""

    name: str
    title: str
    stated: list[str] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)
    missing: list[Gap] = field(default_factory=list)

    def state(self, path: Path, value: object) -> None:
        self.stated.append(f"{to_field(path)}: {shorten(str(value), LONGEST_FACT)}")

    def lack(self, path: Path, words: str) -> None:
        self.missing.append(Gap(to_field(path), words))

    def withheld(self) -> Withheld:
        return Withheld(self.name, self.title, tuple(dict.fromkeys(self.missing)))

    def finish(self, text: str) -> DeployFile:
        return DeployFile(self.name, self.title, text, tuple(self.stated), tuple(self.inferred))

    def head(self, model: Model) -> Iterator[str]:
        """The lines that say where the facts come from; each is one line, whatever is in it."""
        yield f"{self.title}: {model.collection}/{model.id}, made from the metadata of the model."
        for heading, facts in (("Stated in the model file:", self.stated), ("Inferred:", self.inferred)):
            if facts:
                yield ""
                yield heading
                yield from (f"  {comment(fact)}" for fact in facts)


def to_comments(lines: Iterator[str]) -> list[str]:
    """Lines as comments of a shell, YAML or protobuf text."""
    return [f"# {line}" if line else "#" for line in lines]


@functools.lru_cache(maxsize=1024)
def to_field(path: Path) -> str:
    """A path in the model file as an author would write it."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return steps.removeprefix(".")


# --- the weights -----------------------------------------------------------------------------------------------------


def find_format(model: Model, weights: Asset) -> tuple[str, Path] | None:
    """`onnx` or `torchscript` where it is stated that the weights are, and the field that states it."""
    artifact = str(weights.fields.get("mlm:artifact_type", "")).lower()
    kind = (weights.type or "").lower()
    if artifact.startswith("onnx") or "onnx" in kind or (not artifact and _basename(weights).lower().endswith(".onnx")):
        key = "mlm:artifact_type" if artifact.startswith("onnx") else "type" if "onnx" in kind else "href"
        return "onnx", (*weights.path, key)
    if artifact in TORCHSCRIPT or "torchscript" in kind:
        return "torchscript", (*weights.path, "mlm:artifact_type" if artifact in TORCHSCRIPT else "type")
    if not artifact and {(runtime.framework or "").lower() for runtime in model.runtime} == {"torchscript"}:
        return "torchscript", (*model.runtime[0].path, "framework")
    return None


def file_name(asset: Asset) -> str:
    """The name of the file behind an address; empty where it has none that is safe in any path."""
    name = _basename(asset)
    return name if _FILE_NAME.fullmatch(name) else ""


def _basename(asset: Asset) -> str:
    return _last_part(asset.href)


@functools.lru_cache(maxsize=64)  # of one model, four files ask
def _last_part(href: str) -> str:
    parts = urlsplit(href.replace("[", "%5B").replace("]", "%5D"))
    # The fragment of a package URL is the path inside the package, https://github.com/package-url/purl-spec.
    path = parts.fragment if parts.scheme == "pkg" and parts.fragment else parts.path
    return posixpath.basename(path)


# --- the tensors -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputTensor:
    """An input of the network: its name, its shapes as N×C×H×W with -1 for a free size, its type in numpy's words."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The one shape; a size is free where the shapes differ."""
        return tuple(sizes[0] if len(set(sizes)) == 1 else _FREE for sizes in zip(*self.shapes, strict=True))


def to_inputs(sheet: Sheet, model: Model, *, named: bool = True) -> tuple[InputTensor, ...]:
    """The inputs of a model; what they lack is noted on the sheet."""
    if not model.inputs:
        sheet.lack(("dlm:inputs",), say("the inputs of the network: name, tensor and normalisation"))
    made = tuple(_to_input(sheet, model, index, named=named) for index in range(len(model.inputs)))
    names = [one.name for one in made if one.name]
    if named and len(set(names)) < len(names):
        sheet.lack(("dlm:inputs", "name"), say("a name of its own for each input"))
    return made


def _to_input(sheet: Sheet, model: Model, index: int, *, named: bool) -> InputTensor:
    entry = model.inputs[index]
    bands = len(entry.selected_band) or len(model.selected_bands(index))
    if named and entry.name:
        sheet.state((*entry.path, "name"), entry.name)
    elif named:
        sheet.lack((*entry.path, "name"), say("the name of the input"))
    shapes = []
    for tensor in entry.input_tensors:
        shape = (tensor.batch, tensor.dim or bands or None, tensor.height, tensor.width)
        sheet.state(
            tensor.path, " × ".join("free" if size is None else str(size) for size in shape) + " (N × C × H × W)"
        )
        shapes.append(tuple(_FREE if size is None else size for size in shape))
    if not shapes and bands:
        shapes.append((_FREE, bands, _FREE, _FREE))
        sheet.inferred.append(f"{bands} channels, because {bands} bands are selected; the other sizes are free")
    elif not shapes:
        sheet.lack((*entry.path, "input_tensors"), say("the shape of the input"))
    return InputTensor(
        entry.name or "", tuple(dict.fromkeys(shapes)) or ((_FREE,) * 4,), _to_dtype(sheet, model, index)
    )


def _to_dtype(sheet: Sheet, model: Model, index: int) -> str:
    entry, data = model.inputs[index], data_of(model, index)
    label = f"type {FLOAT} of input {index + 1}" if len(model.inputs) > 1 else f"type {FLOAT} of the input"
    if entry.scaling_factor is not None or entry.normalization_mean or entry.normalization_std:
        sheet.inferred.append(f"{label}, because the pixels are scaled or normalised before")
    elif data is None or data.dtype is None:
        sheet.inferred.append(f"{label}, the usual one, because no type of the imagery is stated")
    elif data.dtype not in DATA_TYPES or data.dtype in COMPLEX:
        sheet.lack((*data.path, "dtype"), say("a type that inference servers know, which {0} is not", data.dtype))
    else:
        sheet.state((*data.path, "dtype"), f"{data.dtype}, fed to the network as it is")
        return data.dtype
    return FLOAT


def to_server_type(dtype: str) -> str:
    """The name that the Open Inference Protocol has for numpy's type: FP32 for float32."""
    return "FP" + dtype[5:] if dtype.startswith("float") else dtype.upper()
