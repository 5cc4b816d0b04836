// The browse page: filters, results and the address follow one state. Without this script the page shows plain lists.
(function start() {
  "use strict";
  var place = document.querySelector("[data-browse]");
  if (!place || !globalThis.DLM_INDEX || !globalThis.dlmSearch) return;
  var say = globalThis.dlmSay, count = globalThis.dlmSayCount, figure = globalThis.dlmNumber;
  var search = globalThis.dlmSearch, make = search.element, index = globalThis.DLM_INDEX;
  var engine = new search.Engine(index), root = place.dataset.root;
  var PAGE = 25, FIRST = 8, MOST = 4, OPEN = ["task", "sensor", "band", "level"];
  var SORTS = [
    ["", say("Best match")], ["title", say("Title")], ["updated", say("Newest")],
    ["parameters", say("Fewest parameters")], ["-parameters", say("Most parameters")], ["size", say("Smallest file")],
    ["gsd", say("Finest GSD")], ["-gsd", say("Coarsest GSD")], ["-bands", say("Most bands")]
  ];
  var rowOf = new Map(index.ids.map(function (id, row) { return [id, row]; }));
  var state, result, shown = PAGE, boxes = new Map(), made = new Map(), parts = {}, labels = { yes: say("GPU needed"), no: say("GPU not needed") };

  function find(name) { return place.querySelector("[data-" + name + "]"); }
  function nameOf(key, value) {
    if (value === "") return say("not stated");
    if (key === "collection") return index.collections[value] || value;
    return key === "gpu" ? labels[value] : value;
  }

  // --- the state and the address

  function readAddress() {
    var address = new URLSearchParams(location.search), made = { facets: {}, ranges: {} };
    made.q = address.get("q") || "";
    made.sort = SORTS.some(function (sort) { return sort[0] === address.get("sort"); }) ? address.get("sort") : "";
    made.deprecated = ["yes", "only"].includes(address.get("deprecated")) ? address.get("deprecated") : "no";
    engine.facets.forEach(function (facet) {
      var wanted = address.getAll(facet.key).filter(function (value) { return facet.values.includes(value); });
      if (wanted.length) made.facets[facet.key] = Array.from(new Set(wanted));
    });
    index.numbers.forEach(function (entry) {
      var ends = (address.get(entry.key) || "").split("..").map(function (text) {
        return text.trim() === "" || !isFinite(text) ? null : Number(text);
      });
      if (ends.length === 2 && (ends[0] !== null || ends[1] !== null)) made.ranges[entry.key] = ends;
    });
    made.compare = (address.get("compare") || "").split(",").filter(function (id) { return rowOf.has(id); }).slice(0, MOST);
    return made;
  }
  function toAddress() {
    var address = new URLSearchParams();
    if (state.q) address.set("q", state.q);
    engine.facets.forEach(function (facet) {
      (state.facets[facet.key] || []).forEach(function (value) { address.append(facet.key, value); });
    });
    Object.keys(state.ranges).forEach(function (key) {
      var ends = state.ranges[key];
      address.set(key, (ends[0] === null ? "" : ends[0]) + ".." + (ends[1] === null ? "" : ends[1]));
    });
    if (state.deprecated !== "no") address.set("deprecated", state.deprecated);
    if (state.sort) address.set("sort", state.sort);
    if (state.compare.length) address.set("compare", state.compare.join(","));
    var text = address.toString();
    return location.pathname + (text ? "?" + text : "");
  }
  // Typing changes the entry in the history, every other step adds one, so that "back" takes one step back.
  function changed(typing) {
    history[typing ? "replaceState" : "pushState"](null, "", toAddress());
    shown = PAGE;
    update();
  }
  function toggle(key, value) {
    var wanted = state.facets[key] || [];
    wanted = wanted.includes(value) ? wanted.filter(function (one) { return one !== value; }) : wanted.concat([value]);
    if (wanted.length) state.facets[key] = wanted; else delete state.facets[key];
    changed();
  }

  // --- filters: made once, then only their numbers and ticks change, so that the focus stays where it is

  function buildFilters() {
    var filters = find("filters");
    var everything = engine.query({ deprecated: "yes" });
    engine.facets.forEach(function (facet) {
      var totals = everything.counts[facet.key];
      var order = facet.values.map(function (_, at) { return at; }).filter(function (at) { return totals[at]; });
      if (order.length < 2) return;
      // By number, bands along the spectrum; "not stated" last.
      order.sort(function (a, b) {
        if (facet.values[a] === "" || facet.values[b] === "") return facet.values[a] === "" ? 1 : -1;
        return facet.key === "band" ? a - b : totals[b] - totals[a] || a - b;
      });
      var items = order.map(function (at, position) {
        var value = facet.values[at], number = make("span", { class: "count" });
        var box = make("input", { type: "checkbox" });
        var text = make("span", { class: value === "" ? "unstated" : "", text: nameOf(facet.key, value) });
        var item = make("li", { hidden: position >= FIRST && order.length > FIRST + 2 }, [make("label", {}, [box, text, number])]);
        box.addEventListener("change", function () { toggle(facet.key, value); });
        boxes.set(facet.key + "\n" + value, { box: box, number: number, item: item, at: at });
        return item;
      });
      var list = make("ul", {}, items), all = null;
      if (items[items.length - 1].hidden) {
        all = make("button", { type: "button", class: "plain", text: say("All {0}", items.length) });
        all.addEventListener("click", function () {
          items.forEach(function (item) { item.hidden = false; });
          all.remove();
          items[FIRST].querySelector("input").focus();
        });
      }
      var open = OPEN.includes(facet.key) || state.facets[facet.key];
      var active = make("span", { class: "active" });
      parts[facet.key] = active;
      filters.append(make("details", { class: "facet", open: Boolean(open) }, [
        make("summary", {}, [facet.label, active]),
        make("div", { role: "group", "aria-label": facet.label }, [list, all])
      ]));
    });
    index.numbers.forEach(function (entry) {
      var values = entry.column.filter(function (value) { return value !== null; });
      var least = values.reduce(function (a, b) { return Math.min(a, b); }, Infinity) / entry.scale;
      var most = values.reduce(function (a, b) { return Math.max(a, b); }, 0) / entry.scale;
      if (!(least < most)) return;
      var title = entry.label + (entry.unit ? ", " + entry.unit : "");
      var fields = [["from", least, 0, say("from")], ["to", most, 1, say("to")]].map(function (end) {
        var field = make("input", {
          type: "number", step: "any", min: 0, placeholder: globalThis.dlmFigure(Number(end[1].toPrecision(3))), "aria-label": title + " " + end[3]
        });
        field.addEventListener("input", function () {
          var ends = (state.ranges[entry.key] || [null, null]).slice();
          ends[end[2]] = field.value === "" ? null : Number(field.value);
          if (ends[0] === null && ends[1] === null) delete state.ranges[entry.key]; else state.ranges[entry.key] = ends;
          changed(true);
        });
        boxes.set(entry.key + "\n" + end[0], { field: field, key: entry.key, end: end[2] });
        return field;
      });
      var dash = make("span", { "aria-hidden": "true", text: say("to") });
      filters.append(make("fieldset", { class: "range" }, [make("legend", { text: title }), fields[0], dash, fields[1]]));
    });
    if (engine.query({ deprecated: "only" }).rows.length) {
      var choices = [["no", say("Current")], ["only", say("Deprecated or withdrawn")], ["yes", say("All")]].map(function (choice) {
        var button = make("input", { type: "radio", name: "deprecated" }), number = make("span", { class: "count" });
        button.addEventListener("change", function () { state.deprecated = choice[0]; changed(); });
        boxes.set("deprecated\n" + choice[0], { radio: button, number: number, value: choice[0] });
        return make("li", {}, [make("label", {}, [button, make("span", { text: choice[1] }), number])]);
      });
      filters.append(make("fieldset", { class: "range" }, [make("legend", { text: say("Versions") }), make("ul", {}, choices)]));
    }
  }
  function updateFilters() {
    boxes.forEach(function (entry, name) {
      var key = name.split("\n")[0], value = name.slice(key.length + 1);
      if (entry.box) {
        var number = result.counts[key][entry.at];
        entry.box.checked = (state.facets[key] || []).includes(value);
        if (entry.shown !== number) entry.number.textContent = figure(number);
        entry.shown = number;
        entry.item.classList.toggle("none", number === 0);
        if (entry.box.checked) entry.item.hidden = false;
      } else if (entry.radio) {
        entry.radio.checked = state.deprecated === entry.value;
        entry.number.textContent = figure(result.deprecated[entry.value]);
      } else {
        var ends = state.ranges[entry.key], text = ends && ends[entry.end] !== null ? String(ends[entry.end]) : "";
        if (document.activeElement !== entry.field) entry.field.value = text;
      }
    });
    Object.keys(parts).forEach(function (key) {
      var wanted = state.facets[key] || [];
      parts[key].textContent = wanted.length ? count("{0} chosen", "{0} chosen", wanted.length) : "";
    });
    var chips = find("chips");
    chips.replaceChildren();
    function chip(text, remove) {
      var button = make("button", { type: "button", class: "chip", "aria-label": say("Remove the filter {0}", text) });
      button.append(text, make("span", { "aria-hidden": "true", text: " ×" }));
      button.addEventListener("click", function () { remove(); changed(); find("count").focus(); });
      chips.append(make("li", {}, [button]));
    }
    Object.keys(state.facets).forEach(function (key) {
      var label = engine.facets.find(function (facet) { return facet.key === key; }).label;
      state.facets[key].forEach(function (value) {
        chip(label + say(": ") + nameOf(key, value), function () {
          state.facets[key] = state.facets[key].filter(function (one) { return one !== value; });
          if (!state.facets[key].length) delete state.facets[key];
        });
      });
    });
    index.numbers.forEach(function (entry) {
      var ends = state.ranges[entry.key];
      if (!ends) return;
      var from = globalThis.dlmFigure(ends[0]), to = globalThis.dlmFigure(ends[1]);
      var text = ends[0] === null ? say("up to {0}", to) : ends[1] === null ? say("from {0}", from) : say("{0} to {1}", from, to);
      chip(entry.label + say(": ") + text + (entry.unit ? " " + entry.unit : ""), function () { delete state.ranges[entry.key]; });
    });
    find("clear").hidden = !chips.children.length && !state.q && state.deprecated === "no";
  }

  // --- results

  function facts(row) {
    var words = [
      search.sentence(engine.facet("task", row).join(", ")),
      (engine.facet("sensor", row).length ? engine.facet("sensor", row) : engine.facet("instrument", row)).join(", ")
    ];
    var bands = engine.number("bands", row), gsd = engine.number("gsd", row), size = engine.number("parameters", row);
    if (bands !== null) words.push(count("{0} band", "{0} bands", bands));
    if (gsd !== null) words.push(globalThis.dlmFigure(gsd) + " m");
    if (size !== null) words.push(say("{0} parameters", search.short(size)));
    return words.concat(engine.facet("license", row)).filter(Boolean);
  }
  // Results are made once: the next key pressed often shows the same ones.
  function item(row) {
    if (!made.has(row)) made.set(row, makeItem(row));
    return made.get(row);
  }
  function makeItem(row) {
    var id = index.ids[row], title = index.titles[row], flags = index.flags[row];
    var box = make("input", { type: "checkbox", "data-id": id, "aria-label": say("Compare {0}", title) });
    box.checked = state.compare.includes(id);
    box.addEventListener("change", function () { choose(id); });
    return make("li", { class: "result" }, [
      make("div", { class: "what" }, [
        make("a", { href: root + engine.folder(row) + "/index.html", text: title, lang: search.languageOf(index, id) }),
        flags & 4 ? make("span", { class: "badge", text: say("withdrawn") })
          : flags & 1 ? make("span", { class: "badge warn", text: say("deprecated") }) : null,
        flags & 2 ? make("span", { class: "badge", text: say("experimental") }) : null,
        make("span", { class: "facts" }, facts(row).map(function (text) { return make("span", { text: text }); }))
      ]),
      make("div", { class: "thumbnail" }, [search.thumbnail(index, row)]),
      make("label", { class: "pick" }, [box, make("span", { "aria-hidden": "true", text: say("Compare") })])
    ]);
  }
  function showResults(from) {
    var list = find("results"), part = document.createDocumentFragment();
    result.rows.slice(from, shown).forEach(function (row) { part.append(item(row)); });
    if (from) list.append(part); else list.replaceChildren(part);
    var rest = result.rows.length - shown, more = find("more");
    more.hidden = rest <= 0;
    more.textContent = say("Show {0} more", Math.min(rest, PAGE));
  }
  function announce() {
    var hidden = state.deprecated === "no" ? result.deprecated.only : 0, show = find("outdated");
    var text = result.rows.length ? count("{0} model", "{0} models", result.rows.length) : say("No model fits these filters");
    if (hidden) {
      var withdrawn = result.withdrawn, deprecated = hidden - withdrawn;
      var parts = [
        deprecated ? count("{0} deprecated", "{0} deprecated", deprecated) : "",
        withdrawn ? count("{0} withdrawn", "{0} withdrawn", withdrawn) : ""
      ].filter(Boolean);
      text += " · " + count("{1} hidden", "{1} hidden", hidden, parts.join(say(" and ")));
    }
    show.hidden = !hidden && state.deprecated === "no";
    show.textContent = state.deprecated !== "no" ? say("Hide deprecated and withdrawn") : hidden === 1 ? say("Show it") : say("Show them");
    if (find("count").textContent !== text) find("count").textContent = text;
  }
  function update() {
    result = engine.query(state);
    updateFilters();
    showResults(0);
    announce();
    // Without words to match, the first order is that of the titles.
    find("sort").options[0].text = state.q ? say("Best match") : say("Title");
    find("sort").options[1].hidden = !state.q;
    find("sort").value = state.sort;
    if (document.activeElement !== find("query")) find("query").value = state.q;
    if (state.q) fetchWords();
    showTray();
  }
  function fetchWords() {
    if (engine.words) return;
    search.fetchScript(root, "words", "DLM_WORDS", function (data) {
      if (!data || engine.words) return;
      engine.addWords(data);
      if (state.q) update();
    });
  }

  // --- the models chosen to compare

  function choose(id) {
    if (state.compare.includes(id)) state.compare = state.compare.filter(function (one) { return one !== id; });
    else if (state.compare.length < MOST) state.compare = state.compare.concat([id]);
    history.replaceState(null, "", toAddress());
    showTray();
  }
  function showTray() {
    var tray = find("tray"), list = find("chosen"), chosen = state.compare;
    tray.hidden = !chosen.length;
    list.replaceChildren.apply(list, chosen.map(function (id) {
      var title = index.titles[rowOf.get(id)];
      var button = make("button", { type: "button", class: "chip", "aria-label": say("Do not compare {0}", title) });
      button.append(title, make("span", { "aria-hidden": "true", text: " ×" }));
      button.addEventListener("click", function () { choose(id); });
      return make("li", {}, [button]);
    }));
    var link = find("compare");
    link.href = root + "compare/index.html?ids=" + chosen.map(encodeURIComponent).join(",");
    link.textContent = count("Compare {0} model", "Compare {0} models", chosen.length);
    find("full").hidden = chosen.length < MOST;
    place.querySelectorAll("[data-id]").forEach(function (box) {
      box.checked = chosen.includes(box.dataset.id);
      box.disabled = !box.checked && chosen.length >= MOST;
    });
  }

  // --- start

  state = readAddress();
  // Of a very large index only the first rows are here: they are shown until counts and filters can be exact.
  var page = document.documentElement.classList;
  if (search.fetchRest(root, index, function (done) { if (done) start(); else page.remove("ready"); })) {
    find("count").textContent = count("Loading {0} model …", "Loading {0} models …", index.total);
    result = location.search ? { rows: [] } : engine.query({});
    showResults(0);
    find("more").hidden = true;
    page.add("ready");
    return;
  }
  SORTS.forEach(function (sort) { find("sort").append(make("option", { value: sort[0], text: sort[1] })); });
  buildFilters();
  find("query").addEventListener("input", function () { state.q = find("query").value; changed(true); });
  find("query").addEventListener("focus", fetchWords, { once: true });
  find("sort").addEventListener("change", function () { state.sort = find("sort").value; changed(); });
  find("more").addEventListener("click", function () {
    var from = shown;
    shown += PAGE;
    showResults(from);
    showTray();
    find("results").children[from].querySelector("a").focus();
  });
  find("outdated").addEventListener("click", function () {
    state.deprecated = state.deprecated === "no" ? "yes" : "no";
    changed();
    (find("outdated").hidden ? find("count") : find("outdated")).focus();
  });
  find("clear").addEventListener("click", function () {
    state.facets = {}; state.ranges = {}; state.q = ""; state.deprecated = "no";
    changed();
    find("query").focus();
    find("query").value = "";
  });
  addEventListener("popstate", function () { state = readAddress(); shown = PAGE; update(); find("query").value = state.q; });
  addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    event.preventDefault();
    find("query").focus();
  });
  find("panel").open = matchMedia("(min-width: 62rem)").matches;
  update();
  page.add("ready");
})();
