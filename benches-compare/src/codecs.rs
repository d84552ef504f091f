//! What turns values into bytes and back, seen alike.

pub mod by_bytes;
pub mod kekbit;
pub mod serde_like;
pub mod values;

/// Room for the bytes of a value, on a boundary that suits all codecs.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
pub struct Slot<const ROOM: usize>(pub [u8; ROOM]);

/// A value that is made from a number, and tells it.
pub trait Value: Sized {
    fn make(seed: u64) -> Self;

    /// A number that tells values apart, for the check that a codec works.
    fn sum(&self) -> u64;
}

/// A codec for one kind of value.
pub trait Codec {
    const NAME: &'static str;

    /// The value, as a program with this codec would hold it.
    type Value: Value;

    fn new() -> Self;

    /// Writes the value to the front of `bytes`, and gives how many it took.
    fn encode(&mut self, value: &Self::Value, bytes: &mut [u8]) -> usize;

    /// The value that was written to these bytes.
    fn decode(&mut self, bytes: &[u8]) -> Self::Value;

    /// Two fields, without making the value; `None` if the codec cannot.
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        let _ = bytes;
        None
    }
}
