//! Folders of boards: those of the repository, the pages that list them, and what is wrong with
//! one that is not whole.

use std::fs;
use std::path::{Path, PathBuf};

use firebrick_board::{BoardFolder, PROCESSOR_MHZ, Settings, boards, files, find, mmcm, names};
use firebrick_spec::HwConfig;
use firebrick_spec::board::Link;
use firebrick_spec::config::PRESETS;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_folder_of_the_repository_is_a_board() {
    let boards = boards().unwrap();
    let folders = fs::read_dir(repository().join("constraints")).unwrap();
    let folders = folders.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), boards.len());
    assert_eq!(names(), boards.iter().map(|b| b.name).collect::<Vec<_>>());
    for board in boards {
        assert_eq!(find(board.name, None).unwrap().board(), board.board());
        assert!(board.config().fits(board), "{}", board.name);
        let written = files(board, &board.config(), 1, &[]);
        for ending in ["pins.xdc", "timing.xdc", "settings.tcl", "system.tcl"] {
            let file = written.iter().find(|file| file.path.ends_with(ending));
            assert!(file.is_some_and(|file| file.text.starts_with("# Firebrick")));
        }
    }
}

#[test]
fn every_board_takes_some_preset() {
    let presets: Vec<String> = PRESETS
        .iter()
        .flat_map(|p| [(*p).to_owned(), format!("{p}-packed")])
        .collect();
    for board in boards().unwrap() {
        let fits = |name: &String| HwConfig::preset(name).is_some_and(|c| c.fits(board));
        assert!(presets.iter().any(fits), "{}", board.name);
    }
}

#[test]
fn the_pages_list_the_boards_as_they_are() {
    let read = |page: &str| fs::read_to_string(repository().join(page)).unwrap();
    let (page, constraints, readme) = (
        read("docs/boards.md"),
        read("constraints/README.md"),
        read("README.md"),
    );
    for board in boards().unwrap() {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {} |", board.name)));
        let row: Vec<&str> = row.expect(board.name).split('|').map(str::trim).collect();
        assert_eq!(row[2], format!("`{}`", board.preset));
        assert_eq!(row[3], board.part);
        let link = match board.link {
            Link::Pcie => "XDMA",
            Link::Zynq => "AXI DMA",
        };
        assert!(row[4].contains(link), "{row:?}");
        assert_eq!(row[5], format!("{} MHz", board.core_mhz));
        let row = format!("| [{0}]({0}) | {1} |", board.name, board.part);
        assert!(constraints.contains(&row), "{row}");
        assert!(readme.contains(board.name));
    }
}

/// A copy of a board's folder under another name.
fn copy(of: &str, name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(name);
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(repository().join("constraints").join(of)).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace(of, name);
        fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
    }
    (dir, folder)
}

#[test]
fn an_mmcm_makes_every_clock_that_is_tried() {
    for board in boards().unwrap() {
        let clocks = board.clocks();
        assert!(clocks.len() >= 4, "{}: {clocks:?}", board.name);
        assert_eq!(clocks[0], board.core_mhz);
        let settings = Settings::of(board, &board.config(), 1);
        for clock in clocks {
            let input = match (settings.dma_base, board.is_7_series()) {
                (Some(_), _) => PROCESSOR_MHZ,
                (None, true) => 125,
                (None, false) => 250,
            };
            assert!(
                mmcm(input, clock, board.family()).is_some(),
                "{}: {clock}",
                board.name
            );
        }
    }
}

#[test]
fn what_a_board_misses_is_named() {
    for file in ["board.toml", "pins.xdc", "timing.xdc"] {
        let (_dir, folder) = copy("alveo-u50", "mine");
        BoardFolder::read(&folder).unwrap();
        fs::remove_file(folder.join(file)).unwrap();
        let error = BoardFolder::read(&folder).unwrap_err().to_string();
        assert!(error.contains(&format!("mine/{file}")), "{error}");
    }
    let keys = "part link preset core_mhz lut ff dsp bram uram speed clock_mhz block quad";
    for key in keys.split(' ') {
        let (_dir, folder) = copy("alveo-u50", "mine");
        let path = folder.join("board.toml");
        let text = fs::read_to_string(&path).unwrap();
        let begins = format!("{key} = ");
        let left: Vec<&str> = text.lines().filter(|l| !l.starts_with(&begins)).collect();
        assert_eq!(left.len() + 1, text.lines().count(), "{key}");
        fs::write(&path, left.join("\n")).unwrap();
        let error = BoardFolder::read(&folder).unwrap_err().to_string();
        assert!(
            error.contains("mine/board.toml") && error.contains(key),
            "{error}"
        );
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (file, right, wrong, says) in [
        (
            "board.toml",
            "link = \"zynq\"",
            "link = \"pcie\"",
            "section [pcie]",
        ),
        ("board.toml", "link = \"zynq\"", "link = \"usb\"", "usb"),
        ("board.toml", "lut = 117_120", "lut = 0", "nonzero"),
        (
            "board.toml",
            "fb1024-packed",
            "fb1023",
            "no preset \"fb1023\"",
        ),
        ("board.toml", "fb1024-packed", "fb2048", "does not fit"),
        (
            "board.toml",
            "core_mhz = 300",
            "core_mhz = 100_000_000",
            "MHz",
        ),
        ("board.toml", "core_mhz = 300", "core_mhz = 997", "no MMCM"),
        (
            "board.toml",
            "part = \"xck",
            "part = \"10ck",
            "no part of AMD",
        ),
        (
            "board.toml",
            "[resources]",
            "colour = 1\n[resources]",
            "colour",
        ),
        ("pins.xdc", "pins of mine", "pins of kv260", "pins of mine"),
        ("timing.xdc", "timing of mine", "timing", "timing of mine"),
    ] {
        let (_dir, folder) = copy("kv260", "mine");
        let path = folder.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(right), "{file} has no {right}");
        fs::write(&path, text.replace(right, wrong)).unwrap();
        let error = BoardFolder::read(&folder).unwrap_err().to_string();
        assert!(
            error.contains(&format!("mine/{file}")) && error.contains(says),
            "{error}"
        );
    }
    let (_dir, folder) = copy("kv260", "My Board");
    let error = BoardFolder::read(&folder).unwrap_err().to_string();
    assert!(error.contains("\"My Board\""), "{error}");
}

#[test]
fn a_folder_of_ones_own_is_a_board() {
    let (dir, folder) = copy("kc705", "mine");
    let board = find("mine", Some(dir.path())).unwrap();
    assert_eq!((board.name, board.link), ("mine", Link::Pcie));
    // A block design of its own takes the place of the link's.
    fs::write(
        folder.join("system.tcl"),
        "# Firebrick: my own block design\n",
    )
    .unwrap();
    let board = find("mine", Some(dir.path())).unwrap();
    let system = files(board, &board.config(), 1, &[]).pop().unwrap();
    assert_eq!(system.path, "vivado/system.tcl");
    assert_eq!(system.text, "# Firebrick: my own block design\n");
    let error = find("kc705", Some(dir.path())).unwrap_err().to_string();
    assert!(error.contains("give one of mine"), "{error}");
    let error = find("mine", Some(&folder)).unwrap_err().to_string();
    assert!(error.contains("board.toml"), "{error}");
    let error = find("mine", Some(Path::new("/nowhere")))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere"), "{error}");
}
