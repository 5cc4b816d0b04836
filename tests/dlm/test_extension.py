"""DLMExtension: what it reads, what it writes, what it makes of drafts; and that it follows the schema."""

import copy
import inspect
import json
import pickle
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pystac
import pytest
from jsonschema import Draft7Validator
from pystac.summaries import RangeSummary
from shared import ROOT, SHARED, needs_shared

from builder.dlm import (
    DLM_EXTENSION_HOOKS,
    SCHEMA_URI,
    Architecture,
    ArchiveMember,
    Class,
    Data,
    DLMExtension,
    DLMObject,
    Docker,
    Input,
    ItemExample,
    Output,
    Runtime,
    SummariesDLMExtension,
    Tensor,
    UsefulBand,
    Withdrawal,
    migrate_draft,
    objects,
    spellings,
)

Json = dict[str, Any]

SCHEMA: Json = json.loads((ROOT / "builder" / "dlm" / "schema.json").read_text("utf-8"))
DEFINITIONS: Json = SCHEMA["definitions"]
ELSEWHERE = "https://models.example.org/eo/schemas/dlm/v1.0.0/schema.json"
BETA = "https://schemas.stacspec.org/v1.0.0-beta.{}/extensions/dl-model/json-schema/schema.json{}"

CLASSES: dict[type, Json] = {
    Architecture: DEFINITIONS["architecture"],
    ArchiveMember: DEFINITIONS["archive_member"],
    Class: DEFINITIONS["class"],
    Data: DEFINITIONS["data"],
    Docker: DEFINITIONS["docker"],
    Input: DEFINITIONS["input"],
    ItemExample: DEFINITIONS["data"]["properties"]["item_examples"]["items"],
    Output: DEFINITIONS["output"],
    Runtime: DEFINITIONS["runtime"],
    Tensor: DEFINITIONS["tensor"],
    UsefulBand: DEFINITIONS["useful_band"],
    Withdrawal: DEFINITIONS["withdrawal"],
}
FIELDS: dict[type, Json] = {
    **CLASSES,
    DLMExtension: DEFINITIONS["fields"],
    SummariesDLMExtension: DEFINITIONS["summaries"],
}


def item(uri: str | None = SCHEMA_URI, **properties: Any) -> pystac.Item:
    """An Item whose properties are written `dlm__data` for `dlm:data`."""
    return pystac.Item(
        id="a",
        geometry={"type": "Point", "coordinates": [9.2, 47.6]},
        bbox=[9.2, 47.6, 9.2, 47.6],
        datetime=datetime(2024, 1, 1, tzinfo=UTC),
        properties={key.replace("__", ":"): value for key, value in properties.items()},
        stac_extensions=[uri] if uri else [],
        assets={"weights": pystac.Asset("a.onnx")},
    )


def collection(uri: str | None = SCHEMA_URI) -> pystac.Collection:
    extent = pystac.Extent(pystac.SpatialExtent([-180, -90, 180, 90]), pystac.TemporalExtent([None, None]))
    return pystac.Collection("c", "d", extent, stac_extensions=[uri] if uri else [])


def filled() -> pystac.Item:
    """An Item with something in every field of the extension."""
    new = item()
    DLMExtension.ext(new).apply(
        data=Data(
            process_level="L2A",
            dtype="uint16",
            nodata_value=0,
            number_of_bands=3,
            useful_bands=[UsefulBand(index=2, name="B4"), UsefulBand(index=1)],
            item_examples=ItemExample(url="scene.json"),
        ),
        inputs=Input(
            name="x",
            input_tensors=Tensor(dim=2, height=256, width=256),
            scaling_factor=1e-4,
            normalization_mean=[0.2, 0.3],
            normalization_std=[0.1, 0.1],
            selected_band=[2, 1],
        ),
        architecture=Architecture(type="U-Net", total_nb_parameters=31_000_000, pretrained=None),
        runtime=[Runtime(framework="PyTorch", version="2.4", docker=[Docker(image_name="unet", tag="1.2", gpu=True)])],
        outputs=Output(
            task="semantic segmentation",
            number_of_classes=2,
            final_layer_size=[1, 2, 256, 256],
            class_name_mapping=[Class(index=0, class_name="land"), Class(index=1, class_name="water")],
        ),
        archive=ArchiveMember(name="model.pth", role="model weight"),
        withdrawn=Withdrawal(reason="Trained on the test set.", since="2024-05-01", replaced_by="b"),
    )
    return new


def errors(document: Json, definition: Json = SCHEMA) -> list[str]:
    """What the schema, or one of its definitions, finds wrong."""
    validator = Draft7Validator({**definition, "definitions": DEFINITIONS})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hooks where pystac looks for them, as if the package were installed."""
    with monkeypatch.context() as patch:
        patch.setitem(pystac.EXTENSION_HOOKS.hooks, SCHEMA_URI, DLM_EXTENSION_HOOKS)
        yield


# The schema is the contract


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_classes_and_schema_have_the_same_fields(cls: type) -> None:
    keys = {field.key for field in objects.fields_of(cls).values()}
    assert keys == FIELDS[cls]["properties"].keys()


def test_every_definition_of_an_object_has_a_class() -> None:
    objects = {name for name, node in DEFINITIONS.items() if node.get("additionalProperties") is False}
    tested = {name for name, node in DEFINITIONS.items() if any(node is known for known in FIELDS.values())}
    assert objects == tested


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_classes_and_schema_require_the_same_fields(cls: type) -> None:
    required = {f.key for f in objects.fields_of(cls).values() if isinstance(f, objects.Required)}
    assert required == set(CLASSES[cls].get("required", ()))


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_attributes_have_the_names_of_the_schema(cls: type) -> None:
    for name, field in objects.fields_of(cls).items():
        assert name == field.key.removeprefix("dlm:").replace(":", "_")


def resolved(node: Json) -> Json:
    if "$ref" not in node:
        return node
    target: Json = DEFINITIONS[node["$ref"].rpartition("/")[2]]
    return target


def expected_type(node: Json) -> Any:
    """The Python type of the values that a node of the schema allows, null aside."""
    node = resolved(node)
    for cls, definition in CLASSES.items():
        if node is definition:
            return cls
    if node is DEFINITIONS["range_summary"]:
        return RangeSummary[float]
    if "enum" in node:
        return Literal[tuple(node["enum"])]
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    if kinds == ["array"]:
        return list[expected_type(node["items"])]  # type: ignore[misc]
    plain = {"integer": int, "number": float, "string": str, "boolean": bool}
    types = {kind: plain[kind] for kind in kinds if kind != "null"}
    if "then" in node:
        types["string"] = expected_type(node["then"])
    return Union[tuple(types.values())]  # noqa: UP007 - made at run time


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_types_are_those_of_the_schema(cls: type) -> None:
    hints = get_type_hints(cls, vars(sys.modules[cls.__module__]))
    for name, field in objects.fields_of(cls).items():
        node = resolved(FIELDS[cls]["properties"][field.key])
        kinds = node.get("type", [])
        (declared,) = get_args(hints[name])
        assert get_origin(hints[name]) is type(field), name
        if isinstance(field, objects.Many):
            assert field.of is declared, name
            assert field.always_list == (kinds == "array"), name
            one = node["items"] if "then" not in node else node["else"]
            assert expected_type(one) == declared, name
        else:
            assert expected_type(node) == declared, name
            assert field.nullable == ("null" in kinds), name


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_docstrings_are_the_descriptions_of_the_schema(cls: type) -> None:
    for name, field in objects.fields_of(cls).items():
        assert field.__doc__ == FIELDS[cls]["properties"][field.key].get("description")
        assert getattr(cls, name) is field
    assert inspect.getdoc(Tensor.height) == "Rows, in pixels. Left out: any."


def examples(cls: type) -> Json:
    """Fields of a class with the schema's example of each; an object for a field of objects."""
    fields = objects.fields_of(cls)
    sample: Json = {}
    for name, field in fields.items():
        if isinstance(field, objects.Many) and issubclass(field.of, DLMObject):
            sample[name] = [field.of(**examples(field.of))]
        else:
            sample[name] = CLASSES[cls]["properties"][field.key].get("examples", ["text"])[0]
    return sample


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_the_constructor_writes_is_valid_and_reads_back(cls: type[DLMObject]) -> None:
    sample = examples(cls)
    new = cls(**sample)
    assert errors(new.to_dict(), CLASSES[cls]) == []
    for name, value in sample.items():
        one = isinstance(getattr(cls, name), objects.Many) and not isinstance(value, list)
        assert getattr(new, name) == ([value] if one else value)
        written = getattr(cls, name).key
        assert written in new.properties
        if not isinstance(getattr(cls, name), objects.Required):
            setattr(new, name, None)
            delattr(new, name)
            assert written not in new.properties


# Objects


def test_objects_are_views_of_their_dict() -> None:
    d = {"batch": 1}
    tensor = Tensor.from_dict(d)
    tensor.dim = 3
    assert d == {"batch": 1, "dim": 3}
    assert tensor.to_dict() is d
    tensor.batch = None
    assert d == {"dim": 3}
    assert tensor.batch is None


def test_objects_with_the_same_fields_are_equal() -> None:
    assert Tensor(dim=3) == Tensor.from_dict({"dim": 3})
    assert Tensor(dim=3) != Tensor(dim=4)
    assert Class(index=0, class_name="a") != UsefulBand.from_dict({"index": 0, "class_name": "a"})
    assert repr(Tensor(dim=3)) == "<Tensor {'dim': 3}>"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Tensor())


def test_objects_can_be_copied_and_pickled() -> None:
    runtime = Runtime(framework="PyTorch", docker=Docker(image_name="a"))
    twin = copy.deepcopy(runtime)
    assert pickle.loads(pickle.dumps(runtime)) == runtime == twin  # noqa: S301 - our own bytes
    twin.docker[0].tag = "1"
    assert runtime.docker[0].tag is None


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Tensor has no field channels, depth$"):
        Tensor(depth=1, channels=3)  # type: ignore[call-arg]


def test_a_missing_required_field_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Class needs class_name$"):
        Class(index=0)  # type: ignore[call-arg]


def test_reading_a_missing_required_field_says_which() -> None:
    with pytest.raises(pystac.RequiredPropertyMissing, match="class_name"):
        _ = Class.from_dict({"index": 0}).class_name


def test_null_is_a_value_only_where_the_schema_says_so() -> None:
    data = Data(nodata_value=None, dtype=None)
    assert data.to_dict() == {"nodata_value": None}
    assert data.nodata_value is None
    del data.nodata_value
    assert data.to_dict() == {}
    del data.nodata_value
    assert Data(nodata_value="nan").nodata_value == "nan"
    assert Architecture(pretrained=False).pretrained is False


def test_a_field_with_a_colon_keeps_it_in_the_json() -> None:
    assert Input(normalization_mean=[0.5]).to_dict() == {"normalization:mean": [0.5]}


def test_one_object_stays_one_and_a_list_stays_a_list() -> None:
    tensor = Tensor(dim=3)
    model_input = Input(input_tensors=tensor)
    assert model_input.to_dict() == {"input_tensors": {"dim": 3}}
    assert model_input.input_tensors == [tensor]
    model_input.input_tensors = [tensor]
    assert model_input.to_dict() == {"input_tensors": [{"dim": 3}]}
    model_input.input_tensors = (tensor, tensor)
    assert model_input.to_dict() == {"input_tensors": [{"dim": 3}, {"dim": 3}]}
    model_input.input_tensors = []
    assert model_input.to_dict() == {}
    assert model_input.input_tensors == []


def test_texts_too_may_be_one_or_many() -> None:
    member = ArchiveMember(name="a", role="test set")
    assert member.to_dict()["role"] == "test set"
    assert member.role == ["test set"]
    member.role = ["test set", "other"]
    assert member.role == ["test set", "other"]


def test_a_list_by_schema_is_written_as_a_list() -> None:
    assert Output(class_name_mapping=Class(index=0, class_name="a")).to_dict() == {
        "class_name_mapping": [{"index": 0, "class_name": "a"}]
    }


@pytest.mark.parametrize("value", [{"dim": 3}, [{"dim": 3}], Docker(image_name="a"), [None]])
def test_what_is_no_such_object_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="input_tensors takes Tensor, not "):
        Input(input_tensors=value)


def test_malformed_json_is_named_when_it_is_read() -> None:
    with pytest.raises(TypeError, match="Tensor is an object in JSON, not str"):
        _ = Input.from_dict({"input_tensors": "3x256x256"}).input_tensors


# Items


def test_every_field_reads_as_a_list() -> None:
    dlm = DLMExtension.ext(item(dlm__data={"dtype": "uint8"}, dlm__outputs=[{"task": "regression"}, {}]))
    assert [data.dtype for data in dlm.data] == ["uint8"]
    assert [output.task for output in dlm.outputs] == ["regression", None]
    assert [dlm.inputs, dlm.architecture, dlm.runtime, dlm.archive] == [[], [], [], []]


def test_what_apply_writes_is_valid_and_survives_a_round_trip() -> None:
    document = filled().to_dict()
    assert errors(document) == []
    again = pystac.Item.from_dict(json.loads(json.dumps(document)))
    assert again.to_dict() == document
    before, after = DLMExtension.ext(filled()), DLMExtension.ext(again)
    for name in objects.fields_of(DLMExtension):
        assert getattr(before, name) == getattr(after, name) != []
    assert isinstance(document["properties"]["dlm:data"], dict)
    assert isinstance(document["properties"]["dlm:runtime"], list)
    assert isinstance(document["properties"]["dlm:archive"], list)
    assert document["properties"]["dlm:architecture"]["pretrained"] is None


def test_apply_removes_what_it_is_not_given() -> None:
    full = filled()
    DLMExtension.ext(full).apply(architecture=Architecture(type="ViT"))
    assert {key for key in full.properties if key.startswith("dlm:")} == {"dlm:architecture"}


def test_objects_that_were_read_write_through_to_the_item() -> None:
    full = filled()
    DLMExtension.ext(full).runtime[0].docker[0].tag = "2.0"
    assert full.properties["dlm:runtime"][0]["docker"][0]["tag"] == "2.0"


def test_writing_none_or_deleting_removes_a_field() -> None:
    full = filled()
    dlm = DLMExtension.ext(full)
    dlm.data = None
    del dlm.outputs
    assert "dlm:data" not in full.properties
    assert "dlm:outputs" not in full.properties


def test_clones_and_copies_share_nothing() -> None:
    full = filled()
    catalog = pystac.Catalog("cat", "d")
    catalog.add_item(full)
    copied = next(catalog.full_copy().get_items())
    for twin in (full.clone(), copied):
        assert DLMExtension.has_extension(twin)
        DLMExtension.ext(twin).outputs[0].task = "regression"
    assert DLMExtension.ext(full).outputs[0].task == "semantic segmentation"


def test_without_the_extension_ext_says_how_to_add_it() -> None:
    with pytest.raises(pystac.ExtensionNotImplemented, match=r"DLMExtension\.add_to\(obj\)"):
        DLMExtension.ext(item(None))


def test_add_if_missing_adds_the_id_once() -> None:
    new = item(None)
    for _ in range(2):
        DLMExtension.ext(new, add_if_missing=True)
    assert new.stac_extensions == [SCHEMA_URI] == [SCHEMA["$id"]]
    assert DLMExtension.get_schema_uri() == SCHEMA_URI
    with pytest.deprecated_call():
        assert DLMExtension.get_schema_uris() == [SCHEMA_URI]


@pytest.mark.parametrize("uri", [ELSEWHERE, "../../schemas/dlm/v1.0.0/schema.json"])
def test_the_schema_is_known_at_any_host(uri: str) -> None:
    new = item(uri)
    assert DLMExtension.has_extension(new)
    DLMExtension.ext(new, add_if_missing=True).data = Data(dtype="uint8")
    assert new.stac_extensions == [uri]
    assert errors(new.to_dict()) == []
    DLMExtension.remove_from(new)
    assert new.stac_extensions == []
    assert not DLMExtension.has_extension(new)


@pytest.mark.parametrize(
    "uri",
    [
        "dl-model",
        "https://example.com/dlm/v2.0.0/schema.json",
        "https://example.com/dlm/v1.0.0/schema.json.txt",
        "https://example.com/mydlm/v1.0.0/schema.json",
        "https://example.com/dlm/v1x0x0/schema.json",
    ],
)
def test_other_schemas_are_not_ours(uri: str) -> None:
    assert not DLMExtension.has_extension(item(uri))


def test_other_types_are_refused() -> None:
    with pytest.raises(pystac.ExtensionTypeError, match=r"`DLMExtension\.summaries`"):
        DLMExtension.ext(collection())  # type: ignore[type-var]
    with pytest.raises(pystac.ExtensionTypeError, match="'str'"):
        DLMExtension.ext("item")  # type: ignore[type-var]


EO_BANDS = [
    {"name": "B2", "common_name": "blue", "center_wavelength": 0.49, "other:field": 1},
    {"name": "B3", "common_name": "green", "center_wavelength": 0.56},
]


def test_useful_bands_are_completed_from_eo_bands() -> None:
    bands = [{"index": 1, "name": "G"}, {"index": 0}, {"index": 2, "name": "?"}]
    new = item(eo__bands=EO_BANDS, dlm__data={"useful_bands": bands})
    before = copy.deepcopy(new.properties)
    dlm = DLMExtension.ext(new)
    joined = dlm.join_bands(dlm.data[0])
    assert joined == [
        UsefulBand(index=1, name="G", common_name="green", center_wavelength=0.56),
        UsefulBand(index=0, name="B2", common_name="blue", center_wavelength=0.49),
        UsefulBand(index=2, name="?"),
    ]
    assert all(errors(band.to_dict(), DEFINITIONS["useful_band"]) == [] for band in joined)
    joined[0].name = "changed"
    assert new.properties == before
    assert DLMExtension.ext(item()).join_bands(dlm.data[0]) == dlm.data[0].useful_bands


def test_an_asset_joins_with_the_bands_that_stand_beside_the_data() -> None:
    data = Data(useful_bands=UsefulBand(index=0))
    new = item(eo__bands=EO_BANDS, dlm__data=data.to_dict())
    asset = new.assets["weights"]
    asset.extra_fields["eo:bands"] = [{"name": "B2"}]
    dlm = DLMExtension.ext(asset)
    assert dlm.join_bands(data)[0].common_name == "blue"
    dlm.data = data
    assert dlm.join_bands(data) == [UsefulBand(index=0, name="B2")]


# Assets


def test_an_asset_reads_its_items_fields_and_writes_its_own() -> None:
    full = filled()
    asset = full.assets["weights"]
    dlm = DLMExtension.ext(asset)
    assert dlm.architecture[0].type == "U-Net"
    dlm.architecture = Architecture(type="ViT")
    assert asset.extra_fields == {"dlm:architecture": {"type": "ViT"}}
    assert dlm.architecture[0].type == "ViT"
    assert DLMExtension.ext(full).architecture[0].type == "U-Net"
    assert errors(full.to_dict()) == []
    assert repr(dlm) == "<AssetDLMExtension Asset href=a.onnx>"
    assert repr(DLMExtension.ext(full)) == "<ItemDLMExtension Item id=a>"


def test_an_asset_needs_the_extension_on_its_owner() -> None:
    new = item(None)
    with pytest.raises(pystac.ExtensionNotImplemented):
        DLMExtension.ext(new.assets["weights"])
    DLMExtension.ext(new.assets["weights"], add_if_missing=True)
    assert new.stac_extensions == [SCHEMA_URI]


def test_an_asset_without_an_owner_stands_alone() -> None:
    asset = pystac.Asset("a.onnx")
    DLMExtension.ext(asset).data = Data(dtype="uint8")
    assert asset.to_dict()["dlm:data"] == {"dtype": "uint8"}
    with pytest.raises(pystac.STACError, match="no owner"):
        DLMExtension.ext(asset, add_if_missing=True)


def test_item_assets_of_a_collection_can_be_extended() -> None:
    parent = collection()
    parent.item_assets = {"weights": {"title": "Weights"}}
    dlm = DLMExtension.ext(parent.item_assets["weights"])
    dlm.runtime = Runtime(framework="ONNX")
    document = parent.to_dict()
    assert document["item_assets"]["weights"]["dlm:runtime"] == {"framework": "ONNX"}
    assert errors(document) == []
    assert repr(dlm) == "<ItemAssetsDLMExtension ItemAssetDefinition title=Weights>"


# Summaries


def test_summaries_are_written_and_read_back() -> None:
    parent = collection(None)
    with pytest.raises(pystac.ExtensionNotImplemented):
        DLMExtension.summaries(parent)
    written = DLMExtension.summaries(parent, add_if_missing=True)
    hints = get_type_hints(SummariesDLMExtension, vars(sys.modules[SummariesDLMExtension.__module__]))
    for name, field in objects.fields_of(SummariesDLMExtension).items():
        kind = get_args(hints[name])[0]
        setattr(written, name, {list[str]: ["a", "b"], list[bool]: [True]}.get(kind, RangeSummary(3, 13)))
        assert field.key == f"dlm:{name}"
    document = parent.to_dict()
    assert errors(document) == []
    assert document["summaries"].keys() == DEFINITIONS["summaries"]["properties"].keys()
    read = DLMExtension.summaries(pystac.Collection.from_dict(document))
    assert read.task == ["a", "b"]
    assert read.gpu == [True]
    assert read.number_of_bands == RangeSummary(3, 13)


def test_a_summary_has_one_form_and_can_be_removed() -> None:
    parent = collection()
    summaries = DLMExtension.summaries(parent)
    parent.summaries.add("dlm:number_of_bands", [3, 13])
    summaries.number_of_bands = RangeSummary(3, 13)
    assert parent.to_dict()["summaries"] == {"dlm:number_of_bands": {"minimum": 3, "maximum": 13}}
    summaries.number_of_bands = None
    assert summaries.number_of_bands is None
    assert "summaries" not in parent.to_dict()


# Drafts

DRAFT: Json = {
    "stac_version": "1.0.0-beta.2",
    "stac_extensions": ["dl-model", "eo"],
    "type": "Feature",
    "id": 7,
    "geometry": {"type": "Point", "coordinates": [9.2, 47.6]},
    "bbox": [9.2, 47.6, 9.2, 47.6],
    "links": [],
    "assets": {"weights": {"href": "https://example.com/w.pth", "role": "model"}},
    "properties": {
        "datetime": "2021-03-04T05:06:07Z",
        "dlm:data": {
            "process_ level": "raw",
            "data_type": "ushort",
            "nodata": -9999,
            "number_of_bands": 4,
            "useful_bands": [{"index": 3, "name": None}],
            "test_file": None,
        },
        "dlm:inputs": {
            "name": "x",
            "selected_bands": [3],
            "input_tensors": [{"batch": 1, "channels": 1, "height": 64, "width": 64}],
            "pre_processing_function": None,
        },
        "dlm:architecture": None,
        "dlm:runtime": {
            "framework": "TensorFlow",
            "framework_version": 2.5,
            "model_commit_hash": 1234567,
            "docker": {"image_name": "lake-net", "tag": 3, "run": None, "gpu": True},
        },
        "dlm:outputs": {
            "task": "Object_Segmentation",
            "class_name_mapping": [{"0": "land"}, {"1": "lake"}],
            "dont_care_index": 0,
        },
        "dlm:archive": {"name": "w.pth", "role": ["model weight"]},
    },
}

MIGRATED: Json = {
    "dlm:data": {
        "process_level": "L0",
        "dtype": "uint16",
        "nodata_value": -9999,
        "number_of_bands": 4,
        "useful_bands": [{"index": 3}],
    },
    "dlm:inputs": {
        "name": "x",
        "selected_band": [3],
        "input_tensors": [{"batch": 1, "dim": 1, "height": 64, "width": 64}],
    },
    "dlm:runtime": {
        "framework": "TensorFlow",
        "version": "2.5",
        "model_commit_hash": "1234567",
        "docker": {"image_name": "lake-net", "tag": "3", "gpu": True},
    },
    "dlm:outputs": {
        "task": "instance segmentation",
        "class_name_mapping": [{"index": 0, "class_name": "land"}, {"index": 1, "class_name": "lake"}],
        "dont_care_index": 0,
    },
    "dlm:archive": [{"name": "w.pth", "role": ["model weight"]}],
}


def migrated(**fields: Any) -> Json:
    """What becomes of the `dlm:` properties of a draft; `data={…}` for `dlm:data`."""
    draft = copy.deepcopy(DRAFT)
    draft["properties"] = {f"dlm:{key}": value for key, value in fields.items()}
    migrate_draft(draft)
    properties: Json = draft["properties"]
    return properties


@pytest.mark.usefixtures("registered")
def test_pystac_reads_a_draft_item_as_v1() -> None:
    before = copy.deepcopy(DRAFT)
    read = pystac.Item.from_dict(DRAFT)
    assert before == DRAFT
    assert read.id == "7"
    assert SCHEMA_URI in read.stac_extensions
    assert "dl-model" not in read.stac_extensions
    assert {key: value for key, value in read.properties.items() if key.startswith("dlm:")} == MIGRATED
    assert read.assets["weights"].roles == ["model"]
    assert errors(read.to_dict()) == []
    assert DLMExtension.ext(read).outputs[0].class_name_mapping[1].class_name == "lake"


def test_migrating_twice_changes_nothing() -> None:
    once = copy.deepcopy(DRAFT)
    migrate_draft(once)
    twice = copy.deepcopy(once)
    migrate_draft(twice)
    assert once == twice


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("uri", ["dl-model", *(BETA.format(n, end) for n in (2, 3) for end in ("", "#"))])
def test_each_id_of_the_drafts_becomes_ours(uri: str) -> None:
    draft = DRAFT | {"stac_extensions": [uri]}
    assert DLM_EXTENSION_HOOKS.has_extension(draft)
    assert pystac.Item.from_dict(draft).stac_extensions == [SCHEMA_URI]


@pytest.mark.usefixtures("registered")
def test_several_ids_become_one() -> None:
    draft = DRAFT | {"stac_extensions": ["dl-model", BETA.format(2, ""), ELSEWHERE]}
    assert pystac.Item.from_dict(draft).stac_extensions == [ELSEWHERE]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("uri", [None, SCHEMA_URI, ELSEWHERE])
def test_items_that_are_no_drafts_are_left_alone(uri: str | None) -> None:
    new = item(uri, dlm__data={"data_type": "ubyte", "nodata": None}, dlm__archive=None).to_dict()
    assert pystac.Item.from_dict(new).to_dict() == new
    assert DLM_EXTENSION_HOOKS.has_extension(new) == (uri is not None)


@pytest.mark.usefixtures("registered")
def test_a_draft_collection_is_migrated_in_its_assets() -> None:
    draft = collection("dl-model").to_dict()
    draft["item_assets"] = {"weights": {"dlm:data": {"data_type": "byte"}}}
    draft["assets"] = {"all": {"href": "a.zip", "dlm:archive": {"name": "a"}}}
    document = pystac.Collection.from_dict(draft).to_dict()
    assert document["item_assets"]["weights"]["dlm:data"] == {"dtype": "int8"}
    assert document["assets"]["all"]["dlm:archive"] == [{"name": "a"}]
    assert errors(document) == []


CLASSES_AS_LIST = [{"index": 0, "class_name": "land"}, {"index": 1, "class_name": "lake"}]


@pytest.mark.parametrize(
    "mapping",
    [
        CLASSES_AS_LIST,
        {0: "land", 1: "lake"},
        {"0": "land", "1": "lake"},
        {"I_0": "land", "I_1": "lake"},
        [{0: "land"}, {1: "lake"}],
        [{"I_0": "land", "I_1": "lake"}],
        ["land", "lake"],
        [{"index": "0", "class_name": "land"}, {"1": "lake"}],
        [{"index": 0, "class_name": "land"}, "lake"],
    ],
)
def test_every_form_of_the_class_mapping_becomes_a_list_of_classes(mapping: Any) -> None:
    assert migrated(outputs={"class_name_mapping": mapping}) == {"dlm:outputs": {"class_name_mapping": CLASSES_AS_LIST}}


@pytest.mark.parametrize(
    "mapping",
    ["land", 3, [3], [{"land": 0}], {"land": "lake"}, [{"class_name": "land"}], [{"index": -1, "class_name": "x"}]],
)
def test_a_class_mapping_that_makes_no_sense_keeps_what_it_says(mapping: Any) -> None:
    kept = migrated(outputs={"class_name_mapping": mapping})["dlm:outputs"]["class_name_mapping"]
    assert kept == ([mapping] if isinstance(mapping, dict) else mapping)


def test_numbers_become_text_only_where_the_schema_wants_text() -> None:
    assert migrated(
        outputs=[{"number_of_classes": 2, "class_name_mapping": [{"index": 0, "class_name": 7}]}],
        architecture={"pretrained": False, "total_nb_parameters": 5},
        runtime={"version": 2, "framework": True},
    ) == {
        "dlm:outputs": [{"number_of_classes": 2, "class_name_mapping": [{"index": 0, "class_name": "7"}]}],
        "dlm:architecture": {"pretrained": False, "total_nb_parameters": 5},
        "dlm:runtime": {"version": "2", "framework": True},
    }


def test_null_stays_only_where_it_says_something() -> None:
    assert migrated(
        data={"nodata": None, "dtype": None, "unknown": None}, architecture={"pretrained": None, "type": None}
    ) == {"dlm:data": {"nodata_value": None, "unknown": None}, "dlm:architecture": {"pretrained": None}}


def test_of_two_spellings_the_one_with_a_value_wins_and_ours_before_the_drafts() -> None:
    assert migrated(runtime={"framework_version": "1", "version": "2"}) == {"dlm:runtime": {"version": "2"}}
    assert migrated(runtime={"framework_version": "1", "version": None}) == {"dlm:runtime": {"version": "1"}}


@pytest.mark.parametrize(
    ("field", "draft", "ours"),
    [
        ("process_level", "raw", "L0"),
        ("process_level", "ARD", "L4"),
        ("process_level", "l2a", "L2A"),
        ("process_level", "ortho", "ortho"),
        ("process_level", "mosaic", "mosaic"),
        ("dtype", "half", "float16"),
        ("dtype", "Float32", "float32"),
        ("dtype", "float128", "float128"),
        ("dtype", ["uint8"], ["uint8"]),
        ("nodata_value", "NaN", "nan"),
        ("nodata_value", float("nan"), "nan"),
        ("nodata_value", float("-inf"), "-inf"),
        ("nodata_value", -9999, -9999),
    ],
)
def test_values_of_the_drafts_become_ours(field: str, draft: Any, ours: Any) -> None:
    assert migrated(data={field: draft}) == {"dlm:data": {field: ours}}


@pytest.mark.parametrize(
    ("draft", "ours"),
    [
        ("Semantic Segmentation", "semantic segmentation"),
        ("object-detection", "object detection"),
        (" panoptic__segmentation ", "panoptic segmentation"),
        ("Super-Resolution", "Super-Resolution"),
        (1, 1),
    ],
)
def test_tasks_are_published_in_the_spelling_of_the_schema(draft: Any, ours: Any) -> None:
    assert migrated(outputs={"task": draft}) == {"dlm:outputs": {"task": ours}}


def test_aliases_of_data_types_lead_to_data_types_of_the_schema() -> None:
    known = DEFINITIONS["data"]["properties"]["dtype"]["enum"]
    assert set(spellings.DTYPE_ALIASES.values()) <= set(known)
    assert spellings.DTYPE_ALIASES.keys().isdisjoint(known)


def test_draft_names_lead_to_fields_and_are_none_themselves() -> None:
    for name, names in spellings.RENAMED.items():
        known = DEFINITIONS[name]["properties"].keys()
        assert set(names.values()) <= known
        assert names.keys().isdisjoint(known)


@pytest.mark.parametrize(
    ("assets", "keys"),
    [
        ([{"weights": {"href": "a"}}, {"code": {"href": "b"}}], ["weights", "code"]),
        ([{"href": "a"}, {"code": {"href": "b"}}], ["asset_0", "code"]),
    ],
)
def test_list_shaped_assets_become_an_object(assets: Any, keys: list[str]) -> None:
    draft = copy.deepcopy(DRAFT) | {"assets": assets}
    migrate_draft(draft)
    assert list(draft["assets"]) == keys
    assert list(pystac.Item.from_dict(draft).assets) == keys


@pytest.mark.parametrize(
    "broken",
    [
        {"assets": ["a"]},
        {"assets": {"a": "b"}},
        {"assets": "a"},
        {"properties": None},
        {"properties": {"dlm:data": "uint8", "dlm:inputs": ["x"], "dlm:outputs": [None]}},
        {"stac_extensions": ["dl-model", 3]},
        {"stac_extensions": None},
    ],
)
def test_a_broken_draft_is_kept_for_validation_to_report(broken: Json) -> None:
    draft = copy.deepcopy(DRAFT) | broken
    migrate_draft(draft)
    assert SCHEMA_URI in draft["stac_extensions"]
    assert errors(draft) != [] or "stac_extensions" in broken


@needs_shared
def test_the_published_example_of_the_draft_reads_as_v1() -> None:
    text = (SHARED / "examples" / "dlm" / "thelper-unet.json").read_text("utf-8")
    draft = json.loads(text[text.index("{") :])  # a browser's comment stands before it
    migrate_draft(draft)
    assert errors(draft) == []
    dlm = DLMExtension.ext(pystac.Item.from_dict(draft))
    assert dlm.runtime[0].version == "1.5"
    assert dlm.inputs[0].input_tensors[0].dim == 3
    assert dlm.outputs[0].class_name_mapping[5].class_name == "Lake"
    assert len(dlm.join_bands(dlm.data[0])) == 3


# Installation


def test_the_entry_point_of_the_project_loads_the_hooks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    group = "pystac.extensions"
    points = [EntryPoint(name, value, group).load() for name, value in project["entry-points"][group].items()]
    assert points == [DLM_EXTENSION_HOOKS]
    assert DLM_EXTENSION_HOOKS.get_object_links(item()) is None


def python(code: str, *path: Path) -> str:
    """What `code` prints in a fresh interpreter that also finds modules in `path`."""
    setup = f"import sys; sys.path[:0] = {[str(p) for p in path]!r}\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", setup + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_pystac_finds_the_installed_hooks_by_itself(tmp_path: Path) -> None:
    info = tmp_path / "dlm_catalog-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dlm-catalog\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[pystac.extensions]\ndlm = builder.dlm.drafts:DLM_EXTENSION_HOOKS\n")
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps(DRAFT))
    code = f"import pystac; print(pystac.Item.from_file({str(draft)!r}).properties['dlm:data']['dtype'])"
    assert python(code, tmp_path, ROOT) == "uint16"


def test_the_extension_needs_pystac_alone() -> None:
    loaded = "import {}, sys; print(*sys.modules)"
    extra = set(python(loaded.format("builder.dlm"), ROOT).split()) - set(python(loaded.format("pystac")).split())
    extra = {name for name in extra if name.partition(".")[0] not in sys.stdlib_module_names | {"pystac"}}
    assert (
        {"builder", "builder.dlm"} <= extra <= {"builder"} | {name for name in extra if name.startswith("builder.dlm")}
    )


def test_the_public_names_are_all_there() -> None:
    import builder.dlm

    homes = [name for names in builder.dlm._HOMES.values() for name in names]
    assert sorted(builder.dlm.__all__) == sorted(homes)
    for name in builder.dlm.__all__:
        assert getattr(builder.dlm, name) is not None
    with pytest.raises(AttributeError, match="no attribute nothing"):
        _ = builder.dlm.nothing
