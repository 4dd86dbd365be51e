//! Changes single fields of a protobuf message, knowing nothing but the wire format.

/// Field numbers of ONNX that the tests change.
pub mod tag {
    pub const MODEL_GRAPH: u32 = 7;
    pub const MODEL_OPSET: u32 = 8;
    pub const OPSET_VERSION: u32 = 2;
    pub const GRAPH_NODE: u32 = 1;
    pub const GRAPH_TENSOR: u32 = 5;
    pub const NODE_INPUT: u32 = 1;
    pub const NODE_NAME: u32 = 3;
    pub const NODE_OPERATOR: u32 = 4;
    pub const NODE_ATTRIBUTE: u32 = 5;
    pub const ATTRIBUTE_NAME: u32 = 1;
    pub const ATTRIBUTE_INT: u32 = 3;
    pub const ATTRIBUTE_INTS: u32 = 8;
    pub const TENSOR_DIM: u32 = 1;
    pub const TENSOR_TYPE: u32 = 2;
    pub const TENSOR_NAME: u32 = 8;
    pub const TENSOR_RAW: u32 = 9;
    pub const TENSOR_EXTERNAL: u32 = 13;
    pub const TENSOR_LOCATION: u32 = 14;
    pub const ENTRY_KEY: u32 = 1;
    pub const ENTRY_VALUE: u32 = 2;
}

/// What a field holds. Fields of fixed width do not occur in the models that are changed.
#[derive(Clone)]
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// A message as its fields, in order.
#[derive(Clone, Default)]
pub struct Message(Vec<(u32, Value)>);

fn number(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

fn put(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

impl Message {
    pub fn parse(mut bytes: &[u8]) -> Message {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes);
            let value = match key & 7 {
                0 => Value::Number(number(&mut bytes)),
                2 => {
                    let length = number(&mut bytes) as usize;
                    let (own, rest) = bytes.split_at(length);
                    bytes = rest;
                    Value::Bytes(own.to_vec())
                }
                kind => panic!("wire type {kind}"),
            };
            fields.push(((key >> 3) as u32, value));
        }
        Message(fields)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, value) in &self.0 {
            match value {
                Value::Number(n) => {
                    put(u64::from(*tag) << 3, &mut bytes);
                    put(*n, &mut bytes);
                }
                Value::Bytes(own) => {
                    put(u64::from(*tag) << 3 | 2, &mut bytes);
                    put(own.len() as u64, &mut bytes);
                    bytes.extend(own);
                }
            }
        }
        bytes
    }

    /// Takes all values of a field out.
    pub fn clear(&mut self, tag: u32) -> &mut Message {
        self.0.retain(|(t, _)| *t != tag);
        self
    }

    /// Adds a number, negative ones as ONNX writes them.
    pub fn push_number(&mut self, tag: u32, value: i64) -> &mut Message {
        self.0.push((tag, Value::Number(value as u64)));
        self
    }

    /// Adds a string, bytes or a message.
    pub fn push_bytes(&mut self, tag: u32, bytes: impl Into<Vec<u8>>) -> &mut Message {
        self.0.push((tag, Value::Bytes(bytes.into())));
        self
    }

    /// The first value of a field of strings or bytes.
    pub fn text(&self, tag: u32) -> &[u8] {
        let found = self.0.iter().find_map(|(t, value)| match value {
            Value::Bytes(bytes) if *t == tag => Some(bytes.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// Takes the inner messages of a field out whose own field `name_tag` is `name`.
    pub fn remove(&mut self, tag: u32, (name_tag, name): (u32, &str)) -> &mut Message {
        self.0.retain(|(t, value)| match value {
            Value::Bytes(bytes) if *t == tag => {
                Message::parse(bytes).text(name_tag) != name.as_bytes()
            }
            _ => true,
        });
        self
    }

    /// Changes the first inner message of a field whose own field `name_tag` is `name`.
    pub fn inner(
        &mut self,
        tag: u32,
        (name_tag, name): (u32, &str),
        change: impl FnOnce(&mut Message),
    ) -> &mut Message {
        let found = self.0.iter_mut().find_map(|(t, value)| match value {
            Value::Bytes(bytes) if *t == tag => {
                let message = Message::parse(bytes);
                let named = name.is_empty() || message.text(name_tag) == name.as_bytes();
                named.then_some((bytes, message))
            }
            _ => None,
        });
        let (bytes, mut message) = found.unwrap_or_else(|| panic!("no {name:?}"));
        change(&mut message);
        *bytes = message.bytes();
        self
    }
}
