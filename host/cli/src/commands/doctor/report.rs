//! The steps of `doctor`, printed as they are done.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::progress::{Colour, Stream, paint};

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Failed,
    Skipped,
}

/// What came of a step.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Check {
    outcome: State,
    detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    pub fn ok(detail: impl Display) -> Check {
        Check::of(State::Ok, detail)
    }

    pub fn skipped(why: impl Display) -> Check {
        Check::of(State::Skipped, why)
    }

    pub fn failed(what: impl Display, advice: impl Into<String>) -> Check {
        Check {
            advice: Some(advice.into()),
            ..Check::of(State::Failed, what)
        }
    }

    fn of(outcome: State, detail: impl Display) -> Check {
        Check {
            outcome,
            detail: detail.to_string(),
            advice: None,
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub struct Step<'a> {
    step: &'a str,
    #[serde(flatten)]
    check: &'a Check,
}

pub struct Report<'a> {
    json: bool,
    output: &'a mut Output,
    /// The step that failed and without which there are no others.
    blocked: Option<String>,
    failed: bool,
}

impl Report<'_> {
    pub fn new(json: bool, output: &mut Output) -> Report<'_> {
        Report {
            json,
            output,
            blocked: None,
            failed: false,
        }
    }

    /// A step; if it fails, those that follow are skipped.
    pub fn step(&mut self, name: &str, check: impl FnOnce() -> Check) -> Result<(), CliError> {
        let failed = self.side_step(name, check)?;
        if failed {
            self.blocked = Some(name.to_owned());
        }
        Ok(())
    }

    /// A step that others do not need.
    pub fn side_step(
        &mut self,
        name: &str,
        check: impl FnOnce() -> Check,
    ) -> Result<bool, CliError> {
        let check = match &self.blocked {
            Some(blocked) => Check::skipped(format!("after: {blocked}")),
            None => check(),
        };
        let failed = check.outcome == State::Failed;
        self.failed |= failed;
        if self.json {
            let check = &check;
            self.output.json(&Step { step: name, check })?;
        } else {
            let (state, colour) = match check.outcome {
                State::Ok => ("ok", Colour::Green),
                State::Failed => ("FAILED", Colour::Red),
                State::Skipped => ("skipped", Colour::Yellow),
            };
            let state = paint(Stream::Out, colour, &format!("{state:7}"));
            let detail = &check.detail;
            self.output.line(format_args!("{state} {name}: {detail}"))?;
            if let Some(advice) = &check.advice {
                self.output.line(format_args!("        do: {advice}"))?;
            }
            self.output.flush()?;
        }
        Ok(failed)
    }

    /// Whether a step failed without which there are no others.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Goes on with what does not need the step that failed.
    pub fn unblock(&mut self) {
        self.blocked = None;
    }

    pub fn end(self) -> Result<Outcome, CliError> {
        Ok(match self.failed {
            true => Outcome::Bad,
            false => Outcome::Good,
        })
    }
}
