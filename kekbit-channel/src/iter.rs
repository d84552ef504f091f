//! Runs of records: [`Iter`], [`Follow`], [`Batch`], through a [`Lens`].

use std::marker::PhantomData;

use kekbit_codec::Invalid;

use crate::{
    cursor::Cursor,
    debug::debug_fields,
    error::ReadError,
    mapping::Mapping,
    next::{Next, Recorded},
    scan,
    wait::Wait,
};

/// How the payload of a record is looked at: as [`Bytes`], as a value, in place. Sealed.
pub trait Lens<'m>: sealed::Lens {
    /// What is seen.
    type Item;

    /// Looks at a payload.
    ///
    /// # Errors
    /// [`Invalid`] if the payload is no value of the type.
    fn look(payload: &'m [u8]) -> Result<Self::Item, Invalid>;
}

pub(crate) mod sealed {
    /// Keeps `Lens` to this crate.
    pub trait Lens {}
}

/// The payload itself.
#[derive(Debug)]
pub enum Bytes {}

impl sealed::Lens for Bytes {}

impl<'m> Lens<'m> for Bytes {
    type Item = &'m [u8];

    #[inline]
    fn look(payload: &'m [u8]) -> Result<&'m [u8], Invalid> {
        Ok(payload)
    }
}

#[inline(always)]
pub(crate) fn look<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    record: Recorded<&'m [u8]>,
) -> Result<Recorded<L::Item>, ReadError> {
    let sequence = record.sequence;
    record.try_map(|payload| L::look(payload).map_err(|error| mapping.invalid(sequence, error)))
}

/// The records from a reader's position to what is there when it gets there.
///
/// Ends at the first poll that gives no record; a later `iter` goes on. An error that can be passed
/// ([`ReadError::Invalid`]) is followed by the next record, one that cannot is the last item.
#[must_use = "iterators are lazy"]
pub struct Iter<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    done: bool,
    lens: PhantomData<L>,
}

impl<'r, L> Iter<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor) -> Iter<'r, L> {
        Iter { mapping, cursor, done: false, lens: PhantomData }
    }
}

impl<'r, L: Lens<'r>> Iterator for Iter<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if let Some(record) = self.cursor.take(self.mapping) {
            return Some(look::<L>(self.mapping, record));
        }
        let found = self.cursor.poll_further(self.mapping);
        item::<L>(self.mapping, found, &mut self.done)
    }
}

/// The records from a reader's position on, until the channel ends; waits for those to come.
#[must_use = "iterators are lazy"]
pub struct Follow<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    wait: Wait,
    done: bool,
    lens: PhantomData<L>,
}

impl<'r, L> Follow<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, wait: Wait) -> Self {
        Follow { mapping, cursor, wait, done: false, lens: PhantomData }
    }
}

impl<'r, L: Lens<'r>> Iterator for Follow<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if let Some(record) = self.cursor.take(self.mapping) {
            return Some(look::<L>(self.mapping, record));
        }
        let found = self.cursor.wait(self.mapping, self.wait);
        item::<L>(self.mapping, found, &mut self.done)
    }
}

pub(crate) fn item<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    found: Result<Next<Recorded<&'m [u8]>>, ReadError>,
    done: &mut bool,
) -> Option<Result<Recorded<L::Item>, ReadError>> {
    match found {
        Ok(Next::Record(record)) => Some(look::<L>(mapping, record)),
        Ok(_) => {
            *done = true;
            None
        }
        Err(error) => {
            *done = true;
            Some(Err(error))
        }
    }
}

/// A run of committed records. Records that are not taken stay unread.
#[must_use = "iterators are lazy"]
pub struct Batch<'r, L> {
    records: Iter<'r, L>,
    left: usize,
}

impl<'r, L> Batch<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, max: usize) -> Batch<'r, L> {
        let left = scan::run(mapping, cursor.position, max);
        Batch { records: Iter::new(mapping, cursor), left }
    }
}

impl<'r, L: Lens<'r>> Iterator for Batch<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = self.records.next();
        if self.records.done {
            self.left = 0;
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Fewer only if one of them is damaged.
        (self.left, Some(self.left))
    }
}

impl<'r, L: Lens<'r>> ExactSizeIterator for Batch<'r, L> {}

debug_fields!(['r, L] Iter<'r, L>, "Iter", cursor, done);
debug_fields!(['r, L] Follow<'r, L>, "Follow", cursor, wait, done);
debug_fields!(['r, L] Batch<'r, L>, "Batch", records, left);
