//! Objects against the schemas in docs/schemas. Keywords that these do not use are refused, and so
//! are fields that a schema does not name, although it allows them to others.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Keywords that say nothing of an object's validity.
const WORDS: &[&str] = &["$schema", "title", "description", "$defs", "format"];

/// The file of a command's schema.
pub fn file(command: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    folder.join(format!("{command}.json"))
}

/// A command's schema.
pub fn of(command: &str) -> Value {
    let text = std::fs::read_to_string(file(command)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What is wrong with an object, if anything is.
pub fn check(schema: &Value, object: &Value) -> Result<(), String> {
    Schema { root: schema }.whole(schema, object, "")
}

struct Schema<'a> {
    root: &'a Value,
}

/// Names of the fields that were looked at.
type Seen = BTreeSet<String>;

impl Schema<'_> {
    /// A value with all its fields.
    fn whole(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let seen = self.value(schema, value, at)?;
        let fields = value.as_object().into_iter().flat_map(Map::keys);
        match fields.into_iter().find(|name| !seen.contains(*name)) {
            Some(name) => Err(format!("{at}: the schema has no field {name:?}")),
            None => Ok(()),
        }
    }

    fn value(&self, schema: &Value, value: &Value, at: &str) -> Result<Seen, String> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(all(value)),
            Value::Object(keywords) => keywords,
            other => return Err(format!("{at}: {other} is no schema")),
        };
        let mut seen = Seen::new();
        for (keyword, given) in keywords {
            match keyword.as_str() {
                word if WORDS.contains(&word) => {}
                "$ref" => {
                    let place = given.as_str().unwrap().strip_prefix('#').unwrap();
                    let target = self.root.pointer(place).expect(place);
                    seen.extend(self.value(target, value, at)?);
                }
                "anyOf" | "oneOf" => {
                    let tried = given.as_array().unwrap().iter();
                    let tried: Vec<_> = tried.map(|one| self.value(one, value, at)).collect();
                    let fit = tried.iter().flatten().count();
                    if fit == 0 || (keyword == "oneOf" && fit > 1) {
                        return Err(format!("{at}: {fit} of {keyword} fit: {tried:?}"));
                    }
                    seen.extend(tried.into_iter().flatten().flatten());
                }
                "allOf" => {
                    for one in given.as_array().unwrap() {
                        seen.extend(self.value(one, value, at)?);
                    }
                }
                "type" => {
                    let names = match given {
                        Value::Array(names) => names.as_slice(),
                        name => std::slice::from_ref(name),
                    };
                    if !names.iter().any(|name| is(name.as_str().unwrap(), value)) {
                        return Err(format!("{at}: {value} is not {given}"));
                    }
                }
                "const" if given != value => return Err(format!("{at}: {value} is not {given}")),
                "const" => {}
                "enum" => {
                    if !given.as_array().unwrap().contains(value) {
                        return Err(format!("{at}: {value} is not of {given}"));
                    }
                }
                "minimum" | "maximum" => {
                    let (value, bound) = (value.as_f64(), given.as_f64().unwrap());
                    let holds = value.is_none_or(|value| match keyword.as_str() {
                        "minimum" => value >= bound,
                        _ => value <= bound,
                    });
                    if !holds {
                        return Err(format!("{at}: {value:?} against {keyword} {bound}"));
                    }
                }
                "required" => {
                    let missing = given.as_array().unwrap().iter();
                    let mut missing = missing.map(|name| name.as_str().unwrap());
                    if let Some(name) =
                        missing.find(|name| value.is_object() && value.get(name).is_none())
                    {
                        return Err(format!("{at}: {name:?} is missing"));
                    }
                }
                "properties" => {
                    for (name, schema) in given.as_object().unwrap() {
                        let Some(field) = value.get(name) else {
                            continue;
                        };
                        self.whole(schema, field, &format!("{at}/{name}"))?;
                        seen.insert(name.clone());
                    }
                }
                "additionalProperties" => {
                    let named = keywords.get("properties").and_then(Value::as_object);
                    for (name, field) in value.as_object().into_iter().flatten() {
                        if named.is_none_or(|named| !named.contains_key(name)) {
                            self.whole(given, field, &format!("{at}/{name}"))?;
                            seen.insert(name.clone());
                        }
                    }
                }
                "prefixItems" => {
                    let items = value.as_array().into_iter().flatten();
                    for (index, (schema, item)) in
                        given.as_array().unwrap().iter().zip(items).enumerate()
                    {
                        self.whole(schema, item, &format!("{at}/{index}"))?;
                    }
                }
                "items" => {
                    let before = keywords.get("prefixItems").and_then(Value::as_array);
                    let items = value.as_array().into_iter().flatten().enumerate();
                    for (index, item) in items.skip(before.map_or(0, Vec::len)) {
                        self.whole(given, item, &format!("{at}/{index}"))?;
                    }
                }
                "minItems" | "maxItems" => {
                    let (length, bound) = (
                        value.as_array().map(|items| items.len() as u64),
                        given.as_u64().unwrap(),
                    );
                    let holds = length.is_none_or(|length| match keyword.as_str() {
                        "minItems" => length >= bound,
                        _ => length <= bound,
                    });
                    if !holds {
                        return Err(format!("{at}: {length:?} items against {keyword} {bound}"));
                    }
                }
                other => panic!("{at}: the keyword {other:?} is not understood"),
            }
        }
        Ok(seen)
    }
}

fn all(value: &Value) -> Seen {
    let fields = value.as_object().into_iter().flat_map(Map::keys);
    fields.cloned().collect()
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the type {other:?} is not understood"),
    }
}
