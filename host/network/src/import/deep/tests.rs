use super::*;

/// v1.1 with every fifth weight kept, the code counting up; a gap of 16 takes a code 0 between.
fn file() -> Vec<u8> {
    let shapes = shapes(&SqueezeNet::v1_1());
    let (mut counts, mut parts) = (Vec::new(), Vec::new());
    for (_, shape) in &shapes {
        let kept = shape.iter().product::<usize>() / 5;
        counts.extend((kept as u32).to_le_bytes());
        parts.extend((0..CODES).flat_map(|code| (code as f32 * 0.5).to_le_bytes()));
        parts.extend((0..shape[0]).flat_map(|o| (o as f32 - 3.0).to_le_bytes()));
        parts.extend((0..kept).map(|i| (i % 255 + 1) as u8));
        parts.extend(std::iter::repeat_n(0x44, kept.div_ceil(2)));
    }
    [counts, parts].concat()
}

#[test]
fn codes_and_differences_become_weights() {
    let file = file();
    assert_eq!(table(&file).map(|t| t.name), Some("squeezenet-v1.1".into()));
    let layers = read(&file).unwrap();
    assert_eq!(layers.len(), 26);
    let conv1 = &layers["conv1"];
    assert_eq!(conv1.kernel.dim(), (3, 3, 3, 64));
    assert_eq!(conv1.bias[5], 2.0);
    // The flat order is output, input, row, column: places 4, 9, 14, ... are kept.
    assert_eq!(conv1.kernel[(1, 1, 0, 0)], 0.5);
    assert_eq!(conv1.kernel[(0, 0, 1, 0)], 1.0);
    assert_eq!(conv1.kernel[(0, 1, 0, 0)], 0.0);
    assert_eq!(layers["fire9/expand3x3"].kernel.dim(), (3, 3, 64, 256));
}

#[test]
fn damaged_files_are_refused() {
    let file = file();
    for length in [0, 50, 104, 2000, file.len() - 1] {
        assert!(table(&file[..length]).is_none(), "{length} bytes");
        assert!(read(&file[..length]).is_err(), "{length} bytes");
    }
    let mut many = file.clone();
    many[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(table(&many).is_none());
    let codes = 4 * (26 + CODES + 64);
    let mut beyond = file.clone();
    let kept = 64 * 27 / 5;
    beyond[codes + kept..codes + kept + kept.div_ceil(2)].fill(0xff);
    assert!(
        read(&beyond)
            .unwrap_err()
            .to_string()
            .contains("beyond its end")
    );
    let mut endless = file;
    endless[4 * 26..4 * 27].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(read(&endless).unwrap_err().to_string().contains("finite"));
}

/// A good file.
pub fn sample() -> Vec<u8> {
    file()
}
