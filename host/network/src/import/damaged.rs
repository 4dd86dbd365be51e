//! Files of every kind, damaged at random: each reader returns, soon, whatever it says.
//! `FIREBRICK_DAMAGED` sets how many of each (`scripts/fuzz readers`), `FIREBRICK_SEEDS` names a folder to
//! which the good files are written, by reader.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use super::{Format, Options, caffe, coreml, deep, keras, mxnet, read_as, tests, tflite, torch};
use crate::pickle;

/// Damaged files of each good one, unless the environment says otherwise.
const FILES: u64 = 100;
/// Bytes of a file of which fewer are made.
const LARGE: usize = 1 << 16;
/// Most time for one.
const TIME: Duration = Duration::from_secs(10);
/// Lengths and counts that readers should not believe.
const LIARS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    u64::MAX / 2,
    u64::MAX,
];

/// A good file or two for every reader, with the reader's name.
fn samples() -> Vec<(&'static str, Format, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |name, format, files: Vec<Vec<u8>>| {
        all.extend(files.into_iter().map(|file| (name, format, file)));
    };
    let [onnx, safetensors, npz] = tests::samples();
    add("onnx", Format::Onnx, vec![onnx]);
    add("safetensors", Format::Safetensors, vec![safetensors]);
    add("npz", Format::Npz, vec![npz]);
    add("pickle", Format::Pickle, vec![pickle::tests::sample()]);
    add("torch", Format::Torch, torch::tests::samples());
    add("tflite", Format::Tflite, tflite::tests::samples());
    add("coreml", Format::CoreMl, vec![coreml::tests::sample()]);
    add("caffe", Format::Caffe, vec![caffe::tests::sample()]);
    add("mxnet", Format::Mxnet, vec![mxnet::tests::sample()]);
    add("deep", Format::Deep, vec![deep::tests::sample()]);
    for (format, file) in keras::tests::samples() {
        let name = match format {
            Format::Keras => "keras",
            _ => "hdf5",
        };
        add(name, format, vec![file]);
    }
    all
}

/// Changes a file in one to four places.
fn damage(file: &mut Vec<u8>, rng: &mut SmallRng) {
    for _ in 0..rng.random_range(1..=4) {
        if file.is_empty() {
            return;
        }
        let at = rng.random_range(0..file.len());
        let length = rng.random_range(1..=64).min(file.len() - at);
        match rng.random_range(0..8) {
            0 => file[at] ^= 1 << rng.random_range(0..8),
            1 => file[at] = rng.random(),
            2 | 3 => {
                let width = [1, 2, 4, 8][rng.random_range(0..4)].min(file.len() - at);
                let liar = LIARS[rng.random_range(0..LIARS.len())].to_le_bytes();
                file[at..at + width].copy_from_slice(&liar[..width]);
            }
            4 => file.truncate(at),
            5 => drop(file.drain(at..at + length)),
            6 => {
                let part = file[at..at + length].to_vec();
                let to = rng.random_range(0..=file.len());
                file.splice(to..to, part);
            }
            _ => {
                let to = rng.random_range(0..=file.len() - length);
                file.copy_within(at..at + length, to);
            }
        }
    }
}

/// Reads one damaged file; what is wrong, if it is not read or refused in time.
fn check(format: Format, file: &[u8]) -> Result<(), String> {
    let begin = Instant::now();
    let options = Options {
        pools: Some(vec![1]),
        ..Options::default()
    };
    let read = || drop(read_as(format, file.to_vec(), "damaged", &options));
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| "it panicked".to_owned())?;
    match begin.elapsed() {
        took if took > TIME => Err(format!("it took {took:?}")),
        _ => Ok(()),
    }
}

#[test]
fn readers_return_whatever_is_damaged() {
    let files = std::env::var("FIREBRICK_DAMAGED").ok();
    let files = files.map_or(FILES, |n| n.parse().expect("a number"));
    for (number, (name, format, good)) in samples().into_iter().enumerate() {
        check(format, &good).unwrap();
        // A large file takes long, and most of it is numbers.
        let files = match good.len() > LARGE {
            true => files.div_ceil(20),
            false => files,
        };
        let begin = Instant::now();
        let failed = (0..files).into_par_iter().find_map_any(|seed| {
            let mut rng = SmallRng::seed_from_u64(seed ^ (number as u64) << 48);
            let mut file = good.clone();
            damage(&mut file, &mut rng);
            let error = check(format, &file).err()?;
            Some((file, error))
        });
        println!(
            "{name}: {files} of {} bytes in {:?}",
            good.len(),
            begin.elapsed()
        );
        if let Some((file, error)) = failed {
            let path = std::env::temp_dir().join(format!("damaged-{name}"));
            fs::write(&path, file).unwrap();
            panic!("{name}: {error}; see {}", path.display());
        }
    }
}

#[test]
fn seeds_for_fuzzing() {
    let Ok(folder) = std::env::var("FIREBRICK_SEEDS") else {
        return;
    };
    for (number, (name, _, file)) in samples().into_iter().enumerate() {
        let folder = Path::new(&folder).join(format!("reader-{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("good{number}")), file).unwrap();
    }
}
