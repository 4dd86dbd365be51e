use std::io::Write;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn archive(names: &[&str]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(b"data").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A protobuf message of fields with a few bytes each, or with a number.
fn message(fields: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(tag, wire) in fields {
        let mut key = tag << 3 | wire;
        while key > 0x7f {
            bytes.push(key as u8 | 0x80);
            key >>= 7;
        }
        bytes.push(key as u8);
        match wire {
            0 => bytes.push(4),
            _ => bytes.extend([3, b'a', b'b', b'c']),
        }
    }
    bytes
}

/// Every kind that is not read: a file, what it is called, and a word of the way out.
fn refused() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5002318\n";
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let mut pack = 200u64.to_le_bytes().to_vec();
    pack.extend(format!("{{\"__metadata__\":{{\"{METADATA_KEY}\":\"{{}}\"}}}}").bytes());
    vec![
        (lfs.into(), "Git LFS pointer", "git lfs pull"),
        (b"\n<!DOCTYPE html>\n<html>".to_vec(), "HTML", "download"),
        (
            b"\xef\xbb\xbf<HTML lang=\"en\">".to_vec(),
            "HTML",
            "download",
        ),
        (
            b"<?xml version=\"1.0\"?><net name=\"a\">".to_vec(),
            "XML",
            "ONNX model",
        ),
        (b"{\"config\": 1}".to_vec(), "JSON", "weights"),
        (
            archive(&["net/code/__torch__.py", "net/data.pkl", "net/constants.pkl"]),
            "TorchScript",
            "torch.onnx.export",
        ),
        (
            archive(&["a.mlpackage/Data/com.apple.CoreML/model.mlmodel"]),
            "Core ML package",
            "onnxmltools",
        ),
        (
            archive(&["weights/readme.txt", "b"]),
            "readme.txt",
            "unpack",
        ),
        (
            b"\x80\x02ccollections\nOrderedDict\nq\x00ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
            "PyTorch objects",
            "torch.onnx.export",
        ),
        (pack, "Firebrick's own", "--model"),
        (b"\x93NUMPY\x01\0".to_vec(), ".npy", "numpy.savez"),
        (b"GGUF\x03\0\0\0".to_vec(), "GGUF", "ONNX"),
        (
            b"MATLAB 5.0 MAT-file, ".to_vec(),
            "MATLAB",
            "exportONNXNetwork",
        ),
        (b"\x1f\x8b\x08\0".to_vec(), "compressed", "unpack"),
        (tar, "compressed file or archive", "unpack"),
        (
            b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec(),
            "picture",
            "--calibrate",
        ),
        (message(&[(1, 0), (2, 2)]), "SavedModel", "--saved-model"),
        (
            message(&[(1, 2), (1, 2), (4, 2)]),
            "TensorFlow graph",
            "--graphdef",
        ),
    ]
}

#[test]
fn every_kind_is_named_with_a_way_out() {
    let mut met = Vec::new();
    for (bytes, name, way) in refused() {
        let error = reader(&bytes).expect_err(name).to_string();
        assert!(
            error.contains(name) && error.contains(way),
            "{name}: {error}"
        );
        let look = Look::at(&bytes);
        met.push(KINDS.iter().position(|k| (k.tell)(&look)));
    }
    // No entry of the table is without a case.
    for (index, kind) in KINDS.iter().enumerate() {
        let read = matches!(kind.way, Way::Read(_));
        assert!(
            read || met.contains(&Some(index)),
            "{} has no case",
            kind.name
        );
    }
}

#[test]
fn what_is_read_is_not_taken_for_another_kind() {
    let legacy = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    for (bytes, format) in [
        (
            archive(&["model/data.pkl", "model/byteorder", "model/data/0"]),
            Format::Torch,
        ),
        (legacy.to_vec(), Format::Torch),
        (
            archive(&["metadata.json", "config.json", "model.weights.h5"]),
            Format::Keras,
        ),
        (b"\x1c\0\0\0TFL3\x14\0".to_vec(), Format::Tflite),
        (message(&[(1, 0), (2, 2), (403, 2)]), Format::CoreMl),
        (message(&[(1, 2), (100, 2), (100, 2)]), Format::Caffe),
        (message(&[(1, 2), (2, 2), (2, 2)]), Format::Caffe),
        (b"\x12\x01\0\0\0\0\0\0".to_vec(), Format::Mxnet),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0".to_vec(), Format::Hdf5),
        (archive(&["conv1.weight.npy"]), Format::Npz),
        (b"PK\x03\x04 and no more".to_vec(), Format::Npz),
        (b"\x80\x03}q\0.".to_vec(), Format::Pickle),
        (b"\x02\0\0\0\0\0\0\0{}".to_vec(), Format::Safetensors),
        // Version, producer, graph, opset: as exporters write them.
        (
            message(&[(1, 0), (2, 2), (3, 2), (7, 2), (8, 2)]),
            Format::Onnx,
        ),
        (message(&[(1, 0), (7, 2), (8, 2)]), Format::Onnx),
        (b"neither this nor that".to_vec(), Format::Onnx),
    ] {
        assert_eq!(reader(&bytes).unwrap(), format);
    }
}
