use firebrick_network::random;
use firebrick_network::squeezenet::SqueezeNet;

use super::*;

fn network(preset: Preprocess) -> FloatNetwork {
    let table = SqueezeNet {
        fires: vec![firebrick_network::squeezenet::Fire::even(4, 8)],
        pools: vec![1],
        classes: 12,
        side: 32,
        ..SqueezeNet::v1_1()
    };
    FloatNetwork {
        input: preset.input(32, 32),
        normalise: preset.normalise,
        ..random::float(&table, 1)
    }
}

#[test]
fn prominence_knows_no_scale() {
    let scores = [1.0, 2.0, 3.0, 10.0];
    let scaled = scores.map(|s| 58.0 * s + 7.0);
    assert!((prominence(&scores) - prominence(&scaled)).abs() < 1e-6);
    assert!((prominence(&[0.0, 0.0, 0.0, 1.0]) - 3f64.sqrt()).abs() < 1e-9);
    assert_eq!(prominence(&[2.0; 5]), 0.0);
    assert_eq!(prominence(&[]), 0.0);
}

#[test]
fn the_mean_has_its_error() {
    let (middle, error) = mean([1.0, 2.0, 3.0].into_iter());
    assert_eq!(middle, 2.0);
    assert!((error - (2.0f64 / 6.0).sqrt()).abs() < 1e-12);
}

#[test]
fn other_ways_are_really_others() {
    for preset in [Preprocess::CAFFE, Preprocess::TORCHVISION] {
        let network = network(preset);
        let chosen = Preparation::of(&network, network.input);
        let ways = others(&chosen, None);
        assert!(ways.iter().all(|way| !way.is_like(&chosen)));
        assert_eq!(ways.len(), 5, "{ways:?}");
        let swapped = ways.last().unwrap();
        assert_ne!(swapped.input.order, chosen.input.order);
        let [a, b, c] = chosen.normalise.mean;
        assert_eq!(swapped.normalise.mean, [c, b, a]);
    }
}

#[test]
fn what_the_graph_does_itself_stays_behind() {
    let own = Normalise {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    let mut network = network(Preprocess::TORCHVISION);
    network.normalise = own;
    let chosen = Preparation::of(&network, network.input);
    let ways = others(&chosen, Some(own));
    let units = ways
        .iter()
        .find(|w| w.flags.contains("rgb") && w.flags.contains("255"));
    let units = units.unwrap();
    let wanted = Preprocess::TORCHVISION.normalise;
    for c in 0..3 {
        assert!((units.normalise.mean[c] - wanted.mean[c]).abs() < 1e-3);
        assert!((units.normalise.std[c] - wanted.std[c]).abs() < 1e-3);
    }
}
