# Firebrick: cocotb bench
"""The engine in NumPy, record by record, as commands.md describes it."""

import zlib

import numpy as np

WORDS = 1 << 20
# What the array takes off an activation.
OFFSET = 128


class Engine:
    """Memories, and the packet under way. A word that was never written is None in `written`."""

    def __init__(self, config):
        self.tile, self.lanes = config["tile"], config["lanes"]
        self.features = np.zeros((config["feature_words"], self.tile), np.uint8)
        self.weights = np.zeros((config["weight_blocks"], self.tile, self.tile), np.int64)
        self.params = np.zeros((config["param_groups"], self.tile, 3), np.int64)
        self.sums = np.zeros(self.tile, np.int64)
        self.lines = {}
        self.accumulators = {}
        self.sequence = 0
        self.packet = b""

    def load_weights(self, base, blocks):
        """`blocks`: count x tile x tile, input channel, output channel."""
        self.weights[base : base + len(blocks)] = blocks

    def load_params(self, base, groups):
        """`groups`: count x tile x (bias, mult, shift)."""
        self.params[base : base + len(groups)] = groups

    def rows(self, base, plane, picture, kernel, stride, gap):
        """All rows of a picture at once."""
        height, width, _ = picture.shape
        groups = -(-3 * kernel * kernel // self.tile)
        at = base
        for y in range(0, height - kernel + 1, stride):
            for x in range(0, width - kernel + 1, stride):
                taps = np.zeros(groups * self.tile, np.uint8)
                window = picture[y : y + kernel, x : x + kernel].reshape(-1)
                taps[: len(window)] = window
                for group in range(groups):
                    self.features[at + group * plane] = taps[group * self.tile :][: self.tile]
                at += 1
            at += gap

    def block(self, b):
        """`b`: the fields of a block record."""
        pitch = b["width"] + b["in_gap"]
        positions = b["y0"] * pitch + b["x0"] + np.arange(b["count"])
        y, x = positions // pitch, positions % pitch
        taps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)] if b["kernel3"] else [(0, 0)]
        sums = np.zeros((b["count"], self.tile), np.int64)
        if not b["first"]:
            sums = self.accumulators[b["acc_bank"], b["acc_base"]]
        weight = b["weight_base"]
        for group in range(b["groups"]):
            for dy, dx in taps:
                inside = (0 <= y + dy) & (y + dy < b["height"]) & (0 <= x + dx) & (x + dx < b["width"])
                plane = b["in_base"] + group * b["plane"]
                at = (plane + np.arange(b["count"]) + dy * pitch + dx) % WORDS
                words = np.where(inside[:, None], self.features[np.where(inside, at, 0)], 0)
                sums = sums + (words.astype(np.int64) - OFFSET) @ self.weights[weight % len(self.weights)]
                weight += 1
        self.accumulators[b["acc_bank"], b["acc_base"]] = sums
        if b["last"]:
            self.drain(b, sums, y, x)

    def drain(self, b, sums, y, x):
        """Requantises a tile, and writes, pools or sums it."""
        bias, mult, shift = np.moveaxis(self.params[b["param"]], 1, 0)
        values = ((sums + bias) * mult + (1 << (shift - 1))) >> shift
        values = np.clip(values, 0, 255).astype(np.uint8)
        pixels = x < b["width"]
        values, y, x = values[pixels], y[pixels], x[pixels]
        if b["tap"]:
            for value in values:
                self.send(value.tobytes())
        if b["mode"] == 0:
            # Rows of the output begin where the first pixel of the tile lies in its row.
            row = (y - b["y0"]) * (b["width"] + b["out_gap"]) + x - b["x0"]
            if b["x0"] >= b["width"]:
                row = (y - b["y0"] - 1) * (b["width"] + b["out_gap"]) + x
            for at, value in zip(row, values):
                self.features[b["out_base"] + at] = value
        elif b["mode"] == 1:
            self.pool(b, values, y, x)
        else:
            if b["sum_first"]:
                self.sums[:] = 0
            self.sums += values.astype(np.int64).sum(0)
            if b["sum_last"]:
                beats = self.sums.astype("<i4").tobytes()
                self.packet += beats[: 16 * (b["more_beats"] + 1)]

    def pool(self, b, values, y, x):
        """Max-pool 3x3 with stride 2 over whole rows."""
        width, height = b["width"], b["height"]
        key = b["line_base"]
        if b["y0"] == 0:
            self.lines[key] = {}
        lines = self.lines[key]
        for row in range(int(y[0]), int(y[-1]) + 1):
            lines[row] = values[y == row]
        across = (width - 3) // 2 + 1 + (b["partial"] and width % 2 == 0)
        at = b["out_base"]
        for row in range(int(y[0]), int(y[-1]) + 1):
            whole = row >= 2 and row % 2 == 0
            cut = b["partial"] and row == height - 1 and row % 2 == 1
            if not (whole or cut):
                continue
            first = row - 2 if whole else row - 1
            tall = np.maximum.reduce([lines[r] for r in range(first, row + 1)])
            for column in range(across):
                self.features[at + column] = tall[2 * column : 2 * column + 3].max(0)
            at += across + b["out_gap"]

    def store(self, base, count):
        """Sends feature words."""
        for word in self.features[base : base + count]:
            self.send(word.tobytes())

    def send(self, word):
        """A word a beat, filled with zeros."""
        self.packet += word + bytes(16 - len(word))

    def end(self, tag):
        """The packet, with a cycle count of 0."""
        crc = zlib.crc32(self.packet)
        trailer = [crc, self.sequence, tag, 0]
        packet = self.packet + b"".join(word.to_bytes(4, "little") for word in trailer)
        self.packet = b""
        self.sequence += 1
        return packet
