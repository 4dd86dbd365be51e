//! Protobuf messages read in place: nothing is decoded before it is asked for, so that no file makes
//! more memory of itself than it has bytes.

/// What is wrong with a message.
pub type Result<T> = std::result::Result<T, String>;

/// Most values of one list.
const MAX_VALUES: usize = super::tensors::MAX_VALUES;

/// Most values of one tag that are listed: more than any network has layers or classes.
const MAX_REPEATED: usize = 1 << 16;

/// A message.
#[derive(Clone, Copy, Default)]
pub struct Message<'a>(pub &'a [u8]);

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number of variable length.
    Number(u64),
    /// Eight bytes.
    Eight([u8; 8]),
    /// Four bytes.
    Four([u8; 4]),
    /// A text, a message, or a packed list.
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("the data end within a number")?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number has more than 64 bits".into())
}

impl<'a> Message<'a> {
    /// Tags and values in their order.
    pub fn fields(self) -> impl Iterator<Item = Result<(u64, Value<'a>)>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let field = next(&mut rest);
            if field.is_err() {
                rest = &[];
            }
            Some(field)
        })
    }

    /// All values of a tag.
    pub fn all(self, tag: u64) -> Result<Vec<Value<'a>>> {
        let mut found = Vec::new();
        for field in self.fields() {
            let (t, value) = field?;
            if t == tag {
                found.push(value);
            }
            // An empty value takes two bytes of the file, and many times that here.
            if found.len() > MAX_REPEATED {
                return Err(format!("there are more than {MAX_REPEATED} of field {tag}"));
            }
        }
        Ok(found)
    }

    /// The last value of a tag, which is the one that counts.
    pub fn get(self, tag: u64) -> Result<Option<Value<'a>>> {
        let mut found = None;
        for field in self.fields() {
            let (t, value) = field?;
            if t == tag {
                found = Some(value);
            }
        }
        Ok(found)
    }

    pub fn bytes(self, tag: u64) -> Result<Option<&'a [u8]>> {
        match self.get(tag)? {
            None => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(format!("field {tag} is a number where bytes belong")),
        }
    }

    pub fn message(self, tag: u64) -> Result<Option<Message<'a>>> {
        Ok(self.bytes(tag)?.map(Message))
    }

    pub fn messages(self, tag: u64) -> Result<Vec<Message<'a>>> {
        let message = |value| match value {
            Value::Bytes(bytes) => Ok(Message(bytes)),
            _ => Err(format!("field {tag} is a number where a message belongs")),
        };
        self.all(tag)?.into_iter().map(message).collect()
    }

    pub fn text(self, tag: u64) -> Result<&'a str> {
        let bytes = self.bytes(tag)?.unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|e| format!("field {tag}: {e}"))
    }

    pub fn texts(self, tag: u64) -> Result<Vec<&'a str>> {
        let text =
            |m: Message<'a>| std::str::from_utf8(m.0).map_err(|e| format!("field {tag}: {e}"));
        self.messages(tag)?.into_iter().map(text).collect()
    }

    pub fn number(self, tag: u64, default: u64) -> Result<u64> {
        match self.get(tag)? {
            None => Ok(default),
            Some(Value::Number(value)) => Ok(value),
            Some(_) => Err(format!("field {tag} is no whole number")),
        }
    }

    pub fn size(self, tag: u64, default: usize) -> Result<usize> {
        let value = self.number(tag, default as u64)?;
        usize::try_from(value).map_err(|e| format!("field {tag}: {e}"))
    }

    pub fn float(self, tag: u64, default: f32) -> Result<f32> {
        match self.get(tag)? {
            None => Ok(default),
            Some(Value::Four(bytes)) => Ok(f32::from_le_bytes(bytes)),
            Some(_) => Err(format!("field {tag} is no float")),
        }
    }

    /// A list of whole numbers, packed or not.
    pub fn sizes(self, tag: u64) -> Result<Vec<usize>> {
        let size = |n: u64| usize::try_from(n).map_err(|e| format!("field {tag}: {e}"));
        let mut found = Vec::new();
        for value in self.all(tag)? {
            match value {
                Value::Number(n) => found.push(size(n)?),
                Value::Bytes(mut bytes) => {
                    while !bytes.is_empty() {
                        found.push(size(varint(&mut bytes)?)?);
                        if found.len() > 64 {
                            return Err(format!("field {tag} has more than 64 numbers"));
                        }
                    }
                }
                _ => return Err(format!("field {tag} is no list of whole numbers")),
            }
        }
        Ok(found)
    }

    /// A list of floats, packed or not.
    pub fn floats(self, tag: u64) -> Result<Vec<f32>> {
        let mut found = Vec::new();
        for field in self.fields() {
            let (t, value) = field?;
            if t != tag {
                continue;
            }
            match value {
                Value::Four(bytes) => found.push(f32::from_le_bytes(bytes)),
                Value::Bytes(bytes) => {
                    let parts = bytes.as_chunks();
                    if !parts.1.is_empty() {
                        return Err(format!("field {tag} is no list of floats"));
                    }
                    found.extend(parts.0.iter().map(|b| f32::from_le_bytes(*b)));
                }
                _ => return Err(format!("field {tag} is no list of floats")),
            }
            if found.len() > MAX_VALUES {
                return Err(format!("field {tag} has more than {MAX_VALUES} values"));
            }
        }
        Ok(found)
    }
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>)> {
    let key = varint(rest)?;
    let tag = key >> 3;
    let value = match key & 7 {
        0 => Value::Number(varint(rest)?),
        1 => Value::Eight(fixed(rest, tag)?),
        5 => Value::Four(fixed(rest, tag)?),
        2 => {
            let length = varint(rest)?;
            let length = usize::try_from(length).ok().filter(|&n| n <= rest.len());
            let Some(length) = length else {
                return Err(format!(
                    "field {tag} is longer than the {} bytes that are left",
                    rest.len()
                ));
            };
            let (part, after) = rest.split_at(length);
            *rest = after;
            Value::Bytes(part)
        }
        wire => return Err(format!("no field has the wire type {wire}")),
    };
    Ok((tag, value))
}

fn fixed<const N: usize>(rest: &mut &[u8], tag: u64) -> Result<[u8; N]> {
    let (part, after) = rest
        .split_first_chunk::<N>()
        .ok_or_else(|| format!("the data end within field {tag}"))?;
    *rest = after;
    Ok(*part)
}

/// What tests write messages with.
#[cfg(test)]
pub mod writer {
    /// A message that is written field by field.
    #[derive(Clone, Default)]
    pub struct Writer(pub Vec<u8>);

    impl Writer {
        fn varint(mut self, mut value: u64) -> Writer {
            while value > 0x7f {
                self.0.push(value as u8 | 0x80);
                value >>= 7;
            }
            self.0.push(value as u8);
            self
        }

        pub fn number(self, tag: u64, value: u64) -> Writer {
            self.varint(tag << 3).varint(value)
        }

        pub fn bytes(self, tag: u64, bytes: &[u8]) -> Writer {
            let mut next = self.varint(tag << 3 | 2).varint(bytes.len() as u64);
            next.0.extend(bytes);
            next
        }

        pub fn text(self, tag: u64, text: &str) -> Writer {
            self.bytes(tag, text.as_bytes())
        }

        pub fn message(self, tag: u64, message: Writer) -> Writer {
            self.bytes(tag, &message.0)
        }

        pub fn float(self, tag: u64, value: f32) -> Writer {
            let mut next = self.varint(tag << 3 | 5);
            next.0.extend(value.to_le_bytes());
            next
        }

        pub fn floats(self, tag: u64, values: &[f32]) -> Writer {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.bytes(tag, &bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::writer::Writer;
    use super::*;

    #[test]
    fn fields_are_found_and_damage_is_told() {
        let inner = Writer::default().number(1, 300).float(2, 0.5);
        let outer = Writer::default()
            .message(3, inner)
            .floats(4, &[1.0, 2.0])
            .bytes(5, &[3, 0xac, 2])
            .number(5, 7)
            .text(6, "name");
        let message = Message(&outer.0);
        let inner = message.message(3).unwrap().unwrap();
        assert_eq!(inner.number(1, 0), Ok(300));
        assert_eq!(inner.float(2, 0.0), Ok(0.5));
        assert_eq!(message.floats(4), Ok(vec![1.0, 2.0]));
        assert_eq!(message.sizes(5), Ok(vec![3, 300, 7]));
        assert_eq!(message.text(6), Ok("name"));
        assert_eq!(message.number(9, 4), Ok(4));
        assert!(message.number(6, 0).is_err());
        assert!(message.messages(5).is_err());
        assert!(message.float(4, 0.0).is_err());
        for length in 1..outer.0.len() {
            let cut = Message(&outer.0[..length]);
            // Where a field ends, the rest is a message too.
            let whole = cut.fields().all(|f| f.is_ok());
            assert_eq!(whole, cut.text(6).is_ok(), "{length} bytes");
        }
        assert!(Message(&[0x0b]).get(1).is_err());
        assert!(Message(&[0x80; 11]).get(1).is_err());
    }
}
