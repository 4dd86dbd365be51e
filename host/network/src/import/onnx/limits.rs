//! Walks a file's protobuf fields before they are decoded, since a few bytes can stand for many:
//! an empty message takes two in the file and hundreds in memory. What passes here decodes into a
//! small multiple of the file's own size.

/// Most fields of all messages that are decoded. SqueezeNet's models have some 2,000.
const MAX_FIELDS: usize = 200_000;
/// Longest packed list of integers (in bytes): they grow eightfold when decoded.
const MAX_PACKED: usize = 1 << 16;
/// Deepest nesting that the known messages can reach.
const MAX_DEPTH: usize = 8;

/// Messages whose fields are decoded.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// Only scalars and strings inside.
    Flat,
}

impl Kind {
    fn child(self, tag: u64) -> Option<Kind> {
        Some(match (self, tag) {
            (Kind::Model, 7) => Kind::Graph,
            (Kind::Model, 8) | (Kind::Tensor, 13) | (Kind::Shape, 1) => Kind::Flat,
            (Kind::Graph, 1) => Kind::Node,
            (Kind::Graph, 5) | (Kind::Attribute, 5) => Kind::Tensor,
            (Kind::Graph, 11 | 12) => Kind::ValueInfo,
            (Kind::Node, 5) => Kind::Attribute,
            (Kind::ValueInfo, 2) => Kind::Type,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::TensorType, 2) => Kind::Shape,
            _ => return None,
        })
    }

    /// Whether a field is a list of integers.
    fn is_packed(self, tag: u64) -> bool {
        matches!(
            (self, tag),
            (Kind::Tensor, 1 | 7) | (Kind::Attribute, 7 | 8)
        )
    }
}

/// Checks a whole file. The error says what is wrong at which byte.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let mut walker = Walker {
        bytes,
        at: 0,
        fields: 0,
    };
    walker.message(Kind::Model, bytes.len(), 0)
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: usize,
}

impl Walker<'_> {
    fn message(&mut self, kind: Kind, end: usize, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("byte {}: messages are nested too deeply", self.at));
        }
        while self.at < end {
            let start = self.at;
            self.fields += 1;
            if self.fields > MAX_FIELDS {
                return Err(format!("it has more than {MAX_FIELDS} fields"));
            }
            let key = self.varint(end)?;
            let tag = key >> 3;
            let length = match key & 7 {
                0 if matches!((kind, tag), (Kind::Tensor, 5)) => {
                    return Err(format!("byte {start}: a list of integers is not packed"));
                }
                0 => {
                    self.varint(end)?;
                    continue;
                }
                1 => 8,
                2 => self.varint(end)?,
                5 => 4,
                wire => return Err(format!("byte {start}: no field has the wire type {wire}")),
            };
            let left = end - self.at;
            let length = usize::try_from(length).ok().filter(|&n| n <= left);
            let length = length.ok_or_else(|| {
                format!("byte {start}: field {tag} is longer than the {left} bytes that are left")
            })?;
            let next = self.at + length;
            match kind.child(tag) {
                Some(child) if key & 7 == 2 => self.message(child, next, depth + 1)?,
                _ if kind.is_packed(tag) && length > MAX_PACKED => {
                    return Err(format!(
                        "byte {start}: a list of integers takes {length} bytes, at most \
                         {MAX_PACKED} are read"
                    ));
                }
                _ => {}
            }
            self.at = next;
        }
        Ok(())
    }

    fn varint(&mut self, end: usize) -> Result<u64, String> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(format!("byte {start}: the data end within a number"));
            }
            let byte = self.bytes[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(format!("byte {start}: a number has more than 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_nested_or_multiplied_is_refused() {
        assert!(check(&[]).is_ok());
        assert!(check(&[0x08, 0x07]).is_ok());
        for (bytes, what) in [
            (vec![0x08], "end within a number"),
            (vec![0x3a, 0x05, 0x0a], "field 7 is longer than the 1 bytes"),
            (vec![0x3b], "wire type 3"),
            ([0x80; 11].to_vec(), "more than 64 bits"),
            (
                [0x42, 0x00].repeat(MAX_FIELDS + 1),
                "more than 200000 fields",
            ),
        ] {
            let error = check(&bytes).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        // Graph, initialiser, dims.
        let dims = MAX_PACKED + 1;
        let field = |tag: u8, mut inner: Vec<u8>| {
            let mut bytes = vec![tag << 3 | 2];
            let mut length = inner.len();
            while length > 0x7f {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.append(&mut inner);
            bytes
        };
        let file = field(7, field(5, field(1, vec![1; dims])));
        assert!(check(&file).unwrap_err().contains("list of integers"));
    }
}
