//! What is written: the pack, and beside it the float weights and the reports.

use std::path::{Path, PathBuf};

use firebrick_train::{Confusion, Data, Epoch, Fitted, Item, curves};

use crate::args;
use crate::error::CliError;
use crate::outputs::{Kind, Place};
use crate::target::shown;

/// Endings of the files beside the pack, in the order of [`Files::beside`].
const ENDINGS: [&str; 6] = [
    ".float.safetensors",
    ".curves.svg",
    ".curves.csv",
    ".confusion.csv",
    ".classes.csv",
    ".validation.csv",
];

/// The files, looked at before the work begins.
pub struct Files {
    pub pack: Place,
    pub features: Option<Place>,
    beside: [Place; 6],
    /// Their names, with the pack's.
    pub names: Vec<String>,
}

impl Files {
    pub fn check(args: &args::Train) -> Result<Files, CliError> {
        let inputs = [Some(&args.data), args.model.as_ref()];
        let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
        let force = args.force.on;
        let pack = Place::check(&args.output, Kind::PACK, &inputs, force)?;
        let mut names = vec![shown(&args.output)];
        let base = match &args.report {
            Some(base) => base.clone(),
            None => args.output.with_extension(""),
        };
        let mut beside = |ending: &str| {
            let mut path = base.clone().into_os_string();
            path.push(ending);
            let path = PathBuf::from(path);
            let place = Place::check(&path, Kind::TRAINING, &inputs, force)?;
            place.must_not_be(&pack)?;
            names.push(shown(&path));
            Ok::<Place, CliError>(place)
        };
        let [a, b, c, d, e, f] = ENDINGS;
        let beside = [
            beside(a)?,
            beside(b)?,
            beside(c)?,
            beside(d)?,
            beside(e)?,
            beside(f)?,
        ];
        let features = match &args.save_features {
            Some(path) => {
                let place = Place::check(path, Kind::FEATURES, &inputs, force)?;
                for other in beside.iter().chain([&pack]) {
                    place.must_not_be(other)?;
                }
                names.push(shown(path));
                Some(place)
            }
            None => None,
        };
        Ok(Files {
            pack,
            features,
            beside,
            names,
        })
    }

    /// Writes everything but the pack and the features.
    pub fn write(
        &self,
        data: &Data,
        validation: &[Item],
        fitted: &Fitted,
        confusion: &Confusion,
        floats: &[u8],
    ) -> Result<(), CliError> {
        let svg = curves(&fitted.epochs, fitted.best).into_bytes();
        let contents = [
            Ok(floats.to_vec()),
            Ok(svg),
            epochs(&fitted.epochs),
            matrix(&data.classes, confusion),
            by_class(&data.classes, confusion),
            list(&data.classes, validation),
        ];
        for (place, content) in self.beside.iter().zip(contents) {
            place.write(&content.map_err(|e| place.error(e.into()))?)?;
        }
        Ok(())
    }
}

type Csv = Result<Vec<u8>, csv::Error>;

/// A table with one line of headings.
fn table(headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Csv {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(headings)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

fn words(headings: &[&str]) -> Vec<String> {
    headings.iter().map(|&word| word.to_owned()).collect()
}

fn epochs(epochs: &[Epoch]) -> Csv {
    let headings = [
        "epoch",
        "rate",
        "loss",
        "accuracy",
        "validation_loss",
        "validation_accuracy",
    ];
    let row = |e: &Epoch| {
        vec![
            e.epoch.to_string(),
            e.rate.to_string(),
            e.loss.to_string(),
            e.accuracy.to_string(),
            e.validation_loss.to_string(),
            e.validation_accuracy.to_string(),
        ]
    };
    table(words(&headings), epochs.iter().map(row))
}

/// Each line is a class, each column what its pictures were taken for.
fn matrix(classes: &[String], confusion: &Confusion) -> Csv {
    let headings = [words(&["true class"]), classes.to_vec()].concat();
    let rows = classes.iter().zip(confusion.counts.outer_iter());
    let row = |(class, counts): (&String, ndarray::ArrayView1<u32>)| {
        let counts = counts.iter().map(u32::to_string);
        [class.clone()].into_iter().chain(counts).collect()
    };
    table(headings, rows.map(row))
}

fn by_class(classes: &[String], confusion: &Confusion) -> Csv {
    let headings = ["class", "pictures", "right", "precision", "recall", "f1"];
    let rows = classes.iter().zip(confusion.classes());
    let row = |(class, f): (&String, firebrick_train::ClassFigures)| {
        vec![
            class.clone(),
            f.pictures.to_string(),
            f.right.to_string(),
            f.precision.to_string(),
            f.recall.to_string(),
            f.f1.to_string(),
        ]
    };
    table(words(&headings), rows.map(row))
}

/// The pictures that were validated on, as `firebrick evaluate` takes them.
fn list(classes: &[String], validation: &[Item]) -> Csv {
    use std::os::unix::ffi::OsStrExt;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["file", "class", "label"])?;
    for item in validation {
        // The list need not lie beside the pictures.
        let path = std::path::absolute(&item.path)?;
        let class = item.class.to_string();
        let fields = [
            path.as_os_str().as_bytes(),
            class.as_bytes(),
            classes[item.class].as_bytes(),
        ];
        writer.write_record(fields)?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}
