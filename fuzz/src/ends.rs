//! The writing ends of a channel, owned and shared, raw and typed, as one.

use std::mem;

use kekbit_channel::{
    CloseError, FixedBytes, Record, SharedTypedWriter, SharedWriter, SyncError, Synced,
    TypedWriter, WriteError, Writer,
};

/// What becomes of a claim.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Commit,
    CommitFirst(usize),
    Drop,
    /// Not of a shared writer: there it keeps all others waiting.
    Forget,
}

/// Records of so many bytes.
#[derive(Record, Debug, Clone, Copy)]
pub(crate) struct Cell<const N: usize>(pub(crate) FixedBytes<N>);

impl<const N: usize> Cell<N> {
    fn of(payload: &[u8]) -> Cell<N> {
        Cell(payload.try_into().expect("payloads of a typed channel have one length"))
    }
}

/// A writer, whichever. The result of a claim is the number of the record, if it became one.
pub(crate) trait End {
    fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError>;
    fn claim(&mut self, payload: &[u8], fate: Fate) -> Result<Option<u64>, WriteError>;
    fn sync(&mut self) -> Result<Synced, SyncError>;
    fn next_sequence(&self) -> u64;
    /// Bytes that are left, or records; the handles of a shared writer do not tell.
    fn available(&self) -> Option<u64>;
    fn clock_lag_nanos(&self) -> Option<u128>;
    /// Ends the channel; gives an end back if there is one that can still be asked.
    fn close(self: Box<Self>) -> (Result<(), CloseError>, Option<Box<dyn End>>);
    fn share(self: Box<Self>) -> Box<dyn End>;
}

/// Fills a claim, of which the bytes are zero at first, and lets it go.
macro_rules! raw_claim {
    ($claim:expr, $payload:ident, $fate:ident) => {{
        let mut claim = $claim?;
        assert!(claim.iter().all(|byte| *byte == 0), "a claim is zero at first");
        claim.copy_from_slice($payload);
        assert!(*claim == *$payload);
        let sequence = claim.sequence();
        match $fate {
            Fate::Commit => assert_eq!(claim.commit(), sequence),
            Fate::CommitFirst(len) => assert_eq!(claim.commit_first(len)?, sequence),
            Fate::Drop => return Ok(None),
            Fate::Forget => {
                mem::forget(claim);
                return Ok(None);
            }
        }
        Ok(Some(sequence))
    }};
}

macro_rules! typed_claim {
    ($claim:expr, $payload:ident, $fate:ident) => {{
        let claim = $claim?;
        let sequence = claim.sequence();
        match $fate {
            Fate::Commit | Fate::CommitFirst(_) => {
                assert_eq!(claim.commit(&Cell::of($payload)), sequence);
                Ok(Some(sequence))
            }
            Fate::Drop => Ok(None),
            Fate::Forget => {
                mem::forget(claim);
                Ok(None)
            }
        }
    }};
}

impl End for Writer {
    fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError> {
        Writer::append(self, payload)
    }
    fn claim(&mut self, payload: &[u8], fate: Fate) -> Result<Option<u64>, WriteError> {
        raw_claim!(Writer::claim(self, payload.len()), payload, fate)
    }
    fn sync(&mut self) -> Result<Synced, SyncError> {
        Writer::sync(self)
    }
    fn next_sequence(&self) -> u64 {
        Writer::next_sequence(self)
    }
    fn available(&self) -> Option<u64> {
        Some(Writer::available(self))
    }
    fn clock_lag_nanos(&self) -> Option<u128> {
        self.clock_lag().map(|lag| lag.as_nanos())
    }
    fn close(self: Box<Self>) -> (Result<(), CloseError>, Option<Box<dyn End>>) {
        (Writer::close(*self), None)
    }
    fn share(self: Box<Self>) -> Box<dyn End> {
        Handles::of(self.into_shared())
    }
}

impl<const N: usize> End for TypedWriter<Cell<N>> {
    fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError> {
        TypedWriter::append(self, &Cell::of(payload))
    }
    fn claim(&mut self, payload: &[u8], fate: Fate) -> Result<Option<u64>, WriteError> {
        typed_claim!(TypedWriter::claim(self), payload, fate)
    }
    fn sync(&mut self) -> Result<Synced, SyncError> {
        TypedWriter::sync(self)
    }
    fn next_sequence(&self) -> u64 {
        TypedWriter::next_sequence(self)
    }
    fn available(&self) -> Option<u64> {
        Some(TypedWriter::available(self))
    }
    fn clock_lag_nanos(&self) -> Option<u128> {
        self.clock_lag().map(|lag| lag.as_nanos())
    }
    fn close(self: Box<Self>) -> (Result<(), CloseError>, Option<Box<dyn End>>) {
        (TypedWriter::close(*self), None)
    }
    fn share(self: Box<Self>) -> Box<dyn End> {
        Handles::of(self.into_shared())
    }
}

/// Handles of a shared writer: two, so that one uses what the other left.
struct Handles<H> {
    one: H,
    other: H,
}

impl<H: Clone> Handles<H> {
    fn of(one: H) -> Box<Handles<H>> {
        Box::new(Handles { other: one.clone(), one })
    }

    /// The one that was not used last.
    fn next(&mut self) -> &H {
        std::mem::swap(&mut self.one, &mut self.other);
        &self.one
    }
}

/// What both kinds of handles have under the same names.
macro_rules! of_handles {
    () => {
        fn sync(&mut self) -> Result<Synced, SyncError> {
            self.next().sync()
        }
        fn next_sequence(&self) -> u64 {
            self.other.next_sequence()
        }
        fn available(&self) -> Option<u64> {
            None
        }
        fn clock_lag_nanos(&self) -> Option<u128> {
            None
        }
        fn close(self: Box<Self>) -> (Result<(), CloseError>, Option<Box<dyn End>>) {
            (self.one.close(), Some(self))
        }
        fn share(self: Box<Self>) -> Box<dyn End> {
            self
        }
    };
}

impl End for Handles<SharedWriter> {
    fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError> {
        self.next().append(payload)
    }
    fn claim(&mut self, payload: &[u8], fate: Fate) -> Result<Option<u64>, WriteError> {
        let fate = if let Fate::Forget = fate { Fate::Drop } else { fate };
        raw_claim!(self.next().claim(payload.len()), payload, fate)
    }
    of_handles!();
}

impl<const N: usize> End for Handles<SharedTypedWriter<Cell<N>>> {
    fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError> {
        self.next().append(&Cell::of(payload))
    }
    fn claim(&mut self, payload: &[u8], fate: Fate) -> Result<Option<u64>, WriteError> {
        let fate = if let Fate::Forget = fate { Fate::Drop } else { fate };
        typed_claim!(self.next().claim(), payload, fate)
    }
    of_handles!();
}
