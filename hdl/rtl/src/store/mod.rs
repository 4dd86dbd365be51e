//! The feature buffer and the rotation of its banks.

pub mod feature;
pub mod rotate;
