"""The Deep Learning Model extension (`dlm:`) for pystac.

    item = pystac.Item.from_file("model.json")
    dlm = DLMExtension.ext(item)
    for output in dlm.outputs:
        print(output.task, [c.class_name for c in output.class_name_mapping])

`schema.json` beside this file is the contract. The classes below repeat only its field names and types, for editors and
type checkers; a test holds the two together, and each attribute's docstring is the schema's description.

Reading is lenient: values are handed out as they stand in the JSON. Validation is the schema's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    overload,
)

import pystac
from pystac.extensions.base import ExtensionManagementMixin, PropertiesExtension, SummariesExtension
from pystac.extensions.hooks import ExtensionHooks
from pystac.serialization.identify import STACJSONDescription, STACVersionID
from pystac.summaries import RangeSummary
from pystac.utils import get_required

T = TypeVar("T", pystac.Item, pystac.Asset, pystac.ItemAssetDefinition)

_SCHEMA: dict[str, Any] = json.loads((resources.files(__package__) / "schema.json").read_text("utf-8"))

SCHEMA_URI: str = _SCHEMA["$id"]

PREFIX: str = "dlm:"

DATA_PROP: str = PREFIX + "data"
INPUTS_PROP: str = PREFIX + "inputs"
ARCHITECTURE_PROP: str = PREFIX + "architecture"
RUNTIME_PROP: str = PREFIX + "runtime"
OUTPUTS_PROP: str = PREFIX + "outputs"
ARCHIVE_PROP: str = PREFIX + "archive"

ProcessLevel = Literal["L0", "L1", "L1A", "L1B", "L1C", "L2", "L2A", "L3", "L4", "ortho"]
DType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
NotFinite = Literal["nan", "inf", "-inf"]
Task = Literal[
    "regression",
    "classification",
    "semantic segmentation",
    "object detection",
    "instance segmentation",
    "panoptic segmentation",
]

_SCHEMA_URI_PATTERN = re.compile(_SCHEMA["properties"]["stac_extensions"]["contains"]["pattern"])


def _is_schema_uri(uri: object) -> bool:
    return isinstance(uri, str) and _SCHEMA_URI_PATTERN.search(uri) is not None


class _Holder(Protocol):
    """What fields can be read from and written to."""

    def _read(self, key: str) -> Any: ...
    def _write(self, key: str, value: Any) -> None: ...
    def _remove(self, key: str) -> None: ...


V = TypeVar("V")
OneOrMany: TypeAlias = V | Sequence[V]  # the statement `type` needs Python 3.12


class _Key(Generic[V]):
    """A field of the schema as an attribute. `key` is its name in the JSON, by default the attribute's own name."""

    def __init__(self, key: str = "", *, nullable: bool = False) -> None:
        self.key = key
        self.nullable = nullable
        self.node: Mapping[str, Any] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = self.key or name

    def __delete__(self, holder: _Holder) -> None:
        holder._remove(self.key)


class Field(_Key[V]):
    """A field that may be left out: reads as None then. Writing None removes it.

    In a `nullable` field null says something: None is written as null, and `del` removes the field.
    """

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: _Holder, owner: type) -> V | None: ...
    def __get__(self, holder: _Holder | None, owner: type) -> Self | V | None:
        return self if holder is None else cast(V | None, holder._read(self.key))

    def __set__(self, holder: _Holder, value: V | None) -> None:
        if value is None and not self.nullable:
            holder._remove(self.key)
        else:
            holder._write(self.key, value)


class Required(_Key[V]):
    """A field that must be there: reading raises `pystac.RequiredPropertyMissing` if it is not."""

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: _Holder, owner: type) -> V: ...
    def __get__(self, holder: _Holder | None, owner: type) -> Self | V:
        return self if holder is None else get_required(cast(V | None, holder._read(self.key)), holder, self.key)

    def __set__(self, holder: _Holder, value: V) -> None:
        holder._write(self.key, value)


class Many(_Key[V]):
    """A field of objects or texts of the type `of`: always reads as a list, empty if the field is left out.

    Writing keeps the shape: one object is published as one object, a list as a list; with `always_list`, one object is
    published as a list of one. Nothing (None or an empty list) removes the field. The list that is read is a new one,
    the objects in it are live: change an object in place, but assign a list to add or drop one.
    """

    def __init__(self, of: type[V], key: str = "", *, always_list: bool = False) -> None:
        super().__init__(key)
        self.of = of
        self.always_list = always_list

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: _Holder, owner: type) -> list[V]: ...
    def __get__(self, holder: _Holder | None, owner: type) -> Self | list[V]:
        if holder is None:
            return self
        value = holder._read(self.key)
        values = [] if value is None else list(value) if isinstance(value, list) else [value]
        if issubclass(self.of, DLMObject):
            return [self.of.from_dict(v) for v in values]
        return values

    def __set__(self, holder: _Holder, value: OneOrMany[V] | None) -> None:
        many = isinstance(value, Sequence) and not isinstance(value, str)
        values: list[Any] = [] if value is None else list(cast(Sequence[V], value)) if many else [value]
        for v in values:
            if not isinstance(v, self.of):
                raise TypeError(f"{self.key} takes {self.of.__name__}, not {type(v).__name__}")
        plain = [v.to_dict() if isinstance(v, DLMObject) else v for v in values]
        if not plain:
            holder._remove(self.key)
        else:
            holder._write(self.key, plain if many or self.always_list else plain[0])


C = TypeVar("C", bound=type)


def _fields(cls: type) -> dict[str, _Key[Any]]:
    """The fields of a class, by attribute name."""
    members = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
    return {name: member for name, member in members.items() if isinstance(member, _Key)}


def _defined_by(definition: Mapping[str, Any]) -> Callable[[C], C]:
    """A class decorator: each field gets its node of the schema, and the description in it as its docstring."""

    def connect(cls: C) -> C:
        for field in _fields(cls).values():
            field.node = definition["properties"].get(field.key, {})
            field.__doc__ = field.node.get("description")
        return cls

    return connect


_DEFINITIONS: dict[str, Any] = _SCHEMA["definitions"]


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Required,))
class DLMObject:
    """An object inside a `dlm:` field: attributes over the JSON dict in `properties`.

    The constructor takes the fields as keywords. Raises TypeError for an unknown field and for a missing required one.
    """

    properties: dict[str, Any]

    __hash__ = None  # type: ignore[assignment]  # objects with the same fields are equal, and fields change

    def __init__(self, **fields: Any) -> None:
        known = _fields(type(self))
        if unknown := fields.keys() - known.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        if missing := {n for n, f in known.items() if isinstance(f, Required)} - fields.keys():
            raise TypeError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        self.properties = {}
        for name, value in fields.items():
            setattr(self, name, value)

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Self:
        """The object over `d` itself, not over a copy. Raises TypeError if `d` is not a dict."""
        if not isinstance(d, dict):
            raise TypeError(f"{cls.__name__} is an object in JSON, not {type(d).__name__}")
        new = cls.__new__(cls)
        new.properties = d
        return new

    def to_dict(self) -> dict[str, Any]:
        """The JSON dict itself, not a copy."""
        return self.properties

    def __eq__(self, other: object) -> bool:
        return self.properties == other.properties if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.properties}>"

    def _read(self, key: str) -> Any:
        return self.properties.get(key)

    def _write(self, key: str, value: Any) -> None:
        self.properties[key] = value

    def _remove(self, key: str) -> None:
        self.properties.pop(key, None)


@_defined_by(_DEFINITIONS["data"]["properties"]["item_examples"]["items"])
class ItemExample(DLMObject):
    """A STAC Item of imagery that the model can read."""

    title: Field[str] = Field()
    url: Required[str] = Required()


@_defined_by(_DEFINITIONS["useful_band"])
class UsefulBand(DLMObject):
    """A band that the model reads. `index` counts from 0 in the Item's `eo:bands`; wavelengths are in micrometres."""

    index: Required[int] = Required()
    name: Field[str] = Field()
    common_name: Field[str] = Field()
    description: Field[str] = Field()
    center_wavelength: Field[float] = Field()
    full_width_half_max: Field[float] = Field()
    solar_illumination: Field[float] = Field()


@_defined_by(_DEFINITIONS["data"])
class Data(DLMObject):
    """The imagery the model was made for."""

    process_level: Field[ProcessLevel] = Field()
    dtype: Field[DType] = Field()
    nodata_value: Field[float | NotFinite] = Field(nullable=True)
    number_of_bands: Field[int] = Field()
    useful_bands: Many[UsefulBand] = Many(UsefulBand, always_list=True)
    test_file: Field[str] = Field()
    item_examples: Many[ItemExample] = Many(ItemExample, always_list=True)


@_defined_by(_DEFINITIONS["tensor"])
class Tensor(DLMObject):
    """The shape of an input tensor, in the order batch, dim, height, width; a dimension left out is free."""

    batch: Field[int] = Field()
    dim: Field[int] = Field()
    height: Field[int] = Field()
    width: Field[int] = Field()


@_defined_by(_DEFINITIONS["input"])
class Input(DLMObject):
    """What the network is fed: `(pixel × scaling_factor − mean) / std` of the selected bands."""

    name: Field[str] = Field()
    input_tensors: Many[Tensor] = Many(Tensor)
    scaling_factor: Field[float] = Field()
    normalization_mean: Field[list[float]] = Field("normalization:mean")
    normalization_std: Field[list[float]] = Field("normalization:std")
    selected_band: Field[list[int]] = Field()
    pre_processing_function: Field[str] = Field()


@_defined_by(_DEFINITIONS["architecture"])
class Architecture(DLMObject):
    """The network itself. The size is in MB of 1024² bytes."""

    type: Field[str] = Field()
    total_nb_parameters: Field[int] = Field()
    estimated_total_size_mb: Field[float] = Field()
    summary: Field[str] = Field()
    pretrained: Field[str | bool] = Field(nullable=True)


@_defined_by(_DEFINITIONS["docker"])
class Docker(DLMObject):
    """A container that runs the model; it needs `docker_file` or `image_name`."""

    docker_file: Field[str] = Field()
    image_name: Field[str] = Field()
    tag: Field[str] = Field()
    working_dir: Field[str] = Field()
    run: Field[str] = Field()
    gpu: Field[bool] = Field()


@_defined_by(_DEFINITIONS["runtime"])
class Runtime(DLMObject):
    """The software that runs the model."""

    framework: Field[str] = Field()
    version: Field[str] = Field()
    model_handler: Field[str] = Field()
    model_src_url: Field[str] = Field()
    model_commit_hash: Field[str] = Field()
    requirement_file: Field[str] = Field()
    docker: Many[Docker] = Many(Docker)


@_defined_by(_DEFINITIONS["class"])
class Class(DLMObject):
    """What one value in the output stands for. `color` is written `#rrggbb`."""

    index: Required[int] = Required()
    class_name: Required[str] = Required()
    description: Field[str] = Field()
    color: Field[str] = Field()


@_defined_by(_DEFINITIONS["output"])
class Output(DLMObject):
    """What comes out of the network. `final_layer_size` is in the order batch, classes, height, width."""

    task: Field[Task] = Field()
    number_of_classes: Field[int] = Field()
    final_layer_size: Field[list[int]] = Field()
    class_name_mapping: Many[Class] = Many(Class, always_list=True)
    dont_care_index: Field[int] = Field()
    post_processing_function: Field[str] = Field()


@_defined_by(_DEFINITIONS["archive_member"])
class ArchiveMember(DLMObject):
    """A file inside the model archive."""

    name: Required[str] = Required()
    role: Many[str] = Many(str)


@_defined_by(_DEFINITIONS["fields"])
class DLMExtension(
    Generic[T],
    PropertiesExtension,
    ExtensionManagementMixin[pystac.Item | pystac.Collection],
):
    """The `dlm:` fields of an Item, an Asset or an item asset definition, made by `DLMExtension.ext(obj)`.

    Every attribute reads as a list and takes one object or a list; see `Many`. An Asset without a field reads the
    field of its Item.
    """

    # pystac's `name` is missing on purpose: it means that `item.ext.<name>` exists, which pystac's own have alone.

    data: Many[Data] = Many(Data, DATA_PROP)
    inputs: Many[Input] = Many(Input, INPUTS_PROP)
    architecture: Many[Architecture] = Many(Architecture, ARCHITECTURE_PROP)
    runtime: Many[Runtime] = Many(Runtime, RUNTIME_PROP)
    outputs: Many[Output] = Many(Output, OUTPUTS_PROP)
    archive: Many[ArchiveMember] = Many(ArchiveMember, ARCHIVE_PROP, always_list=True)

    def apply(
        self,
        data: OneOrMany[Data] | None = None,
        inputs: OneOrMany[Input] | None = None,
        architecture: OneOrMany[Architecture] | None = None,
        runtime: OneOrMany[Runtime] | None = None,
        outputs: OneOrMany[Output] | None = None,
        archive: OneOrMany[ArchiveMember] | None = None,
    ) -> None:
        """Sets all fields; one that is not given is removed."""
        self.data = data
        self.inputs = inputs
        self.architecture = architecture
        self.runtime = runtime
        self.outputs = outputs
        self.archive = archive

    def join_bands(self, data: Data) -> list[UsefulBand]:
        """The useful bands of `data`, completed with what `eo:bands` says about the band at each index.

        Where both say something, the useful band wins. The bands are copies. An index outside `eo:bands`, or no
        `eo:bands`, leaves a band as it is.
        """
        holders = [self.properties, *(self.additional_read_properties or ())]
        beside = [h for h in holders if DATA_PROP in h]  # the bands that an index counts stand beside the data
        eo_bands: list[dict[str, Any]] = next((h["eo:bands"] for h in beside + holders if h.get("eo:bands")), [])
        joined = []
        for band in data.useful_bands:
            index = band.index
            known = eo_bands[index] if 0 <= index < len(eo_bands) else {}
            shared = {key: known[key] for key in _fields(UsefulBand) if key in known and key != "index"}
            joined.append(UsefulBand.from_dict(shared | band.properties))
        return joined

    def _read(self, key: str) -> Any:
        return self._get_property(key, object)

    def _write(self, key: str, value: Any) -> None:
        self.properties[key] = value

    def _remove(self, key: str) -> None:
        self.properties.pop(key, None)

    @classmethod
    def get_schema_uri(cls) -> str:
        """The id that `add_to` and `add_if_missing` write."""
        return SCHEMA_URI

    @classmethod
    def has_extension(cls, obj: pystac.Item | pystac.Collection) -> bool:
        """Whether `obj` has the extension, under any URL that ends in `/dlm/v1.0.0/schema.json`."""
        return any(map(_is_schema_uri, obj.stac_extensions or ()))

    @classmethod
    def remove_from(cls, obj: pystac.Item | pystac.Collection) -> None:
        """Takes the extension's id out of `obj.stac_extensions`, whatever its host; the fields stay."""
        obj.stac_extensions = [uri for uri in obj.stac_extensions or () if not _is_schema_uri(uri)]

    @classmethod
    def ext(cls, obj: T, add_if_missing: bool = False) -> DLMExtension[T]:
        """The `dlm:` fields of an Item, an Asset or an item asset definition.

        Raises pystac.ExtensionNotImplemented if the Item, or the owner of the asset, lacks the extension and
        `add_if_missing` is false; pystac.ExtensionTypeError for any other object (a Collection has `summaries`).
        """
        if isinstance(obj, pystac.Item):
            cls.ensure_has_extension(obj, add_if_missing)
            return cast(DLMExtension[T], ItemDLMExtension(obj))
        if isinstance(obj, pystac.Asset):
            cls.ensure_owner_has_extension(obj, add_if_missing)
            return cast(DLMExtension[T], AssetDLMExtension(obj))
        if isinstance(obj, pystac.ItemAssetDefinition):
            cls.ensure_owner_has_extension(obj, add_if_missing)
            return cast(DLMExtension[T], ItemAssetsDLMExtension(obj))
        raise pystac.ExtensionTypeError(cls._ext_error_message(obj))

    @classmethod
    def summaries(cls, obj: pystac.Collection, add_if_missing: bool = False) -> SummariesDLMExtension:
        """The `dlm:` fields in the summaries of a Collection. Raises pystac.ExtensionNotImplemented as `ext` does."""
        cls.ensure_has_extension(obj, add_if_missing)
        return SummariesDLMExtension(obj)


class ItemDLMExtension(DLMExtension[pystac.Item]):
    """The `dlm:` fields of an Item. Call `DLMExtension.ext(item)` to get one."""

    def __init__(self, item: pystac.Item) -> None:
        self.item = item
        self.properties = item.properties

    def __repr__(self) -> str:
        return f"<ItemDLMExtension Item id={self.item.id}>"


class AssetDLMExtension(DLMExtension[pystac.Asset]):
    """The `dlm:` fields of an Asset, else of its Item. Call `DLMExtension.ext(asset)` to get one."""

    def __init__(self, asset: pystac.Asset) -> None:
        self.asset = asset
        self.properties = asset.extra_fields
        if isinstance(asset.owner, pystac.Item):
            self.additional_read_properties: Iterable[dict[str, Any]] | None = [asset.owner.properties]

    def __repr__(self) -> str:
        return f"<AssetDLMExtension Asset href={self.asset.href}>"


class ItemAssetsDLMExtension(DLMExtension[pystac.ItemAssetDefinition]):
    """The `dlm:` fields of an entry in a Collection's `item_assets`. Call `DLMExtension.ext(entry)` to get one."""

    def __init__(self, item_asset: pystac.ItemAssetDefinition) -> None:
        self.asset_defn = item_asset
        self.properties = item_asset.properties

    def __repr__(self) -> str:
        return f"<ItemAssetsDLMExtension ItemAssetDefinition title={self.asset_defn.title}>"


@_defined_by(_DEFINITIONS["summaries"])
class SummariesDLMExtension(SummariesExtension):
    """The `dlm:` fields in the summaries of a Collection. Call `DLMExtension.summaries(collection)` to get them.

    `collection.to_dict()` leaves out lists of 25 values or more unless `collection.summaries.maxcount` is raised.
    """

    task: Field[list[str]] = Field(PREFIX + "task")
    framework: Field[list[str]] = Field(PREFIX + "framework")
    architecture_type: Field[list[str]] = Field(PREFIX + "architecture_type")
    process_level: Field[list[str]] = Field(PREFIX + "process_level")
    dtype: Field[list[str]] = Field(PREFIX + "dtype")
    band: Field[list[str]] = Field(PREFIX + "band")
    gpu: Field[list[bool]] = Field(PREFIX + "gpu")
    number_of_bands: Field[RangeSummary[float]] = Field(PREFIX + "number_of_bands")
    total_nb_parameters: Field[RangeSummary[float]] = Field(PREFIX + "total_nb_parameters")

    def _read(self, key: str) -> Any:
        return self.summaries.lists.get(key, self.summaries.ranges.get(key))

    def _write(self, key: str, value: Any) -> None:
        self._remove(key)  # pystac keeps lists and ranges apart and would publish both
        self._set_summary(key, value)

    def _remove(self, key: str) -> None:
        self._set_summary(key, None)


DRAFT_KEYS: Mapping[type[DLMObject], Mapping[str, str]] = {
    Data: {"data_type": "dtype", "nodata": "nodata_value", "process_ level": "process_level"},
    Input: {"selected_bands": "selected_band"},
    Tensor: {"channels": "dim"},
    Runtime: {"framework_version": "version"},
}
"""The drafts' names of fields, and ours."""

DTYPE_ALIASES: Mapping[str, DType] = {
    "bool_": "bool",
    "bool8": "bool",
    "byte": "int8",
    "short": "int16",
    "intc": "int32",
    "int": "int64",
    "int_": "int64",
    "long": "int64",
    "longlong": "int64",
    "intp": "int64",
    "ubyte": "uint8",
    "ushort": "uint16",
    "uintc": "uint32",
    "uint": "uint64",
    "ulong": "uint64",
    "ulonglong": "uint64",
    "uintp": "uint64",
    "half": "float16",
    "single": "float32",
    "float": "float64",
    "float_": "float64",
    "double": "float64",
    "csingle": "complex64",
    "singlecomplex": "complex64",
    "complex": "complex128",
    "complex_": "complex128",
    "cdouble": "complex128",
    "cfloat": "complex128",
}
"""numpy's other names of data types, as on 64-bit Linux. The schema has no name for the widest (`longdouble` …)."""

_PROCESS_LEVELS = {level.casefold(): level for level in get_args(ProcessLevel)} | {"raw": "L0", "ard": "L4"}
_DTYPES = {**{dtype: dtype for dtype in get_args(DType)}, **DTYPE_ALIASES}
_TASKS = {task: task for task in get_args(Task)} | {"object segmentation": "instance segmentation"}


def _spelt(table: Mapping[str, str]) -> Callable[[Any], Any]:
    """A function that looks a text up in the table, whatever its case; what is not there stays as it is."""
    return lambda value: table.get(value.casefold(), value) if isinstance(value, str) else value


def _to_task(value: Any) -> Any:
    words = " ".join(re.split(r"[\s_-]+", str(value).strip().casefold()))
    return _TASKS.get(words, value)


def _to_nodata(value: Any) -> Any:
    text = str(value).casefold()
    return text if text in get_args(NotFinite) else value


def _to_index(key: Any) -> Any:
    digits = re.fullmatch(r"(?:I_)?(\d+)", str(key), re.ASCII)
    return int(digits[1]) if digits else key


def _to_classes(value: Any) -> Any:
    """The class mapping as a list of `{index, class_name}`; an entry that makes no sense stays as it is."""
    if not isinstance(value, list | dict):
        return value
    classes: list[Any] = []
    for position, entry in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(entry, str):
            classes.append({"index": position, "class_name": entry})
        elif not isinstance(entry, dict):
            classes.append(entry)
        elif "class_name" in entry:
            classes.append(entry | {"index": _to_index(entry["index"])} if "index" in entry else entry)
        else:
            pairs = {_to_index(key): name for key, name in entry.items()}
            known = all(isinstance(index, int) for index in pairs)
            classes += [{"index": i, "class_name": name} for i, name in pairs.items()] if known else [entry]
    return classes


_DRAFT_VALUES: Mapping[_Key[Any], Callable[[Any], Any]] = {
    Data.process_level: _spelt(_PROCESS_LEVELS),
    Data.dtype: _spelt(_DTYPES),
    Data.nodata_value: _to_nodata,
    Output.task: _to_task,
    Output.class_name_mapping: _to_classes,
}


def _migrate_value(field: _Key[Any], value: Any) -> Any:
    if field in _DRAFT_VALUES:
        value = _DRAFT_VALUES[field](value)
    if isinstance(field, Many) and issubclass(field.of, DLMObject):
        if isinstance(value, dict):
            return [_migrate_object(field.of, value)] if field.always_list else _migrate_object(field.of, value)
        return [_migrate_object(field.of, v) for v in value] if isinstance(value, list) else value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number and field.node.get("type") == "string" else value


def _migrate_object(of: type[DLMObject], old: Any) -> Any:
    if not isinstance(old, dict):
        return old
    fields = {field.key: field for field in _fields(of).values()}
    new = {}
    for draft_key, draft_value in old.items():
        key = DRAFT_KEYS.get(of, {}).get(draft_key, draft_key)
        if key != draft_key and old.get(key) is not None:
            continue  # both spellings: ours wins
        value = draft_value
        if field := fields.get(key):
            value = _migrate_value(field, draft_value)
            if value is None and not field.nullable:
                continue  # the drafts wrote null for "not known"
        new[key] = value
    return new


def _migrate_fields(holder: dict[str, Any]) -> None:
    for field in _fields(DLMExtension).values():
        value = _migrate_value(field, holder.pop(field.key, None))
        if value is not None:
            holder[field.key] = value


def _migrate_assets(assets: Any) -> Any:
    """The assets by key: the drafts' example has a list of objects with one key each, and `role` for `roles`."""
    if isinstance(assets, list) and all(isinstance(entry, dict) for entry in assets):
        named = [{f"asset_{i}": entry} if "href" in entry else entry for i, entry in enumerate(assets)]
        assets = {key: asset for entry in named for key, asset in entry.items()}
    for asset in assets.values() if isinstance(assets, dict) else ():
        if isinstance(asset, dict):
            _migrate_fields(asset)
            if "role" in asset:
                role = asset.pop("role")
                asset.setdefault("roles", role if isinstance(role, list) else [role])
    return assets


def migrate_draft(obj: dict[str, Any]) -> None:
    """Rewrites, in place, the JSON dict of a draft Item or Collection to the spelling of v1.0.0.

    Names, values and shapes of the `dlm:` fields, list-shaped assets, `role` of assets, a numeric id, and the drafts'
    ids in `stac_extensions`. What cannot be understood stays as it is, for validation to report.

    pystac does this by itself when it reads an Item, through DLM_EXTENSION_HOOKS. It asks the extensions in no
    certain order, and its File extension fails on list-shaped assets: for those, call this function first.
    """
    if isinstance(obj.get("id"), int):
        obj["id"] = str(obj["id"])
    for name in ("assets", "item_assets"):
        if obj.get(name):
            obj[name] = _migrate_assets(obj[name])
    if isinstance(obj.get("properties"), dict):
        _migrate_fields(obj["properties"])
    drafts = list(DLMExtensionHooks.prev_extension_ids)
    kept = [uri for uri in obj.get("stac_extensions") or () if uri not in drafts]
    if not any(map(_is_schema_uri, kept)):
        kept.append(SCHEMA_URI)
    obj["stac_extensions"] = kept


class DLMExtensionHooks(ExtensionHooks):
    """What pystac does with the extension when it reads a STAC object: an object with a draft's id is migrated."""

    schema_uri: str = SCHEMA_URI
    prev_extension_ids: ClassVar[set[str]] = {
        "dl-model",
        "https://schemas.stacspec.org/v1.0.0-beta.2/extensions/dl-model/json-schema/schema.json",
        "https://schemas.stacspec.org/v1.0.0-beta.2/extensions/dl-model/json-schema/schema.json#",
        "https://schemas.stacspec.org/v1.0.0-beta.3/extensions/dl-model/json-schema/schema.json",
        "https://schemas.stacspec.org/v1.0.0-beta.3/extensions/dl-model/json-schema/schema.json#",
    }
    stac_object_types: ClassVar[set[pystac.STACObjectType]] = {
        pystac.STACObjectType.ITEM,
        pystac.STACObjectType.COLLECTION,
    }

    def has_extension(self, obj: dict[str, Any]) -> bool:
        """Whether the JSON dict declares the extension, at any host or by a draft's id."""
        return any(map(_is_schema_uri, obj.get("stac_extensions") or ())) or self._is_draft(obj)

    def migrate(self, obj: dict[str, Any], version: STACVersionID, info: STACJSONDescription) -> None:  # noqa: ARG002
        """Rewrites a draft. pystac calls this for every object that it reads, so others are left alone."""
        if self._is_draft(obj):
            migrate_draft(obj)

    def _is_draft(self, obj: dict[str, Any]) -> bool:
        declared = obj.get("stac_extensions") or ()
        return any(draft in declared for draft in self.prev_extension_ids)


DLM_EXTENSION_HOOKS: ExtensionHooks = DLMExtensionHooks()
