//! The frame header: size, components, and where their samples go.

use super::{Outcome, damaged, short, transform, unsupported};
use crate::image::{ImageErrorKind, JPEG_PIXELS_A_BYTE, check_size};

/// A picture under way.
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    pub progressive: bool,
    /// Largest sampling factors.
    pub most: (usize, usize),
    /// Columns and rows of MCUs of a scan with several components.
    pub mcus: (usize, usize),
    pub components: Vec<Component>,
}

/// A component under way.
pub(super) struct Component {
    pub id: u8,
    /// Sampling factors, 1 to 4.
    pub h: usize,
    pub v: usize,
    pub quant_number: usize,
    /// In natural order, from its first scan on.
    pub quant: Option<[u16; 64]>,
    /// Samples a row and rows, without what fills up blocks and MCUs.
    pub width: usize,
    pub height: usize,
    /// Blocks a row and rows, with those that fill up MCUs.
    pub across: usize,
    pub down: usize,
    /// Samples, `across * 8` a row.
    pub plane: Vec<u8>,
    /// Coefficients in natural order, of a progressive picture.
    pub blocks: Vec<[i16; 64]>,
    /// For each coefficient in zigzag order, how many bits are still to come; `None` if all.
    pub missing: [Option<u8>; 64],
}

/// libjpeg smooths blocks while one of these first coefficients is not known in full.
const SMOOTHED: usize = 10;

impl Frame {
    /// Reads the body of SOF0, SOF1 or SOF2; `bytes` is the length of the file.
    pub fn new(marker: u8, body: &[u8], bytes: usize) -> Outcome<Frame> {
        let Some((&[bits, h1, h0, w1, w0, count], rest)) = body.split_first_chunk() else {
            return Err(short(marker));
        };
        if bits != 8 {
            return Err(unsupported(format!("with {bits} bits a sample")));
        }
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if height == 0 {
            return Err(unsupported("with its height behind the picture"));
        }
        if width == 0 {
            return Err(damaged("no pixel is wide"));
        }
        match count {
            1 | 3 | 4 => {}
            0 => return Err(damaged("no components")),
            _ => return Err(unsupported(format!("with {count} components"))),
        }
        let (entries, []) = rest.as_chunks::<3>() else {
            return Err(short(marker));
        };
        if entries.len() != usize::from(count) {
            return Err(short(marker));
        }
        let progressive = marker == 0xc2;
        let (width, height) = (usize::from(width), usize::from(height));
        let factors = |&[_, hv, _]: &[u8; 3]| (usize::from(hv >> 4), usize::from(hv & 15));
        let mut most = (1, 1);
        for (h, v) in entries.iter().map(factors) {
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                return Err(damaged(format!("sampling factors {h}x{v}")));
            }
            most = (most.0.max(h), most.1.max(v));
        }
        let mcus = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
        let mut components: Vec<Component> = Vec::new();
        for entry in entries {
            let [id, _, quant] = *entry;
            let (h, v) = factors(entry);
            if quant > 3 || components.iter().any(|c| c.id == id) {
                return Err(damaged("the frame's components contradict each other"));
            }
            components.push(Component {
                id,
                h,
                v,
                quant_number: usize::from(quant),
                quant: None,
                width: (width * h).div_ceil(most.0),
                height: (height * v).div_ceil(most.1),
                across: mcus.0 * h,
                down: mcus.1 * v,
                plane: Vec::new(),
                blocks: Vec::new(),
                missing: [None; 64],
            });
        }
        let samples = |c: &Component| c.across as u64 * c.down as u64 * 64;
        let all = components.iter().map(samples).sum::<u64>();
        let decoded = match progressive {
            // Coefficients of all, and samples of one after the other in their place.
            true => 2 * all + components.iter().map(samples).max().unwrap_or(0),
            false => all,
        };
        let (w, h) = (width as u32, height as u32);
        check_size(w, h, decoded)?;
        if (bytes as u64) < width as u64 * height as u64 / JPEG_PIXELS_A_BYTE {
            return Err(ImageErrorKind::TooShort {
                bytes,
                width: w,
                height: h,
            });
        }
        for c in &mut components {
            match progressive {
                true => c.blocks = vec![[0; 64]; c.across * c.down],
                false => c.plane = vec![0; c.across * c.down * 64],
            }
        }
        Ok(Frame {
            width,
            height,
            progressive,
            most,
            mcus,
            components,
        })
    }

    /// Makes samples of a progressive picture's coefficients, if all have come.
    pub fn complete(&mut self) -> Outcome<()> {
        for component in &mut self.components {
            if component.missing[0].is_none() {
                return Err(damaged(format!("component {} has no scan", component.id)));
            }
            if component.missing[..SMOOTHED]
                .iter()
                .any(|&bits| bits != Some(0))
            {
                return Err(unsupported("progressive, without the scans of its details"));
            }
            if self.progressive {
                let quant = component.quant()?;
                let blocks = std::mem::take(&mut component.blocks);
                component.plane = vec![0; blocks.len() * 64];
                for (n, block) in blocks.iter().enumerate() {
                    component.transform(n, block, &quant);
                }
            }
        }
        Ok(())
    }
}

impl Component {
    /// The quantisation table, which the file should hold before the first scan.
    pub fn quant(&self) -> Outcome<[u16; 64]> {
        self.quant
            .ok_or_else(|| damaged("a quantisation table is missing"))
    }

    /// Makes the samples of block `n`.
    #[inline]
    pub fn transform(&mut self, n: usize, block: &[i16; 64], quant: &[u16; 64]) {
        let at = n / self.across * self.across * 64 + n % self.across * 8;
        transform::inverse(block, quant, &mut self.plane[at..], self.across * 8);
    }
}
