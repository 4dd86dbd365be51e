//! A scan: which blocks come in which order, and what it says of each.

use super::frame::Frame;
use super::huffman::{Reader, Table};
use super::transform::ZIGZAG;
use super::{Outcome, damaged, short};

/// A scan header.
pub(super) struct Scan {
    pub members: Vec<Member>,
    /// First and last coefficient, in zigzag order.
    first: usize,
    last: usize,
    /// Whether bits are added to coefficients that came before.
    refine: bool,
    /// Bits that are left to later scans.
    low: u32,
}

/// A component of a scan.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// Its number in the frame.
    pub component: usize,
    dc: usize,
    ac: usize,
}

/// The Huffman tables at the time of the scan.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub dc: [Option<&'a Table>; 4],
    pub ac: [Option<&'a Table>; 4],
}

impl Scan {
    /// Reads a header, and notes in the frame which bits come with it.
    pub fn new(body: &[u8], frame: &mut Frame) -> Outcome<Scan> {
        let (&count, rest) = body.split_first().ok_or_else(|| short(0xda))?;
        let count = usize::from(count);
        let (Some(entries), Some(&[first, last, bits])) =
            (rest.get(..2 * count), rest.get(2 * count..))
        else {
            return Err(short(0xda));
        };
        let mut members: Vec<Member> = Vec::new();
        for entry in entries.as_chunks::<2>().0 {
            let [id, tables] = *entry;
            let component = frame.components.iter().position(|c| c.id == id);
            let Some(component) = component else {
                return Err(damaged(format!(
                    "a scan of component {id}, which there is not"
                )));
            };
            // In the order of the frame, each once.
            if members.last().is_some_and(|m| m.component >= component) || tables & 0xcc != 0 {
                return Err(damaged("a scan's components contradict each other"));
            }
            members.push(Member {
                component,
                dc: usize::from(tables >> 4),
                ac: usize::from(tables & 15),
            });
        }
        let (high, low) = (bits >> 4, bits & 15);
        let (first, last) = (usize::from(first), usize::from(last));
        let legal = match frame.progressive {
            true => {
                (if first == 0 {
                    last == 0
                } else {
                    (first..64).contains(&last) && count == 1
                }) && (high == 0 || high == low + 1)
                    && low <= 13
            }
            false => (first, last, high, low) == (0, 63, 0, 0),
        };
        if !legal || members.is_empty() {
            return Err(damaged("a scan header that makes no sense"));
        }
        for member in &members {
            let missing = &mut frame.components[member.component].missing;
            let before = (high > 0).then_some(high);
            if missing[first..=last].iter().any(|&m| m != before)
                || (first > 0 && missing[0].is_none())
            {
                return Err(damaged("its scans come in a wrong order"));
            }
            missing[first..=last].fill(Some(low));
        }
        Ok(Scan {
            members,
            first,
            last,
            refine: high > 0,
            low: u32::from(low),
        })
    }

    /// Decodes the data at `position`; gives where they end.
    pub fn decode(
        &self,
        frame: &mut Frame,
        tables: Tables,
        restart: usize,
        bytes: &[u8],
        position: usize,
    ) -> Outcome<usize> {
        let missing = || damaged("a scan's Huffman table is missing");
        let mut parts = Vec::new();
        for &member in &self.members {
            let component = &frame.components[member.component];
            let single = self.members.len() == 1;
            parts.push(Part {
                component: member.component,
                // Of bits that are only added, none are coded.
                dc: match self.first == 0 && !self.refine {
                    true => Some(tables.dc[member.dc].ok_or_else(missing)?),
                    false => None,
                },
                ac: match self.last > 0 {
                    true => Some(tables.ac[member.ac].ok_or_else(missing)?),
                    false => None,
                },
                quant: component.quant()?,
                across: if single { 1 } else { component.h },
                down: if single { 1 } else { component.v },
                predictor: 0,
            });
        }
        // A component alone has no blocks that only fill up MCUs.
        let (columns, rows) = match self.members[..] {
            [Member { component, .. }] => {
                let c = &frame.components[component];
                (c.width.div_ceil(8), c.height.div_ceil(8))
            }
            _ => frame.mcus,
        };
        let mut state = State {
            reader: Reader::new(bytes, position),
            run: 0,
        };
        for row in 0..rows {
            for column in 0..columns {
                let mcu = row * columns + column;
                if restart > 0 && mcu > 0 && mcu.is_multiple_of(restart) {
                    state.reader.restart(mcu / restart - 1)?;
                    state.run = 0;
                    parts.iter_mut().for_each(|part| part.predictor = 0);
                }
                for part in &mut parts {
                    for y in row * part.down..(row + 1) * part.down {
                        for x in column * part.across..(column + 1) * part.across {
                            self.block(&mut state, part, frame, (x, y))?;
                        }
                    }
                }
                state.reader.check()?;
            }
        }
        state.reader.end()
    }

    #[inline]
    fn block(
        &self,
        state: &mut State,
        part: &mut Part,
        frame: &mut Frame,
        (x, y): (usize, usize),
    ) -> Outcome<()> {
        let component = &mut frame.components[part.component];
        let n = y * component.across + x;
        if !frame.progressive {
            let mut block = [0; 64];
            state.dc(part, 0, &mut block)?;
            if let Some(table) = part.ac {
                state.sequential(table, &mut block)?;
            }
            component.transform(n, &block, &part.quant);
            return Ok(());
        }
        let block = &mut component.blocks[n];
        match (part.ac, self.refine) {
            (None, false) => state.dc(part, self.low, block),
            (None, true) => {
                block[0] |= (state.reader.bits(1) << self.low) as i16;
                Ok(())
            }
            (Some(table), false) => state.first(table, self, block),
            (Some(table), true) => state.refine(table, self, block),
        }
    }
}

/// A component while its scan is decoded.
struct Part<'a> {
    component: usize,
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
    quant: [u16; 64],
    /// Blocks of an MCU.
    across: usize,
    down: usize,
    /// The DC coefficient before.
    predictor: i32,
}

struct State<'a> {
    reader: Reader<'a>,
    /// Blocks to come whose band has ended.
    run: u32,
}

impl State<'_> {
    #[inline]
    fn dc(&mut self, part: &mut Part, low: u32, block: &mut [i16; 64]) -> Outcome<()> {
        let Some(table) = part.dc else { return Ok(()) };
        let size = u32::from(self.reader.symbol(table)?);
        if size > 15 {
            return Err(self
                .reader
                .fault("a coefficient of more bits than there are"));
        }
        part.predictor = part.predictor.wrapping_add(self.reader.value(size));
        block[0] = (part.predictor << low) as i16;
        Ok(())
    }

    #[inline]
    fn sequential(&mut self, table: &Table, block: &mut [i16; 64]) -> Outcome<()> {
        let mut k = 1;
        while k < 64 {
            let symbol = self.reader.symbol(table)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size > 0 {
                k += zeros;
                let Some(&at) = ZIGZAG.get(k) else {
                    return Err(self.behind());
                };
                block[usize::from(at)] = self.reader.value(size) as i16;
                k += 1;
            } else if zeros == 15 {
                k += 16;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn behind(&self) -> crate::image::ImageErrorKind {
        self.reader.fault("a coefficient behind the last one")
    }

    /// Begins a run of ended bands, with this block.
    fn ended(&mut self, length: u32) {
        self.run = (1 << length) + self.reader.bits(length) as u32;
    }

    fn first(&mut self, table: &Table, scan: &Scan, block: &mut [i16; 64]) -> Outcome<()> {
        let mut k = scan.first;
        while self.run == 0 && k <= scan.last {
            let symbol = self.reader.symbol(table)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size > 0 {
                k += zeros;
                if k > scan.last {
                    return Err(self.behind());
                }
                let value = self.reader.value(size) << scan.low;
                block[usize::from(ZIGZAG[k])] = value as i16;
                k += 1;
            } else if zeros == 15 {
                k += 16;
            } else {
                self.ended(zeros as u32);
            }
        }
        self.run = self.run.saturating_sub(1);
        Ok(())
    }

    fn refine(&mut self, table: &Table, scan: &Scan, block: &mut [i16; 64]) -> Outcome<()> {
        let one = 1i16 << scan.low;
        let mut k = scan.first;
        while self.run == 0 && k <= scan.last {
            let symbol = self.reader.symbol(table)?;
            let mut zeros = symbol >> 4;
            let new = match symbol & 15 {
                0 if zeros < 15 => {
                    self.ended(u32::from(zeros));
                    break;
                }
                0 => None,
                1 => Some(if self.reader.bits(1) == 1 { one } else { -one }),
                _ => return Err(self.reader.fault("a new coefficient of more than one bit")),
            };
            // Over those that are known, which get a bit, and so many that stay zero.
            while k <= scan.last {
                let value = &mut block[usize::from(ZIGZAG[k])];
                if *value != 0 {
                    self.correct(value, one);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if let Some(new) = new {
                if k > scan.last {
                    return Err(self.behind());
                }
                block[usize::from(ZIGZAG[k])] = new;
            }
            k += 1;
        }
        if self.run > 0 {
            for &at in ZIGZAG.get(k..=scan.last).unwrap_or_default() {
                let value = &mut block[usize::from(at)];
                if *value != 0 {
                    self.correct(value, one);
                }
            }
            self.run -= 1;
        }
        Ok(())
    }

    #[inline]
    fn correct(&mut self, value: &mut i16, one: i16) {
        if self.reader.bits(1) == 1 && *value & one == 0 {
            *value = value.wrapping_add(if *value > 0 { one } else { -one });
        }
    }
}
