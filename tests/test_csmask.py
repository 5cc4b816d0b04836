"""The four published cloud masks: their Items and the weights alone give what the package that publishes them gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import rasterio
from click.testing import CliRunner
from shared import ROOT
from test_raster import write_image
from test_service import served

from builder.cli import main
from builder.inference import Network, find_weights, open_network, predict_image, read_item
from builder.output import publish
from builder.pipeline import Settings, build
from builder.recipe import to_recipe

if find_spec("ukis_csmask") is None:
    pytest.skip("needs the published models: pip install -e '.[real-weights]' (144 MB)", allow_module_level=True)

import ukis_csmask
from ukis_csmask.mask import CSmask

WEIGHTS = Path(ukis_csmask.__file__).parent
MODELS = [f"{bands}-{level}" for bands in ("4b", "6b") for level in ("l1c", "l2a")]
SIZE = 256


def weights_of(model: str) -> Path:
    return WEIGHTS / f"model_{model.replace('-', '_')}.onnx"


def item_of(site: Path, model: str) -> Path:
    return site / "cloud-masks" / f"csmask-unet-{model}" / f"csmask-unet-{model}.json"


def open_item(item: Path, model: str) -> Network:
    described = read_item(item)
    location, note = find_weights(described, item, weights_of(model))
    assert note == "", "the checksum of the Item is that of the package's file"
    return open_network(described, location, threads=1)


def reflectance(model: str, seed: int = 0, size: int = SIZE) -> Any:
    """A random image (rows, columns, bands) as the package takes it."""
    return np.random.default_rng(seed).random((size, size, int(model[0])), dtype="float32")


def package_logits(model: str, image: Any) -> Any:
    """The package's own normalisation and session call, with the numbers of its own file."""
    about = json.loads(weights_of(model).with_suffix(".json").read_text("utf-8"))
    mean, std = about["data"]["dataset_statistics"]["img"]
    normalised = CSmask.normalize(image.copy(), mean, std)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights_of(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: np.moveaxis(normalised[np.newaxis], -1, 1)})[0]


@pytest.mark.parametrize("model", MODELS)
def test_item_and_weights_give_the_logits_of_the_package(site: Path, model: str) -> None:
    network = open_item(item_of(site, model), model)
    for seed in range(2):
        image = reflectance(model, seed)
        expected = package_logits(model, image)
        bands_first = np.moveaxis(image, -1, 0)
        made, valid = predict_image(network, bands_first, network.overlap)
        assert valid.all()
        assert np.abs(expected).max() > 1
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-4)
        names: dict[str, Callable[..., Any]] = {}
        exec(to_recipe(network.model).code, names)  # noqa: S102  the program of the card
        tensor, _ = names["preprocess"](bands_first)
        np.testing.assert_allclose(network.run(tensor), expected, rtol=0, atol=1e-4)
        classes = CSmask.softmax(expected).argmax(axis=1)
        np.testing.assert_array_equal(names["postprocess"](made), classes)


@pytest.mark.parametrize("model", MODELS)
def test_the_class_map_of_run_is_that_of_the_package(site: Path, tmp_path: Path, model: str) -> None:
    """The bands stand in another order in the file, with one that the model does not read."""
    image = reflectance(model, 5)
    names = ("blue", "green", "red", "nir", "swir16", "swir22")[: image.shape[2]]
    stored = np.concatenate([np.moveaxis(image, -1, 0)[::-1], np.zeros((1, SIZE, SIZE), "float32")])
    location = write_image(tmp_path / "image.tif", stored, (*names[::-1], "coastal"))
    options = ["--weights", str(weights_of(model)), "--threads", "1", "-o", str(tmp_path / "out.tif")]
    done = CliRunner().invoke(main, ["run", str(item_of(site, model)), str(location), *options])
    assert done.exit_code == 0, done.output
    with rasterio.open(tmp_path / "out.tif") as source:
        made = source.read(1)
        assert source.tags(1) == {"CLASS_0": "background", "CLASS_1": "cloud", "CLASS_2": "cloud shadow"}
    np.testing.assert_array_equal(made, package_logits(model, image)[0].argmax(axis=0))


def test_the_service_answers_what_run_writes(site: Path, tmp_path: Path) -> None:
    tritonclient = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    model, side = "4b-l1c", 300
    image = np.moveaxis(reflectance(model, 9, side), -1, 0).copy()
    location = write_image(tmp_path / "image.tif", image, ("blue", "green", "red", "nir"))
    options = ["--weights", str(weights_of(model)), "--threads", "1"]
    command = ["run", str(item_of(site, model)), str(location), "-o", str(tmp_path / "out.tif"), *options]
    assert CliRunner().invoke(main, command).exit_code == 0
    with served(item_of(site, model), *options[:2]) as port:
        client = tritonclient.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=300)
        tensor = tritonclient.InferInput("input", [1, 4, side, side], "FP32")
        tensor.set_data_from_numpy(image[np.newaxis])
        answer = client.infer("csmask-unet-4b-l1c", [tensor])
        client.close()
    with rasterio.open(tmp_path / "out.tif") as source:
        np.testing.assert_array_equal(answer.as_numpy("classes")[0], source.read(1))
    assert answer.as_numpy("output").shape == (1, 3, side, side)


def _mean(text: str) -> str:
    return text.replace("normalization:mean: [0.2755", "normalization:mean: [0.3755")


def _bands(text: str) -> str:
    swapped = text.replace("selected_band: [0, 1, 2, 3]", "selected_band: [2, 1, 0, 3]")
    return re.sub(r"    - \{index: 0, name: blue\}\n(.*\n)    - \{index: 2, name: red\}\n",
                  r"    - {index: 2, name: red}\n\1    - {index: 0, name: blue}\n", swapped)  # fmt: skip


def _scaling(text: str) -> str:
    return text.replace("  normalization:mean:", "  scaling_factor: 0.0001\n  normalization:mean:")


@pytest.mark.parametrize("mistake", [_mean, _bands, _scaling])
def test_a_mistake_in_the_model_file_changes_the_result(tmp_path: Path, mistake: Callable[[str], str]) -> None:
    model = "4b-l1c"
    text = (ROOT / "catalog_src" / "cloud-masks" / f"csmask-unet-{model}.yml").read_text("utf-8")
    assert mistake(text) != text
    source = tmp_path / "source" / "cloud-masks" / f"csmask-unet-{model}.yml"
    source.parent.mkdir(parents=True)
    source.write_text(mistake(text), "utf-8")
    made = build(Settings(tmp_path / "source"))
    assert not made.failed
    publish(made.artifacts, tmp_path / "site")
    network = open_item(item_of(tmp_path / "site", model), model)
    image = reflectance(model)
    pixels = np.moveaxis(image, -1, 0)[list(network.steps.selected)]
    logits, _ = predict_image(network, pixels, network.overlap)
    assert np.abs(logits - package_logits(model, image)).max() > 0.01


def test_wrong_classes_and_channels_in_the_item_are_refused(site: Path, tmp_path: Path) -> None:
    model = "4b-l1c"
    text = item_of(site, model).read_text("utf-8")
    location = tmp_path / "item.json"
    image = write_image(tmp_path / "i.tif", np.moveaxis(reflectance(model), -1, 0), ("blue", "green", "red", "nir"))
    command = ["run", str(location), str(image), "-o", str(tmp_path / "o.tif"), "--weights", str(weights_of(model))]
    for change, words in (
        ({"dlm:outputs": {"final_layer_size": [1, 5, 256, 256]}}, "the Item states 5 channels of the output"),
        ({"dlm:inputs": {"selected_band": [0, 1, 2]}}, "the Item states 3 channels of the tensor"),
        ({"dlm:inputs": {"input_tensors": {"dim": 4, "height": 512}}}, "the Item states 512 rows of the tensor"),
        ({"dlm:inputs": {"normalization:mean": [0.1, 0.2, 0.3]}}, "3 values of mean for 4 channels"),
    ):
        item = json.loads(text)
        for key, fields in change.items():
            item["properties"][key].update(fields)
        location.write_text(json.dumps(item), "utf-8")
        done = CliRunner().invoke(main, command)
        assert (done.exit_code, words in done.output) == (1, True), done.output
