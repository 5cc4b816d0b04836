"""card.md: the model card in Markdown, for readers and programs that want text.

The author's own Markdown goes in as written, but for HTML, which is escaped, and headings, which move below ours.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence

from builder.catalog import CatalogInfo, Entry
from builder.cite import to_bibtex
from builder.deploy.docker import docker_command
from builder.exporters.form import Export, is_web
from builder.facts import band_name, framework_words, parameter_words, sentence, tensor_shape, to_shape
from builder.inputs import to_formula
from builder.model import CARD_SECTIONS, Model, is_relative
from builder.output import Artifact
from builder.stac import doi_url
from builder.templates import format_filesize, format_number

_ESCAPES = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#~&"})
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r"( {0,3})(#{1,6})(?=\s|$)")
_CODE_OR_HTML = re.compile(r"(`+[^`\n]*`+)|<(?=[A-Za-z/!?])(?!https?://[^\s<>]*>)")
_UNDERLINE = re.compile(r" {0,3}(?:(=)=*|(-)-*)\s*")
_MARKS = (
    "#",
    "<",
    "```",
    "~~~",
    "\n-",
    "\n=",
    "\n ",
    "\r",
    "\f",
    "\v",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
)
"""Without any of them, a text has no heading, no fence and no HTML. The last are ends of lines that few texts have."""
_PARAGRAPH = re.compile(r" {0,3}[^\s#>|*+-]")


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """`card.md` beside each card."""
    return Export(tuple(Artifact(f"{e.folder}/card.md", to_markdown(e).encode("utf-8", "replace")) for e in entries))


def to_markdown(entry: Entry) -> str:
    """The card of a model; what is not stated is left out."""
    model = entry.model
    parts = [f"# {plain(model.name)}", *_head(model), *_data(model), *_inputs(model), *_outputs(model), *_run(model)]
    for key in (key for key in CARD_SECTIONS if key in model.card.sections):
        parts += [f"## {sentence(key.replace('_', ' '))}", prose(model.card.sections[key], 3)]
    if model.card.metrics:
        rows = [(m.name, m.value, m.unit, m.dataset, m.split, m.source) for m in model.card.metrics]
        parts += ["## Metrics", _table(("Metric", "Value", "Unit", "Dataset", "Split", "Source"), rows)]
    for key, text in model.card.extra_sections.items():
        parts += [f"## {plain(sentence(key.replace('_', ' ')))}", prose(text, 3)]
    parts += [*_files(entry), *_cite(model)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(value: object) -> str:
    """A value as text on one line that Markdown shows as it is."""
    if isinstance(value, str):
        return _plain_text(value)
    return format_number(value) if isinstance(value, (int, float)) else str(value)


@functools.lru_cache(maxsize=4096)  # names of bands and classes, formats, words of the same tables
def _plain_text(text: str) -> str:
    return text if text.isalnum() else " ".join(text.split()).translate(_ESCAPES)


def prose(text: str, level: int) -> str:
    """The author's Markdown, its headings from `level` on, and its HTML as text."""
    given = text.strip().splitlines()
    if not any(mark in text for mark in _MARKS):
        return "\n".join(given)
    lines: list[str] = []
    fence = ""
    for line in given:
        mark = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if fence:
            # A fence is closed by one of its own kind, as long or longer: CommonMark, section 4.5.
            fence = "" if mark and mark[1].startswith(fence) and line.strip() == mark[1] else fence
        elif mark:
            fence = mark[1]
        elif lines and (under := _UNDERLINE.fullmatch(line)) and _PARAGRAPH.match(lines[-1]):
            # The other way to write a heading: CommonMark, section 4.3.
            lines[-1] = "#" * ((1 if under[1] else 2) + level - 1) + " " + lines[-1].strip()
            continue
        elif not line.startswith(("    ", "\t")):
            if "#" in line:
                line = _HEADING.sub(lambda m: m[1] + "#" * min(6, len(m[2]) + level - 1), line)
            if "<" in line:
                line = _CODE_OR_HTML.sub(lambda m: m[1] or "&lt;", line)
        lines.append(line)
    return "\n".join([*lines, fence] if fence else lines)


def _head(model: Model) -> Iterator[str]:
    if model.withdrawn:
        since = f" since {model.withdrawn.since[:10]}" if model.withdrawn.since else ""
        instead = f" Use {plain(model.withdrawn.replaced_by)} instead." if model.withdrawn.replaced_by else ""
        yield f"**Withdrawn{since}.** {plain(model.withdrawn.reason or '')}{instead}"
    elif model.deprecated:
        yield "**Deprecated.** A newer version should be used."
    yield prose(model.description or "", 2)
    size = model.weights.fields.get("file:size") if model.weights else None
    facts = (
        ("Task", sentence(", ".join(model.tasks))),
        ("License", model.license),
        ("Version", model.version),
        ("Sensors", ", ".join((*model.sensors, *model.instruments))),
        ("Ground sample distance", f"{format_number(model.gsd)} m" if model.gsd is not None else ""),
        ("Architecture", ", ".join(dict.fromkeys(a.type for a in model.architecture if a.type))),
        ("Pre-trained on", ", ".join(str(a.pretrained) for a in model.architecture if isinstance(a.pretrained, str))),
        ("Parameters", parameter_words(model)),
        ("Size of the weights", format_filesize(size) if size else ""),
        ("Framework", ", ".join(dict.fromkeys(filter(None, map(framework_words, model.runtime))))),
        ("Providers", ", ".join(provider.name for provider in model.providers)),
        ("Keywords", ", ".join(model.keywords)),
    )
    yield _table(("Fact", "Value"), [(label, value) for label, value in facts if value])


def _data(model: Model) -> Iterator[str]:
    facts = [
        [
            ("Processing level", data.process_level),
            ("Data type", data.dtype),
            ("No-data value", data.nodata_value if data.nodata_stated else None),
            ("Bands of the imagery", data.number_of_bands),
        ]
        for data in model.data
    ]
    rows = [(label, value) for stated in facts for label, value in stated if value is not None]
    if rows:
        yield "## Data"
        yield _table(("Fact", "Value"), rows)


def _inputs(model: Model) -> Iterator[str]:
    for number in range(max(1, len(model.inputs))):
        entry = model.inputs[number] if number < len(model.inputs) else None
        bands = model.selected_bands(number)
        if entry is None and not bands:
            continue
        name = entry.name if entry else None
        yield f"## Input{f': {plain(name)}' if name else ''}"
        if entry:
            yield "  \n".join(f"Shape: {shape}" for shape in filter(None, map(tensor_shape, entry.input_tensors)))
            formula = to_formula(entry)
            yield f"`{formula}`" if formula else ""
        mean, std = (entry.normalization_mean, entry.normalization_std) if entry else ((), ())
        rows = [
            (
                place,
                band_name(bands[place]) if place < len(bands) else None,
                bands[place].common_name if place < len(bands) else None,
                bands[place].center_wavelength if place < len(bands) else None,
                _of(mean, place),
                _of(std, place),
            )
            for place in range(max(len(bands), len(mean), len(std)))
        ]
        yield _table(("Channel", "Band", "Common name", "Wavelength in µm", "Mean", "Std"), rows)


def _outputs(model: Model) -> Iterator[str]:
    for output in model.outputs:
        yield "## Output"
        words = filter(None, (sentence(output.task or ""), to_shape(output.final_layer_size)))
        yield ", ".join(words)
        ignored = output.dont_care_index
        rows = [
            (c.index, c.class_name, c.description, c.color, "does not count" if c.index == ignored else "")
            for c in output.class_name_mapping
        ]
        yield _table(("Index", "Class", "Description", "Colour", ""), rows)


def _run(model: Model) -> Iterator[str]:
    if model.withdrawn:
        return  # it should not be run any more
    lines: list[str] = []
    for runtime in model.runtime:
        rows = (
            ("Framework", plain(framework_words(runtime))),
            ("Handler", plain(runtime.model_handler or "")),
            ("Source", _address(runtime.model_src_url)),
            ("Commit", plain(runtime.model_commit_hash or "")),
            ("Requirements", _address(runtime.requirement_file)),
        )
        lines += [f"- {label}: {value}" for label, value in rows if value]
    commands = [command for r in model.runtime for docker in r.docker if (command := docker_command(docker))]
    if lines or commands:
        yield "## Run it"
        yield "\n".join(lines)
        yield from (_code(command, "sh") for command in commands)


def _files(entry: Entry) -> Iterator[str]:
    rows = []
    for asset in entry.model.offered_assets:
        fields = entry.item["assets"][asset.key]
        size = fields.get("file:size")
        rows.append((
            asset.title or asset.key, ", ".join(asset.roles), asset.type, format_filesize(size) if size else "",
            fields["href"], fields.get("file:checksum"),
        ))  # fmt: skip
    if rows:
        yield "## Files"
        yield _table(("File", "Roles", "Type", "Size", "Address", "Checksum (multihash)"), rows)


def _cite(model: Model) -> Iterator[str]:
    bibtex = to_bibtex(model)
    if bibtex:
        yield "## Cite"
        yield plain(model.citation or "")
        yield "\n".join(
            "- " + " ".join(filter(None, (plain(p.citation or ""), _address(doi_url(p.doi)) if p.doi else "")))
            for p in model.publications
        )
        yield _code(bibtex, "bibtex")


def _of(numbers: Sequence[float], place: int) -> float | None:
    return numbers[place] if place < len(numbers) else None


def _address(address: str | None) -> str:
    if not address:
        return ""
    return f"<{address}>" if is_web(address) and not is_relative(address) else plain(address)


def _code(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table without the columns in which nothing is stated; empty without rows."""
    cells = [["" if value is None else plain(value) for value in row] for row in rows]
    kept = [i for i in range(len(heads)) if any(row[i] for row in cells)]
    if not kept:
        return ""
    lines = [[heads[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
