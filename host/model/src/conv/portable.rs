//! Plain Rust, which the compiler vectorises as far as it can.

use super::{ConvJob, Tile, store};
use crate::packed::{BLOCK, GROUP, Line};

/// Pixels of a tile.
const PIXELS: usize = 4;

/// Runs a job.
pub(super) fn run(job: &mut ConvJob<'_>) {
    for block in 0..job.conv.blocks() {
        job.tiles::<PIXELS>(|job, tile| run_tile(job, tile, block));
    }
}

fn run_tile(job: &mut ConvJob<'_>, tile: &Tile<PIXELS>, block: usize) {
    let conv = job.conv;
    let steps = conv.steps();
    let lines = &conv.weights[block * steps..(block + 1) * steps];
    let mut acc = [[0i32; BLOCK]; PIXELS];
    for (ky, lines) in lines.chunks_exact(conv.groups).enumerate() {
        let runs = tile.input.map(|offset| {
            let start = offset + ky * job.geometry.in_row;
            job.input[start..start + conv.groups * GROUP]
                .as_chunks::<GROUP>()
                .0
        });
        for (group, line) in lines.iter().enumerate() {
            step(&mut acc, runs.map(|run| run[group]), line);
        }
    }
    let channels = (conv.out_channels - block * BLOCK).min(BLOCK);
    let requant = &conv.requant[block * BLOCK..][..channels];
    for (acc, &offset) in acc.iter().zip(&tile.out).take(tile.live) {
        let mut bytes = [0; BLOCK];
        for ((byte, &acc), requant) in bytes.iter_mut().zip(acc).zip(requant) {
            *byte = requant.apply(acc);
        }
        store(&bytes, channels, &mut job.out[offset + block * BLOCK..]);
    }
}

/// One product at a time in 16 bits, which u8 x i8 just fits.
// Not inlined, since the compiler vectorises this only while the accumulators lie in memory.
#[inline(never)]
fn step(acc: &mut [[i32; BLOCK]; PIXELS], x: [[u8; GROUP]; PIXELS], line: &Line) {
    let weights = line.0.map(i16::from);
    for (acc, x) in acc.iter_mut().zip(x) {
        for (x, weights) in x.into_iter().zip(weights.as_chunks::<BLOCK>().0) {
            for (acc, w) in acc.iter_mut().zip(weights) {
                *acc += i32::from(i16::from(x) * w);
            }
        }
    }
}
