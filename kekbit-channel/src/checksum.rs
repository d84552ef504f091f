//! CRC-32C as `docs/FORMAT.md` applies it to headers and frames.

use std::hash::Hasher;

use kekbit_codec::frame::Word;

use crate::cpu::Crc32c;

/// From so many bytes of payload on the crate is faster, which sums several streams at once.
const LONG: u64 = 512;

/// CRC-32C of `parts`, one after the other.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part))
}

/// The state after the channel id, from which the checksum of every frame starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    /// The complement of the sum so far, as the instruction wants it.
    state: u64,
    cpu: Option<Crc32c>,
}

impl Seed {
    pub(crate) fn new(channel_id: u128) -> Seed {
        let crc = crc32c(&[&channel_id.to_le_bytes()]);
        Seed { state: u64::from(!crc), cpu: Crc32c::find() }
    }

    /// The checksum of a record: sequence number, word, time stamp if the channel has them, and
    /// payload; of other frames that of the first two.
    #[inline]
    pub(crate) fn frame(
        self,
        sequence: u64,
        word: Word,
        stamp: Option<u64>,
        payload: &[u8],
    ) -> u32 {
        let head = [sequence, word.without_checksum().to_bits()];
        match self.in_line(payload.len() as u64) {
            Some(cpu) => {
                let mut running = self.start(cpu, head, stamp);
                running.write(payload);
                running.sum()
            }
            None => self.by_crate(head, stamp, payload),
        }
    }

    /// What sums payloads of that length in line, if anything does.
    #[inline(always)]
    pub(crate) fn in_line(self, payload_len: u64) -> Option<Crc32c> {
        if payload_len < LONG { self.cpu } else { None }
    }

    /// The sum in line of what comes before the payload; a frame has a sequence number and a word
    /// without its checksum for a head.
    #[inline(always)]
    pub(crate) fn start(self, cpu: Crc32c, head: [u64; 2], stamp: Option<u64>) -> Running {
        let mut running = Running { cpu, state: self.state };
        head.into_iter().for_each(|word| running.write_u64(word));
        if let Some(stamp) = stamp {
            running.write_u64(stamp);
        }
        running
    }

    /// The sum of a frame where nothing sums it in line.
    #[inline(never)]
    fn by_crate(self, head: [u64; 2], stamp: Option<u64>, payload: &[u8]) -> u32 {
        let append = |crc, word: u64| crc32c::crc32c_append(crc, &word.to_le_bytes());
        let crc = head.into_iter().chain(stamp).fold(self.crc(), append);
        crc32c::crc32c_append(crc, payload)
    }

    fn crc(self) -> u32 {
        !(self.state as u32)
    }

    /// The check of the base on the state page.
    pub(crate) fn base(self, base_plus_one: u64) -> u64 {
        u64::from(crc32c::crc32c_append(self.crc(), &base_plus_one.to_le_bytes()))
    }
}

/// The checksum of a frame, on its way through it.
#[derive(Debug)]
pub(crate) struct Running {
    cpu: Crc32c,
    state: u64,
}

impl Running {
    /// Where it has come to.
    #[inline(always)]
    pub(crate) fn sum(&self) -> u32 {
        // The upper half is zero.
        !(self.state as u32)
    }

    /// Goes on over a payload of any length, the `usual` one by a way of its own: where that is a
    /// constant, the compiler lays the instructions out one behind the other.
    #[inline(always)]
    pub(crate) fn write_usual(&mut self, payload: &[u8], usual: usize) {
        match payload.get(..usual) {
            Some(whole) if payload.len() == usual => self.write(whole),
            _ if usual == 0 => self.write(payload),
            _ => self.state = unusual(self.cpu, self.state, payload),
        }
    }
}

/// NB: the state by value. Behind a reference it would be in memory for the usual payload too.
#[cold]
#[inline(never)]
fn unusual(cpu: Crc32c, state: u64, payload: &[u8]) -> u64 {
    cpu.append(state, payload)
}

impl Hasher for Running {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        self.state = self.cpu.append(self.state, bytes);
    }

    #[inline(always)]
    fn write_u64(&mut self, bits: u64) {
        self.write(&bits.to_le_bytes());
    }

    fn finish(&self) -> u64 {
        u64::from(self.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_castagnoli() {
        assert_eq!(crc32c(&[b"1234", b"56789"]), 0xE306_9283);
    }

    fn of(id: u128, sequence: u64, word: Word, stamp: Option<u64>, payload: &[u8]) -> u32 {
        let seed = Seed::new(id);
        let found = seed.frame(sequence, word, stamp, payload);
        let head = [sequence, word.without_checksum().to_bits()];
        assert_eq!(seed.by_crate(head, stamp, payload), found);
        for usual in [0, 1, payload.len(), payload.len() + 1] {
            let Some(cpu) = Crc32c::find() else { continue };
            let mut running = seed.start(cpu, head, stamp);
            running.write_usual(payload, usual);
            assert_eq!(running.sum(), found, "{usual}");
        }
        found
    }

    #[test]
    fn every_part_of_a_frame_counts() {
        let word = Word::record(3).unwrap();
        let sum = of(7, 1, word, None, b"abc");
        assert_eq!(sum, of(7, 1, word.with_checksum(99), None, b"abc"));
        for other in [
            of(8, 1, word, None, b"abc"),
            of(7, 2, word, None, b"abc"),
            of(7, 1, Word::padding(3).unwrap(), None, b"abc"),
            of(7, 1, word, Some(0), b"abc"),
            of(7, 1, word, None, b"abd"),
        ] {
            assert_ne!(sum, other);
        }
    }
}
