//! The emitted Verilog of the whole engine against the integer model.

#[path = "../../host/driver/tests/common/mod.rs"]
mod common;

use common::{Builder as NetworkBuilder, picture, preset};
use firebrick_driver::{CompileOptions, Session, compile};
use firebrick_model::Model;
use firebrick_network::{Network, NodeId};
use firebrick_sim::{Builder, SimDevice, SimOptions};

fn small(seed: u64) -> Network {
    let mut b = NetworkBuilder::new(seed);
    let c = b.conv("conv1", NodeId::INPUT, 16, (3, 2, 0));
    let p = b.pool("pool1", c, true);
    let f = b.fire("fire2", p, 16, 16, 16);
    let c = b.conv("conv10", f, 12, (1, 1, 0));
    b.finish(c, 21, 23)
}

#[test]
fn a_small_network_is_bit_exact() {
    let network = small(3);
    let config = preset();
    let mut device =
        SimDevice::open(&config, &Builder::new(), &SimOptions::default()).unwrap();
    let model = Model::new(&network).unwrap();
    if let Ok(path) = std::env::var("FIREBRICK_TRACE") {
        device.bench_mut().model_mut().trace(path, 0, 20000).unwrap();
    }
    let mut session = Session::open(device, &config).unwrap();
    session.deadline = std::time::Duration::from_secs(20);
    for check in [true, false] {
        let program = compile(&network, &config, 21, 23, &CompileOptions { check }).unwrap();
        for seed in 0..2 {
            let image = picture(seed, 21, 23);
            let want = model.run(&image.view()).unwrap();
            let got = session.run(&program, &image.view()).unwrap();
            for (node, map) in &got.maps {
                let name = &network.nodes[node.0].name;
                let expected = want.map(*node).unwrap();
                let bad = map.indexed_iter().filter(|(i, v)| expected[*i] != **v).count();
                let first = map.indexed_iter().find(|(i, v)| expected[*i] != **v);
                println!("{name} {:?} mismatches {bad} first {first:?}", map.dim());
            }
            println!("{:?} vs {:?}", got.logits, want.logits);
            assert_eq!(got.logits, want.logits);
        }
    }
}
