"""The command `run`."""

from __future__ import annotations

import time
from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, USAGE, count_noun, need_extra, quiet_option, show_progress, stop


@click.command()
@click.argument("item", type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=FilePath), help="GeoTIFF.")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=FilePath), help="A copy of the ONNX.")
@click.option("--bands", metavar="N,N,…", default="", help="Bands of the image from 1, in the order of the tensor.")
@click.option("--overlap", type=int, help="Pixels that neighbouring tiles share; a quarter of a tile if not given.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads of the network; 0: as many as cores.")
@quiet_option
def run(
    item: FilePath,
    image: FilePath,
    output: FilePath,
    weights: FilePath | None,
    bands: str,
    overlap: int | None,
    threads: int,
    quiet: bool,
) -> None:
    """Run the ONNX model of a published ITEM on IMAGE, a raster, and write the result as a GeoTIFF on the same grid.

    The weights are those beside the Item, or the copy named with --weights, whose checksum must be the Item's. Nothing
    is downloaded.
    """
    need_extra("run", "numpy", "onnxruntime", "rasterio")
    from builder import inference, raster

    try:
        numbers = [int(number) for number in bands.split(",")] if bands else []
    except ValueError:
        stop(USAGE, f"--bands takes numbers with commas between them, as in 4,3,2; not {bands}")
    if output.exists() and output.samefile(image):
        stop(USAGE, f"{output} is the image itself")
    started = time.monotonic()
    try:
        model = inference.read_item(item)
        location, note = inference.find_weights(model, item, weights)
        network = inference.open_network(model, location, threads)
        with show_progress(quiet, least=2) as progress:
            written = raster.run(network, image, output, bands=numbers, overlap=overlap, progress=progress)
    except inference.InferenceError as error:
        stop(ERRORS, str(error))
    for text in filter(None, (note, *written.notes)):
        click.echo(f"note: {text}", err=True)
    if not quiet:
        size = f"{written.width} × {written.height} pixels, {count_noun(written.bands, 'band')} of {written.dtype}"
        seconds = round(time.monotonic() - started, 1)
        click.echo(f"{output}: {size}, from {count_noun(written.tiles, 'tile')} ({seconds} s).", err=True)
