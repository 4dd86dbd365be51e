# Firebrick: cocotb bench
"""Random streams, with waits as loose as commands.md allows."""

import random

import numpy as np

from engine import Engine

NONE = 255


class Generator:
    """Streams for one engine, one behind the other; `engine` follows them."""

    def __init__(self, documents, seed):
        self.documents, self.config = documents, documents.config
        self.random, self.numpy = random.Random(seed), np.random.default_rng(seed)
        self.engine = Engine(self.config)
        self.tile, self.lanes = self.config["tile"], self.config["lanes"]
        # What was done, over all streams: blocks, and tiles that go to the drain unit.
        self.blocks, self.tiles = [], []

    def small(self, most):
        """A number from 1, often at the edges of tile and lanes."""
        edges = [1, 2, self.tile - 1, self.tile, self.tile + 1, self.lanes, self.lanes + 1]
        n = self.random.choice(edges) if self.random.random() < 0.6 else self.random.randint(1, most)
        return max(1, min(n, most))

    def loose(self, limit, none=NONE):
        """A wait for at most `limit` things, or for none if nothing needs it."""
        if limit is None:
            return self.random.choice([none, 0, 1, 3])
        return self.random.randint(0, min(limit, none - 1))

    def since(self, things, needs):
        """How many of `things` came after the last one that `needs` says yes to; None without one."""
        for behind, thing in enumerate(reversed(things)):
            if needs(thing):
                return behind
        return None

    def params(self, base, count, sums):
        """Parameters that spread sums of about `sums` over 0 to 255."""
        groups = np.zeros((count, self.tile, 3), np.int64)
        groups[..., 0] = self.numpy.integers(-sums, sums + 1, groups.shape[:2])
        groups[..., 1] = self.numpy.integers(1 << 14, 1 << 15, groups.shape[:2])
        shift = max(1, min(48, int(np.log2(max(2, sums / 128))) + 15))
        groups[..., 2] = np.clip(shift + self.numpy.integers(-1, 2, groups.shape[:2]), 1, 48)
        payload = b"".join(
            int(bias).to_bytes(4, "little", signed=True)
            + int(mult).to_bytes(2, "little")
            + bytes([int(shift), 0])
            for bias, mult, shift in groups.reshape(-1, 3)
        )
        used = self.since(self.tiles, lambda t: base <= t["param"] < base + count)
        self.engine.load_params(base, groups)
        wait = self.loose(used)
        return self.documents.record("load_params", payload, wait=wait, base=base, count=count)

    def weights(self, base, count):
        """Weights; a quarter of the blocks at the extremes."""
        shape = (count, self.tile, self.tile)
        blocks = self.numpy.integers(-127, 128, shape)
        if self.random.random() < 0.25:
            blocks = self.numpy.choice([-127, 127], shape)
        thin = self.random.random() < 0.5
        if thin:
            blocks = np.where(self.numpy.random(shape) < 0.7, 0, blocks)
        used = self.since(self.blocks, lambda b: self.overlap(b["weights"], (base, base + count)))
        self.engine.load_weights(base, blocks)
        plain = blocks.astype(np.int8).tobytes()
        wait = self.loose(used)
        if thin:
            coded = self.sparse(plain)
            return self.documents.record(
                "load_sparse", coded, wait=wait, base=base, count=count, beats=len(coded) // 16
            )
        return self.documents.record("load_weights", plain, wait=wait, base=base, count=count)

    @staticmethod
    def sparse(plain):
        """Groups of 128 weights: a mask of one beat, and as many beats of values as the group needs beyond
        what the beats before it have left. The values of all groups are one string of bytes."""
        values = bytes(v for v in plain if v)
        out, come, asked = b"", 0, 0
        for start in range(0, len(plain), 128):
            group = plain[start : start + 128]
            bits = sum((v != 0) << i for i, v in enumerate(group))
            out += bits.to_bytes(16, "little")
            asked += sum(v != 0 for v in group)
            while come < asked:
                out += values[come : come + 16].ljust(16, b"\0")
                come += 16
        return out

    @staticmethod
    def overlap(a, b):
        """Whether two ranges meet."""
        return a[0] < b[1] and b[0] < a[1]

    def stream(self, tag):
        """A stream and the packet that it must give."""
        config, random_ = self.config, self.random
        out = self.documents.hello()
        kernel = 3 if config["window_kernel"] < 7 or random_.random() < 0.7 else 7
        stride = random_.randint(1, 2)
        width = kernel + stride * (max(self.small(12), self.lanes) - 1)
        height = kernel + stride * (self.small(6) - 1)
        columns, rows = (width - kernel) // stride + 1, (height - kernel) // stride + 1
        groups = -(-3 * kernel * kernel // self.tile)
        gap = random_.choice([0, 0, 1, 3])
        pitch = columns + gap
        plane = rows * pitch + random_.randint(0, 5)
        size = groups * plane + 64
        base = random_.randrange(config["feature_words"] // 2 - size)
        picture = self.numpy.integers(0, 256, (height, width, 3)).astype(np.uint8)
        if random_.random() < 0.2:
            picture = np.where(picture < 128, 0, 255).astype(np.uint8)
        payload = b"".join(row.tobytes() + bytes(-row.size % 16) for row in picture)
        covers = (base, base + (groups - 1) * plane + rows * pitch)
        read = self.since(self.blocks, lambda b: any(self.overlap(r, covers) for r in b["reads"]))
        drained = self.since(self.tiles, lambda t: self.overlap(t["writes"], covers))
        self.engine.rows(base, plane, picture, kernel, stride, gap)
        feed = self.documents.record(
            "rows", payload, first=1, strip_end=1, wait=self.loose(read), drains=self.loose(drained),
            base=base, plane=plane, width=width, rows=height, kernel=kernel, stride=stride, gap=gap,
        )
        source = {
            "base": base, "plane": plane, "groups": groups, "width": columns, "height": rows,
            "gap": gap, "strip": True, "by": None,
        }
        body = [feed]
        for _ in range(random_.randint(1, 3)):
            pieces, result = self.layer(source)
            body += pieces
            if result is None:
                break
            if random_.random() < 0.5:
                first, last = result["base"], result["end"]
                body.append(self.documents.record("store", base=first, count=last - first))
                self.engine.store(first, last - first)
            source = result
        out += b"".join(body) + self.documents.record("end", tag=tag)
        return out, self.engine.end(tag)

    def layer(self, source):
        """A layer over a map: loads, and a block for each piece of each output group."""
        random_, config = self.random, self.config
        kernel3 = int(not source["strip"] and random_.random() < 0.5)
        taps = 9 if kernel3 else 1
        outputs = random_.randint(1, 3)
        passes = source["groups"] * taps
        weight_base = random_.randrange(max(1, config["weight_blocks"] - outputs * passes))
        param_base = random_.randrange(config["param_groups"] - outputs)
        spread = int(100 * 75 * (passes * self.tile) ** 0.5)
        loads = [
            self.weights(weight_base, outputs * passes),
            self.params(param_base, outputs, spread),
        ]
        random_.shuffle(loads)
        width, height, gap = source["width"], source["height"], source["gap"]
        pitch = width + gap
        half = self.lanes // 2
        aligned = self.lanes == 1 or (pitch % max(1, half) == 0 and pitch >= 4 * half)
        mode = random_.choice([0, 0, 0, 1, 2])
        partial = random_.randint(0, 1)
        if mode == 1 and (not aligned or width < 3 or height < 3 or (partial and width % 2 == 0 and gap < 1
                                                                    and self.lanes > 1)):
            mode = 0
        out_gap = random_.randint(0, min(3, gap + half)) if mode == 0 else random_.randint(0, 3)
        if mode == 0 and self.lanes == 1:
            out_gap = random_.randint(0, 3)
        if mode == 1:
            out_width = (width - 3) // 2 + 1 + (partial and width % 2 == 0)
            out_height = (height - 3) // 2 + 1 + (partial and height % 2 == 0)
        else:
            out_width, out_height = width, height
        out_pitch = out_width + out_gap
        out_plane = out_height * out_pitch + random_.randint(0, 3)
        end = outputs * out_plane + 16
        # The other half of the buffer than the source's, so that no block reads what it writes over.
        low = config["feature_words"] // 2 if source["base"] < config["feature_words"] // 2 else 0
        out_base = low + random_.randrange(config["feature_words"] // 2 - end - 64)
        records, first_piece = [], True
        tap = int(random_.random() < 0.3)
        for output in range(outputs):
            at = 0
            sum_first = 1
            while at < height * pitch - gap:
                whole = height * pitch - gap - at
                vectors = config["acc_depth"] * self.lanes
                if mode == 1:
                    count = min(pitch * self.small(height), whole)
                    count = min(count, max(pitch, vectors // pitch * pitch))
                else:
                    count = min(self.small(3 * self.tile), whole, vectors)
                depth = -(-count // self.lanes)
                acc_base = random_.randrange(config["acc_depth"] - depth + 1)
                y0, x0 = divmod(at, pitch)
                last_piece = at + count >= height * pitch - gap
                written = self.before(y0, x0, width, out_gap, mode, out_pitch, partial, height)
                b = dict.fromkeys(self.documents.fields["block"], 0)
                b.update(
                    kernel3=kernel3, first=1, last=1, take_strip=int(source["strip"] and first_piece),
                    tap=tap, partial=partial if mode == 1 else 0, count=count,
                    in_base=source["base"] + at, groups=source["groups"], plane=source["plane"],
                    acc_base=acc_base, acc_bank=random_.randint(0, 1), width=width, height=height,
                    mode=mode, layer=random_.randrange(64), in_gap=gap, y0=y0, x0=x0,
                    weight_base=weight_base + output * passes, param=param_base + output,
                    out_base=out_base + output * out_plane + written, out_gap=out_gap,
                    sum_first=sum_first if mode == 2 else 0,
                    sum_last=int(last_piece) if mode == 2 else 0,
                    more_beats=random_.randrange(self.tile // 4) if mode == 2 else 0,
                )
                sum_first = 0
                records.append(self.place(b, source, depth, out_pitch))
                first_piece = False
                at += count
        if mode == 2:
            return loads + records, None
        result = {
            "base": out_base, "plane": out_plane, "groups": outputs, "width": out_width,
            "height": out_height, "gap": out_gap, "strip": False,
            "end": out_base + (outputs - 1) * out_plane + out_height * out_pitch - out_gap,
        }
        # Words between rows and planes were never written: a store of them has no defined result.
        if out_gap or out_plane != out_height * out_pitch:
            result["end"] = out_base + out_width
        if out_width + out_gap < self.lanes:
            return loads + records, None
        return loads + records, result

    @staticmethod
    def before(y0, x0, width, out_gap, mode, out_pitch, partial, height):
        """Output words before a piece that begins at row y0, column x0."""
        if mode == 1:
            done = sum(
                1 for row in range(y0) if (row >= 2 and row % 2 == 0)
                or (partial and row == height - 1 and row % 2 == 1)
            )
            return done * out_pitch
        if x0 >= width:
            return (y0 + 1) * out_pitch
        return y0 * out_pitch + x0

    def place(self, b, source, depth, out_pitch):
        """The record of a block, with the loosest wait that is right or a stricter one."""
        del out_pitch
        pitch = b["width"] + b["in_gap"]
        margin = pitch + 1 if b["kernel3"] else 0
        reads = [
            (b["in_base"] + g * b["plane"] - margin, b["in_base"] + g * b["plane"] + b["count"] + margin)
            for g in range(b["groups"])
        ]
        room = (b["acc_base"], b["acc_base"] + depth)
        needs = self.since(
            self.tiles,
            lambda t: any(self.overlap(t["writes"], r) for r in reads)
            or (t["bank"] == b["acc_bank"] and self.overlap(t["accumulators"], room)),
        )
        most = 7
        b["outstanding"] = self.random.randint(0, most if needs is None else min(needs, most))
        self.engine.block(b)
        # Pools write at most what their rows are.
        span = -(-(b["x0"] + b["count"]) // pitch) * (b["width"] + b["out_gap"] + 1)
        taps = 9 if b["kernel3"] else 1
        self.blocks.append(
            {"weights": (b["weight_base"], b["weight_base"] + b["groups"] * taps), "reads": reads}
        )
        self.tiles.append({
            "param": b["param"], "bank": b["acc_bank"], "accumulators": room,
            "writes": (b["out_base"], b["out_base"] + span) if b["mode"] != 2 else (0, 0),
        })
        return self.documents.record("block", **b)
