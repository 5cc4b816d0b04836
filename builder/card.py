"""Stage 6, render: what a model card says, worked out from one Entry. The templates only lay it out.

Everything here is pure and about one model. What the author left out is an empty string, an empty tuple or None; the
templates say "not stated" there.
"""

from __future__ import annotations

import functools
import html
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from builder import cite, mlm, stac
from builder.catalog import CatalogInfo, Entry
from builder.deploy import Bundle, Missing, to_bundle
from builder.deploy.docker import docker_command
from builder.deploy.sheet import DeployFile, Gap, to_field
from builder.facts import (
    Fact,
    band_name,
    band_numbers,
    class_words,
    framework_words,
    list_words,
    parameter_words,
    sentence,
    shorten,
    to_shape,
    unique,
)
from builder.fields import to_fields, to_leaves
from builder.figures import draw_hatch
from builder.footprint import Footprint, to_footprint
from builder.inputs import InputView, Step, to_head, to_input_view, to_network
from builder.layers import Layers, parse_layers
from builder.model import ClassName, Docker, Link, Model, Output, Runtime
from builder.prose import markdown, safe_href
from builder.recipe import Recipe
from builder.standing import Standing, Statistics, to_standings
from builder.templates import format_filesize, format_moment, format_number, format_plain
from builder.translation import TranslationView, to_views
from builder.words import current, format_whole, list_figures, say

LEAD_LENGTH = 200
"""Characters of the description in the head: with more, a phone shows nothing else at first."""
UNSAFE_SUFFIXES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".dill"})
"""Suffixes of formats that can run code when they are opened: they are, or may hold, Python pickles."""


@dataclass(frozen=True, slots=True)
class ClassView:
    """A class of the legend; `hatch` is the pattern of one that has no colour."""

    entry: ClassName
    hatch: str
    dont_care: bool


@dataclass(frozen=True, slots=True)
class OutputView:
    output: Output
    shape: str
    classes: str
    legend: tuple[ClassView, ...]


@dataclass(frozen=True, slots=True)
class RuntimeView:
    runtime: Runtime
    commands: tuple[str, ...]
    mount: str
    docker: tuple[Docker, ...]
    source_href: str


@dataclass(frozen=True, slots=True)
class FileView:
    key: str
    fields: Mapping[str, Any]
    unsafe: bool
    algorithm: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Card:
    """Everything a card shows besides the model's own fields."""

    lead: Markup
    overview: Markup
    answers: tuple[Fact, ...]
    figures: tuple[Fact, ...]
    coverage: tuple[Fact, ...]
    own: tuple[Fact, ...]
    footprint: Footprint | None
    inputs: tuple[InputView, ...]
    recipe: Recipe
    network: Step
    heads: tuple[tuple[Step, ...], ...]
    layers: tuple[Layers | None, ...]
    standings: tuple[Standing, ...]
    outputs: tuple[OutputView, ...]
    runtimes: tuple[RuntimeView, ...]
    deploy: tuple[DeployFile, ...]
    missing: tuple[Missing, ...]
    sections: tuple[tuple[str, str, str], ...]
    translations: tuple[TranslationView, ...]
    metric_columns: tuple[str, ...]
    metric_labels: tuple[str, ...]
    files: tuple[FileView, ...]
    bibtex: str
    links: tuple[Link, ...]
    fields: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    mlm: mlm.Mlm
    issue_href: str
    edit_href: str


def to_card(
    entry: Entry,
    catalog: CatalogInfo,
    statistics: Statistics = Statistics(),  # noqa: B008  frozen
    bundle: Bundle | None = None,
) -> Card:
    """The card of a model; `bundle` are its deploy files, where they are made already."""
    model = entry.model
    layers = tuple(parse_layers(a.summary or "", a.total_nb_parameters) for a in model.architecture)
    lead, overview = _lead(model.description, current().language)
    inputs = tuple(to_input_view(model, index) for index in range(max(1, len(model.inputs))))
    outputs = tuple(
        OutputView(o, to_shape(o.final_layer_size), class_words(o), tuple(_legend(o))) for o in model.outputs
    )
    runtimes = tuple(_runtime_view(runtime) for runtime in model.runtime)
    bundle = bundle or to_bundle(entry, catalog.base_url)
    labels = {"unit": say("Unit"), "dataset": say("Dataset"), "split": say("Split"), "source": say("Source")}
    columns = {n: w for n, w in labels.items() if any(getattr(m, n) is not None for m in model.card.metrics)}
    return Card(
        lead=lead,
        overview=overview,
        answers=tuple(_answers(model, inputs, runtimes)),
        figures=tuple(_figures(model, inputs)),
        coverage=tuple(_coverage(entry)),
        own=tuple(_own(entry, catalog)),
        footprint=to_footprint(entry.item["bbox"], model.geometry) if model.bbox or model.geometry else None,
        inputs=inputs,
        recipe=bundle.recipe,
        network=to_network(model, layers),
        heads=tuple(to_head(output) for output in model.outputs) or ((Step("output", say("Output")),),),
        layers=layers,
        standings=to_standings(model, statistics),
        outputs=outputs,
        runtimes=runtimes,
        deploy=tuple(map(_titled, bundle.files)),
        missing=tuple(_missing(model, bundle.missing)) if not model.withdrawn else (),
        sections=tuple(_extra_sections(model)),
        translations=to_views(model),
        metric_columns=tuple(columns),
        metric_labels=tuple(columns.values()),
        files=tuple(_file_view(asset.key, entry.item["assets"][asset.key]) for asset in model.offered_assets),
        bibtex=cite.to_bibtex(model),
        links=tuple(link for link in model.links if link.rel not in stac.VERSION_RELS),
        fields=tuple(to_fields(entry)),
        mlm=_mlm(entry, catalog),
        issue_href=_issue_href(catalog, model),
        edit_href=f"{catalog.source_url.rstrip('/')}/{quote(entry.source)}" if catalog.source_url else "",
    )


def _titled(file: DeployFile) -> DeployFile:
    """The file with its title in the current language."""
    title = say(file.title)
    return file if title == file.title else replace(file, title=title)


def _legend(output: Output) -> Iterator[ClassView]:
    plain = 0
    for entry in output.class_name_mapping:
        dont_care = entry.index == output.dont_care_index
        hatch = ""
        if not entry.color and not dont_care:
            hatch, plain = draw_hatch(plain), plain + 1
        yield ClassView(entry, hatch, dont_care)


# --- head ------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=2)  # a card is worked out from it, and right before that its summary for search engines
def _lead(description: str | None, language: str) -> tuple[Markup, Markup]:  # noqa: ARG001  a part of the key
    """The start of the description for the head of the card, and what is left for the overview.

    A first paragraph that is short goes to the head as it is; of a long one the head gets the beginning only, and the
    overview all of it. Footnotes have words in the `language` of the site.
    """
    if not description:
        return Markup(""), Markup("")
    body = markdown(description, "description", 3)
    first = re.match(r"<p>(.*?)</p>\s*", body, re.DOTALL)
    if first is None:
        return Markup(""), body
    text = html.unescape(re.sub(r"<[^>]*>", "", first[1])).strip()
    if len(text) <= LEAD_LENGTH and "<img" not in first[1]:
        # S704: both parts come out of `markdown`, cut between elements.
        return Markup(first[1]), Markup(body[first.end() :])  # noqa: S704
    return Markup.escape(shorten(text, LEAD_LENGTH)), body


def to_summary(model: Model, length: int = 160) -> str:
    """What the model is, as one line of plain text, for search engines and feeds."""
    lead, rest = _lead(model.description, current().language)
    return shorten(html.unescape(re.sub(r"<[^>]*>", " ", str(lead or rest))).strip(), length)


def _answers(model: Model, inputs: tuple[InputView, ...], runtimes: tuple[RuntimeView, ...]) -> Iterator[Fact]:
    """What a reader wants first: what it does, on which imagery, whether they may use it, how to run it."""
    classes = [c.class_name for o in model.outputs for c in o.class_name_mapping if c.index != o.dont_care_index]
    shown = ", ".join(classes[:4]) + (say(" and {0} more", len(classes) - 4) if len(classes) > 4 else "")
    yield Fact(say("Task"), sentence(", ".join(model.tasks)), shown, "#outputs")
    levels = unique(" ".join(filter(None, (data.process_level, data.dtype))) for data in model.data)
    sensors = ", ".join(dict.fromkeys((*model.sensors, *model.instruments)))
    bands = "; ".join(
        dict.fromkeys(list_words([band_name(row.band) for row in view.bands]) for view in inputs if view.bands)
    )
    imagery = " · ".join(
        filter(None, (sensors, f"{format_number(model.gsd)} m" if model.gsd is not None else "", levels))
    )
    yield Fact(say("Imagery"), imagery or sentence(bands), bands if imagery else "", "#data")
    terms = next((link.href for link in model.links if link.rel == "license"), "")
    yield Fact(say("License"), model.license or "", "", terms, "license")
    if model.withdrawn:
        return  # it should not be run any more
    command = next((command for view in runtimes for command in view.commands), "")
    frameworks = unique(framework_words(view.runtime) for view in runtimes)
    handlers = unique(view.runtime.model_handler or "" for view in runtimes)
    words = frameworks if command else ", ".join(filter(None, (frameworks, handlers)))
    yield Fact(say("Run"), words, command, "#run", "run")


def _figures(model: Model, inputs: tuple[InputView, ...]) -> Iterator[Fact]:
    """The key figures of the head."""
    yield Fact(say("Parameters"), parameter_words(model))
    sizes = [a.estimated_total_size_mb for a in model.architecture if a.estimated_total_size_mb is not None]
    size = model.weights.fields.get("file:size") if model.weights else None
    stated = " + ".join(format_number(size) for size in sizes) + say(" MB") if sizes else ""
    note = "" if stated or not size else say("weights file")
    yield Fact(say("Size"), stated or (format_filesize(size) if size else ""), note)
    yield Fact(say("Input shape"), unique(shape.replace("× ", "×\u00a0") for view in inputs for shape in view.shapes))
    yield Fact(say("Bands"), " + ".join(map(format_whole, band_numbers(model))))
    yield Fact(say("GSD"), f"{format_number(model.gsd)} m" if model.gsd is not None else "")
    numbers = [o.number_of_classes or len(o.class_name_mapping) for o in model.outputs]
    yield Fact(say("Classes"), " + ".join(str(number) for number in numbers if number))
    yield Fact(say("Framework"), unique(framework_words(runtime) for runtime in model.runtime))


def _coverage(entry: Entry) -> Iterator[Fact]:
    """Where and when the model holds, and what took the imagery."""
    model, properties = entry.model, entry.item["properties"]
    labels = {"platform": say("Platform"), "constellation": say("Constellation"), "mission": say("Mission")}
    for key, label in labels.items():
        if value := model.fields.get(key):
            yield Fact(label, str(value))
    if not model.sensors:
        yield Fact(labels["platform"])
    if model.instruments:
        yield Fact(say("Instruments"), ", ".join(model.instruments))
    yield Fact(say("Ground sample distance"), f"{format_number(model.gsd)} m" if model.gsd is not None else "")
    if properties.get("datetime"):
        yield Fact(say("Time"), format_moment(properties["datetime"]))
    else:
        start, end = properties.get("start_datetime"), properties.get("end_datetime")
        first = "" if start in (None, stac.OPEN_START) else format_moment(start)
        last = "" if end in (None, stac.OPEN_END) else format_moment(end)
        span = say("{0} to {1}", first or say("open"), last or say("open")) if first or last else ""
        yield Fact(say("Time span"), span)
    if model.bbox or model.geometry:
        yield Fact(say("Footprint"), _box_words(entry.item["bbox"]), say("(west, south, east, north in degrees)"))
    else:
        yield Fact(say("Footprint"), "", say("(treated as the whole world)"))


def _own(entry: Entry, catalog: CatalogInfo) -> Iterator[Fact]:
    """The author's own fields that the catalog file names; an address is a link."""
    for key, label in catalog.fields:
        value = entry.item["properties"].get(key)
        leaves = to_leaves("", value) if value is not None else ()
        words = "; ".join(f"{path.removeprefix('.')}: {text}" if path else text for path, text in leaves)
        yield Fact(label, words, "", safe_href(words) or "")


def _box_words(bbox: list[float]) -> str:
    numbers = [*bbox[:2], *bbox[3:5]] if len(bbox) == 6 else bbox
    return list_figures(map(format_plain, numbers))


# --- run -------------------------------------------------------------------------------------------------------------


def _runtime_view(runtime: Runtime) -> RuntimeView:
    commands = tuple(filter(None, (docker_command(docker) for docker in runtime.docker)))
    folder = next((docker.working_dir for docker in runtime.docker if docker.image_name and docker.working_dir), None)
    mount = f'-v "$PWD":{shlex.quote(folder)}' if folder else ""
    return RuntimeView(runtime, commands, mount, runtime.docker, _source_href(runtime))


def _source_href(runtime: Runtime) -> str:
    """The source at its commit, where the host's addresses are known; else as stated."""
    url, commit = runtime.model_src_url or "", runtime.model_commit_hash or ""
    parts = urlsplit(url) if re.match(r"https?://[^\s]+$", url) else None
    if parts is None or not re.fullmatch(r"[0-9a-fA-F]{7,64}", commit) or parts.query or parts.fragment:
        return url
    path = parts.path.strip("/").removesuffix(".git")
    if path.count("/") != 1:
        return url
    tree = {"github.com": "tree", "gitlab.com": "-/tree", "bitbucket.org": "src", "codeberg.org": "src/commit"}
    known = tree.get((parts.hostname or "").removeprefix("www."))
    return f"{parts.scheme}://{parts.netloc}/{path}/{known}/{commit}" if known else url


def _missing(model: Model, missing: tuple[Missing, ...]) -> Iterator[Missing]:
    """What a model file would have to say for the model to be deployed from it, and the files that wait for it."""
    yield from missing
    if any(docker.image_name for runtime in model.runtime for docker in runtime.docker):
        return
    # Without a container, whoever deploys the model has to build one.
    for runtime in model.runtime or (Runtime(("dlm:runtime",)),):
        if not runtime.framework:
            yield Missing(Gap(to_field((*runtime.path, "framework")), say("the framework")), ())
        if not runtime.version:
            yield Missing(Gap(to_field((*runtime.path, "version")), say("the version of the framework")), ())
        if not runtime.model_handler:
            yield Missing(Gap(to_field((*runtime.path, "model_handler")), say("the handler to call")), ())
        if not runtime.model_src_url:
            yield Missing(Gap(to_field((*runtime.path, "model_src_url")), say("the source code")), ())
        if not runtime.model_commit_hash:
            yield Missing(Gap(to_field((*runtime.path, "model_commit_hash")), say("the commit of the source code")), ())


# --- prose, files, fields --------------------------------------------------------------------------------------------


def _extra_sections(model: Model) -> Iterator[tuple[str, str, str]]:
    """The author's own sections: a unique anchor, the heading, the Markdown."""
    seen: set[str] = set()
    for key, text in model.card.extra_sections.items():
        base = "section-" + (re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "x")
        anchor, number = base, 2
        while anchor in seen:
            anchor, number = f"{base}-{number}", number + 1
        seen.add(anchor)
        yield anchor, sentence(key.replace("_", " ").strip()) or say("More"), text


def _file_view(key: str, fields: Mapping[str, Any]) -> FileView:
    path = urlsplit(fields["href"].replace("[", "%5B").replace("]", "%5D")).path
    suffix = PurePosixPath(path).suffix.lower()
    checksum = str(fields.get("file:checksum", ""))
    # Multihash codes, https://github.com/multiformats/multicodec: 0x12 sha2-256 of 32 bytes, 0x13 sha2-512 of 64.
    known = {"1220": "SHA-256", "1340": "SHA-512"}.get(checksum[:4])
    return FileView(
        key,
        fields,
        suffix in UNSAFE_SUFFIXES,
        known or ("multihash" if checksum else ""),
        checksum[4:] if known else checksum,
    )


def _mlm(entry: Entry, catalog: CatalogInfo) -> mlm.Mlm:
    """What becomes of the model in MLM: its notes and losses. All empty where the catalog has no MLM."""
    if not catalog.mlm:
        return mlm.Mlm()
    return mlm.to_mlm(
        entry.model, {**entry.item, "properties": mlm.without_derived(entry.item["properties"], entry.model)}
    )


def _issue_href(catalog: CatalogInfo, model: Model) -> str:
    """Where a problem with the model is reported, with the title filled in where the host is known to take one."""
    url = (catalog.issues_url or "").rstrip("/")
    title = quote(f"{model.collection}/{model.id}: ", safe="")
    if not url or "?" in url:
        return url
    if url.endswith("/-/issues"):
        return f"{url}/new?issue[title]={title}"
    if re.match(r"https?://(www\.)?github\.com/", url) and url.endswith("/issues"):
        return f"{url}/new?title={title}"
    return url
