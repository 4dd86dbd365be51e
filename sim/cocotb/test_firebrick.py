# Firebrick: cocotb bench
"""The core driven from its documents: random streams against NumPy, with pauses on every channel."""

import os
import pathlib
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame
from cocotbext.axi import AxiStreamSink, AxiStreamSource

from documents import Documents
from streams import Generator

HERE = pathlib.Path(__file__).parent
SEED = int(os.environ.get("SEED", "1"))
STREAMS = int(os.environ.get("STREAMS", "20"))
MAGIC, ABI, STATUS, ERROR = 0x000, 0x004, 0x044, 0x048


def documents():
    """Both pages of this core."""
    commands = os.environ.get("FIREBRICK_COMMANDS", HERE / "commands.md")
    return Documents(commands, os.environ.get("FIREBRICK_CONFIG", HERE.parent / "config.json"))


def pauses(rng, share):
    """Whether a channel pauses, cycle by cycle, in runs."""
    while True:
        paused = rng.random() < share
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            yield paused


class Bench:
    """The core with its buses."""

    def __init__(self, dut, share, seed):
        self.dut = dut
        # Before the buses look: ahead of its first reset the core's outputs are undefined.
        dut.aresetn.value = 0
        cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
        reset = dict(reset=dut.aresetn, reset_active_level=False)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **reset)
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, **reset)
        if share:
            rng = random.Random(seed)
            write, read = self.registers.write_if, self.registers.read_if
            channels = [self.source, self.sink, write.aw_channel, write.w_channel, write.b_channel,
                        read.ar_channel, read.r_channel]
            for channel in channels:
                channel.set_pause_generator(pauses(random.Random(rng.random()), share))

    async def reset(self):
        """One rising edge is enough; the first may come before aresetn is low."""
        await ClockCycles(self.dut.aclk, 1)
        await FallingEdge(self.dut.aclk)
        await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    async def read(self, address):
        """A register."""
        return int.from_bytes((await self.registers.read(address, 4)).data, "little")


async def run(dut, share, seed, streams):
    """Streams back to back; every packet must be the expected one."""
    dut._log.info("seed %d, %d streams, pauses %.2f", seed, streams, share)
    page = documents()
    bench, generator = Bench(dut, share, seed), Generator(page, seed)
    await bench.reset()
    assert await bench.read(MAGIC) == 0x4B524246
    assert await bench.read(ABI) == page.abi
    expected = []
    for tag in range(streams):
        transfer, packet = generator.stream(tag)
        expected.append(packet)
        bench.source.send_nowait(AxiStreamFrame(transfer))
    for tag, want in enumerate(expected):
        try:
            frame = await with_timeout(bench.sink.recv(), 20, "ms")
        except cocotb.triggers.SimTimeoutError:
            status, error = await bench.read(STATUS), await bench.read(ERROR)
            raise AssertionError(f"stream {tag}: no result; STATUS {status:#x}, ERROR {error:#x}") from None
        got = bytes(frame.tdata)
        # The cycle count is not compared.
        assert len(got) == len(want), f"stream {tag}: {len(got)} bytes, expected {len(want)}"
        for beat in range(0, len(want), 16):
            end = beat + 16 if beat + 16 < len(want) else len(want) - 4
            assert got[beat:end] == want[beat:end], (
                f"stream {tag}, beat {beat // 16}: {got[beat:end].hex()}, expected {want[beat:end].hex()}"
            )
    assert await bench.read(ERROR) == 0
    assert await bench.read(STATUS) == 0
    dut._log.info("%d streams, %d tiles", streams, len(generator.tiles))


@cocotb.test()
async def without_pauses(dut):
    """Streams one behind the other."""
    await run(dut, 0.0, SEED, STREAMS)


@cocotb.test()
async def with_pauses(dut):
    """The same with pauses on every channel."""
    await run(dut, 0.4, SEED + 1000, STREAMS)


@cocotb.test()
async def a_damaged_record_is_an_error(dut):
    """A flipped bit in a record is reported with its index, and a soft reset ends it."""
    page = documents()
    bench, generator = Bench(dut, 0.0, SEED), Generator(page, SEED)
    await bench.reset()
    transfer, _ = generator.stream(0)
    damaged = bytearray(transfer)
    damaged[33] ^= 1
    await bench.source.send(AxiStreamFrame(damaged))
    # What comes behind the error is taken and dropped; a reset must not cut a transfer.
    await bench.source.wait()
    assert await bench.read(ERROR) == (1 << 8 | 1), "BAD_CRC in record 1"
    await bench.registers.write(0x040, (1).to_bytes(4, "little"))
    await ClockCycles(dut.aclk, 20)
    assert await bench.read(ERROR) == 0
