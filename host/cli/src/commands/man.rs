//! `firebrick completions` and `firebrick man`: what a shell and `man` know of the program.

use std::io;
use std::path::PathBuf;

use clap_mangen::Man;

use crate::args::{Completions, ManPages, command};
use crate::error::CliError;
use crate::output::Output;
use crate::outputs::{Kind, Place};

/// Prints the completion script of a shell.
pub fn completions(args: &Completions, output: &mut Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "firebrick", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.line(script.trim_end())
}

/// Writes a page for the program and one for each command.
pub fn run(args: &ManPages, output: &mut Output) -> Result<(), CliError> {
    let folder = |error: io::Error| CliError::output(&args.output, "-o", error.to_string());
    std::fs::create_dir_all(&args.output).map_err(folder)?;
    let mut root = command().disable_help_subcommand(true);
    root.build();
    let mut pages = vec![("firebrick".to_owned(), root.clone())];
    for sub in root.get_subcommands() {
        let name = format!("firebrick-{}", sub.get_name());
        pages.push((name.clone(), sub.clone().display_name(name)));
    }
    let mut places = Vec::new();
    for (name, _) in &pages {
        let path: PathBuf = args.output.join(format!("{name}.1"));
        let place = Place::check(&path, Kind::MAN_PAGE, &[], args.force.on)?;
        places.push((path, place));
    }
    for ((_, command), (path, place)) in pages.into_iter().zip(places) {
        let mut page = Vec::new();
        Man::new(command)
            .render(&mut page)
            .map_err(|e| place.error(e))?;
        place.write(&page)?;
        output.line(path.display())?;
    }
    Ok(())
}
