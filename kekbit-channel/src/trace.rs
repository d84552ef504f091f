//! What a test watches: the stores of words and what is written out, by this thread, in order.
//!
//! A store is told before it happens, when all that the word will publish is in place; a flush
//! before and after. What is told to nobody costs nothing but a look.

use std::{cell::RefCell, io};

/// What is about to happen, or has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A word is about to be stored there.
    Store { offset: u64 },
    /// These bytes are about to be written out to the disk. An error is what the system says.
    Flush { offset: u64, len: u64 },
    /// They have been.
    Flushed { offset: u64, len: u64 },
    /// These bytes have been written over with themselves.
    Rewritten { offset: u64, len: u64 },
}

type Watcher = Box<dyn FnMut(Event) -> io::Result<()>>;

thread_local! {
    static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
}

/// Shows `watcher` all events of this thread while `work` runs.
pub(crate) fn watch<R>(
    watcher: impl FnMut(Event) -> io::Result<()> + 'static,
    work: impl FnOnce() -> R,
) -> R {
    /// Ends the watch however `work` ends.
    struct Watch;
    impl Drop for Watch {
        fn drop(&mut self) {
            WATCHER.with_borrow_mut(Option::take);
        }
    }
    WATCHER.with_borrow_mut(|watching| *watching = Some(Box::new(watcher)));
    let _watch = Watch;
    work()
}

pub(crate) fn tell(event: Event) -> io::Result<()> {
    WATCHER.with_borrow_mut(|watching| watching.as_mut().map_or(Ok(()), |watcher| watcher(event)))
}
