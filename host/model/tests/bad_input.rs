//! Networks and pictures that do not fit give an error, not a panic.

use firebrick_model::{Kernel, Model, ModelError, reference};
use firebrick_network::SqueezeNet;
use firebrick_network::graph::{Network, NodeId, Op};
use firebrick_network::random::{self, Builder};
use ndarray::{Array3, Array4};

fn small() -> Network {
    let mut builder = Builder::new(1);
    let conv = builder.conv("conv", NodeId::INPUT, 20, (3, 2, 1));
    builder.finish(conv, 227, 227)
}

/// The error for a network changed by `change`.
fn refused(change: impl FnOnce(&mut Network)) -> String {
    let mut network = small();
    change(&mut network);
    let error = Model::new(&network).unwrap_err();
    let image = Array3::zeros((8, 8, 3));
    assert_eq!(reference::run(&network, &image.view()).unwrap_err(), error);
    error.to_string()
}

fn conv(network: &mut Network) -> &mut firebrick_network::Conv {
    match &mut network.nodes[0].op {
        Op::Conv(conv) => conv,
        other => panic!("{other:?}"),
    }
}

#[test]
fn malformed_networks() {
    for (error, want) in [
        (refused(|n| n.nodes.clear()), "no nodes"),
        (refused(|n| n.nodes.truncate(1)), "is not the global sum"),
        (refused(|n| n.nodes[0].name = "logits".into()), "same name"),
        (refused(|n| n.nodes[0].inputs.clear()), "has no input"),
        (
            refused(|n| n.nodes[0].inputs.push(NodeId::INPUT)),
            "takes one input, has 2",
        ),
        (
            refused(|n| n.nodes[0].inputs = vec![NodeId(0)]),
            "not an earlier node",
        ),
        (
            refused(|n| n.nodes[1].inputs = vec![NodeId(9)]),
            "not an earlier node",
        ),
        (refused(|n| n.nodes[0].op = Op::Global), "must be the last"),
        (refused(|n| conv(n).stride = 0), "stride 0"),
        (refused(|n| conv(n).kernel = 5), "the kernel is 5x5"),
        (refused(|n| conv(n).kernel = 0), "kernel 0"),
        (refused(|n| conv(n).pad = usize::MAX), "padding"),
        (refused(|n| conv(n).requant[19].shift = 0), "channel 19"),
        (refused(|n| conv(n).requant[3].shift = 49), "channel 3"),
        (refused(|n| conv(n).requant[3].mult = 0), "channel 3"),
        (
            refused(|n| conv(n).weights[[2, 0, 0, 0]] = -128),
            "channel 2",
        ),
        (
            refused(|n| conv(n).requant.truncate(19)),
            "19 requantisations",
        ),
        (
            refused(|n| conv(n).weights = Array4::zeros((20, 3, 3, 4))),
            "take 4 channels",
        ),
        (
            refused(|n| conv(n).weights = Array4::zeros((0, 3, 3, 3))),
            "no output channels",
        ),
    ] {
        assert!(error.contains(want), "{error:?} should say {want:?}");
    }
}

#[test]
fn overflowing_accumulator() {
    let mut builder = Builder::new(1);
    let widen = builder.conv("widen", NodeId::INPUT, 1100, (1, 1, 0));
    let conv = builder.conv("conv", widen, 1, (8, 1, 0));
    let mut network = builder.finish(conv, 227, 227);
    assert!(Model::new(&network).is_ok());
    let Op::Conv(conv) = &mut network.nodes[1].op else {
        panic!()
    };
    conv.weights.fill(-127);
    assert!(
        Model::new(&network)
            .unwrap_err()
            .to_string()
            .contains("beyond 32 bits")
    );
}

#[test]
fn unfit_pictures() {
    let network = random::squeezenet(&SqueezeNet::v1_1(), 1);
    let model = Model::new(&network).unwrap();
    let run = |dim: (usize, usize, usize)| {
        let image = Array3::zeros(dim);
        let error = model.run(&image.view()).unwrap_err();
        assert_eq!(model.logits(&image.view()).unwrap_err(), error);
        error
    };
    assert_eq!(run((227, 227, 4)), ModelError::Channels { found: 4 });
    assert_eq!(run((227, 227, 0)), ModelError::Channels { found: 0 });
    assert_eq!(
        run((0, 227, 3)),
        ModelError::Empty {
            height: 0,
            width: 227
        }
    );
    for (height, width) in [(1, 1), (2, 227), (227, 2), (20, 20)] {
        let error = run((height, width, 3));
        assert!(matches!(error, ModelError::Shape { .. }), "{error}");
        assert!(
            error.to_string().contains(&format!("{height}x{width}")),
            "{error}"
        );
    }
    assert!(matches!(run((70_000, 1, 3)), ModelError::TooLarge { .. }));
    // No memory behind it: one pixel, repeated.
    let pixel = Array3::<u8>::zeros((1, 1, 3));
    let vast = pixel.broadcast((60_000, 60_000, 3)).unwrap();
    assert!(matches!(
        model.run(&vast).unwrap_err(),
        ModelError::TooLarge { .. }
    ));
    // The smallest picture that fits does run.
    assert_eq!(
        model
            .logits(&Array3::zeros((31, 31, 3)).view())
            .unwrap()
            .len(),
        1000
    );
}

#[test]
fn kernels_that_the_processor_lacks() {
    assert!(Kernel::available().contains(&Kernel::Portable));
    for kernel in Kernel::ALL {
        let model = Model::with_kernel(&small(), kernel);
        assert_eq!(model.is_ok(), Kernel::available().contains(&kernel));
    }
}
