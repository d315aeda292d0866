"use strict";
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const runs = all("details");
  const shown = (element) => element.offsetParent !== null;

  document.querySelector(".keys").hidden = false;

  const filter = document.getElementById("filter");
  if (filter) {
    filter.closest(".filter").hidden = false;
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      all("nav.index tbody tr").forEach((row) => {
        const hide = !row.textContent.toLowerCase().includes(wanted);
        row.hidden = hide;
        document.getElementById(row.querySelector("a").getAttribute("href").slice(1)).hidden = hide;
      });
    });
  }

  const step = (by) => {
    const stops = all("main h1, main h2").filter(shown);
    const focused = stops.indexOf(document.activeElement);
    let at = focused + by;
    if (focused < 0) {
      const below = stops.findIndex((stop) => stop.getBoundingClientRect().top > 1);
      at = by > 0 ? below : below - 1;
    }
    const next = stops[Math.max(0, Math.min(stops.length - 1, at))];
    if (next) {
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "start" });
    }
  };

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    o: () => {
      const open = runs.some((run) => !run.open);
      runs.forEach((run) => { run.open = open; });
    },
    t: () => { document.getElementById("content").focus(); window.scrollTo(0, 0); },
    "/": () => { if (filter) filter.focus(); },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (typing && event.key === "Escape") {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
      filter.blur();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = runs.filter((run) => !run.open);
    folded.forEach((run) => { run.open = true; });
  });
  window.addEventListener("afterprint", () => { folded.forEach((run) => { run.open = false; }); });
})();
