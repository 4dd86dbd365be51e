//! Files made byte by byte, as PyTorch writes them.

use std::io::{Cursor, Write};

use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;

use super::*;

/// A pickle that is written instruction by instruction, protocol 2, without a memo.
#[derive(Clone, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new() -> Writer {
        Writer(vec![0x80, 2])
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Writer {
        self.0.extend(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Writer {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes());
        self.raw(text.as_bytes())
    }

    fn int(&mut self, value: usize) -> &mut Writer {
        self.raw(b"J").raw(&(value as i32).to_le_bytes())
    }

    fn sizes(&mut self, values: &[usize]) -> &mut Writer {
        self.raw(b"(");
        for &value in values {
            self.int(value);
        }
        self.raw(b"t")
    }

    /// A view of a storage.
    fn tensor(&mut self, kind: &str, key: &str, view: &View) -> &mut Writer {
        self.raw(b"ctorch._utils\n_rebuild_tensor_v2\n((")
            .text("storage");
        self.raw(format!("ctorch\n{kind}\n").as_bytes());
        self.text(key).text("cpu").int(view.count).raw(b"tQ");
        self.int(view.offset).sizes(view.shape).sizes(view.strides);
        self.raw(b"\x89ccollections\nOrderedDict\n)RtR")
    }

    fn end(&self) -> Vec<u8> {
        [&self.0[..], b"."].concat()
    }
}

struct View<'a> {
    count: usize,
    offset: usize,
    shape: &'a [usize],
    strides: &'a [usize],
}

const EMPTY_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";

/// `a.weight` of shape 2x3 in column order from the fifth element on, `a.bias`, a counter.
fn dict(kind: &str) -> Writer {
    let mut w = Writer::new();
    w.raw(EMPTY_DICT).raw(b"(");
    let weight = View {
        count: 12,
        offset: 5,
        shape: &[2, 3],
        strides: &[1, 2],
    };
    w.text("a.weight").tensor(kind, "0", &weight);
    let bias = View {
        count: 2,
        offset: 0,
        shape: &[2],
        strides: &[1],
    };
    w.text("a.bias").tensor(kind, "1", &bias);
    let counter = View {
        count: 1,
        offset: 0,
        shape: &[],
        strides: &[],
    };
    w.text("a.num_batches_tracked")
        .tensor("LongStorage", "2", &counter);
    w.raw(b"u");
    w
}

fn storages(element: fn(f32) -> Vec<u8>) -> [Vec<u8>; 3] {
    let data = |values: &[f32]| values.iter().flat_map(|&v| element(v)).collect();
    [
        data(&std::array::from_fn::<f32, 12, _>(|i| i as f32)),
        data(&[0.5, -1.5]),
        7u64.to_le_bytes().to_vec(),
    ]
}

fn float(value: f32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn archive(pickle: &[u8], storages: &[Vec<u8>; 3], order: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: String, data: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(data).unwrap();
    };
    put("archive/data.pkl".into(), pickle);
    put("archive/byteorder".into(), order);
    for (key, data) in storages.iter().enumerate() {
        put(format!("archive/data/{key}"), data);
    }
    zip.finish().unwrap().into_inner()
}

fn legacy(pickle: &[u8], storages: &[Vec<u8>; 3], bytes: [usize; 3]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    file.extend(b"\x80\x02M\xe9\x03.");
    file.extend(
        Writer::new()
            .raw(b"}(")
            .text("little_endian")
            .raw(b"\x88u")
            .end(),
    );
    file.extend(pickle);
    let mut keys = Writer::new();
    keys.raw(b"](").text("1").text("0").text("2").raw(b"e");
    file.extend(keys.end());
    for key in [1, 0, 2] {
        file.extend((storages[key].len() as u64 / bytes[key] as u64).to_le_bytes());
        file.extend(&storages[key]);
    }
    file
}

fn expected() -> Vec<(String, Tensor)> {
    let tensor = |name: &str, shape: &[usize], values: &[f32]| {
        let (shape, values) = (shape.to_vec(), values.to_vec());
        (name.to_owned(), Tensor { shape, values })
    };
    vec![
        tensor("a.weight", &[2, 3], &[5.0, 7.0, 9.0, 6.0, 8.0, 10.0]),
        tensor("a.bias", &[2], &[0.5, -1.5]),
    ]
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).expect_err("must be refused").to_string()
}

#[test]
fn both_forms_are_read_with_their_strides() {
    let data = storages(float);
    let pickle = dict("FloatStorage").end();
    assert_eq!(
        read(&archive(&pickle, &data, b"little")).unwrap(),
        expected()
    );
    assert_eq!(
        read(&legacy(&pickle, &data, [4, 4, 8])).unwrap(),
        expected()
    );
}

#[test]
fn other_floats_are_widened_or_narrowed() {
    let double = storages(|v| f64::from(v).to_le_bytes().to_vec());
    let pickle = dict("DoubleStorage").end();
    assert_eq!(
        read(&archive(&pickle, &double, b"little")).unwrap(),
        expected()
    );
    let upper = storages(|v| v.to_le_bytes()[2..].to_vec());
    let pickle = dict("BFloat16Storage").end();
    assert_eq!(
        read(&legacy(&pickle, &upper, [2, 2, 8])).unwrap(),
        expected()
    );
    let half = storages(|v| {
        let bits = v.to_bits();
        let exponent = match v == 0.0 {
            true => 0,
            false => (bits >> 23 & 0xff) - 112,
        };
        ((bits >> 16 & 0x8000 | exponent << 10 | bits >> 13 & 0x3ff) as u16)
            .to_le_bytes()
            .to_vec()
    });
    let pickle = dict("HalfStorage").end();
    assert_eq!(
        read(&archive(&pickle, &half, b"little")).unwrap(),
        expected()
    );
}

#[test]
fn state_dicts_are_found_in_checkpoints() {
    let data = storages(float);
    let inner = dict("FloatStorage").0[2..].to_vec();
    for keys in [
        &["state_dict"][..],
        &["model"],
        &["net"],
        &["model", "state_dict"],
    ] {
        let mut w = Writer::new();
        for key in keys {
            w.raw(b"}(").text("epoch").int(5);
            // What an argparse.Namespace beside it says is not looked at.
            w.text("args")
                .raw(b"cargparse\nNamespace\n)\x81}b")
                .text(key);
        }
        w.raw(&inner);
        for _ in keys {
            w.raw(b"u");
        }
        let found = read(&archive(&w.end(), &data, b"little"));
        assert_eq!(found.unwrap(), expected(), "{keys:?}");
    }
}

#[test]
fn whole_modules_and_other_things_are_refused_with_a_way_out() {
    let data = storages(float);
    let file = |w: &mut Writer| archive(&w.end(), &data, b"little");
    let module = refusal(&file(
        Writer::new().raw(b"cnets.squeeze\nSqueezeNet\n)\x81}b"),
    ));
    assert!(module.contains("a whole module"), "{module}");
    assert!(module.contains("nets.squeeze.SqueezeNet"), "{module}");
    assert!(module.contains("torch.save(model.state_dict()"), "{module}");
    let called = refusal(&file(
        Writer::new().raw(b"cos\nsystem\n").text("ls").raw(b"\x85R"),
    ));
    assert!(called.contains("os.system"), "{called}");
    let empty = refusal(&file(
        Writer::new().raw(b"}(").text("epoch").int(5).raw(b"u"),
    ));
    assert!(
        empty.contains("no state dict: a dict of \"epoch\""),
        "{empty}"
    );
    let quantised = dict("QInt8Storage");
    assert!(refusal(&archive(&quantised.end(), &data, b"little")).contains("QInt8Storage"));
    let big = archive(&dict("FloatStorage").end(), &data, b"big");
    assert!(refusal(&big).contains("big-endian"));
}

#[test]
fn views_beyond_their_storage_are_refused() {
    let data = storages(float);
    let with = |view: View| {
        let mut w = Writer::new();
        w.raw(b"}(").text("a").tensor("FloatStorage", "0", &view);
        w.text("b").tensor("FloatStorage", "0", &view).raw(b"u");
        refusal(&archive(&w.end(), &data, b"little"))
    };
    let view = |offset, shape, strides| View {
        count: 12,
        offset,
        shape,
        strides,
    };
    assert!(with(view(11, &[2], &[1])).contains("beyond its storage of 48 bytes"));
    assert!(with(view(0, &[2, 2], &[1, 1 << 30])).contains("beyond its storage"));
    assert!(with(view(0, &[1 << 15, 1 << 15], &[0, 0])).contains("values are read in all"));
    assert!(with(view(0, &[2], &[1, 1])).contains("strides than axes"));
    let mut endless = storages(float);
    endless[1] = f32::INFINITY.to_le_bytes().repeat(2);
    let pickle = dict("FloatStorage").end();
    assert!(refusal(&archive(&pickle, &endless, b"little")).contains("not finite"));
}

#[test]
fn damaged_files_are_refused() {
    let data = storages(float);
    let pickle = dict("FloatStorage").end();
    let files = [
        archive(&pickle, &data, b"little"),
        legacy(&pickle, &data, [4, 4, 8]),
    ];
    for file in &files {
        for length in 0..file.len() {
            assert!(
                read(&file[..length]).is_err(),
                "{length} of {} bytes",
                file.len()
            );
        }
        for offset in 0..file.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = file.clone();
                bytes[offset] ^= flip;
                let _ = read(&bytes); // must return, whatever it says
            }
        }
    }
    for length in 0..pickle.len() {
        let error = refusal(&archive(&pickle[..length], &data, b"little"));
        assert!(error.contains("the pickle in it"), "{length}: {error}");
    }
    // 64 MiB of zeros in some 64 KiB.
    let mut bomb = storages(float);
    bomb[0] = vec![0; 64 << 20];
    let error = refusal(&archive(&pickle, &bomb, b"little"));
    assert!(error.contains("more than 48 MiB"), "{error}");
    let mut lying = legacy(&pickle, &data, [4, 4, 8]);
    let count = lying.len() - 16;
    lying[count..count + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert!(refusal(&lying).contains("truncated"));
}

/// Good files, both forms, for tests of damaged ones.
pub fn samples() -> Vec<Vec<u8>> {
    let (data, pickle) = (storages(float), dict("FloatStorage").end());
    vec![
        archive(&pickle, &data, b"little"),
        legacy(&pickle, &data, [4, 4, 8]),
    ]
}
