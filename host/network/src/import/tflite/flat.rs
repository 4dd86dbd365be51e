//! FlatBuffers as far as TensorFlow Lite uses them: tables whose fields are found through a list of
//! offsets, vectors and strings. Every access is checked against the end of the file.

/// Longest vector of a file that is read.
const MAX_LENGTH: usize = 1 << 20;

/// A table, from which fields are read by their number.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is wrong, at which byte.
pub type Result<T> = std::result::Result<T, String>;

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    part.copied()
        .ok_or_else(|| format!("byte {at}: {N} bytes reach beyond the end of the file"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(u32::from_le_bytes(chunk(bytes, at)?) as usize)
}

/// Follows an offset that lies at `at`.
fn follow(bytes: &[u8], at: usize) -> Result<usize> {
    let target = at + u32_at(bytes, at)?;
    match target < bytes.len() {
        true => Ok(target),
        false => Err(format!(
            "byte {at}: an offset leads beyond the end of the file"
        )),
    }
}

impl<'a> Table<'a> {
    /// The table that a file begins with.
    pub fn root(bytes: &'a [u8]) -> Result<Table<'a>> {
        let at = follow(bytes, 0)?;
        Ok(Table { bytes, at })
    }

    /// Where a field lies; none if the table leaves it at its default.
    fn field(&self, number: usize) -> Result<Option<usize>> {
        let back = i32::from_le_bytes(chunk(self.bytes, self.at)?);
        let list = usize::try_from(self.at as i64 - i64::from(back))
            .map_err(|_| format!("byte {}: a table has no list of fields", self.at))?;
        let length = usize::from(u16::from_le_bytes(chunk(self.bytes, list)?));
        let entry = 4 + 2 * number;
        if entry + 2 > length {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(chunk(self.bytes, list + entry)?));
        Ok((offset != 0).then_some(self.at + offset))
    }

    pub fn byte(&self, number: usize, default: u8) -> Result<u8> {
        match self.field(number)? {
            Some(at) => Ok(chunk::<1>(self.bytes, at)?[0]),
            None => Ok(default),
        }
    }

    pub fn int(&self, number: usize, default: i32) -> Result<i32> {
        match self.field(number)? {
            Some(at) => Ok(i32::from_le_bytes(chunk(self.bytes, at)?)),
            None => Ok(default),
        }
    }

    pub fn table(&self, number: usize) -> Result<Option<Table<'a>>> {
        match self.field(number)? {
            Some(at) => Ok(Some(Table {
                bytes: self.bytes,
                at: follow(self.bytes, at)?,
            })),
            None => Ok(None),
        }
    }

    /// First byte and number of elements of a vector, whose elements have `width` bytes.
    fn vector(&self, number: usize, width: usize) -> Result<(usize, usize)> {
        let Some(at) = self.field(number)? else {
            return Ok((0, 0));
        };
        let start = follow(self.bytes, at)?;
        let count = u32_at(self.bytes, start)?;
        let end = count
            .checked_mul(width)
            .and_then(|n| n.checked_add(start + 4));
        match end {
            Some(end) if end <= self.bytes.len() => Ok((start + 4, count)),
            _ => Err(format!(
                "byte {start}: a vector of {count} elements reaches beyond the end of the file"
            )),
        }
    }

    pub fn bytes(&self, number: usize) -> Result<&'a [u8]> {
        let (start, count) = self.vector(number, 1)?;
        Ok(&self.bytes[start..start + count])
    }

    pub fn text(&self, number: usize) -> Result<&'a str> {
        std::str::from_utf8(self.bytes(number)?).map_err(|e| e.to_string())
    }

    pub fn ints(&self, number: usize) -> Result<Vec<i32>> {
        let (start, count) = self.vector(number, 4)?;
        let part = &self.bytes[start..start + 4 * limited(count)?];
        Ok(part
            .as_chunks()
            .0
            .iter()
            .map(|b| i32::from_le_bytes(*b))
            .collect())
    }

    pub fn longs(&self, number: usize) -> Result<Vec<i64>> {
        let (start, count) = self.vector(number, 8)?;
        let part = &self.bytes[start..start + 8 * limited(count)?];
        Ok(part
            .as_chunks()
            .0
            .iter()
            .map(|b| i64::from_le_bytes(*b))
            .collect())
    }

    pub fn floats(&self, number: usize) -> Result<Vec<f32>> {
        let (start, count) = self.vector(number, 4)?;
        let part = &self.bytes[start..start + 4 * limited(count)?];
        Ok(part
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect())
    }

    pub fn tables(&self, number: usize) -> Result<Vec<Table<'a>>> {
        let (start, count) = self.vector(number, 4)?;
        let table = |i: usize| {
            let at = follow(self.bytes, start + 4 * i)?;
            Ok(Table {
                bytes: self.bytes,
                at,
            })
        };
        (0..limited(count)?).map(table).collect()
    }
}

fn limited(count: usize) -> Result<usize> {
    match count <= MAX_LENGTH {
        true => Ok(count),
        false => Err(format!(
            "a vector has {count} elements, at most {MAX_LENGTH} are read"
        )),
    }
}
