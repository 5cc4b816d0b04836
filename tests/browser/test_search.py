"""Browse, compare and match in a real browser: exact counts, the address, the keyboard, the same rules as Python."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page
from shared import ROOT, SHARED, needs_shared

from builder.details import to_record
from builder.imagery import to_imagery
from builder.match import match, match_one
from builder.pipeline import Build
from builder.search import FACETS, NUMBERS, Row, to_row

pytestmark = pytest.mark.browser

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/match_cases.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def rows(real_build: Build) -> list[Row]:
    assert real_build.library is not None
    return [to_row(entry) for entry in real_build.library.entries]


# --- counts, by brute force ------------------------------------------------------------------------------------------


def number_of(row: Row, key: str) -> float | None:
    if key == "bands":
        inputs = row.record.get("inputs", [])
        total = sum(len(e.get("bands", ())) or (e.get("shape") or [None, None])[1] or 0 for e in inputs)
        return total or None
    value: float | None = row.record.get("number_of_classes" if key == "classes" else key)
    return value


def passes(row: Row, state: dict[str, Any], but: str, titles: dict[str, str]) -> bool:
    for key, wanted in state["facets"].items():
        if key != but and not set(row.facets[key] or ("",)) & set(wanted):
            return False
    for key, (least, most) in state["ranges"].items():
        value, scale = number_of(row, key), NUMBERS[key][2]
        if value is None or not (least or 0) * scale <= value <= (math.inf if most is None else most * scale):
            return False
    facts = [row.record["title"], row.record["id"], *row.keywords, *itertools.chain(*row.facets.values())]
    facts.append(titles[row.facets["collection"][0]])
    text, words = "\n".join(facts).lower(), row.words
    return all(token in text or any(token in word for word in words) for token in state["q"].lower().split())


def random_states(rows: list[Row], number: int) -> list[dict[str, Any]]:
    chance = random.Random(4)  # noqa: S311  the same filters at every run
    values = {key: sorted({v for row in rows for v in row.facets[key] or ("",)}) for key in FACETS}
    words = ["", "", "", "sentinel-2", "resnet", "cloud mask", "trained on", "moco sar", "l1c", "é", "zzz"]
    states = []
    for _ in range(number):
        facets = {
            key: sorted(set(chance.choices(values[key], k=chance.randint(1, 3))))
            for key in chance.sample(sorted(FACETS), chance.randint(0, 3))
        }
        ranges = {}
        for key in chance.sample(sorted(NUMBERS), chance.choice([0, 0, 1])):
            known = sorted(n / NUMBERS[key][2] for row in rows if (n := number_of(row, key)) is not None)
            ranges[key] = chance.choice([(chance.choice(known), None), (None, chance.choice(known))])
        states.append({"facets": facets, "ranges": ranges, "q": chance.choice(words)})
    return states


def test_counts_are_those_of_brute_force(watched: Any, from_disk: str, rows: list[Row], real_build: Build) -> None:
    assert real_build.library is not None
    titles = {c.info.id: c.info.title for c in real_build.library.collections}
    page: Page = watched.open(from_disk + "index.html")
    page.focus("[data-query]")
    page.wait_for_function("() => globalThis.DLM_WORDS")
    states = random_states(rows, 120)
    found = page.evaluate(
        """(states) => {
            const engine = new dlmSearch.Engine(DLM_INDEX);
            engine.addWords(DLM_WORDS);
            return states.map(state => {
                const made = engine.query(state), counts = {};
                engine.facets.forEach(facet => {
                    counts[facet.key] = Object.fromEntries(facet.values.map((v, i) => [v, made.counts[facet.key][i]]));
                });
                return {ids: made.rows.map(row => DLM_INDEX.ids[row]), counts: counts};
            });
        }""",
        states,
    )
    some = 0
    for state, got in zip(states, found, strict=True):
        wanted = {row.record["id"] for row in rows if passes(row, state, "", titles)}
        assert set(got["ids"]) == wanted, state
        some += bool(wanted) and len(wanted) < len(rows)
        for key in FACETS:
            base = [row for row in rows if passes(row, state, key, titles)]
            for value, number in got["counts"][key].items():
                brute = sum(value in (row.facets[key] or ("",)) for row in base)
                assert number == brute, (state, key, value)
    assert some > 30


def test_the_page_shows_the_counts_of_its_filters(watched: Any, address: str, rows: list[Row]) -> None:
    page: Page = watched.open(address + "index.html")
    page.get_by_role("group", name="Sensor").get_by_label("sentinel-2").check()
    sentinel = [row for row in rows if "sentinel-2" in row.facets["sensor"]]
    assert page.locator("[data-count]").text_content() == f"{len(sentinel)} models"
    shown = page.get_by_role("group", name="Process level").locator("label", has_text="L1C").locator(".count")
    assert shown.text_content() == str(sum("L1C" in row.facets["level"] for row in sentinel))
    other = page.get_by_role("group", name="Sensor").locator("label", has_text="landsat-7").locator(".count")
    assert other.text_content() == str(sum("landsat-7" in row.facets["sensor"] for row in rows))
    assert page.locator(".result").count() == min(25, len(sentinel))


def test_long_lists_come_in_parts(watched: Any, from_disk: str, rows: list[Row]) -> None:
    page: Page = watched.open(from_disk + "index.html")
    assert page.locator(".result").count() == 25
    page.click("[data-more]")
    assert page.locator(".result").count() == 50
    assert page.evaluate("() => document.activeElement.closest('li') === document.querySelectorAll('.result')[25]")
    while page.locator("[data-more]").is_visible():
        page.click("[data-more]")
    assert page.locator(".result").count() == len(rows)


# --- the address -----------------------------------------------------------------------------------------------------


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(page.evaluate("() => location.search.slice(1)"))


def test_the_address_holds_the_state_and_back_undoes_it(watched: Any, address: str) -> None:
    page: Page = watched.open(address + "index.html")
    start = page.locator("[data-count]").text_content()
    page.get_by_role("group", name="Sensor").get_by_label("sentinel-1").check()
    page.get_by_role("group", name="Bands").get_by_label("blue").check()
    page.fill("[data-query]", "satlas")
    page.select_option("[data-sort]", "-parameters")
    page.get_by_label("Parameters, M from").fill("50")
    query = query_of(page)
    assert query == {
        "sensor": ["sentinel-1"], "band": ["blue"], "q": ["satlas"], "sort": ["-parameters"], "parameters": ["50.."]
    }  # fmt: skip
    again: Page = watched.open(page.evaluate("() => location.href"))
    assert again.locator("[data-count]").text_content() == page.locator("[data-count]").text_content()
    assert again.locator(".chip").all_text_contents() == page.locator(".chip").all_text_contents()
    assert again.input_value("[data-query]") == "satlas"
    page.go_back()
    page.go_back()
    assert query_of(page) == {"sensor": ["sentinel-1"]}
    assert page.get_by_role("group", name="Sensor").get_by_label("sentinel-1").is_checked()
    assert not page.get_by_role("group", name="Bands").get_by_label("blue").is_checked()
    page.go_back()
    assert page.locator("[data-count]").text_content() == start


def test_nonsense_in_the_address_does_no_harm(watched: Any, from_disk: str) -> None:
    page: Page = watched.open(from_disk + "index.html?sensor=%3Cb%3E&gsd=x..y&sort=evil&deprecated=2&compare=a,b&q=%00")
    assert "ready" in (page.get_attribute("html", "class") or "")
    page.goto(from_disk + "compare/index.html?ids=%3Cb%3E,,x")
    assert "There is no model <b>, x" in (page.locator("[data-status]").text_content() or "")


def test_the_table_of_coverage_leads_to_as_many_models(watched: Any, from_disk: str) -> None:
    page: Page = watched.open(from_disk + "index.html")
    links = [(link.text_content(), link.get_attribute("href")) for link in page.locator(".coverage td a").all()]
    assert len(links) > 5
    for number, href in links:
        page.goto(from_disk + str(href))
        assert re.match(rf"{number} models?\b", page.locator("[data-count]").text_content() or ""), href


# --- the keyboard ----------------------------------------------------------------------------------------------------


def test_a_walk_by_keyboard_from_search_to_card_to_comparison(watched: Any, address: str) -> None:
    page: Page = watched.open(address + "index.html")
    page.keyboard.press("/")
    page.keyboard.type("cloud mask l2a")
    assert (page.locator("[data-count]").text_content() or "").startswith("2 models")
    _tab_to(page, ".result a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/csmask-unet-4b-l2a/index.html")
    _tab_to(page, "a[href*='compare/index.html?ids=']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare/index.html?ids=csmask-unet-4b-l2a")
    _tab_to(page, "[data-add]")
    page.keyboard.type("six bands l2a")
    _tab_to(page, ".offers button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-verdict] dl")
    assert query_of(page) == {"ids": ["csmask-unet-4b-l2a,csmask-unet-6b-l2a"]}
    words = page.locator("[data-verdict]").text_content() or ""
    assert "Interchangeable inputs" in words
    assert "they read 4, 6 bands" in words
    assert "4 of 6" in words
    assert page.evaluate("() => document.activeElement.matches('[data-add]')")


def _tab_to(page: Page, selector: str, most: int = 120) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "the focus cannot be seen"
            return
    raise AssertionError(f"{selector} is not reached by keyboard")


def test_models_are_chosen_and_compared(watched: Any, address: str) -> None:
    page: Page = watched.open(address + "index.html?q=cloud")
    boxes = page.locator(".result [data-id]")
    for at in range(4):
        boxes.nth(at).check()
    assert page.locator("[data-chosen] li").count() == 4
    assert boxes.nth(4).is_disabled() if boxes.count() > 4 else True
    page.get_by_label(re.compile("Do not compare")).first.click()
    assert page.locator("[data-compare]").text_content() == "Compare 3 models"
    page.click("[data-compare]")
    page.wait_for_selector(".comparison thead th")
    assert page.locator(".comparison thead th").count() == 3
    differing = page.locator(".comparison .differing").count()
    alike = page.locator(".comparison .alike").count()
    assert differing
    assert alike
    page.check("[data-only]")
    assert page.locator(".comparison .alike:visible").count() == 0
    assert page.locator(".comparison .differing:visible").count() == differing
    page.locator(".comparison thead button").first.click()
    assert page.locator(".comparison thead th").count() == 2
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('.comparison thead th').length === 3")


def test_equal_models_have_interchangeable_inputs(watched: Any, from_disk: str) -> None:
    same = "resnet50-sentinel2-all-moco,resnet18-sentinel2-all-moco"
    page: Page = watched.open(f"{from_disk}compare/index.html?ids={same}")
    page.wait_for_selector("[data-verdict] dl")
    words = page.locator("[data-verdict] div").all_text_contents()
    assert words[0].startswith("Interchangeable inputsYes")
    assert words[1].startswith("Common bands11 of 11") or "of" in words[1]


# --- matching --------------------------------------------------------------------------------------------------------


def test_python_and_javascript_agree_on_every_case(watched: Any, from_disk: str) -> None:
    page: Page = watched.open(from_disk + "match/index.html")
    found = page.evaluate(
        """(cases) => cases.map(c => {
            const imagery = c.item ? dlmMatch.toImagery(c.item) : c.imagery;
            return [imagery, dlmMatch.matchOne(c.record, imagery)];
        })""",
        CASES,
    )
    for case, (imagery, result) in zip(CASES, found, strict=True):
        wanted = to_imagery(case["item"]) if "item" in case else case["imagery"]
        assert imagery == wanted, case["name"]
        assert result == match_one(case["record"], wanted), case["name"]


@needs_shared
def test_python_and_javascript_agree_on_all_models_and_real_imagery(
    watched: Any, from_disk: str, real_build: Build
) -> None:
    assert real_build.library is not None
    records = [to_record(entry.model) for entry in real_build.library.entries]
    items = [json.loads(path.read_text("utf-8")) for path in sorted((SHARED / "examples/imagery").glob("*.json"))]
    page: Page = watched.open(from_disk + "match/index.html")
    found = page.evaluate(
        """async (items) => {
            const ids = DLM_INDEX.ids.map((_, row) => row);
            const records = await new Promise(done => dlmSearch.fetchDetails('../', DLM_INDEX, ids, done));
            return items.map(item => {
                const imagery = dlmMatch.toImagery(item);
                return [imagery, dlmMatch.match(records, imagery)];
            });
        }""",
        items,
    )
    for item, (imagery, results) in zip(items, found, strict=True):
        assert imagery == to_imagery(item)
        assert results == match(records, to_imagery(item))


def test_an_item_is_dropped_pasted_or_chosen(watched: Any, address: str, tmp_path: Path) -> None:
    item = next(case["item"] for case in CASES if case["name"].startswith("radar"))
    location = tmp_path / "item.json"
    location.write_text(json.dumps(item), encoding="utf-8")
    page: Page = watched.open(address + "match/index.html")
    page.set_input_files("[data-file]", location)
    page.wait_for_selector(".matches li")
    status = page.locator("[data-status]").text_content() or ""
    assert status.startswith("s1: 19 models fit")
    assert page.input_value("[data-fact='sensor']") == "sentinel-1a"
    page.click("[data-reset]")
    assert page.locator(".matches li").count() == 0
    page.fill("[data-text]", json.dumps(item))
    page.wait_for_selector(".matches li")
    assert page.locator("[data-status]").text_content() == status
    page.fill("[data-text]", "{")
    assert "not JSON" in (page.locator("[data-error]").text_content() or "")
    page.fill("[data-text]", "[1]")
    assert "not a STAC Item" in (page.locator("[data-error]").text_content() or "")
    page.fill("[data-text]", "")
    page.evaluate(
        """(text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], 'item.json'));
            document.querySelector('[data-drop]').dispatchEvent(
                new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        json.dumps(item),
    )
    page.wait_for_selector(".matches li")
    assert page.locator("[data-status]").text_content() == status


def test_imagery_is_described_by_its_facts(watched: Any, from_disk: str) -> None:
    page: Page = watched.open(from_disk + "match/index.html")
    page.fill("[data-fact='sensor']", "sentinel-2")
    page.fill("[data-fact='gsd']", "10")
    page.fill("[data-fact='level']", "L2A")
    for band in ("blue", "green", "red", "nir"):
        page.check(f"[data-bands] input[value='{band}']")
    page.wait_for_selector(".matches li")
    first = page.locator(".matches > li").first.text_content() or ""
    assert "Fits" in first
    assert "made for sentinel-2" in first
    four = page.locator(".matches > li", has_text="Cloud and cloud shadow mask, four bands, L2A").text_content() or ""
    assert "reads 4 bands, all in the image" in four
    page.select_option("[data-fact='task']", "semantic segmentation")
    assert "for semantic segmentation" in (page.locator(".matches > li").first.text_content() or "")
