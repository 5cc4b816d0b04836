"""A source folder of made-up models, of any size: the same arguments give the same bytes.

    python benchmarks/corpus.py FOLDER --models 1000 --seed 1

The files are as long and as varied as those that people write: 150 to 400 words of Markdown, 4 to 13 bands, a layer
summary in a third of them, 5 to 20 classes, 8.7 kB on average. One in eight is a new version of the model before it.
`build-catalog check` finds no error and no warning in them.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

PER_COLLECTION = 250
"""Models in a collection: 10,000 models are 40 collections."""
SEED = 6

# Name, common name, centre and width in micrometres: the bands of Sentinel-2A, which all files share a part of.
_BANDS = (
    ("B1", "coastal", 0.4427, 0.021), ("B2", "blue", 0.4924, 0.066), ("B3", "green", 0.5598, 0.036),
    ("B4", "red", 0.6646, 0.031), ("B5", "rededge", 0.7041, 0.015), ("B6", "rededge", 0.7405, 0.015),
    ("B7", "rededge", 0.7828, 0.02), ("B8", "nir", 0.8328, 0.106), ("B8A", "nir08", 0.8647, 0.021),
    ("B9", "nir09", 0.9451, 0.02), ("B10", "cirrus", 1.3735, 0.031), ("B11", "swir16", 1.6137, 0.091),
    ("B12", "swir22", 2.2024, 0.175),
)  # fmt: skip
_CLASSES = tuple(
    f"{kind} {land}".strip()
    for land in ("cropland", "forest", "grassland", "wetland", "shrubland", "water", "rock", "settlement")
    for kind in ("", "dense", "sparse", "irrigated", "flooded", "burnt")
)
_NETWORKS = ("U-Net", "DeepLabV3", "SegFormer-B2", "FPN", "HRNet-W48", "UperNet", "LinkNet", "MAnet")
_ENCODERS = ("ResNet-18", "ResNet-50", "EfficientNet-B4", "Swin-T", "ViT-S/16", "ConvNeXt-T")
_REGIONS = ("Alpine valleys", "river deltas", "boreal forest", "the Sahel", "coastal plains", "island states")
_SUBJECTS = (
    "the network", "each tile", "a second head", "the training set", "one ablation run", "the encoder", "this release",
    "the loss", "every image", "the reference map", "a small share of the scenes", "the decoder",
)  # fmt: skip
_VERBS = ("uses", "was compared with", "depends on", "improves on", "covers", "does not replace", "was drawn from")
_OBJECTS = (
    "cloud-free acquisitions of the growing season", "the classes that the survey distinguishes",
    "field boundaries digitised by hand", "a mosaic of the years before", "samples weighted by their area",
    "images of the dry season", "a validation region that was held out", "the labels of two interpreters",
    "surface reflectance without terrain correction", "augmentation by flips and small rotations",
)  # fmt: skip
_ENDS = (
    "so results vary with the season", "which the evaluation below quantifies", "as in the earlier version",
    "although thin clouds remain a source of errors", "at the cost of a longer run", "and needs no further input",
    "except above 60 degrees north", "where the sun stands low",
)  # fmt: skip
_LAYERS = ("Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "BasicBlock", "ConvTranspose2d")


def collections_of(models: int) -> int:
    """In how many collections so many models lie."""
    return max(2, -(-models // PER_COLLECTION))


def write_corpus(folder: Path, models: int, seed: int = SEED) -> list[Path]:
    """Writes the source folder; the model files, in their order. Model `n` is the same in a corpus of any size."""
    groups = collections_of(models)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yml").write_text(
        "id: benchmark\ntitle: Made-up models\ndescription: Models that exist only to be measured.\n"
        "base_url: https://example.org/models\n",
        "utf-8",
    )
    for group in range(groups):
        sub = folder / f"collection-{group:03}"
        sub.mkdir(exist_ok=True)
        text = (
            f"title: Land cover, part {group}\ndescription: Made-up models number {group} and following.\n"
            "defaults:\n  constellation: sentinel-2\n  instruments: [msi]\n"
        )
        (sub / "collection.yml").write_text(text, "utf-8")
    written = []
    for number in range(models):
        path = folder / f"collection-{number % groups:03}" / f"{name_of(number)}.yml"
        # Every eighth of its collection, so that a line has two versions at any size.
        predecessor = number - groups if number // groups % 8 == 7 else None
        path.write_text(to_model_file(number, seed, predecessor), "utf-8")
        written.append(path)
    return written


def name_of(number: int) -> str:
    """The id of a model."""
    return f"land-cover-{number:06}"


def to_model_file(number: int, seed: int = SEED, predecessor: int | None = None) -> str:
    """The text of one model file. A new version says what its predecessor does, but for weights, metrics and dates."""
    like = number if predecessor is None else predecessor
    rng = random.Random(f"{seed} {like}")  # noqa: S311  reproducible, not secret
    own = random.Random(f"{seed} own {number}")  # noqa: S311
    bands = sorted(rng.sample(range(len(_BANDS)), rng.randint(4, len(_BANDS))))
    selected = rng.sample(range(len(bands)), rng.randint(3, len(bands)))
    classes = rng.sample(_CLASSES, rng.randint(5, 20))
    network, encoder, region = rng.choice(_NETWORKS), rng.choice(_ENCODERS), rng.choice(_REGIONS)
    size = rng.choice((128, 224, 256, 512))
    summary, parameters = _summary(rng) if number % 3 == 0 else ("", rng.randint(1_000_000, 90_000_000))
    west, south = rng.randint(-170, 160), rng.randint(-55, 65)
    words = rng.randint(150, 400)
    lines = [
        f"title: Land cover of {region}, {network} {like}",
        f"description: |-\n{_indent(_prose(rng, words * 4 // 10), 2)}",
        "license: Apache-2.0",
        f"keywords: [land cover, {network.lower()}, {encoder.lower()}, sentinel-2]",
        "providers:",
        "  - {name: Example Institute, roles: [producer, licensor], url: https://example.org}",
        f'version: "{1 if predecessor is None else 2}.{own.randint(0, 9)}"',
        f"updated: {2024 if predecessor is None else 2025}-{own.randint(1, 12):02}-{own.randint(1, 28):02}",
        f"bbox: [{west}, {south}, {west + rng.randint(2, 15)}, {south + rng.randint(2, 15)}]",
        f"start_datetime: {rng.randint(2016, 2020)}-01-01",
        f"end_datetime: {rng.randint(2021, 2024)}-12-31",
        "gsd: 10",
        "eo:bands:",
        *(
            f"  - {{name: {name}, common_name: {common}, center_wavelength: {centre}, full_width_half_max: {width}}}"
            for name, common, centre, width in (_BANDS[index] for index in bands)
        ),
        "dlm:data:",
        f"  process_level: L2A\n  dtype: uint16\n  nodata_value: 0\n  number_of_bands: {len(bands)}",
        "  useful_bands:",
        *(f"    - {{index: {index}, name: {_BANDS[bands[index]][0]}}}" for index in selected),
        "dlm:inputs:",
        f"  name: image\n  input_tensors: {{batch: 1, dim: {len(selected)}, height: {size}, width: {size}}}",
        "  scaling_factor: 0.0001",
        f"  normalization:mean: [{', '.join(f'{rng.uniform(0.03, 0.35):.4f}' for _ in selected)}]",
        f"  normalization:std: [{', '.join(f'{rng.uniform(0.02, 0.15):.4f}' for _ in selected)}]",
        f"  selected_band: [{', '.join(map(str, selected))}]",
        "  pre_processing_function: landcover.data:to_tensor(ndarray) -> Tensor",
        "dlm:architecture:",
        f"  type: {network} with {encoder}\n  total_nb_parameters: {parameters}",
        f"  estimated_total_size_mb: {parameters * 4 / 1_000_000:.{2 if parameters > 2500 else 4}f}",
        "  pretrained: ImageNet",
        *([f"  summary: |\n{_indent(summary, 4)}"] if summary else []),
        "dlm:runtime:",
        '  framework: PyTorch\n  version: "2.4.1"\n  model_handler: landcover.inference:predict',
        "  model_src_url: https://github.com/example/landcover",
        f"  model_commit_hash: {own.getrandbits(160):040x}",
        "  docker:",
        f'    image_name: registry.example.org/landcover/{network.lower()}\n    tag: "{rng.randint(1, 9)}.0.1"',
        "    working_dir: /workspace\n    run: predict --input scene.tif --output classes.tif\n    gpu: true",
        "dlm:outputs:",
        f"  task: semantic segmentation\n  number_of_classes: {len(classes)}",
        f"  final_layer_size: [1, {len(classes)}, {size}, {size}]\n  dont_care_index: 255",
        "  class_name_mapping:",
        *(
            f'    - {{index: {index}, class_name: {name}, color: "#{rng.getrandbits(24):06x}", '
            f"description: {_sentence(rng)[:-1]}}}"
            for index, name in enumerate(classes)
        ),
        "assets:",
        "  weights:",
        f"    href: https://example.org/weights/{name_of(number)}.onnx",
        "    title: Weights in ONNX format\n    type: application/octet-stream; application=onnx\n    roles: [weights]",
        f"    file:size: {parameters * 4}\n    file:checksum: 1220{own.getrandbits(256):064x}",
        "sci:publications:",
        f"  - doi: 10.5555/benchmark.{number}",
        f'    citation: "Example, A.; Sample, B. (2024): {_sentence(rng)[:-1]}. Journal of Examples {number}"',
        *(
            ["links:", f"  - {{rel: predecessor-version, href: {name_of(predecessor)}.yml, type: application/yaml}}"]
            if predecessor is not None
            else []
        ),
        "card:",
        f"  intended_use: |-\n{_indent(_prose(rng, words // 10), 4)}",
        f"  limitations: |-\n{_indent(_list(rng, words * 2 // 10), 4)}",
        f"  training_data: |-\n{_indent(_prose(rng, words // 10), 4)}",
        f"  evaluation: |-\n{_indent(_evaluation(rng, words * 2 // 10, classes), 4)}",
        "  metrics:",
        *(
            f"    - {{name: {name}, value: {own.uniform(0.5, 0.95):.3f}, dataset: Survey of {region}, split: {split}}}"
            for name in ("mIoU", "F1", "overall accuracy")
            for split in ("validation", "test")
        ),
    ]
    return "\n".join(lines) + "\n"


def _sentence(rng: random.Random) -> str:
    parts = [rng.choice(_SUBJECTS), rng.choice(_VERBS), rng.choice(_OBJECTS)]
    if rng.random() < 0.4:
        parts.append(rng.choice(_ENDS))
    text = " ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _marked(rng: random.Random) -> str:
    """A sentence, of which some have a mark of Markdown in them."""
    text, mark = _sentence(rng), rng.random()
    if mark < 0.15:
        return f"**{text[:-1]}**."
    if mark < 0.25:
        return f"{text[:-1]}, set with `--stride {rng.randint(8, 128)}`."
    if mark < 0.35:
        return f"{text[:-1]} ([details](https://example.org/notes/{rng.randint(1, 999)}))."
    return text


def _sentences(rng: random.Random, words: int) -> Iterator[str]:
    while words > 0:
        text = _marked(rng)
        words -= len(text.split())
        yield text


def _prose(rng: random.Random, words: int) -> str:
    """Paragraphs of three sentences."""
    all_of_them = list(_sentences(rng, words))
    return "\n\n".join("\n".join(all_of_them[start : start + 3]) for start in range(0, len(all_of_them), 3))


def _list(rng: random.Random, words: int) -> str:
    return "\n".join(f"- {text}" for text in _sentences(rng, words))


def _evaluation(rng: random.Random, words: int, classes: list[str]) -> str:
    """Prose, and after it in some models a table or a block of code."""
    text, kind = _prose(rng, words), rng.randrange(4)
    if kind == 0:
        rows = "\n".join(f"| {name} | {rng.uniform(0.4, 0.99):.3f} |" for name in classes[:6])
        return f"{text}\n\n| Class | IoU |\n| --- | ---: |\n{rows}"
    if kind == 1:
        return f"{text}\n\n```sh\npython -m landcover.evaluate --split test --tile {rng.randint(1, 99)}\n```"
    return text


def _summary(rng: random.Random) -> tuple[str, int]:
    """The layers of a network as the packages that list them print it, and the number of its parameters."""
    rule = "-" * 64
    rows, total, channels, size = (
        [rule, f"{'Layer (type)':>20} {'Output Shape':>26} {'Param #':>15}", "=" * 64],
        0,
        32,
        128,
    )
    for number in range(1, rng.randint(30, 70)):
        kind = rng.choice(_LAYERS)
        if kind == "Conv2d" and rng.random() < 0.3 and size > 4:
            channels, size = min(channels * 2, 1024), size // 2
        count = {"Conv2d": 9 * channels * channels, "BatchNorm2d": 2 * channels}.get(kind, 0)
        total += count
        rows.append(f"{f'{kind}-{number}':>20} {f'[-1, {channels}, {size}, {size}]':>26} {count:>15,}")
    rows += ["=" * 64, f"Total params: {total:,}", f"Trainable params: {total:,}", "Non-trainable params: 0", rule]
    return "\n".join(rows), total


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else "" for line in text.splitlines())


def main() -> int:
    """Writes a corpus and tells what it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    files = write_corpus(arguments.folder, arguments.models, arguments.seed)
    size = sum(file.stat().st_size for file in files)
    sys.stdout.write(f"{len(files):,} model files, {size / len(files) / 1000:.1f} kB each on average\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
