//! The encoder's scans: coefficients to symbols, symbols to bits.

use super::jpeg::{Coefficients, Jpeg, segment};

/// What one scan carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Numbers of components.
    pub components: Vec<usize>,
    /// First and last coefficient.
    pub band: (usize, usize),
    /// Bits that scans before left out; 0 for a first scan.
    pub high: u32,
    /// Bits that this one leaves out.
    pub low: u32,
}

enum Token {
    /// Class (0 DC, 1 AC), table, value.
    Symbol(usize, usize, u8),
    /// Value and number of bits.
    Bits(u32, u32),
    Restart,
}

/// Gathers a scan's symbols, so that its Huffman tables can be made for them.
#[derive(Default)]
pub struct Writer {
    tokens: Vec<Token>,
    run: u32,
    /// Correction bits that follow the end-of-band run under way.
    corrections: Vec<u32>,
}

/// Encodes one scan.
pub fn scan(jpeg: &Jpeg, scan: &Scan, coefficients: &[Coefficients], writer: &mut Writer) {
    let mut predictors = [0; 4];
    let mut mcu = |writer: &mut Writer, number: usize, blocks: &[(usize, usize)]| {
        if jpeg.restart > 0 && number > 0 && number.is_multiple_of(jpeg.restart) {
            writer.end_run(table(&scan.components, scan.components[0]));
            writer.tokens.push(Token::Restart);
            predictors = [0; 4];
        }
        for &(component, block) in blocks {
            let block = &coefficients[component].blocks[block];
            let table = table(&scan.components, component);
            let low = scan.low;
            match (scan.band.0, scan.high) {
                (0, 0) => {
                    let dc = block[0] >> low;
                    writer.dc(table, dc - predictors[component]);
                    predictors[component] = dc;
                    if scan.band.1 > 0 {
                        writer.sequential(table, block);
                    }
                }
                (0, _) => writer.bits((block[0] >> low) as u32 & 1, 1),
                (_, 0) => writer.first(table, &block[scan.band.0..=scan.band.1], low),
                _ => writer.refine(table, &block[scan.band.0..=scan.band.1], low),
            }
        }
    };
    if let [component] = scan.components[..] {
        let of = &coefficients[component];
        let (across, down) = (of.width.div_ceil(8), of.height.div_ceil(8));
        for n in 0..across * down {
            mcu(
                writer,
                n,
                &[(component, n / across * of.across + n % across)],
            );
        }
    } else {
        let (columns, rows) = jpeg.mcus();
        for n in 0..columns * rows {
            let mut blocks = Vec::new();
            for &component in &scan.components {
                let c = &jpeg.components[component];
                for y in 0..c.v {
                    for x in 0..c.h {
                        let row = n / columns * c.v + y;
                        let column = n % columns * c.h + x;
                        blocks.push((component, row * coefficients[component].across + column));
                    }
                }
            }
            mcu(writer, n, &blocks);
        }
    }
    writer.end_run(table(&scan.components, scan.components[0]));
}

/// Baseline allows two tables of each class.
fn table(components: &[usize], component: usize) -> usize {
    components.iter().position(|&c| c == component).unwrap() % 2
}

impl Writer {
    fn bits(&mut self, value: u32, count: u32) {
        self.tokens
            .push(Token::Bits(value & ((1 << count) - 1), count));
    }

    fn dc(&mut self, table: usize, difference: i32) {
        let size = size(difference);
        self.tokens.push(Token::Symbol(0, table, size as u8));
        self.value(difference, size);
    }

    fn ac(&mut self, table: usize, run: u32, size: u32) {
        self.tokens
            .push(Token::Symbol(1, table, (run << 4 | size) as u8));
    }

    fn value(&mut self, value: i32, size: u32) {
        self.bits(if value < 0 { value - 1 } else { value } as u32, size);
    }

    fn sequential(&mut self, table: usize, block: &[i32; 64]) {
        let mut zeros = 0;
        for &value in &block[1..] {
            if value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                self.ac(table, 15, 0);
                zeros -= 16;
            }
            self.ac(table, zeros, size(value));
            self.value(value, size(value));
            zeros = 0;
        }
        if zeros > 0 {
            self.ac(table, 0, 0);
        }
    }

    fn first(&mut self, table: usize, band: &[i32], low: u32) {
        let mut zeros = 0;
        for &value in band {
            let value = value.signum() * (value.abs() >> low);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.end_run(table);
            while zeros > 15 {
                self.ac(table, 15, 0);
                zeros -= 16;
            }
            self.ac(table, zeros, size(value));
            self.value(value, size(value));
            zeros = 0;
        }
        if zeros > 0 {
            self.longer_run(table);
        }
    }

    fn refine(&mut self, table: usize, band: &[i32], low: u32) {
        let last_new = band.iter().rposition(|v| v.abs() >> low == 1);
        let mut zeros = 0;
        let mut corrections = Vec::new();
        for (k, value) in band.iter().enumerate() {
            let magnitude = value.unsigned_abs() >> low;
            if magnitude == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && last_new.is_some_and(|last| k <= last) {
                self.end_run(table);
                self.ac(table, 15, 0);
                zeros -= 16;
                corrections.drain(..).for_each(|bit| self.bits(bit, 1));
            }
            if magnitude > 1 {
                corrections.push(magnitude & 1);
                continue;
            }
            self.end_run(table);
            self.ac(table, zeros, 1);
            self.bits(u32::from(*value > 0), 1);
            corrections.drain(..).for_each(|bit| self.bits(bit, 1));
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            self.corrections.extend(corrections);
            self.longer_run(table);
        }
    }

    fn longer_run(&mut self, table: usize) {
        self.run += 1;
        if self.run == 0x7fff {
            self.end_run(table);
        }
    }

    fn end_run(&mut self, table: usize) {
        if self.run > 0 {
            let length = self.run.ilog2();
            self.ac(table, length, 0);
            self.bits(self.run, length);
            self.run = 0;
            let corrections = std::mem::take(&mut self.corrections);
            corrections.into_iter().for_each(|bit| self.bits(bit, 1));
        }
    }

    /// Appends tables, scan header and data.
    pub fn finish(self, jpeg: &Jpeg, scan: &Scan, file: &mut Vec<u8>) {
        let mut counts = [[[0usize; 256]; 2]; 2];
        for token in &self.tokens {
            if let Token::Symbol(class, table, symbol) = *token {
                counts[class][table][usize::from(symbol)] += 1;
            }
        }
        let mut codes = [[[(0, 0); 256]; 2]; 2];
        // All tables of a scan in one segment.
        let mut body = Vec::new();
        for class in 0..2 {
            for table in 0..2 {
                if counts[class][table].iter().any(|&n| n > 0) {
                    body.push((class << 4 | table) as u8);
                    codes[class][table] = huffman(&counts[class][table], &mut body);
                }
            }
        }
        if !body.is_empty() {
            segment(file, 0xc4, &body);
        }
        let mut header = vec![scan.components.len() as u8];
        for &c in &scan.components {
            let table = table(&scan.components, c) as u8;
            header.extend([jpeg.components[c].id, table << 4 | table]);
        }
        header.extend([scan.band.0 as u8, scan.band.1 as u8]);
        header.push((scan.high << 4 | scan.low) as u8);
        segment(file, 0xda, &header);
        let mut data = Data::default();
        let mut restarts = 0;
        for token in self.tokens {
            match token {
                Token::Symbol(class, table, symbol) => {
                    let (code, length) = codes[class][table][usize::from(symbol)];
                    data.put(code, length, file);
                }
                Token::Bits(value, count) => data.put(value, count, file),
                Token::Restart => {
                    data.pad(file);
                    file.extend([0xff, 0xd0 + restarts % 8]);
                    restarts += 1;
                }
            }
        }
        data.pad(file);
    }
}

/// Bits of a magnitude.
fn size(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// Makes a table for symbols that occur so often, appends it as DHT has it, and gives each
/// symbol's code and length: Shannon's lengths, which leave the code of ones free.
fn huffman(counts: &[usize; 256], body: &mut Vec<u8>) -> [(u32, u32); 256] {
    let total: usize = counts.iter().sum();
    let mut symbols: Vec<(u32, u8)> = (0..=255u8)
        .filter(|&s| counts[usize::from(s)] > 0)
        .map(|s| {
            let share = (counts[usize::from(s)] * 30_000 / total).max(1);
            // The shares' sum is below 2^15, with one left for the code of ones.
            (15 - share.ilog2(), s)
        })
        .collect();
    symbols.sort_unstable();
    let mut lengths = [0u8; 16];
    let mut codes = [(0, 0); 256];
    let (mut code, mut before) = (0, 0);
    for &(length, symbol) in &symbols {
        code <<= length - before;
        before = length;
        codes[usize::from(symbol)] = (code, length);
        code += 1;
        lengths[length as usize - 1] += 1;
    }
    body.extend(lengths);
    body.extend(symbols.iter().map(|&(_, symbol)| symbol));
    codes
}

#[derive(Default)]
struct Data {
    bits: u64,
    count: u32,
}

impl Data {
    fn put(&mut self, value: u32, count: u32, file: &mut Vec<u8>) {
        self.bits = self.bits << count | u64::from(value);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.bits >> self.count) as u8;
            file.push(byte);
            if byte == 0xff {
                file.push(0);
            }
        }
    }

    /// Ones up to the next byte.
    fn pad(&mut self, file: &mut Vec<u8>) {
        let missing = (8 - self.count % 8) % 8;
        self.put((1 << missing) - 1, missing, file);
    }
}
