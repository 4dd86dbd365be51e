//! `firebrick train`: the last layer for classes of one's own.

mod files;
mod report;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use firebrick_network::{ImageError, Network, builtin};
use firebrick_train::{
    Confusion, Data, Extracted, Item, Split, TrainError, Trunk, View, extract, fit, float_weights,
    pack, views,
};

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::pictures::spread;
use crate::progress::{Counter, Style, warning};
use files::Files;
pub use report::{EpochObject, ResultObject};

/// Unreadable pictures that are named.
const WARNINGS: usize = 5;
/// Share of the pictures, in per cent, that must be readable.
const READABLE: usize = 50;
/// Pictures from which the scale of the scores is taken.
const MEASURED: usize = 500;

pub fn run(args: &args::Train, style: Style, output: &mut Output) -> Result<(), CliError> {
    let files = Files::check(args)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => stem(&args.output),
    };
    let base = match &args.model {
        Some(path) => Network::load(path)?,
        None => builtin(),
    };
    let trunk = Trunk::of(&base)?;
    let data = Data::open(&args.data)?;
    let split = Split::of(&data, f64::from(args.validation) / 100.0, args.seed.into());
    let counter = Counter::new(style, "computing features", data.items.len());
    let tick = || counter.tick();
    let seen = |index| views(args.views.into(), args.seed.into(), index);
    let mut training = extract(&trunk, &split.training, &seen, &tick)?;
    let mut validation = extract(&trunk, &split.validation, &|_| vec![View::PLAIN], &tick)?;
    drop(counter);
    let skipped = skipped(&data, &mut training, &mut validation)?;
    if let Some(place) = &files.features {
        let bytes = firebrick_train::features_file(&training.samples, &validation.samples)?;
        place.write(&bytes)?;
    }
    let options = args.options();
    let counter = Counter::new(style, "learning", options.epochs);
    let mut printed = Ok(());
    let (samples, held) = (&training.samples, &validation.samples);
    let fitted = fit(samples, held, data.classes.len(), &options, |epoch| {
        counter.tick();
        if args.json.on {
            printed = report::epoch(epoch, output);
        }
        match &printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    printed?;
    drop(counter);
    let measured = spread(training.items.clone(), MEASURED);
    let counter = Counter::new(style, "measuring", measured.len() + validation.items.len());
    let tick = || counter.tick();
    let head = &fitted.head;
    let packed = pack(&trunk, head, &measured, &name, &data.classes, &tick)?;
    let confusion = Confusion::of(&packed.network, &validation.items, &tick)?;
    drop(counter);
    let bytes = packed.network.to_bytes()?;
    let floats = float_weights(&trunk, &base.name, head, &data.classes)?;
    files.write(&data, &validation.items, &fitted, &confusion, &floats)?;
    // Last: a pack that is there is one whose reports are.
    files.pack.write(&bytes)?;
    let made = report::Made {
        args,
        base: &base.name,
        data: &data,
        training: &training,
        validation: &validation,
        skipped,
        fitted: &fitted,
        packed: &packed,
        confusion: &confusion,
        bytes: bytes.len(),
        files: &files,
    };
    match args.json.on {
        true => made.json(output),
        false => made.print(output),
    }
}

/// A file's name without its extension.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    stem.map_or_else(|| "own".into(), |stem| stem.into_owned())
}

/// Warns of pictures that cannot be read, and refuses to go on with too few of the others; how many
/// were passed over.
fn skipped(
    data: &Data,
    training: &mut Extracted,
    validation: &mut Extracted,
) -> Result<usize, CliError> {
    let failed: Vec<(PathBuf, ImageError)> = (training.failed.drain(..))
        .chain(validation.failed.drain(..))
        .collect();
    for (_, error) in failed.iter().take(WARNINGS) {
        warning(format_args!("{error}; it is left out"));
    }
    let (all, skipped) = (data.items.len(), failed.len());
    if skipped > 0 {
        warning(format_args!(
            "{skipped} of {all} pictures cannot be read and are left out"
        ));
    }
    let read = all - skipped;
    if read * 100 < all * READABLE {
        return Err(TrainError::Unreadable { read, all }.into());
    }
    let items: Vec<Item> = [&training.items[..], &validation.items[..]].concat();
    let classes = data.classes.clone();
    Data { classes, items }.check_counts()?;
    let learnt = |class| training.items.iter().any(|item| item.class == class);
    match (0..data.classes.len()).find(|&class| !learnt(class)) {
        Some(class) => Err(TrainError::NothingLeft {
            class: data.classes[class].clone(),
        }
        .into()),
        None => Ok(skipped),
    }
}
