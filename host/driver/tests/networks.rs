//! Compiled networks on the software engine give what the integer model gives, without hazards.

mod common;

use common::{Builder, agree, picture, preset, squeezenet_v1_1};
use firebrick_network::NodeId;

fn report(size: usize, check: bool) {
    let network = squeezenet_v1_1(1);
    let program = agree(&network, &preset(), (size, size), check, 2);
    let p = program.prediction();
    eprintln!(
        "{size} check {check}: busy {} bound {:.4} cycles {} utilization {:.4} in {} out {} \
         records {} feature words {}",
        p.busy_cycles,
        p.bound(),
        p.cycles,
        p.utilization(),
        program.input_bytes(),
        program.output_bytes(),
        program.records().len(),
        p.feature_words
    );
    assert!(p.bound() >= 0.98, "{}", p.bound());
    if !check {
        assert!(p.utilization() >= 0.95, "{}", p.utilization());
        assert!(program.input_bytes() <= 1_500_000);
        assert_eq!(program.output_bytes(), 4 * 1000 + 16);
    }
}

#[test]
fn squeezenet_at_224() {
    report(224, false);
}

#[test]
fn squeezenet_at_227() {
    report(227, false);
}

#[test]
fn squeezenet_at_224_with_every_map() {
    report(224, true);
}

#[test]
fn squeezenet_at_227_with_every_map() {
    report(227, true);
}

#[test]
fn a_single_fire_of_odd_sizes() {
    for (height, width) in [(96, 96), (33, 57), (21, 20), (9, 9)] {
        for ceil in [false, true] {
            let mut b = Builder::new(height as u64);
            let x = b.conv("conv1", NodeId::INPUT, 20, (3, 2, 0));
            let x = b.pool("pool1", x, ceil);
            let x = b.fire("fire2", x, 5, 17, 30);
            let x = b.conv("conv10", x, 12, (1, 1, 0));
            let network = b.finish(x, height, width);
            for check in [false, true] {
                agree(&network, &preset(), (height, width), check, 2);
            }
        }
    }
}

#[test]
fn pools_after_concatenations_and_plain_convolutions() {
    for ceil in [false, true] {
        let mut b = Builder::new(7);
        let x = b.conv("conv1", NodeId::INPUT, 3, (3, 1, 0));
        let x = b.fire("fire2", x, 33, 16, 1);
        let x = b.pool("pool2", x, ceil);
        let x = b.conv("conv3", x, 40, (3, 1, 1));
        let x = b.pool("pool3", x, ceil);
        let x = b.conv("conv4", x, 1, (3, 1, 1));
        let network = b.finish(x, 40, 30);
        for (height, width) in [(40, 30), (43, 37), (12, 13)] {
            agree(&network, &preset(), (height, width), true, 2);
        }
    }
}

#[test]
fn a_concatenation_of_different_pools_and_readers() {
    let mut b = Builder::new(9);
    let x = b.conv("conv1", NodeId::INPUT, 8, (3, 2, 0));
    let left = b.conv("left", x, 20, (1, 1, 0));
    let right = b.conv("right", x, 18, (3, 1, 1));
    let left = b.pool("left_pool", left, true);
    let right = b.pool("right_pool", right, true);
    let both = b.concat("both", &[right, left]);
    let a = b.conv("a", both, 16, (1, 1, 0));
    let c = b.conv("c", both, 35, (1, 1, 0));
    let all = b.concat("all", &[a, c]);
    let x = b.conv("last", all, 10, (3, 1, 1));
    let network = b.finish(x, 31, 31);
    agree(&network, &preset(), (31, 31), true, 3);
}

#[test]
fn small_memories_still_work() {
    let mut config = preset();
    config.weight_blocks = 100;
    config.param_groups = 5;
    config.acc_depth = 64;
    config.block_queue = 4;
    config.feature_words = 3000;
    let mut b = Builder::new(11);
    let x = b.conv("conv1", NodeId::INPUT, 32, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 48, 48);
    let x = b.fire("fire3", x, 32, 64, 32);
    let x = b.conv("conv10", x, 100, (1, 1, 0));
    let network = b.finish(x, 50, 60);
    for check in [false, true] {
        agree(&network, &config, (50, 60), check, 3);
    }
}

#[test]
fn programs_alternate_on_one_engine() {
    use firebrick_driver::{CompileOptions, ExecutorDevice, Session, compile};
    let config = preset();
    let small = |seed| {
        let mut b = Builder::new(seed);
        let x = b.conv("conv1", NodeId::INPUT, 64, (3, 2, 0));
        let x = b.pool("pool1", x, true);
        let x = b.fire("fire2", x, 16, 32, 32);
        let x = b.conv("conv10", x, 12, (1, 1, 0));
        b.finish(x, 64, 64)
    };
    let networks = [small(1), small(2)];
    let programs = [
        (&networks[0], 64, true),
        (&networks[1], 45, false),
        (&networks[0], 80, false),
    ]
    .map(|(network, size, check)| {
        (
            network,
            compile(
                network,
                &config,
                size,
                size,
                &CompileOptions {
                    check,
                    ..CompileOptions::default()
                },
            )
            .unwrap(),
        )
    });
    let mut session = Session::open(ExecutorDevice::new(&config), &config).unwrap();
    for turn in 0..6 {
        let (network, program) = &programs[turn % 3];
        let image = picture(turn as u64, program.input().0, program.input().1);
        let got = session.run(program, &image.view()).unwrap();
        let want = firebrick_model::Model::new(network)
            .unwrap()
            .logits(&image.view())
            .unwrap();
        assert_eq!(got.logits, want);
    }
}
