use std::collections::BTreeMap;

use ndarray::Array4;

use super::*;
use crate::float::FloatOp;
use crate::graph::{Network, Normalise, Op};
use crate::import::Layer;
use crate::random;

/// Layers of zeros for a table.
fn layers(table: &SqueezeNet) -> BTreeMap<String, Layer> {
    let convs = convs(&random::squeezenet(table, 1));
    convs
        .into_iter()
        .map(|(name, kernel, inputs, outputs)| {
            let layer = Layer {
                kernel: Array4::zeros((kernel, kernel, inputs, outputs)),
                bias: vec![0.0; outputs],
            };
            (name, layer)
        })
        .collect()
}

/// Name, kernel, input and output channels of every convolution.
fn convs(network: &Network) -> Vec<(String, usize, usize, usize)> {
    network
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            Op::Conv(c) => Some((
                node.name.clone(),
                c.kernel,
                c.in_channels(),
                c.out_channels(),
            )),
            _ => None,
        })
        .collect()
}

fn float(table: &SqueezeNet, layers: &BTreeMap<String, Layer>) -> Result<usize, TableError> {
    let network = table.float(layers, table.input(), Normalise::NONE)?;
    let weights = network.nodes.iter().map(|node| match &node.op {
        FloatOp::Conv(c) => c.weights.len() + c.bias.len(),
        _ => 0,
    });
    Ok(weights.sum())
}

#[test]
fn both_versions_have_the_known_number_of_weights() {
    // torchvision's counts for squeezenet1_0 and squeezenet1_1.
    for (table, weights) in [
        (SqueezeNet::v1_0(), 1_248_424),
        (SqueezeNet::v1_1(), 1_235_496),
    ] {
        assert_eq!(float(&table, &layers(&table)).unwrap(), weights);
        let network = table
            .float(&layers(&table), table.input(), Normalise::NONE)
            .unwrap();
        assert_eq!(network.nodes.len(), 26 + 3 + 8 + 1);
        assert_eq!(network.input, table.input());
    }
}

#[test]
fn both_versions_have_the_known_work() {
    let v1_1 = random::squeezenet(&SqueezeNet::v1_1(), 1);
    assert_eq!(v1_1.macs(224, 224).unwrap(), 349_151_936);
    let mut table = SqueezeNet::v1_0();
    assert_eq!(
        random::squeezenet(&table, 1).macs(227, 227).unwrap(),
        832_667_936
    );
    // Caffe's padding makes the map larger, but is no work.
    table.last_pad = 1;
    let padded = random::squeezenet(&table, 1);
    assert_eq!(padded.macs(227, 227).unwrap(), 832_667_936);
    let shapes = padded.shapes(227, 227).unwrap();
    let last = shapes[shapes.len() - 2];
    assert_eq!((last.height, last.width), (15, 15));
}

#[test]
fn floor_pools_leave_smaller_maps() {
    let mut table = SqueezeNet::v1_1();
    let last = |table: &SqueezeNet| {
        let shapes = random::squeezenet(table, 1).shapes(227, 227).unwrap();
        shapes[shapes.len() - 2].height
    };
    assert_eq!(last(&table), 14);
    table.ceil = false;
    assert_eq!(last(&table), 13);
}

#[test]
fn any_figures_make_a_valid_network_of_their_shape() {
    for seed in 0..200 {
        let table = random::figures(seed);
        let network = random::squeezenet(&table, seed);
        network
            .validate()
            .unwrap_or_else(|e| panic!("{table:?}: {e}"));
        let found = convs(&network);
        assert_eq!(found.len(), 2 + 3 * table.fires.len());
        for (module, fire) in found[1..].chunks(3).zip(&table.fires) {
            let outputs: Vec<usize> = module.iter().map(|conv| conv.3).collect();
            assert_eq!(outputs, [fire.squeeze, fire.expand1, fire.expand3]);
        }
        assert_eq!(network.classes(), table.classes);
        assert!(float(&table, &layers(&table)).is_ok());
        assert_eq!(random::squeezenet(&table, seed), network);
    }
    let mut most = random::figures(1);
    most.classes = MAX_CLASSES;
    assert!(random::squeezenet(&most, 1).validate().is_ok());
}

#[test]
fn missing_wrong_and_surplus_layers_are_named() {
    let table = SqueezeNet::v1_1();
    let message = |change: &dyn Fn(&mut BTreeMap<String, Layer>)| {
        let mut layers = layers(&table);
        change(&mut layers);
        float(&table, &layers).unwrap_err().to_string()
    };
    let layer = || layers(&table)["fire5/expand3x3"].clone();
    let missing = message(&|layers| drop(layers.remove("fire5/expand3x3")));
    assert!(missing.contains("fire5/expand3x3"), "{missing}");
    let wrong = message(&|layers| drop(layers.insert("conv1".into(), layer())));
    assert!(wrong.contains("must be (3, 3, 3, 64)"), "{wrong}");
    let surplus = message(&|layers| drop(layers.insert("conv11".into(), layer())));
    assert!(
        surplus.contains("26 convolutions, the file 27"),
        "{surplus}"
    );
}
