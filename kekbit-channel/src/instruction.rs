//! [`Instruction`]: CRC-32C by the CPU's own instruction, inlined where frames are written and read.
//!
//! A crate has to ask the CPU at each call, or to be called where it could be inlined; for a short
//! record that takes longer than the sum itself. Here the CPU is asked once, and the instruction
//! stands in line. It is written as assembly, because what the compiler offers for it can only be
//! inlined into functions that are compiled for such CPUs alone.

use std::arch::asm;

/// That this CPU has the instruction: proof of it, as nothing else makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instruction(());

impl Instruction {
    /// Asks the CPU.
    pub(crate) fn find() -> Option<Instruction> {
        std::arch::is_x86_feature_detected!("sse4.2").then_some(Instruction(()))
    }

    /// Goes on with a CRC-32C over more bytes, as `crc32c::crc32c_append` does.
    #[inline(always)]
    pub(crate) fn append(self, crc: u32, bytes: &[u8]) -> u32 {
        let mut state = u64::from(!crc);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state = self.eight(state, u64::from_le_bytes(*word));
        }
        for byte in rest {
            state = self.one(state, *byte);
        }
        !(state as u32)
    }

    #[inline(always)]
    fn eight(self, mut state: u64, bytes: u64) -> u64 {
        // SAFETY: `self` is the proof that the CPU has the instruction, which reads and writes the
        // two registers and nothing else, flags included.
        unsafe {
            asm!(
                "crc32 {state}, {bytes}",
                state = inout(reg) state,
                bytes = in(reg) bytes,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        state
    }

    #[inline(always)]
    fn one(self, mut state: u64, byte: u8) -> u64 {
        // SAFETY: as above.
        unsafe {
            asm!(
                "crc32 {state:e}, {byte}",
                state = inout(reg) state,
                byte = in(reg_byte) byte,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_crate_says() {
        let Some(instruction) = Instruction::find() else { return };
        let bytes: Vec<u8> = (0..200_u32).map(|n| (n * n % 251) as u8).collect();
        for start in 0..9 {
            for end in start..bytes.len() {
                let part = &bytes[start..end];
                for crc in [0, 1, 0x8000_0000, u32::MAX] {
                    let expected = crc32c::crc32c_append(crc, part);
                    assert_eq!(instruction.append(crc, part), expected, "{start}..{end}, {crc}");
                }
            }
        }
    }
}
