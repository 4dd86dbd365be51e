//! What to compile.

/// Where weights are kept from picture to picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Weights {
    /// Each picture's transfer brings them: it depends on nothing that was there before.
    #[default]
    Streamed,
    /// A transfer of their own brings them once ([`setup`](crate::Program::setup)); pictures
    /// bring commands and pixels. An error if they do not fit.
    Resident,
    /// Resident if they fit, else streamed.
    Auto,
}

/// Limits that change the schedule and not the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Vectors of `lanes` positions that a tile may have; chosen by the number of lanes if
    /// `None`. A pooled or first convolution takes a whole row even so.
    pub vectors: Option<usize>,
}

/// What to compile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CompileOptions {
    /// Also send every node's feature map to the host, for comparison with the model.
    pub check: bool,
    /// Also send the map that the network sums, for networks that are there for it.
    pub map: bool,
    /// Where weights are kept.
    pub weights: Weights,
    /// Send weights with their zeros, even where it would take fewer bytes without.
    pub plain_weights: bool,
    /// Limits of the schedule.
    pub limits: Limits,
}
