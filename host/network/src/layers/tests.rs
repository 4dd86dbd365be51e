use super::*;

/// A tensor's name, type, shape and bytes.
type Tensor = (&'static str, Dtype, Vec<usize>, Vec<u8>);

fn file(tensors: &[Tensor]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (
            *name,
            TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Two output channels, three input channels, one row of two columns.
fn good() -> Vec<Tensor> {
    let weights: Vec<f32> = (0u8..12).map(f32::from).collect();
    vec![
        ("a.weight", Dtype::F32, vec![2, 3, 1, 2], floats(&weights)),
        ("a.bias", Dtype::F32, vec![2], floats(&[0.5, -1.0])),
    ]
}

#[test]
fn axes_are_turned_to_row_column_input_output() {
    let layers = read(&file(&good())).unwrap();
    let layer = &layers["a"];
    assert_eq!(layer.kernel.dim(), (1, 2, 3, 2));
    for ((row, column, input, output), &value) in layer.kernel.indexed_iter() {
        assert_eq!(value as usize, output * 6 + input * 2 + row * 2 + column);
    }
    assert_eq!(layer.bias, [0.5, -1.0]);
}

#[test]
fn what_does_not_fit_is_named() {
    let wrong = |change: &dyn Fn(&mut Vec<Tensor>)| {
        let mut tensors = good();
        change(&mut tensors);
        read(&file(&tensors)).unwrap_err().to_string()
    };
    for (message, words) in [
        (wrong(&|t| drop(t.remove(1))), ["a.weight", "no bias"]),
        (wrong(&|t| drop(t.remove(0))), ["a.bias", "no weight"]),
        (wrong(&|t| t[0].0 = "a.kernel"), ["a.", "weight"]),
        (wrong(&|t| t[0].2 = vec![2, 6]), ["a.weight", "4 axes"]),
        (wrong(&|t| t[0].1 = Dtype::I32), ["a.weight", "F32"]),
        (wrong(&|t| t[1].1 = Dtype::U32), ["a.weight", "bias"]),
        (
            wrong(&|t| t[1].3 = floats(&[f32::NAN, 0.0])),
            ["a.weight", "not finite"],
        ),
        (
            wrong(&|t| {
                t[1].2 = vec![1];
                t[1].3 = floats(&[0.0]);
            }),
            ["a.weight", "one value per output channel"],
        ),
    ] {
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    assert!(read(b"nothing").is_err());
}
