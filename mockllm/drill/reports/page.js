"use strict";
const told = document.querySelectorAll("[data-v]");
const rows = document.querySelectorAll("tr[data-v]");
const choice = document.getElementById("choice");
const boxes = [...choice.querySelectorAll("input")];

function show() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  for (const one of told) one.hidden = !one.dataset.v.split(" ").some((verdict) => wanted.has(verdict));
  for (const group of document.querySelectorAll(".tall tbody"))
    group.hidden = !group.querySelector("tr[data-v]:not([hidden])");
  const left = [...rows].filter((row) => !row.hidden).length;
  document.getElementById("shown").textContent = `${left} of ${rows.length} incidents`;
}

function open_target() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(found instanceof HTMLDetailsElement)) return;
  found.hidden = false;
  found.open = true;
  found.scrollIntoView();
  found.querySelector("summary").focus({ preventScroll: true });
}

choice.hidden = false;
choice.addEventListener("change", show);
addEventListener("hashchange", open_target);
addEventListener("click", (event) => {  // a link to where one is already changes no hash
  if (event.target.closest("a")?.hash === location.hash) open_target();
});
show();
open_target();
