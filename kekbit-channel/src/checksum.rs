//! CRC-32C as `docs/FORMAT.md` applies it to headers and frames.

use kekbit_codec::frame::Word;

use crate::cpu::Crc32c;

/// From so many bytes on the crate is faster, which sums several streams at once.
const LONG: usize = 512;

/// CRC-32C of `parts`, one after the other.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part))
}

/// The state after the channel id, from which the checksum of every frame starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    crc: u32,
    cpu: Option<Crc32c>,
}

impl Seed {
    pub(crate) fn new(channel_id: u128) -> Seed {
        let crc = crc32c(&[&channel_id.to_le_bytes()]);
        Seed { crc, cpu: Crc32c::find() }
    }

    /// The checksum of a frame: sequence number, word, and `body`, which is the time stamp (if
    /// the channel has them) and the payload of a record, and empty for other frames.
    #[inline]
    pub(crate) fn frame(self, sequence: u64, word: Word, body: &[u8]) -> u32 {
        let mut head = [0; 16];
        let (first, second) = head.split_at_mut(8);
        first.copy_from_slice(&sequence.to_le_bytes());
        second.copy_from_slice(&word.without_checksum().to_bits().to_le_bytes());
        match self.cpu {
            Some(cpu) if body.len() < LONG => cpu.append(cpu.append(self.crc, &head), body),
            _ => by_crate(self.crc, &head, body),
        }
    }

    /// The check of the base on the state page.
    pub(crate) fn base(self, base_plus_one: u64) -> u64 {
        u64::from(crc32c::crc32c_append(self.crc, &base_plus_one.to_le_bytes()))
    }
}

#[inline(never)]
fn by_crate(crc: u32, head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc, head), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_castagnoli() {
        assert_eq!(crc32c(&[b"1234", b"56789"]), 0xE306_9283);
    }

    #[test]
    fn every_part_of_a_frame_counts() {
        let word = Word::record(3).unwrap();
        let sum = Seed::new(7).frame(1, word, b"abc");
        assert_eq!(sum, Seed::new(7).frame(1, word.with_checksum(99), b"abc"));
        for other in [
            Seed::new(8).frame(1, word, b"abc"),
            Seed::new(7).frame(2, word, b"abc"),
            Seed::new(7).frame(1, Word::padding(3).unwrap(), b"abc"),
            Seed::new(7).frame(1, word, b"abd"),
        ] {
            assert_ne!(sum, other);
        }
    }
}
