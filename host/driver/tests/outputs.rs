//! Networks that end with a map: the engine sends that map and no other, equal to the integer model's,
//! whatever kind of node makes it.

mod common;

use common::{Builder, picture, run};
use firebrick_driver::{CompileOptions, ExecutorDevice, Session, compile};
use firebrick_model::Model;
use firebrick_network::{NodeId, Op, Pool};
use firebrick_spec::HwConfig;

#[test]
fn every_map_of_a_network_may_be_its_output() {
    let mut b = Builder::new(5);
    let x = b.conv("conv1", NodeId::INPUT, 20, (3, 2, 0));
    let x = b.push("pool1", Op::MaxPool(Pool::PAIRS), &[x]);
    let y = b.fire("fire2", x, 7, 16, 9);
    let x = b.joined("sum2", y, x, 25, 1);
    let z = b.add("add", x, y);
    let z = b.pool("pool2", z, true);
    let last = b.conv("last", z, 6, (1, 1, 1));
    let network = b.finish(last, 27, 31);
    let whole = Model::new(&network).unwrap();
    let pictures = [0, 1].map(|seed| picture(seed, 27, 31));
    for (index, node) in network.nodes.iter().enumerate() {
        if matches!(node.op, Op::Global) {
            continue;
        }
        let ended = network.output(NodeId(index)).unwrap();
        for name in ["fb64", "fb256", "fb512", "fb2048"] {
            let config = HwConfig::preset(name).unwrap();
            let options = CompileOptions {
                map: true,
                ..CompileOptions::default()
            };
            let program = compile(&ended, &config, 27, 31, &options)
                .unwrap_or_else(|e| panic!("{}: {e}", node.name));
            let mut session = Session::open(ExecutorDevice::new(&config), &config).unwrap();
            for picture in &pictures {
                let got = session.run(&program, &picture.view()).unwrap();
                let want = whole.run(&picture.view()).unwrap();
                let [(_, map)] = &got.maps[..] else {
                    panic!("{}: {} maps", node.name, got.maps.len())
                };
                assert_eq!(map, want.map(NodeId(index)).unwrap(), "{}", node.name);
                let sums = map
                    .rows()
                    .into_iter()
                    .fold(vec![0; map.dim().2], |sums, row| {
                        sums.iter()
                            .zip(row)
                            .map(|(s, &v)| s + i32::from(v))
                            .collect()
                    });
                assert_eq!(got.logits, sums, "{}", node.name);
            }
        }
        // All maps of the shorter network as well.
        let config = HwConfig::preset("fb64").unwrap();
        let options = CompileOptions {
            check: true,
            ..CompileOptions::default()
        };
        run(
            &ended,
            &compile(&ended, &config, 27, 31, &options).unwrap(),
            1,
        );
    }
}
