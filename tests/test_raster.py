"""The command `run`: from an image to a raster on the same grid, with what is wrong said plainly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from networks import MODEL, convolve, kernel, write_item, write_network
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from builder.cli import main
from builder.inference import find_weights, interpret, open_network, predict_image, prepare, read_item
from builder.raster import to_colors
from builder.recipe import Interpretation

GRID = from_origin(500_000, 5_400_000, 10, 10)
NAMES = ("B02", "B03", "B04")


def pixels(height: int = 70, width: int = 90, bands: int = 3) -> Any:
    return np.random.default_rng(11).integers(1, 1000, (bands, height, width)).astype("uint16")


def write_image(location: Path, data: Any, names: tuple[str, ...] = NAMES, **profile: Any) -> Path:
    count, height, width = data.shape
    settings = {"crs": "EPSG:32632", "transform": GRID, **profile}
    with rasterio.open(
        location, "w", driver="GTiff", count=count, height=height, width=width, dtype=data.dtype, **settings
    ) as target:
        target.write(data)
        if names:
            target.descriptions = names
    return location


def run(item: Path, image: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["run", str(item), str(image), "-o", str(image.with_name("out.tif")), *options])


def read(image: Path) -> Any:
    with rasterio.open(image.with_name("out.tif")) as source:
        return source.read()


def expected_classes(data: Any, **changes: Any) -> Any:
    """The class map, from the numbers of the model as they are written in `networks`."""
    chosen = data[[2, 0]].astype("float64") * changes.get("scaling", 0.001)
    tensor = (chosen - np.reshape([0.5, 0.4], (2, 1, 1))) / np.reshape([0.3, 0.2], (2, 1, 1))
    return convolve(tensor, kernel()).argmax(axis=0)


def test_the_class_map_is_on_the_grid_of_the_image(tmp_path: Path) -> None:
    data = pixels()
    image = write_image(tmp_path / "image.tif", data)
    result = run(write_item(tmp_path), image)
    assert result.exit_code == 0, result.output
    assert "out.tif: 90 × 70 pixels, 1 band of uint8, from 12 tiles" in result.output
    assert "note" not in result.output
    np.testing.assert_array_equal(read(image)[0], expected_classes(data))
    with rasterio.open(tmp_path / "out.tif") as source:
        assert (source.crs, source.transform, source.nodata) == (rasterio.CRS.from_epsg(32632), GRID, 255)
        assert source.colorinterp == (ColorInterp.palette,)
        colors = source.colormap(1)
        assert (colors[0], colors[1], colors[255]) == ((0x11, 0x22, 0x33, 255), (0, 0, 255, 255), (0, 0, 0, 0))
        assert source.tags(1) == {"CLASS_0": "land", "CLASS_1": "water", "CLASS_2": "ice"}
        assert source.tags()["DLM_MODEL"] == "net"
        assert source.descriptions == ("class",)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["image.tif", "net.json", "net.onnx", "out.tif"]


@pytest.mark.parametrize(
    "names",
    [
        ("B04", "qa", "B03", "B02"),
        ("red", "x", "y", "Blue"),
        ("B4, central wavelength 665 nm", "", "B3, central wavelength 560 nm", "b2 (490)"),
    ],
)
def test_bands_are_found_by_name_in_any_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = pixels()
    shuffled = np.stack([data[2], data[1] + 5, data[1], data[0]])
    image = write_image(tmp_path / "image.tif", shuffled, names)
    assert run(write_item(tmp_path), image).exit_code == 0
    np.testing.assert_array_equal(read(image)[0], expected_classes(data))


def test_bands_without_names_are_counted_as_the_item_counts_them(tmp_path: Path) -> None:
    data = pixels()
    image = write_image(tmp_path / "image.tif", data, ())
    result = run(write_item(tmp_path), image)
    assert "note: the bands of the image have no names: [3, 1] are taken" in result.output
    np.testing.assert_array_equal(read(image)[0], expected_classes(data))


def test_bands_can_be_named_by_their_numbers(tmp_path: Path) -> None:
    data = pixels()
    image = write_image(tmp_path / "image.tif", data[[0, 2]], ())
    item = write_item(tmp_path)
    refused = run(item, image)
    assert refused.exit_code == 1
    assert "the image has 2 bands without names; the Item describes imagery of 3" in refused.output
    assert "--bands, for the 2 channels B04, B02" in refused.output
    assert run(item, image, "--bands", "2,1").exit_code == 0
    np.testing.assert_array_equal(read(image)[0], expected_classes(data))
    assert "names 2 of the bands 1 to 2, not [3]" in run(item, image, "--bands", "3").output
    assert run(item, image, "--bands", "red").exit_code == 2


def test_pixels_without_data_are_no_class(tmp_path: Path) -> None:
    data = pixels()
    data[:, 5:9, 20:30] = 0  # as the Item says
    data[:, 40:44, :3] = 7  # as the image says
    data[0, 60, 60] = 0
    image = write_image(tmp_path / "image.tif", data, nodata=7)
    assert run(write_item(tmp_path), image).exit_code == 0
    made = read(image)[0]
    expected = expected_classes(data)
    expected[5:9, 20:30] = expected[40:44, :3] = 255
    np.testing.assert_array_equal(made, expected)


def test_a_mask_of_the_image_is_heeded(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image.tif", pixels())
    mask = np.full((70, 90), 255, "uint8")
    mask[:10] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(image, "r+") as target:
        target.write_mask(mask)
    assert run(write_item(tmp_path), image).exit_code == 0
    np.testing.assert_array_equal(read(image)[0] == 255, mask == 0)


def test_the_dont_care_class_stands_for_no_data(tmp_path: Path) -> None:
    data = pixels()
    data[:, :4] = 0
    image = write_image(tmp_path / "image.tif", data)
    output = {**MODEL["dlm:outputs"], "dont_care_index": 300}
    assert run(write_item(tmp_path, {**MODEL, "dlm:outputs": output}), image).exit_code == 0
    made = read(image)[0]
    assert made.dtype == np.uint16
    assert (made[:4] == 300).all()
    assert (made[4:] < 3).all()


def test_a_regression_is_a_raster_of_floats(tmp_path: Path) -> None:
    data = pixels()
    data[:, :4, :4] = 0
    image = write_image(tmp_path / "image.tif", data)
    item = write_item(tmp_path, {**MODEL, "dlm:outputs": {"task": "regression"}})
    assert "3 bands of float32" in run(item, image).output
    made = read(image)
    network = open_network(read_item(item), find_weights(read_item(item), item)[0])
    whole = convolve(prepare(data, network.steps)[0][0], kernel())
    assert np.isnan(made[:, :4, :4]).all()
    np.testing.assert_allclose(made[:, 4:], whole[:, 4:], atol=1e-4)
    with rasterio.open(tmp_path / "out.tif") as source:
        assert np.isnan(source.nodata)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (32, 32), (33, 31)])
def test_images_of_any_size_are_taken(tmp_path: Path, shape: tuple[int, int]) -> None:
    data = pixels(*shape)
    image = write_image(tmp_path / "image.tif", data)
    item = write_item(tmp_path)
    assert run(item, image).exit_code == 0
    network = open_network(read_item(item), tmp_path / "net.onnx")
    output, valid = predict_image(network, data[[2, 0]], 8)
    np.testing.assert_array_equal(read(image), interpret(output, network.result, valid))


def test_the_overlap_changes_nothing_when_it_is_wider_than_the_network_sees(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image.tif", pixels())
    item = write_item(tmp_path)
    made = []
    for overlap in ("4", "8", "16"):
        assert run(item, image, "--overlap", overlap).exit_code == 0
        made.append(read(image))
    assert (made[0] == made[1]).all()
    assert (made[0] == made[2]).all()
    assert run(item, image, "--overlap", "0").exit_code == 0
    assert (made[0] != read(image)).any(), "without overlap the edges of tiles show"
    assert "the overlap is 0 to 16 pixels" in run(item, image, "--overlap", "17").output


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_ground_control_points_are_kept(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, 10 + c / 100, 50 - r / 100) for r, c in ((0, 0), (0, 90), (70, 0), (70, 90))]
    image = write_image(tmp_path / "image.tif", pixels(), transform=None, crs=None)
    with rasterio.open(image, "r+") as target:
        target.gcps = (points, rasterio.CRS.from_epsg(4326))
    assert run(write_item(tmp_path), image).exit_code == 0
    with rasterio.open(tmp_path / "out.tif") as source:
        made, crs = source.gcps
    assert crs.to_epsg() == 4326
    assert [(p.row, p.col, p.x, p.y) for p in made] == [(p.row, p.col, p.x, p.y) for p in points]


@pytest.mark.parametrize(
    ("names", "data", "words"),
    [
        (("B02", "B03", "B08"), pixels(), "the image has no band B04 (red); it has B02, B03, B08"),
        (("B02", "B04", "B04"), pixels(), "the image has 2 bands called B04: [2, 3]. Choose with --bands"),
        (NAMES, pixels().astype("uint8"), "the image has pixels of type uint8, the model reads uint16"),
        (NAMES, pixels().astype("float32"), "the image has pixels of type float32, the model reads uint16"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(tmp_path: Path, names: tuple[str, ...], data: Any, words: str) -> None:
    image = write_image(tmp_path / "image.tif", data, names)
    result = run(write_item(tmp_path), image)
    assert result.exit_code == 1
    assert words in result.output
    assert not list(tmp_path.glob("*out*"))


def test_the_exit_code_says_who_is_at_fault(tmp_path: Path) -> None:
    item = write_item(tmp_path)
    image = write_image(tmp_path / "image.tif", pixels())
    assert run(tmp_path / "none.json", image).exit_code == 2
    text = tmp_path / "text.tif"
    text.write_text("no image", "utf-8")
    assert run(item, text).exit_code == 1
    same = CliRunner().invoke(main, ["run", str(item), str(image), "-o", str(image)])
    assert (same.exit_code, "is the image itself" in same.output) == (2, True)
    nowhere = CliRunner().invoke(main, ["run", str(item), str(image), "-o", str(tmp_path / "none" / "out.tif")])
    assert (nowhere.exit_code, isinstance(nowhere.exception, SystemExit)) == (1, True)


def test_a_failed_run_leaves_the_result_of_the_one_before(tmp_path: Path) -> None:
    item = write_item(tmp_path)
    image = write_image(tmp_path / "image.tif", pixels())
    assert run(item, image).exit_code == 0
    before = (tmp_path / "out.tif").read_bytes()
    with image.open("r+b") as file:
        file.truncate(image.stat().st_size // 2)
    result = run(item, image)
    assert result.exit_code == 1, result.output
    assert (tmp_path / "out.tif").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = write_image(tmp_path / "image.tif", pixels())
    item = write_item(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("builder.commands.shared.find_spec", lambda name: None if name == "onnxruntime" else True)
    result = run(item, image)
    assert result.exit_code == 4
    assert "this needs onnxruntime: pip install 'dlm-catalog[run]'" in result.output


def test_classes_without_a_colour_get_one_that_is_theirs() -> None:
    colors = to_colors(Interpretation("classes", channels=30, dtype="uint8", nodata=255, colors=((3, "#000000"),)))
    assert colors[3] == (0, 0, 0, 255)
    assert len(set(colors.values())) == len(colors) == 31


@pytest.mark.parametrize(
    "change",
    [
        {"normalization:mean": [0.5, 0.6]},
        {"selected_band": [0, 2]},
        {"scaling_factor": 0.0001},
        {"normalization:std": [0.3, 0.8]},
    ],
)
def test_a_wrong_number_in_the_item_changes_the_result(tmp_path: Path, change: dict[str, Any]) -> None:
    data = pixels()
    image = write_image(tmp_path / "image.tif", data)
    item = write_item(tmp_path, {**MODEL, "dlm:inputs": {**MODEL["dlm:inputs"], **change}})
    assert run(item, image).exit_code == 0
    assert (read(image)[0] != expected_classes(data)).mean() > 0.02


MEASURE = """
import json, resource, sys
from builder.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code in (0, None), end.code
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


def peak(item: Path, image: Path) -> int:
    """Bytes of memory that a process used at most to run a model on an image."""
    command = [sys.executable, "-c", MEASURE, "run", str(item), str(image), "-o", str(image.with_name("out.tif"))]
    done = subprocess.run([*command, "--threads", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout.splitlines()[-1]))


def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    data = {**MODEL, "dlm:inputs": {**MODEL["dlm:inputs"], "input_tensors": {"dim": 2, "height": 512, "width": 512}}}
    item = write_item(tmp_path, data, size=(512, 512), weights=kernel(side=1))
    write_network(tmp_path / "net.onnx", (512, 512), weights=kernel(side=1))
    small, large = tmp_path / "small", tmp_path / "large"
    for folder, side in ((small, 1024), (large, 7168)):
        folder.mkdir()
        profile = {"dtype": "uint16", "width": side, "height": side, "count": 3, "tiled": True, "compress": "lzw"}
        with rasterio.open(folder / "image.tif", "w", driver="GTiff", crs="EPSG:32632", transform=GRID, **profile) as t:
            t.descriptions = NAMES
            row = np.tile(np.arange(1, 1025, dtype="uint16"), (3, 256, side // 1024))
            for top in range(0, side, 256):
                t.write(row, window=rasterio.windows.Window(0, top, side, 256))
    image_bytes = 7168 * 7168 * 3 * 2
    growth = peak(item, large / "image.tif") - peak(item, small / "image.tif")
    assert growth < 100 * 1024**2 < image_bytes / 2, growth
    with rasterio.open(large / "out.tif") as source:
        assert source.shape == (7168, 7168)
        first, last = (source.read(1, window=((start, start + 8), (0, 1024))) for start in (0, 7160))
        np.testing.assert_array_equal(first, last)
