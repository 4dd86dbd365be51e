//! What quantising did to each layer, through the library.

mod common;

use std::path::Path;

use common::{model, pixels};
use firebrick::{Engine, Image, Model, Options};

/// The shares are those of the feature maps, over all pictures.
#[test]
fn shares_are_those_of_the_maps() {
    let model = model();
    let mut engine = Engine::open_with("model", Options::new().model(&model)).unwrap();
    let pictures: Vec<_> = (0..2).map(pixels).collect();
    let images: Vec<Image<'_>> = pictures.iter().map(Image::from).collect();
    let maps: Vec<_> = images
        .iter()
        .map(|image| engine.feature_maps(image.clone()).unwrap())
        .collect();
    let layers = model.quantisation_report(&images, None).unwrap();
    assert!(layers.len() > 3);
    for layer in &layers {
        let values = || maps.iter().flat_map(|maps| maps.get(&layer.name).unwrap());
        let all = values().count();
        let share = |value: u8| values().filter(|v| **v == value).count() as f64 / all as f64;
        assert_eq!(layer.zeros, Some(share(0)), "{}", layer.name);
        assert_eq!(layer.clipped, Some(share(255)), "{}", layer.name);
        assert_eq!(layer.activations.iter().sum::<u64>(), all as u64);
        assert_eq!(layer.clip, 255.0 * layer.output_scale);
        assert_eq!((layer.largest, layer.sqnr_db), (None, None));
    }
    // Without pictures there is what the weights say.
    for (layer, measured) in model
        .quantisation_report(&[], None)
        .unwrap()
        .iter()
        .zip(&layers)
    {
        assert_eq!(layer.weights, measured.weights);
        assert!(layer.activations.is_empty());
        assert_eq!((layer.zeros, layer.clipped), (None, None));
    }
}

#[test]
fn the_weights_are_those_of_the_pack() {
    let model = Model::builtin();
    let layers = model.quantisation_report(&[], None).unwrap();
    assert_eq!(layers.len(), 26);
    for layer in &layers {
        let node = model
            .network()
            .nodes
            .iter()
            .find(|node| node.name == layer.name);
        let weights = &node.unwrap().op.conv().unwrap().weights;
        assert_eq!(layer.weights.iter().sum::<u64>(), weights.len() as u64);
        let zeros = weights.iter().filter(|w| **w == 0).count();
        assert_eq!(layer.zero_weights, zeros as f64 / weights.len() as f64);
        assert_eq!(
            layer.weights[0],
            weights.iter().filter(|w| **w < -120).count() as u64
        );
    }
}

#[test]
fn errors_name_the_file() {
    let model = model();
    let error = |images: &[Image<'_>], reference| {
        let report = model.quantisation_report(images, reference);
        let error = report.unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, text) = error(&[], Some(Path::new("/nowhere.onnx")));
    assert!(
        kind == "model" && text.contains("/nowhere.onnx"),
        "{kind}: {text}"
    );
    let (kind, text) = error(&["/nowhere.png".into()], None);
    assert!(
        kind == "picture" && text.contains("/nowhere.png"),
        "{kind}: {text}"
    );
}
