//! Handles with which threads of one process share a writer.
//!
//! A handle holds the writer's lock from claim to commit. There is no concurrent tail: a claim that
//! a dying thread left open would hide what other threads had published behind it.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use kekbit_codec::Record;

use crate::{
    debug::debug_fields,
    durability::Synced,
    error::{CloseError, SyncError, WriteError},
    header::Header,
    sync::{Mutex, MutexGuard},
    typed::{self, TypedClaim, TypedWriter},
    writer::{Claim, Writer},
};

/// A writer of raw bytes that threads share: clone it. The channel is closed when
/// [`close`](Self::close) is called on one of the handles, or when the last one is dropped.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("lines.kekbit");
/// use kekbit_channel::{ChannelOptions, Reader, SharedWriter, Writer};
///
/// let writer: SharedWriter =
///     Writer::create(&path, &ChannelOptions::new().bytes(4096))?.into_shared();
/// std::thread::scope(|threads| {
///     for line in [b"one", b"two"] {
///         let writer = writer.clone();
///         threads.spawn(move || writer.append(line).unwrap());
///     }
/// });
/// assert_eq!(Reader::open(&path)?.iter().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedWriter {
    writer: Arc<Mutex<Writer>>,
}

/// The lock of a shared writer, held by a [`Claim`].
#[derive(Debug)]
pub struct WriterGuard<'w>(MutexGuard<'w, Writer>);

impl Deref for WriterGuard<'_> {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.0
    }
}

impl DerefMut for WriterGuard<'_> {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.0
    }
}

impl Writer {
    /// Makes a handle of it that can be cloned and sent to other threads.
    #[must_use]
    pub fn into_shared(self) -> SharedWriter {
        SharedWriter { writer: Arc::new(Mutex::new(self)) }
    }
}

impl<T: Record> TypedWriter<T> {
    /// Makes a handle of it that can be cloned and sent to other threads.
    #[must_use]
    pub fn into_shared(self) -> SharedTypedWriter<T> {
        SharedTypedWriter { shared: self.into_writer().into_shared(), record: PhantomData }
    }
}

impl SharedWriter {
    /// Appends a record and gives its sequence number; see [`Writer::append`].
    ///
    /// # Errors
    /// [`WriteError`]; nothing was published then.
    pub fn append(&self, payload: &[u8]) -> Result<u64, WriteError> {
        self.lock().append(payload)
    }

    /// Claims room for a record; see [`Writer::claim`]. All other threads wait until the claim is
    /// committed or dropped; a claim that is forgotten (`mem::forget`) stops them for ever.
    ///
    /// # Errors
    /// [`WriteError`]; the writer is as it was.
    pub fn claim(&self, len: usize) -> Result<Claim<WriterGuard<'_>>, WriteError> {
        Claim::on(self.lock(), len)
    }

    /// Writes all records appended so far, by any thread, out to the disk, and waits for it. Other
    /// threads go on appending meanwhile; those that sync too share the work.
    ///
    /// # Errors
    /// As [`Writer::sync`]; after a failure every handle is poisoned.
    pub fn sync(&self) -> Result<Synced, SyncError> {
        let (target, mapping, durability) = {
            let writer = self.lock();
            let target = writer.sync_target()?;
            (target, Arc::clone(writer.mapping()), Arc::clone(writer.durability()))
        };
        let result = durability.flush(&mapping, target);
        if matches!(result, Err(SyncError::Io { .. })) {
            self.lock().sync_failed();
        }
        result
    }

    /// Ends the channel for all handles; see [`Writer::close`].
    ///
    /// # Errors
    /// [`CloseError::Closed`] if another handle was faster.
    pub fn close(&self) -> Result<(), CloseError> {
        self.lock().close_shared()
    }

    /// Number of the next record, as of now.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.lock().next_sequence()
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> Header {
        self.lock().header().clone()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.lock().path().to_owned()
    }

    fn lock(&self) -> WriterGuard<'_> {
        // A thread that panicked with a claim open has settled it when the claim was dropped.
        WriterGuard(self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A writer of records of type `T` that threads share: clone it. See [`SharedWriter`].
pub struct SharedTypedWriter<T> {
    shared: SharedWriter,
    record: PhantomData<fn(&T)>,
}

impl<T> Clone for SharedTypedWriter<T> {
    fn clone(&self) -> SharedTypedWriter<T> {
        SharedTypedWriter { shared: self.shared.clone(), record: PhantomData }
    }
}

impl<T: Record> SharedTypedWriter<T> {
    /// Appends a record and gives its sequence number; see [`Writer::append`].
    ///
    /// # Errors
    /// [`WriteError`]; nothing was published then.
    pub fn append(&self, value: &T) -> Result<u64, WriteError> {
        typed::append(&mut self.shared.lock(), value)
    }

    /// Claims the place of the next record. All other threads wait until the claim is committed or
    /// dropped; a claim that is forgotten (`mem::forget`) stops them for ever.
    ///
    /// # Errors
    /// [`WriteError`]; the writer is as it was.
    pub fn claim(&self) -> Result<TypedClaim<WriterGuard<'_>, T>, WriteError> {
        TypedClaim::on(self.shared.lock())
    }

    /// Writes all records appended so far out to the disk; see [`SharedWriter::sync`].
    ///
    /// # Errors
    /// As [`SharedWriter::sync`].
    pub fn sync(&self) -> Result<Synced, SyncError> {
        self.shared.sync()
    }

    /// Ends the channel for all handles; see [`Writer::close`].
    ///
    /// # Errors
    /// [`CloseError::Closed`] if another handle was faster.
    pub fn close(&self) -> Result<(), CloseError> {
        self.shared.close()
    }

    /// Number of the next record, as of now.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.shared.next_sequence()
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> Header {
        self.shared.header()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.shared.path()
    }
}

debug_fields!([T] SharedTypedWriter<T>, "SharedTypedWriter", shared);
