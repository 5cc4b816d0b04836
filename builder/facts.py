"""Stage 6, render: what a model file says, in the words that cards, lists and figures share.

What is not stated is an empty string here; the templates say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.model import Band, Model, Output, Runtime, Tensor, UsefulBand
from builder.templates import format_short
from builder.words import say, say_count

MOST_NAMES = 16
"""Names that a line lists: enough for every band of a multispectral sensor."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what the model file says about it, as text; `note` is smaller print.

    `kind` names the facts that are laid out in their own way: `license` and `run`.
    """

    label: str
    value: str = ""
    note: str = ""
    href: str = ""
    kind: str = ""


def to_shape(sizes: tuple[int | None, ...]) -> str:
    """Sizes as people write a tensor's shape: 1 × 3 × 224 × 224; a free one by its letter."""
    if not any(size is not None for size in sizes):
        return ""
    letters = "NCHW" if len(sizes) == 4 else "?" * len(sizes)
    return " × ".join(str(size) if size is not None else letter for size, letter in zip(sizes, letters, strict=True))


def tensor_shape(tensor: Tensor) -> str:
    return to_shape((tensor.batch, tensor.dim, tensor.height, tensor.width))


def band_name(band: Band | UsefulBand) -> str:
    """What a band is called: its name, else its common name, else its number."""
    return band.name or band.common_name or say("unnamed")


def band_numbers(model: Model) -> list[int]:
    """How many bands each input reads, where they differ; empty when it is not stated."""
    return list(dict.fromkeys(number for i in range(len(model.inputs) or 1) if (number := _band_number(model, i))))


def band_words(model: Model) -> str:
    """How many bands the model reads: "3 bands", by input where they differ; empty when it is not stated."""
    numbers = band_numbers(model)
    if len(numbers) < 2:
        return say_count("{0} band", "{0} bands", numbers[0]) if numbers else ""
    return say("{0} bands", " + ".join(map(str, numbers)))


def _band_number(model: Model, index: int) -> int | None:
    """Bands of an input: those selected, else the channels of its tensor."""
    if bands := model.selected_bands(index):
        return len(bands)
    entry = model.inputs[index] if index < len(model.inputs) else None
    if entry is None:
        return None
    return len(entry.selected_band) or next((t.dim for t in entry.input_tensors if t.dim), None)


def parameter_words(model: Model) -> str:
    """The number of parameters, short: "42.8 M"; empty when it is not stated."""
    numbers = [a.total_nb_parameters for a in model.architecture if a.total_nb_parameters is not None]
    return " + ".join(format_short(number) for number in numbers)


def framework_words(runtime: Runtime) -> str:
    return " ".join(part for part in (runtime.framework, runtime.version) if part)


def sentence(text: str) -> str:
    """The text with its first letter as at the start of a sentence."""
    return text[:1].upper() + text[1:]


def list_words(names: Sequence[str]) -> str:
    """The names as a list, of very many the first three and the last one."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:3])} … {names[-1]}"


def index_words(indices: Sequence[int]) -> str:
    """Indices as a list, very many without a gap as a range."""
    if len(indices) > MOST_NAMES and list(indices) == list(range(indices[0], indices[0] + len(indices))):
        return say("{0} to {1}", indices[0], indices[-1])
    return list_words([str(index) for index in indices])


def unique(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(word for word in words if word))


def class_words(output: Output) -> str:
    number = output.number_of_classes or len(output.class_name_mapping)
    return say_count("{0} class", "{0} classes", number) if number else ""


def shorten(text: str, length: int) -> str:
    """The text up to the last end of a sentence, else of a word, that leaves it within the length."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[: length - 1]
    ends = [match.end() for match in re.finditer(r"[.!?](?= )", head)]
    if ends and ends[-1] > length // 3:
        return head[: ends[-1]]
    return head.rsplit(" ", 1)[0] + "…"
