// Queries over the index of search/index.js: which models, in which order, and how many of them have each value of
// each facet under the other filters. One bit a model, 32 in a word. Nothing here touches the page.
(function () {
  "use strict";
  var UNITS = [" k", " M", " G", " T"];

  function popcount(word) {
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    return (((word + (word >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }
  function common(one, other) {
    var number = 0;
    for (var i = 0; i < one.length; i++) number += popcount(one[i] & other[i]);
    return number;
  }
  function and(target, other) { for (var i = 0; i < target.length; i++) target[i] &= other[i]; }
  function or(target, other) { for (var i = 0; i < target.length; i++) target[i] |= other[i]; }

  function Engine(index) {
    var self = this;
    this.index = index;
    this.size = index.ids.length;
    this.width = Math.ceil(this.size / 32);
    this.all = this.bits(function () { return true; });
    this.words = null;
    this.tokens = new Map();
    this.orders = new Map();
    this.deprecated = this.bits(function (row) { return index.flags[row] & 1; });
    this.withdrawn = this.bits(function (row) { return index.flags[row] & 4; });
    this.current = this.bits(function (row) { return !(index.flags[row] & 1); });
    this.facets = index.facets.map(function (facet) {
      // A last value, empty, stands for the models that state none.
      var values = facet.values.concat([""]), bits = values.map(function () { return new Uint32Array(self.width); });
      for (var row = 0; row < self.size; row++) {
        var members = facet.sets[facet.column[row]], mask = 1 << (row & 31), place = row >> 5;
        if (!members.length) bits[values.length - 1][place] |= mask;
        for (var i = 0; i < members.length; i++) bits[members[i]][place] |= mask;
      }
      return { key: facet.key, label: facet.label, values: values, bits: bits };
    });
    this.collectionFacet = index.facets.find(function (facet) { return facet.key === "collection"; });
    this.haystack = index.titles.map(function (title, row) {
      var parts = [title, index.ids[row]].concat(self.valuesOf(index.keywords, row));
      index.facets.forEach(function (facet) { parts = parts.concat(self.valuesOf(facet, row)); });
      parts.push(index.collections[self.collection(row)] || "");
      return parts.join("\n").toLowerCase();
    });
    this.lowered = index.titles.map(function (title) { return title.toLowerCase(); });
  }

  Engine.prototype.bits = function (test) {
    var made = new Uint32Array(this.width);
    for (var row = 0; row < this.size; row++) if (test(row)) made[row >> 5] |= 1 << (row & 31);
    return made;
  };
  Engine.prototype.valuesOf = function (table, row) {
    return table.sets[table.column[row]].map(function (number) { return table.values[number]; });
  };
  Engine.prototype.facet = function (key, row) {
    return this.valuesOf(this.index.facets.find(function (facet) { return facet.key === key; }), row);
  };
  Engine.prototype.number = function (key, row) {
    return this.index.numbers.find(function (entry) { return entry.key === key; }).column[row];
  };
  Engine.prototype.collection = function (row) { return this.valuesOf(this.collectionFacet, row)[0]; };
  Engine.prototype.folder = function (row) { return this.collection(row) + "/" + this.index.ids[row]; };

  // The words of the descriptions, when search/words.js has been fetched.
  Engine.prototype.addWords = function (data) {
    this.words = data.words ? data.words.split(" ") : [];
    this.postings = data.rows;
    this.tokens.clear();
  };

  // Where one word of the query occurs, as a score for each model: 4 at the start of a word of the title, 3 in the
  // title, 2 in the facts, 1 in the description.
  Engine.prototype.token = function (token) {
    var found = this.tokens.get(token);
    if (found) return found;
    found = new Uint8Array(this.size);
    for (var row = 0; row < this.size; row++) {
      if (!this.haystack[row].includes(token)) continue;
      var place = this.lowered[row].indexOf(token);
      found[row] = place < 0 ? 2 : place === 0 || /\W/.test(this.lowered[row][place - 1]) ? 4 : 3;
    }
    if (this.words) for (var i = 0; i < this.words.length; i++) {
      if (!this.words[i].includes(token)) continue;
      for (var j = 0, at = 0; j < this.postings[i].length; j++) {
        at += this.postings[i][j];
        if (!found[at]) found[at] = 1;
      }
    }
    if (this.tokens.size > 200) this.tokens.clear();
    this.tokens.set(token, found);
    return found;
  };

  Engine.prototype.text = function (query) {
    var tokens = query.toLowerCase().split(/\s+/).filter(Boolean), self = this;
    if (!tokens.length) return null;
    var scores = new Uint16Array(this.size), parts = tokens.map(function (token) { return self.token(token); });
    var bits = this.bits(function (row) {
      for (var i = 0, sum = 0; i < parts.length; i++) {
        if (!parts[i][row]) return false;
        sum += parts[i][row];
      }
      scores[row] = sum;
      return true;
    });
    return { bits: bits, scores: scores };
  };

  // All rows in an order: "title" as the index has them, "updated" newest first, a number smallest first, or with a
  // minus largest first. What is not stated comes last.
  Engine.prototype.order = function (sort) {
    var made = this.orders.get(sort), self = this;
    if (made) return made;
    made = Array.from({ length: this.size }, function (_, row) { return row; });
    if (sort === "updated") {
      var dates = made.map(function (row) { return self.valuesOf(self.index.updated, row)[0] || ""; });
      made.sort(function (a, b) { return dates[a] < dates[b] ? 1 : dates[a] > dates[b] ? -1 : a - b; });
    } else if (sort !== "title") {
      var sign = sort[0] === "-" ? -1 : 1, key = sort.replace("-", "");
      var column = this.index.numbers.find(function (entry) { return entry.key === key; }).column;
      made.sort(function (a, b) {
        var one = column[a], other = column[b];
        if (one === null || other === null) return one === other ? a - b : one === null ? 1 : -1;
        return sign * (one - other) || a - b;
      });
    }
    this.orders.set(sort, made);
    return made;
  };

  // state: q, facets {key: [values]}, ranges {key: [least, most]} in the unit of the column, deprecated "no" | "yes" | "only", sort.
  // Gives rows in order; counts {key: [number for each value]}; and how many there are by deprecated.
  Engine.prototype.query = function (state) {
    var self = this, filters = [], text = this.text(state.q || "");
    if (text) filters.push(text.bits);
    this.index.numbers.forEach(function (entry) {
      var range = (state.ranges || {})[entry.key];
      if (!range) return;
      filters.push(self.bits(function (row) {
        var value = entry.column[row];
        if (value === null) return false;
        return (range[0] === null || value >= range[0] * entry.scale) && (range[1] === null || value <= range[1] * entry.scale);
      }));
    });
    var chosen = this.facets.map(function (facet) {
      var wanted = (state.facets || {})[facet.key];
      if (!wanted || !wanted.length) return null;
      var made = new Uint32Array(self.width);
      wanted.forEach(function (value) {
        var at = facet.values.indexOf(value);
        if (at >= 0) or(made, facet.bits[at]);
      });
      return made;
    });
    var shown = { no: this.current, only: this.deprecated, yes: this.all }[state.deprecated] || this.current;
    function under(left_out, without_deprecated) {
      var made = self.all.slice();
      filters.forEach(function (bits) { and(made, bits); });
      chosen.forEach(function (bits, at) { if (bits && at !== left_out) and(made, bits); });
      if (!without_deprecated) and(made, shown);
      return made;
    }
    var result = under(-1), any = under(-1, true), counts = {};
    this.facets.forEach(function (facet, at) {
      var base = chosen[at] ? under(at) : result;
      counts[facet.key] = facet.bits.map(function (bits) { return common(base, bits); });
    });
    var sort = state.sort || (text ? "relevance" : "title"), rows = [];
    this.order(sort === "relevance" ? "title" : sort).forEach(function (row) {
      if (result[row >> 5] & (1 << (row & 31))) rows.push(row);
    });
    if (sort === "relevance" && text) rows.sort(function (a, b) { return text.scores[b] - text.scores[a] || a - b; });
    return {
      rows: rows, counts: counts,
      deprecated: { no: common(any, this.current), yes: common(any, this.all), only: common(any, this.deprecated) },
      withdrawn: common(any, this.withdrawn)
    };
  };

  // --- words that several pages share

  // A number to three digits with a letter for its size: 24.5 M.
  function short(value) {
    var step = 0;
    if (Math.abs(value) < 1000) return globalThis.dlmFigure(value);
    while (step < 4 && Math.abs(Number(value.toPrecision(3))) >= 1000) { value /= 1000; step++; }
    return globalThis.dlmFigure(Number(value.toPrecision(3))) + UNITS[step - 1];
  }
  // The language of a title that is not in that of the page. An id may be the name of what every object has.
  function languageOf(index, id) { return Object.prototype.hasOwnProperty.call(index.languages, id) ? index.languages[id] : null; }
  function sentence(text) { return text.charAt(0).toUpperCase() + text.slice(1); }
  function element(name, attributes, children) {
    var made = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) {
      var value = attributes[key];
      if (key === "text") made.textContent = value;
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    });
    (children || []).forEach(function (child) { if (child) made.append(child); });
    return made;
  }
  // The bands of a model as a small spectrum. The picture repeats what the facts beside it say.
  function thumbnail(index, row) {
    var strips = index.strips, members = strips.sets[strips.column[row]], space = "http://www.w3.org/2000/svg";
    if (!members.length) return null;
    function draw(name, attributes) {
      var made = document.createElementNS(space, name);
      Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
      return made;
    }
    var svg = draw("svg", { class: "strip", viewBox: "0 0 1000 110", preserveAspectRatio: "none", role: "img" });
    var bars = members.map(function (number) { return strips.bars[number]; });
    var title = draw("title", {});
    title.textContent = "Bands: " + Array.from(new Set(bars.map(function (bar) { return bar[0]; }))).join(", ");
    svg.append(title, draw("rect", { class: "track", width: 1000, height: 110 }));
    bars.forEach(function (bar) {
      svg.append(draw("rect", { class: "band-" + bar[3], x: bar[1], width: bar[2], height: 110 }));
    });
    return svg;
  }
  // Runs `then` when a script of the folder search/ has been fetched.
  function fetchScript(root, name, variable, then) {
    if (globalThis[variable]) return then(globalThis[variable]);
    var script = element("script", { src: root + "search/" + name + ".js" });
    script.addEventListener("load", function () { then(globalThis[variable]); });
    script.addEventListener("error", function () { then(null); });
    document.head.append(script);
  }
  // The columns of an index, which hold one value for each row.
  function columns(index) {
    var tables = [index.keywords, index.strips, index.updated].concat(index.facets, index.numbers);
    return [index.ids, index.titles, index.flags].concat(tables.map(function (table) { return table.column; }));
  }
  // Says whether rows of the index are still to be fetched. If so, that begins, and `then` runs when they are there;
  // it is told false when they cannot be fetched.
  function fetchRest(root, index, then) {
    var total = index.parts || 0, waiting = total;
    function join() {
      var parts = [], own = columns(index);
      for (var number = 1; number <= total; number++) parts.push(globalThis["DLM_INDEX_" + number]);
      if (!parts.every(Boolean)) return then(false);
      parts.forEach(function (part, at) {
        part.forEach(function (column, number) { for (var i = 0; i < column.length; i++) own[number].push(column[i]); });
        delete globalThis["DLM_INDEX_" + (at + 1)];
      });
      index.parts = 0;
      then(true);
    }
    for (var number = 1; number <= total; number++) {
      fetchScript(root, "index-" + number, "DLM_INDEX_" + number, function () { if (--waiting === 0) join(); });
    }
    return total > 0;
  }
  // The details of some rows, fetching the files that they are in; null for those that cannot be fetched.
  function fetchDetails(root, index, rows, then) {
    var shards = Array.from(new Set(rows.map(function (row) { return Math.floor(row / index.shard); })));
    var waiting = shards.length;
    function done() {
      then(rows.map(function (row) {
        var shard = globalThis["DLM_DETAILS_" + Math.floor(row / index.shard)];
        return shard ? shard[row % index.shard] : null;
      }));
    }
    if (!waiting) return done();
    shards.forEach(function (number) {
      fetchScript(root, "details-" + number, "DLM_DETAILS_" + number, function () { if (--waiting === 0) done(); });
    });
  }

  globalThis.dlmSearch = {
    Engine: Engine, short: short, sentence: sentence, element: element, thumbnail: thumbnail, languageOf: languageOf,
    fetchScript: fetchScript, fetchRest: fetchRest, fetchDetails: fetchDetails
  };
})();
