"""A chart of lost cycles: small multiples, one a configuration, stacked bars by layer and cause."""

from xml.sax.saxutils import escape

COLOURS = {
    "padding": "#4e79a7", "ragged": "#a0cbe8", "fill": "#f28e2b", "weights": "#e15759",
    "command": "#ff9d9a", "input": "#76b7b2", "accumulator": "#59a14f", "dependency": "#edc948",
    "output": "#b07aa1", "start": "#9c755f", "finish": "#bab0ac",
}
ROW, NAME, PANEL, GAP, TOP = 15, 120, 190, 26, 60


def text(x, y, words, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(words)}</text>")


def chart(panels):
    """`panels`: (title, MACs per cycle, accounts of the layers)."""
    names = [layer["name"] for layer in panels[0][2]]
    width = NAME + len(panels) * (PANEL + GAP)
    height = TOP + len(names) * ROW + 30
    used = [c for c in COLOURS if any(x["idle"].get(c) for _, _, xs in panels for x in xs)]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" font-family="sans-serif" font-size="10">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    x = NAME
    for cause in used:
        out += [f'<rect x="{x}" y="10" width="10" height="10" fill="{COLOURS[cause]}"/>',
                text(x + 14, 19, cause)]
        x += 24 + 6 * len(cause)
    for row, name in enumerate(names):
        out.append(text(NAME - 6, TOP + row * ROW + 10, name, "end"))
    for index, (title, peak, layers) in enumerate(panels):
        left = NAME + index * (PANEL + GAP)
        largest = max(sum(x["idle"].values()) for x in layers) / peak
        out += [text(left, 42, title, weight="bold"),
                text(left, 54, f"full width: {largest:,.0f} cycles lost"),
                f'<line x1="{left}" y1="{TOP - 2}" x2="{left}" y2="{TOP + len(names) * ROW}" '
                'stroke="#888"/>']
        for row, layer in enumerate(layers):
            at = left
            for cause in used:
                length = PANEL * layer["idle"].get(cause, 0) / peak / largest
                if length > 0:
                    out.append(f'<rect x="{at:.2f}" y="{TOP + row * ROW}" width="{length:.2f}" '
                               f'height="{ROW - 4}" fill="{COLOURS[cause]}"/>')
                    at += length
    out.append("</svg>")
    return "\n".join(out) + "\n"
