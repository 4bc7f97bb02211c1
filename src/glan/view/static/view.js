// Everything works without this file but the numbers of a run that go on moving.
"use strict";

const live = document.querySelector("[data-live]");

async function look() {
  let pause = 5000;
  try {
    const response = await fetch("/live");
    if (!response.ok) throw new Error(response.statusText);
    live.classList.remove("away");
    const found = await response.json();
    if (found.state !== live.dataset.state) {
      location.reload();
      return;
    }
    for (const each of live.querySelectorAll("[data-text]")) {
      const text = found.texts[each.dataset.text] ?? "";
      if (each.textContent !== text) each.textContent = text;
    }
    const share = document.getElementById("share");
    if (share) share.value = found.share;
    if (found.state === "running") pause = 1000;
  } catch {
    live.classList.add("away");
  }
  setTimeout(look, pause);
}
if (live) setTimeout(look, 1000);

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) {
      if (field.name && (field.value === "" || (field.name === "in" && field.value === "all"))) field.disabled = true;
    }
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-filters] .more select")) form.requestSubmit();
  });
}
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form :disabled")) field.disabled = false;
});

if (matchMedia("(min-width: 60rem)").matches) {
  for (const each of document.querySelectorAll("[data-wide-open]")) each.open = true;
}

// What is wider than its place is moved by the arrows while it has the focus, and no page is turned.
const isMoved = (place) => place !== document.body && place.clientWidth > 0 && place.scrollWidth > place.clientWidth;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("input[type=search]")?.focus();
  } else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !isMoved(event.target)) {
    document.querySelector(event.key === "ArrowLeft" ? "a[rel=prev]" : "a[rel=next]")?.click();
  }
});
