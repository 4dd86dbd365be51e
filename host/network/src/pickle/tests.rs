use super::*;

/// `numpy.ndarray` of float32 values; the type is memo 9, written by the first array.
fn array(shape: &[u8], values: &[f32], first: bool) -> Vec<u8> {
    let mut p =
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R".to_vec();
    p.extend(b"(K\x01(");
    for &side in shape {
        p.extend([b'K', side]);
    }
    p.push(b't');
    if first {
        p.extend(b"cnumpy\ndtype\nX\x02\0\0\0f4K\0K\x01\x87Rq\x09");
        p.extend(b"(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb");
    } else {
        p.extend(b"h\x09");
    }
    p.extend([0x89, b'B']);
    p.extend((values.len() as u32 * 4).to_le_bytes());
    p.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    p.extend(b"tb");
    p
}

fn pickle(kernel: &[u8], bias: &[u8]) -> Vec<u8> {
    [b"\x80\x03}(X\x02\0\0\0c1](", kernel, bias, b"eu."].concat()
}

fn good() -> Vec<u8> {
    pickle(
        &array(&[1, 1, 3, 2], &[1., 2., 3., 4., 5., 6.], true),
        &array(&[2], &[7., 8.], false),
    )
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).expect_err("must be refused").to_string()
}

#[test]
fn a_layer_is_read() {
    let layers = read(&good()).unwrap();
    let layer = &layers["c1"];
    assert_eq!(layer.kernel.dim(), (1, 1, 3, 2));
    assert_eq!(layer.kernel[(0, 0, 2, 1)], 6.0);
    assert_eq!(layer.bias, [7.0, 8.0]);
}

#[test]
fn malicious_globals_are_refused() {
    let shell = b"\x80\x03cos\nsystem\nX\x02\0\0\0ls\x85R.";
    assert!(refusal(shell).contains("wants os.system"));
    for global in [
        "builtins\neval",
        "numpy\nload",
        "numpy.core.multiarray\nscalar",
    ] {
        let text = refusal(&[b"\x80\x03c", global.as_bytes(), b"\n."].concat());
        assert!(text.contains("refused"), "{text}");
    }
}

#[test]
fn what_is_called_otherwise_is_no_array() {
    let in_a_layer = |value: &[u8]| {
        let bias = array(&[2], &[7., 8.], true);
        refusal(&[b"\x80\x03}(X\x02\0\0\0c1](", value, &bias, b"eu."].concat())
    };
    assert!(in_a_layer(b"cnumpy\nndarray\nK\x05\x85R").contains("Made where an array"));
    let objects = b"\x80\x03cnumpy\ndtype\nX\x02\0\0\0O8K\0K\x01\x87R.";
    assert!(refusal(objects).contains("no dict"));
    assert!(refusal(b"\x80\x03}K\x01\x85R.").contains("a call of Dict"));
    assert!(in_a_layer(b"K\x01").contains("Int where an array belongs"));
}

#[test]
fn other_instructions_are_refused() {
    // PERSID, INST, OBJ, EXT1.
    for opcode in [b'P', b'i', b'o', 0x82] {
        let text = refusal(&[0x80, 3, opcode, b'.']);
        assert!(text.contains(&format!("{opcode:#04x}")), "{text}");
    }
    assert!(refusal(&[0x80, 6, b'.']).contains("protocol 6"));
}

#[test]
fn no_number_of_instructions_takes_the_memory() {
    let many = [b"\x80\x03".as_slice(), &[b'N'; 2 << 20]].concat();
    assert!(refusal(&many).contains("instructions"));
}

#[test]
fn damaged_files_are_refused() {
    let good = good();
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err(), "{length} bytes");
    }
    for offset in 0..good.len() {
        for value in 0..=255 {
            let mut bytes = good.clone();
            bytes[offset] = value;
            let _ = read(&bytes); // must return, whatever it says
        }
    }
    assert!(refusal(b"\x80\x03B\xff\xff\xff\xff.").contains("bytes wanted, more than"));
    assert!(refusal(b"\x80\x03Nr\xff\xff\xff\xff.").contains("out of range"));
}

#[test]
fn wrong_shapes_are_refused() {
    let two = array(&[2], &[7., 8.], false);
    let flat = array(&[6], &[0.; 6], true);
    assert!(refusal(&pickle(&flat, &two)).contains("4 axes"));
    let kernel = array(&[1, 1, 2, 3], &[0.; 6], true);
    assert!(refusal(&pickle(&kernel, &two)).contains("one value per output channel"));
    let short = array(&[1, 1, 3, 2], &[0.; 5], true);
    assert!(refusal(&pickle(&short, &two)).contains("takes 24 bytes, there are 20"));
    let nan = array(&[1, 1, 3, 2], &[f32::NAN; 6], true);
    assert!(refusal(&pickle(&nan, &two)).contains("not finite"));
}

/// A good file.
pub fn sample() -> Vec<u8> {
    good()
}
