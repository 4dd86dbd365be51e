//! Models: ports of all widths, clocking, several at once, waveforms, stops.

mod common;

use common::{builder, open};
use firebrick_sim::{Design, Direction, Model, ModelError};

const WIDE: &str = "
module wide #(parameter W = 200) (
    input  wire         clock,
    input  wire         c0,
    input  wire [8:0]   c1,
    input  wire [31:0]  c2,
    input  wire [39:0]  c3,
    input  wire [63:0]  c4,
    input  wire [W-1:0] c5,
    input  wire         odd__name, bool, \\x$y ,
    output reg  [W-1:0] q5,
    output wire [63:0]  now4,
    output reg  [145:0] all
);
    assign now4 = c4 + 1;
    always @(posedge clock) begin
        q5 <= ~c5;
        all <= {c0, c1, c2, c3, c4};
    end
endmodule
";

#[test]
fn ports_of_every_width() {
    let mut m = open(&Design::new("wide", WIDE).clock("clock"));
    let names: Vec<_> = m
        .ports()
        .iter()
        .map(|p| (p.name.as_str(), p.width))
        .collect();
    for port in [
        ("odd__name", 1),
        ("bool", 1),
        ("x$y", 1),
        ("c5", 200),
        ("all", 146),
    ] {
        assert!(names.contains(&port), "{port:?} in {names:?}");
    }
    assert_eq!(m.port("all").expect("port").direction(), Direction::Output);
    for (name, value) in [
        ("c0", 1),
        ("c1", 0x155),
        ("c2", 0xdead_beef),
        ("c3", 0xab_cdef_0123),
        ("c4", 0x0123_4567_89ab_cdef),
    ] {
        m.poke(name, value).expect("fits");
    }
    let c5 = m.input("c5").expect("c5");
    m.set_words(c5, &[1, 2, 3, 4, 5, 6, 0xffff_ffff, 8]);
    assert_eq!(m.get_words(c5), [1, 2, 3, 4, 5, 6, 0xff], "cut to 200 bits");
    m.eval().expect("eval");
    assert_eq!(
        m.peek("now4").expect("now4"),
        0x0123_4567_89ab_cdf0,
        "without a clock edge"
    );
    m.step().expect("step");
    let q5 = m.output("q5").expect("q5");
    assert_eq!(m.get_words(q5), [!1, !2, !3, !4, !5, !6, 0]);
    assert_eq!(m.get(q5), 0xffff_fffd_ffff_fffe);
    let all = m.output("all").expect("all");
    let words = m.get_words(all);
    assert_eq!(words.len(), 5);
    assert_eq!(
        u64::from(words[0]) | u64::from(words[1]) << 32,
        0x0123_4567_89ab_cdef
    );
    assert_eq!(words[2], 0xcdef_0123);
    m.set(c5, 7);
    assert_eq!(m.get_words(c5), [7, 0, 0, 0, 0, 0, 0]);
    assert_eq!(m.cycle(), 1);
}

#[test]
fn parameters_and_defines_change_the_design() {
    let text = format!("`define EXTRA 0\n{WIDE}");
    let mut m = open(&Design::new("wide", text).clock("clock").parameter("W", 65));
    assert_eq!(m.port("q5").expect("q5").width(), 65);
    let c5 = m.input("c5").expect("c5");
    m.set_words(c5, &[0, 0, 0xffff_ffff]);
    assert_eq!(m.get_words(c5), [0, 0, 1]);
    m.step().expect("step");
    assert_eq!(m.get_words(m.port("q5").expect("q5")), [!0, !0, 0]);
}

#[test]
fn wrong_names_and_values() {
    let mut m = open(&Design::new("wide", WIDE).clock("clock"));
    let text = m.port("c9").expect_err("no such port").to_string();
    assert!(text.contains("c9") && text.contains("clock, c0"), "{text}");
    assert!(m.input("q5").is_err() && m.output("c0").is_err());
    assert!(m.poke("c1", 0x200).is_err());
    assert!(m.peek("c5").is_err());
    let mut m = open(&Design::new("wide", WIDE).clock("aclk"));
    assert!(matches!(m.step(), Err(ModelError::NoClock { .. })));
}

const COUNTER: &str = "
module counter(clock, reset, count);
    // The older style of declaration.
    input wire clock, reset;
    output reg [31:0] count;
    reg [15:0] unset;
    always @(posedge clock) begin
        if (reset) count <= 0; else count <= count + 1;
        if (count == 32'd1000) $finish;
        if (count == 32'd2000) $stop;
    end
endmodule
";

#[test]
fn two_models_of_one_library_and_other_threads() {
    let built = builder()
        .build(&Design::new("counter", COUNTER).clock("clock"))
        .expect("build");
    let mut a = Model::load(&built, 1).expect("a");
    let mut b = Model::load(&built, 2).expect("b");
    a.step_many(10).expect("a runs");
    b.step_many(3).expect("b runs");
    assert_eq!(
        (a.peek("count").expect("a"), b.peek("count").expect("b")),
        (10, 3)
    );
    let b = std::thread::spawn(move || {
        b.step_many(4).expect("b runs on");
        b
    });
    drop(a);
    let b = b.join().expect("thread");
    assert_eq!((b.peek("count").expect("b"), b.cycle()), (7, 7));
}

#[test]
fn finish_and_stop_do_not_end_the_process() {
    let mut m = open(&Design::new("counter", COUNTER).clock("clock"));
    m.step_many(5000).expect("ends early");
    assert!(m.finished());
    assert_eq!(m.cycle(), 1001);
    let mut end = Ok(());
    for _ in 0..2000 {
        end = m.step();
        if end.is_err() {
            break;
        }
    }
    let text = end.expect_err("$stop").to_string();
    assert!(text.contains("$stop") && text.contains("2000"), "{text}");
    assert!(m.step().is_err(), "it stays stopped");
}

#[test]
fn a_combinational_loop_is_an_error() {
    let text = "module looped(input wire aclk, input wire a, output wire y);\n\
                wire z = a ? ~y : 1'b0; assign y = z;\nendmodule\n";
    let mut m = open(&Design::new("looped", text));
    m.poke("a", 0).expect("a");
    m.eval().expect("stable");
    m.poke("a", 1).expect("a");
    let text = m.eval().expect_err("unstable").to_string();
    assert!(text.contains("converge"), "{text}");
}

#[test]
fn random_reset_depends_on_the_seed_only() {
    let text = "module state(input wire aclk, output reg [63:0] q);\n\
                always @(posedge aclk) q <= q;\nendmodule\n";
    let value = |random: bool, seed: u32| {
        let design = Design::new("state", text).random_reset(random).optimise(1);
        let built = builder().build(&design).expect("build");
        let mut m = Model::load(&built, seed).expect("load");
        m.step().expect("step");
        m.peek("q").expect("q")
    };
    assert_eq!((value(false, 1), value(false, 2)), (0, 0));
    assert_eq!(value(true, 1), value(true, 1));
    assert_ne!(value(true, 1), value(true, 2));
    assert_ne!(value(true, 0), value(true, u32::MAX));
}

#[test]
fn waveform_windows() {
    let dir = tempfile::tempdir().expect("dir");
    let design = Design::new("counter", COUNTER).clock("clock");
    let mut m = open(&design);
    let plain = m
        .trace(dir.path().join("x.fst"), 0, 10)
        .expect_err("not traced");
    assert!(plain.to_string().contains("Design::trace"), "{plain}");

    let mut m = open(&design.trace(true));
    let (a, b) = (dir.path().join("a.fst"), dir.path().join("b.fst"));
    m.trace(&a, 5, 25).expect("open");
    m.step_many(100).expect("run");
    assert_eq!(m.cycle(), 100);
    assert_eq!(m.peek("count").expect("count"), 100);
    let bytes = std::fs::read(&a).expect("a.fst");
    assert!(
        bytes.len() > 200 && bytes[0] == 0,
        "an FST header block, {} bytes",
        bytes.len()
    );
    let times = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!(
        (times(9), times(17)),
        (10, 49),
        "first and last time in the header"
    );

    m.trace(&b, 0, 110).expect("a second window");
    m.step_many(100).expect("run");
    assert!(std::fs::metadata(&b).expect("b.fst").len() > 200);
    assert!(matches!(
        m.trace(&b, 3, 5),
        Err(ModelError::BadWindow { .. })
    ));
    assert!(matches!(
        m.trace(&b, 500, 500),
        Err(ModelError::BadWindow { .. })
    ));
    let missing = m
        .trace(dir.path().join("no/such/x.fst"), 300, 400)
        .expect_err("no folder");
    assert!(missing.to_string().contains("no/such"), "{missing}");
    drop(m);
}
