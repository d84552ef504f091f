//! What a hasher is fed of a value.

use std::hash::Hasher;

use kekbit_codec::{Field, encode_and_feed, size};

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

/// The bytes that are fed of an image while it is made.
pub(crate) fn fed<T: Field>(value: &T) -> Vec<u8> {
    let mut image = vec![0xEE; size::<T>()];
    let mut bytes = Bytes::default();
    encode_and_feed(value, &mut image, &mut bytes).unwrap();
    assert_eq!(bytes.0, image, "all of the image is fed, and no byte left as it was");
    bytes.0
}
