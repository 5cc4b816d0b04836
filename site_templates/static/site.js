// The theme switch and the copy buttons. Everything else works without scripts. Storage may be forbidden, as it can be for file://.
(function () {
  "use strict";
  var root = document.documentElement, key = "theme", system = matchMedia("(prefers-color-scheme: dark)");
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
      button.textContent = current() === "dark" ? "Light" : "Dark";
      button.setAttribute("aria-label", "Use the " + button.textContent.toLowerCase() + " theme");
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
      var name = link && !code ? "Copy address" : "Copy", text = link && !code ? link.href : (code || place).textContent;
      button.type = "button";
      button.className = "copy";
      button.textContent = name;
      button.setAttribute("aria-label", name + ": " + place.dataset.copy);
      button.addEventListener("click", function () {
        copy(text, function (done) {
          button.textContent = done ? "Copied" : "Failed";
          status.textContent = place.dataset.copy + (done ? " copied" : " could not be copied");
          setTimeout(function () { button.textContent = name; status.textContent = ""; }, 2000);
        });
      });
      place.appendChild(button);
    });
  });
})();
