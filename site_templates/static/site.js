// The theme switch. Everything else works without scripts. Storage may be forbidden, as it can be for file://.
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
