//! Corrected biases: on the photographs, every channel's mean is nearer to the float network's.

use firebrick_model::{Model, biases};
use firebrick_network::float::{FloatNetwork, FloatOp};
use firebrick_network::quantise::{Clip, Options, Quantised, quantise};
use firebrick_network::random::{self, picture};
use firebrick_network::squeezenet::Fire;
use firebrick_network::{NodeId, SqueezeNet, calibration};
use ndarray::{Array3, Axis};

const SIDE: usize = 48;

fn float() -> FloatNetwork {
    let fire = |squeeze, expand1, expand3| Fire {
        squeeze,
        expand1,
        expand3,
    };
    let table = SqueezeNet {
        name: "biases".into(),
        outputs: 16,
        fires: vec![fire(8, 12, 12), fire(8, 16, 12)],
        pools: vec![1],
        bypass: Vec::new(),
        classes: 10,
        side: SIDE,
        ..SqueezeNet::v1_1()
    };
    random::float(&table, 5)
}

/// Sum over all channels of all convolutions: how far the integer mean is from the float mean, in
/// steps.
fn distance(float: &FloatNetwork, quantised: &Quantised, pictures: &[Array3<u8>]) -> f64 {
    let model = Model::new(&quantised.network).unwrap();
    let runs: Vec<_> = pictures
        .iter()
        .map(|p| {
            (
                float.forward(p.view()).unwrap(),
                model.run(&p.view()).unwrap(),
            )
        })
        .collect();
    let convs = (0..float.nodes.len()).filter(|&i| matches!(float.nodes[i].op, FloatOp::Conv(_)));
    convs
        .flat_map(|node| {
            let channels = quantised.steps[node].iter().enumerate();
            channels.map(move |at| (node, at))
        })
        .map(|(node, (channel, step))| {
            let errors = runs.iter().map(|(real, made)| {
                let made = made.map(NodeId(node)).unwrap();
                let made = made
                    .index_axis(Axis(2), channel)
                    .mapv(f64::from)
                    .mean()
                    .unwrap();
                let real = real[node].index_axis(Axis(2), channel);
                made - real.mapv(f64::from).mean().unwrap() / step
            });
            errors.sum::<f64>().abs() / runs.len() as f64
        })
        .sum()
}

#[test]
fn means_come_nearer() {
    let float = float();
    let pictures: Vec<_> = (0..12).map(|seed| picture(SIDE, SIDE, seed)).collect();
    let measured = calibration::measure(&float, &pictures, &|| ()).unwrap();
    let labels = (0..10).map(|class| class.to_string()).collect();
    let options = Options {
        clip: Clip::Mse,
        equalise: true,
        ..Options::default()
    };
    let mut quantised = quantise(&float, &measured, &[], labels, options).unwrap();
    let before = distance(&float, &quantised, &pictures);
    let ticks = std::sync::atomic::AtomicUsize::new(0);
    let tick = || {
        ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    biases::correct(&float, &mut quantised, &pictures, &tick).unwrap();
    assert_eq!(ticks.into_inner(), biases::ticks(&float, pictures.len()));
    let after = distance(&float, &quantised, &pictures);
    assert!(after < before / 3.0, "{before} before, {after} after");
    let again = {
        let mut again = quantise(
            &float,
            &measured,
            &[],
            quantised.network.labels.clone(),
            options,
        );
        biases::correct(&float, again.as_mut().unwrap(), &pictures, &|| ()).unwrap();
        again.unwrap().network
    };
    assert_eq!(again, quantised.network);
}

#[test]
fn no_photographs_no_change() {
    let float = float();
    let pictures = [picture(SIDE, SIDE, 1)];
    let measured = calibration::measure(&float, &pictures, &|| ()).unwrap();
    let labels = (0..10).map(|class| class.to_string()).collect();
    let mut quantised = quantise(&float, &measured, &[], labels, Options::default()).unwrap();
    let before = quantised.network.clone();
    biases::correct(&float, &mut quantised, &[], &|| ()).unwrap();
    assert_eq!(before, quantised.network);
}
