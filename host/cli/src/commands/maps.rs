//! `firebrick maps`: every feature map of a picture, for other programs to compare with.

use std::fs::{self, File};
use std::io::BufWriter;

use firebrick_driver::Weights;
use firebrick_model::Model;
use firebrick_spec::HwConfig;
use ndarray::ArrayView3;
use npyz::WriterBuilder;

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::target::{Target, shown};

/// Writes `picture.npy`, a file for each map (slashes become dots) and `logits.npy`.
pub fn run(args: &args::Maps, output: &mut Output) -> Result<(), CliError> {
    let target = Target::of(
        args.model.as_deref(),
        args.size,
        HwConfig::default(),
        Weights::Auto,
    )?;
    let picture = target.picture(&args.image)?;
    let maps = Model::new(&target.network)?.run(&picture.view())?;
    let hint = "name a folder that can be made and written with -o";
    fs::create_dir_all(&args.output).map_err(|e| CliError::file(&args.output, e, hint))?;
    let write = |name: &str, values: &[u8], shape: &[u64]| {
        let path = args.output.join(format!("{}.npy", name.replace('/', ".")));
        save(File::create(&path), values, shape).map_err(|e| CliError::file(&path, e, hint))
    };
    let map = |name: &str, map: ArrayView3<u8>| {
        let (height, width, channels) = map.dim();
        let shape = [height, width, channels].map(|n| n as u64);
        write(name, &map.iter().copied().collect::<Vec<_>>(), &shape)
    };
    map("picture", picture.view())?;
    for (_, name, values) in maps.iter() {
        map(name, values)?;
    }
    let path = args.output.join("logits.npy");
    let logits = &maps.logits;
    save(File::create(&path), logits, &[logits.len() as u64])
        .map_err(|e| CliError::file(&path, e, hint))?;
    output.line(format_args!(
        "{}: {} maps of {}",
        shown(&args.output),
        maps.iter().count(),
        target.network.name
    ))
}

fn save<T: npyz::AutoSerialize + Copy>(
    file: std::io::Result<File>,
    values: &[T],
    shape: &[u64],
) -> std::io::Result<()> {
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(BufWriter::new(file?))
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
}
