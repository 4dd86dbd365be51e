//! `--save-maps`: the engine's maps and their differences from the model's, for other programs.

use std::fs;
use std::path::{Path, PathBuf};

use firebrick_driver::ImageResult;
use firebrick_model::Activations;
use firebrick_network::Network;
use ndarray::Array3;

use crate::commands::maps::{LIST, names, save};
use crate::error::CliError;
use crate::outputs::{Kind, Place};

/// A folder with a folder for each picture.
pub struct Saver<'a> {
    dir: &'a Path,
    force: bool,
    pictures: names::Names,
}

impl<'a> Saver<'a> {
    /// Makes the folder, and looks whether it can be written.
    pub fn new(dir: &'a Path, force: bool) -> Result<Saver<'a>, CliError> {
        make(dir)?;
        Place::check(&dir.join(LIST), Kind::ENGINE_MAP_NAMES, &[], force)?;
        Ok(Saver {
            dir,
            force,
            pictures: names::Names::new(&[]),
        })
    }

    /// Writes the maps of one picture; gives their folder.
    pub fn picture(
        &mut self,
        path: &Path,
        network: &Network,
        picture: &Array3<u8>,
        got: &ImageResult,
        want: &Activations,
    ) -> Result<PathBuf, CliError> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let dir = self.dir.join(self.pictures.name(&stem));
        make(&dir)?;
        let mut list = Vec::new();
        let mut names = names::Names::new(&[]);
        let place =
            |file: &str, kind: Kind| Place::check(&dir.join(file), kind, &[path], self.force);
        let mut map = |name: &str, what: String, map: Values<'_>| {
            let file = names.file(name);
            let place = place(&file, Kind::ENGINE_MAP)?;
            list.push((file, what));
            match map {
                Values::Map(map) => save(&place, &flat(map), &shape(map)),
                Values::Difference(map) => save(&place, &flat(map), &shape(map)),
                Values::Sums(sums) => save(&place, sums, &[sums.len() as u64]),
            }
        };
        map(
            "picture",
            "the network's input".into(),
            Values::Map(picture),
        )?;
        for (node, engine) in &got.maps {
            let name = &network.nodes[node.0].name;
            map(name, name.clone(), Values::Map(engine))?;
            if let Some(want) = want.map(*node) {
                let difference = Array3::from_shape_fn(engine.dim(), |at| {
                    i16::from(engine[at]) - i16::from(want[at])
                });
                let what = format!("{name}: engine minus model");
                let name = format!("{name}.difference");
                map(&name, what, Values::Difference(&difference))?;
            }
        }
        let sums = "the sums of the classes";
        map("logits", sums.into(), Values::Sums(&got.logits))?;
        let pairs = got.logits.iter().zip(&want.logits);
        let difference: Vec<i32> = pairs.map(|(got, want)| got.wrapping_sub(*want)).collect();
        let what = format!("{sums}: engine minus model");
        map("logits.difference", what, Values::Sums(&difference))?;
        let list: Vec<(String, &str)> = list
            .iter()
            .map(|(file, what)| (file.clone(), what.as_str()))
            .collect();
        let names = place(LIST, Kind::ENGINE_MAP_NAMES)?;
        names.write(names::json(&list).as_bytes())?;
        Ok(dir)
    }
}

/// What a file holds.
enum Values<'a> {
    Map(&'a Array3<u8>),
    Difference(&'a Array3<i16>),
    Sums(&'a [i32]),
}

fn flat<T: Copy>(map: &Array3<T>) -> Vec<T> {
    map.iter().copied().collect()
}

fn shape<T>(map: &Array3<T>) -> [u64; 3] {
    let (height, width, channels) = map.dim();
    [height, width, channels].map(|n| n as u64)
}

fn make(dir: &Path) -> Result<(), CliError> {
    let hint = "name a folder that can be made and written with --save-maps";
    fs::create_dir_all(dir).map_err(|e| CliError::file(dir, e, hint))
}
