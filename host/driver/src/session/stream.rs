//! Batches of any length at constant memory: pictures come one by one, results go one by one.

use super::{Session, SessionError};
use crate::device::{Device, Fed, Feed, Timing};
use crate::program::{ImageError, ImageResult, Program, TransferOrder, check_order};
use crate::session::tags::Tags;
use ndarray::Array3;
use std::ops::ControlFlow;
use tracing::{debug, info, info_span};

/// What comes next in a batch.
#[derive(Clone, Debug)]
pub enum Next {
    /// A picture (height, width, 3 channels in the network's order).
    Picture(Array3<u8>),
    /// None now; ask again in a few milliseconds. Results go on coming.
    Pending,
    /// None any more.
    End,
}

impl From<Option<Array3<u8>>> for Next {
    fn from(picture: Option<Array3<u8>>) -> Next {
        picture.map_or(Next::End, Next::Picture)
    }
}

/// The result of one picture of a batch.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// What the engine says.
    pub result: ImageResult,
    /// Where the time went.
    pub timing: Timing,
}

/// Pictures as transfers.
struct Pictures<'a> {
    program: &'a Program,
    next: &'a mut dyn FnMut() -> Next,
    tags: &'a mut Tags,
    fed: u64,
    error: Option<ImageError>,
}

impl Feed for Pictures<'_> {
    fn transfer_bytes(&self) -> usize {
        self.program.input_bytes()
    }

    fn next(&mut self, room: &mut [u8]) -> Fed {
        let picture = match (self.next)() {
            Next::Picture(picture) => picture,
            Next::Pending => return Fed::Pending,
            Next::End => return Fed::End,
        };
        let order = match self.fed {
            0 => TransferOrder::First,
            _ => TransferOrder::Following,
        };
        let tag = self.tags.next();
        if let Err(error) = self.program.write(&picture.view(), order, tag, room) {
            self.error = Some(error);
            return Fed::End;
        }
        self.fed += 1;
        Fed::Transfer(self.program.input_bytes())
    }
}

impl<D: Device> Session<D> {
    /// Runs the pictures that `next` gives, back to back, and hands each result to `answer`, in
    /// order, as it comes. When `answer` breaks, what is under way is given up. Returns how many
    /// results there were. After an error the engine is reset; the results before it stand.
    pub fn stream(
        &mut self,
        program: &Program,
        next: &mut dyn FnMut() -> Next,
        answer: &mut dyn FnMut(Answer) -> ControlFlow<()>,
    ) -> Result<u64, SessionError> {
        let _span = info_span!("stream", network = program.network()).entered();
        self.set_up(program)?;
        let first = self.ready()?;
        debug!(
            bytes_in = program.input_bytes(),
            bytes_out = program.output_bytes(),
            deadline = ?self.deadline,
            "begins"
        );
        // Tags count up, so that each result's is known from its place.
        let first_tag = self.tags.peek();
        let mut pictures = Pictures {
            program,
            next,
            tags: &mut self.tags,
            fed: 0,
            error: None,
        };
        let mut taken: u64 = 0;
        let mut damage = None;
        let outcome = self.device.stream(
            &mut pictures,
            program.output_bytes(),
            self.deadline,
            &mut |packet| {
                let place = taken as u32;
                let checked = program.decode_result(packet.bytes).and_then(|result| {
                    let (want, tag) = (first.wrapping_add(place), first_tag.wrapping_add(place));
                    check_order(&result.trailer, want, tag)?;
                    Ok(result)
                });
                match checked {
                    Ok(result) => {
                        taken += 1;
                        debug!(picture = taken - 1, took = ?packet.timing.total, "has a result");
                        answer(Answer {
                            index: taken - 1,
                            result,
                            timing: packet.timing,
                        })
                    }
                    Err(error) => {
                        damage = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        let (fed, picture_error) = (pictures.fed, pictures.error);
        self.sequence = Some(first.wrapping_add(taken as u32));
        self.passed(program.input_bytes(), taken as u32);
        let result = match (outcome, damage) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(error)) => Err(error.into()),
            (Ok(()), None) => Ok(taken),
        };
        if result.is_ok() && fed != taken {
            // Given up in between.
            info!(
                sent = fed,
                taken, "resets the engine: pictures are under way"
            );
            self.reset()?;
        }
        let result = self.explain(result, program);
        let result = self.recover(result)?;
        match picture_error {
            Some(error) => Err(error.into()),
            None => Ok(result),
        }
    }

    /// As [`stream`](Self::stream), with the pictures of an iterator.
    pub fn stream_iter(
        &mut self,
        program: &Program,
        pictures: impl IntoIterator<Item = Array3<u8>>,
        answer: &mut dyn FnMut(Answer) -> ControlFlow<()>,
    ) -> Result<u64, SessionError> {
        let mut pictures = pictures.into_iter();
        self.stream(program, &mut || pictures.next().into(), answer)
    }
}
