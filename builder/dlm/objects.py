"""The objects inside the `dlm:` fields, as classes over their JSON dicts.

`schema.json` beside this file is the contract. The classes repeat only its field names and types, for editors and type
checkers; a test holds the two together, and each attribute's docstring is the schema's description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any, Generic, Literal, Protocol, Self, TypeAlias, TypeVar, cast, dataclass_transform, overload

from pystac.utils import get_required

SCHEMA: dict[str, Any] = json.loads((resources.files(__package__) / "schema.json").read_text("utf-8"))

SCHEMA_URI: str = SCHEMA["$id"]

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

_SCHEMA_URI_PATTERN = re.compile(SCHEMA["properties"]["stac_extensions"]["contains"]["pattern"])


def is_schema_uri(uri: object) -> bool:
    return isinstance(uri, str) and _SCHEMA_URI_PATTERN.search(uri) is not None


class Holder(Protocol):
    """What fields can be read from and written to."""

    def _read(self, key: str) -> Any: ...
    def _write(self, key: str, value: Any) -> None: ...
    def _remove(self, key: str) -> None: ...


V = TypeVar("V")
OneOrMany: TypeAlias = V | Sequence[V]  # the statement `type` needs Python 3.12


class Key(Generic[V]):
    """A field of the schema as an attribute. `key` is its name in the JSON, by default the attribute's own name."""

    def __init__(self, key: str = "", *, nullable: bool = False) -> None:
        self.key = key
        self.nullable = nullable
        self.node: Mapping[str, Any] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = self.key or name

    def __delete__(self, holder: Holder) -> None:
        holder._remove(self.key)


class Field(Key[V]):
    """A field that may be left out: reads as None then. Writing None removes it.

    In a `nullable` field null says something: None is written as null, and `del` removes the field.
    """

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: Holder, owner: type) -> V | None: ...
    def __get__(self, holder: Holder | None, owner: type) -> Self | V | None:
        return self if holder is None else cast(V | None, holder._read(self.key))

    def __set__(self, holder: Holder, value: V | None) -> None:
        if value is None and not self.nullable:
            holder._remove(self.key)
        else:
            holder._write(self.key, value)


class Required(Key[V]):
    """A field that must be there: reading raises `pystac.RequiredPropertyMissing` if it is not."""

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: Holder, owner: type) -> V: ...
    def __get__(self, holder: Holder | None, owner: type) -> Self | V:
        return self if holder is None else get_required(cast(V | None, holder._read(self.key)), holder, self.key)

    def __set__(self, holder: Holder, value: V) -> None:
        holder._write(self.key, value)


class One(Key[V]):
    """A field of one object of the type `of`: reads as None if the field is left out. Writing None removes it."""

    def __init__(self, of: type[V], key: str = "") -> None:
        super().__init__(key)
        self.of = of

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: Holder, owner: type) -> V | None: ...
    def __get__(self, holder: Holder | None, owner: type) -> Self | V | None:
        if holder is None:
            return self
        value = holder._read(self.key)
        return None if value is None else cast(V, cast(type[DLMObject], self.of).from_dict(value))

    def __set__(self, holder: Holder, value: V | None) -> None:
        if value is None:
            holder._remove(self.key)
        elif not isinstance(value, self.of):
            raise TypeError(f"{self.key} takes {self.of.__name__}, not {type(value).__name__}")
        else:
            holder._write(self.key, cast(DLMObject, value).to_dict())


class Many(Key[V]):
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
    def __get__(self, holder: Holder, owner: type) -> list[V]: ...
    def __get__(self, holder: Holder | None, owner: type) -> Self | list[V]:
        if holder is None:
            return self
        value = holder._read(self.key)
        values = [] if value is None else list(value) if isinstance(value, list) else [value]
        if issubclass(self.of, DLMObject):
            return [self.of.from_dict(v) for v in values]
        return values

    def __set__(self, holder: Holder, value: OneOrMany[V] | None) -> None:
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


def fields_of(cls: type) -> dict[str, Key[Any]]:
    """The fields of a class, by attribute name."""
    members = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
    return {name: member for name, member in members.items() if isinstance(member, Key)}


def defined_by(definition: Mapping[str, Any]) -> Callable[[C], C]:
    """A class decorator: each field gets its node of the schema, and the description in it as its docstring."""

    def connect(cls: C) -> C:
        for field in fields_of(cls).values():
            field.node = definition["properties"].get(field.key, {})
            field.__doc__ = field.node.get("description")
        return cls

    return connect


DEFINITIONS: dict[str, Any] = SCHEMA["definitions"]


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Required,))
class DLMObject:
    """An object inside a `dlm:` field: attributes over the JSON dict in `properties`.

    The constructor takes the fields as keywords. Raises TypeError for an unknown field and for a missing required one.
    """

    properties: dict[str, Any]

    __hash__ = None  # type: ignore[assignment]  # objects with the same fields are equal, and fields change

    def __init__(self, **fields: Any) -> None:
        known = fields_of(type(self))
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


@defined_by(DEFINITIONS["data"]["properties"]["item_examples"]["items"])
class ItemExample(DLMObject):
    """A STAC Item of imagery that the model can read."""

    title: Field[str] = Field()
    url: Required[str] = Required()


@defined_by(DEFINITIONS["useful_band"])
class UsefulBand(DLMObject):
    """A band that the model reads. `index` counts from 0 in the Item's `eo:bands`; wavelengths are in micrometres."""

    index: Required[int] = Required()
    name: Field[str] = Field()
    common_name: Field[str] = Field()
    description: Field[str] = Field()
    center_wavelength: Field[float] = Field()
    full_width_half_max: Field[float] = Field()
    solar_illumination: Field[float] = Field()


@defined_by(DEFINITIONS["data"])
class Data(DLMObject):
    """The imagery the model was made for."""

    process_level: Field[ProcessLevel] = Field()
    dtype: Field[DType] = Field()
    nodata_value: Field[float | NotFinite] = Field(nullable=True)
    number_of_bands: Field[int] = Field()
    useful_bands: Many[UsefulBand] = Many(UsefulBand, always_list=True)
    test_file: Field[str] = Field()
    item_examples: Many[ItemExample] = Many(ItemExample, always_list=True)


@defined_by(DEFINITIONS["tensor"])
class Tensor(DLMObject):
    """The shape of an input tensor, in the order batch, dim, height, width; a dimension left out is free."""

    batch: Field[int] = Field()
    dim: Field[int] = Field()
    height: Field[int] = Field()
    width: Field[int] = Field()


@defined_by(DEFINITIONS["input"])
class Input(DLMObject):
    """What the network is fed: `(pixel × scaling_factor − mean) / std` of the selected bands."""

    name: Field[str] = Field()
    input_tensors: Many[Tensor] = Many(Tensor)
    scaling_factor: Field[float] = Field()
    normalization_mean: Field[list[float]] = Field("normalization:mean")
    normalization_std: Field[list[float]] = Field("normalization:std")
    selected_band: Field[list[int]] = Field()
    pre_processing_function: Field[str] = Field()


@defined_by(DEFINITIONS["architecture"])
class Architecture(DLMObject):
    """The network itself. The size is in MB of 1024² bytes."""

    type: Field[str] = Field()
    total_nb_parameters: Field[int] = Field()
    estimated_total_size_mb: Field[float] = Field()
    summary: Field[str] = Field()
    pretrained: Field[str | bool] = Field(nullable=True)


@defined_by(DEFINITIONS["docker"])
class Docker(DLMObject):
    """A container that runs the model; it needs `docker_file` or `image_name`."""

    docker_file: Field[str] = Field()
    image_name: Field[str] = Field()
    tag: Field[str] = Field()
    working_dir: Field[str] = Field()
    run: Field[str] = Field()
    gpu: Field[bool] = Field()


@defined_by(DEFINITIONS["runtime"])
class Runtime(DLMObject):
    """The software that runs the model."""

    framework: Field[str] = Field()
    version: Field[str] = Field()
    model_handler: Field[str] = Field()
    model_src_url: Field[str] = Field()
    model_commit_hash: Field[str] = Field()
    requirement_file: Field[str] = Field()
    docker: Many[Docker] = Many(Docker)


@defined_by(DEFINITIONS["class"])
class Class(DLMObject):
    """What one value in the output stands for. `color` is written `#rrggbb`."""

    index: Required[int] = Required()
    class_name: Required[str] = Required()
    description: Field[str] = Field()
    color: Field[str] = Field()


@defined_by(DEFINITIONS["output"])
class Output(DLMObject):
    """What comes out of the network. `final_layer_size` is in the order batch, classes, height, width."""

    task: Field[Task] = Field()
    number_of_classes: Field[int] = Field()
    final_layer_size: Field[list[int]] = Field()
    class_name_mapping: Many[Class] = Many(Class, always_list=True)
    dont_care_index: Field[int] = Field()
    post_processing_function: Field[str] = Field()


@defined_by(DEFINITIONS["archive_member"])
class ArchiveMember(DLMObject):
    """A file inside the model archive."""

    name: Required[str] = Required()
    role: Many[str] = Many(str)


@defined_by(DEFINITIONS["withdrawal"])
class Withdrawal(DLMObject):
    """Why and since when a model is withdrawn, and what to use instead."""

    reason: Required[str] = Required()
    since: Required[str] = Required()
    replaced_by: Field[str] = Field()
