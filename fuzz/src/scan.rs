//! The frames of a file, found straight after `docs/FORMAT.md`: slowly, and with no code of the
//! library.

use crate::{
    frames::Origin,
    image::{CHECKSUMS, PAGE, Spec, TIME_STAMPS, crc32c},
};

/// What lies at a place between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'b> {
    Empty,
    Record { stamp: Option<u64>, payload: &'b [u8], size: usize },
    Padding { size: usize },
    Close { reason: u32 },
    Damage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'b> {
    pub(crate) sequence: u64,
    pub(crate) stamp: Option<u64>,
    pub(crate) payload: &'b [u8],
}

/// All that a walk from the first frame finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan<'b> {
    pub(crate) records: Vec<Found<'b>>,
    /// Where it ends, and what is there.
    pub(crate) end: usize,
    pub(crate) sequence: u64,
    pub(crate) last: Frame<'b>,
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap()))
}

/// The bytes of a file with that header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel<'b> {
    pub(crate) spec: &'b Spec,
    pub(crate) bytes: &'b [u8],
}

impl<'b> Channel<'b> {
    /// The number of the first record; `None` if the state page does not say it.
    pub(crate) fn base(self) -> Option<u64> {
        let state = self.spec.data_offset() - PAGE;
        let (stored, check) = (u64_at(self.bytes, state), u64_at(self.bytes, state + 8));
        let right = u64::from(crc32c(&[&self.spec.channel_id, &stored.to_le_bytes()]));
        let base = stored.checked_sub(1).filter(|_| check == right)?;
        base.checked_add(self.spec.capacity).map(|_| base)
    }

    pub(crate) fn durable(self) -> u64 {
        u64_at(self.bytes, self.spec.data_offset() - PAGE + 64)
    }

    /// What the file is to a reader, if it has been made as that.
    pub(crate) fn origin(self, made: Origin) -> Origin {
        let flushing = self.word(self.spec.data_offset() - PAGE + 128);
        if made == Origin::Native && 1 < flushing { Origin::EarlierBoot } else { made }
    }

    pub(crate) fn word(self, at: usize) -> u64 {
        u64_at(self.bytes, at)
    }

    /// How many places there are in a channel with a stride.
    pub(crate) fn places(self) -> u64 {
        self.spec.capacity.checked_div(self.spec.stride).unwrap_or(0)
    }

    pub(crate) fn place(self, index: u64) -> usize {
        self.spec.data_offset() + usize::try_from(index * self.spec.stride).unwrap()
    }

    /// Judges what lies at a place where the next record would have that number.
    pub(crate) fn frame(self, at: usize, sequence: u64) -> Frame<'b> {
        let Channel { spec, bytes } = self;
        let word = self.word(at);
        let (kind, length) = (word >> 60, (word >> 32 & 0x0FFF_FFFF) as usize);
        let stamp_size = if spec.flags & TIME_STAMPS == 0 { 0 } else { 8 };
        let alignment = spec.alignment as usize;
        let left = spec.data_offset() + spec.capacity as usize - at.min(self.bytes.len());
        let (size, body) = match kind {
            0 if word == 0 => return Frame::Empty,
            1 => ((8 + stamp_size + length).next_multiple_of(alignment), stamp_size + length),
            2 => (8 + length, 0),
            3 => (0, 0),
            _ => return Frame::Damage,
        };
        let fits = match kind {
            1 if spec.stride == 0 => length <= spec.max_payload as usize,
            1 => length == spec.max_payload as usize,
            2 => spec.stride == 0 && size.is_multiple_of(alignment),
            _ => true,
        };
        if !fits || left < size {
            return Frame::Damage;
        }
        let body = &bytes[at + 8..at + 8 + body];
        let head = (word >> 32 << 32).to_le_bytes();
        let sum = match spec.flags & CHECKSUMS {
            0 => 0,
            _ => crc32c(&[&spec.channel_id, &sequence.to_le_bytes(), &head, body]),
        };
        if word as u32 != sum {
            return Frame::Damage;
        }
        match kind {
            1 => {
                let (stamp, payload) = body.split_at(stamp_size);
                let stamp = stamp.try_into().ok().map(u64::from_le_bytes);
                Frame::Record { stamp, payload, size }
            }
            2 => Frame::Padding { size },
            _ => Frame::Close { reason: length as u32 },
        }
    }

    /// Whether the zero word at which a scan has ended is none that its writer left as the end: a
    /// sync had covered a record there, or, in a file that is not as its writer left it, something
    /// lies behind, where frames or the close mark may be.
    pub(crate) fn has_hole(self, scan: &Scan<'_>, native: bool) -> bool {
        let may_be_claim = native && self.spec.stride == 0;
        scan.sequence < self.durable() || !may_be_claim && self.has_words_behind(scan)
    }

    /// Whether something that is not zero lies behind the end, where frames or the close mark may
    /// be.
    pub(crate) fn has_words_behind(self, scan: &Scan<'_>) -> bool {
        let step = if self.spec.stride == 0 { 8 } else { self.spec.stride as usize };
        let limit = self.spec.data_offset() + self.spec.capacity as usize;
        let mut behind = (scan.end + step..=limit).step_by(step);
        behind.any(|place| self.word(place) != 0)
    }

    pub(crate) fn scan(self, base: u64) -> Scan<'b> {
        let mut scan = Scan {
            records: Vec::new(),
            end: self.spec.data_offset(),
            sequence: base,
            last: Frame::Empty,
        };
        loop {
            match self.frame(scan.end, scan.sequence) {
                Frame::Record { stamp, payload, size } => {
                    scan.records.push(Found { sequence: scan.sequence, stamp, payload });
                    scan.sequence += 1;
                    scan.end += size;
                }
                Frame::Padding { size } => scan.end += size,
                last => return Scan { last, ..scan },
            }
        }
    }
}
