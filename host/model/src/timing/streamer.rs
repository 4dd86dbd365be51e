//! The streamer: which pass runs when, and what a cycle counts as.

use firebrick_spec::command::{Block, Command};

use super::counters::Cause;
use super::decoder::count;
use super::loader::NEVER;
use super::passes::Held;
use super::stream::Record;
use super::tile::Tile;

/// A pass whose vectors are being issued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Cycle of the first vector.
    pub first: u64,
    /// Cycle of the last vector.
    pub last: u64,
    /// Positions.
    pub tile: Tile,
    ends_record: bool,
}

/// What begins in a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begins {
    /// Nothing.
    Nothing,
    /// A pass; with a tile's last, the tile goes to the drain.
    Pass { block: Block, ends_tile: bool },
    /// A store.
    Store,
    /// The end of an image, with its tag.
    End(u32),
}

/// Inputs of a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamerInputs<'a> {
    pub offer: Option<&'a Held>,
    pub weights_ready: bool,
    pub room: bool,
}

/// What else the cause of a cycle depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    /// The drain waits for room in the result stream.
    pub drain_blocked: bool,
    /// The decoder copies weights or parameters, or waits to.
    pub weights: bool,
    /// The decoder feeds the window unit, or waits to.
    pub input: bool,
}

/// Mirrors `streamer.rs` of the hardware.
#[derive(Clone, Debug)]
pub(super) struct Streamer {
    lanes: usize,
    pub run: Option<Run>,
    /// Words left of a store.
    storing: u32,
    finishing: bool,
    begun: bool,
    strips: u8,
    tiles: u8,
    layer: usize,
}

impl Streamer {
    pub fn new(lanes: usize) -> Streamer {
        Streamer {
            lanes,
            run: None,
            storing: 0,
            finishing: false,
            begun: false,
            strips: 0,
            tiles: 0,
            layer: 0,
        }
    }

    fn tiles_ok(&self, held: &Held, block: &Block) -> bool {
        !held.first || self.tiles <= block.outstanding
    }

    fn strip_ok(&self, held: &Held, block: &Block) -> bool {
        !(held.first && block.take_strip) || self.strips > 0
    }

    /// What begins in cycle `now`.
    pub fn begins(&self, now: u64, records: &[Record], inputs: StreamerInputs) -> Begins {
        let Some(held) = inputs.offer else {
            return Begins::Nothing;
        };
        if self.storing > 0 || self.run.is_some_and(|run| run.last != now) {
            return Begins::Nothing;
        }
        match records[held.record].command {
            Command::Block(block)
                if inputs.weights_ready
                    && held.settled
                    && self.tiles_ok(held, &block)
                    && self.strip_ok(held, &block) =>
            {
                Begins::Pass {
                    block,
                    ends_tile: held.left == 1 && block.last,
                }
            }
            Command::Store(_) if self.run.is_none() && self.tiles == 0 => Begins::Store,
            Command::End(end) if self.run.is_none() && self.tiles <= 7 => Begins::End(end.tag),
            _ => Begins::Nothing,
        }
    }

    /// The next cycle, from `now` on, in which something happens by itself.
    pub fn next(&self, now: u64, records: &[Record], inputs: StreamerInputs) -> u64 {
        if let Some(run) = &self.run {
            return run.last;
        }
        // With a store under way, the output queue is not at rest in any case.
        if self.storing > 0 || !matches!(self.begins(now, records, inputs), Begins::Nothing) {
            return now;
        }
        NEVER
    }

    /// A block has read all its pixels.
    pub fn reads_done(&self, now: u64) -> bool {
        self.run
            .is_some_and(|run| run.last == now && run.ends_record)
    }

    /// A word of a store is read.
    pub fn store_read(&self, room: bool) -> bool {
        self.storing > 0 && room
    }

    /// That word is the last of its store.
    pub fn store_done(&self, room: bool) -> bool {
        self.storing == 1 && room
    }

    /// What the cycle is, and the layer it counts for.
    pub fn cause(&self, records: &[Record], offer: Option<&Held>, late: Late) -> (Cause, usize) {
        let held = offer.map(|held| (held, records[held.record].command));
        if self.run.is_some() {
            return (Cause::Busy, self.layer);
        }
        match held {
            _ if self.storing > 0 => (Cause::Output, self.layer),
            Some((_, Command::Store(_))) => (Cause::Output, self.layer),
            Some((_, Command::End(_))) => (Cause::Finish, self.layer),
            Some((held, Command::Block(block))) => {
                let cause = if held.settled && !self.tiles_ok(held, &block) {
                    match (late.drain_blocked, block.data) {
                        (true, _) => Cause::Output,
                        (false, true) => Cause::Dependency,
                        (false, false) => Cause::Accumulator,
                    }
                } else if !self.begun {
                    Cause::Start
                } else if held.settled && !self.strip_ok(held, &block) {
                    Cause::Input
                } else {
                    Cause::Fill
                };
                (cause, block.layer as usize)
            }
            _ if self.finishing => (Cause::Finish, self.layer),
            _ if !self.begun => (Cause::Start, 0),
            _ if late.weights => (Cause::Weights, self.layer),
            _ if late.input => (Cause::Input, self.layer),
            _ => (Cause::Command, self.layer),
        }
    }

    /// One cycle, with what [`begins`](Self::begins) said of it.
    pub fn step(&mut self, now: u64, begins: Begins, records: &[Record], inputs: StreamerInputs) {
        if self.run.is_some_and(|run| run.last == now) {
            self.run = None;
        }
        if self.store_read(inputs.room) {
            self.storing -= 1;
        }
        let Some(held) = inputs.offer else {
            return;
        };
        match begins {
            Begins::Nothing => {}
            Begins::Pass { block, .. } => {
                let tile = Tile::new(&block, self.lanes);
                self.run = Some(Run {
                    first: now + 1,
                    last: now + tile.vectors(),
                    tile,
                    ends_record: held.left == 1,
                });
                self.begun = true;
                self.layer = block.layer as usize;
            }
            Begins::Store => {
                if let Command::Store(store) = records[held.record].command {
                    self.storing = store.count;
                }
            }
            Begins::End(_) => self.begun = false,
        }
    }

    /// The counters of tiles and strips, and whether an end waits for its trailer.
    pub fn settle(
        &mut self,
        begins: Begins,
        first: bool,
        drained: bool,
        strip_done: bool,
        trailer_sent: bool,
    ) {
        let (mut adds_tile, mut takes_strip) = (false, false);
        if trailer_sent {
            self.finishing = false;
        }
        match begins {
            Begins::Nothing => {}
            Begins::Pass { block, ends_tile } => {
                adds_tile = ends_tile;
                takes_strip = first && block.take_strip;
                self.finishing = false;
            }
            Begins::Store => self.finishing = false,
            Begins::End(_) => {
                adds_tile = true;
                self.finishing = true;
            }
        }
        // Registers of four bits.
        self.tiles = count(self.tiles, adds_tile, drained) & 15;
        self.strips = count(self.strips, strip_done, takes_strip) & 15;
    }
}
