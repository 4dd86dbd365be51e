//! Small random networks with extreme values: every kernel gives the reference's bits.

use firebrick_model::{Kernel, Model, reference};
use firebrick_network::graph::{Conv, Network, NodeId, Op};
use firebrick_network::random::{self, Builder};
use firebrick_spec::arith::{self, Requant};
use ndarray::{Array3, Array4};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Mostly extremes, some values in between.
fn weight(rng: &mut SmallRng) -> i8 {
    *[-127, 127, 127, 0, -1, 1, rng.random_range(-127..=127)]
        .choose(rng)
        .unwrap()
}

fn pixel(rng: &mut SmallRng) -> u8 {
    *[0, 255, 255, 1, rng.random()].choose(rng).unwrap()
}

fn requant(rng: &mut SmallRng) -> Requant {
    let near = rng.random_range(-100_000..=100_000);
    Requant {
        bias: *[i32::MIN, i32::MAX, 0, near, near, near, rng.random()]
            .choose(rng)
            .unwrap(),
        mult: *[
            arith::MULT_MIN,
            arith::MULT_MAX,
            rng.random_range(arith::MULT_MIN..=arith::MULT_MAX),
        ]
        .choose(rng)
        .unwrap(),
        shift: *[1, 2, 16, 20, 24, 32, 47, 48, rng.random_range(1..=48)]
            .choose(rng)
            .unwrap(),
    }
}

fn extreme_conv(
    rng: &mut SmallRng,
    depth: usize,
    out: usize,
    (kernel, stride, pad): (usize, usize, usize),
) -> Op {
    Op::Conv(Conv {
        kernel,
        stride,
        pad,
        weights: Array4::from_shape_simple_fn((out, kernel, kernel, depth), || weight(rng)),
        requant: (0..out).map(|_| requant(rng)).collect(),
        output_scale: 1.0,
    })
}

/// All kernels against the reference; `None` if the picture is too small for the network.
fn check(network: &Network, image: &Array3<u8>) -> Result<Option<()>, TestCaseError> {
    let want = match reference::run(network, &image.view()) {
        Ok(want) => want,
        Err(error) => {
            for kernel in Kernel::available() {
                let model = Model::with_kernel(network, kernel).unwrap();
                prop_assert_eq!(model.run(&image.view()).unwrap_err(), error.clone());
            }
            return Ok(None);
        }
    };
    for kernel in Kernel::available() {
        let model = Model::with_kernel(network, kernel).unwrap();
        let got = model.run(&image.view()).unwrap();
        for ((_, name, got), (_, _, want)) in got.iter().zip(want.iter()) {
            prop_assert_eq!(got, want, "{}: {}", kernel, name);
        }
        prop_assert_eq!(&got.logits, &want.logits, "{}", kernel);
        for _ in 0..2 {
            prop_assert_eq!(
                &model.logits(&image.view()).unwrap(),
                &want.logits,
                "{}",
                kernel
            );
        }
    }
    Ok(Some(()))
}

fn image(rng: &mut SmallRng, height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_simple_fn((height, width, 3), || pixel(rng))
}

/// Convolutions, pools and concatenations of earlier maps, wired at random.
fn random_graph(rng: &mut SmallRng, nodes: usize) -> Network {
    let mut builder = Builder::new(rng.random());
    let mut maps = vec![NodeId::INPUT];
    for i in 0..nodes {
        let name = format!("node{i}");
        let input = *maps.choose(rng).unwrap();
        let id = match rng.random_range(0..7) {
            0 => builder.push(&name, Op::MaxPool(random::any_pool(rng)), &[input]),
            1 | 2 => {
                // The same map may come twice; maps of other sizes make the graph invalid,
                // which is tried as well.
                let other = *maps.choose(rng).unwrap();
                builder.push(
                    &name,
                    Op::Concat,
                    &[input, other, input][..rng.random_range(1..=3)],
                )
            }
            3 => {
                // A block as in SqueezeNet: parts that only the concatenation reads.
                let a = extreme_conv(rng, builder.channels(input), 5, (1, 1, 0));
                let b = extreme_conv(rng, builder.channels(input), 18, (3, 1, 1));
                let a = builder.push(&format!("{name}/a"), a, &[input]);
                let b = builder.push(&format!("{name}/b"), b, &[input]);
                let inner = builder.push(&format!("{name}/inner"), Op::Concat, &[b, a]);
                let c = extreme_conv(rng, builder.channels(input), 3, (1, 1, 0));
                let c = builder.push(&format!("{name}/c"), c, &[input]);
                builder.push(&name, Op::Concat, &[c, inner])
            }
            4 => {
                // A bypass around a convolution; at times of another map as deep, whose size may
                // not fit.
                let channels = builder.channels(input);
                let c = extreme_conv(rng, channels, channels, (3, 1, 1));
                let c = builder.push(&format!("{name}/c"), c, &[input]);
                let deep = |id: &NodeId| builder.channels(*id) == channels;
                let alike: Vec<NodeId> = maps.iter().copied().filter(deep).collect();
                let other = *alike.choose(rng).unwrap_or(&input);
                builder.add(&name, other, c)
            }
            _ => {
                let kernel = rng.random_range(1..=4);
                let shape = (kernel, rng.random_range(1..=2), rng.random_range(0..=3));
                let out = rng.random_range(1..=40);
                let conv = extreme_conv(rng, builder.channels(input), out, shape);
                builder.push(&name, conv, &[input])
            }
        };
        maps.push(id);
    }
    builder.finish(*maps.last().unwrap(), 227, 227)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn one_convolution(
        seed: u64,
        (depth, out) in (1usize..70, 1usize..140),
        (kernel, stride, pad) in (1usize..8, 1usize..4, 0usize..4),
        (height, width) in (1usize..20, 1usize..20),
    ) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut builder = Builder::new(seed);
        let widen = extreme_conv(&mut rng, 3, depth, (1, 1, 0));
        let widen = builder.push("widen", widen, &[NodeId::INPUT]);
        let conv = extreme_conv(&mut rng, depth, out, (kernel, stride, pad));
        let conv = builder.push("conv", conv, &[widen]);
        check(&builder.finish(conv, 227, 227), &image(&mut rng, height, width))?;
    }

    #[test]
    fn any_graph(seed: u64, nodes in 1usize..8, height in 1usize..16, width in 1usize..16) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let network = random_graph(&mut rng, nodes);
        check(&network, &image(&mut rng, height, width))?;
    }

    #[test]
    fn pools_of_every_size(
        seed: u64,
        ceil: bool,
        (height, width) in (1usize..24, 1usize..24),
        channels in 1usize..70,
    ) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut builder = Builder::new(seed);
        let widen = builder.conv("widen", NodeId::INPUT, channels, (1, 1, 0));
        let pool = builder.pool("pool", widen, ceil);
        check(&builder.finish(pool, 227, 227), &image(&mut rng, height, width))?;
    }
}

/// The largest sums that 8-bit products can make here, with both signs.
#[test]
fn saturated_accumulators() {
    for w in [127, -127] {
        for shift in [1, 20, 27, 48] {
            let mut builder = Builder::new(0);
            let conv = Conv {
                kernel: 7,
                stride: 2,
                pad: 3,
                weights: Array4::from_elem((17, 7, 7, 3), w),
                requant: vec![
                    Requant {
                        bias: 0,
                        mult: arith::MULT_MAX,
                        shift
                    };
                    17
                ],
                output_scale: 1.0,
            };
            let conv = builder.push("conv", Op::Conv(conv), &[NodeId::INPUT]);
            let network = builder.finish(conv, 227, 227);
            check(&network, &Array3::from_elem((11, 13, 3), 255))
                .unwrap()
                .unwrap();
        }
    }
}

/// Pictures need not be contiguous in memory.
#[test]
fn strided_picture() {
    let mut builder = Builder::new(3);
    let conv = builder.conv("conv", NodeId::INPUT, 20, (3, 2, 1));
    let network = builder.finish(conv, 227, 227);
    let mut image = random::picture(12, 9, 4);
    image.swap_axes(0, 1);
    image.invert_axis(ndarray::Axis(2));
    check(&network, &image).unwrap().unwrap();
}
