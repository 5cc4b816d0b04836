"""The Deep Learning Model extension (`dlm:`) for pystac.

    item = pystac.Item.from_file("model.json")
    dlm = DLMExtension.ext(item)
    for output in dlm.outputs:
        print(output.task, [c.class_name for c in output.class_name_mapping])

Reading is lenient: values are handed out as they stand in the JSON. Validation is the schema's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar, cast

import pystac
from pystac.extensions.base import ExtensionManagementMixin, PropertiesExtension, SummariesExtension
from pystac.summaries import RangeSummary

from builder.dlm.objects import (
    DEFINITIONS,
    SCHEMA_URI,
    Architecture,
    ArchiveMember,
    Data,
    Field,
    Input,
    Many,
    One,
    OneOrMany,
    Output,
    Runtime,
    UsefulBand,
    Withdrawal,
    defined_by,
    fields_of,
    is_schema_uri,
)  # fmt: skip

T = TypeVar("T", pystac.Item, pystac.Asset, pystac.ItemAssetDefinition)

PREFIX: str = "dlm:"

DATA_PROP: str = PREFIX + "data"
INPUTS_PROP: str = PREFIX + "inputs"
ARCHITECTURE_PROP: str = PREFIX + "architecture"
RUNTIME_PROP: str = PREFIX + "runtime"
OUTPUTS_PROP: str = PREFIX + "outputs"
ARCHIVE_PROP: str = PREFIX + "archive"
WITHDRAWN_PROP: str = PREFIX + "withdrawn"


@defined_by(DEFINITIONS["fields"])
class DLMExtension(
    Generic[T],
    PropertiesExtension,
    ExtensionManagementMixin[pystac.Item | pystac.Collection],
):
    """The `dlm:` fields of an Item, an Asset or an item asset definition, made by `DLMExtension.ext(obj)`.

    Every attribute but `withdrawn` reads as a list and takes one object or a list; see `Many`. An Asset without a
    field reads the field of its Item.
    """

    # pystac's `name` is missing on purpose: it means that `item.ext.<name>` exists, which pystac's own have alone.

    data: Many[Data] = Many(Data, DATA_PROP)
    inputs: Many[Input] = Many(Input, INPUTS_PROP)
    architecture: Many[Architecture] = Many(Architecture, ARCHITECTURE_PROP)
    runtime: Many[Runtime] = Many(Runtime, RUNTIME_PROP)
    outputs: Many[Output] = Many(Output, OUTPUTS_PROP)
    archive: Many[ArchiveMember] = Many(ArchiveMember, ARCHIVE_PROP, always_list=True)
    withdrawn: One[Withdrawal] = One(Withdrawal, WITHDRAWN_PROP)

    def apply(
        self,
        data: OneOrMany[Data] | None = None,
        inputs: OneOrMany[Input] | None = None,
        architecture: OneOrMany[Architecture] | None = None,
        runtime: OneOrMany[Runtime] | None = None,
        outputs: OneOrMany[Output] | None = None,
        archive: OneOrMany[ArchiveMember] | None = None,
        withdrawn: Withdrawal | None = None,
    ) -> None:
        """Sets all fields; one that is not given is removed."""
        self.data = data
        self.inputs = inputs
        self.architecture = architecture
        self.runtime = runtime
        self.outputs = outputs
        self.archive = archive
        self.withdrawn = withdrawn

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
            shared = {key: known[key] for key in fields_of(UsefulBand) if key in known and key != "index"}
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
        return any(map(is_schema_uri, obj.stac_extensions or ()))

    @classmethod
    def remove_from(cls, obj: pystac.Item | pystac.Collection) -> None:
        """Takes the extension's id out of `obj.stac_extensions`, whatever its host; the fields stay."""
        obj.stac_extensions = [uri for uri in obj.stac_extensions or () if not is_schema_uri(uri)]

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


@defined_by(DEFINITIONS["summaries"])
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
