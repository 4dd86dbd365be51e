//! `firebrick maps`: every feature map of a picture, for other programs to compare with.

pub(super) mod names;

use std::fs;
use std::io;
use std::path::Path;

use firebrick_driver::Weights;
use firebrick_model::Model;
use firebrick_spec::HwConfig;
use ndarray::ArrayView3;
use npyz::WriterBuilder;

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::target::{Target, shown};
use names::Names;

/// File that says which map is in which file.
pub(super) const LIST: &str = "maps.json";

/// Writes `picture.npy`, a file for each map, `logits.npy`, and [`LIST`] with the names.
pub fn run(args: &args::Maps, output: &mut Output) -> Result<(), CliError> {
    let target = Target::of(
        args.network.model.as_deref(),
        args.network.size,
        HwConfig::default(),
        Weights::Auto,
    )?;
    let hint = "name a folder that can be made and written with -o";
    fs::create_dir_all(&args.output).map_err(|e| CliError::file(&args.output, e, hint))?;
    let mut names = Names::new(&["picture", "logits"]);
    let files: Vec<String> = (target.network.nodes.iter())
        .map(|node| names.file(&node.name))
        .collect();
    let inputs: Vec<&Path> = [Some(args.image.as_path()), args.network.model.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let place = |file: &str, kind: Kind| {
        Place::check(&args.output.join(file), kind, &inputs, args.force.on)
    };
    for file in files.iter().map(String::as_str) {
        place(file, Kind::MAP)?;
    }
    let (picture_npy, logits_npy) = ("picture.npy", "logits.npy");
    let last = [(picture_npy, Kind::MAP), (logits_npy, Kind::MAP)];
    for (file, kind) in last.into_iter().chain([(LIST, Kind::MAP_NAMES)]) {
        place(file, kind)?;
    }
    let picture = target.picture(&args.image)?;
    let maps = Model::new(&target.network)?.run(&picture.view())?;
    let map = |file: &str, map: ArrayView3<u8>| {
        let (height, width, channels) = map.dim();
        let shape = [height, width, channels].map(|n| n as u64);
        let values: Vec<u8> = map.iter().copied().collect();
        save(&place(file, Kind::MAP)?, &values, &shape)
    };
    map(picture_npy, picture.view())?;
    let mut list = vec![(picture_npy.to_owned(), "the network's input")];
    for (id, name, values) in maps.iter() {
        map(&files[id.0], values)?;
        list.push((files[id.0].clone(), name));
    }
    let logits = &maps.logits;
    save(
        &place(logits_npy, Kind::MAP)?,
        logits,
        &[logits.len() as u64],
    )?;
    list.push((logits_npy.to_owned(), "the sums of the classes"));
    let names = place(LIST, Kind::MAP_NAMES)?;
    names.write(names::json(&list).as_bytes())?;
    output.line(format_args!(
        "{}: {} maps of {}",
        shown(&args.output),
        maps.iter().count(),
        target.network.name
    ))
}

pub(super) fn save<T: npyz::AutoSerialize + Copy>(
    place: &Place,
    values: &[T],
    shape: &[u64],
) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    npy(&mut bytes, values, shape).map_err(|e| place.error(e))?;
    place.write(&bytes)
}

fn npy<T: npyz::AutoSerialize + Copy>(
    bytes: &mut Vec<u8>,
    values: &[T],
    shape: &[u64],
) -> io::Result<()> {
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
}
