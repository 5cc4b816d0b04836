"""The command `verify`."""

from __future__ import annotations

import sys
import time
from pathlib import Path as FilePath

import click

from builder.commands.shared import (
    ERRORS,
    MISSING,
    NOTHING,
    OK,
    USAGE,
    count_noun,
    format_option,
    quiet_option,
    report_findings,
    show_progress,
    stop,
    strict_option,
)

_MB = 1_000_000


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(exists=True, path_type=FilePath))
@click.option(
    "--weights",
    multiple=True,
    type=click.Path(exists=True, path_type=FilePath),
    help="Local copy of a remote file, or a folder of copies; it is found by its name.",
)
@click.option("--download", is_flag=True, help="Fetch the weights that are not here, if a checksum is stated for them.")
@click.option("--max-size", default=1000, show_default=True, metavar="MB", help="Largest file that --download fetches.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=FilePath),
    help="Folder that --download keeps files in. Without it, dlm-catalog in the cache folder of the user.",
)
@strict_option
@format_option
@quiet_option
def verify(
    sources: tuple[FilePath, ...], weights: tuple[FilePath, ...], download: bool, max_size: int, cache: FilePath | None,
    strict: bool, form: str, quiet: bool,
) -> None:  # fmt: skip
    """Hold model files against the files of weights that they describe.

    SOURCES are source folders, built sites, model files or Items (default: catalog_src). Compared are size and
    checksum, and what ONNX, safetensors and PyTorch files say about themselves. No weights are loaded, and nothing is
    downloaded without --download. What could not be compared is told, and is no fault.
    """
    from builder import pipeline, verifying
    from builder.download import Downloader, FetchError

    started = time.monotonic()
    copies = [file for one in weights for file in (sorted(one.iterdir()) if one.is_dir() else [one]) if file.is_file()]
    try:
        targets = [target for source in sources or _default() for target in verifying.find_targets(source)]
        with show_progress(quiet) as progress:
            fetch = Downloader(cache, max_size * _MB, progress).fetch if download else None
            results = verifying.verify(targets, copies, fetch, spare=set(copies) - set(weights))
    except (verifying.VerifyError, FetchError) as error:
        stop(USAGE, str(error))
    diagnostics = tuple(d for result in results for d in result.diagnostics)
    whole = pipeline.Build(len(results), diagnostics, strict=strict)
    if form == "text" and not quiet and (text := verifying.format_text(results)):
        click.echo(text)
    agreements = [agreement for result in results for agreement in result.agreements]
    counts = {status: sum(one.status == status for one in agreements) for status in ("agrees", "differs", "unchecked")}
    files = f"{count_noun(len(agreements), 'file')}: {counts['agrees']} agree, {counts['differs']} differ"
    report_findings(whole, form, quiet, started, f"{files}, {counts['unchecked']} not checked.", notes=True)
    if whole.failed:
        sys.exit(ERRORS)
    for extra in sorted({one.extra for one in agreements if one.extra}):
        stop(MISSING, f"some files could not be checked without the extra {extra}: pip install 'dlm-catalog[{extra}]'")
    sys.exit(OK if results else NOTHING)


def _default() -> tuple[FilePath, ...]:
    source = FilePath("catalog_src")
    if not source.is_dir():
        stop(USAGE, f"{source} does not exist; name a source folder, a site or a model file")
    return (source,)
