"""The schema of a model file in an editor: the YAML language server completes, explains and marks with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from jsonschema import Draft7Validator

from builder.schema import source_schema

SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")


class Client:
    """A client of the language server protocol over the server's standard streams."""

    def __init__(self, server: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.folder = folder
        self.number = 0
        self.received: Queue[dict[str, Any]] = Queue()
        self.kept: list[dict[str, Any]] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        self.notify("initialized", {})

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while True:
            length = 0
            while (line := self.process.stdout.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if length == 0:
                return
            self.received.put(json.loads(self.process.stdout.read(length)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        number = self.number
        self._send({"id": number, "method": method, "params": params})
        answer = self._wait(lambda m: m.get("id") == number and "method" not in m)
        assert "error" not in answer, answer
        return answer.get("result")

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        message = self._wait(
            lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["uri"] == uri
        )
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def _wait(self, wanted: Any) -> dict[str, Any]:
        for message in self.kept:
            if wanted(message):
                self.kept.remove(message)
                return message
        while True:
            try:
                message = self.received.get(timeout=60)
            except Empty:
                pytest.fail("the language server does not answer")
            if "method" in message and "id" in message:
                # The server asks for settings and the like; nothing is set.
                result = [None] * len(message.get("params", {}).get("items", [])) or None
                self._send({"id": message["id"], "result": result})
            elif wanted(message):
                return message
            else:
                self.kept.append(message)

    def open(self, name: str, text: str) -> str:
        uri = (self.folder / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    if SERVER is None:
        pytest.skip("needs yaml-language-server (npm), on the path or in YAML_LANGUAGE_SERVER")
    (tmp_path / "model.schema.json").write_text(json.dumps(source_schema()), encoding="utf-8")
    client = Client(SERVER, tmp_path)
    yield client
    client.close()


HEAD = "# yaml-language-server: $schema=model.schema.json\n"
GOOD = HEAD + "description: A model.\ndlm:data:\n  process_level: L2A\n  useful_bands:\n    - {index: 0, name: B1}\n"


def labels(answer: Any) -> set[str]:
    items = answer["items"] if isinstance(answer, dict) else answer
    return {item["label"] for item in items}


def test_good_file_is_not_marked(client: Client) -> None:
    assert client.diagnostics(client.open("good.yml", GOOD)) == []


def test_file_with_properties_of_its_own_is_not_marked(client: Client) -> None:
    text = HEAD + "id: a\nproperties:\n  description: A model.\n  dlm:architecture:\n    type: CNN\n"
    assert client.diagnostics(client.open("item.yml", text)) == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("description: A model.\ndlm:data:\n  process_level: L9\n", 3, "L2A"),
        ("description: A model.\ndlm:data:\n  proces_level: L2A\n", 3, "proces_level"),
        ("description: A model.\ndlm:inputs:\n  normalization:std: [0]\n", 3, "0"),
        ("description: A model.\ntitel: A\ndlm:data: {}\n", 2, "titel"),
        ("dlm:data: {}\n", 1, "description"),
        ("description: A model.\ndlm:runtime:\n  docker:\n    gpu: often\n", 4, "boolean"),
    ],
)
def test_mistake_is_marked_at_its_line(client: Client, text: str, line: int, says: str) -> None:
    found = client.diagnostics(client.open("bad.yml", HEAD + text))
    assert any(d["range"]["start"]["line"] == line and says in d["message"] for d in found), found


def test_keys_and_values_are_completed(client: Client) -> None:
    text = HEAD + "description: A model.\ndlm:outputs:\n  task: \n  \n"
    uri = client.open("new.yml", text)
    client.diagnostics(uri)
    place = {"textDocument": {"uri": uri}}
    values = labels(client.request("textDocument/completion", {**place, "position": {"line": 3, "character": 8}}))
    assert {"semantic segmentation", "object detection"} <= values
    keys = labels(client.request("textDocument/completion", {**place, "position": {"line": 4, "character": 2}}))
    assert {"number_of_classes", "final_layer_size", "class_name_mapping"} <= keys


def test_a_field_is_explained_under_the_pointer(client: Client) -> None:
    uri = client.open("good.yml", GOOD)
    client.diagnostics(uri)
    place = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 5}}
    assert "Processing level" in json.dumps(client.request("textDocument/hover", place))


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema with the path to it, those of its definitions included."""
    if not isinstance(schema, dict):
        return
    for key, field in schema.get("properties", {}).items():
        yield f"{path}/{key}", field
    for keyword in ("properties", "patternProperties", "definitions"):
        for key, inner in schema.get(keyword, {}).items():
            yield from fields(inner, f"{path}/{key}")
    for keyword in ("if", "then", "else", "items", "additionalProperties"):
        yield from fields(schema.get(keyword), path)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(keyword, []):
            yield from fields(inner, path)


def test_every_field_has_a_description() -> None:
    schema = source_schema()
    silent = [path for path, field in fields(schema) if "description" not in field and "$ref" not in field]
    assert silent == []


def test_every_field_has_an_example_or_says_what_it_takes() -> None:
    says = {"if", "examples", "enum", "const", "default", "$ref", "properties", "items"}
    silent = [path for path, field in fields(source_schema()) if says.isdisjoint(field)]
    assert silent == []


def test_every_example_is_one() -> None:
    schema = source_schema()
    for path, field in fields(schema):
        validator = Draft7Validator({**field, "definitions": schema["definitions"]})
        for example in field.get("examples", []):
            assert [error.message for error in validator.iter_errors(example)] == [], path


def test_every_choice_without_a_free_form_is_an_enum_with_a_default_where_there_is_one() -> None:
    flags = {path: field for path, field in fields(source_schema()) if field.get("type") == "boolean"}
    assert flags
    assert [path for path, field in flags.items() if "default" not in field and "examples" not in field] == []
