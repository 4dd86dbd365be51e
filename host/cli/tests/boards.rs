//! `generate --board`: all files of all boards, and the Vivado scripts under stubs of its commands.
#![cfg(feature = "sim")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{firebrick, skipped, text};
use firebrick_board::{BoardFolder, boards};
use firebrick_spec::board::Link;
use firebrick_spec::regs;
use serde_json::Value;

fn board(name: &str) -> &'static BoardFolder {
    firebrick_board::find(name, None).unwrap()
}

fn generate(board: &BoardFolder, dir: &Path) {
    firebrick(&["generate", "--board", board.name, "-o", text(dir)]).good();
}

/// All files below a folder, by path.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn below(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let strip =
        |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(dir).unwrap().to_owned(), bytes);
    contents(dir).into_iter().map(strip).collect()
}

#[test]
fn the_same_bytes_every_time_and_one_hash() {
    let dir = tempfile::tempdir().unwrap();
    for board in ["litefury", "zcu104"].map(board) {
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        generate(board, &one);
        generate(board, &two);
        let files = below(&one);
        assert_eq!(files, below(&two));
        let read = |name: &str| String::from_utf8(files[Path::new(name)].clone()).unwrap();
        let hash = format!("{:016x}", board.config().hash());
        let description: Value = serde_json::from_str(&read("firebrick.json")).unwrap();
        let config: Value = serde_json::from_str(&read("config.json")).unwrap();
        assert_eq!(description["hash"], hash.as_str());
        assert_eq!(config["hash"], hash.as_str());
        assert!(read("firebrick.h").contains(&format!("#define FIREBRICK_HASH 0x{hash}ull")));
        assert!(
            read("rtl/firebrick_top.v")
                .lines()
                .next()
                .unwrap()
                .ends_with(&hash)
        );
        assert!(read("vivado/settings.tcl").contains(&format!("set hash {{{hash}}}")));
        // The registers' own values, which the core answers with.
        let value = |name: &str| {
            let all = description["registers"].as_array().unwrap();
            let found = all.iter().find(|register| register["name"] == name);
            found.unwrap()["value"].as_u64().unwrap()
        };
        let low_high = value("HASH_HI") << 32 | value("HASH_LO");
        assert_eq!(low_high, board.config().hash());
        for folder in [&one, &two] {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

#[test]
fn a_preset_must_fit_its_board() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "generate", "--board", "litefury", "--preset", "fb2048", "-o",
    ];
    firebrick(&[&args[..], &[text(dir.path())]].concat()).fails("does not fit litefury");
    firebrick(&["generate", "--board", "breadboard", "-o", text(dir.path())]).misused("breadboard");
}

#[test]
fn the_header_is_c() {
    let dir = tempfile::tempdir().unwrap();
    generate(board("pynq-z2"), dir.path());
    let source = dir.path().join("use.c");
    let mut lines = vec!["#include \"firebrick.h\"".to_owned()];
    for register in regs::ALL {
        let (name, offset) = (register.name, register.offset);
        lines.push(format!(
            "_Static_assert(FIREBRICK_REG_{name} == {offset}u, \"{name}\");"
        ));
        for bits in register.bits {
            let field = bits.name.to_uppercase();
            let ones = (1u64 << bits.width) - 1;
            lines.push(format!(
                "_Static_assert(FIREBRICK_{name}_{field}_MASK >> FIREBRICK_{name}_{field}_SHIFT \
                 == {ones}u, \"{name}\");"
            ));
        }
    }
    fs::write(&source, lines.join("\n") + "\n").unwrap();
    let run = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .arg(&source)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Runs a script under the stubs; nothing if there is no Tcl.
fn under_stubs(script: &Path) -> Option<Output> {
    let stubs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vivado_stubs.tcl");
    match Command::new("tclsh").arg(stubs).arg(script).output() {
        Ok(output) => Some(output),
        Err(_) => {
            skipped("there is no tclsh (apt-get install tcl)");
            None
        }
    }
}

/// Facts of one kind that a run printed.
fn facts<'a>(output: &'a str, kind: &str) -> Vec<Vec<&'a str>> {
    let lines = output.lines().map(|line| line.split_whitespace().collect());
    lines
        .filter(|words: &Vec<&str>| words.first() == Some(&kind))
        .collect()
}

#[test]
fn the_scripts_build_what_exists() {
    for board in boards().unwrap() {
        let dir = tempfile::tempdir().unwrap();
        generate(board, dir.path());
        let Some(run) = under_stubs(&dir.path().join("vivado/build.tcl")) else {
            return;
        };
        let said = String::from_utf8_lossy(&run.stdout);
        let complaint = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{}: {complaint}", board.name);
        for part in facts(&said, "part") {
            assert_eq!(part[1], board.part);
        }
        assert!(said.contains("step write_bitstream"), "{}", board.name);
        // The map is the one that the header and the drivers have.
        let description: Value =
            serde_json::from_slice(&fs::read(dir.path().join("firebrick.json")).unwrap()).unwrap();
        let addresses = &description["addresses"];
        let mut want = vec![(
            "core/s_axil/reg0",
            addresses["registers"].as_u64().unwrap(),
            u64::from(regs::SPACE),
        )];
        if board.link == Link::Zynq {
            let (base, bytes) = (&addresses["dma"], &addresses["dma_bytes"]);
            want.push((
                "dma/S_AXI_LITE/Reg",
                base.as_u64().unwrap(),
                bytes.as_u64().unwrap(),
            ));
        }
        let found: Vec<(&str, u64, u64)> = facts(&said, "address")
            .iter()
            .map(|words| {
                (
                    words[1],
                    words[2].parse().unwrap(),
                    words[3].parse().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, want, "{}", board.name);
        // Both constraint files were read, and pins of the link are constrained.
        let files: Vec<&str> = facts(&said, "file").iter().map(|words| words[1]).collect();
        assert!(files.contains(&"pins.xdc") && files.contains(&"timing.xdc"));
        if board.link == Link::Pcie {
            assert!(said.contains("clock pcie_refclk 10.000"), "{}", board.name);
            assert!(said.contains("constrained pcie_perst_n"), "{}", board.name);
        }
    }
}

/// Writes the files of a board with so many engines over those of a folder, whose Verilog stays.
fn put_engines(board: &BoardFolder, engines: usize, dir: &Path) {
    let description: Value =
        serde_json::from_slice(&fs::read(dir.join("firebrick.json")).unwrap()).unwrap();
    let sources = description["sources"].as_array().unwrap().iter();
    let sources: Vec<String> = sources.map(|s| s.as_str().unwrap().to_owned()).collect();
    for file in firebrick_board::files(board, &board.config(), engines, &sources) {
        fs::write(dir.join(&file.path), file.text).unwrap();
    }
}

/// Engines side by side: each has an address, streams and an interrupt of its own. What the stubs
/// refuse: addresses that overlap, inputs of interrupts and streams that are open, pins that are not
/// enabled.
#[test]
fn several_engines_have_their_own_streams_registers_and_interrupts() {
    for board in boards().unwrap() {
        let dir = tempfile::tempdir().unwrap();
        generate(board, dir.path());
        for engines in [1, 2, 4] {
            put_engines(board, engines, dir.path());
            let Some(run) = under_stubs(&dir.path().join("vivado/build.tcl")) else {
                return;
            };
            let said = String::from_utf8_lossy(&run.stdout);
            let complaint = String::from_utf8_lossy(&run.stderr);
            let what = format!("{} with {engines} engines", board.name);
            assert!(run.status.success(), "{what}: {complaint}");
            let cores = facts(&said, "cell")
                .iter()
                .filter(|words| words[2] == "firebrick")
                .count();
            assert_eq!(cores, engines, "{what}");
            let addresses = facts(&said, "address");
            let of = |segment: &str| {
                let found = addresses.iter().filter(|words| words[1].ends_with(segment));
                found
                    .map(|words| words[2].parse().unwrap())
                    .collect::<Vec<u64>>()
            };
            let read = fs::read(dir.path().join("firebrick.json")).unwrap();
            let description: Value = serde_json::from_slice(&read).unwrap();
            let listed = |key: &str| -> Vec<u64> {
                match engines {
                    1 => description["addresses"][key].as_u64().into_iter().collect(),
                    _ => {
                        let all = description["engines"].as_array().unwrap().iter();
                        all.filter_map(|engine| engine[key].as_u64()).collect()
                    }
                }
            };
            assert_eq!(of("s_axil/reg0"), listed("registers"), "{what}");
            assert_eq!(of("S_AXI_LITE/Reg"), listed("dma"), "{what}");
            assert_eq!(listed("registers").len(), engines, "{what}");
            let header = fs::read_to_string(dir.path().join("firebrick.h")).unwrap();
            let define = format!("#define FIREBRICK_ENGINES {engines}");
            assert_eq!(header.contains(&define), engines > 1, "{what}");
            // The interrupt of each core, up to the processor or the link.
            for engine in 0..engines {
                let core = match engine {
                    0 => "core".to_owned(),
                    engine => format!("core_{engine}"),
                };
                let mut at = format!("{core}/irq");
                for _ in 0..4 {
                    let nets = facts(&said, "net");
                    let net = nets.iter().find(|words| words[1] == at);
                    let net = net.unwrap_or_else(|| panic!("{what}: {at} leads nowhere"));
                    let (cell, pin) = net[2].split_once('/').unwrap();
                    at = match pin {
                        "src_in" => format!("{cell}/dest_out"),
                        pin if pin.starts_with("In") => format!("{cell}/dout"),
                        _ => net[2].to_owned(),
                    };
                    if ["usr_irq_req", "IRQ_F2P", "pl_ps_irq0", "pl_ps_irq1"].contains(&pin) {
                        break;
                    }
                }
                assert!(
                    at.starts_with("xdma/") || at.starts_with("ps/"),
                    "{what}: {at}"
                );
            }
            // On parts of several dies each engine is in one.
            if board.name.starts_with("alveo-u") && engines > 1 {
                let placed = facts(&said, "placed");
                assert_eq!(placed.len(), engines, "{what}");
                for words in placed {
                    let regions = facts(&said, "pblock");
                    let region = regions.iter().find(|region| region[1] == words[2]);
                    assert!(region.unwrap()[2].starts_with("SLR"), "{what}");
                }
            }
        }
    }
}

#[test]
fn engines_must_fit_together() {
    let dir = tempfile::tempdir().unwrap();
    let on = |board: &'static str, engines: &'static str| {
        [
            "generate",
            "--board",
            board,
            "--engines",
            engines,
            "-o",
            text(dir.path()),
        ]
        .map(str::to_owned)
    };
    let run = |args: [String; 7]| firebrick(&args.each_ref().map(String::as_str));
    run(on("kv260", "4")).fails("one of 4 engines");
    run(on("kv260", "5")).misused("5");
    firebrick(&["generate", "--engines", "2", "-o", text(dir.path())]).misused("--board");
    run(on("alveo-u50", "4")).good();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(read("vivado/settings.tcl").contains("set engines {4}"));
    assert!(read("README.md").contains("**4 engines**"));
}

/// What `docs/add-a-board.md` says, done: the folder is all of it.
#[test]
fn a_board_is_added_by_a_folder() {
    let (boards, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = boards.path().join("breadboard");
    fs::create_dir(&folder).unwrap();
    for (file, text) in [
        (
            "board.toml",
            "part = \"xc7a200tsbg484-1\"\nlink = \"pcie\"\npreset = \"fb64\"\ncore_mhz = 50\n\
             [resources]\nlut = 134_600\nff = 269_200\ndsp = 740\nbram = 365\nuram = 0\n\
             [pcie]\nspeed = \"5.0_GT/s\"\nclock_mhz = 125\n",
        ),
        (
            "pins.xdc",
            "# Firebrick: pins of breadboard.\n\
             set_property PACKAGE_PIN F10 [get_ports {pcie_refclk_clk_p[0]}]\n\
             set_property PACKAGE_PIN J1 [get_ports pcie_perst_n]\n",
        ),
        (
            "timing.xdc",
            "# Firebrick: timing of breadboard.\n\
             create_clock -name pcie_refclk -period 10.000 [get_ports {pcie_refclk_clk_p[0]}]\n",
        ),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    let on = ["--boards", text(boards.path()), "--board", "breadboard"];
    let generate = [&["generate", "-o", text(out.path())], &on[..]].concat();
    firebrick(&generate).good();
    let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
    let description: Value = serde_json::from_str(&read("firebrick.json")).unwrap();
    assert_eq!(description["board"]["name"], "breadboard");
    assert_eq!(description["preset"], "fb64");
    assert!(read("vivado/settings.tcl").contains("set part {xc7a200tsbg484-1}"));
    assert!(read("constraints/pins.xdc").contains("F10"));
    if let Some(run) = under_stubs(&out.path().join("vivado/build.tcl")) {
        let complaint = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{complaint}");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("constrained pcie_perst_n"), "{said}");
    }
    let info = firebrick(&[&["info", "--json"], &on[..]].concat()).good();
    assert_eq!(info.objects()[0]["preset"], "fb64");
    // Those that are built in are no part of it, and what it misses is told.
    let litefury = ["--boards", text(boards.path()), "--board", "litefury"];
    firebrick(&[&["info"], &litefury[..]].concat()).misused("give one of breadboard");
    fs::remove_file(folder.join("pins.xdc")).unwrap();
    firebrick(&generate).fails("breadboard/pins.xdc");
}

#[test]
fn the_stubs_find_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    generate(board("litefury"), dir.path());
    put_engines(board("litefury"), 2, dir.path());
    for (file, right, wrong, says) in [
        (
            "vivado/system.tcl",
            "core/irq",
            "core/irk",
            "has no pin irk",
        ),
        (
            "vivado/system.tcl",
            "xdma/M_AXIS_H2C_$engine",
            "xdma/M_AXIS",
            "has no pin M_AXIS",
        ),
        (
            "vivado/system.tcl",
            "[get_bd_pins $core/aclk] \\\n",
            "\\\n",
            "core/aclk is open",
        ),
        (
            "constraints/pins.xdc",
            "pcie_perst_n",
            "pcie_reset_n",
            "no port pcie_reset_n",
        ),
        (
            "constraints/timing.xdc",
            "clk_p[0]",
            "clk_q[0]",
            "no port pcie_refclk_clk_q",
        ),
        ("vivado/settings.tcl", "pins.xdc", "pens.xdc", "pens.xdc"),
        (
            "vivado/settings.tcl",
            "set engine_stride {0x20000}",
            "set engine_stride {0x0}",
            "overlap",
        ),
        (
            "vivado/system.tcl",
            "interrupts/In$engine",
            "interrupts/In0",
            "connected twice",
        ),
        (
            "vivado/system.tcl",
            "CONFIG.xdma_rnum_chnl $engines",
            "CONFIG.xdma_rnum_chnl 1",
            "not enabled",
        ),
        (
            "rtl/firebrick_top.v",
            " irq INTERRUPT",
            " irk INTERRUPT",
            "interface irq",
        ),
    ] {
        let path = dir.path().join(file);
        let before = fs::read_to_string(&path).unwrap();
        let after = before.replace(right, wrong);
        assert_ne!(before, after, "{file} has no {right}");
        fs::write(&path, after).unwrap();
        let Some(run) = under_stubs(&dir.path().join("vivado/build.tcl")) else {
            return;
        };
        let complaint = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success(), "{file}: {wrong} went unnoticed");
        assert!(complaint.contains(says), "{file}: {complaint}");
        fs::write(&path, before).unwrap();
    }
}

/// The table of pictures a second is what `explore` says at the clocks that the boards ask for.
#[test]
fn the_page_has_the_pictures_a_second_that_are_predicted() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/boards.md"))
            .unwrap();
    let table = page.split("## Pictures a second").nth(1).unwrap();
    let mut rows = 0;
    for line in table.lines().take_while(|line| !line.starts_with("## ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, preset, clock, rate, _, note, _] = cells[..] else {
            continue;
        };
        let Some(board) = boards().unwrap().iter().find(|b| b.name == name) else {
            continue;
        };
        assert_eq!(clock, board.core_mhz.to_string(), "{line}");
        let mut arguments = vec!["explore", "--json", "--board", name];
        if let Some(limits) = note.split("`--limits ").nth(1) {
            arguments.extend(["--limits", limits.trim_end_matches('`')]);
        }
        let run = firebrick(&arguments).good();
        let found: Vec<Value> = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let preset = preset.trim_matches('`');
        let found = found.iter().find(|row| row["preset"] == preset);
        let predicted = found.expect(line)["images_per_second"].as_f64().unwrap();
        let stated: f64 = rate.replace(',', "").parse().unwrap();
        assert!((predicted - stated).abs() <= 0.5, "{predicted}: {line}");
        rows += 1;
    }
    assert!(rows > boards().unwrap().len(), "{rows} rows");
}

/// `clocks.tcl` with a stand-in for Vivado that meets timing up to a clock, or does not finish.
#[cfg(unix)]
#[test]
fn the_highest_clock_that_is_met_is_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    generate(board("litefury"), dir.path());
    let tools = tempfile::tempdir().unwrap();
    let vivado = tools.path().join("vivado");
    fs::write(
        &vivado,
        "#!/bin/sh\nwhile [ \"$1\" != -tclargs ]; do shift; done\n\
         [ -n \"$MEETS\" ] || exit 1\n\
         if [ \"$2\" -gt \"$MEETS\" ]; then slack=-0.2; else slack=0.1; fi\n\
         echo \"$2 $slack 0.05\" > \"$3/slack.txt\"\n[ $slack = 0.1 ]\n",
    )
    .unwrap();
    fs::set_permissions(&vivado, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        tools.path().display(),
        std::env::var("PATH").unwrap()
    );
    let run = |meets: &str, clocks: &[&str]| {
        let run = Command::new("tclsh")
            .arg(dir.path().join("vivado/clocks.tcl"))
            .args(clocks)
            .env("PATH", &path)
            .env("MEETS", meets)
            .output();
        match run {
            Ok(run) => Some((
                run.status.code(),
                String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap(),
            )),
            Err(_) => {
                skipped("there is no tclsh (apt-get install tcl)");
                None
            }
        }
    };
    let Some((code, text)) = run("160", &[]) else {
        return;
    };
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "200 MHz: setup slack -0.2 ns",
        "150 MHz: setup slack 0.1 ns",
        "on litefury: 150 MHz",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("125 MHz:"), "{text}");
    let (code, text) = run("160", &["170", "210"]).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("not met at any of 170 210 MHz"), "{text}");
    let (code, text) = run("", &[]).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("did not come to an end"), "{text}");
    let (code, text) = run("160", &["fast"]).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is no clock"), "{text}");
}
