//! Random legal JPEG files, small and unusual, each with the pixels that it must give.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::entropy::Scan;
use super::jpeg::{Coefficients, Colour, Component, Jpeg, Plane};

/// Most blocks of an interleaved MCU.
const MCU_BLOCKS: usize = 10;

/// Of which kinds.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Whether a factor need not divide the largest one (2 of 3, 3 of 4).
    pub fractions: bool,
    /// The whole range, or what cameras and common programs write.
    pub unusual: bool,
}

/// A picture's file and what went into it.
pub struct Case {
    /// How it is written.
    pub jpeg: Jpeg,
    /// The picture as RGB, 0 to 255.
    pub rgb: [Plane; 3],
    /// What was written.
    pub coefficients: Vec<Coefficients>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A case of its own for each seed.
pub fn case(seed: u64, choice: Choice) -> Case {
    let mut rng = SmallRng::seed_from_u64(seed);
    let jpeg = kind(&mut rng, choice);
    encode(jpeg, rng.random())
}

/// Fills a file with a picture, which the seed chooses.
pub fn encode(jpeg: Jpeg, seed: u64) -> Case {
    let mut rng = SmallRng::seed_from_u64(seed);
    let rgb = picture(&mut rng, jpeg.width, jpeg.height);
    let coefficients = jpeg.quantise(&separate(jpeg.colour, &rgb));
    let bytes = jpeg.write(&coefficients);
    Case {
        jpeg,
        rgb,
        coefficients,
        bytes,
    }
}

fn kind(rng: &mut SmallRng, choice: Choice) -> Jpeg {
    let colours = [
        Colour::YCbCr,
        Colour::YCbCr,
        Colour::YCbCr,
        Colour::Grey,
        Colour::Rgb,
        Colour::Cmyk,
        Colour::Ycck,
    ];
    let colour = match colours[rng.random_range(0..colours.len())] {
        // Alone, every factor is the largest.
        Colour::Grey if choice.fractions => Colour::YCbCr,
        colour => colour,
    };
    let frame = [0xc0, 0xc0, 0xc1, 0xc2, 0xc2][rng.random_range(0..5)];
    let side = |rng: &mut SmallRng| match rng.random_range(0..5) {
        0 => rng.random_range(1..=9),
        _ => rng.random_range(1..=75),
    };
    let (width, height) = (side(rng), side(rng));
    let factors = factors(rng, colour, choice);
    let ids = match (colour, rng.random_range(0..3)) {
        (Colour::Rgb, _) => *b"RGBK",
        (_, 0) => [0, 1, 2, 3],
        _ => [1, 2, 3, 4],
    };
    let (jfif, adobe) = match colour {
        Colour::Grey | Colour::YCbCr => match rng.random_range(0..3) {
            0 => (true, None),
            1 => (false, Some(1)),
            _ => (false, None),
        },
        Colour::Rgb => (false, rng.random_bool(0.5).then_some(0)),
        Colour::Cmyk => (false, rng.random_bool(0.7).then_some(0)),
        Colour::Ycck => (false, Some(2)),
    };
    // Fine steps, so that the pixels stay near the picture's; some need 16 bits.
    let coarse = f64::from(rng.random_range(1..=4u16));
    let quant = std::array::from_fn(|n| {
        std::array::from_fn(|k| match frame {
            0xc1 | 0xc2 if n == 1 && k > 40 => 300 + k as u16,
            _ => (coarse * (1.0 + k as f64 / 16.0)) as u16,
        })
    });
    let components = (0..colour.components())
        .map(|n| Component {
            id: ids[n],
            h: factors[n].0,
            v: factors[n].1,
            quant: match frame {
                0xc0 => n.min(1) * 2,
                _ => n,
            },
        })
        .collect();
    let mut jpeg = Jpeg {
        width,
        height,
        frame,
        colour,
        components,
        quant,
        scans: Vec::new(),
        restart: match rng.random_range(0..3) {
            0 => rng.random_range(1..=12),
            _ => 0,
        },
        jfif,
        adobe,
        clutter: rng.random_bool(0.3),
    };
    jpeg.scans = match frame {
        0xc2 => progressive(rng, &jpeg.components),
        _ => groups(rng, &jpeg.components)
            .into_iter()
            .map(|components| first(components, (0, 63), 0))
            .collect(),
    };
    jpeg
}

fn factors(rng: &mut SmallRng, colour: Colour, choice: Choice) -> Vec<(usize, usize)> {
    let count = colour.components();
    if !choice.unusual {
        let luma = [(1, 1), (2, 1), (2, 2), (1, 2)][rng.random_range(0..4)];
        let of = |n| if n == 0 || n == 3 { luma } else { (1, 1) };
        return (0..count).map(of).collect();
    }
    loop {
        let factors: Vec<(usize, usize)> = (0..count)
            .map(|_| (rng.random_range(1..=4), rng.random_range(1..=4)))
            .collect();
        let most_h = factors.iter().map(|f| f.0).max().unwrap();
        let most_v = factors.iter().map(|f| f.1).max().unwrap();
        let whole = factors
            .iter()
            .all(|&(h, v)| most_h % h == 0 && most_v % v == 0);
        if whole != choice.fractions {
            return factors;
        }
    }
}

/// Components to scans: together, one by one, or the first alone; a scan of several holds what an
/// MCU may.
fn groups(rng: &mut SmallRng, components: &[Component]) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..components.len()).collect();
    let groups = match rng.random_range(0..3) {
        0 => all.chunks(1).map(<[usize]>::to_vec).collect(),
        1 if all.len() > 1 => vec![all[..1].to_vec(), all[1..].to_vec()],
        _ => vec![all],
    };
    let mut fitting = Vec::new();
    for group in groups {
        let blocks: usize = group
            .iter()
            .map(|&c| components[c].h * components[c].v)
            .sum();
        match blocks {
            ..=MCU_BLOCKS => fitting.push(group),
            _ => fitting.extend(group.chunks(1).map(<[usize]>::to_vec)),
        }
    }
    fitting
}

fn first(components: Vec<usize>, band: (usize, usize), low: u32) -> Scan {
    Scan {
        components,
        band,
        high: 0,
        low,
    }
}

fn progressive(rng: &mut SmallRng, components: &[Component]) -> Vec<Scan> {
    let mut scans = Vec::new();
    let low = rng.random_range(0..=2);
    for group in groups(rng, components) {
        scans.push(first(group, (0, 0), low));
    }
    let mut later = Vec::new();
    for bit in (0..low).rev() {
        for components in groups(rng, components) {
            later.push(Scan {
                components,
                band: (0, 0),
                high: bit + 1,
                low: bit,
            });
        }
    }
    for component in 0..components.len() {
        let split = rng.random_range(1..=63);
        for band in [(1, split), (split + 1, 63)] {
            if band.0 > band.1 {
                continue;
            }
            let low = rng.random_range(0..=2);
            scans.push(first(vec![component], band, low));
            later.extend((0..low).rev().map(|bit| Scan {
                components: vec![component],
                band,
                high: bit + 1,
                low: bit,
            }));
        }
    }
    scans.extend(later);
    scans
}

/// Soft waves with colour, so that few samples stand for many pixels.
fn picture(rng: &mut SmallRng, width: usize, height: usize) -> [Plane; 3] {
    let mut wave = || {
        let (x, y) = (rng.random_range(-0.06..0.06), rng.random_range(-0.06..0.06));
        (
            x,
            y,
            rng.random_range(0.0..6.0),
            rng.random_range(10.0..55.0),
        )
    };
    std::array::from_fn(|_| {
        let waves = [wave(), wave()];
        Plane::of(width, height, |x, y| {
            let sum = waves.iter().map(|&(across, down, phase, high)| {
                high * (across * x as f64 + down * y as f64 + phase).sin()
            });
            128.0 + sum.sum::<f64>()
        })
    })
}

/// RGB to the planes of the file.
fn separate(colour: Colour, rgb: &[Plane; 3]) -> Vec<Plane> {
    let (width, height) = (rgb[0].width, rgb[0].height);
    let of = |n: usize| {
        Plane::of(width, height, |x, y| {
            let pixel = [rgb[0].at(x, y), rgb[1].at(x, y), rgb[2].at(x, y)];
            match colour {
                Colour::Grey => pixel[0],
                Colour::Rgb => pixel[n],
                Colour::YCbCr => ycc(pixel)[n],
                // Ink as the file has it: 255 for none.
                Colour::Cmyk => 255.0 - ink(pixel)[n],
                Colour::Ycck if n == 3 => 255.0 - ink(pixel)[3],
                Colour::Ycck => {
                    let [c, m, y, _] = ink(pixel);
                    ycc([c, m, y])[n]
                }
            }
        })
    };
    (0..colour.components()).map(of).collect()
}

fn ycc([r, g, b]: [f64; 3]) -> [f64; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, (b - y) / 1.772 + 128.0, (r - y) / 1.402 + 128.0]
}

/// Half of the black that could be, and colours for the rest.
fn ink(rgb: [f64; 3]) -> [f64; 4] {
    let black = (255.0 - rgb.into_iter().fold(0.0, f64::max)) / 2.0;
    let [c, m, y] = rgb.map(|v| 255.0 - v * 255.0 / (255.0 - black));
    [c, m, y, black]
}
