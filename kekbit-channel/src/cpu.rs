//! What the CPU can do and the language cannot say: CRC-32C by one instruction, and a counter that
//! is a clock.
//!
//! A crate has to ask the CPU at each call, or to be called where it could be inlined; for a short
//! record that takes longer than the sum itself. Here the CPU is asked once, and the instruction
//! stands in line. It is written as assembly, because what the compiler offers for it can only be
//! inlined into functions that are compiled for such CPUs alone.

use std::{
    arch::{asm, x86_64::_rdtsc},
    fs,
    sync::OnceLock,
};

/// That this CPU has the instruction for CRC-32C: proof of it, as nothing else makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crc32c(());

impl Crc32c {
    /// Asks the CPU.
    pub(crate) fn find() -> Option<Crc32c> {
        std::arch::is_x86_feature_detected!("sse4.2").then_some(Crc32c(()))
    }

    /// Goes on over more bytes from the state of a sum: its complement.
    #[inline(always)]
    pub(crate) fn append(self, mut state: u64, bytes: &[u8]) -> u64 {
        let (lines, rest) = bytes.as_chunks::<64>();
        for line in lines {
            // Laid out, so that more of what comes behind is within the CPU's reach.
            let (words, _) = line.as_chunks::<8>();
            let [a, b, c, d, e, f, g, h] = words else { continue };
            for word in [a, b, c, d, e, f, g, h] {
                state = self.eight(state, u64::from_le_bytes(*word));
            }
        }
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            state = self.eight(state, u64::from_le_bytes(*word));
        }
        // Steps and no loop: fewer branches, and one less that is hard to foresee.
        let (half, rest) = rest.as_chunks::<4>();
        if let [half] = half {
            state = self.four(state, u32::from_le_bytes(*half));
        }
        let (pair, rest) = rest.as_chunks::<2>();
        if let [pair] = pair {
            state = self.two(state, u16::from_le_bytes(*pair));
        }
        if let [byte] = rest {
            state = self.one(state, *byte);
        }
        state
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
    fn four(self, mut state: u64, bytes: u32) -> u64 {
        // SAFETY: as above.
        unsafe {
            asm!(
                "crc32 {state:e}, {bytes:e}",
                state = inout(reg) state,
                bytes = in(reg) bytes,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        state
    }

    #[inline(always)]
    fn two(self, mut state: u64, bytes: u16) -> u64 {
        // SAFETY: as above.
        unsafe {
            asm!(
                "crc32 {state:e}, {bytes:x}",
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

/// A counter that goes on at one pace on all CPUs, whatever they do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter(());

impl Counter {
    /// Whether there is one that the kernel takes its own time from: then it has found out that the
    /// CPUs agree, and watches over it.
    pub(crate) fn find() -> Option<Counter> {
        static FOUND: OnceLock<bool> = OnceLock::new();
        let is_trusted = || {
            let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
            fs::read_to_string(source).is_ok_and(|source| source.trim() == "tsc")
        };
        FOUND.get_or_init(is_trusted).then_some(Counter(()))
    }

    /// Where it stands.
    #[inline(always)]
    pub(crate) fn read(self) -> u64 {
        // SAFETY: every CPU of this architecture has the instruction, which touches no memory. The
        // kernel can forbid it to a process (`prctl(PR_SET_TSC)`), which then asks for the signal
        // that comes.
        unsafe { _rdtsc() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_crate_says() {
        let Some(instruction) = Crc32c::find() else { return };
        let bytes: Vec<u8> = (0..200_u32).map(|n| (n * n % 251) as u8).collect();
        for start in 0..9 {
            for end in start..bytes.len() {
                let part = &bytes[start..end];
                for crc in [0, 1, 0x8000_0000, u32::MAX] {
                    let expected = crc32c::crc32c_append(crc, part);
                    let state = instruction.append(u64::from(!crc), part);
                    assert_eq!(!(state as u32), expected, "{start}..{end}, {crc}");
                }
            }
        }
    }
}
