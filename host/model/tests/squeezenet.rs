//! A network of SqueezeNet v1.1's layers: all kernels agree with the reference on every map.

mod support;

use firebrick_model::{Kernel, Model, reference};
use support::{picture, squeezenet_v1_1};

fn all_agree(sizes: &[(usize, usize)]) {
    let network = squeezenet_v1_1(11);
    for &(height, width) in sizes {
        let image = picture(height, width, 7);
        let want = reference::run(&network, &image.view()).unwrap();
        assert!(want.logits.iter().any(|&logit| logit > 0));
        for kernel in Kernel::available() {
            let model = Model::with_kernel(&network, kernel).unwrap();
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

#[test]
fn at_224() {
    all_agree(&[(224, 224)]);
}

#[test]
fn at_227() {
    all_agree(&[(227, 227)]);
}

#[test]
fn at_odd_sizes() {
    all_agree(&[(31, 31), (47, 95), (96, 33), (101, 64)]);
}
