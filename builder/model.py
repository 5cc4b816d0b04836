"""Stage 2, type: the canonical data of a model file as a frozen tree with the spec's names.

`to_model` expects data that the schema accepts, or data from which what the schema refused has been taken out; so
every field may be missing and none has a wrong type. Objects that may be one or a list are always tuples here, and
each carries its `path` in the canonical data, which is how a rule says where something is wrong.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import unquote

from builder.diagnostic import Path
from builder.words import ENGLISH

T = TypeVar("T")

WEIGHT_ROLES = frozenset({"weights", "model", "mlm:model", "mlm:weights"})
"""Asset roles that mark the weights of the model."""
CARD_ASSET = "card"
"""Key of the asset that leads to the model card."""
CARD_SECTIONS = ("intended_use", "limitations", "training_data", "evaluation", "ethical_considerations")
"""Sections of `card` that have a place of their own on the model card."""
SENSOR_KEYS = ("platform", "constellation", "mission")


def many(value: Any, path: Path) -> list[tuple[Path, Any]]:
    """The objects of a field that is one object or a list of them, each with its path."""
    if value is None:
        return []
    if isinstance(value, list):
        return [((*path, index), item) for index, item in enumerate(value)]
    return [(path, value)]


@dataclass(frozen=True, slots=True)
class Band:
    """A band of the imagery (`eo:bands`). Wavelengths are in micrometres."""

    path: Path
    name: str | None = None
    common_name: str | None = None
    description: str | None = None
    center_wavelength: float | None = None
    full_width_half_max: float | None = None
    solar_illumination: float | None = None


@dataclass(frozen=True, slots=True)
class UsefulBand:
    """A band that the model reads: `index` is its place in `eo:bands`, from 0."""

    path: Path
    index: int | None = None
    name: str | None = None
    common_name: str | None = None
    description: str | None = None
    center_wavelength: float | None = None
    full_width_half_max: float | None = None
    solar_illumination: float | None = None


@dataclass(frozen=True, slots=True)
class ItemExample:
    path: Path
    url: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """The imagery the model was made for (`dlm:data`)."""

    path: Path
    process_level: str | None = None
    dtype: str | None = None
    nodata_value: float | str | None = None
    number_of_bands: int | None = None
    useful_bands: tuple[UsefulBand, ...] = ()
    test_file: str | None = None
    item_examples: tuple[ItemExample, ...] = ()
    nodata_stated: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    """Shape of an input; a missing dimension is free. Height and width are in pixels."""

    path: Path
    batch: int | None = None
    dim: int | None = None
    height: int | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """What the network is fed (`dlm:inputs`): `(pixel × scaling_factor − mean) / std` of the selected bands."""

    path: Path
    name: str | None = None
    input_tensors: tuple[Tensor, ...] = ()
    scaling_factor: float | None = None
    normalization_mean: tuple[float, ...] = ()
    normalization_std: tuple[float, ...] = ()
    selected_band: tuple[int, ...] = ()
    pre_processing_function: str | None = None


@dataclass(frozen=True, slots=True)
class Architecture:
    """The network (`dlm:architecture`); the size is in MB of 1024² bytes."""

    path: Path
    type: str | None = None
    total_nb_parameters: int | None = None
    estimated_total_size_mb: float | None = None
    summary: str | None = None
    pretrained: str | bool | None = None
    pretrained_stated: bool = False


@dataclass(frozen=True, slots=True)
class Docker:
    path: Path
    docker_file: str | None = None
    image_name: str | None = None
    tag: str | None = None
    working_dir: str | None = None
    run: str | None = None
    gpu: bool | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """The software that runs the model (`dlm:runtime`)."""

    path: Path
    framework: str | None = None
    version: str | None = None
    model_handler: str | None = None
    model_src_url: str | None = None
    model_commit_hash: str | None = None
    requirement_file: str | None = None
    docker: tuple[Docker, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassName:
    path: Path
    index: int
    class_name: str
    description: str | None = None
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What comes out (`dlm:outputs`); `final_layer_size` is N×C×H×W."""

    path: Path
    task: str | None = None
    number_of_classes: int | None = None
    final_layer_size: tuple[int, ...] = ()
    class_name_mapping: tuple[ClassName, ...] = ()
    dont_care_index: int | None = None
    post_processing_function: str | None = None


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    path: Path
    name: str
    role: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the model. `fields` is the asset as STAC has it, without what is computed."""

    path: Path
    key: str
    href: str
    fields: Mapping[str, Any]
    title: str | None = None
    description: str | None = None
    type: str | None = None
    roles: tuple[str, ...] = ()

    @property
    def is_weights(self) -> bool:
        """Whether the asset is the weights of the model, by its roles."""
        return not WEIGHT_ROLES.isdisjoint(self.roles)

    @property
    def published_name(self) -> str:
        """Where a local file is published, below the folder of the model: its own path, or its name where that
        leads out of the folder."""
        path = posixpath.normpath(unquote(re.split("[?#]", self.href, maxsplit=1)[0]))
        return path.rsplit("/", 1)[-1] if path.startswith("..") else path

    @property
    def is_local(self) -> bool:
        """Whether the file is one beside the model file, rather than a URL."""
        return is_relative(self.href)


@dataclass(frozen=True, slots=True)
class Link:
    path: Path
    rel: str
    href: str
    fields: Mapping[str, Any]
    title: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    path: Path
    name: str
    description: str | None = None
    roles: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    path: Path
    doi: str | None = None
    citation: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    path: Path
    name: str
    value: float | str
    unit: str | None = None
    dataset: str | None = None
    split: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """Prose of the model card: Markdown by section, in the author's order, and metrics."""

    sections: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()

    @property
    def extra_sections(self) -> dict[str, str]:
        """The sections under headings of the author's own."""
        return {key: text for key, text in self.sections.items() if key not in CARD_SECTIONS}


@dataclass(frozen=True, slots=True)
class Translation:
    """What a model says in another language (`translations`): title, description and sections of the card."""

    path: Path
    language: str
    title: str | None = None
    description: str | None = None
    sections: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That the model is not offered any more (`dlm:withdrawn`): why, since when, and what to use instead."""

    path: Path
    reason: str | None = None
    since: str | None = None
    replaced_by: str | None = None

    @property
    def replaced_elsewhere(self) -> str | None:
        """The URL of the replacement, where it is not a model of the catalog."""
        return self.replaced_by if self.replaced_by and re.match(r"https?://\S+$", self.replaced_by) else None


@dataclass(frozen=True)
class Model:
    """One model: `fields` holds its Item properties in canonical form, the others are what cards and rules use.

    `language` is that of title, description and card; where `translation.to_language` has put others in their place,
    it is that language, and `foreign` tells the texts that are in another one: `title`, `description` and
    `card.<section>`, each with its language.
    """

    id: str
    collection: str
    fields: Mapping[str, Any]
    title: str | None = None
    description: str | None = None
    license: str | None = None
    version: str | None = None
    deprecated: bool = False
    experimental: bool = False
    withdrawn: Withdrawal | None = None
    keywords: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()
    gsd: float | None = None
    instruments: tuple[str, ...] = ()
    bbox: tuple[float, ...] = ()
    geometry: Mapping[str, Any] | None = None
    bands: tuple[Band, ...] = ()
    data: tuple[Data, ...] = ()
    inputs: tuple[Input, ...] = ()
    architecture: tuple[Architecture, ...] = ()
    runtime: tuple[Runtime, ...] = ()
    outputs: tuple[Output, ...] = ()
    archive: tuple[ArchiveMember, ...] = ()
    assets: tuple[Asset, ...] = ()
    links: tuple[Link, ...] = ()
    publications: tuple[Publication, ...] = ()
    doi: str | None = None
    citation: str | None = None
    card: Card = field(default_factory=Card)
    language: str = ENGLISH
    translations: tuple[Translation, ...] = ()
    foreign: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """The title, or the id where there is none."""
        return self.title or self.id

    @property
    def own_name(self) -> str:
        """The title as the author gives it, by which the model is cited, or the id where there is none."""
        return str(self.fields.get("title") or self.id)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of all heads, each once, in their order."""
        return tuple(dict.fromkeys(output.task for output in self.outputs if output.task))

    @cached_property
    def sensors(self) -> tuple[str, ...]:
        """What took the imagery: platform, constellation, mission, as far as stated."""
        return tuple(dict.fromkeys(str(self.fields[key]) for key in SENSOR_KEYS if self.fields.get(key)))

    @cached_property
    def weights(self) -> Asset | None:
        """The first asset with the weights that is offered."""
        return next((asset for asset in self.offered_assets if asset.is_weights), None)

    @cached_property
    def offered_assets(self) -> tuple[Asset, ...]:
        """The assets that are published: of a withdrawn model, all but the weights."""
        return tuple(asset for asset in self.assets if not (self.withdrawn and asset.is_weights))

    def selected_bands(self, index: int = 0) -> tuple[Band | UsefulBand, ...]:
        """The bands that an input reads, in the model's order, with the facts of `eo:bands` where they are known.

        From `selected_band`; without it, from `useful_bands`; without both, all bands when their number is the
        tensor's. Empty when the order cannot be established.
        """
        entry = self.inputs[index] if index < len(self.inputs) else None
        data = self.data[min(index, len(self.data) - 1)] if self.data else None
        if entry is not None and entry.selected_band:
            by_index = {band.index: band for band in data.useful_bands} if data else {}
            chosen = [self._band(i) or by_index.get(i) for i in entry.selected_band]
            return tuple(band for band in chosen if band is not None) if None not in chosen else ()
        if data is not None and data.useful_bands:
            return tuple(self._band(useful.index) or useful for useful in data.useful_bands)
        dims = {tensor.dim for tensor in entry.input_tensors} if entry else set()
        return self.bands if dims == {len(self.bands)} else ()

    def _band(self, index: int | None) -> Band | None:
        return self.bands[index] if index is not None and 0 <= index < len(self.bands) else None


def is_relative(href: str) -> bool:
    """Whether an href is a relative reference: no scheme, no host, not from the root of a server."""
    head = href.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return ":" not in head and not href.startswith(("/", "\\", "#", "?"))


def _simple(cls: Callable[..., T], names: frozenset[str], raw: Mapping[str, Any], path: Path, **made: Any) -> T:
    fields = {key: value for key, value in raw.items() if key in names and key not in made}
    for key in _WHOLE & fields.keys():
        if isinstance(fields[key], float):
            fields[key] = int(fields[key])  # to JSON Schema, 3.0 is a whole number, too
    return cls(path=path, **fields, **made)


def _names(cls: Any) -> frozenset[str]:
    return frozenset(cls.__dataclass_fields__) - {"path"}


_NAMES: dict[Any, frozenset[str]] = {
    cls: _names(cls)
    for cls in (
        Band, UsefulBand, ItemExample, Data, Tensor, Input, Architecture, Docker, Runtime, ClassName, Output,
        Provider, Publication, Metric, Withdrawal,
    )
}  # fmt: skip


_WHOLE = frozenset(
    name for cls in _NAMES for name in _NAMES[cls] if cls.__dataclass_fields__[name].type in ("int", "int | None")
)
"""Names of the fields that hold whole numbers, in any class."""


def _objects(cls: type[T], value: Any, path: Path) -> tuple[T, ...]:
    names = _NAMES[cls]
    return tuple(_simple(cls, names, raw, at) for at, raw in many(value, path))


def _to_data(raw: Mapping[str, Any], path: Path) -> Data:
    return _simple(
        Data, _NAMES[Data], raw, path,
        useful_bands=_objects(UsefulBand, raw.get("useful_bands"), (*path, "useful_bands")),
        item_examples=_objects(ItemExample, raw.get("item_examples"), (*path, "item_examples")),
        nodata_stated="nodata_value" in raw,
    )  # fmt: skip


def _to_input(raw: Mapping[str, Any], path: Path) -> Input:
    return _simple(
        Input, _NAMES[Input], raw, path,
        input_tensors=_objects(Tensor, raw.get("input_tensors"), (*path, "input_tensors")),
        normalization_mean=tuple(raw.get("normalization:mean", ())),
        normalization_std=tuple(raw.get("normalization:std", ())),
        selected_band=tuple(map(int, raw.get("selected_band", ()))),
    )  # fmt: skip


def _to_runtime(raw: Mapping[str, Any], path: Path) -> Runtime:
    docker = _objects(Docker, raw.get("docker"), (*path, "docker"))
    return _simple(Runtime, _NAMES[Runtime], raw, path, docker=docker)


def _to_output(raw: Mapping[str, Any], path: Path) -> Output:
    return _simple(
        Output, _NAMES[Output], raw, path,
        final_layer_size=tuple(map(int, raw.get("final_layer_size", ()))),
        class_name_mapping=_objects(ClassName, raw.get("class_name_mapping"), (*path, "class_name_mapping")),
    )  # fmt: skip


def _to_asset(key: str, raw: Mapping[str, Any], path: Path) -> Asset:
    return Asset(
        path, key, raw["href"], raw, raw.get("title"), raw.get("description"), raw.get("type"),
        tuple(raw.get("roles", ())),
    )  # fmt: skip


def _to_provider(raw: Mapping[str, Any], path: Path) -> Provider:
    return Provider(path, raw["name"], raw.get("description"), tuple(raw.get("roles", ())), raw.get("url"))


def to_providers(raw: list[Mapping[str, Any]]) -> tuple[Provider, ...]:
    """The providers in a list of them, as catalog and collection files have it."""
    return tuple(_to_provider(provider, path) for path, provider in many(raw, ("providers",)))


def _to_card(raw: Mapping[str, Any]) -> Card:
    sections = {key: value for key, value in raw.items() if key != "metrics"}
    return Card(sections, _objects(Metric, raw.get("metrics"), ("card", "metrics")))


def _to_translation(language: str, raw: Mapping[str, Any]) -> Translation:
    return Translation(
        ("translations", language), language, raw.get("title"), raw.get("description"), raw.get("card", {})
    )


_NOT_PROPERTIES = frozenset({
    "id", "collection", "bbox", "geometry", "assets", "links", "card", "type", "stac_version", "stac_extensions",
})  # fmt: skip


def to_model(data: Mapping[str, Any], language: str = ENGLISH) -> Model:
    """The model in canonical data (see `builder.authoring`) that the schema accepts, as far as it is filled in.

    `language` is that of the catalog, in which a model's texts are unless it says otherwise.
    """

    def each(key: str, make: Callable[[Mapping[str, Any], Path], T]) -> tuple[T, ...]:
        return tuple(make(raw, path) for path, raw in many(data.get(key), (key,)))

    withdrawn = _objects(Withdrawal, data.get("dlm:withdrawn"), ("dlm:withdrawn",))
    return Model(
        id=data["id"],
        collection=data["collection"],
        fields={key: value for key, value in data.items() if key not in _NOT_PROPERTIES},
        title=data.get("title"),
        description=data.get("description"),
        license=data.get("license"),
        version=data.get("version"),
        deprecated=data.get("deprecated", False) or bool(withdrawn),
        experimental=data.get("experimental", False),
        withdrawn=withdrawn[0] if withdrawn else None,
        keywords=tuple(data.get("keywords", ())),
        providers=each("providers", _to_provider),
        gsd=data.get("gsd"),
        instruments=tuple(data.get("instruments", ())),
        bbox=tuple(data.get("bbox", ())),
        geometry=data.get("geometry"),
        bands=tuple(_simple(Band, _NAMES[Band], raw, path) for path, raw in many(data.get("eo:bands"), ("eo:bands",))),
        data=each("dlm:data", _to_data),
        inputs=each("dlm:inputs", _to_input),
        architecture=each(
            "dlm:architecture",
            lambda raw, path: _simple(
                Architecture, _NAMES[Architecture], raw, path, pretrained_stated="pretrained" in raw
            ),
        ),
        runtime=each("dlm:runtime", _to_runtime),
        outputs=each("dlm:outputs", _to_output),
        archive=each(
            "dlm:archive",
            lambda raw, path: ArchiveMember(path, raw["name"], _text_or_list(raw.get("role"))),
        ),
        assets=tuple(_to_asset(key, raw, ("assets", key)) for key, raw in data.get("assets", {}).items()),
        links=each(
            "links",
            lambda raw, path: Link(path, raw["rel"], raw["href"], raw, raw.get("title"), raw.get("type")),
        ),
        publications=_objects(Publication, data.get("sci:publications"), ("sci:publications",)),
        doi=data.get("sci:doi"),
        citation=data.get("sci:citation"),
        card=_to_card(data.get("card", {})),
        language=data.get("language", {}).get("code", language),
        translations=tuple(_to_translation(key, raw) for key, raw in data.get("translations", {}).items()),
    )


def _text_or_list(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
