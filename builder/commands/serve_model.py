"""The command `serve-model`."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, USAGE, need_extra, quiet_option, stop


@click.command("serve-model")
@click.argument("item", type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=FilePath), help="A copy of the ONNX.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option("--max-megabytes", type=click.IntRange(1), default=256, show_default=True, help="Largest request.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads of the network; 0: as many as cores.")
@quiet_option
def serve_model(
    item: FilePath, weights: FilePath | None, host: str, port: int, max_megabytes: int, threads: int, quiet: bool
) -> None:
    """Answer requests for the ONNX model of a published ITEM over HTTP, in the Open Inference Protocol (KServe V2).

    The weights are those beside the Item, or the copy named with --weights, whose checksum must be the Item's. Requests
    carry pixels, which are prepared as the Item says; with the parameter "preprocess": false, tensors as the network
    takes them. Ctrl+C stops it.
    """
    need_extra("serve", "numpy", "onnxruntime", "starlette", "uvicorn")
    from builder import inference, service

    try:
        model = inference.read_item(item)
        location, note = inference.find_weights(model, item, weights)
        network = inference.open_network(model, location, threads)
    except inference.InferenceError as error:
        stop(ERRORS, str(error))
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        stop(USAGE, f"cannot listen on {host}, port {port}: {error.strerror or error}")
    for text in filter(None, (note, *network.notes)):
        click.echo(f"note: {text}", err=True)
    if not quiet:
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"http://{shown}:{bound.getsockname()[1]}/v2/models/{model.id} · Ctrl+C stops it.", err=True)
    # Told to stop by Ctrl+C, it has stopped: nothing was aborted.
    with suppress(KeyboardInterrupt):
        service.serve(network, bound, service.Limits(size=max_megabytes * 1024**2))
