//! A bench around the emitted drain unit: accumulators, parameters, feature buffer, host, and a
//! model of when the unit takes jobs, asks for vectors and reports.

use std::collections::VecDeque;

use firebrick_rtl::array::accumulators::ACC_READ_LATENCY;
use firebrick_rtl::drain::{
    DRAIN_LATENCY, OUT_MARGIN, sums_beat_latency, sums_pace, tap_pace, tapped_latency,
};
use firebrick_sim::{Model, Port, VerilatedModel};
use firebrick_spec::HwConfig;
use rand::{Rng, rngs::StdRng};

use crate::drain_support::{Beat, Job, Memories, effects};
use crate::support::percent;

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

/// When the unit asks for vectors, and when it is done with a job.
#[derive(Default)]
struct Front {
    lanes: u32,
    /// Job in hand and the vectors that it still has.
    hand: Option<(usize, u32)>,
    /// Cycles that the next vector has to wait.
    cool: usize,
    /// Cycles in which jobs are over, in order.
    over: VecDeque<u64>,
}

impl Front {
    /// Whether a vector waits.
    fn waits(&self) -> Option<usize> {
        self.hand.filter(|_| self.cool == 0).map(|(job, _)| job)
    }

    /// The next cycle, with what happened in this one.
    fn step(&mut self, cycle: u64, jobs: &[Job], fired: bool, taken: Option<usize>) {
        let lanes = self.lanes as usize;
        self.cool = self.cool.saturating_sub(1);
        if let (true, Some((index, left))) = (fired, self.hand) {
            let job = &jobs[index];
            let taps = job.tap && !job.end_image;
            self.cool = if taps { tap_pace(lanes) } else { 2 } - 1;
            self.hand = Some((index, left - 1)).filter(|_| left > 1);
            if left == 1 {
                let mut latency = if taps {
                    tapped_latency(lanes)
                } else {
                    DRAIN_LATENCY
                };
                if job.sends_sums() {
                    self.cool = sums_pace(lanes) - 1;
                    latency = sums_beat_latency(lanes) + job.more_beats as usize;
                }
                self.over.push_back(cycle + latency as u64);
            }
        }
        if let Some(index) = taken {
            self.hand = Some((index, jobs[index].vectors(self.lanes)));
        }
    }
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
    acc_words: [Vec<Port>; 2],
    param_raddr: Port,
    param_rdata: Port,
    fw_valid: Vec<Port>,
    fw_addr: Vec<Port>,
    fw_data: Vec<Port>,
    range_error: Port,
    out_room: Port,
    blocked: Port,
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
    lanes: usize,
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
    pub fn open(config: &HwConfig, built: &VerilatedModel, seed: u32) -> Bench {
        let model = Model::load(built, seed).expect("the model loads");
        let port = |name: &str| model.port(name).expect("port");
        let ports = |name: &str, n: usize| (0..n).map(|i| port(&format!("{name}_{i}"))).collect();
        let pixels = config.drain_pixels();
        let ports = Ports {
            reset: port("reset"),
            job_valid: port("job_valid"),
            job: port("job"),
            job_ready: port("job_ready"),
            acc_re: port("acc_re"),
            acc_rbank: port("acc_rbank"),
            acc_raddr: port("acc_raddr"),
            acc_grant: port("acc_grant"),
            acc_words: ["acc_words_0", "acc_words_1"].map(|name| ports(name, config.lanes)),
            param_raddr: port("param_raddr"),
            param_rdata: port("param_rdata"),
            fw_valid: ports("fw_valid", pixels),
            fw_addr: ports("fw_addr", pixels),
            fw_data: ports("fw_data", pixels),
            range_error: port("range_error"),
            out_room: port("out_room"),
            blocked: port("blocked"),
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
            lanes: config.lanes,
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

    /// Runs `jobs`, checks every effect and when jobs are taken, vectors asked for and jobs over,
    /// and returns the cycles from the first read to the last effect. Gives up after `give_up`
    /// cycles if that is set, which is then no fault.
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
        let noise: [u32; 16] = rng.random();
        let mut reads: VecDeque<Option<(usize, usize)>> = VecDeque::from([None; ACC_READ_LATENCY]);
        let mut front = Front {
            lanes: self.lanes as u32,
            ..Front::default()
        };
        let mut param_addresses: VecDeque<u32> = VecDeque::from([0; ACC_READ_LATENCY]);
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
                    let mut job: [u32; 5] = rng.random();
                    job[4] &= (1 << 30) - 1;
                    job
                },
            );
            let grant = percent(rng, weather.grant);
            m.set(p.acc_grant, u64::from(grant));
            let read = reads.pop_front().flatten();
            for (number, ports) in p.acc_words.iter().enumerate() {
                for (lane, &port) in ports.iter().enumerate() {
                    let data = match read {
                        Some((bank, address)) if bank == number => {
                            let all = &memories.acc[bank];
                            all[(address * self.lanes + lane) % all.len()].map(|x| x as u32)
                        }
                        _ => noise.map(|x| x ^ cycle as u32),
                    };
                    m.set_words(port, &data);
                }
            }
            let param_address = param_addresses.pop_front().unwrap_or_default();
            m.set_words(p.param_rdata, &memories.param_words(param_address));
            let room = self.room.pop_front().expect("delayed room");
            m.set(p.out_room, u64::from(room));
            m.eval().expect("eval");

            // Effects visible in this cycle.
            for ((&valid, &addr), &data) in p.fw_valid.iter().zip(&p.fw_addr).zip(&p.fw_data) {
                if m.get(valid) != 0 {
                    let seen = (m.get(addr) as u32, words4(m, data));
                    assert_eq!(
                        Some(&seen),
                        want.writes.get(writes),
                        "write {writes}, cycle {cycle}, after job {over}"
                    );
                    writes += 1;
                }
            }
            range_errors += m.get(p.range_error) as usize;
            if m.get(p.out_valid) != 0 {
                let mut seen = (words4(m, p.out_data), m.get(p.out_last) != 0);
                if seen.1 {
                    // Of the last beat, the output stage takes the tag only.
                    seen.0 = [0, 0, seen.0[2], 0];
                }
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
            assert_eq!(
                drained || ended,
                front.over.front() == Some(&cycle),
                "end of job {over} of {} in cycle {cycle}",
                jobs.len()
            );
            if drained || ended {
                front.over.pop_front();
                assert_eq!(ended, jobs[over].end_image, "job {over}: {:?}", jobs[over]);
                let after = want.after[over];
                assert!(
                    writes >= after.0 && beats >= after.1,
                    "job {over} over too early: {:?}",
                    jobs[over]
                );
                // Up to all entries of a cycle may lie beyond the memory.
                assert!(
                    range_errors * p.fw_valid.len() >= after.2,
                    "job {over}: {range_errors} range errors for {} words",
                    after.2
                );
                over += 1;
            }

            // When the unit asks.
            let waits = front.waits();
            let job = waits.map(|index| &jobs[index]);
            let sends = job.is_some_and(|j| j.end_image || j.tap || j.sends_sums());
            let is_end = job.is_some_and(|j| j.end_image);
            let issues = waits.is_some() && (!sends || room);
            assert_eq!(m.get(p.acc_re) != 0, issues && !is_end, "cycle {cycle}");
            assert_eq!(
                m.get(p.blocked) != 0,
                waits.is_some() && sends && !room,
                "cycle {cycle}"
            );
            assert_eq!(
                m.get(p.job_ready) != 0,
                front.hand.is_none(),
                "cycle {cycle}"
            );

            // What goes in at the edge.
            let takes = show && m.get(p.job_ready) != 0;
            let read = grant && m.get(p.acc_re) != 0;
            front.step(
                cycle,
                jobs,
                read || (issues && is_end),
                takes.then_some(taken),
            );
            taken += usize::from(takes);
            reads.push_back(
                read.then(|| (m.get(p.acc_rbank) as usize, m.get(p.acc_raddr) as usize)),
            );
            if read && started.is_none() {
                started = Some(cycle);
            }
            param_addresses.push_back(m.get(p.param_raddr) as u32);
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
        assert!(range_errors <= want.misses);
        cycle - quiet - started.unwrap_or(0)
    }
}

fn words4(model: &Model, port: Port) -> Beat {
    let mut words = [0; 4];
    model.read_words(port, &mut words);
    words
}
