//! The constraint files of each board.

use firebrick_spec::board::Board;

use crate::File;

macro_rules! constraints {
    ($($board:literal),*) => {
        &[$((
            $board,
            include_str!(concat!("../../../constraints/", $board, "/pins.xdc")),
            include_str!(concat!("../../../constraints/", $board, "/timing.xdc")),
        )),*]
    };
}

const ALL: &[(&str, &str, &str)] = constraints![
    "litefury",
    "nitefury",
    "kc705",
    "alveo-u50",
    "alveo-u200",
    "pynq-z2",
    "kv260",
    "zcu104"
];

/// Files and the order in which tools process them: pins before those of the cores, which would
/// otherwise win.
pub const ORDER: [(&str, &str); 2] = [
    ("constraints/pins.xdc", "EARLY"),
    ("constraints/timing.xdc", "NORMAL"),
];

pub fn files(board: &Board) -> Vec<File> {
    let found = ALL.iter().find(|(name, _, _)| *name == board.name);
    let texts = found.map_or(["", ""], |(_, pins, timing)| [*pins, *timing]);
    ORDER
        .iter()
        .zip(texts)
        .map(|((path, _), text)| File {
            path: (*path).to_owned(),
            text: text.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebrick_spec::board::BOARDS;

    #[test]
    fn every_board_has_constraints_that_name_it() {
        for board in BOARDS {
            for file in files(board) {
                let first = file.text.lines().next().unwrap_or_default();
                assert!(first.contains(board.name), "{} {first}", file.path);
            }
        }
        assert_eq!(ALL.len(), BOARDS.len());
    }
}
