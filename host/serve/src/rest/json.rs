//! The JSON of requests. Unknown fields and parameters are passed over. What would take far more
//! memory than it has bytes is bounded.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Tensors that a request may list.
const TENSORS: usize = 16;
/// Dimensions of a shape.
const DIMENSIONS: usize = 8;

#[derive(Deserialize)]
pub struct Request {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub parameters: Option<Parameters>,
    pub inputs: Few<Input, TENSORS>,
    #[serde(default)]
    pub outputs: Option<Few<RequestedOutput, TENSORS>>,
}

#[derive(Deserialize)]
pub struct Input {
    pub name: String,
    pub datatype: String,
    pub shape: Few<i64, DIMENSIONS>,
    #[serde(default)]
    pub parameters: Option<Parameters>,
    #[serde(default)]
    pub data: Option<Data>,
}

#[derive(Deserialize)]
pub struct RequestedOutput {
    pub name: String,
    #[serde(default)]
    pub parameters: Option<Parameters>,
}

/// All parameters that mean something, wherever they stand.
#[derive(Default, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    pub binary_data: Option<bool>,
    #[serde(default)]
    pub binary_data_size: Option<u64>,
    #[serde(default)]
    pub binary_data_output: Option<bool>,
    #[serde(default)]
    pub classification: Option<i64>,
    /// In microseconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    #[serde(default)]
    pub prepared: Option<bool>,
}

/// At most `N` of something.
pub struct Few<T, const N: usize>(pub Vec<T>);

impl<'de, T: DeserializeOwned, const N: usize> Deserialize<'de> for Few<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Of<T, const N: usize>(PhantomData<T>);
        impl<'de, T: DeserializeOwned, const N: usize> Visitor<'de> for Of<T, N> {
            type Value = Few<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T, N>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    if all.len() == N {
                        return Err(A::Error::invalid_length(N + 1, &self));
                    }
                    all.push(one);
                }
                Ok(Few(all))
            }
        }
        deserializer.deserialize_seq(Of(PhantomData))
    }
}

/// The data of a tensor, whose lists may be nested as its dimensions are.
#[derive(Debug, Default, PartialEq)]
pub struct Data {
    /// Numbers of 0 to 255.
    pub numbers: Vec<u8>,
    /// Texts.
    pub texts: Vec<String>,
}

/// Texts that data may have.
const TEXTS: usize = crate::service::PICTURES_MAX;

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        let mut data = Data::default();
        deserializer.deserialize_seq(Nested(&mut data))?;
        Ok(data)
    }
}

/// A list, or an element of one.
struct Nested<'a>(&'a mut Data);

impl<'de> serde::de::DeserializeSeed<'de> for Nested<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers of 0 to 255, or texts in base64, in lists")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match u8::try_from(number) {
            Ok(number) => {
                self.0.numbers.push(number);
                Ok(())
            }
            Err(_) => Err(E::invalid_value(
                serde::de::Unexpected::Unsigned(number),
                &self,
            )),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.0.texts.len() == TEXTS {
            return Err(E::invalid_length(TEXTS + 1, &"fewer texts"));
        }
        self.0.texts.push(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Nested(self.0))?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_flattened() {
        let data: Data = serde_json::from_str("[[1,2],[3,[255]],[]]").unwrap();
        assert_eq!(data.numbers, [1, 2, 3, 255]);
        let data: Data = serde_json::from_str(r#"["a",["b"]]"#).unwrap();
        assert_eq!(data.texts, ["a", "b"]);
        for bad in [
            "[256]", "[-1]", "[1.5]", "[null]", "[true]", "[{}]", "7", "{}",
        ] {
            let error = serde_json::from_str::<Data>(bad).unwrap_err().to_string();
            assert!(!error.is_empty(), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Data>(&deep).is_err());
    }

    #[test]
    fn unknown_fields_are_passed_over() {
        let text = r#"{"inputs": [{"name": "a", "datatype": "UINT8", "shape": [1], "data": [1],
            "new": {"x": [1]}}], "parameters": {"sequence_id": 7}, "more": null}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert_eq!(request.inputs.0.len(), 1);
        let many = format!(r#"{{"inputs": [{}]}}"#, vec!["{}"; 100].join(","));
        assert!(serde_json::from_str::<Request>(&many).is_err());
    }
}
