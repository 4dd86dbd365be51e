//! A JPEG encoder for tests: every Huffman-coded kind that ITU-T T.81 allows and few programs
//! write. Sampling, scans, colour and markers are free; it is neither fast nor clever.

use super::entropy::{Scan, Writer, scan};

/// How the components' samples mean a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// One component.
    Grey,
    /// Three, as JFIF has them.
    YCbCr,
    /// Three.
    Rgb,
    /// Four amounts of ink, inverted as Adobe's programs write them.
    Cmyk,
    /// The first three of those as YCbCr.
    Ycck,
}

impl Colour {
    /// Number of components.
    pub fn components(self) -> usize {
        match self {
            Colour::Grey => 1,
            Colour::YCbCr | Colour::Rgb => 3,
            Colour::Cmyk | Colour::Ycck => 4,
        }
    }
}

/// A component as the frame header has it.
#[derive(Clone, Debug)]
pub struct Component {
    /// Identifier.
    pub id: u8,
    /// Horizontal sampling factor, 1 to 4.
    pub h: usize,
    /// Vertical sampling factor, 1 to 4.
    pub v: usize,
    /// Quantisation table, 0 to 3.
    pub quant: usize,
}

/// A file to be written.
#[derive(Clone, Debug)]
pub struct Jpeg {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Marker of the frame header: SOF0, SOF1 or SOF2.
    pub frame: u8,
    /// What the samples mean.
    pub colour: Colour,
    /// In the order of the frame header.
    pub components: Vec<Component>,
    /// Quantisation tables, in zigzag order.
    pub quant: [[u16; 64]; 4],
    /// In the order of the file.
    pub scans: Vec<Scan>,
    /// MCUs between restart markers; 0 for none.
    pub restart: usize,
    /// Whether there is a JFIF segment.
    pub jfif: bool,
    /// The transform that an Adobe segment states.
    pub adobe: Option<u8>,
    /// Comments, segments of applications and fill bytes between the others.
    pub clutter: bool,
}

/// Samples of one component, 0 to 255.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row.
    pub samples: Vec<f64>,
}

impl Plane {
    /// Evaluates `sample(x, y)` everywhere.
    pub fn of(width: usize, height: usize, mut sample: impl FnMut(usize, usize) -> f64) -> Plane {
        let mut samples = Vec::with_capacity(width * height);
        for y in 0..height {
            samples.extend((0..width).map(|x| sample(x, y)));
        }
        Plane {
            width,
            height,
            samples,
        }
    }

    /// The sample at (x, y), or the nearest to it.
    pub fn at(&self, x: usize, y: usize) -> f64 {
        self.samples[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }
}

/// Quantised coefficients of one component, in zigzag order within each block.
#[derive(Clone, Debug)]
pub struct Coefficients {
    /// Columns of the component.
    pub width: usize,
    /// Rows of the component.
    pub height: usize,
    /// Blocks a row, those that only fill up MCUs included.
    pub across: usize,
    /// Row by row.
    pub blocks: Vec<[i32; 64]>,
}

impl Jpeg {
    /// Largest sampling factors.
    pub fn largest(&self) -> (usize, usize) {
        let of = |f: fn(&Component) -> usize| self.components.iter().map(f).max().unwrap();
        (of(|c| c.h), of(|c| c.v))
    }

    /// Columns and rows of MCUs of a scan with several components.
    pub fn mcus(&self) -> (usize, usize) {
        let (h, v) = self.largest();
        (self.width.div_ceil(8 * h), self.height.div_ceil(8 * v))
    }

    /// Samples the picture (one plane a component, full size) and quantises it.
    pub fn quantise(&self, planes: &[Plane]) -> Vec<Coefficients> {
        let (most_h, most_v) = self.largest();
        let (columns, rows) = self.mcus();
        let of = |(component, plane): (&Component, &Plane)| {
            let width = (self.width * component.h).div_ceil(most_h);
            let height = (self.height * component.v).div_ceil(most_v);
            let small = shrink(
                plane,
                width,
                height,
                (component.h, most_h),
                (component.v, most_v),
            );
            let (across, down) = (columns * component.h, rows * component.v);
            let quant = &self.quant[component.quant];
            let blocks = (0..across * down)
                .map(|n| forward(&small, n % across * 8, n / across * 8, quant))
                .collect();
            Coefficients {
                width,
                height,
                across,
                blocks,
            }
        };
        self.components.iter().zip(planes).map(of).collect()
    }

    /// The file with these coefficients.
    pub fn write(&self, coefficients: &[Coefficients]) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8];
        if self.jfif {
            segment(&mut file, 0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
        }
        if let Some(transform) = self.adobe {
            let mut body = b"Adobe\0\x64\0\0\0\0".to_vec();
            body.push(transform);
            segment(&mut file, 0xee, &body);
        }
        if self.clutter {
            segment(
                &mut file,
                0xfe,
                b"a comment with a marker in it: \xff\xd9\xff\xda",
            );
            segment(&mut file, 0xe7, b"");
            file.extend([0xff, 0xff]);
        }
        for (n, table) in self.quant.iter().enumerate() {
            let deep = table.iter().any(|&q| q > 255);
            let mut body = vec![n as u8 | u8::from(deep) << 4];
            for q in table {
                let bytes = q.to_be_bytes();
                body.extend(&bytes[usize::from(!deep)..]);
            }
            segment(&mut file, 0xdb, &body);
        }
        let mut body = vec![8];
        body.extend((self.height as u16).to_be_bytes());
        body.extend((self.width as u16).to_be_bytes());
        body.push(self.components.len() as u8);
        for c in &self.components {
            body.extend([c.id, (c.h << 4 | c.v) as u8, c.quant as u8]);
        }
        segment(&mut file, self.frame, &body);
        if self.restart > 0 {
            segment(&mut file, 0xdd, &(self.restart as u16).to_be_bytes());
        }
        for (n, s) in self.scans.iter().enumerate() {
            if self.clutter && n == 1 {
                segment(&mut file, 0xfe, b"between scans");
            }
            let mut writer = Writer::default();
            scan(self, s, coefficients, &mut writer);
            writer.finish(self, s, &mut file);
        }
        file.extend([0xff, 0xd9]);
        file
    }
}

/// Appends a marker segment.
pub fn segment(file: &mut Vec<u8>, marker: u8, body: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((body.len() as u16 + 2).to_be_bytes());
    file.extend(body);
}

/// Means over the area that each sample of the smaller plane stands for.
fn shrink(
    plane: &Plane,
    width: usize,
    height: usize,
    (h, most_h): (usize, usize),
    (v, most_v): (usize, usize),
) -> Plane {
    // Parts of a pixel, so that 2 of 3 comes out evenly.
    Plane::of(width, height, |x, y| {
        let mut sum = 0.0;
        for part_y in y * most_v..(y + 1) * most_v {
            for part_x in x * most_h..(x + 1) * most_h {
                sum += plane.at(part_x / h, part_y / v);
            }
        }
        sum / (most_h * most_v) as f64
    })
}

/// Natural position of each coefficient of the zigzag order.
pub fn zigzag() -> [(usize, usize); 64] {
    let mut order = [(0, 0); 64];
    let mut n = 0;
    for diagonal in 0..15usize {
        for step in 0..=diagonal {
            let (a, b) = (step, diagonal - step);
            // Even diagonals run upwards.
            let (x, y) = if diagonal % 2 == 0 { (a, b) } else { (b, a) };
            if x < 8 && y < 8 {
                order[n] = (x, y);
                n += 1;
            }
        }
    }
    order
}

/// `wave(n)[k]`: the k-th cosine at sample n, scaled so that the transform is its own inverse.
pub fn waves() -> [[f64; 8]; 8] {
    std::array::from_fn(|n| {
        std::array::from_fn(|k| {
            let scale = if k == 0 { 0.125f64.sqrt() } else { 0.5 };
            scale * (std::f64::consts::PI * (2 * n + 1) as f64 * k as f64 / 16.0).cos()
        })
    })
}

fn forward(plane: &Plane, left: usize, top: usize, quant: &[u16; 64]) -> [i32; 64] {
    let waves = waves();
    let rows: [[f64; 8]; 8] = std::array::from_fn(|y| {
        std::array::from_fn(|u| {
            (0..8)
                .map(|x| (plane.at(left + x, top + y) - 128.0) * waves[x][u])
                .sum()
        })
    });
    let order = zigzag();
    std::array::from_fn(|k| {
        let (u, v) = order[k];
        let sum: f64 = (0..8).map(|y| rows[y][u] * waves[y][v]).sum();
        (sum / f64::from(quant[k])).round() as i32
    })
}
