// The compare page: two to four models side by side, with what follows from the comparison said in words.
(function start() {
  "use strict";
  var place = document.querySelector("[data-compare]");
  if (!place || !globalThis.DLM_INDEX || !globalThis.dlmSearch || !globalThis.dlmMatch) return;
  var say = globalThis.dlmSay, count = globalThis.dlmSayCount;
  var search = globalThis.dlmSearch, make = search.element, index = globalThis.DLM_INDEX, root = place.dataset.root;
  if (search.fetchRest(root, index, function (done) { if (done) start(); })) return;
  var engine = new search.Engine(index), MOST = 4;
  var rowOf = new Map(index.ids.map(function (id, row) { return [id, row]; }));
  var ids = [], unknown = [];

  function find(name) { return place.querySelector("[data-" + name + "]"); }
  function joined(values) { return (values || []).join(", "); }
  function unique(values) { return Array.from(new Set(values)); }
  function inputs(record) { return record.inputs || []; }
  function bandsOf(record) {
    return inputs(record).reduce(function (all, entry) { return all.concat(entry.bands || []); }, []);
  }
  function bandName(band) { return String(band[1] || band[0] || say("unnamed")); }
  function bandWords(band) {
    var name = band[0] && band[1] && band[0] !== band[1] ? band[0] + " " + band[1] : bandName(band);
    return name + (band[2] ? " " + Math.round(band[2] * 1000) + " nm" : "");
  }
  function shape(entry) {
    return (entry.shape || []).map(function (size, at) { return size === null ? "NCHW"[at] : size; }).join(" × ");
  }
  function each(record, words) {
    return inputs(record).map(function (entry) {
      var text = words(entry);
      return text && inputs(record).length > 1 && entry.name ? entry.name + say(": ") + text : text;
    }).filter(Boolean);
  }
  function span(record) {
    function day(text) { return text ? text.slice(0, 10) : say("open"); }
    return record.start || record.end ? say("{0} to {1}", day(record.start), day(record.end)) : "";
  }

  // A row: its label, and what it says of a model, as a text or a list of texts; empty is "not stated".
  var GROUPS = [
    [say("Model"), [
      [say("Task"), function (r) { return search.sentence(joined(r.tasks)); }],
      [say("Version"), function (r) { return r.version; }],
      [say("License"), function (r) { return r.license; }],
      [say("Status"), function (r) {
        if (r.withdrawn !== undefined) return r.withdrawn ? say("withdrawn since {0}", r.withdrawn.slice(0, 10)) : say("withdrawn");
        return r.deprecated ? say("deprecated") : say("current");
      }]
    ]],
    [say("Imagery"), [
      [say("Sensor"), function (r) { return joined(r.sensors); }],
      [say("Instruments"), function (r) { return joined(r.instruments); }],
      [say("GSD"), function (r) { return r.gsd ? globalThis.dlmFigure(r.gsd) + " m" : ""; }],
      [say("Process level"), function (r) { return joined(r.levels); }],
      [say("Data type"), function (r) { return joined(r.dtypes); }],
      [say("Footprint"), function (r) { return globalThis.dlmFigures(r.bbox); }],
      [say("Time span"), span]
    ]],
    [say("Input"), [
      [say("Bands, in order"), function (r) { return each(r, function (e) { return (e.bands || []).map(bandWords).join(", "); }); }],
      [say("Shape"), function (r) { return each(r, shape); }],
      [say("Scaling factor"), function (r) { return each(r, function (e) { return e.scaling === undefined ? "" : globalThis.dlmFigure(e.scaling); }); }],
      [say("Mean"), function (r) { return each(r, function (e) { return globalThis.dlmFigures(e.mean); }); }],
      [say("Standard deviation"), function (r) { return each(r, function (e) { return globalThis.dlmFigures(e.std); }); }]
    ]],
    [say("Network"), [
      [say("Architecture"), function (r) { return joined(r.architectures); }],
      [say("Parameters"), function (r) { return r.parameters ? search.short(r.parameters) : ""; }],
      [say("Size"), function (r) { return r.size ? globalThis.dlmFigure(r.size) + say(" MB") : ""; }],
      [say("Pre-training"), function (r) { return joined(r.pretrained); }],
      [say("Framework"), function (r) { return joined(r.frameworks); }]
    ]],
    [say("Output"), [
      [say("Classes"), function (r) { return r.number_of_classes ? String(r.number_of_classes) : ""; }],
      [say("Class names"), function (r) { return joined(r.classes); }]
    ]]
  ];

  // --- what follows from the comparison

  function same(values) { return values.every(function (value) { return JSON.stringify(value) === JSON.stringify(values[0]); }); }
  function shared(lists) {
    return unique(lists[0]).filter(function (value) { return lists.every(function (list) { return list.includes(value); }); });
  }
  function titles(records, test) { return records.filter(test).map(function (r) { return r.title; }).join(say(" and ")); }
  // Whether what one reads can be fed to the other unchanged: yes, no or unknown, and why.
  function interchangeable(records) {
    var why = [], open = [];
    if (!same(records.map(function (r) { return inputs(r).length; }))) return ["no", [say("the number of inputs differs")]];
    var bands = records.map(bandsOf);
    if (bands.some(function (list) { return !list.length; })) {
      open.push(say("the bands of {0} are not stated", titles(records, function (r) { return !bandsOf(r).length; })));
    } else if (!same(bands.map(function (list) { return list.length; }))) {
      why.push(say("they read {0} bands", bands.map(function (list) { return list.length; }).join(", ")));
    } else if (!bands.every(function (list) { return list.every(function (band, at) { return globalThis.dlmMatch.compareBands(bands[0][at], band); }); })) {
      why.push(say("the bands or their order differ"));
    }
    // Other bands bring other shapes and statistics, which need no saying.
    if (!why.length) [[say("the shape of the tensor differs"), function (e) { return (e.shape || []).slice(1); }],
      [say("the scaling differs"), function (e) { return e.scaling === undefined ? null : e.scaling; }],
      [say("the mean differs"), function (e) { return e.mean || null; }],
      [say("the standard deviation differs"), function (e) { return e.std || null; }]].forEach(function (rule) {
      if (!same(records.map(function (r) { return inputs(r).map(rule[1]); }))) why.push(rule[0]);
    });
    [[say("the data type differs"), "dtypes", say("the data type is not always stated")],
      [say("the processing level differs"), "levels", say("the processing level is not always stated")]].forEach(function (rule) {
      var stated = records.filter(function (r) { return r[rule[1]]; });
      if (stated.length < records.length) { if (stated.length) open.push(rule[2]); }
      else if (!same(stated.map(function (r) { return r[rule[1]]; }))) why.push(rule[0]);
    });
    if (why.length) return ["no", why];
    return open.length ? ["unknown", open] : ["yes", [say("bands, shape, scaling and normalisation agree")]];
  }
  function derived(records) {
    var bands = records.map(function (r) { return bandsOf(r).map(bandName); }), made = [];
    var common = shared(bands), all = unique([].concat.apply([], bands));
    var answer = interchangeable(records);
    made.push([say("Interchangeable inputs"), { yes: say("Yes"), no: say("No"), unknown: say("Cannot be told") }[answer[0]], answer[1].join("; ")]);
    made.push([say("Common bands"), bands.every(function (list) { return list.length; }) ? say("{0} of {1}", common.length, all.length) : say("Cannot be told"),
      common.length ? joined(common) : ""]);
    var numbers = records.map(function (r) { return inputs(r).map(function (e) { return [e.scaling || null, e.mean || null, e.std || null]; }); });
    var any = numbers.some(function (list) { return list.some(function (row) { return row.some(Boolean); }); });
    made.push([say("Same normalisation"), !any ? say("Not stated") : same(numbers) ? say("Yes") : say("No"), !any || same(numbers) ? "" : say("see the rows under Input")]);
    var classes = records.map(function (r) { return r.classes || []; }), both = shared(classes);
    if (classes.some(function (list) { return list.length; })) {
      made.push([say("Shared classes"), say("{0} of {1}", both.length, unique([].concat.apply([], classes)).length), joined(both)]);
    }
    return made;
  }

  // --- the page

  function cell(value) {
    var texts = Array.isArray(value) ? value : value === undefined || value === null || value === "" ? [] : [value];
    if (!texts.length) return make("td", {}, [make("span", { class: "unstated", text: say("not stated") })]);
    return make("td", {}, texts.map(function (text) { return make("div", { text: String(text) }); }));
  }
  function table(records) {
    var head = make("tr", {}, [make("td", {}, [make("span", { class: "hidden", text: say("Fact") })])].concat(records.map(function (record) {
      var row = rowOf.get(record.id);
      var remove = make("button", { type: "button", class: "plain", text: say("Remove"), "aria-label": say("Remove {0}", record.title) });
      remove.addEventListener("click", function () {
        ids = ids.filter(function (id) { return id !== record.id; });
        go();
        find("add").focus();
      });
      return make("th", { scope: "col" }, [
        make("a", { href: root + record.folder + "/index.html", text: record.title, lang: record.language }), search.thumbnail(index, row), make("div", {}, [remove])
      ]);
    })));
    var bodies = GROUPS.map(function (group) {
      var rows = group[1].map(function (line) {
        var values = records.map(line[1]), differs = !same(values.map(function (value) { return value || null; }));
        var mark = differs ? make("span", { class: "differs", title: say("differs"), text: "≠ " }) : null;
        var hidden = differs ? make("span", { class: "hidden", text: say("differs: ") }) : null;
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
    var text = !known.length ? say("Add two to four models.")
      : enough ? count("{0} model.", "{0} models.", known.length) : say("1 model: add another to compare it with.");
    if (unknown.length) text += " " + say("There is no model {0}.", unknown.join(", "));
    if (known.length < ids.length) text += " " + count("The facts of {0} model could not be read.", "The facts of {0} models could not be read.", ids.length - known.length);
    find("status").textContent = text;
    find("adder").hidden = ids.length >= MOST;
    document.title = (known.length ? known.map(function (r) { return r.title; }).join(" / ") + " · " : "") + say("Compare models");
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
      var button = make("button", { type: "button", text: index.titles[row], "aria-label": say("Add {0}", index.titles[row]) });
      button.addEventListener("click", function () {
        ids = ids.concat([index.ids[row]]);
        find("add").value = "";
        go();
        if (ids.length < MOST) find("add").focus();
      });
      list.append(make("li", {}, [button]));
    });
    if (!rows.length) list.append(make("li", { class: "unstated", text: say("No other model has these words.") }));
  }
  find("add").addEventListener("input", offer);
  find("only").addEventListener("change", function () { find("table").classList.toggle("only-differing", find("only").checked); });
  addEventListener("popstate", function () { read(); draw(); });
  read();
  draw();
  document.documentElement.classList.add("ready");
})();
