"""The numpy program of a model: run, compared with the reference implementation, and safe whatever a model says."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cards import BARE, HOSTILE, RICH
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.inference import interpret, prepare
from builder.model import Model, to_model
from builder.pipeline import Build
from builder.recipe import DATA_TYPES, Interpretation, Preparation, Recipe, to_recipe

Program = dict[str, Callable[..., Any]]


def load(recipe: Recipe) -> Program:
    """The functions of the program, which needs numpy and nothing else."""
    names: Program = {}
    exec(compile(recipe.code, "preprocess.py", "exec"), names)  # noqa: S102  the text under test
    return names


def functions(program: Program, name: str, number: int) -> list[Callable[..., Any]]:
    return [program[name]] if number == 1 else [program[f"{name}_{i}"] for i in range(1, number + 1)]


def image_for(steps: Preparation, rng: np.random.Generator) -> Any:
    bands = max((*steps.selected, (steps.size[0] or 3) - 1, len(steps.mean) - 1, len(steps.std) - 1)) + 1
    kind = np.dtype(steps.pixels or "float32")
    pixels = rng.integers(0, 2 if kind.kind == "b" else 100, (bands, 7, 5)).astype(kind)
    if steps.nodata is not None and np.isfinite(steps.nodata):
        pixels[:, 2, 1:3] = steps.nodata
        pixels[0, 4, 4] = steps.nodata
    if kind.kind in "fc":
        pixels[-1, 3, 3] = np.nan
        pixels[0, 0, 1] = np.inf
    return pixels


def output_for(result: Interpretation, rng: np.random.Generator) -> Any:
    return rng.normal(size=(2, result.channels or 4, 7, 5)).astype("float32")


def assert_the_program_is_the_reference(recipe: Recipe) -> None:
    program, rng = load(recipe), np.random.default_rng(7)
    for steps, preprocess in zip(recipe.inputs, functions(program, "preprocess", len(recipe.inputs)), strict=True):
        image = image_for(steps, rng)
        before = image.copy()
        tensor, valid = preprocess(image)
        expected, expected_valid = prepare(image, steps)
        np.testing.assert_array_equal(tensor, expected)
        np.testing.assert_array_equal(valid, expected_valid)
        np.testing.assert_array_equal(image, before)
        assert tensor.dtype == expected.dtype == steps.dtype
        assert np.isfinite(tensor).all()
        assert not valid.all() or not (steps.may_be_nan or steps.nodata is not None)
    valid = rng.random((7, 5)) > 0.3
    for result, postprocess in zip(recipe.outputs, functions(program, "postprocess", len(recipe.outputs)), strict=True):
        output = output_for(result, rng)
        for mask in (None, valid):
            made, expected = postprocess(output, mask), interpret(output, result, mask)
            np.testing.assert_array_equal(made, expected)
            assert made.dtype == expected.dtype


def test_the_program_of_every_real_model_does_what_the_reference_does(real_build: Build) -> None:
    assert real_build.library is not None
    for entry in real_build.library.entries:
        assert_the_program_is_the_reference(to_recipe(entry.model))


NUMBERS = st.floats(-1e4, 1e4).map(lambda x: round(x, 4)) | st.integers(-100, 100)
TASKS = ("regression", "classification", "semantic segmentation", "object detection")
POSITIVE = st.floats(1e-4, 1e4) | st.integers(1, 1000)


@st.composite
def models(draw: st.DrawFn) -> Model:
    bands = draw(st.integers(1, 5))
    dtype = draw(st.none() | st.sampled_from(sorted(DATA_TYPES)))
    nodata = draw(st.sampled_from([None, 0, 1, 9.5, "nan", "inf", 255 if dtype != "int8" else -1]))
    if nodata == 9.5 and (dtype or "")[:1] in "iub":
        nodata = 0
    if nodata == 255 and dtype in ("bool", "int8"):
        nodata = 1
    texts = st.text(max_size=20) | st.sampled_from(['"""', "'''", "\\", "\n", "\r", "#", "{}", "coding: utf-7"])
    inputs = [
        {
            key: value
            for key, value in {
                "name": draw(texts),
                "selected_band": draw(st.lists(st.integers(0, 6), min_size=bands, max_size=bands)),
                "scaling_factor": draw(POSITIVE),
                "normalization:mean": draw(st.lists(NUMBERS, min_size=bands, max_size=bands)),
                "normalization:std": draw(st.lists(POSITIVE, min_size=1, max_size=1)),
                "input_tensors": {"dim": bands},
            }.items()
            if key == "input_tensors" or draw(st.booleans())
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    outputs = [
        {
            "task": draw(
                st.sampled_from(["regression", "classification", "semantic segmentation", "object detection"])
            ),
            "final_layer_size": [1, number, 7, 5],
            "dont_care_index": draw(st.sampled_from([0, 255, -1, 300, 70000])),
            "post_processing_function": draw(texts | st.just("torch:sigmoid")),
            "class_name_mapping": [
                {"index": start + i, "class_name": draw(texts)} for i in range(draw(st.integers(0, number)))
            ],
        }
        for number, start in draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1)), max_size=2))
    ]
    data = {"dtype": dtype, "nodata_value": nodata}
    bands_known = [{"name": draw(texts), "common_name": "red"} for _ in range(draw(st.sampled_from([0, bands, 7])))]
    return to_model(
        {
            "id": draw(st.sampled_from(["net", "coding:utf-7"])),
            "collection": "c",
            "dlm:data": {key: value for key, value in data.items() if value is not None},
            "dlm:inputs": inputs,
            "dlm:outputs": outputs,
            "eo:bands": bands_known,
        }
    )


@given(models())
@settings(deadline=None)
def test_the_program_of_any_model_does_what_the_reference_does(model: Model) -> None:
    recipe = to_recipe(model)
    assert bool(recipe.code) == bool(model.inputs or model.outputs)
    if recipe.code:
        assert_the_program_is_the_reference(recipe)


def skeleton(code: str) -> str:
    """The structure of a program without its constants."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = 0
    return ast.dump(tree)


@pytest.mark.parametrize(
    "text", ['"""\nimport os', "'''", "x\nimport os", "x\r\nimport os", "\x0cimport os", "\u2028import os", "\\", "\0"]
)
def test_a_text_of_the_model_stays_a_comment(text: str) -> None:
    def program(words: str) -> str:
        model = {
            "id": words,
            "collection": "c",
            "eo:bands": [{"name": words}, {"name": words}],
            "dlm:data": {"dtype": "float32"},
            "dlm:inputs": {"name": words, "selected_band": [1, 0], "pre_processing_function": words},
            "dlm:outputs": {
                "task": "semantic segmentation",
                "number_of_classes": 2,
                "class_name_mapping": [{"index": 0, "class_name": words}, {"index": 1, "class_name": words}],
                "post_processing_function": words,
            },
        }
        return to_recipe(to_model(model)).code

    hostile, plain = program(text), program("plain")
    assert skeleton(hostile) == skeleton(plain)
    different = set(hostile.splitlines()) - set(plain.splitlines())
    assert different
    assert all(line.lstrip(" ").startswith("#") for line in different)


def test_no_text_of_the_model_declares_the_encoding_of_the_file() -> None:
    code = to_recipe(to_model({"id": "coding: utf-7", "collection": "c", "dlm:inputs": {"name": "coding: utf-7"}})).code
    assert "utf-7" in code
    assert not any(re.search(r"coding[:=]", line) for line in code.splitlines()[:2])


@pytest.mark.parametrize("data", [RICH, BARE, HOSTILE])
def test_the_cards_of_the_tests_have_programs_that_parse(data: dict[str, Any]) -> None:
    ast.parse(to_recipe(to_model(data)).code)


TWO_BANDS: dict[str, Any] = {
    "id": "net",
    "collection": "c",
    "dlm:data": {"dtype": "uint16", "nodata_value": 0},
    "dlm:inputs": {
        "selected_band": [2, 0],
        "scaling_factor": 0.5,
        "normalization:mean": [1, 2],
        "normalization:std": [4, 0.5],
    },
}


def test_bands_scaling_and_normalisation_by_hand() -> None:
    image = np.array([[[10, 0]], [[0, 0]], [[20, 0]]], dtype="uint16")
    tensor, valid = load(to_recipe(to_model(TWO_BANDS)))["preprocess"](image)
    # (20 × 0.5 − 1) / 4 and (10 × 0.5 − 2) / 0.5; without data (0 − 1) / 4 and (0 − 2) / 0.5.
    assert tensor.tolist() == [[[[2.25, -0.25]], [[6.0, -4.0]]]]
    assert tensor.dtype == np.float32
    assert valid.tolist() == [[True, False]]


def segmentation(**fields: Any) -> Recipe:
    return to_recipe(
        to_model({"id": "net", "collection": "c", "dlm:outputs": {"task": "semantic segmentation"} | fields})
    )


def mapped(*indices: int) -> list[dict[str, Any]]:
    return [{"index": index, "class_name": f"class {index}", "color": "#010203"} for index in indices]


def test_classes_and_pixels_that_do_not_count_by_hand() -> None:
    recipe = segmentation(number_of_classes=3, dont_care_index=9, class_name_mapping=mapped(0, 1, 2, 9))
    output = np.array([[[[0.1, 5]], [[0.3, -1]], [[0.2, 4]]]])
    postprocess = load(recipe)["postprocess"]
    assert postprocess(output).tolist() == [[[1, 0]]]
    assert postprocess(output, np.array([[True, False]])).tolist() == [[[1, 9]]]
    assert recipe.outputs[0].names == ((0, "class 0"), (1, "class 1"), (2, "class 2"))
    assert postprocess(output).dtype == np.uint8


def test_channels_that_no_class_is_known_for_stay_numbers() -> None:
    recipe = segmentation(number_of_classes=2, dont_care_index=0, class_name_mapping=mapped(0, 1, 2))
    assert recipe.outputs[0].names == ()
    assert recipe.outputs[0].nodata == 255
    assert any(note.startswith("which channel") for note in recipe.missing)


def test_one_channel_needs_a_sigmoid_to_become_classes() -> None:
    output = np.array([[[[-0.1, 0.1]]]])
    silent = segmentation(number_of_classes=1)
    assert silent.outputs[0].kind == "values"
    assert any("one channel" in note for note in silent.missing)
    recipe = segmentation(number_of_classes=1, post_processing_function="torch:special.sigmoid(Tensor) -> Tensor")
    assert load(recipe)["postprocess"](output).tolist() == [[[0, 1]]]


def test_the_type_of_a_class_map_holds_every_index() -> None:
    assert segmentation(number_of_classes=255).outputs[0].dtype == "uint8"
    assert segmentation(number_of_classes=300).outputs[0].dtype == "uint16"
    assert segmentation(number_of_classes=300).outputs[0].nodata == 65535
    assert segmentation(number_of_classes=2, dont_care_index=-1).outputs[0].dtype == "int16"


def test_what_is_not_stated_is_named() -> None:
    recipe = to_recipe(to_model({"id": "net", "collection": "c", "dlm:inputs": {}}))
    named = {note.partition(":")[0] for note in recipe.missing}
    assert {"selected_band", "scaling_factor", "dtype", "nodata_value", "dlm"} <= named
    unwrapped = re.sub(r"\n#   ", " ", recipe.code)
    assert all(f"# - {note}\n" in unwrapped for note in recipe.missing)
    nothing = to_recipe(to_model({"id": "net", "collection": "c"}))
    assert nothing.code == ""
    assert nothing.missing


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan")])
def test_a_number_that_cannot_be_computed_with_is_left_out(number: float) -> None:
    data = {"dlm:inputs": {"scaling_factor": number, "normalization:mean": [number, 0]}}
    recipe = to_recipe(to_model({"id": "net", "collection": "c", **data, "dlm:data": {"nodata_value": number}}))
    assert recipe.inputs[0].scaling is None
    assert recipe.inputs[0].mean == ()
    load(recipe)
