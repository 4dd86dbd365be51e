//! The exit codes, defined once: the help and docs/json.md have the same table.

/// Everything went well.
pub const GOOD: u8 = 0;
/// Something failed or differs.
pub const BAD: u8 = 1;
/// As for other mistakes in how the program is used.
pub const NO_INPUT: u8 = 2;
/// What a shell reports of a program that SIGINT ended: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;
/// What a shell reports of a program that writes to a closed pipe: 128 + SIGPIPE.
pub const BROKEN_PIPE: u8 = 141;

/// Each code with its meaning.
pub const TABLE: [(u8, &str); 5] = [
    (GOOD, "Everything went well."),
    (BAD, "Something failed or differs, and was reported."),
    (
        NO_INPUT,
        "The command line is wrong, or there was nothing to work on.",
    ),
    (
        INTERRUPTED,
        "The program was interrupted with Ctrl-C (SIGINT).",
    ),
    (BROKEN_PIPE, "The reader of standard output went away."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_same_table() {
        let page = include_str!("../../../docs/json.md");
        let (_, table) = page.split_once("## Exit codes\n").unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("|---"));
        let rows: Vec<&str> = rows
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let own = TABLE.map(|(code, meaning)| format!("| {code} | {meaning} |"));
        assert_eq!(rows, own);
    }
}
