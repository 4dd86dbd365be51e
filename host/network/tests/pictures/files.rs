//! Files for `scripts/compare-pillow`, which tells the folder in `FIREBRICK_PICTURES`.

use std::fs;
use std::path::PathBuf;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::jpeg::Colour;
use super::kinds::{Choice, case};
use super::{COMMON, FRACTIONS, UNUSUAL, decode, png};

fn folder() -> PathBuf {
    let folder = std::env::var_os("FIREBRICK_PICTURES").expect("FIREBRICK_PICTURES names a folder");
    folder.into()
}

/// Writes JPEG and PNG files; a name's part before the dash says of which kind.
#[test]
#[ignore = "writes files for scripts/compare-pillow"]
fn write_files() {
    let folder = folder();
    let put = |name: String, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    let sets: [(&str, u64, Choice); 3] = [
        ("any", 400, UNUSUAL),
        ("common", 100, COMMON),
        ("fractions", 50, FRACTIONS),
    ];
    for (set, count, choice) in sets {
        for seed in 0..count {
            // Other files than those of the tests.
            let made = case(10_000 + seed, choice);
            let frame = match made.jpeg.frame {
                0xc0 => "baseline",
                0xc1 => "extended",
                _ => "progressive",
            };
            let colour = match made.jpeg.colour {
                _ if choice.fractions => "factors that do not divide",
                Colour::Grey => "grey",
                Colour::YCbCr => "YCbCr",
                Colour::Rgb => "RGB",
                Colour::Cmyk => "CMYK",
                Colour::Ycck => "YCCK",
            };
            let name = format!("JPEG {frame}, {colour} -{set}-{seed}.jpg");
            put(name, &made.bytes);
        }
    }
    let mut rng = SmallRng::seed_from_u64(2);
    for round in 0..4 {
        for (n, kind) in png::Png::all(&mut rng).into_iter().enumerate() {
            let (file, _) = kind.write(&mut rng);
            let colour = match kind.colour {
                0 => "grey",
                2 => "RGB",
                3 => "palette",
                4 => "grey and alpha",
                _ => "RGB and alpha",
            };
            let deep = if kind.depth == 16 {
                "16 bits"
            } else {
                "1 to 8 bits"
            };
            put(format!("PNG {colour}, {deep} -{round}-{n}.png"), &file);
        }
    }
}

/// Decodes every file of the folder: its pixels in `.rgb`, or the error in `.error`.
#[test]
#[ignore = "reads files for scripts/compare-pillow"]
fn decode_files() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        match decode(&fs::read(&path).unwrap()) {
            Ok((_, _, pixels)) => fs::write(path.with_extension("rgb"), pixels).unwrap(),
            Err(text) => fs::write(path.with_extension("error"), text).unwrap(),
        }
    }
}
