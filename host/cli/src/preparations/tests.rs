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
fn information_needs_answers_that_agree_and_differ_between_pictures() {
    // Eight pictures of as many classes, and how large the scores are.
    let views = |scale: f32, other: &dyn Fn(usize) -> usize| -> Vec<[Vec<f32>; 2]> {
        let scores = |class| (0..8).map(move |c| if c == class { scale } else { 0.0 });
        let pair = |i| [scores(i).collect(), scores(other(i)).collect()];
        (0..8).map(pair).collect()
    };
    let told = |views: &[[Vec<f32>; 2]]| mean(information(views).into_iter()).0;
    let same = |i| i;
    assert!((told(&views(100.0, &same)) - 8f64.ln()).abs() < 0.01);
    assert!(told(&views(0.05, &same)).abs() < 0.01);
    let constant = views(100.0, &same)[0].clone();
    assert!(told(&vec![constant; 8]).abs() < 0.01);
    // Three of eight answers contradict themselves: worse the surer they are.
    let third = |i| if i % 3 == 0 { (i + 1) % 8 } else { i };
    let (sure, careful) = (told(&views(200.0, &third)), told(&views(3.0, &third)));
    // Both as computed apart from this, in Python.
    assert!((sure + 1.389).abs() < 0.01, "{sure}");
    assert!((careful - 0.166).abs() < 0.01, "{careful}");
    assert!(information(&[]).is_empty());
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
