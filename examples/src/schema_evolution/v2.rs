//! The second version: a field has got a better name, another was added.

use kekbit_channel::Record;

use super::v1;

/// What a sensor said.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
#[record(extends = v1::Reading)]
pub struct Reading {
    /// The number of the sensor.
    pub sensor: u32,
    /// The temperature.
    #[record(was = "temp")]
    pub celsius: f32,
    /// Relative humidity, where the sensor can tell.
    pub humidity: Option<f32>,
}

/// A reading of this version.
#[must_use]
pub fn reading(number: u32) -> Reading {
    let v1::Reading { sensor, temp } = v1::reading(number);
    Reading { sensor, celsius: temp, humidity: number.is_multiple_of(2).then_some(0.5) }
}
