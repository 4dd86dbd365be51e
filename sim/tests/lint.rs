//! Lint: warnings with rule and place, waivers, errors.

use std::time::Duration;

use firebrick_sim::lint::lint;
use firebrick_sim::{BuildError, Design, Environment};

const TEXT: &str = "module linted(input wire aclk, input wire [7:0] a, input wire unused,\n\
    output reg [7:0] q);\n    wire [3:0] narrow = a;\n    always @(posedge aclk) q <= {narrow, narrow};\n\
    endmodule\n";

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn warnings_and_waivers() {
    let environment = Environment::from_process();
    let design = Design::new("linted", TEXT);
    let list = lint(&design, &environment, LIMIT).expect("lint");
    let rules: Vec<&str> = list.iter().map(|w| w.rule.as_str()).collect();
    assert!(
        rules.iter().any(|rule| rule.starts_with("WIDTH")),
        "{list:?}"
    );
    assert!(
        rules.iter().any(|rule| rule.starts_with("UNUSED")),
        "{list:?}"
    );
    assert!(
        list.iter().all(|w| w.place.starts_with("linted.v:")),
        "{list:?}"
    );
    assert!(list[0].to_string().contains("linted.v:"), "{}", list[0]);

    let waivers =
        "lint_off -rule WIDTH -file \"*linted.v\"\nlint_off -rule UNUSED -file \"*linted.v\"\n";
    let left = lint(&design.clone().waivers(waivers), &environment, LIMIT).expect("lint");
    assert_eq!(left, []);
    let clean = TEXT
        .replace(", input wire unused", "")
        .replace("= a;", "= a[7:4] ^ a[3:0];");
    assert_eq!(
        lint(&Design::new("linted", clean), &environment, LIMIT).expect("lint"),
        []
    );
}

#[test]
fn errors() {
    let broken = Design::new("linted", TEXT.replace("q <=", "q <"));
    let error = lint(&broken, &Environment::from_process(), LIMIT).expect_err("broken");
    let BuildError::Verilog { messages, .. } = &error else {
        panic!("{error}")
    };
    assert!(messages.contains("linted.v:4"), "{messages}");
    let none = Environment {
        path: "/nonexistent".into(),
        ..Environment::default()
    };
    let missing = lint(&Design::new("linted", TEXT), &none, LIMIT).expect_err("missing");
    assert!(matches!(missing, BuildError::VerilatorMissing));
}
