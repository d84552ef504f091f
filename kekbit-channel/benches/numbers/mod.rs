//! A record of eight integers, and what is done with it.

use kekbit_channel::Record;

#[derive(Record, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) a: u64,
    pub(crate) b: u64,
    pub(crate) c: u64,
    pub(crate) d: u64,
    pub(crate) e: u64,
    pub(crate) f: u64,
    pub(crate) g: u64,
    pub(crate) h: u64,
}

#[inline(always)]
pub(crate) fn numbers(seed: u64) -> Numbers {
    Numbers {
        a: seed,
        b: seed ^ 1,
        c: seed ^ 2,
        d: seed ^ 3,
        e: seed ^ 4,
        f: seed ^ 5,
        g: seed ^ 6,
        h: seed ^ 7,
    }
}

/// Uses every field.
#[inline(always)]
pub(crate) fn sum(numbers: &Numbers) -> u64 {
    let Numbers { a, b, c, d, e, f, g, h } = *numbers;
    [a, b, c, d, e, f, g, h].into_iter().fold(0, u64::wrapping_add)
}
