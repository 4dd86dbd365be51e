//! Several engines of a board in an address: `#N` names one of them.

use firebrick_spec::regs;
use std::ops::Range;

/// Splits `#N` from an address.
pub(super) fn split(address: &str) -> Result<(&str, Option<usize>), String> {
    let Some((board, number)) = address.rsplit_once('#') else {
        return Ok((address, None));
    };
    let last = regs::ENGINES_MAX - 1;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse() {
        Ok(engine) if digits && engine <= last => Ok((board, Some(engine))),
        _ => Err(format!(
            "{number:?} after \"#\" is no engine's number, which is 0 to {last}"
        )),
    }
}

/// The engines that an address means: the one that it names, or the first and those behind it that
/// are there.
pub(super) fn meant(named: Option<usize>, there: impl Fn(usize) -> bool) -> Range<usize> {
    match named {
        Some(engine) => engine..engine + 1,
        None => {
            let more = (1..regs::ENGINES_MAX).take_while(|engine| there(*engine));
            0..1 + more.count()
        }
    }
}

/// An address for each of several engines; the address itself if there is one only.
pub(super) fn addresses(address: &str, engines: Range<usize>) -> Vec<String> {
    match engines.len() {
        0 | 1 => vec![address.into()],
        _ => engines
            .map(|engine| format!("{address}#{engine}"))
            .collect(),
    }
}
