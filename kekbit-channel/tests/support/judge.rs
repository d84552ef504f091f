//! A second reader, written after `docs/FORMAT.md` and nothing else: what any bytes have to be
//! taken for, damaged or not.
//!
//! None of it comes from the library, and it takes the simplest way: everything is copied, walked
//! and summed from the first frame on.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::image::{CHECKSUMS, PAGE, Spec, TIME_STAMPS, crc32c};

/// What a file says.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) spec: Spec,
    /// Where the first frame starts.
    pub(crate) data: u64,
    /// The valid prefix.
    pub(crate) records: Vec<Frame>,
    /// Where the first thing lies that is neither record nor padding, and the number that a record
    /// there would have.
    pub(crate) end_offset: u64,
    pub(crate) end_sequence: u64,
    pub(crate) end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    pub(crate) stamp: Option<u64>,
    pub(crate) payload: Vec<u8>,
}

/// What lies behind the valid prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Empty,
    Close(u64),
    Bad,
}

/// What lies at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Record { frame: Frame, next: u64 },
    Padding { next: u64 },
    End(End),
}

/// The bytes of a file of `size` bytes of which those behind `bytes` are zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) size: u64,
}

impl<'a> Bytes<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Bytes<'a> {
        Bytes { bytes, size: bytes.len() as u64 }
    }

    fn take(&self, offset: u64, len: usize) -> Vec<u8> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(len).min(self.bytes.len());
        let mut taken = self.bytes[start..end].to_vec();
        taken.resize(len, 0);
        taken
    }

    pub(crate) fn u64_at(&self, offset: u64) -> u64 {
        u64::from_le_bytes(self.take(offset, 8).try_into().unwrap())
    }

    fn u32_at(&self, offset: u64) -> u32 {
        u32::from_le_bytes(self.take(offset, 4).try_into().unwrap())
    }

    /// What a reader has to take these bytes for; `None` if it has to refuse them.
    pub(crate) fn judge(self) -> Option<Judged> {
        let mut judged = self.header()?;
        let (mut offset, mut sequence) = (judged.data, judged.spec.base_plus_one - 1);
        let end = loop {
            match judged.place(self, offset, sequence) {
                Place::Record { frame, next } => {
                    judged.records.push(frame);
                    (offset, sequence) = (next, sequence + 1);
                }
                Place::Padding { next } => offset = next,
                Place::End(end) => break end,
            }
        };
        (judged.end_offset, judged.end_sequence, judged.end) = (offset, sequence, end);
        Some(judged)
    }

    /// Header and state page. A later start of the data than the schema asks for is allowed.
    fn header(self) -> Option<Judged> {
        let schema_len = u64::from(self.u32_at(144));
        let holds = self.size >= 160
            && self.take(0, 8) == b"KEKBIT\r\n"
            && self.u32_at(8) == 1
            && schema_len <= 1 << 20;
        let schema = holds.then(|| self.take(160, usize::try_from(schema_len).unwrap()))?;
        let sum = crc32c(&[&self.take(0, 156), &schema]);
        let schema = String::from_utf8(schema).ok()?;
        let data = self.u64_at(16);
        let state = data.checked_sub(PAGE as u64)?;
        let spec = Spec {
            version: 1,
            flags: self.u32_at(12),
            channel_id: self.take(24, 16).try_into().unwrap(),
            writer_id: self.u64_at(40),
            predecessor: self.take(48, 16).try_into().unwrap(),
            created: self.u64_at(64),
            boot_id: self.take(72, 16).try_into().unwrap(),
            device: self.u64_at(88),
            inode: self.u64_at(96),
            writer_timeout: self.u64_at(104),
            capacity: self.u64_at(112),
            max_payload: self.u32_at(120),
            alignment: self.u32_at(124),
            stride: self.u64_at(128),
            fingerprint: self.u64_at(136),
            schema,
            base_plus_one: self.u64_at(state),
            durable: self.u64_at(state + 64),
            flushing: self.u64_at(state + 128),
        };
        let judged =
            Judged { spec, data, records: vec![], end_offset: 0, end_sequence: 0, end: End::Bad };
        let sound = self.u32_at(156) == sum
            && self.u64_at(148) == 0
            && judged.agrees()
            && judged.file_size()? <= self.size
            && judged.has_base(self.u64_at(state + 8));
        sound.then_some(judged)
    }
}

impl Judged {
    fn agrees(&self) -> bool {
        let Spec { flags, alignment, max_payload, capacity, stride, .. } = self.spec;
        let schema_len = self.spec.schema.len() as u64;
        let typed = schema_len != 0;
        flags & !(CHECKSUMS | TIME_STAMPS) == 0
            && (alignment == 8 || alignment == 64)
            && self.data.is_multiple_of(PAGE as u64)
            && 160 + schema_len <= self.data - PAGE as u64
            && max_payload <= (1 << 28) - 64
            && self.frame_size(u64::from(max_payload)) <= capacity
            && self.spec.channel_id != [0; 16]
            && if typed {
                stride == self.frame_size(u64::from(max_payload))
            } else {
                stride == 0 && self.spec.fingerprint == 0
            }
    }

    pub(crate) fn file_size(&self) -> Option<u64> {
        let capacity =
            self.spec.capacity.checked_next_multiple_of(u64::from(self.spec.alignment))?;
        let end = self.data.checked_add(capacity)?.checked_add(8)?;
        end.checked_next_multiple_of(PAGE as u64).filter(|size| *size < 1 << 63)
    }

    fn has_base(&self, check: u64) -> bool {
        let stored = self.spec.base_plus_one;
        stored != 0
            && check == u64::from(crc32c(&[&self.spec.channel_id, &stored.to_le_bytes()]))
            && (stored - 1).checked_add(self.spec.capacity).is_some()
    }

    fn head_size(&self) -> u64 {
        if self.spec.flags & TIME_STAMPS == 0 { 8 } else { 16 }
    }

    fn frame_size(&self, payload: u64) -> u64 {
        (self.head_size() + payload).next_multiple_of(u64::from(self.spec.alignment))
    }

    fn sum(&self, word: u64, sequence: u64, body: &[u8]) -> u64 {
        if self.spec.flags & CHECKSUMS == 0 {
            return 0;
        }
        let (sequence, word) = (sequence.to_le_bytes(), (word >> 32 << 32).to_le_bytes());
        u64::from(crc32c(&[&self.spec.channel_id, &sequence, &word, body]))
    }

    /// The checksum that makes a word fit what lies behind it.
    pub(crate) fn sum_at(&self, file: Bytes<'_>, offset: u64, word: u64, sequence: u64) -> u64 {
        let length = word >> 32 & 0x0FFF_FFFF;
        // No checksum helps a word that says more than the channel allows.
        let has_body = word >> 60 == 1 && length <= u64::from(self.spec.max_payload);
        let body = if has_body { self.head_size() - 8 + length } else { 0 };
        self.sum(word, sequence, &file.take(offset + 8, usize::try_from(body).unwrap()))
    }

    /// The word of a close mark in front of which `sequence` would have been next.
    pub(crate) fn close_word(&self, reason: u64, sequence: u64) -> u64 {
        let word = 3 << 60 | reason << 32;
        word | self.sum(word, sequence, &[])
    }

    /// What lies at a place between two frames.
    pub(crate) fn place(&self, file: Bytes<'_>, offset: u64, sequence: u64) -> Place {
        let word = file.u64_at(offset);
        let (kind, length, found) = (word >> 60, word >> 32 & 0x0FFF_FFFF, word & 0xFFFF_FFFF);
        let limit = self.data + self.spec.capacity;
        match kind {
            0 if word == 0 => Place::End(End::Empty),
            1 => {
                let largest = u64::from(self.spec.max_payload);
                let next = offset + self.frame_size(length);
                let stride = self.spec.stride != 0;
                if largest < length || stride && length != largest || limit < next {
                    return Place::End(End::Bad);
                }
                let body = self.head_size() - 8 + length;
                let mut body = file.take(offset + 8, usize::try_from(body).unwrap());
                if found != self.sum(word, sequence, &body) {
                    return Place::End(End::Bad);
                }
                let payload = body.split_off(usize::try_from(self.head_size() - 8).unwrap());
                let stamp = body.try_into().ok().map(u64::from_le_bytes);
                Place::Record { frame: Frame { offset, sequence, stamp, payload }, next }
            }
            2 => {
                let next = offset + 8 + length;
                let fits = self.spec.stride == 0
                    && (8 + length).is_multiple_of(u64::from(self.spec.alignment))
                    && next <= limit
                    && found == self.sum(word, sequence, &[]);
                if fits { Place::Padding { next } } else { Place::End(End::Bad) }
            }
            3 if found == self.sum(word, sequence, &[]) => Place::End(End::Close(length)),
            _ => Place::End(End::Bad),
        }
    }

    /// How many records fit a channel with a stride.
    pub(crate) fn room(&self) -> u64 {
        self.spec.capacity / self.spec.stride
    }

    /// Where a record lies, or would, in a channel with a stride; its end included.
    pub(crate) fn slot(&self, sequence: u64) -> Option<u64> {
        let index = sequence.checked_sub(self.spec.base_plus_one - 1)?;
        (index <= self.room()).then(|| self.data + index * self.spec.stride)
    }

    /// Whether something was written to a slot that is no close mark.
    pub(crate) fn is_taken(&self, file: Bytes<'_>, sequence: u64) -> bool {
        let word = self.slot(sequence).map_or(0, |slot| file.u64_at(slot));
        word != 0 && word >> 60 != 3
    }

    /// Where recovery has put its mark, if it has.
    pub(crate) fn sealed(&self, file: Bytes<'_>) -> Option<u64> {
        let slot = self.slot(self.spec.durable)?;
        (file.u64_at(slot) >> 60 == 3).then_some(self.spec.durable)
    }

    /// Whether a zero word behind the valid prefix is none that its writer left there as the end:
    /// a sync had covered a record there, or something lies behind it, where frames may start.
    /// Without a stride that can be an open claim, in a file that is searched.
    pub(crate) fn has_hole(&self, file: Bytes<'_>, is_searched: bool) -> bool {
        self.end == End::Empty
            && (self.end_sequence < self.spec.durable
                || (!is_searched || self.spec.stride != 0) && self.has_words_behind(file))
    }

    /// Whether something that is not zero lies behind the end, where frames may start.
    pub(crate) fn has_words_behind(&self, file: Bytes<'_>) -> bool {
        let step = if self.spec.stride == 0 { 8 } else { self.spec.stride };
        // The close mark can lie at the very end; no word lies behind the bytes.
        let limit = (self.data + self.spec.capacity + 1).min(file.bytes.len() as u64);
        let mut behind = (self.end_offset + step..limit).step_by(usize::try_from(step).unwrap());
        behind.any(|offset| file.u64_at(offset) != 0)
    }

    /// Valid records beyond the first place without one.
    pub(crate) fn beyond(&self, file: Bytes<'_>) -> u64 {
        if self.spec.flags & CHECKSUMS == 0 || self.spec.stride == 0 {
            return 0;
        }
        // No word lies behind the bytes.
        let words = file.bytes.len() as u64 / self.spec.stride + 1;
        let last = self.spec.base_plus_one - 1 + self.room().min(words);
        let valid = (self.end_sequence + 1..last).filter(|sequence| {
            let slot = self.slot(*sequence).unwrap();
            // Zeroes are no record, and need no judge.
            file.u64_at(slot) != 0
                && matches!(self.place(file, slot, *sequence), Place::Record { .. })
        });
        valid.count() as u64
    }
}
