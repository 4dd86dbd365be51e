//! A PNG encoder for tests: every colour type, depth, filter and order of rows.

use rand::Rng;
use rand::rngs::SmallRng;

/// A file to be written.
#[derive(Clone, Debug)]
pub struct Png {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
    pub colour: u8,
    /// Bits a sample.
    pub depth: u32,
    /// Adam7.
    pub interlaced: bool,
    /// Whether there is a tRNS chunk.
    pub transparent: bool,
}

/// First column and row of each of Adam7's passes, and the steps.
const PASSES: [(usize, usize, usize, usize); 7] = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
];

impl Png {
    /// Every legal kind.
    pub fn all(rng: &mut SmallRng) -> Vec<Png> {
        let mut all = Vec::new();
        let depths: [(u8, &[u32]); 5] = [
            (0, &[1, 2, 4, 8, 16]),
            (2, &[8, 16]),
            (3, &[1, 2, 4, 8]),
            (4, &[8, 16]),
            (6, &[8, 16]),
        ];
        for (colour, depths) in depths {
            for &depth in depths {
                for interlaced in [false, true] {
                    for transparent in [false, true] {
                        // The last two have their alpha already.
                        if !(transparent && colour >= 4) {
                            all.push(Png {
                                width: rng.random_range(1..40),
                                height: rng.random_range(1..40),
                                colour,
                                depth,
                                interlaced,
                                transparent,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    fn channels(&self) -> usize {
        [1, 0, 3, 1, 2, 0, 4][usize::from(self.colour)]
    }

    /// The file, with random samples, and the 8-bit RGB pixels that it must give.
    pub fn write(&self, rng: &mut SmallRng) -> (Vec<u8>, Vec<u8>) {
        let most = (1u32 << self.depth) - 1;
        let channels = self.channels();
        let palette: Vec<[u8; 3]> = (0..1 << self.depth.min(8)).map(|_| rng.random()).collect();
        let samples: Vec<u32> = (0..self.width * self.height * channels)
            .map(|_| rng.random_range(0..=most))
            .collect();
        let pixels = samples.chunks(channels).flat_map(|pixel| {
            let scaled = |v: u32| ((v * 255 * 2 + most) / (most * 2)) as u8;
            match *pixel {
                [index] if self.colour == 3 => palette[index as usize],
                [grey] | [grey, _] => [scaled(grey); 3],
                _ => [scaled(pixel[0]), scaled(pixel[1]), scaled(pixel[2])],
            }
        });
        let pixels = pixels.collect();

        let mut rows = Vec::new();
        let whole = [(0, 0, 1, 1)];
        for &(left, top, right, down) in match self.interlaced {
            true => &PASSES[..],
            false => &whole[..],
        } {
            if left >= self.width {
                continue;
            }
            let mut before = Vec::new();
            for y in (top..self.height).step_by(down) {
                let mut row = Vec::new();
                let (mut bits, mut count) = (0u64, 0);
                for x in (left..self.width).step_by(right) {
                    for c in 0..channels {
                        let value = samples[(y * self.width + x) * channels + c];
                        bits = bits << self.depth | u64::from(value);
                        count += self.depth;
                        while count >= 8 {
                            count -= 8;
                            row.push((bits >> count) as u8);
                        }
                    }
                }
                if count > 0 {
                    row.push((bits << (8 - count)) as u8);
                }
                let apart = (channels * self.depth as usize).div_ceil(8);
                filter(rng.random_range(0..5), &row, &before, apart, &mut rows);
                before = row;
            }
        }

        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut header = (self.width as u32).to_be_bytes().to_vec();
        header.extend((self.height as u32).to_be_bytes());
        header.extend([
            self.depth as u8,
            self.colour,
            0,
            0,
            u8::from(self.interlaced),
        ]);
        chunk(&mut file, b"IHDR", &header);
        if self.colour == 3 {
            chunk(&mut file, b"PLTE", palette.as_flattened());
        }
        if self.transparent {
            match self.colour {
                3 => chunk(&mut file, b"tRNS", &[0, 128]),
                _ => chunk(&mut file, b"tRNS", &[0, 1].repeat(channels)),
            }
        }
        chunk(&mut file, b"IDAT", &stored(&rows));
        chunk(&mut file, b"IEND", &[]);
        (file, pixels)
    }
}

fn filter(kind: u8, row: &[u8], before: &[u8], apart: usize, rows: &mut Vec<u8>) {
    rows.push(kind);
    for (n, &value) in row.iter().enumerate() {
        let up = i32::from(before.get(n).copied().unwrap_or(0));
        let left = |of: &[u8]| {
            let byte = n.checked_sub(apart).and_then(|n| of.get(n));
            i32::from(byte.copied().unwrap_or(0))
        };
        let (left, corner) = (left(row), left(before));
        let guess = match kind {
            0 => 0,
            1 => left,
            2 => up,
            3 => (left + up) / 2,
            _ => {
                let sum = left + up - corner;
                let nearest = [left, up, corner];
                nearest.into_iter().min_by_key(|v| (sum - v).abs()).unwrap()
            }
        };
        rows.push(value.wrapping_sub(guess as u8));
    }
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    file.extend((body.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(body);
    let crc = file[start..].iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |s, _| {
            (s >> 1) ^ (0xedb8_8320 & (s & 1).wrapping_neg())
        })
    });
    file.extend((!crc).to_be_bytes());
}

/// A zlib stream of stored blocks.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = bytes.chunks(0xffff).collect();
    for (n, block) in blocks.iter().enumerate() {
        stream.push(u8::from(n + 1 == blocks.len()));
        stream.extend((block.len() as u16).to_le_bytes());
        stream.extend((!(block.len() as u16)).to_le_bytes());
        stream.extend(*block);
    }
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}
