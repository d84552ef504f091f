//! The first version.

use kekbit_channel::Record;

/// What a sensor said.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The number of the sensor.
    pub sensor: u32,
    /// The temperature.
    pub temp: f32,
}

/// A reading of this version.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few readings")]
pub fn reading(number: u32) -> Reading {
    Reading { sensor: number, temp: 20.5 + number as f32 }
}
