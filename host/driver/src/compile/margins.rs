//! What the scheduler adds to the engine's latencies where it estimates when things happen. Only
//! speed depends on it. All are cycles.

use firebrick_spec::latency::{DRAIN_LATENCY, LONGEST_HANDOVER, RECORD_CYCLES};

/// From a tile's last vector until its drain begins.
pub(super) const HANDOVER: usize = LONGEST_HANDOVER + 1;

/// The same for the choice of a bank: a tile must compute clearly longer than the one before it
/// takes to drain, or it does not hide that.
pub(super) const HIDDEN_HANDOVER: usize = HANDOVER + 5;

/// From a drain's last vector until its words are in the feature buffer.
pub(super) const DRAINED: usize = DRAIN_LATENCY + 2;

/// From a tile's last vector to its last word in the feature buffer, beyond the cycles of its
/// vectors: what a fused stage allows for.
pub(super) const FUSED_DRAINED: usize = HANDOVER + DRAINED + 4;

/// By how much the estimate of a drain may be off where a tile is split.
pub(super) const SPLIT: u64 = 60;

/// From a strip's last beat to the first block that may read it: the window unit's pipeline and
/// the banks that it has to wait for.
pub(super) const WINDOW: u64 = 16;

/// Work that stays queued while the decoder is busy with something not yet needed.
pub(super) const PREFETCH: u64 = 256;

/// Of the decoder for a record with payload, beyond one for each beat of the payload.
pub(super) const LOAD: usize = RECORD_CYCLES + 1;
