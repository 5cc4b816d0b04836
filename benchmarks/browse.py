# ruff: noqa: S101, S311, T201  a program that prints, with made-up data that is the same at every run
"""How soon the browse page is ready in Chromium, and how long its queries take.

    python benchmarks/browse.py --site SITE     the start page of a built site, from disk
    python benchmarks/browse.py [NUMBER]        10,000 synthetic models, with the size of their index

Needs chromium and playwright. The synthetic models are made from a seed, so the sizes are the same at every run.
Other work on the machine delays a page as it delays everything else: the best of several loads is printed beside the
median, and beside the processor time of the page's main thread.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from builder.output import Artifact
from builder.search import Row, render_index
from builder.templates import read_templates

TASKS = ["semantic segmentation", "classification", "object detection", "regression", "instance segmentation"]
SENSORS = {
    "sentinel-2": [("B2", "blue", 0.49), ("B3", "green", 0.56), ("B4", "red", 0.665), ("B5", "rededge", 0.704),
                   ("B8", "nir", 0.842), ("B11", "swir16", 1.61), ("B12", "swir22", 2.19)],
    "landsat-8": [("B2", "blue", 0.48), ("B3", "green", 0.56), ("B4", "red", 0.655), ("B5", "nir08", 0.865),
                  ("B6", "swir16", 1.61), ("B7", "swir22", 2.2), ("B10", "lwir11", 10.9)],
    "sentinel-1": [("VV", None, None), ("VH", None, None)],
    "worldview-3": [("C", "coastal", 0.425), ("B", "blue", 0.48), ("G", "green", 0.545), ("R", "red", 0.66),
                    ("N", "nir08", 0.83)],
    "naip": [("R", "red", 0.65), ("G", "green", 0.55), ("B", "blue", 0.45), ("N", "nir", 0.85)],
}  # fmt: skip
NETWORKS = [f"{kind}-{size}" for kind in ("resnet", "vit", "swin", "unet", "convnext", "segformer") for size in
            (18, 34, 50, 101, "tiny", "small", "base", "large")]  # fmt: skip
SUBJECTS = ["clouds", "land cover", "crops", "buildings", "ships", "floods", "burned areas", "forest", "snow", "roads"]
STARTS = ("ba", "ce", "di", "fo", "gu", "ha", "ki", "lo")
ENDS = ("ral", "tis", "mon", "dex", "vor", "lin", "pat", "ser")
WORDS = [start + end for start in STARTS for end in ENDS]
LICENSES = ["MIT", "Apache-2.0", "CC-BY-4.0", "CC0-1.0", "CC-BY-NC-4.0"]
QUERIES = [
    "{}", "{q: 'flood'}", "{q: 'resnet sentinel-2 crops'}", "{q: 'baral'}", "{facets: {sensor: ['sentinel-2']}}",
    "{facets: {sensor: ['sentinel-2', 'landsat-8'], task: ['regression'], band: ['nir', 'red'], license: ['MIT']}}",
    "{q: 'unet', facets: {band: ['swir16']}, ranges: {gsd: [5, 30], parameters: [null, 50]}, sort: '-parameters'}",
]  # fmt: skip
LOADS = 15


def make(number: int, chance: random.Random) -> Row:
    sensor = chance.choice(list(SENSORS))
    bands = chance.sample(SENSORS[sensor], chance.randint(1, len(SENSORS[sensor])))
    task, network, subject = chance.choice(TASKS), chance.choice(NETWORKS), chance.choice(SUBJECTS)
    collection, license_id = f"group-{number % 40}", chance.choice(LICENSES)
    level, dtype = chance.choice(["L1C", "L2A", ""]), chance.choice(["uint8", "uint16", "float32", ""])
    framework, used = chance.choice(["PyTorch", "ONNX", "TensorFlow"]), chance.choice(["yes", "no", ""])
    record = {
        "id": f"{subject.replace(' ', '-')}-{network}-{number}", "folder": f"{collection}/x-{number}",
        "title": f"{subject.capitalize()} in {sensor} images, {network} {number}", "tasks": [task], "sensors": [sensor],
        "gsd": chance.choice([0.3, 10, 20, 30]), "parameters": chance.randint(1_000_000, 300_000_000),
        "size": round(chance.uniform(4, 1200), 1), "number_of_classes": chance.randint(2, 40),
        "inputs": [{"bands": [[*band, None] for band in bands], "mean": [0.5] * len(bands)}],
        "license": license_id, "architectures": [network],
    }  # fmt: skip
    if number % 50 == 0:
        record["deprecated"] = True
    facets = {
        "task": (task,), "sensor": (sensor,), "band": tuple(str(band[1] or band[0]) for band in bands),
        "level": (level,) if level else (), "dtype": (dtype,) if dtype else (), "framework": (framework,),
        "architecture": (network,), "license": (license_id,), "gpu": (used,) if used else (), "instrument": (),
        "collection": (collection,),
    }  # fmt: skip
    words = tuple(sorted(set(chance.choices(WORDS, k=30))))
    return Row(record, facets, (subject, network.split("-")[0]), words, f"202{number % 7}-01-01", number % 9 == 0)


def synthetic(number: int) -> list[Artifact]:
    """The index of so many models."""
    chance = random.Random(1)
    return render_index([make(at, chance) for at in range(number)], {f"group-{at}": f"Group {at}" for at in range(40)})


def write_page(artifacts: list[Artifact], folder: Path) -> None:
    """The browse page alone, with this index."""
    templates = read_templates()
    for path, content in [(a.path, a.content) for a in artifacts] + [
        (f"assets/{key}", value) for key, value in templates.static.items()
    ]:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    body = templates.sources["parts/browse.html"].replace("{{ page.root }}", "")
    sources = ("search/index.js", "assets/search.js", "assets/browse.js")
    scripts = "".join(f'<script src="{source}"></script>' for source in sources)
    styles = "".join(f'<link rel="stylesheet" href="assets/{css}.css">' for css in ("site", "tools"))
    body = body[body.index("<div") :]
    head = f"<!DOCTYPE html><html class=js><head>{styles}</head>"
    (folder / "index.html").write_text(f"{head}<body>{body}{scripts}</body></html>")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed")
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def time_loads(browser: Browser, address: str) -> None:
    """From the request of the page until it is parsed, its scripts have run and the results stand in it."""
    waits, work = [], []
    for _ in range(LOADS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(address)
        waits.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        work.append(1000 * metrics["TaskDuration"])
        drawn = page.locator(".result").count()
        context.close()
    print(f"ready after {min(waits):.0f} ms at best, {statistics.median(waits):.0f} ms in the median of {LOADS} loads; "
          f"{min(work):.0f} to {max(work):.0f} ms of work; {drawn} results drawn")  # fmt: skip


def time_queries(page: Page) -> None:
    page.wait_for_selector("[data-filters] input", state="attached")
    print(f"filters after {page.evaluate('() => performance.now()'):.0f} ms")
    page.focus("[data-query]")
    page.wait_for_function("() => globalThis.DLM_WORDS")
    page.evaluate("() => { globalThis.engine = new dlmSearch.Engine(DLM_INDEX); engine.addWords(DLM_WORDS); }")
    for query in QUERIES:
        times = page.evaluate(
            f"""() => Array.from({{length: 25}}, () => {{
                engine.tokens.clear();
                const start = performance.now(), found = engine.query({query}).rows.length;
                return performance.now() - start;
            }})"""
        )
        print(f"{statistics.median(times):5.1f} ms, at most {max(times):5.1f} ms  {query}")
    typing = page.evaluate(
        """() => Array.from('floods resnet').map((_, at, all) => {
            const field = document.querySelector('[data-query]');
            field.value = all.slice(0, at + 1).join('');
            const start = performance.now();
            field.dispatchEvent(new Event('input'));
            return performance.now() - start;
        })"""
    )
    print(f"a key pressed, with drawing: {statistics.median(typing):.1f} ms, at most {max(typing):.1f} ms")


def measure(folder: Path) -> None:
    address = (folder / "index.html").resolve().as_uri()
    with chromium() as browser:
        time_loads(browser, address)
        page = browser.new_page()
        page.goto(address)
        time_queries(page)


def main() -> None:
    if sys.argv[1:2] == ["--site"]:
        measure(Path(sys.argv[2]))
        return
    artifacts = synthetic(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    for artifact in artifacts:
        assert isinstance(artifact.content, bytes)
        if "details" not in artifact.path:
            print(f"{artifact.path}: {len(gzip.compress(artifact.content, 9)) / 1000:.0f} kB gzipped")
    with tempfile.TemporaryDirectory() as name:
        write_page(artifacts, Path(name))
        measure(Path(name))


if __name__ == "__main__":
    main()
