//! `firebrick disasm`: the command stream, record by record.

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::target;

pub fn run(args: &args::Disasm, output: &mut Output) -> Result<(), CliError> {
    let program = target::load(&args.target)?.compile(args.check)?;
    output.line(program.disassemble().trim_end())
}
