//! Ten lines of the engine's Verilog, changed one at a time: `verify` names unit and record. Run by
//! `scripts/planted`, which writes docs/debugging.md.
#![cfg(feature = "sim")]

use std::fmt::Write as _;
use std::fs;

use crate::changed::Changed;
use crate::common::{fire_network, firebrick, picture, text};
use serde_json::Value;

/// A line, changed, and what `verify` says of it.
struct Change {
    what: &'static str,
    module: &'static str,
    from: &'static str,
    to: &'static str,
    /// The unit that is in question.
    unit: &'static str,
    /// How many units may be in question.
    most: usize,
    /// The layer that is wrong first.
    layer: &'static str,
    /// The layer whose record wrote that value.
    writer: &'static str,
}

const CHANGES: [Change; 10] = [
    Change {
        what: "rounding",
        module: "fb64_requantiser",
        from: "rounded = {1'b0, bits[8:1]} + {8'd0, bits[0]}",
        to: "rounded = {1'b0, bits[8:1]} + {8'd0, 1'b0}",
        unit: "requantisers",
        most: 1,
        layer: "conv1",
        writer: "conv1",
    },
    Change {
        what: "address",
        module: "fb64_drain_address",
        from: "linear_0_q <= current + offset_0_q",
        to: "linear_0_q <= current + offset_0_q + 21'd1",
        unit: "write addresses of the drain",
        most: 2,
        layer: "pool1",
        writer: "conv1",
    },
    Change {
        what: "mask",
        module: "fb64_streamer",
        from: "(|x_0_q | ~first_column_q)",
        to: "(|x_0_q | 1'b1)",
        unit: "masks of the sequencer",
        most: 1,
        layer: "expand3",
        writer: "expand3",
    },
    Change {
        what: "bank",
        module: "fb64_acc_column",
        from: "word_0 = read_a_q",
        to: "word_0 = read_b_q",
        unit: "accumulators",
        most: 3,
        layer: "conv1",
        writer: "conv1",
    },
    Change {
        what: "swap",
        module: "fb64_pe",
        from: "swap_out = swap_q",
        to: "swap_out = swap_in",
        unit: "array",
        most: 3,
        layer: "conv1",
        writer: "conv1",
    },
    Change {
        what: "pool",
        module: "fb64_pool",
        from: "stored_0 = kept_3_0_q;",
        to: "stored_0 = down_0_q;",
        unit: "pool",
        most: 1,
        layer: "pool1",
        writer: "conv1",
    },
    Change {
        what: "sum",
        module: "fb64_global_sum",
        from: "restart_1 <= add & restart",
        to: "restart_1 <= add & restart & turn",
        unit: "global sum",
        most: 2,
        layer: "logits",
        writer: "conv10",
    },
    Change {
        what: "window",
        module: "fb64_window_taps",
        from: "below_0 = {pixel_0, above_0[143:24]}",
        to: "below_0 = {pixel_0, above_0[119:0]}",
        unit: "window unit",
        most: 1,
        layer: "conv1",
        writer: "conv1",
    },
    Change {
        what: "sparse",
        module: "fb64_sparse",
        from: "position_q <= position_q + {1'b0, ones_0_q}",
        to: "position_q <= position_q + {1'b0, ones_1_q}",
        unit: "decoder of sparse weights",
        most: 1,
        layer: "conv9",
        writer: "conv9",
    },
    Change {
        what: "result",
        module: "fb64_drain_send",
        from: "data_q <= beat",
        to: "data_q <= {beat[63:0], beat[127:64]}",
        unit: "sums on their way to the output",
        most: 2,
        layer: "logits",
        writer: "conv10",
    },
];

/// What `verify` says of a change; or in what it is not what is expected.
fn said(change: &Change) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let (pack, html) = (dir.path().join("fire.fb"), dir.path().join("page.html"));
    fire_network().save(&pack).unwrap();
    let image = picture(dir.path(), "picture.png", 70, 50);
    let engine = Changed::new(change.module, change.from, change.to);
    let words = ["verify", text(&image), "--model", text(&pack)];
    let on = [
        "--preset",
        "fb64",
        "--seed",
        "1",
        "--weights",
        "streamed",
        "--quiet",
    ];
    let words = [&words[..], &on].concat();
    let run = engine.run(&[&words[..], &["--json", "--html", text(&html)]].concat());
    let shown = engine.run(&words).stdout;
    let shown = shown.replace(&format!("{}/", text(dir.path())), "");
    if run.code != 1 {
        return Err(format!("{run:?}"));
    }
    let objects = run.objects_of("verify");
    let image = objects.iter().find(|object| object["kind"] == "image");
    let first = &image.ok_or(&shown)?["divergence"];
    let units = first["units"].as_array().ok_or(&shown)?;
    let tile = first["tile"].as_str().unwrap_or_default();
    let page = fs::read_to_string(&html).unwrap();
    crate::page::is_sound(&page);
    let good = units.contains(&Value::from(change.unit))
        && units.len() <= change.most
        && first["layer"] == change.layer
        && tile.starts_with(&format!("{}, ", change.writer))
        && page.contains("First divergence");
    match good {
        true => Ok(shown),
        false => Err(format!("{first}\n{shown}")),
    }
}

#[test]
#[ignore = "builds ten engines; run by scripts/planted"]
fn every_change_is_traced() {
    let mut report = String::from(HEADING);
    // All of them before the first that fails is told.
    let mut failed = Vec::new();
    for change in &CHANGES {
        let shown = match said(change) {
            Ok(shown) => shown,
            Err(why) => {
                failed.push(format!("{}: {why}", change.what));
                continue;
            }
        };
        let said = shown.lines().filter(|line| {
            ["NOT ", "first: ", "units ", "wrong ", "next: "]
                .iter()
                .any(|begin| line.starts_with(begin))
        });
        let said = said.collect::<Vec<_>>().join("\n");
        let Change {
            what,
            module,
            from,
            to,
            ..
        } = change;
        let _ = writeln!(
            report,
            "\n### {what}\n\nIn `{module}`, `{from}` became `{to}`:\n\n```text\n{said}\n```"
        );
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    if let Some(path) = std::env::var_os("FIREBRICK_REPORT") {
        fs::write(path, report).unwrap();
    }
}

/// The lines are there, so that this page does not age unseen.
#[test]
fn the_changed_lines_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let out = ["generate", "--preset", "fb64", "-o", text(dir.path())];
    firebrick(&out).good();
    for Change { module, from, .. } in &CHANGES {
        let file = dir.path().join("rtl").join(format!("{module}.v"));
        let verilog = fs::read_to_string(&file).expect(module);
        assert_eq!(verilog.matches(from).count(), 1, "{module}: {from}");
    }
}

const HEADING: &str = "<!-- Written by scripts/planted. -->
# Finding a bug in the engine

`firebrick verify` compares every feature map of the simulated engine with the integer model, and says of the first
divergence where it is and where it may come from. This page says how to go on from there, and what it says of ten lines
of Verilog that were changed, one at a time. `scripts/planted` builds these engines, checks that each is traced to its
unit and to the record that wrote the wrong value, and writes this page. An engine that stands still is another matter:
see [hangs.md](hangs.md).

## The way

1. `firebrick verify photo.jpg --preset fb64 --html verify.html`. Take the smallest preset and a small picture that shows
   it; the seed is printed, and `--seed` repeats a run.
2. *wrong on their own* lists the layers that are not what the model computes from the engine's own inputs. The others
   only inherit. The first of them, in the order of the records, is where to look.
3. *units in question* are, of those that all layers use which are wrong on their own, those that the fewest layers use
   which are right for what they were given: none, unless a fault shows with some weights or pixels only. Where every
   difference is 1, it is the rounding of the requantisers.
4. *first* names the value, the record that wrote it (`firebrick disasm --check` prints it), its tile, the lane, its
   column, and the pass that completed it. The page (`--html`) shows where else the layer is wrong: a border of the map, a
   column of the array, one channel group, every second tile.
5. *next* is the command that records the cycles in which the value came to be; with `--wave-at-divergence` they are
   recorded at once. `--save-maps` writes the maps for other programs.

| In question | Page |
|---|---|
| window unit | [window.md](blocks/window.md) |
| feature buffer, as layers read it | [feature-buffer.md](blocks/feature-buffer.md), [sequencer.md](blocks/sequencer.md) |
| masks of the sequencer, stores of the sequencer | [sequencer.md](blocks/sequencer.md) |
| decoder of sparse weights | [sparse.md](blocks/sparse.md) |
| array | [array.md](blocks/array.md), [loader.md](blocks/loader.md) |
| accumulators | [accumulators.md](blocks/accumulators.md) |
| requantisers, write addresses, taps, pool, global sum | [drain.md](blocks/drain.md) |
| sums on their way to the output | [drain.md](blocks/drain.md), [output.md](blocks/output.md) |

More than one unit is left where a fault is in what all convolutions use: then the columns, lanes and passes say which.

## The waveform

`firebrick verify photo.jpg --preset fb64 --wave-at-divergence=waves` runs all of it again from the start, with the same
seed, as soon as a value is wrong or the engine stands still, and writes to the folder `waves`:

| File | What it is |
|---|---|
| `first.fst` | the cycles in which the value came to be, or around the halt; two units of time are a cycle |
| `first.gtkw` | a save file for GTKWave, with `gtkwave/*.txt`, its names for numbers |
| `first.sucl` | a command file for Surfer, with `.surfer/mappings/*.txt`, its names for numbers |

Both show the main signals in the groups *streams*, *decoder* (with the window unit), *sequencer* (with the loader),
*lane_0* and *drain*, and mark the cycle in which the wrong value left the engine. The decoder's states, the errors, the
drain's modes and the causes of idle cycles are shown by name; GTKWave also shows the opcodes of the decoder's and the
sequencer's record by name, and counters that the Verilog holds inverted as what they count. Surfer can do neither: there
the decoder's `is_block_q`, `is_rows_q` and the like say what the record is. The decoder's `error_code` counts only where
`error` is 1; GTKWave also names the error that the registers hold.

```sh
gtkwave waves/first.gtkw
cd waves && surfer first.fst --command-file first.sucl
```

Surfer looks for mappings in the folder in which it is started. It is given commands rather than a state file
(`.surf.ron`), because a state file holds Surfer's own inside and changes with its versions. The views were opened in
GTKWave 3.3.118; the commands are those that Surfer's manual lists, and were not tried in Surfer itself.

The engine is built once more for it, with waveforms, and runs slower. It is the same engine that is compared first and
recorded then, also with `--random-state`. Only the first picture that is wrong is recorded.

## Ten bugs
";
