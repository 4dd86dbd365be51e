//! What the tests of the drain path share: jobs, an integer model, and a bench around the
//! emitted Verilog that plays accumulators, parameters, feature buffer and host.

use std::collections::VecDeque;

use firebrick_rtl::acc::ACC_READ_LATENCY;
use firebrick_rtl::drain::{Drain, OUT_MARGIN};
use firebrick_rtl::drain_job::DRAIN_JOB_BITS;
use firebrick_rtl::emit::emit;
use firebrick_sim::{Builder, Design, Model, Port, VerilatedModel};
use firebrick_spec::arith::{MULT_MAX, MULT_MIN, Requant, SHIFT_MAX, SHIFT_MIN};
use rand::{Rng, rngs::StdRng};
use rust_hdl::prelude::*;

/// Words of the feature buffer under test; no power of two, so that the limit is seen.
pub const FEATURE_WORDS: u32 = 30_000;
/// Words of the pooling line memory under test.
pub const LINE_WORDS: u32 = 512;
/// Accumulators in each bank.
pub const ACC_DEPTH: usize = 2048;
/// Parameter groups.
pub const GROUPS: usize = 64;
/// Channels of a vector.
pub const TILE: usize = 16;
/// Result of [`Job::mode`].
pub const WRITE: u32 = 0;
/// See [`WRITE`].
pub const POOL: u32 = 1;
/// See [`WRITE`].
pub const SUM: u32 = 2;

/// The Verilog of the drain unit.
pub fn drain_verilog() -> String {
    let mut uut = Drain::<9>::new(FEATURE_WORDS as usize);
    uut.clock.connect();
    uut.reset.connect();
    uut.job_valid.connect();
    uut.job.connect();
    uut.acc_grant.connect();
    uut.acc_rdata.connect();
    uut.param_rdata.connect();
    uut.out_room.connect();
    uut.connect_all();
    emit(&uut, "drain").expect("the drain unit can be emitted")
}

/// The drain unit under Verilator, registers without an initial value random.
pub fn build_drain() -> VerilatedModel {
    let design = Design::new("drain", drain_verilog())
        .clock("clock")
        .random_reset(true)
        .optimise(1);
    Builder::new()
        .build(&design)
        .expect("the drain unit builds")
}

/// One job, field for field as the hardware takes it.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub end_image: bool,
    pub acc_bank: u32,
    pub acc_base: u32,
    pub count: u32,
    pub param: u32,
    pub mode: u32,
    pub tap: bool,
    pub partial: bool,
    pub sum_first: bool,
    pub sum_last: bool,
    pub beats: u32,
    pub out_base: u32,
    pub line_base: u32,
    pub width: u32,
    pub height: u32,
    pub y0: u32,
}

impl Job {
    /// The end of an image.
    pub fn end(tag: u32) -> Job {
        Job {
            end_image: true,
            out_base: tag & 0xf_ffff,
            line_base: tag >> 20,
            ..Job::default()
        }
    }

    /// The packed form: fields in order, the first in the low bits.
    pub fn pack(&self) -> [u32; 4] {
        let fields = [
            (u32::from(self.end_image), 1),
            (self.acc_bank, 1),
            (self.acc_base, 11),
            (self.count, 13),
            (self.param, 12),
            (self.mode, 2),
            (u32::from(self.tap), 1),
            (u32::from(self.partial), 1),
            (u32::from(self.sum_first), 1),
            (u32::from(self.sum_last), 1),
            (self.beats, 3),
            (self.out_base, 20),
            (self.line_base, 12),
            (self.width, 10),
            (self.height, 10),
            (self.y0, 10),
        ];
        let (mut packed, mut at) = (0u128, 0);
        for (value, width) in fields {
            assert!(
                value >> width == 0,
                "{self:?} has a field that is too large"
            );
            packed |= u128::from(value) << at;
            at += width;
        }
        assert_eq!(at, DRAIN_JOB_BITS);
        [0, 32, 64, 96].map(|at| (packed >> at) as u32)
    }
}

/// One vector of accumulators.
pub type Accumulators = [i32; TILE];

/// What accumulators and parameters hold.
pub struct Memories {
    pub acc: [Vec<Accumulators>; 2],
    pub param: Vec<[Requant; TILE]>,
}

impl Memories {
    /// Random contents; most parameters spread the accumulators over the whole range of u8.
    pub fn random(rng: &mut StdRng) -> Memories {
        let acc = [(); 2].map(|()| {
            (0..ACC_DEPTH)
                .map(|_| {
                    let bits = if rng.random_ratio(1, 20) { 31 } else { 20 };
                    [(); TILE].map(|()| rng.random_range(-(1i64 << bits)..1i64 << bits) as i32)
                })
                .collect()
        });
        let param = (0..GROUPS)
            .map(|_| {
                [(); TILE].map(|()| match rng.random_range(0..8) {
                    0 => Requant {
                        bias: rng.random(),
                        mult: rng.random_range(MULT_MIN..=MULT_MAX),
                        shift: rng.random_range(SHIFT_MIN..=SHIFT_MAX),
                    },
                    _ => Requant {
                        bias: rng.random_range(-100_000..600_000),
                        mult: rng.random_range(16_384..=MULT_MAX),
                        shift: 27,
                    },
                })
            })
            .collect();
        Memories { acc, param }
    }

    fn param_words(&self, address: u32) -> [u32; 16] {
        let group = &self.param[(address >> 1) as usize % GROUPS];
        let half = &group[8 * (address & 1) as usize..][..8];
        let mut words = [0; 16];
        for (words, r) in words.chunks_exact_mut(2).zip(half) {
            words[0] = r.bias as u32;
            words[1] = u32::from(r.mult) | u32::from(r.shift) << 16;
        }
        words
    }
}

/// Four words.
pub type Beat = [u32; 4];

/// What the jobs must bring about, and how far it must have come after each.
#[derive(Default, Debug)]
pub struct Effects {
    pub writes: Vec<(u32, Beat)>,
    pub beats: Vec<(Beat, bool)>,
    pub range_errors: usize,
    /// Writes, beats and range errors up to the end of each job.
    pub after: Vec<(usize, usize, usize)>,
}

fn to_beat(bytes: &[u8; TILE]) -> Beat {
    std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|j| bytes[4 * i + j])))
}

/// One pooled map in the making, kept per `line_base` as plain rows.
type Rows = std::collections::HashMap<u32, Vec<[u8; TILE]>>;

/// The integer model.
pub fn effects(jobs: &[Job], memories: &Memories) -> Effects {
    let mut all = Effects::default();
    let mut sums = [0u32; TILE];
    let mut maps = Rows::new();
    for job in jobs {
        let mut outputs = Vec::new();
        if job.end_image {
            all.beats
                .push(([0, 0, job.out_base | job.line_base << 20, 0], true));
        } else {
            let base = job.acc_base as usize;
            let vectors: Vec<[u8; TILE]> = memories.acc[job.acc_bank as usize]
                [base..base + job.count as usize]
                .iter()
                .map(|acc| {
                    let param = &memories.param[job.param as usize];
                    std::array::from_fn(|c| param[c].apply(acc[c]))
                })
                .collect();
            if job.tap {
                all.beats
                    .extend(vectors.iter().map(|v| (to_beat(v), false)));
            }
            match job.mode {
                WRITE => outputs = vectors,
                POOL => outputs = pool(job, &vectors, maps.entry(job.line_base).or_default()),
                _ => {
                    if job.sum_first {
                        sums = [0; TILE];
                    }
                    for v in &vectors {
                        sums.iter_mut()
                            .zip(v)
                            .for_each(|(s, &x)| *s += u32::from(x));
                    }
                    if job.sum_last {
                        let beats = sums.chunks_exact(4).take(job.beats as usize);
                        all.beats
                            .extend(beats.map(|b| (b.try_into().expect("four"), false)));
                    }
                }
            }
        }
        for (address, v) in (job.out_base..).zip(&outputs) {
            if address < FEATURE_WORDS {
                all.writes.push((address, to_beat(v)));
            } else {
                all.range_errors += 1;
            }
        }
        all.after
            .push((all.writes.len(), all.beats.len(), all.range_errors));
    }
    all
}

/// The output vectors that are complete with this tile, straight from the definition of the
/// pool: all windows of the map whose last row lies in the tile.
fn pool(job: &Job, vectors: &[[u8; TILE]], map: &mut Vec<[u8; TILE]>) -> Vec<[u8; TILE]> {
    let (w, h) = (job.width as usize, job.height as usize);
    map.truncate(job.y0 as usize * w);
    map.extend(vectors);
    let first = job.y0 as usize;
    let rows = first..first + vectors.len() / w;
    let ends = |n: usize| {
        let partial = job.partial;
        move |o: usize| match 2 * o + 2 {
            end if end < n => Some(end),
            end if end == n && partial => Some(end - 1),
            _ => None,
        }
    };
    let mut outputs = Vec::new();
    for (oy, y_end) in (0..).map_while(|oy| ends(h)(oy).map(|y| (oy, y))) {
        if !rows.contains(&y_end) {
            continue;
        }
        for (ox, x_end) in (0..).map_while(|ox| ends(w)(ox).map(|x| (ox, x))) {
            let mut best = [0; TILE];
            for y in 2 * oy..=y_end {
                for x in 2 * ox..=x_end {
                    for (b, &v) in best.iter_mut().zip(&map[y * w + x]) {
                        *b = v.max(*b);
                    }
                }
            }
            outputs.push(best);
        }
    }
    outputs
}

/// How unruly the surroundings are: chances in percent.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// A request is granted.
    pub grant: u32,
    /// A waiting job is shown.
    pub job: u32,
    /// The host takes a beat.
    pub host: u32,
}

impl Weather {
    /// Nothing ever waits.
    pub const CALM: Weather = Weather {
        grant: 100,
        job: 100,
        host: 100,
    };
}

/// Ports of the drain unit.
struct Ports {
    reset: Port,
    job_valid: Port,
    job: Port,
    job_ready: Port,
    acc_re: Port,
    acc_rbank: Port,
    acc_raddr: Port,
    acc_grant: Port,
    acc_rdata: Port,
    param_raddr: Port,
    param_rdata: Port,
    fw_valid: Port,
    fw_addr: Port,
    fw_data: Port,
    range_error: Port,
    out_room: Port,
    out_valid: Port,
    out_data: Port,
    out_last: Port,
    drained: Port,
    ended: Port,
    busy: Port,
}

/// A drain unit and its surroundings.
pub struct Bench {
    model: Model,
    ports: Ports,
    /// Beats that the host's FIFO holds.
    fifo: usize,
    /// `out_room` on its way: it reaches the drain unit late.
    room: VecDeque<bool>,
}

/// Beats of the host's FIFO.
const FIFO: usize = 2 * OUT_MARGIN;
/// Cycles that `out_room` is late.
const ROOM_DELAY: usize = 4;

impl Bench {
    /// Opens the model and resets it.
    pub fn open(built: &VerilatedModel, seed: u32) -> Bench {
        let model = Model::load(built, seed).expect("the model loads");
        let port = |name: &str| model.port(name).expect("port");
        let ports = Ports {
            reset: port("reset"),
            job_valid: port("job_valid"),
            job: port("job"),
            job_ready: port("job_ready"),
            acc_re: port("acc_re"),
            acc_rbank: port("acc_rbank"),
            acc_raddr: port("acc_raddr"),
            acc_grant: port("acc_grant"),
            acc_rdata: port("acc_rdata"),
            param_raddr: port("param_raddr"),
            param_rdata: port("param_rdata"),
            fw_valid: port("fw_valid"),
            fw_addr: port("fw_addr"),
            fw_data: port("fw_data"),
            range_error: port("range_error"),
            out_room: port("out_room"),
            out_valid: port("out_valid"),
            out_data: port("out_data"),
            out_last: port("out_last"),
            drained: port("drained"),
            ended: port("ended"),
            busy: port("busy"),
        };
        let mut bench = Bench {
            model,
            ports,
            fifo: 0,
            room: VecDeque::new(),
        };
        bench.reset();
        bench
    }

    /// One cycle of reset.
    pub fn reset(&mut self) {
        self.model.set(self.ports.reset, 1);
        self.model.set(self.ports.job_valid, 1);
        self.model.set(self.ports.acc_grant, 1);
        self.model.step().expect("step");
        self.model.set(self.ports.reset, 0);
        self.model.set(self.ports.job_valid, 0);
        self.fifo = 0;
        self.room = VecDeque::from([true; ROOM_DELAY]);
    }

    /// Runs `jobs`, checks every effect, and returns the cycles from the first read to the last
    /// effect. Gives up after `give_up` cycles if that is set, which is then no fault.
    pub fn run(
        &mut self,
        jobs: &[Job],
        memories: &Memories,
        weather: Weather,
        rng: &mut StdRng,
        give_up: Option<u64>,
    ) -> u64 {
        let want = effects(jobs, memories);
        let p = &self.ports;
        let m = &mut self.model;
        let percent = |rng: &mut StdRng, chance: u32| rng.random_range(0..100) < chance;
        let noise: [u32; 16] = rng.random();
        let mut reads: VecDeque<Option<[u32; 16]>> = VecDeque::from([None; ACC_READ_LATENCY]);
        let mut param_address = 0;
        let (mut taken, mut over) = (0, 0);
        let (mut writes, mut beats, mut range_errors) = (0, 0, 0);
        let (mut cycle, mut started, mut quiet) = (0u64, None, 0);
        while quiet < 40 {
            // Inputs of this cycle.
            let show = taken < jobs.len() && percent(rng, weather.job);
            m.set(p.job_valid, u64::from(show));
            m.set_words(
                p.job,
                &if show {
                    jobs[taken].pack()
                } else {
                    rng.random()
                },
            );
            let grant = percent(rng, weather.grant);
            m.set(p.acc_grant, u64::from(grant));
            let data = reads.pop_front().flatten();
            m.set_words(
                p.acc_rdata,
                &data.unwrap_or_else(|| noise.map(|x| x ^ cycle as u32)),
            );
            m.set_words(p.param_rdata, &memories.param_words(param_address));
            let room = self.room.pop_front().expect("delayed room");
            m.set(p.out_room, u64::from(room));
            m.eval().expect("eval");

            // Effects visible in this cycle.
            if m.get(p.fw_valid) != 0 {
                let seen = (m.get(p.fw_addr) as u32, words4(m, p.fw_data));
                assert_eq!(
                    Some(&seen),
                    want.writes.get(writes),
                    "write {writes}, cycle {cycle}"
                );
                writes += 1;
            }
            range_errors += m.get(p.range_error) as usize;
            if m.get(p.out_valid) != 0 {
                let seen = (words4(m, p.out_data), m.get(p.out_last) != 0);
                assert_eq!(
                    Some(&seen),
                    want.beats.get(beats),
                    "beat {beats}, cycle {cycle}"
                );
                beats += 1;
                self.fifo += 1;
                assert!(
                    self.fifo <= FIFO,
                    "the host's FIFO overflows in cycle {cycle}"
                );
            }
            let (drained, ended) = (m.get(p.drained) != 0, m.get(p.ended) != 0);
            assert_eq!(m.get(p.busy) != 0, over < taken, "busy in cycle {cycle}");
            assert!(!(drained && ended), "two jobs over in cycle {cycle}");
            if drained || ended {
                assert!(over < taken, "job {over} over before it was taken");
                assert_eq!(ended, jobs[over].end_image, "job {over}: {:?}", jobs[over]);
                let after = want.after[over];
                assert!(
                    writes >= after.0 && beats >= after.1 && range_errors >= after.2,
                    "job {over} over too early: {:?}",
                    jobs[over]
                );
                over += 1;
            }

            // What goes in at the edge.
            if show && m.get(p.job_ready) != 0 {
                taken += 1;
            }
            let read = grant && m.get(p.acc_re) != 0;
            reads.push_back(read.then(|| {
                let bank = m.get(p.acc_rbank) as usize;
                memories.acc[bank][m.get(p.acc_raddr) as usize].map(|x| x as u32)
            }));
            if read && started.is_none() {
                started = Some(cycle);
            }
            param_address = m.get(p.param_raddr) as u32;
            if self.fifo > 0 && percent(rng, weather.host) {
                self.fifo -= 1;
            }
            self.room.push_back(self.fifo + OUT_MARGIN <= FIFO);
            m.tick().expect("tick");
            cycle += 1;
            if give_up == Some(cycle) {
                return cycle;
            }
            assert!(
                cycle < 1_000_000,
                "stuck after job {over} of {}",
                jobs.len()
            );
            quiet = if over == jobs.len() { quiet + 1 } else { 0 };
        }
        assert_eq!((writes, beats), (want.writes.len(), want.beats.len()));
        assert_eq!(range_errors, want.range_errors);
        cycle - quiet - started.unwrap_or(0)
    }
}

fn words4(model: &Model, port: Port) -> Beat {
    let mut words = [0; 4];
    model.read_words(port, &mut words);
    words
}
