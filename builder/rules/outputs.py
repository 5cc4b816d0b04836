"""Rules about what comes out: classes, indices, shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, pairwise

from builder.diagnostic import Problem
from builder.model import ClassName, Model
from builder.rules.registry import found, rule

# Length of `final_layer_size` by task, the batch included; detection heads have no one shape.
_RANKS = {"classification": 2, "semantic segmentation": 4, "panoptic segmentation": 4}
_CLASS_TASKS = frozenset({"classification", "semantic segmentation"})


@rule("error")
def class_count(model: Model) -> Iterator[Problem]:
    """`number_of_classes` must be the number of classes in `class_name_mapping`.

    One more may be mapped where `dont_care_index` is among them, because that class is not predicted.
    """
    for output in model.outputs:
        mapped, number = len(output.class_name_mapping), output.number_of_classes
        if not mapped or number is None or number == mapped:
            continue
        indices = {entry.index for entry in output.class_name_mapping}
        if mapped == number + 1 and output.dont_care_index in indices:
            continue
        yield Problem(
            (*output.path, "number_of_classes"),
            f"number_of_classes is {number}, but class_name_mapping names {mapped}",
            f"number_of_classes: {mapped}, or correct the mapping",
            related=(((*output.path, "class_name_mapping"), f"{mapped} classes here"),),
        )


@rule("warning")
def class_offset(model: Model) -> Iterator[Problem]:
    """Every mapped index should be a channel of the output.

    Where the don't-care class is mapped but not predicted, the last index points past the last channel, and a reader
    cannot know whether channel 0 is class 0 or class 1. Say it in the description, or map the channels.
    """
    for output in model.outputs:
        if output.number_of_classes is None or output.dont_care_index is None:
            continue
        indices = {entry.index for entry in output.class_name_mapping}
        mapped, number = len(output.class_name_mapping), output.number_of_classes
        if mapped == number + 1 and output.dont_care_index in indices and max(indices) >= number:
            yield Problem(
                (*output.path, "class_name_mapping"),
                f"{mapped} classes are mapped, with indices up to {max(indices)}, but {number} are predicted",
                f"say which channel of 0 to {number - 1} is which class, or leave the don't-care class out",
                on="key",
                related=(
                    ((*output.path, "dont_care_index"), f"index {output.dont_care_index} is the don't-care class"),
                ),
            )


found("class-index", "error", """
    A class index must be a whole number from 0 and be given once.

    It is the value in the output; two names for one value contradict each other.
""", check=lambda model: _duplicate_indices(model))  # fmt: skip


def _duplicate_indices(model: Model) -> Iterator[Problem]:
    for output in model.outputs:
        first: dict[int, tuple[str | int, ...]] = {}
        for entry in output.class_name_mapping:
            if entry.index in first:
                yield Problem(
                    (*entry.path, "index"),
                    f"the class index {entry.index} is given twice",
                    "each index names one class",
                    related=(((*first[entry.index], "index"), "first given here"),),
                )
            first.setdefault(entry.index, entry.path)


@rule("warning")
def class_gap(model: Model) -> Iterator[Problem]:
    """Class indices should have no holes.

    A channel without a name is usually a forgotten line.
    """
    for output in model.outputs:
        indices = sorted({entry.index for entry in output.class_name_mapping} - {255})
        # An index may be as large as it likes: holes are looked at from their beginning only.
        holes = chain.from_iterable(range(before + 1, after) for before, after in pairwise(indices))
        if missing := list(islice((index for index in holes if index != output.dont_care_index), 5)):
            yield Problem(
                (*output.path, "class_name_mapping"),
                f"no class has the index {', '.join(map(str, missing))}",
                "name the missing classes",
                on="key",
            )


@rule("warning")
def class_name(model: Model) -> Iterator[Problem]:
    """Class names should differ.

    Two classes with one name cannot be told apart on a map.
    """
    for output in model.outputs:
        counts = Counter(entry.class_name for entry in output.class_name_mapping)
        seen: dict[str, tuple[str | int, ...]] = {}
        for entry in output.class_name_mapping:
            if counts[entry.class_name] > 1 and entry.class_name in seen:
                yield Problem(
                    (*entry.path, "class_name"),
                    f"two classes are named {entry.class_name}",
                    "give each class a name of its own",
                    related=(((*seen[entry.class_name], "class_name"), "first used here"),),
                )
            seen.setdefault(entry.class_name, entry.path)


@rule("error")
def dont_care_index(model: Model) -> Iterator[Problem]:
    """`dont_care_index` must be a mapped index, 255 or -1.

    255 and -1 are the usual values for pixels outside of all classes; any other value must be a class.
    """
    for output in model.outputs:
        index = output.dont_care_index
        if index is None or index in (255, -1) or not output.class_name_mapping:
            continue
        indices = sorted(entry.index for entry in output.class_name_mapping)
        if index not in indices:
            yield Problem(
                (*output.path, "dont_care_index"),
                f"{index} is not a mapped class",
                f"the mapped indices are {', '.join(map(str, indices[:8]))}{' …' if len(indices) > 8 else ''}",
                related=(((*output.path, "class_name_mapping"), "the mapped classes"),),
            )


@rule("warning")
def output_channels(model: Model) -> Iterator[Problem]:
    """The output should have one channel for each class, for classification and segmentation.

    `final_layer_size` is batch, classes, height, width: its second number is the number of channels.
    """
    for output in model.outputs:
        size, number = output.final_layer_size, output.number_of_classes
        if output.task not in _CLASS_TASKS or len(size) < 2 or number is None or size[1] == number:
            continue
        if number == 2 and size[1] == 1:
            continue  # one channel tells two classes apart by its sign
        yield Problem(
            (*output.path, "final_layer_size", 1),
            f"the output has {size[1]} channels for {number} classes",
            "the second number of final_layer_size is the number of channels",
            related=(((*output.path, "number_of_classes"), f"{number} classes here"),),
        )


@rule("warning")
def class_color(model: Model) -> Iterator[Problem]:
    """Colours of classes should differ.

    Two classes in one colour cannot be told apart on a map.
    """
    for output in model.outputs:
        first: dict[str, ClassName] = {}
        for entry in output.class_name_mapping:
            if entry.color is None:
                continue
            other = first.setdefault(entry.color.lower(), entry)
            if other is not entry:
                yield Problem(
                    (*entry.path, "color"),
                    f"{entry.class_name} has the colour {entry.color}, like {other.class_name}",
                    "give each class a colour of its own",
                    related=(((*other.path, "color"), "first used here"),),
                )


@rule("warning")
def output_shape(model: Model) -> Iterator[Problem]:
    """A segmentation's `final_layer_size` should have the batch and the proportions of the input.

    One class for each pixel, or for each square of pixels: a map that is wider or higher than the input by different
    factors does not fit on it. Compared where the model has one input of one stated size.
    """
    if len(model.inputs) != 1 or len(model.inputs[0].input_tensors) != 1:
        return
    tensor = model.inputs[0].input_tensors[0]
    here = ((tensor.path, "the size of the input"),)
    for output in model.outputs:
        size = output.final_layer_size
        if output.task not in ("semantic segmentation", "panoptic segmentation") or len(size) != 4:
            continue
        if tensor.batch is not None and size[0] != tensor.batch:
            message = f"the batch is {size[0]} in the output and {tensor.batch} in the input"
            yield Problem((*output.path, "final_layer_size", 0), message, f"write {tensor.batch} in both", related=here)
        if tensor.height is not None and tensor.width is not None and size[2] * tensor.width != size[3] * tensor.height:
            yield Problem(
                (*output.path, "final_layer_size"),
                f"an output of {size[2]} × {size[3]} does not fit on an input of {tensor.height} × {tensor.width}",
                "batch, classes, height, width",
                related=here,
            )


# Measures that are shares, by the words in their names. What is not among them may have any value.
_SHARE = re.compile(
    r"accuracy|precision|recall|\biou\b|\bm?iou|jaccard|dice|\bf1\b|\bf-?score|\bauc\b|\bm?ap\b", re.IGNORECASE
)
_NO_SHARE = re.compile(r"error|mape|bias|change|loss|difference|gain", re.IGNORECASE)


@rule("warning")
def metric_range(model: Model) -> Iterator[Problem]:
    """A share lies between 0 and 1, or with the unit `%` between 0 and 100.

    Accuracy, precision, recall, IoU, F1 and the like are shares, and so is what is stated in percent, except for errors
    and changes, which may be larger or negative. `accuracy: 91.2` without a unit is read as 9,120 %.
    """
    for metric in model.card.metrics:
        value, percent = metric.value, (metric.unit or "").strip() in ("%", "percent")
        share = _SHARE.search(metric.name) or percent
        if not isinstance(value, (int, float)) or not share or _NO_SHARE.search(metric.name):
            continue
        if metric.unit is not None and not percent:
            continue
        if not 0 <= value <= (100 if percent else 1):
            most = "100 %" if percent else "1"
            hint = 'add unit: "%"' if not percent and 1 < value <= 100 else f"a number from 0 to {most}"
            message = f"{metric.name} is {value:g}{' %' if percent else ''}, which is not between 0 and {most}"
            yield Problem((*metric.path, "value"), message, hint)


@rule("warning")
def output_rank(model: Model) -> Iterator[Problem]:
    """`final_layer_size` should have as many numbers as the task's output has dimensions.

    Classification gives batch × classes, segmentation batch × classes × height × width.
    """
    for output in model.outputs:
        expected = _RANKS.get(output.task or "")
        rank = len(output.final_layer_size)
        if expected is not None and rank and rank != expected:
            yield Problem(
                (*output.path, "final_layer_size"),
                f"final_layer_size has {rank} numbers; {output.task} usually has {expected}",
                "write all dimensions, the batch included" if rank < expected else "check the task",
                related=(((*output.path, "task"), f"{output.task} here"),),
            )
