// The words of all scripts: messages in English, and what assets/words.js, where the page has it, says in their place.
// `{0}`, `{1}` and so on are places for values; of a message about a number, `{0}` is the number.
(function () {
  "use strict";
  var said = globalThis.DLM_SAID || { language: "en", form: function (n) { return n === 1 ? 0 : 1; }, texts: {} };
  function fill(text, values) {
    return text.replace(/\{(\d)\}/g, function (_, at) { return values[at]; });
  }
  globalThis.dlmSay = function (text) {
    return fill(said.texts[text] || text, Array.prototype.slice.call(arguments, 1));
  };
  globalThis.dlmSayCount = function (one, many, number) {
    var form = said.form(number), found = said.texts[one];
    var values = [number.toLocaleString(said.language)].concat(Array.prototype.slice.call(arguments, 3));
    return fill(found ? found[form] : form ? many : one, values);
  };
  // Numbers as the language of the page writes them: whole ones with their thousands apart, and others.
  globalThis.dlmNumber = function (number) { return number.toLocaleString(said.language); };
  globalThis.dlmFigure = function (number) { return String(number).replace(".", said.decimal || "."); };
  globalThis.dlmFigures = function (numbers) { return (numbers || []).map(globalThis.dlmFigure).join(said.apart || ", "); };
})();

// The theme switch and the copy buttons. Everything else works without scripts. Storage may be forbidden, as it can be for file://.
(function () {
  "use strict";
  var say = globalThis.dlmSay, root = document.documentElement, key = "theme", system = matchMedia("(prefers-color-scheme: dark)");
  function stored(value) {
    try {
      if (value) localStorage.setItem(key, value);
      return localStorage.getItem(key);
    } catch (error) {
      return null;
    }
  }
  function current() {
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }
  var saved = stored();
  if (saved === "dark" || saved === "light") root.dataset.theme = saved;
  root.classList.add("js");
  addEventListener("DOMContentLoaded", function () {
    var button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    function label() {
      var dark = current() === "dark";
      button.textContent = dark ? say("Light") : say("Dark");
      button.setAttribute("aria-label", dark ? say("Use the light theme") : say("Use the dark theme"));
    }
    button.addEventListener("click", function () {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      stored(root.dataset.theme);
      label();
    });
    system.addEventListener("change", label);
    label();
  });
})();

// Copy buttons: one in every element with `data-copy`, which names what is copied: its code, link or text.
(function () {
  "use strict";
  var say = globalThis.dlmSay;
  function fallback(text) {
    var area = document.createElement("textarea"), before = document.activeElement;
    area.value = text;
    area.className = "hidden";
    document.body.appendChild(area);
    area.select();
    var done = document.execCommand("copy");
    area.remove();
    if (before) before.focus();
    return done;
  }
  function copy(text, then) {
    if (!navigator.clipboard) return then(fallback(text));
    navigator.clipboard.writeText(text).then(function () { then(true); }, function () { then(fallback(text)); });
  }
  addEventListener("DOMContentLoaded", function () {
    var places = document.querySelectorAll("[data-copy]");
    if (!places.length) return;
    var status = document.createElement("div");
    status.className = "hidden";
    status.setAttribute("role", "status");
    document.body.appendChild(status);
    places.forEach(function (place) {
      var button = document.createElement("button"), link = place.querySelector("a[href]"), code = place.querySelector("code");
      var name = link && !code ? say("Copy address") : say("Copy"), text = link && !code ? link.href : (code || place).textContent;
      button.type = "button";
      button.className = "copy";
      button.textContent = name;
      button.setAttribute("aria-label", name + say(": ") + place.dataset.copy);
      button.addEventListener("click", function () {
        copy(text, function (done) {
          button.textContent = done ? say("Copied") : say("Failed");
          status.textContent = done ? say("{0} copied", place.dataset.copy) : say("{0} could not be copied", place.dataset.copy);
          setTimeout(function () { button.textContent = name; status.textContent = ""; }, 2000);
        });
      });
      place.appendChild(button);
    });
  });
})();
