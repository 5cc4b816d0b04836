// The compare page: two to four models side by side, with what follows from the comparison said in words.
(function start() {
  "use strict";
  var place = document.querySelector("[data-compare]");
  if (!place || !globalThis.DLM_INDEX || !globalThis.dlmSearch || !globalThis.dlmMatch) return;
  var search = globalThis.dlmSearch, make = search.element, index = globalThis.DLM_INDEX, root = place.dataset.root;
  if (search.fetchRest(root, index, function (done) { if (done) start(); })) return;
  var engine = new search.Engine(index), MOST = 4;
  var rowOf = new Map(index.ids.map(function (id, row) { return [id, row]; }));
  var ids = [], unknown = [];

  function find(name) { return place.querySelector("[data-" + name + "]"); }
  function joined(values) { return (values || []).join(", "); }
  function unique(values) { return Array.from(new Set(values)); }
  function plural(number, noun) { return number + " " + noun + (number === 1 ? "" : "s"); }
  function inputs(record) { return record.inputs || []; }
  function bandsOf(record) {
    return inputs(record).reduce(function (all, entry) { return all.concat(entry.bands || []); }, []);
  }
  function bandName(band) { return String(band[1] || band[0] || "unnamed"); }
  function bandWords(band) {
    var name = band[0] && band[1] && band[0] !== band[1] ? band[0] + " " + band[1] : bandName(band);
    return name + (band[2] ? " " + Math.round(band[2] * 1000) + " nm" : "");
  }
  function shape(entry) {
    return (entry.shape || []).map(function (size, at) { return size === null ? "NCHW"[at] : size; }).join(" × ");
  }
  function each(record, say) {
    return inputs(record).map(function (entry) {
      var words = say(entry);
      return words && inputs(record).length > 1 && entry.name ? entry.name + ": " + words : words;
    }).filter(Boolean);
  }
  function span(record) {
    return record.start || record.end ? (record.start || "open").slice(0, 10) + " to " + (record.end || "open").slice(0, 10) : "";
  }

  // A row: its label, and what it says of a model, as a text or a list of texts; empty is "not stated".
  var GROUPS = [
    ["Model", [
      ["Task", function (r) { return search.sentence(joined(r.tasks)); }],
      ["Version", function (r) { return r.version; }],
      ["License", function (r) { return r.license; }],
      ["Status", function (r) { return r.withdrawn !== undefined ? "withdrawn" + (r.withdrawn ? " since " + r.withdrawn.slice(0, 10) : "") : r.deprecated ? "deprecated" : "current"; }]
    ]],
    ["Imagery", [
      ["Sensor", function (r) { return joined(r.sensors); }],
      ["Instruments", function (r) { return joined(r.instruments); }],
      ["GSD", function (r) { return r.gsd ? r.gsd + " m" : ""; }],
      ["Process level", function (r) { return joined(r.levels); }],
      ["Data type", function (r) { return joined(r.dtypes); }],
      ["Footprint", function (r) { return r.bbox ? r.bbox.join(", ") : ""; }],
      ["Time span", span]
    ]],
    ["Input", [
      ["Bands, in order", function (r) { return each(r, function (e) { return (e.bands || []).map(bandWords).join(", "); }); }],
      ["Shape", function (r) { return each(r, shape); }],
      ["Scaling factor", function (r) { return each(r, function (e) { return e.scaling === undefined ? "" : String(e.scaling); }); }],
      ["Mean", function (r) { return each(r, function (e) { return joined(e.mean); }); }],
      ["Standard deviation", function (r) { return each(r, function (e) { return joined(e.std); }); }]
    ]],
    ["Network", [
      ["Architecture", function (r) { return joined(r.architectures); }],
      ["Parameters", function (r) { return r.parameters ? search.short(r.parameters) : ""; }],
      ["Size", function (r) { return r.size ? r.size + " MB" : ""; }],
      ["Pre-training", function (r) { return joined(r.pretrained); }],
      ["Framework", function (r) { return joined(r.frameworks); }]
    ]],
    ["Output", [
      ["Classes", function (r) { return r.number_of_classes ? String(r.number_of_classes) : ""; }],
      ["Class names", function (r) { return joined(r.classes); }]
    ]]
  ];

  // --- what follows from the comparison

  function same(values) { return values.every(function (value) { return JSON.stringify(value) === JSON.stringify(values[0]); }); }
  function shared(lists) {
    return unique(lists[0]).filter(function (value) { return lists.every(function (list) { return list.includes(value); }); });
  }
  function titles(records, test) { return records.filter(test).map(function (r) { return r.title; }).join(" and "); }
  // Whether what one reads can be fed to the other unchanged: yes, no or unknown, and why.
  function interchangeable(records) {
    var why = [], open = [];
    if (!same(records.map(function (r) { return inputs(r).length; }))) return ["no", ["the number of inputs differs"]];
    var bands = records.map(bandsOf);
    if (bands.some(function (list) { return !list.length; })) {
      open.push("the bands of " + titles(records, function (r) { return !bandsOf(r).length; }) + " are not stated");
    } else if (!same(bands.map(function (list) { return list.length; }))) {
      why.push("they read " + bands.map(function (list) { return list.length; }).join(", ") + " bands");
    } else if (!bands.every(function (list) { return list.every(function (band, at) { return globalThis.dlmMatch.compareBands(bands[0][at], band); }); })) {
      why.push("the bands or their order differ");
    }
    // Other bands bring other shapes and statistics, which need no saying.
    if (!why.length) [["the shape of the tensor", function (e) { return (e.shape || []).slice(1); }],
      ["the scaling", function (e) { return e.scaling === undefined ? null : e.scaling; }],
      ["the mean", function (e) { return e.mean || null; }],
      ["the standard deviation", function (e) { return e.std || null; }]].forEach(function (rule) {
      if (!same(records.map(function (r) { return inputs(r).map(rule[1]); }))) why.push(rule[0] + " differs");
    });
    [["the data type", "dtypes"], ["the processing level", "levels"]].forEach(function (rule) {
      var stated = records.filter(function (r) { return r[rule[1]]; });
      if (stated.length < records.length) { if (stated.length) open.push(rule[0] + " is not always stated"); }
      else if (!same(stated.map(function (r) { return r[rule[1]]; }))) why.push(rule[0] + " differs");
    });
    if (why.length) return ["no", why];
    return open.length ? ["unknown", open] : ["yes", ["bands, shape, scaling and normalisation agree"]];
  }
  function derived(records) {
    var bands = records.map(function (r) { return bandsOf(r).map(bandName); }), made = [];
    var common = shared(bands), all = unique([].concat.apply([], bands));
    var answer = interchangeable(records);
    made.push(["Interchangeable inputs", { yes: "Yes", no: "No", unknown: "Cannot be told" }[answer[0]], answer[1].join("; ")]);
    made.push(["Common bands", bands.every(function (list) { return list.length; }) ? common.length + " of " + all.length : "Cannot be told",
      common.length ? joined(common) : ""]);
    var numbers = records.map(function (r) { return inputs(r).map(function (e) { return [e.scaling || null, e.mean || null, e.std || null]; }); });
    var any = numbers.some(function (list) { return list.some(function (row) { return row.some(Boolean); }); });
    made.push(["Same normalisation", !any ? "Not stated" : same(numbers) ? "Yes" : "No", !any || same(numbers) ? "" : "see the rows under Input"]);
    var classes = records.map(function (r) { return r.classes || []; }), both = shared(classes);
    if (classes.some(function (list) { return list.length; })) {
      made.push(["Shared classes", both.length + " of " + unique([].concat.apply([], classes)).length, joined(both)]);
    }
    return made;
  }

  // --- the page

  function cell(value) {
    var texts = Array.isArray(value) ? value : value === undefined || value === null || value === "" ? [] : [value];
    if (!texts.length) return make("td", {}, [make("span", { class: "unstated", text: "not stated" })]);
    return make("td", {}, texts.map(function (text) { return make("div", { text: String(text) }); }));
  }
  function table(records) {
    var head = make("tr", {}, [make("td", {}, [make("span", { class: "hidden", text: "Fact" })])].concat(records.map(function (record) {
      var row = rowOf.get(record.id);
      var remove = make("button", { type: "button", class: "plain", text: "Remove", "aria-label": "Remove " + record.title });
      remove.addEventListener("click", function () {
        ids = ids.filter(function (id) { return id !== record.id; });
        go();
        find("add").focus();
      });
      return make("th", { scope: "col" }, [
        make("a", { href: root + record.folder + "/index.html", text: record.title }), search.thumbnail(index, row), remove
      ]);
    })));
    var bodies = GROUPS.map(function (group) {
      var rows = group[1].map(function (line) {
        var values = records.map(line[1]), differs = !same(values.map(function (value) { return value || null; }));
        var mark = differs ? make("span", { class: "differs", title: "differs", text: "≠ " }) : null;
        var hidden = differs ? make("span", { class: "hidden", text: "differs: " }) : null;
        if (mark) mark.setAttribute("aria-hidden", "true");
        return make("tr", { class: differs ? "differing" : "alike" }, [make("th", { scope: "row" }, [mark, hidden, line[0]])].concat(values.map(cell)));
      });
      var title = make("tr", { class: "heading" }, [make("th", { scope: "rowgroup", colspan: records.length + 1, text: group[0] })]);
      return make("tbody", {}, [title].concat(rows));
    });
    return make("table", { class: "comparison" }, [make("thead", {}, [head])].concat(bodies));
  }
  function show(records) {
    var known = records.filter(Boolean), enough = known.length > 1;
    find("table").hidden = !known.length;
    find("only-label").hidden = find("verdict").hidden = !enough;
    find("table").replaceChildren(known.length ? table(known) : "");
    find("verdict").replaceChildren(make("dl", {}, !enough ? [] : derived(known).map(function (line) {
      return make("div", {}, [make("dt", { text: line[0] }), make("dd", {}, [make("strong", { text: line[1] }), line[2] ? make("span", { class: "muted", text: line[2] }) : null])]);
    })));
    var text = known.length ? plural(known.length, "model") + (enough ? "." : ": add another to compare it with.") : "Add two to four models.";
    if (unknown.length) text += " There is no model " + unknown.join(", ") + ".";
    if (known.length < ids.length) text += " The facts of " + plural(ids.length - known.length, "model") + " could not be read.";
    find("status").textContent = text;
    find("adder").hidden = ids.length >= MOST;
    document.title = (known.length ? known.map(function (r) { return r.title; }).join(" / ") + " · " : "") + "Compare models";
  }
  function draw() {
    var rows = ids.map(function (id) { return rowOf.get(id); });
    search.fetchDetails(root, index, rows, show);
    offer();
  }
  function go() {
    unknown = [];
    history.pushState(null, "", location.pathname + (ids.length ? "?ids=" + ids.map(encodeURIComponent).join(",") : ""));
    draw();
  }
  function read() {
    var wanted = unique((new URLSearchParams(location.search).get("ids") || "").split(",").filter(Boolean));
    ids = wanted.filter(function (id) { return rowOf.has(id); }).slice(0, MOST);
    unknown = wanted.filter(function (id) { return !rowOf.has(id); });
  }
  function offer() {
    var query = find("add").value, list = find("offers");
    list.replaceChildren();
    if (!query.trim() || ids.length >= MOST) return;
    var rows = engine.query({ q: query, deprecated: "yes" }).rows.filter(function (row) { return !ids.includes(index.ids[row]); });
    rows.slice(0, 8).forEach(function (row) {
      var button = make("button", { type: "button", text: index.titles[row], "aria-label": "Add " + index.titles[row] });
      button.addEventListener("click", function () {
        ids = ids.concat([index.ids[row]]);
        find("add").value = "";
        go();
        if (ids.length < MOST) find("add").focus();
      });
      list.append(make("li", {}, [button]));
    });
    if (!rows.length) list.append(make("li", { class: "unstated", text: "No other model has these words." }));
  }
  find("add").addEventListener("input", offer);
  find("only").addEventListener("change", function () { find("table").classList.toggle("only-differing", find("only").checked); });
  addEventListener("popstate", function () { read(); draw(); });
  read();
  draw();
  document.documentElement.classList.add("ready");
})();
