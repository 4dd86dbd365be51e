//! Runs a prepared network: node after node, the pixels of each spread over the threads.

use crate::conv::{self, ConvJob, Geometry};
use crate::packed::PackedConv;
use crate::plan::{BufferPlace, BufferPlan, Layout};
use crate::{Kernel, pool};
use firebrick_network::op::Op;
use firebrick_network::{NodeId, Pool};
use ndarray::ArrayView3;
use rayon::prelude::*;
use std::ops::Range;

/// Least multiply-accumulates (or bytes read by a pool) worth a thread of their own.
const WORTH_A_TASK: usize = 1 << 17;

/// Runs all nodes; the buffers' borders must be zero. Returns the logits.
pub(crate) fn run(
    kernel: Kernel,
    steps: &[(Op<PackedConv>, Vec<NodeId>)],
    plan: &BufferPlan,
    buffers: &mut [Vec<u8>],
    image: &ArrayView3<'_, u8>,
) -> Vec<i32> {
    load(image, &plan.buffers[0], &mut buffers[0]);
    let mut logits = Vec::new();
    for ((op, inputs), place) in steps.iter().zip(&plan.places) {
        let (source, layout) = plan.source(inputs[0]);
        let Some(place) = place else {
            logits = pool::global_sum(&buffers[source], &layout);
            continue;
        };
        // Taken out, so that the inputs can be borrowed beside it. No node reads the buffer
        // that it writes: parts of a concatenation have no reader but that.
        let mut out = std::mem::take(&mut buffers[place.buffer]);
        let input = &buffers[source];
        match op {
            Op::Conv(conv) => convolve(kernel, conv, input, &layout, &mut out, place),
            Op::MaxPool(kind) => max_pool(*kind, input, &layout, &mut out, place),
            Op::Concat => concat(plan, buffers, inputs, &mut out, place),
            Op::Add => {
                let (other, other_layout) = plan.source(inputs[1]);
                let other = (&buffers[other][..], &other_layout);
                pool::add((input, &layout), other, &mut out[place.offset..], place);
            }
            Op::Global => {}
        }
        buffers[place.buffer] = out;
    }
    logits
}

/// Copies the picture into its buffer.
fn load(image: &ArrayView3<'_, u8>, layout: &Layout, buffer: &mut [u8]) {
    let length = layout.shape.width * layout.shape.channels;
    for (y, row) in image.outer_iter().enumerate() {
        let to = &mut buffer[layout.origin(0) + y * layout.row_stride()..][..length];
        if let Some(from) = row.as_slice() {
            to.copy_from_slice(from);
        } else {
            to.iter_mut().zip(row).for_each(|(to, &from)| *to = from);
        }
    }
}

fn convolve(
    kernel: Kernel,
    conv: &PackedConv,
    input: &[u8],
    from: &Layout,
    out: &mut [u8],
    place: &BufferPlace,
) {
    let geometry = Geometry {
        in_origin: from.origin(conv.pad),
        in_row: from.row_stride(),
        out_width: place.shape.width,
        out_row: place.row_stride,
        out_pixel: place.pixel_stride,
    };
    let pixels = place.shape.height * place.shape.width;
    let work = pixels * conv.out_channels * conv.steps() * 4;
    let offset = |pixel: usize| {
        let (y, x) = (pixel / place.shape.width, pixel % place.shape.width);
        place.offset + y * place.row_stride + x * place.pixel_stride
    };
    spread(pixels, work, offset, out, |pixels, out| {
        conv::run(
            kernel,
            ConvJob {
                conv,
                geometry,
                input,
                pixels,
                out,
            },
        );
    });
}

fn max_pool(kind: Pool, input: &[u8], from: &Layout, out: &mut [u8], place: &BufferPlace) {
    let offset = |row: usize| place.offset + row * place.row_stride;
    spread(
        place.shape.height,
        8 * from.shape.len(),
        offset,
        out,
        |rows, out| {
            pool::max_pool(kind, input, from, rows, out, place, &mut Vec::new());
        },
    );
}

/// Copies those parts that were not written in place.
fn concat(
    plan: &BufferPlan,
    buffers: &[Vec<u8>],
    parts: &[NodeId],
    out: &mut [u8],
    place: &BufferPlace,
) {
    let mut offset = place.offset;
    for &part in parts {
        let in_place = plan.places.get(part.0).copied().flatten();
        let (source, layout) = plan.source(part);
        if let Some(inner) = in_place.filter(|inner| inner.buffer == place.buffer) {
            offset += inner.shape.channels;
            continue;
        }
        pool::copy(&buffers[source], &layout, &mut out[offset..], place);
        offset += layout.shape.channels;
    }
}

/// Splits `0..items` (rows or pixels) into a range for each thread, and `out` where the ranges
/// meet; `offset` gives an item's first byte and grows with it.
fn spread(
    items: usize,
    work: usize,
    offset: impl Fn(usize) -> usize,
    out: &mut [u8],
    run: impl Fn(Range<usize>, &mut [u8]) + Sync,
) {
    let tasks = (work / WORTH_A_TASK)
        .min(rayon::current_num_threads())
        .clamp(1, items.max(1));
    if tasks == 1 {
        return run(0..items, &mut out[offset(0)..]);
    }
    let mut rest = &mut out[offset(0)..];
    let mut parts = Vec::with_capacity(tasks);
    let mut start = 0;
    for task in 0..tasks {
        let end = items * (task + 1) / tasks;
        let length = if task + 1 == tasks {
            rest.len()
        } else {
            offset(end) - offset(start)
        };
        let (part, behind) = rest.split_at_mut(length);
        parts.push((start..end, part));
        (rest, start) = (behind, end);
    }
    parts
        .into_par_iter()
        .for_each(|(range, part)| run(range, part));
}
