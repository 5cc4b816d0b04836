"""Summaries of networks: what is read out of each kind, and that nothing else is."""

from __future__ import annotations

import re
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from shared import SHARED, needs_shared

from builder.layers import MOST_STAGES, Row, parse_layers, to_stages

# (type, output shape, parameters) of a small network with images of 32, 16 and 8 pixels.
SMALL = [
    ("Conv2d", [64, 32, 32], 9408), ("BatchNorm2d", [64, 32, 32], 128), ("ReLU", [64, 32, 32], 0),
    ("Conv2d", [128, 16, 16], 73728), ("BatchNorm2d", [128, 16, 16], 256),
    ("AdaptiveAvgPool2d", [128, 1, 1], 0),
    ("Conv2d", [256, 8, 8], 294912), ("Linear", [10], 2570),
]  # fmt: skip
TOTAL = 9408 + 128 + 73728 + 256 + 294912 + 2570


def torchsummary(colon: str = ":") -> str:
    """As torchsummary 1.5 prints: right-aligned in 20, 25 and 15 characters."""
    lines = ["-" * 64, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", "=" * 64]
    for number, (kind, shape, count) in enumerate(SMALL, 1):
        lines.append(f"{f'{kind}-{number}':>20}  {[-1, *shape]!s:>25} {count:>15,}")
    lines += ["=" * 64, f"Total params{colon} {TOTAL:,}", f"Trainable params{colon} {TOTAL:,}", "-" * 64]
    return "\n".join(lines)


TORCHINFO = """\
==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
Net                                      [1, 10]                   768
├─Sequential: 1-1                        [1, 64, 16, 16]           --
│    └─Conv2d: 2-1                       [1, 64, 32, 32]           (1,792)
│    └─ReLU: 2-2                         [1, 64, 32, 32]           --
│    └─Block: 2-3                        [1, 64, 16, 16]           --
│    │    └─Conv2d: 3-1                  [1, 64, 16, 16]           36,864
│    │    └─Conv2d: 3-2                  [1, 64, 16, 16]           (recursive)
├─Linear (head): 1-2                     [1, 10]                   650
==========================================================================================
Total params: 40,074
Trainable params: 38,282
Total mult-adds (M): 11.40
==========================================================================================
"""

KERAS_2 = """\
Model: "model"
__________________________________________________________________________________________
 Layer (type)                   Output Shape         Param #     Connected to
==========================================================================================
 input_1 (InputLayer)           [(None, 28, 28, 1)]  0           []

 conv2d (Conv2D)                (None, 26, 26, 32)   320         ['input_1[0][0]']

 conv2d_1 (Conv2D)              (None, 13, 13, 64)   18496       ['conv2d[0][0]',
                                                                  'input_1[0][0]']

 dense (Dense)                  (None, 10)           650         ['conv2d_1[0][0]']

==========================================================================================
Total params: 19,466
Trainable params: 19,466
Non-trainable params: 0
"""

KERAS_3 = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┓
┃ Layer (type)               ┃ Output Shape          ┃    Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━┩
│ conv2d (Conv2D)            │ (None, 26, 26, 32)    │        320 │
├────────────────────────────┼───────────────────────┼────────────┤
│ conv2d_1 (Conv2D)          │ (None, 13, 13, 64)    │     18,496 │
├────────────────────────────┼───────────────────────┼────────────┤
│ dense (Dense)              │ (None, 10)            │        650 │
└────────────────────────────┴───────────────────────┴────────────┘
 Total params: 19,466 (76.04 KB)
 Trainable params: 19,466 (76.04 KB)
"""

PRINTED = """\
Net(
  (conv1): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
  (bn1): BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
  (relu): ReLU(inplace=True)
  (blocks): ModuleList(
    (0-1): 2 x Block(
      (norm): LayerNorm((64,), eps=1e-06, elementwise_affine=True)
      (mix): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), groups=64)
    )
  )
  (head): Linear(in_features=64, out_features=10, bias=True)
)
"""
PRINTED_TOTAL = 64 * 3 * 49 + 128 + 2 * (128 + 64 * 9 + 64) + 650


@pytest.mark.parametrize("colon", [":", "="])
def test_torchsummary_is_read_by_size_of_the_image(colon: str) -> None:
    layers = parse_layers(torchsummary(colon))
    assert layers
    assert [(row.type, row.parameters) for row in layers.rows] == [(kind, count) for kind, _, count in SMALL]
    assert layers.rows[0].shape == "[-1, 64, 32, 32]"
    assert [(stage.label, stage.layers, stage.parameters) for stage in layers.stages] == [
        ("at 32 × 32", 2, 9536),
        ("at 16 × 16", 2, 73984),
        ("at 8 × 8", 2, 297482),
    ]


def test_torchinfo_is_read_by_module() -> None:
    layers = parse_layers(TORCHINFO)
    assert layers
    assert layers.rows[2] == Row("", "Conv2d", "[1, 64, 32, 32]", 1792, 2)
    assert layers.rows[-1].name == "head"
    assert [(stage.label, stage.parameters) for stage in layers.stages] == [
        ("Net", 768),
        ("Sequential", 38656),
        ("head Linear", 650),
    ]


@pytest.mark.parametrize("text", [KERAS_2, KERAS_3], ids=["2", "3"])
def test_keras_is_read_with_channels_last(text: str) -> None:
    layers = parse_layers(text)
    assert layers
    assert layers.rows[-1] == Row("dense", "Dense", "(None, 10)", 650)
    assert [(stage.label, stage.parameters) for stage in layers.stages] == [
        ("at 26 × 26", 320),
        ("at 13 × 13", 19146),
    ]


def test_printed_modules_are_counted_from_their_arguments() -> None:
    layers = parse_layers(PRINTED, PRINTED_TOTAL)
    assert layers
    assert [(stage.label, stage.parameters) for stage in layers.stages] == [
        ("conv1 Conv2d", 9408),
        ("bn1 BatchNorm2d", 128),
        ("blocks ModuleList", 1536),
        ("head Linear", 650),
    ]
    # Without a total to compare with, a count that misses a layer would look right.
    assert parse_layers(PRINTED) is None
    assert parse_layers(PRINTED, PRINTED_TOTAL + 1) is None


def test_rows_that_do_not_add_up_make_no_chart() -> None:
    assert parse_layers(torchsummary().replace("9,408", "9,407")) is None
    assert parse_layers(torchsummary().replace(f"Total params: {TOTAL:,}", ""), TOTAL) is not None
    assert parse_layers(torchsummary().replace(f"Total params: {TOTAL:,}", "")) is None


@pytest.mark.parametrize("text", ["", "A U-Net.", "Layer Param\n", "Net(\n)", "Conv2d(3, 64)\n" * 9])
def test_other_text_stays_text(text: str) -> None:
    assert parse_layers(text, 1) is None


def test_many_stages_are_merged() -> None:
    rows = [Row(f"layer{i}", "Dense", "(None, 8)", 10) for i in range(100)]
    stages = to_stages(rows)
    assert 2 <= len(stages) <= MOST_STAGES
    assert sum(stage.parameters for stage in stages) == 1000
    assert stages[0].label == "layer0 Dense to layer6 Dense"


@needs_shared
def test_published_example_is_read() -> None:
    text = (SHARED / "examples" / "dlm" / "thelper-unet.yml").read_text("utf-8")
    network = yaml.safe_load(text)["properties"]["dlm:architecture"]
    # Its folded lines hide the printed total.
    layers = parse_layers(network["summary"], 42_813_873)
    assert layers
    assert layers.total == 42_813_873
    assert max(layers.stages, key=lambda stage: stage.parameters).label == "at 2 × 2"


LINES = st.sampled_from([*torchsummary().splitlines(), *TORCHINFO.splitlines(), *KERAS_3.splitlines(),
                         *KERAS_2.splitlines(), *PRINTED.splitlines()])  # fmt: skip


@given(st.lists(st.one_of(LINES, st.text()), max_size=30).map("\n".join), st.one_of(st.none(), st.integers()))
def test_any_text_is_read_or_left(text: str, stated: int | None) -> None:
    layers = parse_layers(text, stated)
    if layers:
        assert sum(stage.parameters for stage in layers.stages) == layers.total
        assert sum(row.parameters or 0 for row in layers.rows) == layers.total
        assert 2 <= len(layers.stages) <= MOST_STAGES


@pytest.mark.parametrize(
    "line",
    ["Linear(" + "a" * 590, "(" * 590, "│ " * 290, "a-1 " + "[" * 500, "x " * 280, "Conv2d(" + "1," * 280 + ")",
     "Layer Param" + " " * 500, "(a (b (c " * 60],
)  # fmt: skip
def test_hostile_lines_take_no_time(line: str) -> None:
    head = "Layer (type)  Output Shape  Param #\n"
    for text in (line + "\n", head + line + "\n", "Net(\n  " + line + "\n"):
        started = time.process_time()
        parse_layers((text * (1_000_000 // len(text)))[:1_000_000], 1)
        assert time.process_time() - started < 5


def test_stage_labels_are_short() -> None:
    text = re.sub("Conv2d", "C" * 300, torchsummary())
    layers = parse_layers(text)
    assert layers is None or all(len(stage.label) < 140 for stage in layers.stages)
