//! Codecs that walk over the value: rkyv, bincode, bitcode, postcard.

use std::marker::PhantomData;

use bytecheck::CheckBytes;
use rkyv::{
    Archive,
    api::high::{HighDeserializer, HighSerializer, HighValidator},
    rancor::Error,
    ser::{allocator::ArenaHandle, writer::Buffer},
};

use crate::codecs::{
    Codec, Value,
    values::{ArchivedBytes, ArchivedNumbers, ArchivedOrder},
};

pub struct Rkyv<T> {
    arena: rkyv::ser::allocator::Arena,
    value: PhantomData<T>,
}

/// Two fields of what rkyv reads in place.
pub trait Two {
    fn two(&self) -> u64;
}

impl Two for ArchivedOrder {
    #[inline(always)]
    fn two(&self) -> u64 {
        self.id.to_native() ^ self.price.to_native().to_bits()
    }
}

impl Two for ArchivedBytes {
    #[inline(always)]
    fn two(&self) -> u64 {
        u64::from(self.bytes[0]) ^ u64::from(self.bytes[1_000])
    }
}

impl Two for ArchivedNumbers {
    #[inline(always)]
    fn two(&self) -> u64 {
        u64::from(self.numbers[0].to_native()) ^ u64::from(self.numbers[200].to_native())
    }
}

impl<T: Value> Codec for Rkyv<T>
where
    T: for<'a> rkyv::Serialize<HighSerializer<Buffer<'a>, ArenaHandle<'a>, Error>>,
    T: Archive,
    T::Archived: Two
        + rkyv::Deserialize<T, HighDeserializer<Error>>
        + for<'a> CheckBytes<HighValidator<'a, Error>>,
{
    const NAME: &'static str = "rkyv";

    type Value = T;

    fn new() -> Self {
        Rkyv { arena: rkyv::ser::allocator::Arena::new(), value: PhantomData }
    }

    #[inline(always)]
    fn encode(&mut self, value: &T, bytes: &mut [u8]) -> usize {
        let buffer = Buffer::from(bytes);
        let arena = self.arena.acquire();
        let written = rkyv::api::high::to_bytes_in_with_alloc::<_, _, Error>(value, buffer, arena);
        written.expect("room for it").len()
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> T {
        let archived = rkyv::access::<T::Archived, Error>(bytes).expect("a value");
        rkyv::deserialize::<T, Error>(archived).expect("a value")
    }

    #[inline(always)]
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        Some(rkyv::access::<T::Archived, Error>(bytes).expect("a value").two())
    }
}

pub struct Bincode<T>(PhantomData<T>);

impl<T: Value + bincode::Encode + bincode::Decode<()>> Codec for Bincode<T> {
    const NAME: &'static str = "bincode";

    type Value = T;

    fn new() -> Self {
        Bincode(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &T, bytes: &mut [u8]) -> usize {
        bincode::encode_into_slice(value, bytes, bincode::config::standard()).expect("room for it")
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> T {
        let config = bincode::config::standard();
        bincode::decode_from_slice(bytes, config).expect("a value").0
    }
}

pub struct Bitcode<T> {
    buffer: bitcode::Buffer,
    value: PhantomData<T>,
}

impl<T: Value + bitcode::Encode + bitcode::DecodeOwned> Codec for Bitcode<T> {
    const NAME: &'static str = "bitcode";

    type Value = T;

    fn new() -> Self {
        Bitcode { buffer: bitcode::Buffer::new(), value: PhantomData }
    }

    #[inline(always)]
    fn encode(&mut self, value: &T, bytes: &mut [u8]) -> usize {
        let encoded = self.buffer.encode(value);
        bytes[..encoded.len()].copy_from_slice(encoded);
        encoded.len()
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> T {
        self.buffer.decode(bytes).expect("a value")
    }
}

pub struct Postcard<T>(PhantomData<T>);

impl<T: Value + serde::Serialize + serde::de::DeserializeOwned> Codec for Postcard<T> {
    const NAME: &'static str = "postcard";

    type Value = T;

    fn new() -> Self {
        Postcard(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &T, bytes: &mut [u8]) -> usize {
        postcard::to_slice(value, bytes).expect("room for it").len()
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> T {
        postcard::from_bytes(bytes).expect("a value")
    }
}
