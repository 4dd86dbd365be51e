//! A network of SqueezeNet v1.1's layers: all kernels agree with the reference on every map.

use firebrick_model::{Kernel, Model, reference};
use firebrick_network::random::{self, picture};
use firebrick_network::{Network, NodeId, Op, SqueezeNet};
use ndarray::s;

fn all_agree(network: &Network, sizes: &[(usize, usize)]) {
    for &(height, width) in sizes {
        let image = picture(height, width, 7);
        let want = reference::run(network, &image.view()).unwrap();
        assert!(want.logits.iter().any(|&logit| logit > 0));
        for kernel in Kernel::available() {
            let model = Model::with_kernel(network, kernel).unwrap();
            let got = model.run(&image.view()).unwrap();
            for ((_, name, got), (_, _, want)) in got.iter().zip(want.iter()) {
                assert!(got == want, "{kernel}: {name} differs at {height}x{width}");
            }
            assert_eq!(got, want, "{kernel}");
            // Twice, so that the second run meets used buffers.
            for _ in 0..2 {
                assert_eq!(
                    model.logits(&image.view()).unwrap(),
                    want.logits,
                    "{kernel}"
                );
            }
        }
    }
}

fn v1_1() -> Network {
    random::squeezenet(&SqueezeNet::v1_1(), 11)
}

#[test]
fn at_224() {
    all_agree(&v1_1(), &[(224, 224)]);
}

#[test]
fn at_227() {
    all_agree(&v1_1(), &[(227, 227)]);
}

#[test]
fn at_odd_sizes() {
    all_agree(&v1_1(), &[(31, 31), (47, 95), (96, 33), (101, 64)]);
}

#[test]
fn version_1_0_with_caffes_padding() {
    let table = SqueezeNet {
        last_pad: 1,
        ..SqueezeNet::v1_0()
    };
    all_agree(&random::squeezenet(&table, 5), &[(227, 227), (64, 49)]);
}

#[test]
fn any_figures() {
    for seed in 0..40 {
        let table = random::figures(seed);
        all_agree(
            &random::squeezenet(&table, seed),
            &[(table.side, table.side)],
        );
    }
}

/// A padded 1x1 convolution sees nothing at its border: there each class gives what
/// requantisation makes of 0, and within what it gives without padding.
#[test]
fn the_border_of_a_padded_last_convolution_is_constant() {
    for pad in [1, 2] {
        let mut network = random::squeezenet(&SqueezeNet::v1_1(), 3);
        let image = picture(80, 65, 1);
        let last = network.nodes.len() - 2;
        let plain = Model::new(&network).unwrap().run(&image.view()).unwrap();
        let Op::Conv(conv) = &mut network.nodes[last].op else {
            panic!()
        };
        conv.pad = pad;
        let conv = conv.clone();
        let padded = Model::new(&network).unwrap().run(&image.view()).unwrap();
        let (inner, outer) = (
            plain.map(NodeId(last)).unwrap(),
            padded.map(NodeId(last)).unwrap(),
        );
        let (height, width, classes) = inner.dim();
        assert_eq!(outer.dim(), (height + 2 * pad, width + 2 * pad, classes));
        let middle = outer.slice(s![pad..pad + height, pad..pad + width, ..]);
        assert_eq!(middle, inner);
        let border = (outer.dim().0 * outer.dim().1 - height * width) as i32;
        let mut seen = 0;
        for ((y, x, class), &value) in outer.indexed_iter() {
            if !(pad..pad + height).contains(&y) || !(pad..pad + width).contains(&x) {
                assert_eq!(value, conv.border_value(class));
                seen += i32::from(value != 0);
            }
        }
        assert!(seen > 0);
        for (class, (padded, plain)) in padded.logits.iter().zip(&plain.logits).enumerate() {
            assert_eq!(
                *padded,
                plain + border * i32::from(conv.border_value(class))
            );
        }
    }
}

/// Shares of activations that are 0 and that are clamped at 255, for each convolution.
fn shares(network: &Network, side: usize) -> Vec<(String, f64, f64)> {
    let maps = Model::new(network)
        .unwrap()
        .run(&picture(side, side, 9).view())
        .unwrap();
    let mut all = Vec::new();
    for (id, name, map) in maps.iter() {
        if matches!(network.nodes[id.0].op, Op::Conv(_)) {
            let share =
                |value| map.iter().filter(|&&v| v == value).count() as f64 / map.len() as f64;
            all.push((name.to_owned(), share(0), share(255)));
        }
    }
    all
}

#[test]
fn random_weights_give_plausible_activations() {
    for table in [SqueezeNet::v1_0(), SqueezeNet::v1_1()] {
        for (name, dead, full) in shares(&random::squeezenet(&table, 2), 120) {
            let plausible = (0.1..0.8).contains(&dead) && full < 0.4;
            assert!(plausible, "{} {name}: {dead} {full}", table.name);
        }
    }
    for seed in 0..100 {
        let table = random::figures(seed);
        for (name, dead, full) in shares(&random::squeezenet(&table, seed), table.side) {
            assert!(dead < 1.0 && full < 1.0, "{seed} {name}: {dead} {full}");
        }
    }
}
