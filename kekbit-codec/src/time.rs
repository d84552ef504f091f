//! [`Timestamp`]: a moment as nanoseconds since the Unix epoch.

use core::{fmt, time::Duration};

use zerocopy::little_endian::U64;

use crate::{
    error::Invalid,
    field::{Field, plain_view},
    schema::Type,
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// A moment: nanoseconds since the Unix epoch, 1970-01-01T00:00:00Z, without leap seconds.
///
/// Eight bytes, up to the year 2554. Moments before the epoch cannot be told; a field for those is
/// an `i64`.
///
/// # Examples
/// ```
/// use kekbit_codec::Timestamp;
///
/// let moment = Timestamp::from_nanos(1_700_000_000_123_456_789);
/// assert_eq!(moment.as_nanos(), 1_700_000_000_123_456_789);
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.123456789Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// The last moment that can be told, in the year 2554.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// The moment that many nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Timestamp {
        Timestamp(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since an earlier moment; `None` if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Timestamp) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }
}

/// RFC 3339 in UTC, always with nine digits of a second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / NANOS_PER_SECOND;
        let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
        let second = seconds % SECONDS_PER_DAY;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:09}Z",
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.0 % NANOS_PER_SECOND,
        )
    }
}

/// Year, month and day of a day counted from the epoch.
///
/// Counts years from March, so that a leap day is the last day of its year; `era` is 400 years.
fn civil(day: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    /// From 0000-03-01 to the epoch.
    const DAYS_TO_EPOCH: u64 = 719_468;

    let day = day + DAYS_TO_EPOCH;
    let (era, day) = (day / DAYS_PER_ERA, day % DAYS_PER_ERA);
    // Without the leap days passed so far, all years of the era have 365 days.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // March to July and August to December have 153 days each, 31 and 30 in turn.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + carry, month, day)
}

impl Field for Timestamp {
    type Wire = U64;
    type View<'a> = Timestamp;
    const TYPE: Type = Type::Timestamp;

    #[inline]
    fn put(&self, wire: &mut U64) {
        wire.set(self.0);
    }
    #[inline]
    fn check(_: &U64) -> Result<(), Invalid> {
        Ok(())
    }
    #[inline]
    fn get(wire: &U64) -> Timestamp {
        Timestamp(wire.get())
    }
    #[inline]
    fn view(wire: &U64) -> Timestamp {
        Timestamp(wire.get())
    }
}

plain_view!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        let check = |seconds: u64, expected: &str| {
            assert_eq!(Timestamp(seconds * NANOS_PER_SECOND).to_string(), expected);
        };
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(951_782_399, "2000-02-28T23:59:59.000000000Z");
        check(951_782_400, "2000-02-29T00:00:00.000000000Z");
        check(951_868_800, "2000-03-01T00:00:00.000000000Z");
        check(4_107_542_399, "2100-02-28T23:59:59.000000000Z");
        check(4_107_542_400, "2100-03-01T00:00:00.000000000Z");
        check(1_709_164_800, "2024-02-29T00:00:00.000000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "2554-07-21T23:34:33.709551615Z");
    }
}
