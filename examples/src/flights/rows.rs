//! [`Rows`]: the rows of a CSV file, plain or gzipped, as flights.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    str::FromStr,
};

use flate2::read::MultiGzDecoder;
use kekbit_channel::{TextError, Timestamp};
use thiserror::Error;

use super::Flight;

/// Reads flights from a table with a head line, in any order of columns.
#[derive(Debug)]
pub struct Rows<R> {
    table: csv::Reader<R>,
    columns: Vec<String>,
    row: csv::StringRecord,
}

/// The columns that a flight needs.
const COLUMNS: [&str; 17] = [
    "time_hour",
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
];

/// Why a row is no flight.
#[derive(Debug, Error)]
pub enum RowError {
    /// It is not even a row of this table.
    #[error("{0}")]
    Table(#[from] csv::Error),
    /// The table lacks a column.
    #[error("the table has no column `{name}`")]
    Column {
        /// The column.
        name: &'static str,
    },
    /// A field is not what it should be.
    #[error("line {line}, column `{name}`: found `{found}`, expected {expected}")]
    Field {
        /// The line of the file, from 1.
        line: u64,
        /// The column.
        name: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
}

impl RowError {
    /// Whether the rows behind it can still be read.
    #[must_use]
    pub fn can_be_skipped(&self) -> bool {
        match self {
            RowError::Field { .. } => true,
            RowError::Column { .. } => false,
            RowError::Table(error) => !error.is_io_error(),
        }
    }
}

/// Opens a file; one that ends in `.gz` is unpacked on the way.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    Ok(if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

impl Rows<Box<dyn Read>> {
    /// Opens a table; one that ends in `.gz` is unpacked on the way.
    ///
    /// # Errors
    /// The file or its head line cannot be read.
    pub fn open(path: &Path) -> Result<Self, RowError> {
        Rows::new(open(path).map_err(csv::Error::from)?)
    }

    /// How many lines a file has: at least as many as it has rows.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn count_lines(path: &Path) -> io::Result<u64> {
        let mut reader = BufReader::with_capacity(1 << 16, open(path)?);
        let mut lines = 0;
        loop {
            let buffer = reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(lines + 1);
            }
            lines += buffer.iter().filter(|byte| **byte == b'\n').count() as u64;
            let len = buffer.len();
            reader.consume(len);
        }
    }
}

impl<R: Read> Rows<R> {
    /// Reads the head line of a table.
    ///
    /// # Errors
    /// It cannot be read, or lacks a column.
    pub fn new(reader: R) -> Result<Rows<R>, RowError> {
        let mut table = csv::Reader::from_reader(reader);
        let columns: Vec<String> = table.headers()?.iter().map(str::to_owned).collect();
        if let Some(name) = COLUMNS.into_iter().find(|name| !columns.iter().any(|c| c == name)) {
            return Err(RowError::Column { name });
        }
        Ok(Rows { table, columns, row: csv::StringRecord::new() })
    }

    fn flight(&self) -> Result<Flight, RowError> {
        let number = "a whole number that fits";
        Ok(Flight {
            scheduled: self.field("time_hour", timestamp)?,
            year: self.parsed("year", number)?,
            month: self.parsed("month", number)?,
            day: self.parsed("day", number)?,
            departure: self.optional("dep_time", number)?,
            scheduled_departure: self.parsed("sched_dep_time", number)?,
            departure_delay: self.optional("dep_delay", number)?,
            arrival: self.optional("arr_time", number)?,
            scheduled_arrival: self.parsed("sched_arr_time", number)?,
            arrival_delay: self.optional("arr_delay", number)?,
            carrier: self.field("carrier", text)?,
            number: self.parsed("flight", number)?,
            tail_number: match self.get("tailnum")? {
                "" | "NA" => None,
                _ => Some(self.field("tailnum", text)?),
            },
            origin: self.field("origin", text)?,
            destination: self.field("dest", text)?,
            air_time: self.optional("air_time", number)?,
            distance: self.parsed("distance", number)?,
        })
    }

    fn get(&self, name: &'static str) -> Result<&str, RowError> {
        let place = self.columns.iter().position(|column| column == name);
        place.and_then(|place| self.row.get(place)).ok_or(RowError::Column { name })
    }

    fn field<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, RowError> {
        let found = self.get(name)?;
        parse(found).map_err(|expected| RowError::Field {
            line: self.row.position().map_or(0, csv::Position::line),
            name,
            found: found.to_owned(),
            expected,
        })
    }

    fn parsed<T: FromStr>(&self, name: &'static str, expected: &str) -> Result<T, RowError> {
        self.field(name, |text| text.parse().map_err(|_| expected.to_owned()))
    }

    fn optional<T: FromStr>(
        &self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<T>, RowError> {
        match self.get(name)? {
            "" | "NA" => Ok(None),
            _ => self.parsed(name, &format!("{expected}, or nothing")).map(Some),
        }
    }
}

fn text<T: FromStr<Err = TextError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: TextError| match error {
        TextError::TooLong { max, .. } => format!("at most {max} bytes of text"),
        other => other.to_string(),
    })
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    let moment: Option<jiff::Timestamp> = text.parse().ok();
    let nanos = moment.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok());
    nanos.map(Timestamp::from_nanos).ok_or_else(|| "a time such as 2013-01-01T10:00:00Z".into())
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Flight, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.table.read_record(&mut self.row) {
            Ok(true) => Some(self.flight()),
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}
