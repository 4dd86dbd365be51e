//! Messages of gRPC, looked at before memory is spent on them: an empty message within another
//! takes two bytes on the wire and a hundred times as many when it is decoded.

use std::any::TypeId;
use std::marker::PhantomData;

use bytes::Buf;
use prost::Message;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::proto::ModelInferRequest;
use crate::error::Refusal;

/// Messages, texts and lists that one message may have within it, on all levels.
const PARTS: usize = 10_000;
/// Bytes of a shape, and of values of a type that no input has.
const SHORT: usize = 1024;

/// As prost's codec, with bounds.
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Codec<T, U> {
        Codec(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Bounded<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        tonic::codec::Codec::encoder(&mut ProstCodec::<T, U>::default())
    }

    fn decoder(&mut self) -> Bounded<U> {
        Bounded(PhantomData)
    }
}

/// Decodes messages of few parts.
pub struct Bounded<U>(PhantomData<U>);

impl<U: Message + Default + 'static> Decoder for Bounded<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        // The others have neither lists nor messages in them, or come from the service itself.
        if TypeId::of::<U>() == TypeId::of::<ModelInferRequest>() {
            let walked = Level::Request.walk(&message, &mut 0);
            walked.map_err(Refusal::invalid)?;
        }
        U::decode(message).map(Some).map_err(|error| {
            Refusal::invalid(format!("the message cannot be read: {error}")).into()
        })
    }
}

/// Where in a request a message is. Unknown fields take no memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    Request,
    Input,
    Contents,
    Output,
}

impl Level {
    /// What the field with this number holds, if it is a message with others in it.
    fn within(self, field: u64) -> Option<Level> {
        match (self, field) {
            (Level::Request, 5) => Some(Level::Input),
            (Level::Request, 6) => Some(Level::Output),
            (Level::Input, 5) => Some(Level::Contents),
            _ => None,
        }
    }

    /// Whether a field may be long.
    fn may_be_long(self, field: u64) -> bool {
        const SHAPE: u64 = 3;
        const UINT_CONTENTS: u64 = 4;
        const BYTES_CONTENTS: u64 = 8;
        match self {
            Level::Request | Level::Output => true,
            Level::Input => field != SHAPE,
            Level::Contents => matches!(field, UINT_CONTENTS | BYTES_CONTENTS),
        }
    }

    /// Counts the fields with a length, on all levels.
    fn walk(self, message: &[u8], count: &mut usize) -> Result<(), String> {
        const DAMAGED: &str = "the message is damaged or truncated";
        let mut rest = message;
        while !rest.is_empty() {
            let key = varint(&mut rest).ok_or(DAMAGED)?;
            let (field, kind) = (key >> 3, key & 7);
            match kind {
                0 => {
                    varint(&mut rest).ok_or(DAMAGED)?;
                }
                1 => rest = rest.get(8..).ok_or(DAMAGED)?,
                5 => rest = rest.get(4..).ok_or(DAMAGED)?,
                2 => {
                    let length = varint(&mut rest).ok_or(DAMAGED)?;
                    let length = usize::try_from(length).map_err(|_| DAMAGED)?;
                    let (within, after) = rest.split_at_checked(length).ok_or(DAMAGED)?;
                    rest = after;
                    *count += 1;
                    if *count > PARTS {
                        return Err(format!("the message has more than {PARTS} parts"));
                    }
                    if length > SHORT && !self.may_be_long(field) {
                        return Err(
                            "a shape is too long, or an input has values of a type that \
                                    no input has"
                                .into(),
                        );
                    }
                    if let Some(level) = self.within(field) {
                        level.walk(within, count)?;
                    }
                }
                _ => return Err(DAMAGED.into()),
            }
        }
        Ok(())
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(7 * shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::proto::model_infer_request::InferInputTensor;

    fn walk(message: &[u8]) -> Result<(), String> {
        Level::Request.walk(message, &mut 0)
    }

    #[test]
    fn honest_messages_pass() {
        let mut request = ModelInferRequest {
            model_name: "a".into(),
            raw_input_contents: vec![[2, 0].repeat(1 << 16).into()],
            ..ModelInferRequest::default()
        };
        request.inputs.push(InferInputTensor {
            shape: vec![1, 2, 3],
            ..InferInputTensor::default()
        });
        assert_eq!(walk(&request.encode_to_vec()), Ok(()));
    }

    #[test]
    fn messages_that_grow_are_refused() {
        // Empty inputs, outputs and raw contents.
        for byte in [0x2a, 0x32, 0x3a] {
            assert!(walk(&[byte, 0].repeat(PARTS + 1)).is_err());
        }
        let request = ModelInferRequest {
            inputs: vec![InferInputTensor {
                shape: vec![1; 2000],
                ..InferInputTensor::default()
            }],
            ..ModelInferRequest::default()
        };
        assert!(walk(&request.encode_to_vec()).is_err());
        for damaged in [&[0x2a][..], &[0x2a, 0x05, 0x01], &[0x0f], &[0xff; 11]] {
            assert!(walk(damaged).is_err(), "{damaged:?}");
        }
    }
}
