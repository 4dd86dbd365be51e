"""Checks a report in headless Chromium: report_browser.py FOLDER FIGURES."""

import html.parser
import json
import pathlib
import subprocess
import sys

LIMIT_BYTES = 3_000_000

# Acts as a user does, and leaves what it saw in the page.
ACTS = """
<script>
addEventListener("load", () => setTimeout(() => {
  const seen = {};
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
  const layer = document.getElementById("map-layer");
  layer.value = layer.options.length - 1;
  layer.dispatchEvent(new Event("change"));
  setTimeout(() => {
    const canvas = document.getElementById("map-one");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    seen.map = canvas.getAttribute("aria-label");
    seen.shades = new Set(pixels.filter((_, i) => i % 4 === 0)).size;
    seen.resources = performance.getEntriesByType("resource")
      .filter((r) => !r.name.startsWith("data:")).map((r) => r.name);
    seen.unnamed = [...document.querySelectorAll("svg, canvas, img, button, input, select")]
      .filter((e) => !(e.getAttribute("aria-label") || e.alt || e.textContent.trim() ||
        document.querySelector(`label[for="${e.id}"]`))).length;
    const element = document.createElement("script");
    element.type = "application/json";
    element.id = "seen";
    element.textContent = JSON.stringify(seen);
    document.body.append(element);
  }, 300);
}, 100));
</script>
"""


class Dom(html.parser.HTMLParser):
    """Attributes of all elements, and the text of scripts with an id."""

    def __init__(self):
        super().__init__()
        self.elements, self.scripts, self.inside = [], {}, None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "script":
            self.inside = attrs.get("id")

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = None


def chromium(*arguments):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=True)


def dump(page):
    """The page's elements after its scripts have run, and what it wrote to the console."""
    run = chromium("--enable-logging=stderr", "--v=0", "--dump-dom", page.resolve().as_uri())
    dom = Dom()
    dom.feed(run.stdout)
    return dom, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def check(folder):
    page = folder / "report.html"
    text = page.read_text()
    assert len(text.encode()) < LIMIT_BYTES, f"{page} has {len(text.encode())} bytes"
    acted = folder / "acted.html"
    acted.write_text(text.replace("</body>", ACTS + "</body>"))
    dom, console = dump(acted)
    assert not console, console
    # The console is listened to.
    planted = folder / "planted.html"
    planted.write_text(text.replace("</body>", "<script>console.error('planted')</script></body>"))
    assert dump(planted)[1], "an error on the console was not seen"

    printed = json.loads((folder / "report.json").read_text())
    data = json.loads(dom.scripts["data"])
    printed.pop("run"), data.pop("run")
    assert printed == data, "the page's data are not those of --json"
    seen = json.loads(dom.scripts["seen"])
    assert seen["zoomed"] and seen["back"] and seen["keyed"], seen
    assert "words" in seen["memory"], seen
    assert seen["map"].startswith(data["maps"][-1]["name"]) and seen["shades"] > 2, seen
    assert seen["resources"] == [] and seen["unnamed"] == 0, seen

    having = lambda name: [a for _, a in dom.elements if name in a]
    bars = {a["data-layer"]: int(a["data-cycles"]) for a in having("data-cycles") if "data-layer" in a}
    assert bars == {layer["name"]: layer["cycles"] for layer in data["layers"]}
    cycles = sum(int(a["data-cycles"]) for a in having("data-cause"))
    assert cycles == sum(timeline["cycles"] for timeline in data["timelines"])
    assert len(having("data-node")) == len(data["nodes"])
    assert len(having("data-written")) == len(data["memory"]["regions"])
    bins = sum(len(q["weights"]) + len(q["activations"]) for q in data["quantisation"])
    assert len(having("data-count")) == bins
    print(f"{page}: {len(text.encode())} bytes, {len(dom.elements)} elements, all data in place")


def main():
    folder, figures = map(pathlib.Path, sys.argv[1:])
    check(folder)
    for name, dark in [("report-light", []), ("report-dark", ["--force-dark-mode"])]:
        chromium(
            *dark,
            "--hide-scrollbars",
            "--window-size=1000,1500",
            f"--screenshot={(figures / name).with_suffix('.png').resolve()}",
            (folder / "report.html").resolve().as_uri(),
        )


main()
