//! Which ports of a design make up a stream.

use crate::error::ModelError;
use crate::verilator::model::{Model, Port};

/// The names of a stream's ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamNames {
    /// What the stream is called in messages.
    pub stream: String,
    /// Data.
    pub data: String,
    /// Valid.
    pub valid: String,
    /// Ready.
    pub ready: String,
    /// End of packet; a stream may lack it.
    pub last: Option<String>,
}

impl StreamNames {
    /// AXI4-Stream names: `PREFIX_tdata`, `_tvalid`, `_tready`, `_tlast`.
    #[must_use]
    pub fn axi(prefix: &str) -> Self {
        Self {
            stream: prefix.to_owned(),
            data: format!("{prefix}_tdata"),
            valid: format!("{prefix}_tvalid"),
            ready: format!("{prefix}_tready"),
            last: Some(format!("{prefix}_tlast")),
        }
    }

    /// The same without an end of packet.
    #[must_use]
    pub fn without_last(mut self) -> Self {
        self.last = None;
        self
    }
}

/// The ports themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamPorts {
    pub data: Port,
    pub valid: Port,
    pub ready: Port,
    pub last: Option<Port>,
}

impl StreamPorts {
    /// Ports of a stream into the design.
    pub fn into_design(model: &Model, names: &StreamNames) -> Result<Self, ModelError> {
        Ok(Self {
            data: model.input(&names.data)?,
            valid: one_bit(model, &names.valid, model.input(&names.valid)?)?,
            ready: one_bit(model, &names.ready, model.output(&names.ready)?)?,
            last: match &names.last {
                Some(name) => Some(one_bit(model, name, model.input(name)?)?),
                None => None,
            },
        })
    }

    /// Ports of a stream out of the design.
    pub fn out_of_design(model: &Model, names: &StreamNames) -> Result<Self, ModelError> {
        Ok(Self {
            data: model.output(&names.data)?,
            valid: one_bit(model, &names.valid, model.output(&names.valid)?)?,
            ready: one_bit(model, &names.ready, model.input(&names.ready)?)?,
            last: match &names.last {
                Some(name) => Some(one_bit(model, name, model.output(name)?)?),
                None => None,
            },
        })
    }
}

fn one_bit(model: &Model, name: &str, port: Port) -> Result<Port, ModelError> {
    if port.width() == 1 {
        Ok(port)
    } else {
        Err(model.wrong_port(name, format!("has {} bits, not one", port.width())))
    }
}
