//! Pictures of every legal kind, written by encoders of the test's own and decoded by the program.
//!
//! `scripts/compare-pillow` takes such files, and Pillow's own, to Pillow.

mod entropy;
mod files;
mod jpeg;
mod kinds;
mod png;
mod reference;

use std::ops::Range;
use std::time::{Duration, Instant};

use firebrick_network::{Border, Input, Picture, PixelOrder, ResizePolicy};
use jpeg::{Colour, Component, Plane};
use kinds::{Case, Choice, case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const UNUSUAL: Choice = Choice {
    fractions: false,
    unusual: true,
};
const COMMON: Choice = Choice {
    fractions: false,
    unusual: false,
};
const FRACTIONS: Choice = Choice {
    fractions: true,
    unusual: true,
};

/// A file's pixels as RGB, by rows.
fn decode(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    let picture = Picture::decode(bytes, "test").map_err(|e| e.to_string())?;
    let (width, height) = picture.size();
    let input = Input {
        height: height as usize,
        width: width as usize,
        order: PixelOrder::Rgb,
        resize: ResizePolicy::Squash,
        border: Border::NONE,
    };
    // Scaled to its own size, a picture keeps its pixels.
    let tensor = picture.to_input(&input).map_err(|e| e.to_string())?;
    Ok((input.width, input.height, tensor.into_iter().collect()))
}

/// Mean and largest difference.
fn difference(got: impl Iterator<Item = f64>, want: &[Plane; 3]) -> (f64, f64) {
    let (mut sum, mut most, mut count) = (0.0, 0f64, 0);
    for (n, value) in got.enumerate() {
        let off = (value - want[n % 3].samples[n / 3]).abs();
        sum += off;
        most = most.max(off);
        count = n + 1;
    }
    assert_eq!(count, 3 * want[0].samples.len());
    (sum / count as f64, most)
}

fn check(case: &Case, name: &str) {
    let Case { jpeg, rgb, .. } = case;
    let want = reference::decode(jpeg, &case.coefficients);
    let (width, height, got) =
        decode(&case.bytes).unwrap_or_else(|e| panic!("{name}: {e}\n{jpeg:?}"));
    assert_eq!((width, height), (jpeg.width, jpeg.height), "{name}");
    // Samples, interpolated samples and colours are rounded, one after the other.
    let (mean, most) = difference(got.iter().map(|&v| f64::from(v)), &want);
    assert!(mean < 1.0 && most < 4.0, "{name}: {mean} {most}\n{jpeg:?}");
    // The reference itself, against what was encoded.
    if jpeg.colour != Colour::Grey {
        let flat = (0..got.len()).map(|n| want[n % 3].samples[n / 3]);
        let (mean, _) = difference(flat, rgb);
        assert!(mean < 4.0, "{name}: reference, {mean}\n{jpeg:?}");
    }
}

fn check_all(seeds: Range<u64>, choice: Choice) {
    for seed in seeds {
        check(&case(seed, choice), &format!("seed {seed} of {choice:?}"));
    }
}

#[test]
fn every_legal_jpeg_gives_its_pixels() {
    check_all(0..400, UNUSUAL);
}

#[test]
fn common_jpegs_give_their_pixels() {
    check_all(0..150, COMMON);
}

/// libjpeg, and so Pillow, refuses these; the standard allows them.
#[test]
fn sampling_factors_that_do_not_divide_give_their_pixels() {
    check_all(0..150, FRACTIONS);
}

/// Every pair of factors in each place, the others at 1x1 and 2x2.
#[test]
fn every_sampling_factor_of_every_component() {
    for place in 0..3 {
        for (h, v) in (1..=4).flat_map(|h| (1..=4).map(move |v| (h, v))) {
            for other in [1, 2] {
                let mut made = case((h * 4 + v) as u64, COMMON).jpeg;
                let mut factors = [(other, other); 3];
                factors[place] = (h, v);
                made.colour = Colour::YCbCr;
                made.frame = 0xc0;
                (made.jfif, made.adobe) = (true, None);
                (made.width, made.height) = (45, 38);
                check(&again(made, &factors), &format!("{factors:?}"));
            }
        }
    }
}

/// Three scans of a component each, with these factors.
fn again(mut jpeg: jpeg::Jpeg, factors: &[(usize, usize)]) -> Case {
    let of = |(n, &(h, v)): (usize, &(usize, usize))| Component {
        id: n as u8 + 1,
        h,
        v,
        quant: 0,
    };
    jpeg.components = factors.iter().enumerate().map(of).collect();
    jpeg.scans = (0..factors.len())
        .map(|n| entropy::Scan {
            components: vec![n],
            band: (0, 63),
            high: 0,
            low: 0,
        })
        .collect();
    kinds::encode(jpeg, 5)
}

#[test]
fn separate_scans_of_a_common_photograph() {
    let mut made = case(0, COMMON).jpeg;
    (made.width, made.height) = (70, 53);
    (made.frame, made.colour, made.adobe) = (0xc0, Colour::YCbCr, None);
    check(
        &again(made, &[(2, 2), (1, 1), (1, 1)]),
        "4:2:0, three scans",
    );
}

#[test]
fn one_chroma_component_finer_than_luma() {
    let mut made = case(0, COMMON).jpeg;
    (made.width, made.height) = (70, 53);
    (made.frame, made.colour, made.adobe) = (0xc0, Colour::YCbCr, None);
    check(&again(made, &[(1, 1), (1, 1), (2, 1)]), "Cr 2x1");
}

/// A file whose frame header was changed.
fn changed(change: impl FnOnce(&mut [u8])) -> String {
    let mut bytes = case(3, COMMON).bytes;
    let frame = bytes
        .windows(2)
        .position(|w| w[0] == 0xff && (0xc0..=0xc2).contains(&w[1]))
        .unwrap();
    change(&mut bytes[frame + 1..]);
    decode(&bytes).expect_err("must be refused")
}

#[test]
fn kinds_that_are_not_read_are_refused_by_name() {
    for (marker, name) in [
        (0xc3, "lossless"),
        (0xc5, "hierarchical"),
        (0xc6, "hierarchical"),
        (0xc7, "hierarchical"),
        (0xc9, "with arithmetic coding"),
        (0xca, "with arithmetic coding"),
        (0xcb, "lossless, with arithmetic coding"),
        (0xcd, "hierarchical, with arithmetic coding"),
        (0xcf, "hierarchical, with arithmetic coding"),
        (0xde, "hierarchical"),
        (0xf7, "JPEG-LS"),
    ] {
        let text = changed(|header| header[0] = marker);
        assert!(text.contains(&format!("JPEG {name}: this kind")), "{text}");
    }
    let text = changed(|header| header[3] = 12);
    assert!(text.contains("12 bits a sample"), "{text}");
    let text = changed(|header| header[4..6].fill(0));
    assert!(text.contains("height behind the picture"), "{text}");
    for count in [2, 5] {
        let text = changed(|header| header[8] = count);
        assert!(text.contains(&format!("{count} components")), "{text}");
    }
    let text = changed(|header| header[10] = 0x51);
    assert!(text.contains("sampling factors 5x1"), "{text}");
}

#[test]
fn scans_that_are_left_out_are_missed() {
    let mut last = 0;
    for seed in 0..60 {
        let mut made = case(seed, UNUSUAL);
        if made.jpeg.scans.len() == 1 {
            continue;
        }
        let scans = std::mem::take(&mut made.jpeg.scans);
        made.jpeg.scans = scans[1..].to_vec();
        assert!(
            decode(&made.jpeg.write(&made.coefficients)).is_err(),
            "{seed}"
        );
        // The first ten coefficients must be whole; of others, less may have come.
        if scans.last().unwrap().band.0 < 10 {
            made.jpeg.scans = scans[..scans.len() - 1].to_vec();
            assert!(
                decode(&made.jpeg.write(&made.coefficients)).is_err(),
                "{seed}"
            );
            last += 1;
        }
    }
    assert!(last > 5);
}

/// Any damage is refused, or gives a picture of the size that the file says, at once.
#[test]
fn damage_does_no_harm() {
    let start = Instant::now();
    let mut refused = 0;
    for seed in 0..1500 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut bytes = case(seed % 100, UNUSUAL).bytes;
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(2..bytes.len());
            match rng.random_range(0..4) {
                0 => bytes[at] = rng.random(),
                1 => bytes.truncate(at + 1),
                2 => drop(bytes.remove(at)),
                _ => bytes[at] ^= 1 << rng.random_range(0..8),
            }
        }
        match decode(&bytes) {
            Ok((width, height, pixels)) => assert_eq!(pixels.len(), width * height * 3),
            Err(text) => {
                assert!(text.starts_with("picture test: "), "{text}");
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "{refused}");
    assert!(start.elapsed() < Duration::from_secs(120));
}

#[test]
fn every_kind_of_png_gives_its_pixels() {
    let mut rng = SmallRng::seed_from_u64(1);
    for _ in 0..4 {
        for kind in png::Png::all(&mut rng) {
            let (file, want) = kind.write(&mut rng);
            let (width, height, got) = decode(&file).unwrap_or_else(|e| panic!("{e}: {kind:?}"));
            assert_eq!((width, height), (kind.width, kind.height));
            assert_eq!(got, want, "{kind:?}");
        }
    }
}
