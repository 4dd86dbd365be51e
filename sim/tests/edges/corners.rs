//! Records of which one field is at a corner of its range or just beyond: the engine gives what the
//! software engine gives, a packet or an error with its record.

use firebrick_driver::{EngineFault, ExecError, Executor};
use firebrick_spec::command::{
    Block, Command, End, ErrorCode, Hello, Mode, Opcode, RECORD_WORDS, Store, block, record_crc,
};
use firebrick_spec::fields::Field;
use firebrick_spec::{BEAT_BYTES, HwConfig, regs, sparse};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::bench::Bench;
use super::legal::{self, Item};

/// Payloads longer than this are left out; no memory holds more.
const MOST_BYTES: usize = 1 << 18;

/// Corners that take several fields: a row that is as long as can be and a gap, the last words of the
/// feature buffer in the middle of a tile, a second channel group beyond it by each bit of an address,
/// and one that begins in a gap just before word 0.
const SEVERAL: [&[Change]; 11] = [
    &[(&block::WIDTH, 1023), (&block::IN_GAP, 1)],
    &[(&block::WIDTH, 1023), (&block::IN_GAP, 15)],
    &[(&block::WIDTH, 1009), (&block::IN_GAP, 15)],
    &[(&block::IN_BASE, 32_760), (&block::COUNT, 20)],
    &[(&block::OUT_BASE, 32_760), (&block::COUNT, 20)],
    &[(&block::GROUPS, 2), (&block::PLANE, 1 << 15)],
    &[(&block::GROUPS, 2), (&block::PLANE, 1 << 16)],
    &[(&block::GROUPS, 2), (&block::PLANE, 1 << 17)],
    &[(&block::GROUPS, 2), (&block::PLANE, 1 << 18)],
    &[(&block::GROUPS, 2), (&block::PLANE, 1 << 19)],
    &[
        (&block::GROUPS, 2),
        (&block::PLANE, (1 << 20) - 1),
        (&block::IN_GAP, 1),
        (&block::X0, 8),
        (&block::COUNT, 19),
    ],
];

/// Values of a field beside which something may change.
fn corners(config: &HwConfig, field: &Field) -> Vec<u32> {
    let limits = [
        config.tile,
        config.lanes,
        config.feature_words,
        config.weight_blocks,
        config.param_groups,
        config.acc_depth,
        config.line_words,
        config.window_width,
        config.window_kernel,
    ];
    let around = limits.iter().flat_map(|&limit| {
        let limit = limit as u32;
        [limit - 1, limit, limit + 1]
    });
    let mut values: Vec<u32> = [0, 1, 2, field.max() / 2, field.max() - 1, field.max()]
        .into_iter()
        .chain(around)
        .filter(|&value| value <= field.max())
        .collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// What is known of a stream.
enum Known {
    /// All of it.
    Everything,
    /// It ends: its packet comes, or an access leaves the feature buffer.
    Ends,
}

/// Whether docs/commands.md says what a record of [`Stream`] does; nothing if it may wait for ever.
fn known(config: &HwConfig, command: &Command, changes: &[Change]) -> Option<Known> {
    let takes = changes
        .iter()
        .any(|(field, value)| field.name == "take_strip" && *value == 1);
    let defined = match command {
        Command::Rows(rows) if !rows.strip_end => return None,
        Command::Rows(rows) => rows.first,
        Command::Block(_) if takes => return None,
        Command::Block(block) => {
            let pitch = block.width + block.in_gap;
            let place = block.y0 * pitch + block.x0;
            let pool = block.mode != Mode::Pool
                || block.width >= 3
                    && place == 0
                    && block.count.is_multiple_of(pitch)
                    && block.line_base + pitch.div_ceil(2) <= config.line_words as u32;
            pool && block.x0 < pitch
                && place + block.count <= block.height * pitch
                && block.more_beats < config.tile as u32 / 4
                && block.first
                && block.sum_first
        }
        _ => true,
    };
    match defined {
        true => Some(Known::Everything),
        false => Some(Known::Ends),
    }
}

/// A field and its value.
type Change<'a> = (&'a Field, u32);

/// What the records of a stream are made of.
struct Stream {
    items: Vec<Item>,
}

impl Stream {
    /// One record of each kind, and tiles of every mode.
    fn new(config: &HwConfig, seed: u64) -> Stream {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let mut items = vec![Item::from(Command::Hello(Hello::for_config(config)))];
        items.extend(legal::one_of_each(config, rng));
        let tile = |mode, out_base| {
            Command::Block(Block {
                first: true,
                last: true,
                count: 24,
                groups: 1,
                width: 8,
                height: 3,
                out_base,
                mode,
                sum_first: true,
                sum_last: mode == Mode::Sum,
                layer: 5,
                ..Block::default()
            })
        };
        let tiles = [(Mode::Write, 100), (Mode::Pool, 200), (Mode::Sum, 300)];
        items.extend(tiles.map(|(mode, base)| Item::from(tile(mode, base))));
        items.push(Item::from(Command::Store(Store {
            base: 90,
            count: 200,
        })));
        items.push(Item::from(Command::End(End { tag: 77 })));
        Stream { items }
    }

    /// The transfer in which fields of record `at` have other values; its payload is as long as the
    /// record then says, if the engine takes it.
    fn with(&self, config: &HwConfig, at: usize, changes: &[Change]) -> Option<(Vec<u8>, Known)> {
        let mut bytes = Vec::new();
        let mut known_ = Known::Everything;
        for (index, item) in self.items.iter().enumerate() {
            let mut words = item.command.encode_with(&item.payload).unwrap();
            let mut payload = item.payload.clone();
            if index == at {
                for (field, value) in changes {
                    field.set(&mut words, (*value).into()).unwrap();
                }
                words[RECORD_WORDS - 1] = record_crc(&words);
                let taken = Command::decode(&words).ok();
                if let Some(command) = taken.filter(|command| command.check(config).is_ok()) {
                    known_ = known(config, &command, changes)?;
                    (words, payload) = renewed(config, command, payload, changes)?;
                }
            }
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            bytes.extend(payload);
        }
        Some((bytes, known_))
    }
}

/// The record that the engine takes, with a payload of its length; nothing if that is too long.
fn renewed(
    config: &HwConfig,
    mut command: Command,
    mut payload: Vec<u8>,
    changes: &[Change],
) -> Option<([u32; RECORD_WORDS], Vec<u8>)> {
    let counts = changes.iter().any(|(field, _)| field.name == "count");
    if let Command::LoadSparse(load) = &mut command
        && counts
    {
        payload = sparse::encode(&vec![0; load.count as usize * config.tile * config.tile]);
        load.beats = (payload.len() / BEAT_BYTES) as u32;
    }
    if command.payload_bytes(config) > MOST_BYTES {
        return None;
    }
    payload.resize(command.payload_bytes(config), 3);
    Some((command.encode_with(&payload).unwrap(), payload))
}

/// How many streams were right, at fault, or left out since their result depends on timing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdicts {
    pub right: u32,
    pub faults: u32,
    pub hazards: u32,
}

/// An engine and the software engine in the same state.
struct Pair<'a> {
    bench: &'a mut Bench,
    model: Executor,
    filled: (Vec<Vec<u8>>, Vec<Vec<u8>>, Executor),
}

impl<'a> Pair<'a> {
    fn new(bench: &'a mut Bench) -> Pair<'a> {
        let config = bench.config.clone();
        let case = legal::case(&config, 9_600);
        let mut model = Executor::new(&config);
        let transfers = case.transfers[..1].to_vec();
        let packets = transfers.iter().map(|t| model.run(t).unwrap()).collect();
        model.soft_reset();
        let mut pair = Pair {
            bench,
            model: model.clone(),
            filled: (transfers, packets, model),
        };
        pair.fill().unwrap();
        pair
    }

    /// The memories as after the first stream.
    fn fill(&mut self) -> Result<(), String> {
        let (transfers, packets, model) = &self.filled;
        self.model = model.clone();
        self.bench.compare(transfers, packets, 0.0)
    }

    /// A stream whose result nobody knows, but that it ends.
    fn ends(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.bench.soft_reset();
        let ended = self.bench.exchange(&[bytes.to_vec()], 100_000);
        let range = ErrorCode::FeatureRange as u32;
        let code = regs::error::CODE.get(self.bench.read(regs::ERROR));
        self.bench.drop_rest();
        match ended {
            Err(error) if code != range => Err(error),
            _ => self.fill(),
        }
    }

    fn run(&mut self, bytes: &[u8], verdicts: &mut Verdicts) -> Result<(), String> {
        let mut trial = self.model.clone();
        match trial.run(bytes) {
            Ok(packet) => {
                verdicts.right += 1;
                trial.soft_reset();
                self.model = trial;
                self.bench.compare(&[bytes.to_vec()], &[packet], 0.0)
            }
            Err(ExecError::Fault(fault)) => {
                verdicts.faults += 1;
                self.refused(bytes, fault)
            }
            // What it reads was never written, perhaps; an access out of range is known even so.
            Err(_) => {
                verdicts.hazards += 1;
                let mut free = self.model.clone();
                free.set_strict(false);
                match free.run(bytes) {
                    Err(ExecError::Fault(fault)) => self.refused(bytes, fault),
                    _ => self.ends(bytes),
                }
            }
        }
    }

    /// A stream that the engine must refuse.
    fn refused(&mut self, bytes: &[u8], fault: EngineFault) -> Result<(), String> {
        self.bench.soft_reset();
        let got = self.bench.fault_of(bytes)?;
        let code = regs::error::CODE.get(got);
        let record = regs::error::RECORD.get(got);
        // Where the address of a vector is judged, the decoder is ahead.
        let late = fault.code == ErrorCode::FeatureRange;
        if code != fault.code as u32 || !late && record != fault.record {
            return Err(format!("error {code} at record {record}, want {fault}"));
        }
        // No stream before it has a result to come.
        let status = self.bench.read(regs::STATUS);
        if status & !regs::status::QUEUED.mask() & !regs::status::DRAINING.mask() != regs::UNCLEAN {
            return Err(format!("status {status:#x} after {fault}"));
        }
        self.fill()
    }
}

/// Each field of each record at each corner, of which a share of one in `part` is tried.
pub fn corners_of_fields(bench: &mut Bench, seed: u64, part: u32) -> Result<Verdicts, String> {
    let config = bench.config.clone();
    let rng = &mut SmallRng::seed_from_u64(seed);
    let stream = Stream::new(&config, seed);
    let mut pair = Pair::new(bench);
    let mut verdicts = Verdicts::default();
    for (at, item) in stream.items.iter().enumerate() {
        let opcode = item.command.opcode();
        let fields = Command::fields(opcode).iter();
        let mut changes: Vec<Vec<Change>> = fields
            .flat_map(|field| {
                corners(&config, field)
                    .into_iter()
                    .map(move |v| vec![(field, v)])
            })
            .filter(|_| rng.random_ratio(1, part))
            .collect();
        if opcode == Opcode::Block {
            changes.extend(SEVERAL.map(<[Change]>::to_vec));
        }
        for change in changes {
            if let Some((bytes, known)) = stream.with(&config, at, &change) {
                let ran = match known {
                    Known::Everything => pair.run(&bytes, &mut verdicts),
                    Known::Ends => pair.ends(&bytes),
                };
                ran.map_err(|error| {
                    let said = |(field, value): &Change| format!("{} = {value}", field.name);
                    let what: Vec<_> = change.iter().map(said).collect();
                    format!("record {at}, {opcode:?}, {}: {error}", what.join(", "))
                })?;
            }
        }
    }
    Ok(verdicts)
}

/// Streams that end too early, too late, or with a bit that flipped on its way.
pub fn damaged(bench: &mut Bench, seed: u64, count: u32) -> Result<Verdicts, String> {
    let config = bench.config.clone();
    let rng = &mut SmallRng::seed_from_u64(seed);
    let whole = Stream::new(&config, seed)
        .with(&config, usize::MAX, &[])
        .unwrap()
        .0;
    let mut pair = Pair::new(bench);
    let mut verdicts = Verdicts::default();
    for round in 0..count {
        let mut bytes = whole.clone();
        let at = rng.random_range(0..bytes.len());
        match round % 4 {
            0 | 1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes.truncate((at & !15).max(16)),
            _ => bytes.extend([0; 16]),
        }
        let ran = pair.run(&bytes, &mut verdicts);
        ran.map_err(|error| format!("byte {at}, round {round}: {error}"))?;
    }
    Ok(verdicts)
}

#[test]
fn fields_at_their_corners() {
    let verdicts = corners_of_fields(&mut Bench::new("fb64", 10), 1, 3).unwrap();
    assert!(verdicts.right > 200 && verdicts.faults > 50, "{verdicts:?}");
}

#[test]
fn damaged_streams() {
    let verdicts = damaged(&mut Bench::new("fb64", 11), 2, 60).unwrap();
    assert!(verdicts.faults > 50, "{verdicts:?}");
}
