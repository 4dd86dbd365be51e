//! What kind of file a model is, told by its contents alone. One table: a kind that is read names
//! its reader, one that is not names what would convert it. A new reader is a changed entry.

#[cfg(test)]
mod tests;

use std::io::Cursor;

use zip::ZipArchive;

use super::{Format, ImportError, deep, mxnet};
use crate::pack::METADATA_KEY;

/// Fields at the top of a protobuf message that are looked at.
const FIELDS: usize = 64;
/// Bytes at the beginning in which names are looked for.
const HEAD: usize = 4096;
/// Files of an archive that a message names.
const NAMED: usize = 3;

/// A kind of file.
pub struct Kind {
    /// As a message calls it: "a model of ...".
    pub name: &'static str,
    /// Whether a file is of this kind.
    tell: fn(&Look) -> bool,
    /// What is done with it.
    pub way: Way,
}

/// What is done with a kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is read.
    Read(Format),
    /// It is refused; this makes a file of it that is read.
    Convert(&'static str),
}

/// What is known of a file before any reader looks at it.
struct Look<'a> {
    bytes: &'a [u8],
    /// Names in a zip archive; none if it is none, or a damaged one.
    entries: Option<Vec<String>>,
    /// Tag and wire type of the first fields, if these are a protobuf message.
    fields: Vec<(u64, u64)>,
}

const TORCH: &str = "save the weights alone with torch.save(model.state_dict(), \"weights.pth\"), or \
                     export it with torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), \
                     \"model.onnx\")";
const UNPACK: &str = "unpack it and give the model inside";
const FETCH: &str = "fetch the file itself: from a download or \"raw\" link, and logged in if that \
                     is asked for";

/// The kinds, the first that fits counts. What is none of the others is taken for ONNX, whose
/// reader says what is wrong with it.
static KINDS: &[Kind] = &[
    Kind {
        name: "a Git LFS pointer, not the model itself",
        tell: |f| f.bytes.starts_with(b"version https://git-lfs.github.com/"),
        way: Way::Convert("fetch the model with `git lfs pull`, or from a download link"),
    },
    Kind {
        name: "a web page (HTML), not a model",
        tell: |f| {
            ["<!doctype html", "<html", "<head", "<!-- "]
                .iter()
                .any(|t| f.begins(t))
        },
        way: Way::Convert(FETCH),
    },
    Kind {
        name: "an XML text, as OpenVINO's .xml or an error of a file server",
        tell: |f| f.begins("<?xml") || f.begins("<net ") || f.begins("<error"),
        way: Way::Convert("give the ONNX model that it was made from, or fetch it again"),
    },
    Kind {
        name: "a JSON text",
        tell: |f| f.begins("{\"") || f.begins("{ \"") || f.begins("{\n") || f.begins("[{"),
        way: Way::Convert("give the file that holds the weights, or fetch it again"),
    },
    Kind {
        name: "a TorchScript archive (PyTorch .pt)",
        tell: |f| f.holds("data.pkl") && f.any(|e| e.contains("/code/")),
        way: Way::Convert(TORCH),
    },
    Kind {
        name: "a PyTorch checkpoint (.pth, .pt)",
        tell: |f| f.holds("data.pkl"),
        way: Way::Read(Format::Torch),
    },
    Kind {
        name: "a Keras model (.keras)",
        tell: |f| f.holds("model.weights.h5"),
        way: Way::Read(Format::Keras),
    },
    Kind {
        name: "a Core ML package (.mlpackage)",
        tell: |f| f.any(|e| e.contains("com.apple.CoreML")),
        way: Way::Convert(CORE_ML),
    },
    Kind {
        name: "an archive of NumPy arrays (.npz)",
        // A damaged archive too: the reader says where.
        tell: |f| match &f.entries {
            Some(_) => f.any(|e| e.ends_with(".npy")),
            None => f.bytes.starts_with(b"PK"),
        },
        way: Way::Read(Format::Npz),
    },
    Kind {
        name: "a zip archive without NumPy arrays",
        tell: |f| f.bytes.starts_with(b"PK"),
        way: Way::Convert(UNPACK),
    },
    Kind {
        name: "a PyTorch checkpoint of before version 1.6 (.pth, .pt)",
        // The number 0x1950a86a20f9469cfc6c is pickled first.
        tell: |f| f.bytes.get(2..14) == Some(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
        way: Way::Read(Format::Torch),
    },
    Kind {
        name: "a pickle of PyTorch objects",
        tell: |f| matches!(f.bytes, [0x80, 2..=5, ..]) && f.mentions("torch"),
        way: Way::Convert(TORCH),
    },
    Kind {
        name: "a pickled dict of arrays",
        tell: |f| matches!(f.bytes, [0x80, 2..=5, ..]),
        way: Way::Read(Format::Pickle),
    },
    Kind {
        name: "a HDF5 file (Keras .h5)",
        tell: |f| f.bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
        way: Way::Read(Format::Hdf5),
    },
    Kind {
        name: "a TensorFlow Lite model (.tflite)",
        tell: |f| f.bytes.get(4..8) == Some(b"TFL3"),
        way: Way::Read(Format::Tflite),
    },
    Kind {
        name: "a packed model of Firebrick's own",
        tell: |f| f.is_safetensors() && f.mentions(&format!("\"{METADATA_KEY}\"")),
        way: Way::Convert("run it with --model; import reads the float model that it was made of"),
    },
    Kind {
        name: "a file of tensors (safetensors)",
        tell: |f| f.is_safetensors(),
        way: Way::Read(Format::Safetensors),
    },
    Kind {
        name: "a single NumPy array (.npy)",
        tell: |f| f.bytes.starts_with(b"\x93NUMPY"),
        way: Way::Convert("save the arrays of all layers in one file with numpy.savez"),
    },
    Kind {
        name: "a GGUF file",
        tell: |f| f.bytes.starts_with(b"GGUF"),
        way: Way::Convert("export the float model to ONNX from the framework that trained it"),
    },
    Kind {
        name: "a MATLAB file (.mat)",
        tell: |f| f.bytes.starts_with(b"MATLAB 5.0 MAT-file"),
        way: Way::Convert("export the network with exportONNXNetwork"),
    },
    Kind {
        name: "a compressed file or archive",
        tell: |f| {
            let magic: [&[u8]; 6] = [
                b"\x1f\x8b",
                b"BZh",
                b"\xfd7zXZ\0",
                b"7z\xbc\xaf\x27\x1c",
                b"\x28\xb5\x2f\xfd",
                b"Rar!\x1a\x07",
            ];
            magic.iter().any(|m| f.bytes.starts_with(m)) || f.bytes.get(257..262) == Some(b"ustar")
        },
        way: Way::Convert(UNPACK),
    },
    Kind {
        name: "parameters of MXNet (.params)",
        tell: |f| f.bytes.first_chunk().copied().map(u64::from_le_bytes) == Some(mxnet::MAGIC),
        way: Way::Read(Format::Mxnet),
    },
    Kind {
        name: "a picture",
        tell: |f| {
            let magic: [&[u8]; 3] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"];
            magic.iter().any(|m| f.bytes.starts_with(m))
        },
        way: Way::Convert("give the model first, and photographs with --calibrate"),
    },
    Kind {
        name: "a Core ML model (.mlmodel)",
        // Version, description, and one of the kinds of model, all of which have large tags.
        tell: |f| f.has(1, 0) && f.has(2, 2) && f.fields.iter().any(|&(t, w)| t >= 200 && w == 2),
        way: Way::Read(Format::CoreMl),
    },
    Kind {
        name: "a Caffe model (.caffemodel)",
        // Name first; layers have the tag 100, in old files 2.
        tell: |f| {
            let named = f.fields.first() == Some(&(1, 2)) && f.count(1) == 1;
            f.has(100, 2) || named && f.count(2) > 1
        },
        way: Way::Read(Format::Caffe),
    },
    Kind {
        name: "a TensorFlow SavedModel (saved_model.pb)",
        tell: |f| f.fields.first() == Some(&(1, 0)) && f.has(2, 2) && f.fields.len() == 2,
        way: Way::Convert(
            "convert its folder with python -m tf2onnx.convert --saved-model FOLDER \
             --inputs-as-nchw INPUT --output model.onnx",
        ),
    },
    Kind {
        name: "a TensorFlow graph (.pb)",
        tell: |f| f.count(1) > 1 && f.fields.iter().all(|&(t, w)| w == 2 && t <= 5),
        way: Way::Convert(
            "convert it with python -m tf2onnx.convert --graphdef FILE --inputs INPUT --outputs \
             OUTPUT --inputs-as-nchw INPUT --output model.onnx",
        ),
    },
    Kind {
        name: "a network in Deep Compression's form (.net)",
        tell: |f| deep::table(f.bytes).is_some(),
        way: Way::Read(Format::Deep),
    },
    Kind {
        name: "an ONNX model",
        tell: |_| true,
        way: Way::Read(Format::Onnx),
    },
];

const CORE_ML: &str = "export the model to ONNX from the framework that trained it, or convert it \
                       with onnxmltools.convert_coreml";

/// The reader of a file, or what the file is and what would make one that is read.
pub fn reader(bytes: &[u8]) -> Result<Format, ImportError> {
    let look = Look::at(bytes);
    let kind = KINDS.iter().find(|kind| (kind.tell)(&look));
    // The last entry takes all.
    let kind = kind.unwrap_or(&KINDS[KINDS.len() - 1]);
    match kind.way {
        Way::Read(format) => Ok(format),
        Way::Convert(hint) => {
            let holds = match look.entries.as_deref() {
                None | Some([]) => String::new(),
                Some(names) => {
                    let first: Vec<_> = names.iter().take(NAMED).map(|n| shortened(n)).collect();
                    format!(" ({} files: {}, ...)", names.len(), first.join(", "))
                }
            };
            Err(ImportError::new(
                "the file",
                format!("is {}{holds}, which is not read", kind.name),
                hint,
            ))
        }
    }
}

fn shortened(name: &str) -> String {
    format!("{:?}", name.chars().take(60).collect::<String>())
}

impl<'a> Look<'a> {
    fn at(bytes: &'a [u8]) -> Look<'a> {
        let archive = bytes
            .starts_with(b"PK")
            .then(|| ZipArchive::new(Cursor::new(bytes)).ok())
            .flatten();
        Look {
            bytes,
            entries: archive.map(|a| a.file_names().map(str::to_owned).collect()),
            fields: fields(bytes),
        }
    }

    fn head(&self) -> &'a [u8] {
        &self.bytes[..self.bytes.len().min(HEAD)]
    }

    /// Whether the text begins so, in whatever case, behind white space and a byte order mark.
    fn begins(&self, with: &str) -> bool {
        let head = self.head();
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let text = head.trim_ascii_start();
        // With what ends a line kept apart from other white space.
        text.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    }

    fn mentions(&self, text: &str) -> bool {
        self.head()
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    }

    fn any(&self, tell: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().flatten().any(|entry| tell(entry))
    }

    /// Whether the archive has such a file, in whatever folder.
    fn holds(&self, name: &str) -> bool {
        self.any(|entry| entry.rsplit('/').next() == Some(name))
    }

    fn is_safetensors(&self) -> bool {
        matches!(self.bytes, [_, _, _, _, _, 0, 0, 0, b'{', ..])
    }

    fn has(&self, tag: u64, wire: u64) -> bool {
        self.fields.contains(&(tag, wire))
    }

    fn count(&self, tag: u64) -> usize {
        self.fields.iter().filter(|(t, _)| *t == tag).count()
    }
}

/// The first fields of a protobuf message; none if it is not one.
fn fields(bytes: &[u8]) -> Vec<(u64, u64)> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() && found.len() < FIELDS {
        let Some(key) = varint(&mut rest) else {
            return Vec::new();
        };
        let length = match key & 7 {
            0 => varint(&mut rest).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut rest),
            5 => Some(4),
            _ => None,
        };
        let next = length
            .and_then(|n| usize::try_from(n).ok())
            .and_then(|n| rest.get(n..));
        let Some(next) = next else {
            return Vec::new();
        };
        rest = next;
        found.push((key >> 3, key & 7));
    }
    found
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
