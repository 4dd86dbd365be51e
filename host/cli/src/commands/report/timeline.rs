//! When each unit works.

use std::collections::BTreeMap;

use firebrick_driver::Program;
use firebrick_model::timing::{self, Bus, Span, Trace};
use firebrick_report::data::Timeline;

use crate::accounting::cause;
use crate::commands::predict::transfers;
use crate::error::CliError;

/// Most bins of a timeline.
const BINS: u64 = 2000;

/// Whether a unit has work.
type Works = fn(&Span) -> bool;

/// The timeline of pictures back to back, and what it is made from.
pub fn of(program: &Program, images: usize) -> Result<(Timeline, Trace), CliError> {
    let transfers = transfers(program, images)?;
    let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
    let (timing, trace) = timing::trace(program.config(), &transfers)?;
    let cycles = timing.counters[0];
    let bin = cycles.div_ceil(BINS).max(1);
    let bins = cycles.div_ceil(bin) as usize;
    let mut array = vec![BTreeMap::new(); bins];
    let mut layers: Vec<BTreeMap<usize, u64>> = vec![BTreeMap::new(); bins];
    let works: [(&str, Works); 5] = [
        ("weights", |span| span.bus == Bus::Weights),
        ("rows", |span| span.bus == Bus::Picture),
        ("window", |span| span.window),
        ("drain", |span| span.drain),
        ("output", |span| span.output),
    ];
    let mut units = works.map(|(name, _)| (name.to_owned(), vec![0; bins]));
    for span in &trace.spans {
        let mut at = span.start;
        while at < span.end {
            let index = (at / bin) as usize;
            let end = span.end.min((index as u64 + 1) * bin);
            *array[index].entry(cause(span.cause)).or_insert(0) += end - at;
            *layers[index].entry(span.layer).or_insert(0) += end - at;
            for ((_, works), (_, busy)) in works.iter().zip(&mut units) {
                busy[index] += if works(span) { end - at } else { 0 };
            }
            at = end;
        }
    }
    // Statistics keep layers under numbers; the report shows their order.
    let order: BTreeMap<usize, usize> = (program.layers().iter().enumerate())
        .map(|(index, layer)| (layer.layer, index))
        .collect();
    let most = |bin: &BTreeMap<usize, u64>| {
        let (layer, _) = bin.iter().max_by_key(|(_, cycles)| **cycles)?;
        order.get(layer).copied()
    };
    let mut from = 0;
    let timeline = Timeline {
        title: match images {
            1 => "One picture alone".into(),
            n => format!("{n} pictures back to back"),
        },
        cycles,
        bin,
        layer: layers.iter().map(most).collect(),
        array,
        units: units.to_vec(),
        pictures: timing
            .images
            .iter()
            .map(|image| {
                (
                    std::mem::replace(&mut from, image.end_cycle),
                    image.end_cycle,
                )
            })
            .collect(),
    };
    Ok((timeline, trace))
}
