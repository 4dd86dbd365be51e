# Firebrick: cocotb bench
"""What an integrator reads: the tables of commands.md and the figures of config.json."""

import json
import pathlib
import re
import zlib


class Documents:
    """Field positions, opcodes and the configuration."""

    def __init__(self, commands, config):
        text = pathlib.Path(commands).read_text()
        found = json.loads(pathlib.Path(config).read_text())
        self.config = found["configuration"]
        self.hash = int(found["hash"], 16)
        major, minor = map(int, found["abi"].split("."))
        self.abi = major << 16 | minor
        self.opcodes = {
            name: int(code, 16) for code, name in re.findall(r"^\| `(0x\w\w)` \| `(\w+)` \|", text, re.M)
        }
        self.fields = {}
        sections = re.split(r"^### (\w+) \(`0x\w\w`\)$", text, flags=re.M)
        for name, section in zip(sections[1::2], sections[2::2]):
            section = section.split("\n## ")[0]
            rows = re.findall(r"^\| `w(\d)\[(\d+)(?::(\d+))?\]` \| `(\w+)` \|", section, re.M)
            self.fields[name] = {
                field: (int(word), int(low or high), int(high) - int(low or high) + 1)
                for word, high, low, field in rows
            }
        assert set(self.fields) == set(self.opcodes), (self.fields.keys(), self.opcodes)

    def record(self, name, payload=b"", **values):
        """A record and its payload, in whole beats."""
        words = [0] * 8
        words[0] = self.opcodes[name]
        for field, value in values.items():
            word, low, bits = self.fields[name][field]
            value = int(value)
            assert 0 <= value < 1 << bits, f"{name}.{field} = {value} does not fit {bits} bits"
            words[word] |= value << low
        payload = bytes(payload) + bytes(-len(payload) % 16)
        if payload:
            words[5] = zlib.crc32(payload)
        head = b"".join(word.to_bytes(4, "little") for word in words[:7])
        return head + zlib.crc32(head).to_bytes(4, "little") + payload

    def hello(self):
        """The record that begins a stream."""
        low, high = self.hash & 0xFFFFFFFF, self.hash >> 32
        return self.record("hello", magic=0x4B524246, abi=self.abi, hash_lo=low, hash_hi=high)
