//! The stack machine: a subset of the pickle protocols 2 and 3.

use super::PickleError;

/// A float32 array as it lies in the file.
#[derive(Clone, Debug)]
pub(super) struct RawArray<'a> {
    pub shape: Vec<usize>,
    pub data: &'a [u8],
}

impl RawArray<'_> {
    pub fn values(&self) -> Vec<f32> {
        self.data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect()
    }
}

/// Index into [`Machine::objects`]: what Python calls a reference.
type Id = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Global {
    Reconstruct,
    NdArray,
    Dtype,
}

#[derive(Clone)]
enum Object<'a> {
    None,
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// `complete` once its byte order was set.
    Float32 {
        complete: bool,
    },
    Array(Option<RawArray<'a>>),
}

/// For error messages: the kind, never the contents, which may be large.
impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Object::None => "None",
            Object::Bool(_) => "Bool",
            Object::Int(_) => "Int",
            Object::Bytes(_) => "Bytes",
            Object::Text(_) => "Text",
            Object::Tuple(_) => "Tuple",
            Object::List(_) => "List",
            Object::Dict(_) => "Dict",
            Object::Global(_) => "Global",
            Object::Float32 { .. } => "Float32",
            Object::Array(_) => "Array",
        })
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
}

type Result<T> = std::result::Result<T, String>;

/// Runs the program and takes the dict apart: name, kernel, bias.
pub(super) fn run(
    bytes: &[u8],
) -> std::result::Result<Vec<(&str, RawArray<'_>, RawArray<'_>)>, PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        objects: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    loop {
        let offset = machine.at;
        match machine.step() {
            Ok(false) => {}
            Ok(true) => {
                let layers = machine.layers();
                return layers.map_err(|reason| PickleError { offset, reason });
            }
            Err(reason) => return Err(PickleError { offset, reason }),
        }
    }
}

impl<'a> Machine<'a> {
    /// Executes one instruction; `true` at the end.
    fn step(&mut self) -> Result<bool> {
        let opcode = self.take(1)?[0];
        match opcode {
            b'.' => return Ok(true),
            0x80 => {
                let version = self.take(1)?[0];
                if !(2..=3).contains(&version) {
                    return Err(format!("protocol {version}, must be 2 or 3"));
                }
            }
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Object::None),
            0x88 => self.push(Object::Bool(true)),
            0x89 => self.push(Object::Bool(false)),
            b'K' => {
                let value = self.take(1)?[0].into();
                self.push(Object::Int(value));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?).into();
                self.push(Object::Int(value));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?).into();
                self.push(Object::Int(value));
            }
            b'C' => {
                let length = self.take(1)?[0].into();
                let data = self.take(length)?;
                self.push(Object::Bytes(data));
            }
            b'B' => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                let data = self.take(length)?;
                self.push(Object::Bytes(data));
            }
            b'X' => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                let text = std::str::from_utf8(self.take(length)?).map_err(|e| e.to_string())?;
                self.push(Object::Text(text));
            }
            b'c' => {
                let global = (self.line()?, self.line()?);
                self.push(Object::Global(known(global)?));
            }
            b'}' => self.push(Object::Dict(Vec::new())),
            b']' => self.push(Object::List(Vec::new())),
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                self.tuple(first)?;
            }
            b't' => {
                let first = self.marks.pop();
                self.tuple(first)?;
            }
            b'q' => {
                let index = self.take(1)?[0].into();
                self.put(index)?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?) as usize;
                self.put(index)?;
            }
            b'h' => {
                let index = usize::from(self.take(1)?[0]);
                let id = self.memo.get(index).copied().flatten();
                self.stack
                    .push(id.ok_or_else(|| format!("memo {index} was never set"))?);
            }
            b'e' => {
                let items = self.since_mark()?;
                match self.top()? {
                    Object::List(list) => list.extend(items),
                    other => return Err(format!("APPENDS to {other:?}")),
                }
            }
            b'u' => {
                let items = self.since_mark()?;
                match self.top()? {
                    Object::Dict(dict) if items.len() % 2 == 0 => {
                        dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                    }
                    other => return Err(format!("SETITEMS on {other:?}")),
                }
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            other => {
                return Err(format!(
                    "instruction {other:#04x} is not one that arrays take"
                ));
            }
        }
        Ok(false)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self
            .at
            .checked_add(length)
            .filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| format!("{length} bytes more than the file has"))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "file ends".to_owned())
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or("a line has no end")?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|e| e.to_string())?;
        self.at += 1;
        Ok(text)
    }

    fn push(&mut self, object: Object<'a>) {
        self.stack.push(self.objects.len());
        self.objects.push(object);
    }

    fn pop(&mut self) -> Result<Id> {
        self.stack
            .pop()
            .ok_or_else(|| "the stack is empty".to_owned())
    }

    fn top(&mut self) -> Result<&mut Object<'a>> {
        let id = *self.stack.last().ok_or("the stack is empty")?;
        Ok(&mut self.objects[id])
    }

    fn since_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or("there is no mark")?))
    }

    fn tuple(&mut self, first: Option<usize>) -> Result<()> {
        let first = first.filter(|&first| first <= self.stack.len());
        let items = self
            .stack
            .split_off(first.ok_or("a tuple of more than the stack has")?);
        self.push(Object::Tuple(items));
        Ok(())
    }

    fn put(&mut self, index: usize) -> Result<()> {
        // A memo grows by one at a time, so no index can be larger than the file.
        if index > self.bytes.len() {
            return Err(format!("memo {index} is out of range"));
        }
        let id = *self.stack.last().ok_or("the stack is empty")?;
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(id);
        Ok(())
    }

    fn items(&self, id: Id) -> Result<Vec<&Object<'a>>> {
        match &self.objects[id] {
            Object::Tuple(ids) | Object::List(ids) => {
                Ok(ids.iter().map(|&id| &self.objects[id]).collect())
            }
            other => Err(format!("{other:?} where a tuple or list belongs")),
        }
    }

    /// A call: only an empty array and the float32 type come into being.
    fn reduce(&mut self) -> Result<()> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let callee = match &self.objects[callee] {
            Object::Global(global) => *global,
            other => return Err(format!("a call of {other:?}")),
        };
        let made = match (callee, self.items(arguments)?.as_slice()) {
            (Global::Reconstruct, [Object::Global(Global::NdArray), _, _]) => Object::Array(None),
            (Global::Dtype, [Object::Text("f4"), _, _]) => Object::Float32 { complete: false },
            (callee, arguments) => return Err(format!("a call of {callee:?} with {arguments:?}")),
        };
        self.push(made);
        Ok(())
    }

    /// Gives an array its shape and data, a type its byte order.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let target = *self.stack.last().ok_or("the stack is empty")?;
        let built = match (&self.objects[target], self.items(state)?.as_slice()) {
            (Object::Float32 { .. }, [_, Object::Text("<"), ..]) => {
                Object::Float32 { complete: true }
            }
            (
                Object::Array(None),
                [
                    _,
                    Object::Tuple(shape),
                    Object::Float32 { complete: true },
                    Object::Bool(false),
                    Object::Bytes(data),
                ],
            ) => Object::Array(Some(self.raw_array(shape, data)?)),
            _ => return Err("neither a little-endian float32 type nor an array of it".into()),
        };
        self.objects[target] = built;
        Ok(())
    }

    fn raw_array(&self, shape: &[Id], data: &'a [u8]) -> Result<RawArray<'a>> {
        let mut bytes = 4usize;
        let mut sides = Vec::with_capacity(shape.len());
        for &id in shape {
            let side = match self.objects[id] {
                Object::Int(side) => usize::try_from(side).ok(),
                _ => None,
            };
            let side = side.ok_or("a shape holds something but lengths")?;
            bytes = bytes.checked_mul(side).ok_or("an absurd shape")?;
            sides.push(side);
        }
        if bytes != data.len() {
            return Err(format!(
                "shape {sides:?} takes {bytes} bytes, there are {}",
                data.len()
            ));
        }
        Ok(RawArray { shape: sides, data })
    }

    fn layers(&mut self) -> Result<Vec<(&'a str, RawArray<'a>, RawArray<'a>)>> {
        let root = self.pop()?;
        let Object::Dict(entries) = &self.objects[root] else {
            return Err("the pickled object is no dict".into());
        };
        let layer = |&(key, value): &(Id, Id)| {
            let Object::Text(name) = self.objects[key] else {
                return Err("a key is no text".to_owned());
            };
            match self.items(value)?.as_slice() {
                [Object::Array(Some(kernel)), Object::Array(Some(bias))] => {
                    Ok((name, kernel.clone(), bias.clone()))
                }
                _ => Err(format!("layer {name:?} is not [kernel, bias]")),
            }
        };
        entries.iter().map(layer).collect()
    }
}

fn known((module, name): (&str, &str)) -> Result<Global> {
    match (module, name) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
            Ok(Global::Reconstruct)
        }
        ("numpy", "ndarray") => Ok(Global::NdArray),
        ("numpy", "dtype") => Ok(Global::Dtype),
        _ => Err(format!(
            "it wants {module}.{name}, which is refused: it could run anything"
        )),
    }
}
