//! Writes seeds for every target to `corpus/TARGET` beside this crate: good files and streams, from
//! which bad ones are soon found.

use std::fs;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;

use firebrick_driver::{ExecutorDevice, Recorder, Session, Weights};
use firebrick_fuzz::{EDGE, config, float, network, program};
use firebrick_network::import::to_onnx;
use firebrick_network::random::picture;
use image::{DynamicImage, ImageFormat, RgbImage};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let put = |target: &str, name: &str, bytes: &[u8]| -> Outcome<()> {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), bytes)?)
    };
    put("pack", "small", &network().to_bytes()?)?;
    put("import", "onnx", &to_onnx(&float()))?;
    // The layout of safetensors, though not the layers that are looked for.
    put("import", "safetensors", &network().to_bytes()?)?;
    for (name, check, weights) in [
        ("plain", false, Weights::Streamed),
        ("check", true, Weights::Streamed),
        ("resident", false, Weights::Resident),
    ] {
        let program = program(check, weights);
        let transfer = program.transfer(&picture(EDGE, EDGE, 1).view())?;
        // The first byte says: as it is.
        put("commands", name, &[&[0], &transfer[..]].concat())?;
        put("replies", name, &[check as u8; 64])?;
        let mut log = Vec::new();
        let device = Recorder::new(ExecutorDevice::new(config()), &mut log)?;
        let mut session = Session::open(device, config())?;
        let pictures = (0..2).map(|seed| picture(EDGE, EDGE, seed));
        session.stream_iter(&program, pictures, &mut |_| ControlFlow::Continue(()))?;
        session.into_device().finish()?;
        put("recording", name, &[&[0], &log[..]].concat())?;
    }
    let shades = RgbImage::from_fn(13, 11, |x, y| {
        image::Rgb([(x * 19) as u8, (y * 23) as u8, (x * y) as u8])
    });
    let shades = DynamicImage::ImageRgb8(shades);
    for (name, picture, format) in [
        ("rgb.png", shades.clone(), ImageFormat::Png),
        ("grey.png", shades.to_luma8().into(), ImageFormat::Png),
        ("alpha.png", shades.to_rgba8().into(), ImageFormat::Png),
        ("deep.png", shades.to_rgb16().into(), ImageFormat::Png),
        ("rgb.jpg", shades.clone(), ImageFormat::Jpeg),
        ("grey.jpg", shades.to_luma8().into(), ImageFormat::Jpeg),
    ] {
        let mut bytes = Cursor::new(vec![0]);
        bytes.set_position(1);
        picture.write_to(&mut bytes, format)?;
        put("picture", name, bytes.get_ref())?;
    }
    Ok(())
}
