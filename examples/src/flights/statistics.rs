//! [`Statistics`]: flights, cancellations and delays, in all, by carrier and by airport.

use std::{collections::BTreeMap, fmt};

use comfy_table::{CellAlignment, Table, presets};
use kekbit_channel::FixedStr;

use super::Flight;

/// What is counted of a set of flights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many there are.
    pub flights: u64,
    /// How many of them never left.
    pub cancelled: u64,
    departure: Delay,
    arrival: Delay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Delay {
    minutes: i64,
    count: u64,
}

impl Delay {
    fn add(&mut self, minutes: Option<i16>) {
        if let Some(minutes) = minutes {
            self.minutes += i64::from(minutes);
            self.count += 1;
        }
    }

    fn mean(self) -> Option<f64> {
        (self.count != 0).then(|| self.minutes as f64 / self.count as f64)
    }
}

impl Tally {
    /// Counts a flight.
    pub fn add(&mut self, flight: &Flight) {
        self.flights += 1;
        self.cancelled += u64::from(flight.is_cancelled());
        self.departure.add(flight.departure_delay);
        self.arrival.add(flight.arrival_delay);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = |delay: Delay| match delay.mean() {
            Some(mean) => format!("{mean:.6} over {}", thousands(delay.count)),
            None => "unknown".to_owned(),
        };
        write!(
            f,
            "{} flights, {} cancelled\nmean departure delay {}\nmean arrival delay {}",
            thousands(self.flights),
            thousands(self.cancelled),
            mean(self.departure),
            mean(self.arrival)
        )
    }
}

/// Tallies of all flights, and by carrier and airport.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Of all flights.
    pub total: Tally,
    carriers: BTreeMap<FixedStr<2>, Tally>,
    origins: BTreeMap<FixedStr<3>, Tally>,
    destinations: BTreeMap<FixedStr<3>, Tally>,
}

impl Statistics {
    /// How many destinations are shown.
    const DESTINATIONS_SHOWN: usize = 10;

    /// Counts a flight.
    pub fn add(&mut self, flight: &Flight) {
        self.total.add(flight);
        self.carriers.entry(flight.carrier).or_default().add(flight);
        self.origins.entry(flight.origin).or_default().add(flight);
        self.destinations.entry(flight.destination).or_default().add(flight);
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", table("carrier", &self.carriers, usize::MAX))?;
        writeln!(f, "{}", table("from", &self.origins, usize::MAX))?;
        writeln!(f, "{}", table("to", &self.destinations, Self::DESTINATIONS_SHOWN))?;
        let hidden = self.destinations.len().saturating_sub(Self::DESTINATIONS_SHOWN);
        if hidden != 0 {
            writeln!(f, "and {hidden} more destinations")?;
        }
        write!(f, "{}", self.total)
    }
}

/// The `shown` groups with the most flights.
fn table<K: fmt::Display>(group: &str, tallies: &BTreeMap<K, Tally>, shown: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([group, "flights", "cancelled", "departure delay", "arrival delay"]);
    let mut rows: Vec<_> = tallies.iter().collect();
    rows.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.flights));
    let mean = |delay: Delay| delay.mean().map_or("-".to_owned(), |mean| format!("{mean:.1}"));
    for (name, tally) in rows.into_iter().take(shown) {
        table.add_row([
            name.to_string(),
            thousands(tally.flights),
            thousands(tally.cancelled),
            mean(tally.departure),
            mean(tally.arrival),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A number with its thousands set apart.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
