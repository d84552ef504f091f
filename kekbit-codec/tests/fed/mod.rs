//! What a hasher is fed of a value.

use std::hash::Hasher;

use kekbit_codec::{Field, encode, feed, size};

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The bytes that are fed of an image right after it was made.
pub(crate) fn fed<T: Field>(value: &T) -> Vec<u8> {
    let mut image = vec![0xEE; size::<T>()];
    encode(value, &mut image).unwrap();
    let mut bytes = Bytes::default();
    feed(value, &image, &mut bytes);
    bytes.0
}
