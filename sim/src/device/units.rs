//! From the registers inside to sentences: the state of each unit, and which one is to blame.

use firebrick_driver::stall::Unit;
use firebrick_rtl::decode::decoder::DecoderState;
use firebrick_spec::command::Command;

use super::probes::Seen;

/// Decoder states, by number, with what the decoder does in them.
const DECODER: [&str; DecoderState::Dead as usize + 1] = [
    "waits for a record's first beat",
    "waits for a record's second beat",
    "checks a record",
    "checks a record",
    "checks a record",
    "holds a record until earlier blocks have read or tiles have drained",
    "copies weights",
    "unpacks weights",
    "copies parameters",
    "feeds the window unit",
    "hands a record to the queue",
    "drops all input after an error",
];
const FIRST_BEAT: u64 = DecoderState::Header0 as u64;
const CHECK: u64 = DecoderState::Check as u64;
const HOLD: u64 = DecoderState::Hold as u64;
const WEIGHTS: u64 = DecoderState::Weights as u64;
const PICTURE: u64 = DecoderState::Picture as u64;
const PUSH: u64 = DecoderState::Push as u64;
/// Records, and weight jobs, that the queues hold.
const QUEUE: u64 = 32;
const DRAIN_QUEUE: u64 = 16;
/// Beats that the output queue holds, and those from which on nothing new begins.
const OUTPUT: u64 = 64;
const OUTPUT_MARK: u64 = 32;

/// What is known beside the registers inside.
pub(super) struct Outside<'a> {
    /// The decoder's record.
    pub record: Option<&'a Command>,
    /// The array's record.
    pub block: Option<&'a Command>,
    /// Beats that wait to be taken.
    pub waiting: u64,
    /// STATUS says that no stream is under way.
    pub idle: bool,
}

fn is(value: Option<u64>) -> bool {
    value.is_some_and(|value| value != 0)
}

impl Seen {
    /// Whether the window unit has a record.
    fn window_works(&self) -> bool {
        is(self.rows) || is(self.rows_out) || is(self.step) || is(self.ends) || is(self.words)
    }

    /// Tiles that the sequencer counts as outstanding and that do not wait for the drain.
    fn in_drain(&self) -> Option<u64> {
        self.tiles?.checked_sub(self.drain_jobs?)
    }

    /// Whether the decoder has a whole record and has not passed it on.
    pub fn decoder_in_hand(&self) -> bool {
        matches!(self.decoder, Some(CHECK..=PUSH))
    }

    /// One line a unit.
    pub fn units(&self, outside: &Outside<'_>) -> Vec<Unit> {
        if self.decoder.is_none() {
            return Vec::new();
        }
        let show = |value: Option<u64>| value.map_or("?".into(), |value| value.to_string());
        let decoder = self.decoder.and_then(|state| DECODER.get(state as usize));
        let unit = |name, state| Unit { name, state };
        let pass = match (is(self.running), is(self.storing), is(self.held)) {
            (true, _, _) => format!("runs a pass, {} positions left", show(self.remaining)),
            (_, true, _) => format!("runs a store, {} words left", show(self.remaining)),
            (_, _, true) if is(self.is_block) => format!(
                "has a block with {} channel groups left and begins none of its passes",
                show(self.groups)
            ),
            (_, _, true) if is(self.is_store) => "has a store and does not begin it".into(),
            (_, _, true) => "has the end and does not begin it".into(),
            _ => "has no record".into(),
        };
        vec![
            unit(
                "decoder",
                format!(
                    "{} (record {}{}); {} beats wait before it; {} blocks \
                     not read, {} tiles not drained",
                    decoder.unwrap_or(&"is in a state that there is not"),
                    show(self.record),
                    match self.decoder {
                        Some(WEIGHTS..PICTURE) => format!(", {} beats left", show(self.beats)),
                        _ => String::new(),
                    },
                    outside.waiting,
                    show(self.reads),
                    show(self.drains)
                ),
            ),
            unit(
                "window unit",
                format!(
                    "{}: {} rows to come, {} to leave its first stage, {}; {} strips complete",
                    if self.window_works() {
                        "works"
                    } else {
                        "is idle"
                    },
                    show(self.rows),
                    show(self.rows_out),
                    match is(self.words) {
                        true => "a word waits to be written",
                        false => "no word waits to be written",
                    },
                    show(self.strips)
                ),
            ),
            unit(
                "record queue",
                format!("{} of {QUEUE} records", show(self.queue)),
            ),
            unit("sequencer", pass),
            unit(
                "loader",
                format!(
                    "{}; {} of {QUEUE} jobs wait; the array {} the next pass's weights",
                    match (is(self.loading), is(self.reading)) {
                        (_, true) => format!("reads a block, {} left", show(self.blocks)),
                        (true, _) => format!("waits, {} blocks left", show(self.blocks)),
                        _ => "has no job".into(),
                    },
                    show(self.weight_jobs),
                    if is(self.ready) { "has" } else { "lacks" }
                ),
            ),
            unit(
                "drain",
                format!(
                    "{} tiles outstanding; {} of {DRAIN_QUEUE} jobs wait, sums complete of {}; {}, \
                     {} in the pipeline",
                    show(self.tiles),
                    show(self.drain_jobs),
                    show(self.released),
                    match is(self.draining) {
                        true => format!("reads a tile, {} vectors left", show(self.vectors)),
                        false => "reads none".into(),
                    },
                    show(self.in_drain())
                ),
            ),
            unit(
                "output queue",
                format!("{} of {OUTPUT} beats", show(self.output)),
            ),
        ]
    }

    /// The unit that should go on and does not, in an engine in which nothing moves: what the
    /// oldest work waits for, followed from unit to unit.
    pub fn suspect(&self, outside: &Outside<'_>) -> Option<String> {
        self.decoder?;
        // From the end: what has arrived furthest waits for nothing that is behind it.
        if self.output? > 0 {
            return Some("the output stage: beats are in its queue and none leaves it".into());
        }
        if outside.idle && outside.waiting == 0 {
            return Some(
                "the output stage: it counts the trailer as sent, and beats of the result or the \
                 trailer did not come"
                    .into(),
            );
        }
        if is(self.running) {
            return Some("the sequencer: a pass runs and does not come to its end".into());
        }
        self.drain()
            .or_else(|| self.sequencer(outside))
            .or_else(|| self.input(outside))
    }

    fn drain(&self) -> Option<String> {
        let (waits, released) = (self.drain_jobs?, self.released?);
        let text = if self.output? > OUTPUT_MARK {
            return None;
        } else if is(self.draining) {
            "the drain: it has a tile in hand and does not end it, though the output queue has room"
        } else if released > 0 && waits > 0 {
            "the drain: a tile's sums are complete and it does not take it"
        } else if waits > 0 {
            "the array's way to the drain: a tile waits for its last sums, which are past"
        } else if released > 0 {
            "the drain's queue: a tile's sums are complete and its record is not there"
        } else if is(self.in_drain()) {
            "the drain: it has read all of a tile, and the sequencer was not told that it ended"
        } else {
            return None;
        };
        Some(text.into())
    }

    fn sequencer(&self, outside: &Outside<'_>) -> Option<String> {
        if is(self.storing) {
            return Some(
                "the output stage: it has no room for a store's words, and is empty".into(),
            );
        }
        if !is(self.held) {
            return (self.queue? > 0).then(|| {
                "the record queue: records wait in it and the sequencer, idle, takes none".into()
            });
        }
        if !is(self.is_block) {
            return Some("the sequencer: it has a store or the end, nothing is outstanding, and it does not begin".into());
        }
        if !is(self.ready) {
            let text = match (is(self.loading), self.weight_jobs? > 0) {
                (true, _) => "the loader: it has a job and does not bring the next pass's weights",
                (_, true) => "the loader: jobs wait in its queue and it takes none",
                _ => {
                    "the loader: the block that the sequencer holds has no job with it: its queue \
                     lost one, or its count of passes is wrong"
                }
            };
            return Some(text.into());
        }
        let takes_strip = matches!(outside.block, Some(Command::Block(block)) if block.take_strip);
        if takes_strip && !is(self.strips) {
            // The strip is on its way in, unless the window unit is through with its rows.
            return match self.decoder? {
                PICTURE => Some(self.window()),
                FIRST_BEAT if outside.waiting > 0 => None,
                CHECK | HOLD => None,
                _ => Some("the window unit: it is idle, and the strip that a block waits for was never announced".into()),
            };
        }
        Some("the sequencer: weights, strip and sums are there for the next pass, and it does not begin".into())
    }

    fn window(&self) -> String {
        match self.window_works() {
            true => "the window unit: it takes no more pixels and writes no more windows".into(),
            false => "the window unit: it is through, and tells the decoder that it is not".into(),
        }
    }

    fn input(&self, outside: &Outside<'_>) -> Option<String> {
        let text = match self.decoder? {
            PICTURE => return Some(self.window()),
            PUSH if self.queue? < QUEUE && self.weight_jobs? < QUEUE => {
                "the record queue or the decoder: there is room, and the record does not go there"
            }
            PUSH if self.queue? < QUEUE => {
                "the loader: its queue is full, and no block is left that could need its weights"
            }
            HOLD => match outside.record {
                Some(Command::LoadParams(_)) => {
                    "the decoder: it waits for tiles to drain, and none is outstanding"
                }
                _ => "the decoder: it waits for blocks to read, and none is queued",
            },
            FIRST_BEAT if outside.waiting == 0 => {
                "the drain or the output stage: all is taken and done, and no trailer came"
            }
            _ => "the decoder: beats wait before it and it takes none",
        };
        Some(text.into())
    }
}
