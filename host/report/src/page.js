"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const number = (n) => Number(n).toLocaleString("en");

// Timelines: the viewBox is the part that is seen.
for (const chart of document.querySelectorAll("[data-zoomed]")) {
  const svg = chart.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.style.height = height + "px";
  let from = 0, seen = width;
  const show = () => {
    seen = Math.min(Math.max(seen, width / 200), width);
    from = Math.min(Math.max(from, 0), width - seen);
    svg.setAttribute("viewBox", `${from} 0 ${seen} ${height}`);
  };
  const zoom = (factor, at) => {
    const point = from + seen * at;
    seen *= factor;
    seen = Math.min(Math.max(seen, width / 200), width);
    from = point - seen * at;
    show();
  };
  const act = {
    in: () => zoom(0.5, 0.5), out: () => zoom(2, 0.5),
    left: () => { from -= seen / 4; show(); }, right: () => { from += seen / 4; show(); },
    all: () => { from = 0; seen = width; show(); },
  };
  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", Home: "all" };
  chart.addEventListener("keydown", (event) => {
    const name = keys[event.key];
    if (name) { act[name](); event.preventDefault(); }
  });
  document.querySelectorAll(`[data-for="${chart.dataset.zoomed}"] button`).forEach((button) =>
    button.addEventListener("click", () => act[button.dataset.zoom]()));
  chart.addEventListener("wheel", (event) => {
    const box = svg.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width);
    event.preventDefault();
  }, { passive: false });
  let last = null;
  chart.addEventListener("pointerdown", (event) => { last = event.clientX; });
  chart.addEventListener("pointermove", (event) => {
    if (last === null || event.buttons === 0) { last = null; return; }
    from -= (event.clientX - last) / svg.getBoundingClientRect().width * seen;
    last = event.clientX;
    show();
  });
  show();
}

// The feature buffer at a cycle.
const slider = document.getElementById("memory-cycle");
if (slider) {
  const line = document.getElementById("memory-now");
  const show = () => {
    const cycle = Number(slider.value), memory = data.memory;
    document.getElementById("memory-at").textContent = number(cycle);
    const x = Number(line.dataset.left) + cycle / Math.max(memory.cycles, 1) * Number(line.dataset.span);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    const live = memory.regions.filter((r) => r.written <= cycle && cycle <= r.read);
    const words = live.reduce((sum, r) => sum + r.to - r.from, 0);
    document.getElementById("memory-live").textContent = live.length === 0 ? "Nothing is in use." :
      `${number(words)} of ${number(memory.words)} words: ` +
      live.map((r) => `${r.name} (${number(r.from)} to ${number(r.to - 1)})`).join(", ");
  };
  slider.addEventListener("input", show);
  show();
}

// Feature maps: one channel from the mosaic of all.
const layer = document.getElementById("map-layer");
if (layer) {
  const maps = JSON.parse(document.getElementById("maps").textContent);
  const channel = document.getElementById("map-channel");
  const all = document.getElementById("map-all");
  const canvas = document.getElementById("map-one");
  const draw = () => {
    const map = maps[layer.value];
    const height = Math.ceil(map.height / map.step), width = Math.ceil(map.width / map.step);
    const columns = Math.ceil(Math.sqrt(map.channels));
    const c = Math.min(Math.max(Number(channel.value) || 0, 0), map.channels - 1);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(all, c % columns * width, Math.floor(c / columns) * height, width, height,
      0, 0, canvas.width, canvas.height);
    canvas.setAttribute("aria-label", `${map.name}, channel ${c}`);
  };
  const choose = () => {
    const map = maps[layer.value];
    channel.max = map.channels - 1;
    channel.value = Math.min(Number(channel.value) || 0, map.channels - 1);
    const [low, mean, high] = map.range;
    document.getElementById("map-range").textContent =
      `values ${low} to ${high}, mean ${mean.toFixed(1)}`;
    all.src = document.querySelector(`template[data-map="${layer.value}"]`).dataset.src;
  };
  all.addEventListener("load", draw);
  layer.addEventListener("change", choose);
  channel.addEventListener("input", draw);
  choose();
}
