//! Runs of records: [`Iter`], [`Follow`], [`Batch`], through a [`Lens`].

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

/// How the payload of a record is looked at: as [`Bytes`], as a value, in place, by the schema of
/// the file. Sealed.
pub trait Lens<'m>: sealed::Lens {
    /// What is seen.
    type Item;

    /// Looks at a payload.
    ///
    /// # Errors
    /// [`Invalid`] if the payload is no value of the type.
    fn look(&self, payload: &'m [u8]) -> Result<Self::Item, Invalid>;
}

pub(crate) mod sealed {
    use kekbit_codec::Invalid;

    /// Keeps `Lens` to this crate.
    pub trait Lens {
        /// Whether what was refused is a variant of the file's schema that the type does not know.
        fn is_unknown(&self, payload: &[u8], invalid: &Invalid) -> bool {
            let _ = (payload, invalid);
            false
        }

        /// Whether a record is passed over, as a variant that the type does not know. Asked before
        /// the record is looked at: once there are values to drop, the compiler spends twenty
        /// instructions more on each of them.
        #[inline(always)]
        fn passes_over(&self, payload: &[u8]) -> bool {
            let _ = payload;
            false
        }
    }
}

/// The payload itself.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(());

impl Bytes {
    pub(crate) const LENS: Bytes = Bytes(());
}

impl sealed::Lens for Bytes {}

impl<'m> Lens<'m> for Bytes {
    type Item = &'m [u8];

    #[inline]
    fn look(&self, payload: &'m [u8]) -> Result<&'m [u8], Invalid> {
        Ok(payload)
    }
}

#[inline(always)]
pub(crate) fn look<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    lens: &L,
    record: Recorded<&'m [u8]>,
) -> Result<Recorded<L::Item>, ReadError> {
    let (sequence, payload) = (record.sequence, record.value);
    record.try_map(|payload| lens.look(payload)).map_err(|invalid| {
        let unknown = invalid.is_unknown_variant() && lens.is_unknown(payload, &invalid);
        mapping.invalid(sequence, invalid, unknown)
    })
}

/// The next record at a cursor, through a lens, or why there is none.
#[inline]
pub(crate) fn next<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    cursor: &mut Cursor,
    lens: &L,
) -> Result<Next<Recorded<L::Item>>, ReadError> {
    loop {
        let found = match cursor.take(mapping) {
            Some(record) => Next::Record(record),
            None => cursor.poll_further(mapping)?,
        };
        if !is_passed_over(lens, &found) {
            return found.try_map(|record| look(mapping, lens, record));
        }
    }
}

#[inline(always)]
fn is_passed_over<'m, L: Lens<'m>>(lens: &L, found: &Next<Recorded<&'m [u8]>>) -> bool {
    matches!(found, Next::Record(record) if lens.passes_over(record.value))
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
    lens: L,
}

impl<'r, L> Iter<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, lens: L) -> Iter<'r, L> {
        Iter { mapping, cursor, done: false, lens }
    }
}

impl<'r, L: Lens<'r>> Iterator for Iter<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            if let Some(record) = self.cursor.take(self.mapping) {
                if self.lens.passes_over(record.value) {
                    continue;
                }
                return Some(look(self.mapping, &self.lens, record));
            }
            let found = self.cursor.poll_further(self.mapping);
            if !matches!(&found, Ok(found) if is_passed_over(&self.lens, found)) {
                return item(self.mapping, &self.lens, found, &mut self.done);
            }
        }
        None
    }
}

/// The records from a reader's position on, until the channel ends; waits for those to come.
#[must_use = "iterators are lazy"]
pub struct Follow<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    wait: Wait,
    done: bool,
    lens: L,
}

impl<'r, L> Follow<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, lens: L, wait: Wait) -> Self {
        Follow { mapping, cursor, wait, done: false, lens }
    }
}

impl<'r, L: Lens<'r>> Iterator for Follow<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            if let Some(record) = self.cursor.take(self.mapping) {
                if self.lens.passes_over(record.value) {
                    continue;
                }
                return Some(look(self.mapping, &self.lens, record));
            }
            let found = self.cursor.wait(self.mapping, self.wait);
            if !matches!(&found, Ok(found) if is_passed_over(&self.lens, found)) {
                return item(self.mapping, &self.lens, found, &mut self.done);
            }
        }
        None
    }
}

pub(crate) fn item<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    lens: &L,
    found: Result<Next<Recorded<&'m [u8]>>, ReadError>,
    done: &mut bool,
) -> Option<Result<Recorded<L::Item>, ReadError>> {
    match found {
        Ok(Next::Record(record)) => Some(look(mapping, lens, record)),
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

/// A run of committed records. Records that are not taken stay unread. Those that a reader passes
/// over because it does not know their variant are part of the run's length.
#[must_use = "iterators are lazy"]
pub struct Batch<'r, L> {
    records: Iter<'r, L>,
    left: usize,
}

impl<'r, L> Batch<'r, L> {
    pub(crate) fn new(
        mapping: &'r Mapping,
        cursor: &'r mut Cursor,
        lens: L,
        max: usize,
    ) -> Batch<'r, L> {
        let left = scan::run(mapping, cursor.position, max);
        Batch { records: Iter::new(mapping, cursor, lens), left }
    }
}

impl<'r, L: Lens<'r>> Iterator for Batch<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            let Iter { mapping, cursor, done, lens } = &mut self.records;
            if let Some(record) = cursor.take(mapping) {
                if lens.passes_over(record.value) {
                    continue;
                }
                return Some(look(mapping, lens, record));
            }
            let found = cursor.poll_further(mapping);
            if !matches!(&found, Ok(found) if is_passed_over(lens, found)) {
                let seen = item(mapping, lens, found, done);
                if *done {
                    self.left = 0;
                }
                return seen;
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Fewer if one of them is damaged, or passed over.
        (self.left, Some(self.left))
    }
}

impl<'r, L: Lens<'r>> ExactSizeIterator for Batch<'r, L> {}

debug_fields!(['r, L] Iter<'r, L>, "Iter", cursor, done);
debug_fields!(['r, L] Follow<'r, L>, "Follow", cursor, wait, done);
debug_fields!(['r, L] Batch<'r, L>, "Batch", records, left);
