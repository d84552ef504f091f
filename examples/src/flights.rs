//! Flights: the record, the rows of a CSV that become records, and what is counted.

mod flight;
mod rows;
mod statistics;

pub use self::{
    flight::Flight,
    rows::{RowError, Rows},
    statistics::{Statistics, Tally, thousands},
};
