//! [`Flight`]: the record.

use std::fmt;

use kekbit_channel::{FixedStr, Record, Timestamp};

/// One flight, as the table has it. What is missing there is `None` here.
#[derive(Record, Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// Scheduled departure, to the hour.
    pub scheduled: Timestamp,
    /// Year of departure.
    pub year: u16,
    /// Month of departure.
    pub month: u8,
    /// Day of departure.
    pub day: u8,
    /// Actual departure, local time as hours and minutes (hhmm); none if it was cancelled.
    pub departure: Option<u16>,
    /// Scheduled departure, local time, hhmm.
    pub scheduled_departure: u16,
    /// Minutes; negative if early.
    pub departure_delay: Option<i16>,
    /// Actual arrival, local time, hhmm.
    pub arrival: Option<u16>,
    /// Scheduled arrival, local time, hhmm.
    pub scheduled_arrival: u16,
    /// Minutes; negative if early.
    pub arrival_delay: Option<i16>,
    /// Two letters of the carrier.
    pub carrier: FixedStr<2>,
    /// Flight number.
    pub number: u16,
    /// Tail number of the plane.
    pub tail_number: Option<FixedStr<6>>,
    /// Airport of departure.
    pub origin: FixedStr<3>,
    /// Airport of arrival.
    pub destination: FixedStr<3>,
    /// Minutes in the air.
    pub air_time: Option<u16>,
    /// Miles.
    pub distance: u16,
}

impl Flight {
    /// Whether it never left.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.departure.is_none()
    }
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flight { carrier, number, origin, destination, year, month, day, .. } = self;
        write!(f, "{carrier} {number} {origin}-{destination} on {year}-{month:02}-{day:02}, ")?;
        match (self.departure, self.departure_delay) {
            (None, _) => f.write_str("cancelled"),
            (Some(time), None) => write!(f, "left {:02}:{:02}", time / 100, time % 100),
            (Some(time), Some(delay)) => {
                write!(f, "left {:02}:{:02} ({delay:+} min)", time / 100, time % 100)
            }
        }
    }
}
