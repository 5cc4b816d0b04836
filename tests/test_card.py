"""The model card: its figures, its head, and its weight."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from cards import BARE, HOSTILE, RICH, to_entry, to_library, to_shell

from builder.catalog import Neighbours
from builder.facts import index_words, list_words
from builder.mlm import to_mlm
from builder.pipeline import Build
from builder.site import Shell, render_card
from builder.standing import to_statistics
from builder.templates import format_moment, read_templates

TEMPLATES = read_templates()
RADAR = {
    **BARE,
    "constellation": "sentinel-1",
    "sar:frequency_band": "C",
    "eo:bands": [{"name": "VV"}, {"name": "VH"}],
    "dlm:inputs": {"input_tensors": {"dim": 2}, "selected_band": [1, 0]},
}
CLASSES = {
    **BARE,
    "bbox": [176, -20, -178, -15],
    "dlm:outputs": {
        "task": "semantic segmentation",
        "dont_care_index": 9,
        "class_name_mapping": [
            {"index": 1, "class_name": "water", "color": "#0000ff"},
            {"index": 2, "class_name": "land"},
            {"index": 9, "class_name": "nothing"},
        ],
    },
}
LAYERS = {
    **BARE,
    "dlm:architecture": {
        "type": "CNN",
        "summary": "Layer (type)  Output Shape  Param #\n"
        + "\n".join(f"Conv2d-{n}   [-1, 8, {64 // n}, {64 // n}]   {n}00" for n in (1, 2, 4))
        + "\n" * 1000
        + "Total params: 700",
    },
}


def card(data: dict[str, Any], shell: Shell | None = None) -> str:
    (artifact,) = render_card(to_entry(data), Neighbours(), shell or to_shell(to_library(data)), TEMPLATES)
    assert isinstance(artifact.content, bytes)
    return artifact.content.decode()


def section(text: str, anchor: str) -> str:
    return next(part for part in text.split("<section>") if f'id="{anchor}"' in part).split("</section>")[0]


def svgs(text: str) -> list[ElementTree.Element]:
    """The outermost SVG elements of a page, parsed as XML."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"<svg\b|</svg>", text):
        if match[0] == "</svg>":
            depth -= 1
            if not depth:
                found.append(ElementTree.fromstring(text[start : match.end()]))  # noqa: S314  our own bytes
        else:
            start = start if depth else match.start()
            depth += 1
    return found


@pytest.mark.parametrize("data", [RICH, BARE, HOSTILE, RADAR, CLASSES, LAYERS])
def test_every_figure_is_named_or_hidden(data: dict[str, Any]) -> None:
    found = svgs(card(data))
    assert found
    for svg in found:
        if svg.get("aria-hidden") == "true":
            assert svg.get("role") is None
            continue
        assert svg.get("role") == "img"
        titles = [child for child in svg if child.tag == "title"]
        assert [title.get("id") for title in titles] == [svg.get("aria-labelledby")]
        assert all(title.text for title in titles)
        described = svg.get("aria-describedby")
        assert [child.get("id") for child in svg if child.tag == "desc"] == ([described] if described else [])


def test_radar_channels_are_a_strip_in_channel_order() -> None:
    text = section(card(RADAR), "data")
    assert "Radar (C band)" in text
    assert "channel 0: VH, sent vertical, received horizontal; channel 1: VV, sent vertical, received vertical" in text


def test_footprint_lies_on_the_map_of_the_site() -> None:
    text = card(CLASSES)
    assert '<image href="../../assets/land.svg"' in text
    assert text.count('class="box"') == 2
    assert "land.svg" not in card(BARE)


def test_classes_have_a_colour_a_pattern_or_a_cross() -> None:
    legend = section(card(CLASSES), "outputs").split('class="legend"')[1]
    water, land, nothing = legend.split("</li>")[:3]
    assert 'fill="#0000ff"' in water
    assert re.search(r'<path d="M', land)
    assert 'class="cross"' in nothing
    assert "don't care" in nothing


def test_layers_are_a_chart_where_they_add_up() -> None:
    text = section(card(LAYERS), "architecture")
    assert "at 64 × 64: 100; at 32 × 32: 200; at 16 × 16: 400" in text
    wrong = {**LAYERS, "dlm:architecture": {"type": "CNN", "summary": LAYERS["dlm:architecture"]["summary"] + "1"}}
    text = section(card(wrong), "architecture")
    assert "Parameters by stage" not in text
    assert "Conv2d-1" in text


def test_long_summary_is_on_the_card_once() -> None:
    assert card(LAYERS).count("Conv2d-4") == 1
    assert "see the layer summary under Architecture" in card(LAYERS)


def test_pipeline_draws_what_is_missing() -> None:
    flow = section(card(BARE), "pipeline")
    assert flow.count('class="missing"') == 6
    assert "CNN" in flow
    rich = section(card(RICH), "pipeline")
    assert 'class="lanes"' in rich
    assert rich.count("Regression") == 1
    assert rich.count(">Network<") == 1


def test_place_among_others_is_drawn_from_the_statistics() -> None:
    entries = [to_entry({**RICH, "dlm:architecture": {"total_nb_parameters": n}, "gsd": n}) for n in range(1, 8)]
    shell = to_shell(to_library(RICH))
    shell = Shell(shell.catalog, shell.collections, shell.has_docs, shell.generator, to_statistics(entries))
    text = section(card(RICH, shell), "architecture")
    assert "Larger than 7 of 7 models that state it." in text
    assert "Place in the registry" not in card(RICH)


def test_head_has_the_raw_files_and_narrow_and_wide_contents() -> None:
    text = card(RICH)
    head = text[: text.index("<h1")]
    assert '<a href="fusion-2.1.json">Item JSON</a>' in head
    assert '<a href="fusion-2.1.yml">YAML source</a>' in head
    contents = text[text.index('<nav class="contents"') :].split("</nav>")[0]
    narrow, wide = contents.split("</details>")
    assert re.findall('href="(#[^"]+)"', narrow) == re.findall('href="(#[^"]+)"', wide) != []


def test_size_of_the_weights_stands_in_for_the_size() -> None:
    data = {**RICH, "dlm:architecture": {"type": "CNN"}}
    assert re.search(r"<dt>Size</dt><dd>78.2 MB\s+<span class=\"muted\">weights file</span>", card(data))


def test_sections_link_to_themselves() -> None:
    text = card(RICH)
    anchors = re.findall(r'<h[23] id="([^"]+)"><a class="self" href="#([^"]+)">', text)
    assert len(anchors) > 15
    assert all(own == target for own, target in anchors)
    contents = text[text.index('<nav class="contents"') :].split("</nav>")[0]
    assert set(re.findall('href="#([^"]+)"', contents)) <= {own for own, _ in anchors}


def test_what_is_copied_is_named() -> None:
    text = card(RICH)
    named = re.findall(r'data-copy="([^"]*)"', text)
    assert {"Command to run the model", "Citation", "BibTeX", "STAC Item"} <= set(named)
    assert any(name.startswith("Preprocessing in numpy") for name in named)
    assert "<button" not in text.split("</header>", 1)[1].split("<footer")[0], "the script makes the buttons"


def test_real_layer_summary_is_a_chart(real_build: Build) -> None:
    content = next(a.content for a in real_build.artifacts if a.path == "pleiades/thelper-unet/index.html")
    assert isinstance(content, bytes)
    assert "42,813,873 in all, in 79 layers with parameters" in content.decode()


def test_cards_of_the_real_catalog_are_light(real_build: Build) -> None:
    cards = {
        artifact.path: artifact.content
        for artifact in real_build.artifacts
        if re.fullmatch(r"(?!list|docs)[^/]+/[^/]+/index\.html", artifact.path)
    }
    assert real_build.library
    assert {entry.folder + "/index.html" for entry in real_build.library.entries} <= set(cards)
    for path, content in cards.items():
        assert isinstance(content, bytes)
        assert len(content) < 60_000, path
        assert len(gzip.compress(content, 9)) < 15_000, path


def test_long_lists_of_names_are_shortened() -> None:
    names = [f"H{number:02}" for number in range(1, 61)]
    assert list_words(names[:16]) == ", ".join(names[:16])
    assert list_words(names) == "H01, H02, H03 … H60"
    assert index_words([3, 1, 2]) == "3, 1, 2"
    assert index_words(range(5, 65)) == "5 to 64"
    assert index_words([*range(60), 2]) == "0, 1, 2 … 2"


def test_a_band_has_one_line_among_all_fields() -> None:
    fields = card(RICH)[card(RICH).index("Every field") :]
    assert (
        "<td><code>eo:bands[0]</code></td>"
        "<td>name B02 · common_name blue · center_wavelength 0.49 · full_width_half_max 0.098</td>"
    ) in fields
    assert "<td><code>dlm:inputs[0].name</code></td>" in fields, "an object with long values has a line for each"


def test_times_are_without_the_time_of_day_at_midnight() -> None:
    assert format_moment("2024-02-03T00:00:00Z") == "2024-02-03"
    assert format_moment("2025-06-07T08:09:10Z") == "2025-06-07 08:09:10 UTC"
    assert format_moment(None) == ""


def test_what_mlm_does_not_say_is_listed_by_reason() -> None:
    text = section(card(RICH), "metadata")
    assert "What MLM does not say of this model" in text
    listed = re.findall(r'<li><span class="muted">(.*?):</span> (.*?)</li>', text)
    places = {place: why for why, places in listed for place in re.findall("<code>(.*?)</code>", places)}
    losses = to_mlm(to_entry(RICH).model, to_entry(RICH, mlm=False).item).losses
    assert places == {loss.place: loss.why for loss in losses}
    assert len(places) > 10
    assert "MLM requires an asset with the role weights" in section(card(BARE), "metadata")


def test_a_catalog_without_mlm_says_nothing_of_it() -> None:
    library = to_library(RICH)
    shell = to_shell(replace(library, info=replace(library.info, mlm=False)))
    assert "MLM" not in section(card(RICH, shell), "metadata").partition("Every field")[0]
