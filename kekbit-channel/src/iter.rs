//! Runs of records: [`Iter`], [`Follow`], [`Batch`], through a [`Lens`].

use kekbit_codec::Invalid;
use zerocopy::{Immutable, IntoBytes};

use crate::{
    cursor::Cursor,
    debug::debug_fields,
    error::ReadError,
    mapping::{Mapping, Take},
    next::{Next, Recorded},
    scan,
    wait::Wait,
};

/// How the payload of a record is looked at: as [`Bytes`], as a value, in place, by the schema of
/// the file. Sealed.
pub trait Lens<'m>: sealed::Lens {
    /// What is seen.
    type Item;

    /// Looks at a payload; `image` are bytes that begin with the image of a value: the payload, or
    /// what was made of it.
    ///
    /// # Errors
    /// [`Invalid`] if it is no value of the type.
    fn look(&self, payload: &'m [u8], image: &[u8]) -> Result<Self::Item, Invalid>;
}

pub(crate) mod sealed {
    use kekbit_codec::Invalid;
    use zerocopy::{Immutable, IntoBytes};

    /// Keeps `Lens` to this crate.
    ///
    /// A lens is plain if payloads are looked at as they are. With any other, whole records may be
    /// passed over, and images made.
    pub trait Lens: Copy {
        /// An image that is looked at instead of a payload. NB: `Copy`, so that there is nothing to
        /// drop, which would be asked of all records.
        type Image: Copy + Immutable + IntoBytes;

        /// Whether it is plain.
        #[inline(always)]
        fn is_plain(&self) -> bool {
            true
        }

        /// How many bytes of a payload are looked at, where the type tells it; else 0.
        #[inline(always)]
        fn used_len(&self) -> usize {
            0
        }

        /// Makes the image, if one is needed.
        fn make_image(
            &self,
            payload: &[u8],
            image: &mut Option<Self::Image>,
        ) -> Result<(), Invalid> {
            let _ = (payload, image);
            Ok(())
        }

        /// Whether a record is passed over, as a variant that the type does not know.
        fn passes_over(&self, payload: &[u8]) -> bool {
            let _ = payload;
            false
        }

        /// Whether what was refused is a variant of the file's schema that the type does not know.
        fn is_unknown(&self, payload: &[u8]) -> bool {
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

impl sealed::Lens for Bytes {
    type Image = ();
}

impl<'m> Lens<'m> for Bytes {
    type Item = &'m [u8];

    #[inline]
    fn look(&self, payload: &'m [u8], _: &[u8]) -> Result<&'m [u8], Invalid> {
        Ok(payload)
    }
}

/// What a value is made of: the image, if one was made of the payload.
#[inline(always)]
fn bytes_of<'i, I: Immutable + IntoBytes>(payload: &'i [u8], image: Option<&'i I>) -> &'i [u8] {
    image.map_or(payload, IntoBytes::as_bytes)
}

/// A record that was taken, through a lens.
///
/// NB: wherever a record comes from, and whether or not an image was made of it, the ways meet at
/// the bytes, and there is one call of this: with two values to choose from, the compiler puts each
/// together in memory and copies it (docs/DESIGN.md).
#[inline(always)]
fn look<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    lens: &L,
    record: Recorded<&'m [u8]>,
    image: &[u8],
) -> Result<Recorded<L::Item>, ReadError> {
    let (sequence, payload) = (record.sequence, record.value);
    record
        .try_map(|payload| lens.look(payload, image))
        .map_err(|invalid| refusal(mapping, *lens, sequence, payload, invalid))
}

#[cold]
fn refusal<L: sealed::Lens>(
    mapping: &Mapping,
    lens: L,
    sequence: u64,
    payload: &[u8],
    invalid: Invalid,
) -> ReadError {
    let unknown = invalid.is_unknown_variant() && lens.is_unknown(payload);
    mapping.invalid(sequence, invalid, unknown)
}

/// A single record, through a lens.
pub(crate) fn look_once<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    lens: &L,
    record: Recorded<&'m [u8]>,
) -> Result<Recorded<L::Item>, ReadError> {
    let mut image = None;
    match lens.make_image(record.value, &mut image) {
        Ok(()) => look(mapping, lens, record, bytes_of(record.value, image.as_ref())),
        Err(invalid) => Err(refusal(mapping, *lens, record.sequence, record.value, invalid)),
    }
}

/// How records are taken to be looked at through that lens: not at all, if it is not plain.
pub(crate) fn take(mapping: &Mapping, lens: &impl sealed::Lens) -> Take {
    mapping.take(lens.is_plain(), lens.used_len())
}

/// The next record in front of number `end`, with its image if it needs one, or why there is none.
/// Waits for it, if asked to.
///
/// All that is rare belongs here: what is passed over and images too, whose place in a loop is then
/// where the poll that finds nothing has its own. NB: the lens by value, so that it need not stand
/// in memory.
#[inline(never)]
fn further<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    cursor: &mut Cursor,
    lens: L,
    image: &mut Option<L::Image>,
    wait: Option<&Wait>,
    end: u64,
) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
    while cursor.position.sequence < end {
        let found = match wait {
            Some(wait) => cursor.wait(mapping, *wait)?,
            None => cursor.poll(mapping)?,
        };
        if let (Next::Record(record), false) = (&found, lens.is_plain()) {
            if lens.passes_over(record.value) {
                continue;
            }
            if let Err(invalid) = lens.make_image(record.value, image) {
                let (sequence, payload) = (record.sequence, record.value);
                return Err(refusal(mapping, lens, sequence, payload, invalid));
            }
        }
        return Ok(found);
    }
    Ok(Next::Pending)
}

/// The next record at a cursor, through a lens, or why there is none. Waits for it, if asked to.
#[inline(always)]
pub(crate) fn next<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    cursor: &mut Cursor,
    lens: L,
    take: Take,
    wait: Option<&Wait>,
) -> Result<Next<Recorded<L::Item>>, ReadError> {
    let mut image;
    let (record, bytes) = match cursor.take_by(mapping, take, lens.used_len()) {
        Some(record) => (record, record.value),
        None => {
            image = None;
            match further(mapping, cursor, lens, &mut image, wait, u64::MAX)?.into_record() {
                Ok(record) => (record, bytes_of(record.value, image.as_ref())),
                Err(other) => return Ok(other),
            }
        }
    };
    look(mapping, &lens, record, bytes).map(Next::Record)
}

/// Where a run stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Of what is there, none is taken any more once it has ended.
    take: Take,
    has_ended: bool,
}

impl Run {
    pub(crate) fn new(mapping: &Mapping, lens: &impl sealed::Lens) -> Run {
        Run { take: take(mapping, lens), has_ended: false }
    }

    fn end(&mut self) {
        *self = Run { take: Take::NEVER, has_ended: true };
    }
}

/// The next item of a run of records: one in front of number `end`, waited for if asked to.
#[inline(always)]
pub(crate) fn advance<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    cursor: &mut Cursor,
    lens: &L,
    run: &mut Run,
    wait: Option<&Wait>,
    end: u64,
) -> Option<Result<Recorded<L::Item>, ReadError>> {
    let mut taken = cursor.take_by(mapping, run.take, lens.used_len());
    // Once: what comes need not be a record that can be taken. Not where none ever can: then there
    // may well be one, and the wait further down looks after the others. NB: here, so that a record
    // that was waited for need not go through memory.
    if taken.is_none()
        && run.take != Take::NEVER
        && let Some(wait) = wait.filter(|wait| wait.spins_first())
        && cursor.linger(mapping, wait.looks_away())
    {
        taken = cursor.take_by(mapping, run.take, lens.used_len());
    }
    let mut image;
    let (record, bytes) = match taken {
        Some(record) => (record, record.value),
        None if run.has_ended => return None,
        None => {
            image = None;
            match further(mapping, cursor, *lens, &mut image, wait, end) {
                Ok(Next::Record(record)) => (record, bytes_of(record.value, image.as_ref())),
                Ok(_) => {
                    run.end();
                    return None;
                }
                Err(error) => {
                    // Behind a record that is no value the run goes on.
                    if !error.is_passed() {
                        run.end();
                    }
                    return Some(Err(error));
                }
            }
        }
    };
    Some(look(mapping, lens, record, bytes))
}

/// The records from a reader's position to what is there when it gets there.
///
/// Ends at the first poll that gives no record; a later `iter` goes on. An error that is
/// [passed](ReadError::is_passed) is followed by the next record, any other is the last item.
#[must_use = "iterators are lazy"]
pub struct Iter<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    run: Run,
    lens: L,
}

impl<'r, L: sealed::Lens> Iter<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, lens: L) -> Iter<'r, L> {
        Iter { mapping, cursor, run: Run::new(mapping, &lens), lens }
    }
}

impl<'r, L: Lens<'r>> Iterator for Iter<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let Self { mapping, cursor, lens, run } = self;
        advance(mapping, cursor, lens, run, None, u64::MAX)
    }
}

/// The records from a reader's position on, until the channel ends; waits for those to come.
///
/// It ends in all ways alike, be the channel closed or its writer dead: `try_next` of the reader
/// tells which. An error that is [passed](ReadError::is_passed) is followed by the next record, any
/// other is the last item.
#[must_use = "iterators are lazy"]
pub struct Follow<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    wait: Wait,
    run: Run,
    lens: L,
}

impl<'r, L: sealed::Lens> Follow<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, lens: L, wait: Wait) -> Self {
        Follow { mapping, cursor, wait, run: Run::new(mapping, &lens), lens }
    }
}

impl<'r, L: Lens<'r>> Iterator for Follow<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let Self { mapping, cursor, lens, run, wait } = self;
        advance(mapping, cursor, lens, run, Some(wait), u64::MAX)
    }
}

/// A run of committed records. Records that are not taken stay unread. Those that a reader passes
/// over because it does not know their variant are part of the run's length, which is then more
/// than the items that come; so it is if one is damaged, which ends the run.
#[must_use = "iterators are lazy"]
pub struct Batch<'r, L> {
    records: Iter<'r, L>,
    /// The number behind the last record of the run.
    end: u64,
}

impl<'r, L: sealed::Lens> Batch<'r, L> {
    pub(crate) fn new(
        mapping: &'r Mapping,
        cursor: &'r mut Cursor,
        lens: L,
        max: usize,
    ) -> Batch<'r, L> {
        let count = scan::run(mapping, cursor.position, max);
        let end = cursor.position.sequence.saturating_add(count as u64);
        Batch { records: Iter::new(mapping, cursor, lens), end }
    }

    fn left(&self) -> usize {
        let left = self.end.saturating_sub(self.records.cursor.position.sequence);
        // A run is counted as `usize`.
        if self.records.run.has_ended { 0 } else { usize::try_from(left).unwrap_or(usize::MAX) }
    }
}

impl<'r, L: Lens<'r>> Iterator for Batch<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left() == 0 {
            return None;
        }
        let Iter { mapping, cursor, lens, run } = &mut self.records;
        advance(mapping, cursor, lens, run, None, self.end)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Fewer if one of them is damaged, or passed over.
        (self.left(), Some(self.left()))
    }
}

impl<'r, L: Lens<'r>> ExactSizeIterator for Batch<'r, L> {}

debug_fields!(['r, L] Iter<'r, L>, "Iter", cursor, run);
debug_fields!(['r, L] Follow<'r, L>, "Follow", cursor, wait, run);
debug_fields!(['r, L] Batch<'r, L>, "Batch", records, end);
