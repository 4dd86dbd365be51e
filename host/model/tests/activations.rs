//! Access to feature maps.

use firebrick_model::Model;
use firebrick_network::random;
use firebrick_network::{NodeId, SqueezeNet};

#[test]
fn maps_by_index_and_name() {
    let network = random::squeezenet(&SqueezeNet::v1_1(), 5);
    let model = Model::new(&network).unwrap();
    let image = random::picture(64, 64, 5);
    let activations = model.run(&image.view()).unwrap();
    assert_eq!(activations.len(), network.nodes.len());
    let shapes = network.shapes(64, 64).unwrap();
    let maps: Vec<_> = activations.iter().collect();
    assert_eq!(maps.len(), network.nodes.len() - 1);
    for ((id, name, map), (node, shape)) in maps.iter().zip(network.nodes.iter().zip(&shapes)) {
        assert_eq!(*name, node.name);
        assert_eq!(map.dim(), (shape.height, shape.width, shape.channels));
        assert_eq!(activations.map(*id).unwrap(), map);
        assert_eq!(activations.by_name(name).unwrap(), map);
    }
    // The parts of a concatenation, one after the other.
    let concat = activations.by_name("fire2/concat").unwrap();
    let parts = ["fire2/expand1x1", "fire2/expand3x3"].map(|n| activations.by_name(n).unwrap());
    assert_eq!(
        ndarray::concatenate(ndarray::Axis(2), &parts).unwrap(),
        concat
    );
    assert!(activations.by_name("sum").is_none());
    assert!(activations.by_name("fire1").is_none());
    assert!(activations.map(NodeId::INPUT).is_none());
    assert!(activations.map(NodeId(999)).is_none());
}

#[test]
fn runs_do_not_disturb_each_other() {
    let network = random::squeezenet(&SqueezeNet::v1_1(), 6);
    let model = Model::new(&network).unwrap();
    let images = [0, 1].map(|seed| random::picture(63, 71, seed));
    let first = model.run(&images[0].view()).unwrap();
    let copy = first.clone();
    let second = model.run(&images[1].view()).unwrap();
    assert_eq!(first, copy);
    assert_ne!(first, second);
    let logits = second.logits; // Can be moved out.
    assert_eq!(model.logits(&images[1].view()).unwrap(), logits);
    assert_eq!(model.run(&images[0].view()).unwrap(), first);
    // Several threads share a model.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(model.logits(&images[0].view()).unwrap(), first.logits));
        }
    });
}
