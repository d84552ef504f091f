//! The third version: a field with a default. All released schemas are kept in a lock file, so that
//! the compiler checks this type against each of them, and the next one, too.

use kekbit_channel::Record;

use super::v2;

/// What a sensor said.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
#[record(extends = v2::Reading, lock = "schemas/reading.lock")]
pub struct Reading {
    /// The number of the sensor.
    pub sensor: u32,
    /// The temperature.
    #[record(was = "temp", unit = "degrees Celsius")]
    pub celsius: f32,
    /// Relative humidity, where the sensor can tell.
    #[record(doc = "relative humidity, 0 to 1")]
    pub humidity: Option<f32>,
    /// How far the reading can be trusted.
    #[record(default = Quality::Unknown)]
    pub quality: Quality,
}

/// How far a reading can be trusted.
#[derive(Record, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Nobody has said.
    Unknown,
    /// Within the tolerance of the sensor.
    Good,
    /// The sensor was being calibrated.
    Poor,
}

/// A reading of this version.
#[must_use]
pub fn reading(number: u32) -> Reading {
    let v2::Reading { sensor, celsius, humidity } = v2::reading(number);
    let quality = if humidity.is_some() { Quality::Good } else { Quality::Poor };
    Reading { sensor, celsius, humidity, quality }
}
