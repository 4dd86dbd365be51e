//! Compares every feature map of an engine with the integer model's, and names the first value
//! that differs.
//!
//! ```text
//! cargo run --release -p firebrick --example compare_layers -- weights/samples/cat.png sim:fb256
//! ```

use firebrick::Engine;
use firebrick::ndarray::ArrayView3;

/// Where two maps differ first (row, column, channel), and how often they do.
fn difference(
    got: &ArrayView3<'_, u8>,
    want: &ArrayView3<'_, u8>,
) -> (usize, Option<(usize, usize, usize)>) {
    let differ = got.indexed_iter().zip(want).filter(|((_, a), b)| a != b);
    let mut places = differ.map(|((place, _), _)| place);
    let first = places.next();
    (places.count() + usize::from(first.is_some()), first)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let picture = args.next().ok_or("give a JPEG or PNG file")?;
    let name = args.next().unwrap_or("sim:fb256".into());
    let got = Engine::open(&name)?.feature_maps(&picture)?;
    let want = Engine::open("model")?.feature_maps(&picture)?;
    let mut wrong = 0;
    for (layer, want) in want.iter() {
        let got = got.get(layer).ok_or("the engine sent another network")?;
        let (count, first) = difference(&got, &want);
        wrong += count;
        match first {
            None => println!("{layer}: {:?}, equal", want.dim()),
            Some(at) => println!(
                "{layer}: {count} values differ, first at {at:?}: {} instead of {}",
                got[at], want[at]
            ),
        }
    }
    match wrong == 0 && got.scores() == want.scores() {
        true => Ok(()),
        false => Err("the engine is not the integer model".into()),
    }
}
