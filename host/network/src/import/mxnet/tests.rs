use super::*;

fn file(element: u32, data: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend(0u64.to_le_bytes());
    file.extend((data.len() as u64).to_le_bytes());
    let shapes: [&[u64]; 2] = [&[2, 1], &[2]];
    for (data, shape) in data.iter().zip(shapes) {
        file.extend(ARRAY.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
        file.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(element.to_le_bytes());
        file.extend(*data);
    }
    file.extend((data.len() as u64).to_le_bytes());
    for name in ["arg:conv1_weight", "aux:conv1_bias"] {
        file.extend((name.len() as u64).to_le_bytes());
        file.extend(name.as_bytes());
    }
    file
}

fn bytes(values: [f32; 2]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn refusal(file: &[u8]) -> String {
    read(file).expect_err("must be refused").to_string()
}

#[test]
fn arrays_are_read_by_their_names() {
    let (weight, bias) = (bytes([0.5, -2.0]), bytes([3.0, 4.0]));
    let tensors = read(&file(0, &[&weight, &bias])).unwrap();
    assert_eq!(tensors[0].0, "conv1.weight");
    assert_eq!(tensors[0].1.shape, [2, 1]);
    assert_eq!(tensors[0].1.values, [0.5, -2.0]);
    assert_eq!(tensors[1].0, "conv1.bias");
    let half = read(&file(2, &[&[0, 0x3c, 0, 0xc0], &[0, 0, 0, 0]])).unwrap();
    assert_eq!(half[0].1.values, [1.0, -2.0]);
    for (theirs, ours) in [
        ("bn0_gamma", "bn0.weight"),
        ("features.0.running_var", "features.0.running_var"),
        ("aux:bn_moving_mean", "bn.running_mean"),
    ] {
        assert_eq!(torch_name(theirs), ours);
    }
}

#[test]
fn damaged_files_are_refused() {
    let (weight, bias) = (bytes([0.5, -2.0]), bytes([3.0, 4.0]));
    let good = file(0, &[&weight, &bias]);
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err(), "{length} bytes");
    }
    for offset in 0..good.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[offset] ^= flip;
            let _ = read(&bytes); // must return, whatever it says
        }
    }
    assert!(refusal(&file(4, &[&weight, &bias])).contains("type 4"));
    let endless = bytes([f32::NAN, 0.0]);
    assert!(refusal(&file(0, &[&endless, &bias])).contains("not finite"));
    let mut large = good;
    large[36..44].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert!(refusal(&large).contains("values are read in all"));
}

/// A good file.
pub fn sample() -> Vec<u8> {
    file(0, &[&bytes([0.5, -2.0]), &bytes([3.0, 4.0])])
}
