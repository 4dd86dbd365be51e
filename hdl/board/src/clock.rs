//! Where the core's clock comes from, and the MMCM that makes it.

use firebrick_spec::config::Family;

/// The clock of a Zynq's processor from which its board's clocks are made, in MHz.
pub const PROCESSOR_MHZ: usize = 100;

/// What an MMCM is set to: the output is input * `eighths` / 8 / `divide` / `output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mmcm {
    /// Multiplier of the oscillator, in eighths.
    pub eighths: usize,
    /// Divider of the input.
    pub divide: usize,
    /// Divider of the output.
    pub output: usize,
}

/// The setting that makes exactly `output` MHz of `input` MHz, with the fastest oscillator, since that
/// has the least jitter; none if there is none.
///
/// Limits are those that every speed grade of the family keeps (DS181 and DS187, DS925: phase detector
/// from 10 MHz, oscillator 600 to 1200 MHz in 7-series, 800 to 1600 MHz in UltraScale+; UG472, UG572:
/// multiplier 2 to 64 in eighths, dividers 1 to 106 and whole here, 1 to 128).
#[must_use]
pub fn mmcm(input: usize, output: usize, family: Family) -> Option<Mmcm> {
    let oscillator = match family {
        Family::Xcup => 800..=1600,
        _ => 600..=1200,
    };
    let mut best: Option<(usize, Mmcm)> = None;
    for divide in 1..=(input / 10).min(106) {
        for output_divide in 1..=128 {
            let speed = output * output_divide;
            let eighths = speed * divide * 8;
            let fits = oscillator.contains(&speed)
                && eighths.is_multiple_of(input)
                && (16..=512).contains(&(eighths / input));
            if fits && best.is_none_or(|(fastest, _)| speed > fastest) {
                let eighths = eighths / input;
                let setting = Mmcm {
                    eighths,
                    divide,
                    output: output_divide,
                };
                best = Some((speed, setting));
            }
        }
    }
    best.map(|(_, setting)| setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_give_the_clock() {
        for (input, output, family) in [
            (125, 200, Family::Xc7),
            (125, 250, Family::Xc7),
            (100, 150, Family::Xc7),
            (250, 300, Family::Xcup),
            (100, 275, Family::Xcup),
        ] {
            let m = mmcm(input, output, family).expect("a setting");
            assert_eq!(input * m.eighths, output * 8 * m.divide * m.output, "{m:?}");
        }
        assert_eq!(mmcm(100, 1201, Family::Xc7), None);
        assert_eq!(mmcm(125, 997, Family::Xc7), None);
    }
}
