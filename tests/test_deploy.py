"""Deploy files: what they say, what keeps them from being written, and that text of authors stays text."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cards import HOSTILE, RICH, to_entry
from click.testing import CliRunner
from deploy_cases import BASE_URL, to_case, to_cases, to_deployable
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import MINIMAL, write

from builder import exporters, pipeline
from builder.card import to_card
from builder.catalog import CatalogInfo, Entry
from builder.cli import main
from builder.deploy import KINDS, Bundle, docker, to_bundle, to_site
from builder.deploy.docker import docker_command
from builder.deploy.kserve import LONGEST_NAME, to_label
from builder.deploy.quoting import comment
from builder.deploy.sheet import DeployFile, Sheet
from builder.model import Docker

CATALOG = CatalogInfo("test", "Test", "Test.")


def text_of(bundle: Bundle, name: str) -> str:
    return next(file.text for file in bundle.files if file.name == name)


def missing(bundle: Bundle) -> dict[str, tuple[str, ...]]:
    """The fields that are missing, with the files that wait for them."""
    return {one.gap.field: one.files for one in bundle.missing}


# --- what is written, and what not -----------------------------------------------------------------------------------


def test_every_file_is_written_or_waits_for_a_fact_that_is_named() -> None:
    names = {"docker-run.sh", "compose.yaml", "config.pbtxt", "inference-service.yaml", "request.schema.json",
             "response.schema.json", "preprocess.py"}  # fmt: skip
    kinds = 0
    for entry in to_cases():
        for base_url in (None, BASE_URL):
            bundle = to_bundle(entry, base_url)
            written = {file.name for file in bundle.files}
            waiting = {name for one in bundle.missing for name in one.files}
            assert written | waiting == names
            assert not written & waiting
            assert all(one.gap.field and one.gap.words for one in bundle.missing)
            kinds |= 1 << len(written)
    assert kinds & 0b10000001 == 0b10000001, "the cases have models with no file and with all of them"


def test_the_head_of_a_file_says_what_is_stated_and_what_is_inferred() -> None:
    bundle = to_bundle(to_case(), BASE_URL)
    assert text_of(bundle, "docker-run.sh") == (
        "#!/bin/sh\n"
        "# The container as a command: nets/Net_1.0, made from the metadata of the model.\n"
        "#\n"
        "# Stated in the model file:\n"
        "#   dlm:runtime.docker.image_name: registry.example.com:5000/lab/net\n"
        "#   dlm:runtime.docker.tag: 1.2\n"
        "#   dlm:runtime.docker.run: serve --name 'a b' --price $5\n"
        "#   dlm:runtime.docker.working_dir: /work dir\n"
        "#   dlm:runtime.docker.gpu: yes, all of them\n"
        "#\n"
        "# Inferred:\n"
        "#   the command needs a shell, which the image is taken to have as sh\n"
        "set -eu\n"
        "exec docker run --rm --gpus all --workdir '/work dir' registry.example.com:5000/lab/net:1.2 "
        "sh -c 'serve --name '\"'\"'a b'\"'\"' --price $5' \"$@\"\n"
    )
    for file in bundle.files:
        assert file.inferred, file.name
        for fact in (*file.stated, *file.inferred):
            assert comment(fact) in (json.loads(file.text)["$comment"] if file.name.endswith(".json") else file.text)


def test_a_tag_that_moves_is_said_to() -> None:
    moving = text_of(to_bundle(to_case(docker="plain")), "docker-run.sh")
    assert "the tag latest, which container tools take where none is stated; nothing pins it" in moving
    assert '\nexec docker run --rm net:latest "$@"\n' in moving
    for kind in ("full", "digest"):
        assert "nothing pins" not in text_of(to_bundle(to_case(docker=kind)), "docker-run.sh")
    for stated in ({"image_name": "net:latest"}, {"image_name": "net", "tag": "latest"}):
        entry = to_deployable({"dlm:runtime": {"docker": stated}})
        assert "nothing pins" in text_of(to_bundle(entry), "docker-run.sh")


def test_a_digest_in_the_tag_pins_the_image() -> None:
    entry = to_deployable({"dlm:runtime": {"docker": {"image_name": "net", "tag": "sha256:" + "ab" * 32}}})
    assert f"docker run --rm net@sha256:{'ab' * 32} " in text_of(to_bundle(entry), "docker-run.sh")


@pytest.mark.parametrize(
    ("change", "field", "files"),
    [
        ({"docker": "none"}, "dlm:runtime.docker.image_name", ("docker-run.sh", "compose.yaml")),
        ({"docker": "wrong"}, "dlm:runtime.docker.image_name", ("docker-run.sh", "compose.yaml")),
        ({"weights": "none"}, "assets", ("config.pbtxt", "inference-service.yaml")),
        ({"weights": "pickle"}, "assets.w.mlm:artifact_type", ("config.pbtxt", "inference-service.yaml")),
        ({"weights": "onnx in a package"}, "assets.w.href", ("inference-service.yaml",)),
        ({"inputs": "none"}, "dlm:inputs",
         ("config.pbtxt", "inference-service.yaml", "request.schema.json", "preprocess.py")),
        ({"inputs": "one, unnamed"}, "dlm:inputs.name",
         ("config.pbtxt", "inference-service.yaml", "request.schema.json")),
        ({"inputs": "one, shapeless"}, "dlm:inputs.input_tensors",
         ("config.pbtxt", "inference-service.yaml", "request.schema.json")),
        ({"inputs": "two of one name"}, "dlm:inputs.name",
         ("config.pbtxt", "inference-service.yaml", "request.schema.json")),
        ({"inputs": "one, fixed batch", "dtype": "complex64"}, "dlm:data.dtype",
         ("config.pbtxt", "inference-service.yaml", "request.schema.json")),
        ({"outputs": "shapeless"}, "dlm:outputs.final_layer_size", ("response.schema.json",)),
        ({"outputs": "two", "weights": "torchscript"}, "dlm:outputs[1].final_layer_size",
         ("config.pbtxt", "inference-service.yaml")),
    ],
)  # fmt: skip
def test_a_missing_fact_is_named_by_its_field(change: dict[str, str], field: str, files: tuple[str, ...]) -> None:
    assert missing(to_bundle(to_case(**change), BASE_URL)) == {field: files}


def test_the_address_of_the_site_is_needed_where_files_come_from_it() -> None:
    for weights in ("onnx by name", "onnx, local", "torchscript"):
        assert missing(to_bundle(to_case(weights)))["base_url"] == ("inference-service.yaml",)
    assert missing(to_bundle(to_case("onnx, usual name"))) == {}, "Triton needs no configuration beside model.onnx"
    service = text_of(to_bundle(to_case("onnx by name"), BASE_URL + "/"), "inference-service.yaml")
    assert f'{{uri: "{BASE_URL}/nets/Net_1.0/deploy/config.pbtxt", mountPath: "/mnt/models/Net_1.0"}}' in service
    assert '{uri: "https://example.com/net.onnx", mountPath: "/mnt/models/Net_1.0/1"}' in service


def test_local_weights_are_mounted_where_a_working_directory_is_stated() -> None:
    entry = to_case("onnx, local")
    text = text_of(to_bundle(entry), "docker-run.sh")
    assert """--volume "$PWD"/'files/net v1.onnx:/work dir/files/net v1.onnx:ro' registry""" in text
    assert "nothing states where the container looks for them" in text
    assert 'source: "../files/net v1.onnx", target: "/work dir/files/net v1.onnx"' in text_of(
        to_bundle(entry), "compose.yaml"
    )
    for plain in (to_case("onnx, local", docker="plain"), to_case("onnx by name")):
        assert "volume" not in text_of(to_bundle(plain), "docker-run.sh")
        assert "volumes" not in text_of(to_bundle(plain), "compose.yaml")


@pytest.mark.parametrize(
    ("docker", "command"),
    [
        (Docker((), image_name="a", tag="1", gpu=True), "docker run --rm --gpus all a:1"),
        (Docker((), image_name="host:5000/a", tag="1"), "docker run --rm host:5000/a:1"),
        (Docker((), image_name="a:1", tag="2", run="x 'y z'"), "docker run --rm a:1 x 'y z'"),
        (Docker((), image_name="a:1", run="cd x && y"), "docker run --rm a:1 sh -c 'cd x && y'"),
        (Docker((), image_name="a:1", run="it's"), "docker run --rm a:1 sh -c 'it'\"'\"'s'"),
        (Docker((), image_name="a:1", run="A=1 x"), "docker run --rm a:1 sh -c 'A=1 x'"),
        (Docker((), image_name="a:1", run="x # y"), "docker run --rm a:1 sh -c 'x # y'"),
        (Docker((), image_name="a:1", working_dir="-v/:/x"), "docker run --rm --workdir -v/:/x a:1"),
        (Docker((), image_name="a; rm -rf ~", run="x"), ""),
        (Docker((), image_name="--privileged", run="x"), ""),
        (Docker((), image_name="a", tag="1 -v /:/x"), ""),
        (Docker((), image_name="a", run="x\0y"), ""),
        (Docker((), image_name="a" * 600), ""),
        (Docker((), docker_file="https://example.com/Dockerfile"), ""),
    ],
)
def test_docker_command_is_quoted(docker: Docker, command: str) -> None:
    assert docker_command(docker) == command


def test_a_name_of_kubernetes_is_made_of_the_id() -> None:
    assert to_label("csmask-unet") == "csmask-unet"
    assert to_label("Net_1.0") == "net-1-0"
    assert to_label("3d.Net") == "model-3d-net"
    assert to_label("___") == "model"
    assert len(to_label("a." * 99)) <= LONGEST_NAME
    assert not to_label("a." * 99).endswith("-")


def test_a_card_links_its_files_and_lists_what_is_missing() -> None:
    card = to_card(to_entry(RICH), CATALOG)
    assert [file.name for file in card.deploy] == ["docker-run.sh", "compose.yaml", "request.schema.json",
                                                   "response.schema.json", "preprocess.py"]  # fmt: skip
    assert [one.gap.field for one in card.missing] == ["assets.weights.mlm:artifact_type"]
    bare = to_card(to_case("pickle", docker="none"), CATALOG)
    fields = [one.gap.field for one in bare.missing]
    assert fields == [
        "dlm:runtime.docker.image_name", "assets.w.mlm:artifact_type", "dlm:runtime.framework", "dlm:runtime.version",
        "dlm:runtime.model_handler", "dlm:runtime.model_src_url", "dlm:runtime.model_commit_hash",
    ]  # fmt: skip


def test_files_of_the_catalog_are_published_beside_the_cards(site: Path, real_build: pipeline.Build) -> None:
    assert real_build.library is not None
    found = {path.relative_to(site).as_posix() for path in site.glob("*/*/deploy/*")}
    expected = {
        f"{entry.folder}/deploy/{file.name}" for entry in real_build.library.entries for file in to_bundle(entry).files
    }
    assert found == expected
    assert len([path for path in found if path.endswith("config.pbtxt")]) == 4, "of the models in ONNX"
    page = (site / "cloud-masks/csmask-unet-4b-l1c/index.html").read_text("utf-8")
    assert 'href="deploy/config.pbtxt"' in page
    assert "<code>dlm:runtime.docker.image_name</code>" in page


def test_all_files_of_a_model_take_less_than_half_a_millisecond(real_build: pipeline.Build) -> None:
    assert real_build.library is not None
    entries = real_build.library.entries
    best = min(_seconds(entries) for _ in range(5))
    assert best / len(entries) < 0.0005


def _seconds(entries: tuple[Entry, ...]) -> float:
    started = time.process_time()
    for entry in entries:
        to_bundle(entry)
    return time.process_time() - started


# --- text of authors stays text --------------------------------------------------------------------------------------

METACHARACTERS = "".join(map(chr, range(1, 128))) + "é\u2028\u202e\ufeff😀"
TEXT = st.one_of(
    st.text(st.sampled_from(METACHARACTERS), max_size=12),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["", "-", "--", "-v/:/x", "$(id)", "`id`", "a\nb", "'", '"', "\\", "*", "~", "${HOME}", "a b", "\0",
                     "!x", "#x", "a=b", "--privileged", "\r", "; touch x", "&& x", "| x"]),
)  # fmt: skip
FAKE = '#!/bin/sh\nfor word in "$@"; do printf \'%s\\0\' "$word"; done > "$ARGV"\n'


def run_script(script: str, *arguments: str) -> list[str]:
    """The words that `docker` is given when a script is run with a `docker` that writes them down."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        program = folder / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(FAKE, "utf-8")
        program.chmod(0o755)
        file = folder / "model" / "deploy" / "docker-run.sh"
        file.parent.mkdir(parents=True)
        file.write_bytes(script.encode())
        argv = folder / "argv"
        environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "ARGV": str(argv)}
        done = subprocess.run(
            ["/bin/sh", file, *arguments], env=environment, cwd=folder, capture_output=True, check=True
        )
        assert done.stdout == b""
        assert done.stderr == b""
        assert sorted(path.name for path in folder.iterdir()) == ["argv", "bin", "model"], "nothing else ran"
        words = argv.read_bytes().decode().split("\0")[:-1]
        return [word.replace(f"{folder}/model", "PWD") for word in words]


def wanted_words(entry: Entry) -> list[str] | None:
    """What docker is to be given, from the facts alone."""
    sheet = Sheet("", "")
    container = docker.find_container(sheet, to_site(entry, None))
    if container is None:
        return None
    words = docker.to_words(container)[1:]
    if container.weights and ":" not in "".join(container.weights):
        at = words.index(container.image)
        words[at:at] = ["--volume", f"PWD/{container.weights[0]}:{container.weights[1]}:ro"]
    return words


@settings(max_examples=150, deadline=None)
@given(
    image=st.one_of(st.sampled_from(["net", "host:5000/a/net", "net@sha256:" + "0f" * 32]), TEXT),
    tag=st.one_of(st.none(), st.just("1.0"), TEXT),
    folder=st.one_of(st.none(), TEXT),
    command=st.one_of(st.none(), TEXT, st.lists(TEXT, min_size=1, max_size=3).map(shlex.join)),
    gpu=st.sampled_from([None, True, False]),
    weights=st.one_of(st.none(), st.just("a b.onnx")),
    argument=TEXT.filter(lambda text: "\0" not in text),
)
def test_a_metacharacter_in_any_field_stays_an_argument(
    image: str, tag: str | None, folder: str | None, command: str | None, gpu: bool | None, weights: str | None,
    argument: str,
) -> None:  # fmt: skip
    stated = {"image_name": image, "tag": tag, "working_dir": folder, "run": command, "gpu": gpu}
    entry = to_deployable({
        "title": image,
        "dlm:runtime": {"framework": folder, "docker": {key: one for key, one in stated.items() if one is not None}},
        "assets": {"w": {"href": weights, "roles": ["weights"]}} if weights else {},
    })  # fmt: skip
    script = KINDS["docker"](to_site(entry))
    words = wanted_words(entry)
    if not isinstance(script, DeployFile):
        assert words is None
        return
    assert words is not None
    given_words = run_script(script.text, argument)
    assert given_words == [*words, argument]
    # And against the facts themselves, whatever the code above makes of them.
    place = next(i for i, word in enumerate(given_words) if word.startswith(image))
    assert given_words[:place] == [
        "run", "--rm", *(["--gpus", "all"] if gpu else []), *(["--workdir", folder] if folder else []),
        *(given_words[place - 2 : place] if "--volume" in given_words[:place] else []),
    ]  # fmt: skip
    rest = given_words[place + 1 : -1]
    assert rest in ([], ["sh", "-c", command]) or rest == shlex.split(command or "")
    assert bool(rest) == bool(command)


def test_a_shell_runs_the_command_of_the_author_in_the_container_only() -> None:
    entry = to_deployable({"dlm:runtime": {"docker": {"image_name": "net", "run": "touch pwned; $(touch pwned) `x`"}}})
    script = text_of(to_bundle(entry), "docker-run.sh")
    assert run_script(script, "$(touch pwned)", "a\nb") == [
        "run", "--rm", "net:latest", "sh", "-c", "touch pwned; $(touch pwned) `x`", "$(touch pwned)", "a\nb",
    ]  # fmt: skip


def test_hostile_text_stays_on_the_line_of_its_comment() -> None:
    evil = "a\nb\r\x85\u2028\u2029\u202e\ufeff\x00\x1b[31m\U000e0001"
    entry = to_deployable({
        "dlm:runtime": {"docker": {"image_name": "net", "working_dir": evil.replace("\0", ""), "run": "x"}},
        "dlm:inputs": {"name": evil, "input_tensors": {"dim": 1}},
        "assets": {"w": {"href": "https://example.com/a.onnx", "type": f"{evil} onnx", "roles": ["weights"]}},
    })  # fmt: skip
    bundle = to_bundle(entry, BASE_URL)
    assert len(bundle.files) == 6
    for file in bundle.files:
        if file.name.endswith(".json"):
            assert (
                evil
                in json.loads(file.text)["properties"]["inputs"]["items"]["oneOf"][0]["properties"]["name"]["const"]
            )
            continue
        for line in file.text.splitlines():
            if line.startswith("#"):
                assert line.isprintable(), (file.name, line)


def test_hostile_models_have_no_file_or_a_harmless_one() -> None:
    bundle = to_bundle(to_entry(HOSTILE), BASE_URL)
    assert "docker-run.sh" in missing(bundle)["dlm:runtime.docker.image_name"]
    assert {file.name for file in bundle.files} <= {"request.schema.json", "preprocess.py"}


def test_a_name_without_end_is_refused_quickly() -> None:
    started = time.process_time()
    for name in ("a" * 500 + "!", "a-" * 250, "a." * 250 + "/", ("a-" * 100 + "/") * 2 + "!", "A" * 400 + ":"):
        docker_command(Docker((), image_name=name))
    assert time.process_time() - started < 1


# --- the command -----------------------------------------------------------------------------------------------------


def test_export_prints_the_file_and_tells_what_is_inferred_or_missing(tmp_path: Path) -> None:
    docker_facts = "dlm:runtime: {docker: {image_name: net, run: serve}}\n"
    source = write(tmp_path, {"c/a.yml": MINIMAL + docker_facts, "c/b.yml": MINIMAL})
    made = CliRunner().invoke(main, ["export", "a", str(source), "--to", "docker"])
    assert made.exit_code == 0, made.output
    assert made.stdout.endswith('exec docker run --rm net:latest serve "$@"\n')
    assert "note: a: no GPU is asked for, because gpu is not stated" in made.stderr
    without = CliRunner().invoke(main, ["export", "b", str(source), "--to", "docker"])
    assert (without.exit_code, without.stdout) == (1, "")
    assert "b does not state dlm:runtime.docker.image_name: the name of a container image" in without.stderr


def test_export_gives_what_a_build_publishes(real_build: pipeline.Build) -> None:
    assert real_build.library is not None
    built = {artifact.path: artifact.content for artifact in real_build.artifacts if "/deploy/" in artifact.path}
    entries, info = real_build.library.entries, real_build.library.info
    exported = [artifact for kind in KINDS for artifact in exporters.export(kind, entries, info).artifacts]
    assert {artifact.path: artifact.content for artifact in exported} == built
    assert len(exported) == len(built) > 200
