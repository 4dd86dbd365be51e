//! The stack machine: protocols 0 to 5 as far as writers of today use them. A call is noted down
//! and never made: what comes out is a tree of plain objects, and readers take from it what they
//! know.

use super::PickleError;

/// Most instructions, objects, and values on the stack. A SqueezeNet takes some 10,000.
const MAX_STEPS: usize = 1 << 20;

/// Index of an object in [`Tree`]: what Python calls a reference.
pub(crate) type Id = usize;

/// An object as the file describes it.
#[derive(Clone)]
pub(crate) enum Object<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Bytes(&'a [u8]),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function: module and name.
    Global(&'a str, &'a str),
    /// What calling something with a tuple would give, and what was done to it afterwards.
    Made {
        callee: Id,
        arguments: Id,
        state: Option<Id>,
        items: Vec<(Id, Id)>,
    },
    /// Something outside the pickle.
    Persistent(Id),
}

/// For error messages: the kind, never the contents, which may be large.
impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Object::None => "None",
            Object::Bool(_) => "Bool",
            Object::Int(_) => "Int",
            Object::Float => "Float",
            Object::Bytes(_) => "Bytes",
            Object::Text(_) => "Text",
            Object::Tuple(_) => "Tuple",
            Object::List(_) => "List",
            Object::Dict(_) => "Dict",
            Object::Global(..) => "Global",
            Object::Made { .. } => "Made",
            Object::Persistent(_) => "Persistent",
        })
    }
}

/// All objects of a pickle.
pub(crate) struct Tree<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Id,
    /// Every class or function that is named, and where.
    pub globals: Vec<(usize, &'a str, &'a str)>,
    /// Bytes up to and with the end of the program.
    pub end: usize,
}

impl<'a> Tree<'a> {
    pub fn at(&self, id: Id) -> &Object<'a> {
        &self.objects[id]
    }

    /// The parts of a tuple or list.
    pub fn parts(&self, id: Id) -> Option<&[Id]> {
        match self.at(id) {
            Object::Tuple(ids) | Object::List(ids) => Some(ids),
            _ => None,
        }
    }

    /// What is called, and with what.
    pub fn call(&self, id: Id) -> Option<((&'a str, &'a str), &[Id])> {
        let Object::Made {
            callee, arguments, ..
        } = self.at(id)
        else {
            return None;
        };
        match self.at(*callee) {
            Object::Global(module, name) => Some(((module, name), self.parts(*arguments)?)),
            _ => None,
        }
    }

    /// A length or the like.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.at(id) {
            Object::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    pub fn text(&self, id: Id) -> Option<&'a str> {
        match self.at(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object<'a>>,
    globals: Vec<(usize, &'a str, &'a str)>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
}

type Result<T> = std::result::Result<T, String>;

/// Runs the program at the beginning of `bytes`.
pub(crate) fn run(bytes: &[u8]) -> std::result::Result<Tree<'_>, PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        objects: Vec::new(),
        globals: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    for _ in 0..MAX_STEPS {
        let offset = machine.at;
        let fail = |reason: String| PickleError { offset, reason };
        if machine.step().map_err(fail)? {
            let root = machine.pop().map_err(fail)?;
            return Ok(Tree {
                root,
                objects: machine.objects,
                globals: machine.globals,
                end: machine.at,
            });
        }
    }
    Err(PickleError {
        offset: machine.at,
        reason: format!("more than {MAX_STEPS} instructions"),
    })
}

impl<'a> Machine<'a> {
    /// Executes one instruction; `true` at the end.
    fn step(&mut self) -> Result<bool> {
        let opcode = self.take(1)?[0];
        match opcode {
            b'.' => return Ok(true),
            0x80 => {
                let version = self.take(1)?[0];
                if version > 5 {
                    return Err(format!("protocol {version}, must be 2 to 5"));
                }
            }
            // A frame only says how much can be read ahead.
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = *self.stack.last().ok_or("the stack is empty")?;
                self.stack.push(top);
            }
            b'N' => self.push(Object::None),
            0x88 => self.push(Object::Bool(true)),
            0x89 => self.push(Object::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a => self.int(opcode)?,
            b'G' => {
                self.take(8)?;
                self.push(Object::Float);
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                let data = self.counted(match opcode {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                })?;
                self.push(Object::Bytes(data));
            }
            b'X' | 0x8c | 0x8d | b'U' | b'T' => {
                let data = self.counted(match opcode {
                    0x8c | b'U' => 1,
                    0x8d => 8,
                    _ => 4,
                })?;
                // Strings of Python 2 may be bytes.
                match (std::str::from_utf8(data), opcode) {
                    (Ok(text), _) => self.push(Object::Text(text)),
                    (Err(_), b'U' | b'T') => self.push(Object::Bytes(data)),
                    (Err(e), _) => return Err(e.to_string()),
                }
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (&self.objects[module], &self.objects[name]) {
                    (Object::Text(module), Object::Text(name)) => {
                        let (module, name) = (*module, *name);
                        self.global(module, name);
                    }
                    _ => return Err("the name of a class is no text".into()),
                }
            }
            b'}' => self.push(Object::Dict(Vec::new())),
            b']' | 0x8f => self.push(Object::List(Vec::new())),
            b')' => self.push(Object::Tuple(Vec::new())),
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let items = self
                    .stack
                    .split_off(first.ok_or("a tuple of more than the stack has")?);
                self.push(Object::Tuple(items));
            }
            b't' => {
                let items = self.since_mark()?;
                self.push(Object::Tuple(items));
            }
            b'l' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Object::List(items));
            }
            b'd' => {
                let items = pairs(&self.since_mark()?)?;
                self.push(Object::Dict(items));
            }
            b'q' | b'r' => {
                let index = self.count(if opcode == b'q' { 1 } else { 4 })?;
                self.put(index)?;
            }
            0x94 => self.put(self.memo.len())?,
            b'h' | b'j' => {
                let index = self.count(if opcode == b'h' { 1 } else { 4 })?;
                let id = self.memo.get(index).copied().flatten();
                self.stack
                    .push(id.ok_or_else(|| format!("memo {index} was never set"))?);
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[(key, value)])?;
            }
            b'u' => {
                let items = pairs(&self.since_mark()?)?;
                self.set(&items)?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Persistent(id));
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.made(callee, arguments)?;
            }
            // With named arguments, which nothing that is known has.
            0x92 => {
                let (_, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
                self.made(callee, arguments)?;
            }
            b'b' => {
                let built = self.pop()?;
                match self.top()? {
                    Object::Made { state, .. } => *state = Some(built),
                    other => return Err(format!("a state for {other:?}")),
                }
            }
            other => {
                return Err(format!(
                    "instruction {other:#04x} is not one that files of arrays hold"
                ));
            }
        }
        Ok(false)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let part = rest
            .get(..length)
            .ok_or_else(|| format!("{length} bytes wanted, more than the {} left", rest.len()))?;
        self.at += length;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "file ends".to_owned())
    }

    /// A little-endian number of 1, 4 or 8 bytes.
    fn count(&mut self, width: usize) -> Result<usize> {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|e| e.to_string())
    }

    fn counted(&mut self, width: usize) -> Result<&'a [u8]> {
        let length = self.count(width)?;
        self.take(length)
    }

    fn int(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'K' => self.take(1)?[0].into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            b'J' => i32::from_le_bytes(self.array()?).into(),
            _ => {
                let data = self.counted(1)?;
                let mut bytes = match data.last() {
                    Some(top) if top & 0x80 != 0 => [0xff; 8],
                    _ => [0; 8],
                };
                // Larger ones are no lengths: hashes and identifiers.
                let kept = data.len().min(8);
                bytes[..kept].copy_from_slice(&data[..kept]);
                i64::from_le_bytes(bytes)
            }
        };
        self.push(Object::Int(value));
        Ok(())
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

    fn global(&mut self, module: &'a str, name: &'a str) {
        self.globals.push((self.at, module, name));
        self.push(Object::Global(module, name));
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

    fn put(&mut self, index: usize) -> Result<()> {
        if index >= MAX_STEPS {
            return Err(format!("memo {index} is out of range"));
        }
        let id = *self.stack.last().ok_or("the stack is empty")?;
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(id);
        Ok(())
    }

    fn append(&mut self, more: &[Id]) -> Result<()> {
        match self.top()? {
            Object::List(list) => list.extend(more),
            Object::Made { .. } => {}
            other => return Err(format!("APPENDS to {other:?}")),
        }
        Ok(())
    }

    fn set(&mut self, more: &[(Id, Id)]) -> Result<()> {
        match self.top()? {
            Object::Dict(items) | Object::Made { items, .. } => items.extend(more),
            other => return Err(format!("SETITEMS on {other:?}")),
        }
        Ok(())
    }

    fn made(&mut self, callee: Id, arguments: Id) -> Result<()> {
        match (&self.objects[callee], &self.objects[arguments]) {
            (Object::Global(..), Object::Tuple(_)) => {}
            (callee, arguments) => {
                return Err(format!("a call of {callee:?} with {arguments:?}"));
            }
        }
        self.push(Object::Made {
            callee,
            arguments,
            state: None,
            items: Vec::new(),
        });
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    match items.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err("a dict with a key that has no value".into()),
    }
}
