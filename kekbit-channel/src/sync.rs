//! The atomics of this crate. Nobody else imports them, so that a model checker can replace them
//! in one place.

pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
