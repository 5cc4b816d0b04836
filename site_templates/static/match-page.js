// The match page: imagery from a STAC Item or from a form, compared with every model by the rules of match.js.
(function start() {
  "use strict";
  var place = document.querySelector("[data-match]");
  if (!place || !globalThis.DLM_INDEX || !globalThis.dlmSearch || !globalThis.dlmMatch) return;
  var say = globalThis.dlmSay, count = globalThis.dlmSayCount;
  var search = globalThis.dlmSearch, matching = globalThis.dlmMatch, make = search.element;
  var index = globalThis.DLM_INDEX, root = place.dataset.root, PAGE = 20, RADAR = ["VV", "VH", "HH", "HV"];
  if (search.fetchRest(root, index, function (done) { if (done) start(); })) return;
  var VERDICTS = { fits: say("Fits"), possible: say("Possible"), unclear: say("Unclear"), no: say("Does not fit") };
  var STATUS = { fits: "✓", near: "≈", unknown: "?", differs: "✗" };
  var SAID = { fits: say("fits"), near: say("nearly"), unknown: say("unknown"), differs: say("differs") };
  var LABELS = {
    bands: say("Bands"), sensor: say("Sensor"), gsd: say("GSD"), level: say("Level"), dtype: say("Data type"), place: say("Place"),
    time: say("Time"), task: say("Task"), status: say("Status")
  };
  var rowOf = new Map(index.ids.map(function (id, row) { return [id, row]; }));
  var records = null, item = null, results = [], shown = PAGE;

  function find(name) { return place.querySelector("[data-" + name + "]"); }
  function fact(name) { return place.querySelector("[data-fact='" + name + "']"); }
  function facet(key) { return index.facets.find(function (entry) { return entry.key === key; }).values; }
  function ticked() { return Array.from(find("bands").querySelectorAll("input:checked")).map(function (box) { return box.value; }); }

  // --- the form

  function build() {
    ["", "uint8", "uint16", "int16", "float32"].concat(facet("dtype")).filter(function (value, at, all) {
      return all.indexOf(value) === at;
    }).forEach(function (value) { fact("dtype").append(make("option", { value: value, text: value || say("any") })); });
    [""].concat(facet("task")).forEach(function (value) { fact("task").append(make("option", { value: value, text: search.sentence(value) || say("Any") })); });
    facet("sensor").forEach(function (value) { find("sensors").append(make("option", { value: value })); });
    ["L1C", "L2A"].concat(facet("level")).filter(function (value, at, all) { return all.indexOf(value) === at; })
      .forEach(function (value) { find("levels").append(make("option", { value: value })); });
    var names = facet("band"), plain = matching.rules.common_names.filter(function (name) { return names.includes(name); });
    plain.concat(RADAR.filter(function (name) { return names.includes(name); })).forEach(function (name) {
      var box = make("input", { type: "checkbox", value: name });
      box.addEventListener("change", changed);
      find("bands").append(make("label", {}, [box, name]));
    });
  }
  // The form shows what an Item says, and what is changed in it counts instead.
  function fill(imagery) {
    fact("sensor").value = (imagery.sensors || []).slice(-1)[0] || "";
    fact("gsd").value = imagery.gsd || "";
    fact("level").value = imagery.level || "";
    var dtype = imagery.dtype || "";
    if (!Array.from(fact("dtype").options).some(function (option) { return option.value === dtype; })) {
      fact("dtype").append(make("option", { value: dtype, text: dtype }));
    }
    fact("dtype").value = dtype;
    var names = (imagery.bands || []).map(function (band) { return String(band[1] || band[0]).toLowerCase(); });
    find("bands").querySelectorAll("input").forEach(function (box) { box.checked = names.includes(box.value.toLowerCase()); });
  }
  function imagery() {
    var made = item ? Object.assign({}, item) : {}, names = ticked();
    function set(key, value) { if (value) made[key] = value; else delete made[key]; }
    var own = fact("sensor").value.trim().toLowerCase();
    if (!item || own !== ((item.sensors || []).slice(-1)[0] || "")) {
      set("sensors", own ? [own] : null);
      delete made.instruments;
    }
    set("gsd", Number(fact("gsd").value) || null);
    set("level", fact("level").value.trim());
    set("dtype", fact("dtype").value);
    set("task", fact("task").value);
    // An Item's bands keep their wavelengths; names that were ticked beside them are added.
    var bands = ((item && item.bands) || []).filter(function (band) {
      var name = String(band[1] || band[0]).toLowerCase();
      return names.some(function (one) { return one.toLowerCase() === name; }) || !offered(name);
    });
    names.forEach(function (name) {
      if (bands.some(function (band) { return String(band[1] || band[0]).toLowerCase() === name.toLowerCase(); })) return;
      bands.push(RADAR.includes(name) ? [name, null, null, null] : [name, name, null, null]);
      // A sensor may have several bands of this name; a name alone cannot tell how many.
      if (name === "rededge") bands.push([name, name, null, null], [name, name, null, null]);
    });
    set("bands", bands.length ? bands : null);
    return made;
  }
  function offered(name) {
    return Array.from(find("bands").querySelectorAll("input")).some(function (box) { return box.value.toLowerCase() === name; });
  }

  // --- an Item

  function read(text) {
    find("error").textContent = "";
    item = null;
    if (!text.trim()) return changed();
    try {
      var parsed = JSON.parse(text);
      if (parsed && parsed.type === "FeatureCollection") parsed = (parsed.features || [])[0];
      if (!parsed || typeof parsed !== "object" || !(parsed.properties || parsed.type === "Collection")) throw new Error("no Item");
      item = matching.toImagery(parsed);
    } catch (error) {
      find("error").textContent = error instanceof SyntaxError
        ? say("This is not JSON: {0}", error.message)
        : say("This is JSON, but not a STAC Item or Collection.");
    }
    if (item) fill(item);
    changed();
  }
  function readFile(file) {
    if (!file) return;
    var reader = new FileReader();
    reader.addEventListener("load", function () {
      find("text").value = "";
      read(String(reader.result));
    });
    reader.addEventListener("error", function () { find("error").textContent = say("The file cannot be read."); });
    reader.readAsText(file);
  }

  // --- results

  function changed() {
    var wanted = imagery();
    if (!Object.keys(wanted).length) {
      results = [];
      find("status").textContent = say("Describe the imagery to see which models fit.");
      return show(0);
    }
    if (!records) {
      find("status").textContent = say("Reading the models …");
      return search.fetchDetails(root, index, index.ids.map(function (_, row) { return row; }), function (found) {
        records = found.filter(Boolean);
        changed();
      });
    }
    results = matching.match(records, wanted);
    var counts = { fits: 0, possible: 0, unclear: 0, no: 0 };
    results.forEach(function (result) { counts[result.verdict]++; });
    var words = [
      count("{0} model fits", "{0} models fit", counts.fits), count("{0} possible", "{0} possible", counts.possible),
      count("{0} unclear", "{0} unclear", counts.unclear), count("{0} not", "{0} not", counts.no)
    ];
    find("status").textContent = (item && item.name ? item.name + say(": ") : "") + words.join(" · ");
    shown = PAGE;
    show(0);
  }
  function reason(made) {
    return make("li", { class: "is-" + made.status + " is-" + made.criterion }, [
      make("span", { class: "mark", "aria-hidden": "true", text: STATUS[made.status] }),
      make("span", { class: "hidden", text: SAID[made.status] + say(": ") }),
      make("span", { class: "label", text: LABELS[made.criterion] }), make("span", { text: made.text })
    ]);
  }
  function show(from) {
    var list = find("results");
    if (!from) list.replaceChildren();
    results.slice(from, shown).forEach(function (result) {
      var row = rowOf.get(result.id), folder = index.facets.find(function (entry) { return entry.key === "collection"; });
      var collection = folder.values[folder.sets[folder.column[row]][0]];
      list.append(make("li", { class: "verdict-" + result.verdict }, [
        make("div", { class: "what" }, [
          make("a", { href: root + collection + "/" + result.id + "/index.html", text: index.titles[row], lang: search.languageOf(index, result.id) }),
          index.flags[row] & 4 ? make("span", { class: "badge", text: say("withdrawn") })
            : index.flags[row] & 1 ? make("span", { class: "badge warn", text: say("deprecated") }) : null,
          make("span", { class: "score" }, [make("strong", { text: VERDICTS[result.verdict] }), " " + say("{0} of 100", result.score)])
        ]),
        make("div", { class: "thumbnail" }, [search.thumbnail(index, row)]),
        make("ul", { class: "reasons" }, result.reasons.map(reason))
      ]));
    });
    var rest = results.length - shown;
    find("more").hidden = rest <= 0;
    find("more").textContent = say("Show {0} more", Math.min(rest, PAGE));
  }

  build();
  find("file").addEventListener("change", function () { readFile(find("file").files[0]); });
  find("text").addEventListener("input", function () { read(find("text").value); });
  ["sensor", "gsd", "level", "dtype", "task"].forEach(function (name) { fact(name).addEventListener("input", changed); });
  find("reset").addEventListener("click", function () {
    item = null;
    find("text").value = find("file").value = find("error").textContent = "";
    fact("task").value = "";
    fill({});
    changed();
    find("file").focus();
  });
  find("more").addEventListener("click", function () {
    var from = shown;
    shown += PAGE;
    show(from);
    find("results").children[from].querySelector("a").focus();
  });
  // A file dropped beside the field would otherwise open in place of the page.
  ["dragover", "drop"].forEach(function (name) {
    addEventListener(name, function (event) {
      event.preventDefault();
      find("drop").classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer) readFile(event.dataTransfer.files[0]);
    });
  });
  document.documentElement.classList.add("ready");
})();
