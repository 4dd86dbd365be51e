//! Real nodes, as far as files and pipes can be nodes: absent, forbidden, locked, too small,
//! dead, and an AXI DMA's own errors.

mod common;
mod files;
mod suite;

use common::preset;
use files::{AxiDmaFiles, XdmaFiles};
use firebrick_driver::{
    Cancel, Device, DeviceError, OpenOptions, Session, SessionError, Uri, Weights, open,
};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use suite::Case;

type Opened = Result<Box<dyn Device + Send>, DeviceError>;

fn opened(uri: &Uri) -> Opened {
    let options = OpenOptions {
        wait: Duration::from_secs(10),
        cancel: Cancel::new(),
    };
    open(uri, &options)
}

fn refusal(uri: &Uri) -> String {
    opened(uri).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn an_absent_device_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("xdma7");
    let error = refusal(&Uri::xdma(prefix));
    assert!(
        error.contains("xdma7_user") && error.contains("doctor"),
        "{error}"
    );
    let error = refusal(&Uri::axidma(folder.path()));
    assert!(
        error.contains("there is no UIO device named \"firebrick\""),
        "{error}"
    );
}

#[test]
fn missing_parts_are_named() {
    let config = preset();
    for suffix in ["h2c_0", "c2h_0"] {
        let board = XdmaFiles::start(&config);
        std::fs::remove_file(board.node(suffix)).unwrap();
        let error = refusal(&board.uri());
        assert!(
            error.contains(suffix) && error.contains("no such file"),
            "{error}"
        );
    }
    // Without events there is polling.
    let board = XdmaFiles::start(&config);
    std::fs::remove_file(board.node("events_0")).unwrap();
    let mut session = Session::open(opened(&board.uri()).unwrap(), &config).unwrap();
    Case::new(&config, Weights::Auto).stream(&mut session, 0, 2);
    let board = AxiDmaFiles::start(&config, true);
    let buffer = board.root().join("sys/class/u-dma-buf/firebrick");
    std::fs::remove_dir_all(buffer).unwrap();
    let error = refusal(&board.uri());
    assert!(error.contains("no u-dma-buf"), "{error}");
}

#[test]
fn a_node_without_permission_says_how_to_get_it() {
    let board = XdmaFiles::start(&preset());
    let node = board.node("user");
    std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&node).is_ok() {
        // Permissions do not bind the superuser.
        let _ = writeln!(std::io::stderr(), "skipped: this user may open everything");
        return;
    }
    let error = refusal(&board.uri());
    assert!(
        error.contains("permission denied") && error.contains("udev"),
        "{error}"
    );
}

#[test]
fn a_register_file_that_is_too_small_is_not_mapped() {
    let board = XdmaFiles::start(&preset());
    let short = tempfile::tempdir().unwrap();
    let prefix = short.path().join("xdma0");
    std::fs::write(short.path().join("xdma0_user"), [0; 100]).unwrap();
    let error = refusal(&Uri::xdma(prefix));
    assert!(error.contains("has 100 bytes, 4096 are needed"), "{error}");
    drop(board);
}

#[test]
fn one_process_at_a_time() {
    let config = preset();
    for uri in [true, false] {
        let (xdma, axidma);
        let uri = match uri {
            true => {
                xdma = XdmaFiles::start(&config);
                xdma.uri()
            }
            false => {
                axidma = AxiDmaFiles::start(&config, true);
                axidma.uri()
            }
        };
        let first = opened(&uri).unwrap();
        let error = open(&uri, &OpenOptions::default()).map(|_| ()).unwrap_err();
        assert!(matches!(error, DeviceError::InUse { .. }), "{error}");
        let waits = std::thread::spawn({
            let uri = uri.clone();
            move || opened(&uri).map(|_| ())
        });
        std::thread::sleep(Duration::from_millis(100));
        drop(first);
        waits.join().unwrap().unwrap();
    }
}

#[test]
fn a_board_that_dies_in_a_batch_is_told_in_time() {
    let config = preset();
    let board = XdmaFiles::start(&config);
    let case = Case::new(&config, Weights::Auto);
    let mut session = Session::open(opened(&board.uri()).unwrap(), &config).unwrap();
    session.deadline = Duration::from_millis(300);
    session.reset_deadline = Duration::from_millis(300);
    case.right(&mut session, 0);
    drop(board);
    let begin = Instant::now();
    for _ in 0..2 {
        let error = session
            .run(&case.program, &Case::picture(1).view())
            .unwrap_err();
        assert!(matches!(error, SessionError::Device(_)), "{error}");
    }
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn errors_of_the_axi_dma_are_told_and_overcome() {
    let config = preset();
    let board = AxiDmaFiles::start(&config, false);
    let case = Case::new(&config, Weights::Auto);
    let mut session = Session::open(opened(&board.uri()).unwrap(), &config).unwrap();
    for s2mm in [false, true] {
        for (bit, text) in [
            (4, "DMAIntErr"),
            (5, "DMASlvErr"),
            (6, "DMADecErr"),
            (8, "scatter"),
        ] {
            case.right(&mut session, bit);
            board.fail(s2mm, 1 << bit);
            let error = session.run(&case.program, &Case::picture(1).view());
            let error = error.unwrap_err().to_string();
            let channel = if s2mm { "S2MM" } else { "MM2S" };
            assert!(error.contains(text) && error.contains(channel), "{error}");
            case.right(&mut session, bit + 1);
        }
    }
}

#[test]
fn an_axi_dma_that_is_not_there_is_a_lost_link() {
    let board = AxiDmaFiles::start(&preset(), true);
    board.take_dma_away();
    let lost = opened(&board.uri()).map(|_| ());
    assert!(
        matches!(lost, Err(DeviceError::LinkLost { .. })),
        "{lost:?}"
    );
    // Also when it goes away later: no picture, and no wait for a deadline.
    let board = AxiDmaFiles::start(&preset(), true);
    let mut session = Session::open(opened(&board.uri()).unwrap(), &preset()).unwrap();
    let case = Case::new(&preset(), Weights::Auto);
    case.right(&mut session, 1);
    board.take_dma_away();
    let begin = Instant::now();
    let lost = session.run(&case.program, &Case::picture(2).view());
    assert!(
        matches!(
            lost,
            Err(SessionError::Device(DeviceError::LinkLost { .. }))
        ),
        "{lost:?}"
    );
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_narrow_length_register_is_respected() {
    let config = preset();
    let board = AxiDmaFiles::start(&config, true);
    let case = Case::new(&config, Weights::Streamed);
    let bytes = case.program.input_bytes();
    let bits = usize::BITS - bytes.leading_zeros();
    for (bits, fits) in [(bits - 1, false), (bits, true)] {
        let uri = format!("{}?length-bits={bits}", board.uri())
            .parse()
            .unwrap();
        let mut session = Session::open(opened(&uri).unwrap(), &config).unwrap();
        let result = session.run(&case.program, &Case::picture(0).view());
        match result {
            Ok(result) => assert!(fits && result.logits == case.want(0)),
            Err(error) => {
                let text = error.to_string();
                assert!(!fits && text.contains("cannot be split"), "{text}");
                assert!(text.contains(&format!("of {bytes} bytes")), "{text}");
            }
        }
    }
    // The device tree knows it, too.
    let property = board.root().join("sys/class/uio/uio1/device/of_node");
    std::fs::create_dir_all(&property).unwrap();
    let width = property.join("xlnx,sg-length-width");
    std::fs::write(width, (bits - 1).to_be_bytes()).unwrap();
    let mut session = Session::open(opened(&board.uri()).unwrap(), &config).unwrap();
    assert!(
        session
            .run(&case.program, &Case::picture(0).view())
            .is_err()
    );
}

#[test]
fn a_small_dma_buffer_does_with_one_transfer_or_is_refused() {
    let config = preset();
    let board = AxiDmaFiles::start(&config, true);
    let case = Case::new(&config, Weights::Streamed);
    let size = board.root().join("sys/class/u-dma-buf/firebrick/size");
    let page = |bytes: usize| bytes.next_multiple_of(4096);
    let need = page(case.program.input_bytes()) + 2 * 4096 + 4096;
    for (bytes, fits) in [(need, true), (page(case.program.input_bytes()), false)] {
        std::fs::write(&size, format!("{bytes}\n")).unwrap();
        let mut session = Session::open(opened(&board.uri()).unwrap(), &config).unwrap();
        if fits {
            case.stream(&mut session, 0, 3);
        } else {
            let error = session.run(&case.program, &Case::picture(0).view());
            let text = error.unwrap_err().to_string();
            assert!(text.contains("in the device tree"), "{text}");
        }
    }
}
