//! Typed, persistent, memory-mapped message channels.
