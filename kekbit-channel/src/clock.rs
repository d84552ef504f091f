//! Clocks: the time of day for time stamps, a coarse steady one for readers that wait.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kekbit_codec::Timestamp;

use crate::cpu::Counter;

/// Where a writer takes its time stamps from.
pub type Clock = fn() -> Timestamp;

/// The same, as a writer has it.
#[derive(Debug)]
pub(crate) enum Source {
    Ticks(Ticks),
    Clock(Clock),
}

impl Source {
    /// The clock that was asked for, or the fastest that tells the system's time.
    pub(crate) fn new(clock: Option<Clock>) -> Source {
        match clock {
            Some(clock) => Source::Clock(clock),
            None => Ticks::find().map_or(Source::Clock(system), Source::Ticks),
        }
    }

    #[inline]
    pub(crate) fn nanos(&mut self) -> u64 {
        match self {
            Source::Ticks(ticks) => ticks.nanos(),
            Source::Clock(clock) => clock().as_nanos(),
        }
    }
}

/// The clock of the system, in nanoseconds since the Unix epoch.
pub(crate) fn system() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The clock of the system for one who asks it all the time: read from the CPU's counter, which
/// takes less than half as long as a call, and set right by the system every ten milliseconds.
///
/// In between it goes on at the pace of the last ten, so that it is wrong by what the system's
/// clock changes its pace meanwhile: by 5 us while the kernel corrects that clock as fast as it
/// ever does (500 parts in a million), ordinarily by less than 1 us. A clock that is set is
/// followed within the ten milliseconds. Where the kernel does not trust the counter there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    counter: Counter,
    pace: Pace,
}

/// A reading of both clocks that takes longer was interrupted, and is taken again.
const READING_MAX: Duration = Duration::from_micros(2);
const READINGS: u32 = 4;

impl Ticks {
    pub(crate) fn find() -> Option<Ticks> {
        Some(Ticks { counter: Counter::find()?, pace: Pace::default() })
    }

    /// Nanoseconds since the Unix epoch. Can go back, by as much as it had been wrong or the
    /// system's clock was set.
    #[inline]
    pub(crate) fn nanos(&mut self) -> u64 {
        match self.pace.at(self.counter.read()) {
            Some(nanos) => nanos,
            None => self.set_right(),
        }
    }

    #[cold]
    fn set_right(&mut self) -> u64 {
        let read = || {
            let (start, before) = (Instant::now(), self.counter.read());
            let nanos = system().as_nanos();
            let after = self.counter.read();
            // The system's clock was read in the middle between the two.
            (start.elapsed(), before.wrapping_add(after.wrapping_sub(before) / 2), nanos)
        };
        let mut reading = read();
        for _ in 1..READINGS {
            if reading.0 < READING_MAX {
                break;
            }
            reading = read();
        }
        let (_, ticks, nanos) = reading;
        self.pace.learn(ticks, nanos);
        nanos
    }
}

/// How fast a counter runs, by the system's clock.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// Where both stood when they were last compared.
    ticks: u64,
    nanos: u64,
    /// Nanoseconds a tick, times 2^32, from the last two comparisons; 0 if not known.
    rate: u64,
    /// For how many ticks that is good.
    good_for: u64,
}

/// How long a rate is good, and how long it has to be measured.
const GOOD_FOR_NANOS: u64 = 10_000_000;
const MEASURED_NANOS: std::ops::Range<u64> = 1_000_000..1_000_000_000;

impl Pace {
    /// The time, if that is known without asking the system.
    #[inline]
    fn at(&self, ticks: u64) -> Option<u64> {
        let since = ticks.wrapping_sub(self.ticks);
        // No overflow: the product is below ten million times 2^32.
        (since < self.good_for).then(|| self.nanos + ((since * self.rate) >> 32))
    }

    /// Takes in where both clocks stand. A rate is trusted when it was measured twice: a clock that
    /// was set in between gives another.
    fn learn(&mut self, ticks: u64, nanos: u64) {
        let (since, elapsed) = (ticks.wrapping_sub(self.ticks), nanos.saturating_sub(self.nanos));
        if self.nanos <= nanos && elapsed < MEASURED_NANOS.start {
            // Not long enough. What is known is good until then, or it would not have been asked.
            return;
        }
        let rate = (u128::from(elapsed) << 32).checked_div(u128::from(since)).unwrap_or(0);
        let rate = u64::try_from(rate).unwrap_or(0);
        let rate = if MEASURED_NANOS.contains(&elapsed) { rate } else { 0 };
        let agrees = rate != 0 && rate.abs_diff(self.rate) <= rate / 1024;
        let good_for = (GOOD_FOR_NANOS << 32).checked_div(rate).unwrap_or(0);
        *self = Pace { ticks, nanos, rate, good_for: if agrees { good_for } else { 0 } };
    }
}

/// Milliseconds on a clock that only goes forward. Coarse: read without a system call, with the
/// resolution of the kernel's tick.
#[cfg(not(loom))]
pub(crate) fn steady_millis() -> u64 {
    #[cfg(target_os = "linux")]
    {
        use nix::time::{ClockId, clock_gettime};
        if let Ok(now) = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE) {
            let now = Duration::from(now);
            return u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        }
    }
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Every look is later than the one before: what a model does must not depend on the time.
#[cfg(loom)]
pub(crate) fn steady_millis() -> u64 {
    use std::cell::Cell;
    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }
    NOW.replace(NOW.get() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;
    /// When the tests take place.
    const NOW: u64 = 1_700_000_000 * 1_000_000_000;

    /// A counter of 2.5 ticks a nanosecond that has counted from some time on.
    fn ticks(nanos: u64) -> u64 {
        (nanos - NOW) * 5 / 2 + 77
    }

    fn learned(times: &[u64]) -> Pace {
        let mut pace = Pace::default();
        for millis in times {
            let nanos = NOW + millis * MILLI;
            pace.learn(ticks(nanos), nanos);
        }
        pace
    }

    #[test]
    fn a_pace_that_was_measured_twice_tells_the_time() {
        assert_eq!(learned(&[0]).at(ticks(NOW)), None, "once is no measurement");
        assert_eq!(learned(&[0, 2]).at(ticks(NOW + 2 * MILLI)), None, "one measurement");
        let pace = learned(&[0, 2, 4]);
        for later in [0, 1, 999, 5 * MILLI, 9 * MILLI] {
            let nanos = NOW + 4 * MILLI + later;
            let told = pace.at(ticks(nanos)).unwrap();
            assert!(told.abs_diff(nanos) <= 1, "{told} at {nanos}");
        }
        assert_eq!(pace.at(ticks(NOW + 15 * MILLI)), None, "no longer");
        assert_eq!(pace.at(ticks(NOW)), None, "not of what was before");
    }

    #[test]
    fn a_clock_that_is_set_is_asked_until_the_pace_is_known_again() {
        for set in [NOW - 3000 * MILLI, NOW + 5 * MILLI, NOW + 9_000_000 * MILLI] {
            let mut pace = learned(&[0, 2, 4]);
            // Ten milliseconds of the counter later the clock says something else.
            pace.learn(ticks(NOW + 14 * MILLI), set);
            assert_eq!(pace.at(ticks(NOW + 14 * MILLI)), None);
            for later in [12, 24] {
                assert_eq!(pace.at(ticks(NOW + (14 + later) * MILLI)), None);
                pace.learn(ticks(NOW + (14 + later) * MILLI), set + later * MILLI);
            }
            let told = pace.at(ticks(NOW + 39 * MILLI)).unwrap();
            assert!(told.abs_diff(set + 25 * MILLI) <= 1, "{told}");
        }
    }

    #[test]
    fn a_writer_that_rests_asks_the_system() {
        let mut pace = learned(&[0, 2, 4]);
        let nanos = NOW + 5000 * MILLI;
        assert_eq!(pace.at(ticks(nanos)), None);
        pace.learn(ticks(nanos), nanos);
        assert_eq!(pace.at(ticks(nanos + 1)), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files of the system")]
    fn a_real_counter_follows_the_real_clock() {
        let mut source = Source::new(None);
        let start = Instant::now();
        let mut last = 0;
        while start.elapsed() < Duration::from_millis(60) {
            let before = system().as_nanos();
            let told = source.nanos();
            let after = system().as_nanos();
            // Whoever sets this machine's clock just now is forgiven.
            let off = before.saturating_sub(told).max(told.saturating_sub(after));
            assert!(off < 1_000_000_000, "{off} ns off");
            last = told;
        }
        assert_ne!(last, 0);
    }
}
