//! Typed, persistent, memory-mapped message channels.
//!
//! One process writes records of one type into a file of fixed capacity; any number of processes
//! read them, each at its own pace, again and again, while the writer runs or years after.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("orders.kekbit");
//! use kekbit_channel::{ChannelOptions, Next, Record, TypedReader, TypedWriter};
//!
//! #[derive(Record, Debug, PartialEq)]
//! struct Order {
//!     id: u64,
//!     price: i64,
//!     quantity: u32,
//! }
//!
//! let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(1_000))?;
//! writer.append(&Order { id: 1, price: 99, quantity: 3 })?;
//!
//! let mut reader = TypedReader::<Order>::open(&path)?; // in this process or another
//! let Next::Record(order) = reader.try_next()? else { panic!("it was just written") };
//! assert_eq!(order.price, 99);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of a record
//!
//! ```text
//! write: T --encode--> payload --frame--> Claim --commit--> Region ~~~ file
//! read:  T <--decode-- payload <--frame-- Next  <---next--- Region ~~~ file
//! ```
//!
//! - [`TypedWriter`] and [`TypedReader`] for values of a type; [`Channel`] for views of records in
//!   place; [`Writer`] and [`Reader`] for bytes.
//! - [`DynamicReader`] for channels whose type the program does not have; [`ReadOptions`] for those
//!   of other versions of it.
//! - [`SharedTypedWriter`] and [`SharedWriter`] for threads that share a writer; [`Merge`] for a
//!   reader of several channels.
//! - [`recover`] for a channel that its writer left unclosed.
//! - [`ChannelOptions`] for what a channel is to be like.
//!
//! # What is promised
//!
//! When `append` has returned, the record survives the death of the process. When `sync` has
//! returned, it survives a power cut. No torn record is ever returned (after a power cut: with
//! checksums, which are the default). `docs/FORMAT.md` has the argument.
//!
//! # What is not
//!
//! A channel has one writer, its creator, and is never continued: who comes back starts another.
//! Capacity is fixed. Whoever may write the file can break it: the contract of `open` and `create`
//! is that nobody but the channel's writer changes it, and that nobody truncates it. Network file
//! systems are refused.
#![deny(unsafe_code)]

extern crate self as kekbit_channel;

// Lowest layer first: a module uses only modules above it in this list.
mod layout;
mod sync;
#[cfg(test)]
mod trace;
mod debug;
mod next;
mod difference;
mod error;
#[cfg_attr(any(not(target_arch = "x86_64"), miri, loom), path = "cpu/none.rs")]
#[allow(unsafe_code, reason = "instructions that the language does not have")]
mod cpu;
mod clock;
mod wait;
mod checksum;
mod file;
mod lock;
#[allow(unsafe_code, reason = "all pointers of the workspace are here")]
mod region;
mod bell;
mod options;
mod header;
mod mapping;
#[allow(unsafe_code, reason = "the reading end of the handshake: slices of what is committed")]
mod scan;
mod durability;
mod prefault;
#[allow(unsafe_code, reason = "the writing end of the handshake: slices of what is claimed")]
mod writer;
mod liveness;
mod chase;
mod cursor;
mod search;
mod iter;
mod reader;
mod recover;
mod dynamic;
mod typed;
mod shared;
mod merge;
#[cfg(all(feature = "stream", not(loom)))]
mod stream;
#[cfg(test)]
mod power_loss;
#[cfg(all(test, loom))]
mod interleavings;

#[doc(hidden)]
pub use kekbit_codec::__private;
// NB: by glob. The trait `Record` cannot be named alone: its name brings the codec's own derive
// along, which the next line hides behind the one that names this crate.
pub use kekbit_codec::*;
pub use kekbit_derive::Record;

#[cfg(all(feature = "stream", not(loom)))]
pub use crate::stream::{RecordStream, Source};
pub use crate::{
    clock::Clock,
    durability::Synced,
    dynamic::{BySchema, DynamicReader},
    error::{
        CloseError, CreateError, MergeError, OpenError, OptionsError, PoisonReason, Problem,
        ReadError, ReadErrorKind, RecoverError, SchemaDifference, SeekError, SyncError, WriteError,
    },
    header::Header,
    iter::{Batch, Bytes, Follow, Iter, Lens},
    merge::{Merge, Merged},
    next::{CloseReason, Next, Recorded},
    options::{Alignment, ChannelOptions, Prefault},
    reader::Reader,
    recover::{Loss, Recovery, recover, recover_with},
    shared::{SharedTypedWriter, SharedWriter, WriterGuard},
    typed::{
        Channel, InPlace, OrRaw, ReadOptions, TypedClaim, TypedReader, TypedWriter, ValueOrRaw,
        Values, Views,
    },
    wait::Wait,
    writer::{Claim, Writer},
};

/// The program of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Programs that must not compile.
#[cfg(doctest)]
#[doc = include_str!("../tests/lifetimes.md")]
struct Lifetimes;
