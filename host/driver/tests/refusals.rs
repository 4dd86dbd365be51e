//! Networks and configurations that cannot be compiled: one clear sentence each.

mod common;

use common::{Builder, preset, squeezenet_v1_1};
use firebrick_driver::{CompileError, CompileOptions, compile};
use firebrick_network::{Network, NodeId, Op};
use firebrick_spec::HwConfig;

fn fails(network: &Network, config: &HwConfig, size: (usize, usize), words: &[&str]) {
    let text = match compile(network, config, size.0, size.1, &CompileOptions::default()) {
        Ok(_) => panic!("compiles although it should not: {words:?}"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn memories_that_are_too_small_are_named() {
    let network = squeezenet_v1_1(1);
    let size = (224, 224);
    type Change = fn(&mut HwConfig);
    let cases: [(Change, &[&str]); 6] = [
        (
            |c| c.feature_words = 8_000,
            &["feature buffer", "8000", "fire", "larger"],
        ),
        (|c| c.weight_blocks = 30, &["weight buffer", "30", "fire"]),
        (|c| c.param_groups = 3, &["parameter memory", "conv1"]),
        (|c| c.acc_depth = 100, &["accumulator", "conv1", "111"]),
        (|c| c.line_words = 50, &["line memory", "conv1", "56"]),
        (|c| c.window_width = 223, &["window rows", "conv1", "223"]),
    ];
    for (change, words) in cases {
        let mut config = preset();
        change(&mut config);
        fails(&network, &config, size, words);
    }
    let mut lanes = preset();
    lanes.lanes = 3;
    fails(&network, &lanes, size, &["3 lanes"]);
    let mut tile = preset();
    tile.tile = 4;
    fails(&network, &tile, size, &["tile of 4"]);
    fails(&network, &preset(), (2, 224), &["conv1"]);
    fails(&network, &preset(), (256, 257), &["window rows"]);
}

#[test]
fn sums_that_the_accumulators_do_not_hold_are_named() {
    let mut b = Builder::new(3);
    let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
    let x = b.conv("last", x, 4, (1, 1, 0));
    let mut network = b.finish(x, 40, 40);
    let narrow = preset();
    let wide = HwConfig::preset(&format!("{}-wide", narrow.name)).expect("a preset");
    let options = CompileOptions::default();
    // The bias that just fits, and the first that does not.
    let mut with_bias = |bias: i32| {
        let Op::Conv(conv) = &mut network.nodes[1].op else {
            panic!("the second node is a convolution");
        };
        conv.weights.fill(0);
        conv.requant[2].bias = bias;
        network.clone()
    };
    for fits in [(1 << 26) - 1, -(1 << 26)] {
        compile(&with_bias(fits), &narrow, 40, 40, &options).expect("27 bits hold it");
    }
    for exceeds in [1 << 26, -(1 << 26) - 1] {
        let network = with_bias(exceeds);
        let named = [
            "\"last\"",
            "channel 2",
            "28 bits",
            "have 27",
            "-wide\" has 32",
        ];
        fails(&network, &narrow, (40, 40), &named);
        compile(&network, &wide, 40, 40, &options).expect("32 bits hold it");
    }
}

#[test]
fn structures_without_a_command_are_named() {
    type Wrong = fn(&mut Builder) -> NodeId;
    let config = preset();
    let build = |wrong: Wrong| {
        let mut b = Builder::new(1);
        let x = wrong(&mut b);
        let x = b.conv("last", x, 4, (1, 1, 0));
        b.finish(x, 40, 40)
    };
    let cases: [(Wrong, &[&str]); 9] = [
        (
            |b| b.conv("one", NodeId::INPUT, 4, (1, 1, 0)),
            &["one", "1x1", "window unit"],
        ),
        (
            |b| b.conv("padded", NodeId::INPUT, 4, (3, 1, 1)),
            &["padded", "padding 1"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                b.conv("strided", x, 4, (3, 2, 1))
            },
            &["strided", "stride 2"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                let x = b.pool("a", x, true);
                b.pool("b", x, true)
            },
            &["b", "pooled already"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                b.concat("double", &[x, x])
            },
            &["double", "twice"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                b.conv("unread", x, 4, (1, 1, 0));
                x
            },
            &["unread", "nothing reads"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                let y = b.conv("second", x, 4, (1, 1, 0));
                let both = b.concat("skip", &[x, y]);
                b.pool("pool", both, true)
            },
            &["first", "two different ways"],
        ),
        (
            |b| {
                let x = b.add("mixed", NodeId::INPUT, NodeId::INPUT);
                b.conv("first", x, 4, (3, 1, 1))
            },
            &["mixed", "the picture itself"],
        ),
        (
            |b| {
                let x = b.conv("first", NodeId::INPUT, 4, (3, 1, 0));
                let y = b.conv("second", x, 4, (3, 1, 1));
                let z = b.add("sum", x, y);
                let z = b.conv("third", z, 4, (1, 1, 0));
                let both = b.concat("again", &[y, z]);
                b.pool("pool", both, true)
            },
            &["second", "two different ways"],
        ),
    ];
    for (wrong, words) in cases {
        fails(&build(wrong), &config, (40, 40), words);
    }
}

#[test]
fn graphs_without_sense_are_errors() {
    let config = preset();
    let mut empty = squeezenet_v1_1(1);
    empty.nodes.clear();
    fails(&empty, &config, (224, 224), &["global sum"]);
    let mut open = squeezenet_v1_1(1);
    open.nodes.pop();
    fails(&open, &config, (224, 224), &["conv10", "global sum"]);
    let mut short = squeezenet_v1_1(1);
    let Op::Conv(conv) = &mut short.nodes[0].op else {
        panic!()
    };
    conv.requant.pop();
    fails(&short, &config, (224, 224), &["conv1", "requantisation"]);
    assert!(matches!(
        compile(&short, &config, 224, 224, &CompileOptions::default()),
        Err(CompileError::Structure { .. })
    ));
}
