//! From the input stream to decoded records and the units' queues.

pub mod crc;
pub mod decoder;
pub mod record;
pub mod sparse;
pub mod streamer;
