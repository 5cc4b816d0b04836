// Which models fit some imagery, and why. The same rules as builder/match.py, with the numbers of search/rules.js;
// tests/match_cases.json is run through both. Nothing here touches the page or the network.
(function () {
  "use strict";
  var api = { rules: globalThis.DLM_RULES }, say = globalThis.dlmSay, sayCount = globalThis.dlmSayCount;

  function known(value) { return value !== undefined && value !== null && value !== ""; }
  function list(value) { return Array.isArray(value) ? value : known(value) ? [value] : []; }
  function words(value) { return list(value).filter(Boolean).map(function (word) { return String(word).toLowerCase(); }); }
  function distinct(values) { return Array.from(new Set(values)); }
  function isNumber(value) { return typeof value === "number" && value > 0; }
  function isObject(value) { return value !== null && typeof value === "object" && !Array.isArray(value); }
  function flat(box) { return box.length === 6 ? [box[0], box[1], box[3], box[4]] : Array.from(box); }

  function number(value, digits) {
    var scale = Math.pow(10, digits === undefined ? 2 : digits);
    return globalThis.dlmFigure(Math.floor(value * scale + 0.5) / scale);
  }
  function nanometres(micrometres) { return number(micrometres * 1000, 1) + " nm"; }
  function bandCount(size) { return sayCount("{0} band", "{0} bands", size); }
  function listed(names) {
    var most = api.rules.named;
    return names.slice(0, most).join(", ") + (names.length > most ? say(" and {0} more", names.length - most) : "");
  }

  // --- imagery

  function bandsOf(fields) {
    var found = ["bands", "eo:bands"].map(function (key) { return list(fields[key]).filter(isObject); });
    return found[0].length ? found[0] : found[1];
  }
  function plainBand(band) {
    function either(key) { return known(band["eo:" + key]) ? band["eo:" + key] : band[key]; }
    var centre = either("center_wavelength"), width = either("full_width_half_max");
    return [
      band.name === undefined ? null : band.name, either("common_name") === undefined ? null : either("common_name"),
      isNumber(centre) ? centre : null, isNumber(width) ? width : null
    ];
  }
  function endsWith(key, name) {
    key = key.toLowerCase(); name = name.toLowerCase();
    return key === name || key.endsWith("_" + name) || key.endsWith("-" + name);
  }
  function imageBands(properties, assets) {
    var found = new Map(), gsds = [], dtypes = new Map();
    var polarizations = list(properties["sar:polarizations"]).map(String);
    function radar(name) { return [name, null, null, null]; }
    function keep(row) {
      var key = JSON.stringify(row.slice(0, 3));
      if (!found.has(key)) found.set(key, row);
    }
    Object.keys(assets).forEach(function (key) {
      var asset = assets[key], roles = list(asset.roles);
      if (roles.some(function (role) { return api.rules.skipped_roles.includes(role); })) return;
      var bands = bandsOf(asset);
      var rows = bands.map(plainBand).filter(function (row) { return row[0] || row[1] || row[2]; });
      if (!rows.length) rows = polarizations.filter(function (name) { return endsWith(key, name); }).map(radar);
      if (!rows.length) return;
      rows.forEach(keep);
      [asset].concat(bands, list(asset["raster:bands"]).filter(isObject)).forEach(function (source) {
        var size = source.gsd || source["raster:spatial_resolution"] || source.spatial_resolution;
        if (isNumber(size)) gsds.push(size);
        if (typeof source.data_type === "string") dtypes.set(source.data_type, (dtypes.get(source.data_type) || 0) + 1);
      });
    });
    if (!found.size) {
      var rows = bandsOf(properties).map(plainBand);
      (rows.length ? rows : polarizations.map(radar)).forEach(keep);
    }
    return { bands: Array.from(found.values()), gsds: gsds, dtypes: dtypes };
  }
  function imageLevel(properties) {
    var keys = ["processing:level", "s2:product_type", "landsat:correction", "sar:product_type"];
    for (var key of keys) for (var word of list(properties[key])) {
      if (typeof word === "string" && word) return api.rules.levels[word.toUpperCase()] || word;
    }
    return null;
  }
  api.toImagery = function (item) {
    var collection = item.type === "Collection", properties = (collection ? item.summaries : item.properties) || {};
    var read = imageBands(properties, (collection ? item.item_assets : item.assets) || {});
    var extent = item.extent || {}, spatial = extent.spatial || {}, temporal = extent.temporal || {};
    var box = (collection ? list(spatial.bbox)[0] : item.bbox) || [];
    var times = list(temporal.interval)[0] || [null, null];
    var sizes = list(properties.gsd).filter(isNumber);
    if (!sizes.length) sizes = read.gsds;
    if (!sizes.length) sizes = [properties["sar:pixel_spacing_range"]].filter(isNumber);
    var dtype = null, most = 0;
    read.dtypes.forEach(function (times_seen, name) { if (times_seen > most) { most = times_seen; dtype = name; } });
    var sensors = [];
    ["platform", "constellation", "mission"].forEach(function (key) { sensors = sensors.concat(words(properties[key])); });
    var made = {
      name: String(item.id || ""), sensors: distinct(sensors), instruments: distinct(words(properties.instruments)),
      bands: read.bands, gsd: sizes.length ? Math.min.apply(null, sizes) : null, dtype: dtype,
      level: imageLevel(properties), bbox: flat(box),
      start: collection ? times[0] : properties.start_datetime || properties.datetime,
      end: collection ? times[1] : properties.end_datetime || properties.datetime
    };
    Object.keys(made).forEach(function (key) {
      if (!known(made[key]) || (Array.isArray(made[key]) && !made[key].length)) delete made[key];
    });
    return made;
  };

  // --- matching: each gives [status, text]

  function bandKey(band) {
    if (band[1]) return String(band[1]);
    var name = String(band[0] || "").toLowerCase();
    return api.rules.common_names.includes(name) ? name : null;
  }
  function called(band) {
    return String(band[1] || band[0] || say("unnamed band")) + (band[2] ? " (" + nanometres(band[2]) + ")" : "");
  }
  // 0 where the bands are the same, 1 where they are nearly, with their distance; null where they are not.
  function compareBands(band, candidate) {
    var rules = api.rules, key = bandKey(band), other = bandKey(candidate), limit = rules.same_wavelength;
    var distance = band[2] && candidate[2] ? Math.abs(band[2] - candidate[2]) / band[2] : null;
    if (key && key === other) {
      if (distance === null) return [0, 0];
      return distance <= limit ? [0, distance] : distance <= rules.far_wavelength ? [1, distance] : null;
    }
    if (key && (rules.related_names[key] || []).includes(other)) {
      return distance === null || distance <= rules.far_wavelength ? [1, distance || 0] : null;
    }
    if (distance !== null) return distance <= limit ? [1, distance] : null;
    var same = Boolean(band[0]) && String(band[0]).toLowerCase() === String(candidate[0] || "").toLowerCase();
    return same && !(key && other) ? [0, 0] : null;
  }
  api.compareBands = compareBands;
  function matchBands(record, imagery) {
    var wanted = [], channels = 0, given = imagery.bands || [];
    (record.inputs || []).forEach(function (entry) {
      wanted = wanted.concat(entry.bands || []);
      channels += (entry.shape || [])[1] || 0;
    });
    if (!given.length) return ["unknown", say("the bands of the image are not stated")];
    if (!wanted.length) {
      if (channels <= given.length) return ["unknown", say("the bands of the model are not stated")];
      return ["differs", say("reads {0} channels; the image has {1}", channels, bandCount(given.length))];
    }
    var used = new Set(), shifted = [], missing = [];
    wanted.forEach(function (band) {
      var best = null;
      given.forEach(function (candidate, index) {
        var found = used.has(index) ? null : compareBands(band, candidate);
        if (!found) return;
        if (!best || found[0] < best[0] || (found[0] === best[0] && found[1] < best[1])) best = [found[0], found[1], index];
      });
      if (!best) return missing.push(called(band));
      used.add(best[2]);
      if (best[0]) shifted.push(say("{0} as {1}", called(band), called(given[best[2]])));
    });
    var reads = sayCount("reads {0} band", "reads {0} bands", wanted.length);
    if (missing.length) return ["differs", say("{0}; the image has no {1}", reads, listed(missing))];
    if (shifted.length) return ["near", say("{0}, all in the image, {1}", reads, listed(shifted))];
    return ["fits", say("{0}, all in the image", reads)];
  }
  function sameSensor(one, other) {
    var short = one.length <= other.length ? one : other, long = short === one ? other : one;
    return long.startsWith(short) && /^(?:|[a-z]|-.*)$/.test(long.slice(short.length));
  }
  function matchSensor(record, imagery) {
    var own = words(record.sensors), theirs = words(imagery.sensors);
    var tools = words(record.instruments), theirTools = words(imagery.instruments);
    if (!own.length && !tools.length) return ["unknown", say("the model names no sensor")];
    if (!theirs.length && !theirTools.length) return ["unknown", say("the sensor of the image is not stated")];
    var shared = tools.some(function (word) { return theirTools.includes(word); });
    var apart = tools.length && theirTools.length && !shared;
    var made = say("made for {0}", (own.length ? own : tools).join(", ")), others = theirTools.join(", ");
    if (own.length && theirs.length) {
      if (own.some(function (a) { return theirs.some(function (b) { return sameSensor(a, b); }); })) {
        return apart ? ["near", say("{0} with {1}; the image is from {2}", made, tools.join(", "), others)] : ["fits", made];
      }
      return [shared ? "near" : "differs", say("{0}; the image is from {1}", made, theirs[0])];
    }
    if (tools.length && theirTools.length) {
      return shared ? ["fits", made] : ["differs", say("{0}; the image is from {1}", made, others)];
    }
    return ["unknown", say("the model and the image name their sensors in different ways")];
  }
  function matchGsd(record, imagery) {
    var own = record.gsd, theirs = imagery.gsd;
    if (!own) return ["unknown", say("the model states no ground sample distance")];
    if (!theirs) return ["unknown", say("the ground sample distance of the image is not stated")];
    var ratio = Math.max(own, theirs) / Math.min(own, theirs);
    var text = say("for {0} m; the image has {1} m", number(own), number(theirs));
    if (ratio <= api.rules.same_gsd) return ["fits", text];
    return [ratio <= api.rules.near_gsd ? "near" : "differs", say("{0}: resample by {1}", text, number(ratio))];
  }
  function best(values, compare) {
    return values.map(compare).reduce(function (one, other) {
      return api.rules.points[other] > api.rules.points[one] ? other : one;
    });
  }
  function level(text) {
    var found = /^(?:LEVEL|L)[-_ ]?([0-9])([A-Z]?)(?![A-Z])/.exec(text.toUpperCase());
    return found ? [found[1], found[2]] : null;
  }
  function matchLevel(record, imagery) {
    var levels = record.levels || [], given = imagery.level;
    if (!levels.length) return ["unknown", say("the model states no processing level")];
    if (!given) return ["unknown", say("the processing level of the image is not stated")];
    var status = best(levels, function (name) {
      var own = level(name), theirs = level(given);
      if (name.toLowerCase() === given.toLowerCase()) return "fits";
      if (!own || !theirs) return "unknown";
      if (own[0] !== theirs[0]) return "differs";
      return own[1] && theirs[1] && own[1] !== theirs[1] ? "near" : "fits";
    });
    return [status, say("for {0}; the image is {1}", levels.join(", "), given)];
  }
  function matchDtype(record, imagery) {
    var dtypes = record.dtypes || [], given = imagery.dtype;
    if (!dtypes.length) return ["unknown", say("the model states no data type")];
    if (!given) return ["unknown", say("the data type of the image is not stated")];
    var status = best(dtypes, function (name) {
      if (name === given) return "fits";
      var kind = name.replace(/[0-9]/g, "");
      if (kind === "float") return "near";
      var wider = Number(name.replace(/[^0-9]/g, "")) > Number(given.replace(/[^0-9]/g, ""));
      return kind === given.replace(/[0-9]/g, "") && wider ? "near" : "differs";
    });
    var advice = { fits: "", near: say(": convert"), differs: say(": rescale") }[status];
    return [status, say("for {0}; the image is {1}", dtypes.join(", "), given) + advice];
  }
  function parallels(box) { return box[0] <= box[2] ? [[box[0], box[2]]] : [[box[0], 180], [-180, box[2]]]; }
  function matchPlace(record, imagery) {
    var own = record.bbox, theirs = imagery.bbox;
    if (!own) return ["fits", say("not bound to a place")];
    if (!theirs) return ["unknown", say("the footprint of the image is not stated")];
    var meet = own[1] <= theirs[3] && theirs[1] <= own[3] && parallels(own).some(function (a) {
      return parallels(theirs).some(function (b) { return a[0] <= b[1] && b[0] <= a[1]; });
    });
    if (meet) return ["fits", say("the image lies in the footprint of the model")];
    return ["differs", say("the image lies outside the footprint of the model")];
  }
  function day(text) { return String(text || "").slice(0, 10); }
  function matchTime(record, imagery) {
    var start = day(record.start), end = day(record.end), first = day(imagery.start), last = day(imagery.end);
    if (!start && !end) return ["fits", say("not bound to a time")];
    if (!first && !last) return ["unknown", say("the time of the image is not stated")];
    var span = say("{0} to {1}", start || say("open"), end || say("open"));
    if ((!end || !first || first <= end) && (!start || !last || start <= last)) {
      return ["fits", say("the image is from the time of the model, {0}", span)];
    }
    return ["near", say("for {0}; the image is from {1}", span, first || last)];
  }
  function matchTask(record, task) {
    var tasks = record.tasks || [];
    if (!tasks.length) return ["unknown", say("the model states no task")];
    return [words(tasks).includes(task.toLowerCase()) ? "fits" : "differs", say("for {0}", tasks.join(", "))];
  }

  api.matchOne = function (record, imagery) {
    if (record.withdrawn !== undefined) {
      var words = record.withdrawn ? say("the model is withdrawn since {0}", day(record.withdrawn)) : say("the model is withdrawn");
      var reason = { criterion: "status", status: "differs", text: words };
      return { id: record.id, verdict: "no", score: 0, reasons: [reason] };
    }
    var rules = api.rules, status = {}, total = 0, points = 0, verdict = "fits";
    var found = {
      bands: matchBands(record, imagery), sensor: matchSensor(record, imagery), gsd: matchGsd(record, imagery),
      level: matchLevel(record, imagery), dtype: matchDtype(record, imagery), place: matchPlace(record, imagery),
      time: matchTime(record, imagery)
    };
    if (imagery.task) found.task = matchTask(record, imagery.task);
    var reasons = Object.keys(found).map(function (name) {
      status[name] = found[name][0];
      total += rules.weights[name];
      points += rules.weights[name] * rules.points[status[name]];
      return { criterion: name, status: found[name][0], text: found[name][1] };
    });
    function differs(name) { return status[name] === "differs"; }
    if (rules.required.some(differs)) verdict = "no";
    else if (status.bands === "unknown") verdict = "unclear";
    else if (rules.cautions.some(differs)) verdict = "possible";
    var score = Math.floor((2 * points + total) / (2 * total));
    return { id: record.id, verdict: verdict, score: score, reasons: reasons };
  };
  api.match = function (records, imagery) {
    var results = records.map(function (record) { return [api.matchOne(record, imagery), record]; });
    results.sort(function (one, other) {
      var a = one[0], b = other[0], rank = api.rules.verdicts;
      return rank.indexOf(a.verdict) - rank.indexOf(b.verdict) || (one[1].deprecated ? 1 : 0) - (other[1].deprecated ? 1 : 0) ||
        b.score - a.score || (a.id < b.id ? -1 : 1);
    });
    return results.map(function (pair) { return pair[0]; });
  };
  globalThis.dlmMatch = api;
})();
