//! The page that explains a generated folder.

use firebrick_spec::board::Link;
use firebrick_spec::{HwConfig, regs};

use crate::vivado::Settings;
use crate::{BoardFolder, VIVADO, hash, share};

/// What is different with several engines.
fn several(engines: usize, link: Link) -> String {
    if engines == 1 {
        return String::new();
    }
    let ways = match link {
        Link::Pcie => {
            "`_h2c_N`, `_c2h_N` and `_events_N` are those of engine N, and its registers are at"
        }
        Link::Zynq => {
            "Each has an AXI DMA, a port to memory and three interrupts of its own. The registers of \
             engine N and of its DMA are behind those of engine 0 by"
        }
    };
    format!(
        "
**{engines} engines** work side by side. {ways} N times `{stride:#x}` bytes.
",
        stride = regs::ENGINE_STRIDE
    )
}

pub fn readme(board: &BoardFolder, config: &HwConfig, settings: &Settings) -> String {
    let engines = settings.engines;
    let need = config.resources(&share(board, engines));
    let link = match board.board().link {
        Link::Pcie => {
            "The host reaches it over PCI Express: XDMA in stream mode, one channel each way. \
             `/dev/xdma0_h2c_0` takes command streams, `/dev/xdma0_c2h_0` gives results, the \
             registers are at offset 0 of `/dev/xdma0_user`, and the core's interrupt is \
             `/dev/xdma0_events_0`."
                .to_owned()
        }
        Link::Zynq => format!(
            "The processor reaches it through an AXI DMA in simple mode (registers at `{:#010x}`); \
             the core's registers are at `{:#010x}`. Interrupts of the fabric, in order: core, DMA \
             to core, DMA from core.",
            settings.dma_base.unwrap_or_default(),
            settings.register_base,
        ),
    };
    format!(
        "# Firebrick for {name}

Preset `{preset}`, {macs} multiply-accumulates a cycle, configuration `{hash}`, part `{part}`, core
clock {mhz} MHz. {link}
{several}
**No vendor tool has run on these files yet.** They were written for Vivado {VIVADO} from its
documentation; the Tcl has been run with stubs of Vivado's commands, the Verilog has been built by
Verilator, Icarus Verilog and Yosys. The clock is what the path depths let expect, not a
measurement. XDMA or the DMA with their interconnects come on top of the figures below.

| | needs | of |
|---|---:|---:|
| DSP slices | {dsp} | {dsp_all} |
| block RAM | {bram} | {bram_all} |
| UltraRAM | {uram} | {uram_all} |

| File | What |
|---|---|
| `rtl/` | the core: a Verilog file for each module, top module `firebrick_top` |
| `firebrick.f` | the list of these files, each after those that it needs |
| `config.json` | its configuration, and the checksum of the Verilog |
| `firebrick.h`, `firebrick.json` | registers ({space} bytes), records and errors, for C and for anything else |
| `constraints/` | pins and timing, each with its source |
| `vivado/build.tcl` | block design, synthesis, implementation, reports, bitstream |
| `vivado/package.tcl` | the core as IP |
| `vivado/system.tcl`, `vivado/settings.tcl` | the block design, and what differs between boards |
| `firebrick.core` | FuseSoC (CAPI2) |

```sh
# bitstream and reports in build/
vivado -mode batch -source vivado/build.tcl
# the core as IP in ip/, for a design of your own
vivado -mode batch -source vivado/package.tcl
# lint and synthesis with open tools
fusesoc --cores-root . run --target lint firebrick-{name}
fusesoc --cores-root . run --target synth firebrick-{name}
yosys -p 'read_verilog rtl/*.v; synth_xilinx -family {family} -flatten -noiopad -top firebrick_top; stat'
```

For hardware, not Yosys 0.23: its mapping of 72-bit wide block RAMs writes four of their bits wrong
(Yosys 0.70 has it right). Counts and lint are not affected.
",
        name = board.name,
        preset = config.name,
        macs = config.macs_per_cycle(),
        hash = hash(config),
        part = board.part,
        mhz = board.core_mhz,
        several = several(engines, board.board().link),
        dsp = engines * need.dsp,
        dsp_all = board.dsp,
        bram = engines * need.bram,
        bram_all = board.bram,
        uram = engines * need.uram,
        uram_all = board.uram,
        space = regs::SPACE,
        family = board.family().name(),
    )
}
