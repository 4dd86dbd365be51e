"""Checks pages in headless Chromium: report_browser.py FOLDER FIGURES."""

import html.parser
import json
import math
import pathlib
import subprocess
import sys

LIMIT_BYTES = 3_000_000
LIMIT_MILLISECONDS = 2000

# The contrast of WCAG AA: of texts, and of what must be seen to understand a chart.
TEXT, GRAPHICS = 4.5, 3.0

# Looks at what every page has, and leaves it there.
LOOKS = """
<script>
const seen = {};
const parts = (colour) => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
const over = (top, below, alpha) => top.slice(0, 3).map((c, i) => c * alpha + below[i] * (1 - alpha));
const light = (colour) => {
  const [r, g, b] = colour.map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parts(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
// Of a fill or a stroke, whichever is seen better.
const drawn = (element, back) => {
  const style = getComputedStyle(element);
  const of = (paint, opacity) => paint === "none" ? 1 :
    contrast(over(parts(paint), back, (parts(paint)[3] ?? 1) * opacity), back);
  return Math.max(of(style.fill, Number(element.getAttribute("fill-opacity") ?? style.fillOpacity)),
    of(style.stroke, Number(style.strokeOpacity)));
};
const look = () => {
  seen.resources = performance.getEntriesByType("resource")
    .filter((r) => !r.name.startsWith("data:")).map((r) => r.name);
  seen.unnamed = [...document.querySelectorAll("svg, canvas, img, button, input, select, meter")]
    .filter((e) => !(e.getAttribute("aria-label") || e.alt || e.textContent.trim() ||
      document.querySelector(`label[for="${e.id}"]`))).map((e) => e.outerHTML.slice(0, 80));
  seen.texts = 0;
  seen.pale = [];
  for (const element of document.querySelectorAll("h1,h2,h3,p,a,dt,dd,th,td,summary,label,button,figcaption,output,span,svg text")) {
    if (!element.textContent.trim() || element.closest("details:not([open]) > :not(summary)")) continue;
    const back = behind(element.closest("svg") ?? element), style = getComputedStyle(element);
    const ratio = contrast(parts(element.closest("svg") ? style.fill : style.color), back);
    seen.texts += 1;
    if (ratio < TEXT) seen.pale.push([element.outerHTML.slice(0, 80), ratio]);
  }
  seen.shapes = 0;
  for (const element of document.querySelectorAll("svg rect, svg circle, svg path, svg line, i")) {
    // What only carries others: grids, the ground of maps, boxes of nodes (their edge is seen).
    if (element.closest(".grid, .plane") || element.tagName === "path" && element.closest(".edge")) continue;
    const i = element.tagName.toLowerCase() === "i", back = behind(i ? element.parentElement : element.closest("svg"));
    const ratio = i ? contrast(parts(getComputedStyle(element).backgroundColor), back) : drawn(element, back);
    seen.shapes += 1;
    if (ratio < GRAPHICS) seen.pale.push([element.outerHTML.slice(0, 80), ratio]);
  }
  // Nothing can be reached with the keyboard that cannot be seen there.
  seen.focused = [...document.querySelectorAll("a, button, input, select, [tabindex]")]
    .filter((e) => { e.focus(); return document.activeElement === e; }).length;
  seen.focusable = document.querySelectorAll("a, button, input, select, [tabindex]").length;
  const load = performance.getEntriesByType("navigation")[0];
  seen.milliseconds = load.loadEventStart;
  seen.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const element = document.createElement("script");
  element.type = "application/json";
  element.id = "seen";
  element.textContent = JSON.stringify(seen);
  document.body.append(element);
};
</script>
""".replace("TEXT)", f"{TEXT})").replace("GRAPHICS)", f"{GRAPHICS})")

# Acts as a user does on a report.
ACTS = """
<script>
addEventListener("load", () => setTimeout(() => {
  const svg = document.querySelector("#timeline-0");
  const before = svg.getAttribute("viewBox");
  document.querySelector('[data-for="timeline-0"] [data-zoom="in"]').click();
  seen.zoomed = svg.getAttribute("viewBox") !== before;
  document.querySelector('[data-for="timeline-0"] [data-zoom="all"]').click();
  seen.back = svg.getAttribute("viewBox") === before;
  const chart = document.querySelector("[data-zoomed]");
  chart.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true }));
  seen.keyed = svg.getAttribute("viewBox") !== before;
  const slider = document.getElementById("memory-cycle");
  slider.value = Math.floor(slider.max / 2);
  slider.dispatchEvent(new Event("input"));
  seen.memory = document.getElementById("memory-live").textContent;
}, 100));
</script>
"""

# Chooses the last feature map, where there are any, and looks.
ENDS = """
<script>
addEventListener("load", () => setTimeout(() => {
  const layer = document.getElementById("map-layer");
  if (layer) {
    layer.value = layer.options.length - 1;
    layer.dispatchEvent(new Event("change"));
  }
  setTimeout(() => {
    const canvas = document.getElementById("map-one");
    if (canvas) {
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      seen.map = canvas.getAttribute("aria-label");
      seen.shades = new Set(pixels.filter((_, i) => i % 4 === 0)).size;
    }
    look();
  }, 300);
}, 150));
</script>
"""


class Dom(html.parser.HTMLParser):
    """Attributes of all elements with those of the chart around them, and the text of scripts with an id."""

    def __init__(self):
        super().__init__()
        self.elements, self.scripts, self.inside, self.chart = [], {}, None, None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "svg":
            self.chart = attrs.get("id")
        self.elements.append((tag, self.chart, attrs))
        if tag == "script":
            self.inside = attrs.get("id")

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = None
        if tag == "svg":
            self.chart = None

    def having(self, name, chart=None):
        return [a for _, at, a in self.elements if name in a and chart in (None, at)]

    def numbers(self, name, chart):
        return [float(a[name]) for a in self.having(name, chart)]


def chromium(*arguments):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=True)


def dump(page, *more):
    """The page's elements after its scripts have run, and what it wrote to the console."""
    run = chromium("--enable-logging=stderr", "--v=0", *more, "--dump-dom", page.resolve().as_uri())
    dom = Dom()
    dom.feed(run.stdout)
    return dom, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def planted(folder, text):
    """What is looked for would be seen: an error, a pale text, a chart without a name."""
    page = folder / "planted.html"
    worse = "<script>console.error('planted')</script><p style='color:#aaaaaa'>pale</p><svg></svg>"
    page.write_text(text.replace("</body>", worse + LOOKS + ENDS + "</body>"))
    dom, console = dump(page)
    seen = json.loads(dom.scripts["seen"])
    assert console and seen["unnamed"] and seen["pale"], "planted faults were not seen"


def look(folder, name, acts=""):
    """A page, light and dark, as it is after someone has used it."""
    page = folder / f"{name}.html"
    text = page.read_text()
    assert len(text.encode()) < LIMIT_BYTES, f"{page} has {len(text.encode())} bytes"
    acted = folder / "acted.html"
    acted.write_text(text.replace("</body>", LOOKS + acts + ENDS + "</body>"))
    for mode in [[], ["--blink-settings=preferredColorScheme=0"]]:
        dom, console = dump(acted, *mode)
        assert not console, console
        seen = json.loads(dom.scripts["seen"])
        assert seen["dark"] == bool(mode), seen["dark"]
        assert seen["resources"] == [] and seen["unnamed"] == [], seen
        assert seen["pale"] == [] and seen["texts"] > 10 and seen["shapes"] > 0, (name, mode, seen["pale"][:9], seen["texts"])
        assert seen["focused"] == seen["focusable"], seen
        assert seen["milliseconds"] < LIMIT_MILLISECONDS, seen["milliseconds"]
    print(f"{page}: {len(text.encode())} bytes, {len(dom.elements)} elements, {seen['texts']} texts, "
          f"opened in {seen['milliseconds']:.0f} ms")
    return dom, seen, text


def check_report(folder):
    dom, seen, text = look(folder, "report", ACTS)
    planted(folder, text)
    printed = json.loads((folder / "report.json").read_text())
    data = json.loads(dom.scripts["data"])
    printed.pop("run"), data.pop("run")
    assert printed == data, "the page's data are not those of --json"
    assert seen["zoomed"] and seen["back"] and seen["keyed"], seen
    assert "words" in seen["memory"], seen
    assert seen["map"].startswith(data["maps"][-1]["name"]) and seen["shades"] > 2, seen

    bars = {a["data-layer"]: int(a["data-cycles"]) for a in dom.having("data-cycles") if "data-layer" in a}
    assert bars == {layer["name"]: layer["cycles"] for layer in data["layers"]}
    cycles = sum(int(a["data-cycles"]) for a in dom.having("data-cause"))
    assert cycles == sum(timeline["cycles"] for timeline in data["timelines"])
    assert len(dom.having("data-node")) == len(data["nodes"])
    assert len(dom.having("data-written")) == len(data["memory"]["regions"])
    bins = sum(len(q["weights"]) + len(q["activations"]) for q in data["quantisation"])
    assert len(dom.having("data-count")) == bins


def same(drawn, printed):
    """The same numbers; the last place of a fraction is lost when it is read from JSON."""
    drawn, printed = list(drawn), list(printed)
    return len(drawn) == len(printed) and all(math.isclose(*pair, rel_tol=1e-12) for pair in zip(drawn, printed))


def objects(folder, name, dom):
    """What the command printed, which stands in its page."""
    lines = (folder / f"{name}.json").read_text().splitlines()
    printed = [json.loads(line) for line in lines]
    assert printed and printed == json.loads(dom.scripts["data"]), f"{name}: the page's data are not those of --json"
    return printed


def check_pages(folder):
    def page(name):
        dom, seen, _ = look(folder, name)
        return dom, seen, objects(folder, name, dom)

    dom, _, (predicted,) = page("predict")
    assert same(dom.numbers("data-cycles", "cycles-by-layer"), (l["cycles"] for l in predicted["layers"]))

    dom, _, found = page("explore")
    for resource in ["lut", "dsp", "bram", "uram", "ff"]:
        points = dom.having("data-x", f"pareto-{resource}")
        by_name = {p["data-name"]: [float(p["data-x"]), float(p["data-y"])] for p in points}
        assert len(by_name) == len(points) == len(found), resource
        for configuration in found:
            values = [configuration[resource], configuration["images_per_second"]]
            assert same(by_name[configuration["preset"]], values), (resource, configuration["preset"])
        # Those that are marked are drawn last, and larger than those that they cover.
        marked = ["data-best" in p for p in points]
        assert marked == sorted(marked) and any(marked), resource
        radii = {mark: {float(p["r"]) for p in points if ("data-best" in p) == mark} for mark in [True, False]}
        assert min(radii[True]) > max(radii[False], default=0), resource

    dom, _, (classified,) = page("classify")
    assert same(dom.numbers("data-value", "classes-0"), (100 * c["score"] for c in classified["top"]))
    layers = classified["run"]["layers"]
    assert same(dom.numbers("data-cycles", "cycles-by-layer"), (l["cycles"] for l in layers))

    dom, _, (bench,) = page("bench")
    times = (bench["latency"][f"{which}_ms"] for which in ["mean", "p50", "p95", "p99"])
    assert same(dom.numbers("data-value", "times-latency"), times)

    dom, _, (made,) = page("import")
    assert same(dom.numbers("data-value", "sqnr"), (l["sqnr_db"] for l in made["layers"]))
    assert same(dom.numbers("data-clip", "ranges"), (l["clip"] for l in made["layers"]))
    assert same(dom.numbers("data-x", "scores"), (pair[0] for pair in made["scores"]))
    assert same(dom.numbers("data-y", "scores"), (pair[1] for pair in made["scores"]))

    dom, _, (accuracy,) = page("evaluate")
    assert same(dom.numbers("data-value", "accuracy")[:1], [100 * accuracy["accuracy"]["top1"]])

    dom, seen, found = page("verify")
    first = next(o["divergence"] for o in found if o["kind"] == "image")
    assert sum(dom.numbers("data-wrong", "heat")) == sum(map(sum, first["wrong"]["cells"])) > 0
    assert sum(dom.numbers("data-wrong", "heat-channels")) == sum(first["wrong"]["channels"])
    assert seen["map"].startswith(first["layer"]), seen


def main():
    folder, figures = map(pathlib.Path, sys.argv[1:])
    check_report(folder)
    check_pages(folder)
    shots = [("report", "report-light", 1500), ("report", "report-dark", 1500), ("verify", "report-verify", 1300),
             ("explore", "report-explore", 1100)]
    for page, name, height in shots:
        dark = ["--blink-settings=preferredColorScheme=0"] if name.endswith("dark") else []
        chromium(
            *dark,
            "--hide-scrollbars",
            f"--window-size=1000,{height}",
            f"--screenshot={(figures / name).with_suffix('.png').resolve()}",
            (folder / f"{page}.html").resolve().as_uri(),
        )


main()
