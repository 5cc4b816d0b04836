"""Models run from their Items: weights found and compared, network and Item held against each other, tiles."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cards import to_entry
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import MODEL, convolve, kernel, write_item, write_network
from test_check import mutated

from builder.inference import (
    InferenceError,
    Network,
    check_pixels,
    find_weights,
    open_network,
    predict_image,
    prepare,
    read_item,
    to_tiles,
)
from builder.model import to_model
from builder.recipe import to_recipe


def open_item(item: Path, weights: Path | None = None) -> Network:
    model = read_item(item)
    location, note = find_weights(model, item, weights)
    assert note == ""
    return open_network(model, location, threads=1)


def changed(**inputs: Any) -> dict[str, Any]:
    return {**MODEL, "dlm:inputs": {**MODEL["dlm:inputs"], **inputs}}


def image(height: int, width: int, bands: int = 2) -> Any:
    return np.random.default_rng(3).integers(1, 1000, (bands, height, width)).astype("uint16")


# --- the Item and its weights ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: net\n", "is no STAC Item, which is JSON"),
        ("[]", "is no STAC Item"),
        ('{"properties": {}}', "is no Item with the DLM extension"),
        ("[" * 100_000, "is no STAC Item"),
        ("\xff", "is no STAC Item"),
    ],
)
def test_what_is_no_item_is_refused(tmp_path: Path, text: str, words: str) -> None:
    location = tmp_path / "net.yml"
    location.write_bytes(text.encode("latin-1"))
    with pytest.raises(InferenceError, match=words):
        read_item(location)


def test_an_item_with_a_wrong_field_is_refused_by_its_name(tmp_path: Path) -> None:
    location = write_item(tmp_path)
    item = json.loads(location.read_text("utf-8"))
    item["properties"]["dlm:inputs"]["selected_band"] = ["red"]
    location.write_text(json.dumps(item), "utf-8")
    with pytest.raises(InferenceError, match=r"dlm:inputs.*'red'"):
        read_item(location)


@given(data=mutated(dict(to_entry(MODEL).item)))
@settings(deadline=None)
def test_any_item_is_read_or_refused(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = Path(folder) / "net.json"
        location.write_text(json.dumps(data), "utf-8")
        with suppress(InferenceError):
            to_recipe(read_item(location))


def test_weights_are_found_beside_the_item(tmp_path: Path) -> None:
    item = write_item(tmp_path)
    assert find_weights(read_item(item), item) == (tmp_path / "net.onnx", "")


def test_other_weights_are_refused(tmp_path: Path) -> None:
    item = write_item(tmp_path)
    other = write_network(tmp_path / "other.onnx", weights=kernel() + 1)
    assert other.stat().st_size == (tmp_path / "net.onnx").stat().st_size
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    with pytest.raises(InferenceError, match=f"the checksum 1220{digest}, the Item"):
        find_weights(read_item(item), item, other)
    larger = write_network(tmp_path / "larger.onnx", weights=kernel(side=7))
    with pytest.raises(InferenceError, match=r"bytes, the Item states"):
        find_weights(read_item(item), item, larger)


@pytest.mark.parametrize("name", ["sha1", "sha512", "sha3_256", "md5"])
def test_other_kinds_of_checksum_are_compared(tmp_path: Path, name: str) -> None:
    codes = {"sha1": "1114", "sha512": "1340", "sha3_256": "1620", "md5": "d50110"}
    location = write_item(tmp_path)
    item = json.loads(location.read_text("utf-8"))
    digest = hashlib.new(name, (tmp_path / "net.onnx").read_bytes()).hexdigest()
    for stated, fails in ((digest, False), ("0" * len(digest), True)):
        item["assets"]["weights"]["file:checksum"] = codes[name] + stated
        location.write_text(json.dumps(item), "utf-8")
        if fails:
            with pytest.raises(InferenceError, match="these are other weights"):
                find_weights(read_item(location), location)
        else:
            assert find_weights(read_item(location), location)[1] == ""


def test_weights_without_a_checksum_are_taken_with_a_note(tmp_path: Path) -> None:
    item = write_item(tmp_path, checksum=False)
    assert "states no checksum" in find_weights(read_item(item), item)[1]


def test_weights_elsewhere_are_asked_for(tmp_path: Path) -> None:
    asset = {"href": "https://example.com/net.onnx", "roles": ["weights"]}
    item = write_item(tmp_path, {**MODEL, "assets": {"weights": asset}})
    with pytest.raises(InferenceError, match=r"https://example\.com/net\.onnx\. Name a copy with --weights"):
        find_weights(read_item(item), item)
    assert find_weights(read_item(item), item, tmp_path / "net.onnx")[1] == ""


# --- the network and the Item ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "network", "words"),
    [
        (changed(name="picture"), {}, "the Item names the input picture, .* has image"),
        (changed(input_tensors={"dim": 2, "height": 64, "width": 32}), {}, "the Item states 64 rows .* has 32"),
        (changed(), {"weights": kernel(channels=4)}, "the Item states 2 channels .* has 4"),
        ({**MODEL, "dlm:inputs": [MODEL["dlm:inputs"]] * 2}, {}, "net has 2 inputs"),
        (changed(), {"inputs": 2}, "has 2 inputs, image, image_1"),
    ],
)
def test_a_network_that_is_not_the_items_is_refused(
    tmp_path: Path, data: dict[str, Any], network: dict[str, Any], words: str
) -> None:
    with pytest.raises(InferenceError, match=words):
        open_item(write_item(tmp_path, data, **network))


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    item = write_item(tmp_path, checksum=False)
    (tmp_path / "net.onnx").write_bytes(b"PK\3\4 not a network")
    with pytest.raises(InferenceError, match="is no ONNX model that can be opened"):
        open_network(read_item(item), tmp_path / "net.onnx")


def test_a_wrong_number_of_classes_is_noticed(tmp_path: Path) -> None:
    data = {**MODEL, "dlm:outputs": {"task": "semantic segmentation", "number_of_classes": 4}}
    network = open_item(write_item(tmp_path, data))
    with pytest.raises(InferenceError, match="the Item states 4 channels of the output, the weights give 3"):
        predict_image(network, image(32, 32), 8)


def test_an_output_of_another_size_is_no_raster(tmp_path: Path) -> None:
    network = open_item(write_item(tmp_path, stride=2))
    assert not network.gives_images
    with pytest.raises(InferenceError, match=r"the output, 1 × 3 × 16 × 16, is no image of 32 × 32 pixels"):
        predict_image(network, image(32, 32), 8)


def test_the_batch_of_a_network_is_filled(tmp_path: Path) -> None:
    network = open_item(write_item(tmp_path, batch=2))
    tensor = np.random.default_rng(0).normal(size=(3, 2, 32, 32)).astype("float32")
    expected = np.stack([convolve(one, kernel()) for one in tensor])
    np.testing.assert_allclose(network.run(tensor), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("stated", "found", "fits"),
    [
        ("uint16", "uint16", True),
        ("uint16", "int16", True),
        ("float32", "float64", True),
        ("uint16", "uint8", False),
        ("uint16", "float32", False),
        ("float32", "uint16", False),
    ],
)
def test_pixels_of_another_kind_are_refused(stated: str, found: str, fits: bool) -> None:
    data = {**MODEL, "dlm:data": {"dtype": stated}}
    (steps,) = to_recipe(to_model(data)).inputs
    if fits:
        check_pixels(steps, found)
    else:
        with pytest.raises(InferenceError, match=f"pixels of type {found}, the model reads {stated}"):
            check_pixels(steps, found)


# --- tiles -----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 99), st.integers(1, 99), st.integers(4, 40), st.integers(4, 40), st.integers(0, 40))
@settings(deadline=None)
def test_tiles_cover_each_pixel_once_and_away_from_their_edges(
    height: int, width: int, rows: int, columns: int, overlap: int
) -> None:
    overlap = min(overlap, min(rows, columns) // 2)
    seen = np.zeros((height, width), dtype=int)
    for tile in to_tiles(height, width, (rows, columns), overlap):
        (top, bottom), (left, right) = tile.rows, tile.columns
        assert 0 <= tile.top <= top < bottom <= tile.bottom <= height
        assert 0 <= tile.left <= left < right <= tile.right <= width
        assert tile.bottom - tile.top == min(rows, height)
        assert tile.right - tile.left == min(columns, width)
        assert top == 0 or top - tile.top >= overlap // 2
        assert bottom == height or tile.bottom - bottom >= overlap // 2
        assert left == 0 or left - tile.left >= overlap // 2
        assert right == width or tile.right - right >= overlap // 2
        seen[top:bottom, left:right] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (75, 101), (33, 64)])
def test_tiles_give_what_the_whole_image_gives(tmp_path: Path, height: int, width: int) -> None:
    """The network sees two pixels far, and neighbouring tiles share eight."""
    network = open_item(write_item(tmp_path))
    pixels = image(height, width)
    output, valid = predict_image(network, pixels, 8)
    whole = convolve(prepare(pixels, network.steps, range(2))[0][0], kernel())
    np.testing.assert_allclose(output[0], whole, atol=1e-4)
    assert valid.all()


def test_a_small_image_is_filled_up_by_reflection(tmp_path: Path) -> None:
    network = open_item(write_item(tmp_path))
    pixels = image(20, 7)
    output, _ = predict_image(network, pixels, 8)
    tensor = prepare(pixels, network.steps, range(2))[0][0]
    filled = np.pad(tensor, ((0, 0), (0, 12), (0, 25)), mode="symmetric")
    np.testing.assert_allclose(output[0], convolve(filled, kernel())[:, :20, :7], atol=1e-4)


def test_a_network_of_any_size_gets_tiles_of_the_size_that_the_item_states(tmp_path: Path) -> None:
    network = open_item(write_item(tmp_path, size=("H", "W")))
    assert (network.size, network.fixed) == ((32, 32), False)
    free = changed(input_tensors={"dim": 2})
    assert open_item(write_item(tmp_path / "free", free, size=("H", "W"))).size == (512, 512)
