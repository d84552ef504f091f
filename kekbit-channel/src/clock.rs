//! Clocks: the time of day for time stamps, a coarse steady one for readers that wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kekbit_codec::Timestamp;

/// Where a writer takes its time stamps from.
pub type Clock = fn() -> Timestamp;

/// The clock of the system, in nanoseconds since the Unix epoch.
pub(crate) fn system() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
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
