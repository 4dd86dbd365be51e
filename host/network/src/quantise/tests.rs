use super::*;
use crate::float::{FloatConv, FloatNode};
use crate::graph::{Border, Conv, Input, Normalise, PixelOrder, Pool, ResizePolicy};
use ndarray::{Array3, Array4};

/// conv 1x1 on the picture, two convolutions that are joined, global mean.
fn network() -> FloatNetwork {
    let conv = |inputs: usize, pad: usize, rows: &[&[f32]], bias: &[f32]| {
        let flat: Vec<f32> = rows.concat();
        let weights = Array4::from_shape_vec((rows.len(), 1, 1, inputs), flat).unwrap();
        FloatOp::Conv(FloatConv {
            stride: 1,
            pad,
            weights,
            bias: bias.to_vec(),
            relu: true,
        })
    };
    let node = |name: &str, op, inputs: &[usize]| FloatNode {
        name: name.into(),
        op,
        inputs: inputs.iter().map(|&i| NodeId(i)).collect(),
    };
    FloatNetwork {
        name: "small".into(),
        input: Input {
            height: 4,
            width: 4,
            order: PixelOrder::Bgr,
            resize: ResizePolicy::Squash,
            border: Border::NONE,
        },
        normalise: Normalise {
            mean: [100.0, 110.0, 120.0],
            std: [1.0; 3],
        },
        nodes: vec![
            node(
                "a",
                conv(3, 0, &[&[1.27, -0.5, 0.254], &[0.0, 0.0, 0.0]], &[3.0, 5.0]),
                &[NodeId::INPUT.0],
            ),
            node("b", conv(2, 0, &[&[0.5, 0.25]], &[0.1]), &[0]),
            node("c", conv(2, 0, &[&[-0.125, 1.0]], &[-0.2]), &[0]),
            node("joined", FloatOp::Concat, &[1, 2]),
            node("mean", FloatOp::Global, &[3]),
        ],
    }
}

fn calibration() -> Calibration {
    let range = |convs: &[&str], max: f64, means: &[f32]| Range {
        convs: convs.iter().map(|&name| name.into()).collect(),
        max,
        p99_9: max / 4.0,
        p99_99: max / 3.0,
        p99_999: max,
        mse: max / 2.0,
        means: means.to_vec(),
        peaks: Vec::new(),
    };
    Calibration {
        network: "small".into(),
        pictures: 1,
        size: [4, 4],
        raised: 0.0,
        sums: crate::sums::Raises::new(),
        range: vec![
            range(&["a"], 51.0, &[10.0, 5.0]),
            range(&["b", "c"], 25.5, &[6.0, 4.0]),
        ],
    }
}

fn labels() -> Vec<String> {
    vec!["left".into(), "right".into()]
}

fn quantised(
    network: &FloatNetwork,
    calibration: &Calibration,
    options: Options,
) -> Result<Network, QuantiseError> {
    let moments = [];
    Ok(super::quantise(network, calibration, &moments, labels(), options)?.network)
}

fn convs(network: &Network) -> Vec<&Conv> {
    let conv = |node| match node {
        &Node {
            op: Op::Conv(ref conv),
            ..
        } => Some(conv),
        _ => None,
    };
    network.nodes.iter().filter_map(conv).collect()
}

#[test]
fn a_layer_worked_out_by_hand() {
    let quantised = quantised(&network(), &calibration(), Options::default()).unwrap();
    let first = convs(&quantised)[0];
    // Weight scale 1.27 / 127 = 0.01, so 127, -50, 25.4 -> 25.
    let weights: Vec<i8> = first.weights.iter().copied().take(3).collect();
    assert_eq!(weights, [127, -50, 25]);
    // 3 - (1.27 * 100 - 0.5 * 110 + 0.25 * 120) = -99, in steps of 1 * 0.01; the mean picture's
    // own error is zero after the mean is taken off, so there is nothing to correct.
    assert_eq!(first.requant[0].bias, -9900);
    // Output scale 51 / 255 = 0.2, so 0.01 / 0.2 = 0.05 = 26214.4 / 2^19.
    assert_eq!(
        (first.requant[0].mult, first.requant[0].shift),
        (26_214, 19)
    );
    assert_eq!(first.output_scale, 0.2);
    // A channel of zeros keeps its bias: 5 / 0.2 = 25.
    assert_eq!(
        first.weights.iter().copied().skip(3).collect::<Vec<_>>(),
        [0, 0, 0]
    );
    assert_eq!(first.requant[1].apply(0), 25);
}

#[test]
fn bias_correction_takes_off_the_mean_error_of_rounded_weights() {
    let with = quantised(&network(), &calibration(), Options::default()).unwrap();
    let options = Options {
        correct_bias: false,
        ..Options::default()
    };
    let without = quantised(&network(), &calibration(), options).unwrap();
    // "b": 0.25 / (0.5 / 127) = 63.5 -> 64, an error of -0.5 steps on a channel of mean 5, in
    // input steps of 0.2: -12.5 steps of the accumulator. Without: 0.1 / (0.5 / 127 * 0.2) = 127.
    assert_eq!(convs(&without)[1].requant[0].bias, 127);
    assert!([114, 115].contains(&convs(&with)[1].requant[0].bias));
}

#[test]
fn joined_convolutions_share_a_scale() {
    let quantised = quantised(&network(), &calibration(), Options::default()).unwrap();
    let convs = convs(&quantised);
    assert_eq!(convs[1].output_scale, 0.1);
    assert_eq!(convs[2].output_scale, 0.1);
    let mut apart = calibration();
    let joined = apart.range.pop().unwrap();
    for (name, max, mean) in [("b", 20.0, 6.0), ("c", 10.0, 4.0)] {
        apart.range.push(Range {
            convs: vec![name.into()],
            p99_999: max,
            means: vec![mean],
            ..joined.clone()
        });
    }
    let error = super::quantise(&network(), &apart, &[], labels(), Options::default()).unwrap_err();
    assert!(error.to_string().contains("different scales"), "{error}");
}

#[test]
fn the_clip_is_the_one_asked_for() {
    for (clip, expected) in [
        (Clip::Max, 0.2),
        (Clip::P99_999, 0.2),
        (Clip::Mse, 0.1),
        (Clip::P99_99, 51.0 / 3.0 / 255.0),
        (Clip::P99_9, 0.05),
    ] {
        let options = Options {
            clip,
            ..Options::default()
        };
        let quantised = quantised(&network(), &calibration(), options).unwrap();
        assert!((f64::from(convs(&quantised)[0].output_scale) - expected).abs() < 1e-6);
    }
}

#[test]
fn the_map_that_is_summed_is_not_clipped_for_its_squared_error() {
    let options = Options {
        clip: Clip::Mse,
        equalise: true,
        ..Options::default()
    };
    let quantised = quantised(&network(), &calibration(), options).unwrap();
    let scales: Vec<f32> = convs(&quantised).iter().map(|c| c.output_scale).collect();
    assert_eq!(scales, [0.1, 0.1, 0.1]); // 51 / 2, and the whole 25.5, in 255 steps
}

#[test]
fn the_mean_is_folded_so_that_the_mean_picture_gives_the_bias() {
    let quantised = quantised(&network(), &calibration(), Options::default()).unwrap();
    let first = convs(&quantised)[0];
    let sum: i32 = first
        .weights
        .iter()
        .take(3)
        .zip([100, 110, 120])
        .map(|(&w, p)| i32::from(w) * p)
        .sum();
    assert_eq!(first.requant[0].apply(sum), 15); // 3.0 in steps of 0.2
}

#[test]
fn multipliers_are_normalised_and_near() {
    assert_eq!(multiplier(0.5), Some((16_384, 15)));
    assert_eq!(multiplier(1.0), Some((16_384, 14)));
    assert_eq!(multiplier(32_767.5 / 32_768.0), Some((16_384, 14)));
    assert_eq!(multiplier(16_383.0), Some((32_766, 1)));
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 20_000.0, 1e-18] {
        assert_eq!(multiplier(scale), None, "{scale}");
    }
    for step in 1..2000 {
        let scale = f64::from(step) * 0.0007;
        let (mult, shift) = multiplier(scale).unwrap();
        assert!((16_384..=32_767).contains(&mult));
        let made = f64::from(mult) / 2f64.powi(shift.into());
        assert!((made / scale - 1.0).abs() <= 1.0 / 32_768.0, "{scale}");
    }
}

#[test]
fn a_large_bias_over_small_weights_does_not_overflow() {
    let mut network = network();
    if let FloatOp::Conv(conv) = &mut network.nodes[1].op {
        conv.weights.fill(1e-12);
        conv.bias[0] = 10.0;
    }
    let options = Options {
        clip: Clip::Max,
        correct_bias: false,
        equalise: false,
    };
    let quantised = quantised(&network, &calibration(), options).unwrap();
    let requant = convs(&quantised)[1].requant[0];
    assert_eq!(requant.apply(0), 100);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |network: &FloatNetwork, calibration: &Calibration| {
        super::quantise(network, calibration, &[], labels(), Options::default())
            .unwrap_err()
            .to_string()
    };
    let mut missing = calibration();
    missing.range.pop();
    assert!(refused(&network(), &missing).contains("no range"));
    let mut flat = calibration();
    flat.range[0].p99_999 = 0.0;
    assert!(refused(&network(), &flat).contains("a dead layer"));
    let mut short = calibration();
    short.range[1].means.pop();
    assert!(refused(&network(), &short).contains("means do not fit"));
    let mut padded = network();
    if let FloatOp::Conv(conv) = &mut padded.nodes[0].op {
        conv.pad = 1;
    }
    assert!(refused(&padded, &calibration()).contains("pads the picture by 1"));
    let mut labels_missing = network();
    labels_missing.nodes[3] = FloatNode {
        name: "pool".into(),
        op: FloatOp::MaxPool(Pool::three(true)),
        inputs: vec![NodeId(1)],
    };
    assert!(refused(&labels_missing, &calibration()).contains("2 for 1 classes"));
}

#[test]
fn float_and_integer_agree_on_a_real_value() {
    let float = network();
    let pixels = Array3::from_shape_fn((4, 4, 3), |(y, x, c)| (120 + y * 9 + x * 5 - c * 4) as u8);
    let maps = float.forward(pixels.view()).unwrap();
    let quantised = quantised(&float, &calibration(), Options::default()).unwrap();
    let first = convs(&quantised)[0];
    for (y, x) in [(0, 0), (1, 3), (3, 2)] {
        let acc: i32 = (0..3)
            .map(|c| i32::from(pixels[(y, x, c)]) * i32::from(first.weights[(0, 0, 0, c)]))
            .sum();
        let real = f64::from(first.requant[0].apply(acc)) * 0.2;
        // Half an output step, and 0.4 weight steps of 0.01 on the third channel's deviation.
        let bound = 0.1 + 0.004 * (f64::from(pixels[(y, x, 2)]) - 120.0).abs() + 1e-3;
        assert!((real - f64::from(maps[0][(y, x, 0)]).min(51.0)).abs() <= bound);
    }
}

#[test]
fn a_dead_layer_is_called_one() {
    let mut dead = calibration();
    dead.pictures = 7;
    let range = &mut dead.range[0];
    (range.max, range.p99_999, range.mse) = (0.0, 0.0, 0.0);
    let error = quantised(&network(), &dead, Options::default()).unwrap_err();
    let error = error.to_string();
    for word in ["\"a\"", "0 (a dead layer)", "7 pictures", "--preprocess"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(!error.contains("measure the calibration again"), "{error}");
    dead.range[0].p99_999 = f64::INFINITY;
    let error = quantised(&network(), &dead, Options::default()).unwrap_err();
    assert!(error.to_string().contains("not finite"), "{error}");
}
