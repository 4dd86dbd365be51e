use super::*;

fn tensor(name: &str, shape: &[usize], value: f32) -> (String, Tensor) {
    let count = shape.iter().product();
    let tensor = Tensor {
        shape: shape.to_vec(),
        values: vec![value; count],
    };
    (name.to_owned(), tensor)
}

/// A network with one module and names of its own; the 3x3 expand comes first.
fn small() -> Vec<(String, Tensor)> {
    vec![
        tensor("module.stem.0.weight", &[4, 3, 3, 3], 1.0),
        tensor("module.stem.1.weight", &[4], 3.0),
        tensor("module.stem.1.bias", &[4], 1.0),
        tensor("module.stem.1.running_mean", &[4], 2.0),
        tensor("module.stem.1.running_var", &[4], 4.0),
        tensor("module.a.squeeze.weight", &[2, 4, 1, 1], 2.0),
        tensor("module.a.squeeze.bias", &[2], 2.5),
        tensor("module.a.right.weight", &[3, 2, 3, 3], 3.0),
        tensor("module.a.left.weight", &[5, 2, 1, 1], 4.0),
        tensor("module.head.weight", &[7, 8], 5.0),
        tensor("module.head.bias", &[7], 6.0),
    ]
}

/// What is done to the tensors of a good file.
type Change<'a> = &'a dyn Fn(&mut Vec<(String, Tensor)>);

#[test]
fn order_and_shapes_stand_in_for_names() {
    let found = layers(small(), Some(0.0)).unwrap();
    assert!(found.dense);
    let names: Vec<&str> = found.layers.keys().map(String::as_str).collect();
    let wanted = [
        "conv1",
        "conv10",
        "fire2/expand1x1",
        "fire2/expand3x3",
        "fire2/squeeze1x1",
    ];
    assert_eq!(names, wanted);
    // (1 * x - 2) / 2 * 3 + 1.
    let conv1 = &found.layers["conv1"];
    assert_eq!(conv1.kernel[(2, 1, 0, 3)], 1.5);
    assert_eq!(conv1.bias, [-2.0; 4]);
    assert_eq!(found.layers["fire2/expand3x3"].kernel.dim(), (3, 3, 2, 3));
    assert_eq!(found.layers["fire2/squeeze1x1"].bias, [2.5; 2]);
    assert_eq!(found.layers["conv10"].kernel.dim(), (1, 1, 8, 7));
    assert!(
        found
            .notes
            .iter()
            .any(|n| n.contains("stem.0") && n.contains("1 modules"))
    );
    let guessed = layers(small(), None).unwrap();
    assert!(
        guessed.notes.iter().any(|n| n.contains("1e-5")),
        "{:?}",
        guessed.notes
    );
}

#[test]
fn what_is_no_squeezenet_is_refused_by_name() {
    let refused = |change: Change<'_>| {
        let mut tensors = small();
        change(&mut tensors);
        layers(tensors, None)
            .expect_err("must be refused")
            .to_string()
    };
    let fewer = refused(&|t| drop(t.drain(5..7)));
    assert!(fewer.contains("there are 4"), "{fewer}");
    let wide = refused(&|t| t[5] = tensor("module.a.squeeze.weight", &[2, 9, 1, 1], 1.0));
    assert!(wide.contains("a squeeze 1x1 of 4 channels"), "{wide}");
    let depthwise = refused(&|t| t[7] = tensor("module.a.right.weight", &[3, 1, 3, 3], 1.0));
    assert!(depthwise.contains("\"a.right\""), "{depthwise}");
    let head = refused(&|t| t[9] = tensor("module.head.weight", &[7, 9], 1.0));
    assert!(head.contains("a last 1x1 of 8 channels"), "{head}");
    let twice = refused(&|t| t.push(t[0].clone()));
    assert!(twice.contains("occurs twice"), "{twice}");
    let norm = refused(&|t| t[3] = tensor("module.stem.1.running_mean", &[5], 1.0));
    assert!(norm.contains("the convolution before it has 4"), "{norm}");
    let negative = refused(&|t| t[4] = tensor("module.stem.1.running_var", &[4], -1.0));
    assert!(negative.contains("variance"), "{negative}");
    let first = refused(&|t| drop(t.remove(0)));
    assert!(first.contains("the picture itself"), "{first}");
    let three = refused(&|t| t[5] = tensor("module.a.squeeze.weight", &[2, 4, 1], 1.0));
    assert!(three.contains("neither a convolution"), "{three}");
    let nan = refused(&|t| t[5] = tensor("module.a.squeeze.weight", &[2, 4, 1, 1], f32::NAN));
    assert!(nan.contains("not finite"), "{nan}");
}

#[test]
fn normalisations_that_follow_each_other_belong_to_as_many_convolutions() {
    let norm = |name: &str, channels: usize, mean: f32| {
        [
            ("weight", 1.0),
            ("bias", 0.0),
            ("running_mean", mean),
            ("running_var", 1.0),
        ]
        .map(|(part, value)| tensor(&format!("{name}.{part}"), &[channels], value))
    };
    let mut tensors = small();
    // Behind both expands, of which the 3x3 with 3 outputs comes first.
    tensors.splice(9..9, [norm("bn3", 3, 30.0), norm("bn1", 5, 10.0)].concat());
    let found = layers(tensors.clone(), Some(0.0)).unwrap();
    assert_eq!(found.layers["fire2/expand3x3"].bias, [-30.0; 3]);
    assert_eq!(found.layers["fire2/expand1x1"].bias, [-10.0; 5]);
    assert_eq!(found.layers["fire2/squeeze1x1"].bias, [2.5; 2]);
    // Four behind the module's three.
    tensors.splice(9..9, norm("bn0", 2, 1.0));
    tensors.splice(9..9, norm("bn9", 2, 1.0));
    let error = layers(tensors, Some(0.0)).unwrap_err().to_string();
    assert!(
        error.contains("one of 4 BatchNormalizations behind 3"),
        "{error}"
    );
}
