//! [`Cursor`]: where a reader is, and what it finds there. The polling of all readers.

use std::time::Duration;

use crate::{
    chase::Chase,
    clock,
    error::ReadError,
    liveness::{Finding, Liveness},
    lock,
    mapping::{Mapping, Position, Take},
    next::{Next, Recorded},
    scan::{self, Step},
    sync::spin_loop,
    wait::Wait,
};

/// How often a reader that spins looks at a word before it asks whether its writer lives.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };

/// What a reader has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) position: Position,
    liveness: Liveness,
    timeout: Option<Duration>,
    chase: Chase,
}

impl Cursor {
    pub(crate) fn at_start(mapping: &Mapping) -> Cursor {
        Cursor {
            position: mapping.start(),
            liveness: Liveness::default(),
            timeout: mapping.header.writer_timeout,
            chase: Chase::default(),
        }
    }

    pub(crate) fn move_to(&mut self, position: Position) {
        self.position = position;
        self.liveness = Liveness::default();
        self.chase = Chase::default();
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
        self.liveness.look_again();
    }

    /// The next record, if there is one: the way of almost every record.
    #[inline]
    pub(crate) fn take<'m>(&mut self, mapping: &'m Mapping) -> Option<Recorded<&'m [u8]>> {
        self.take_by(mapping, mapping.track.take, 0)
    }

    /// The same in a way that the caller knows; `used_len` is as in [`scan::record_at`].
    #[inline(always)]
    pub(crate) fn take_by<'m>(
        &mut self,
        mapping: &'m Mapping,
        take: Take,
        used_len: usize,
    ) -> Option<Recorded<&'m [u8]>> {
        let at = self.position;
        let frame = scan::record_at(mapping, at, take, used_len)?;
        self.position = frame.next;
        Some(frame.recorded(mapping, at.sequence))
    }

    /// The next record, or why there is none.
    #[inline]
    pub(crate) fn poll<'m>(
        &mut self,
        mapping: &'m Mapping,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        match self.take(mapping) {
            Some(record) => Ok(Next::Record(record)),
            None => self.poll_further(mapping),
        }
    }

    /// The same, where there was no record a moment ago.
    #[inline(never)]
    pub(crate) fn poll_further<'m>(
        &mut self,
        mapping: &'m Mapping,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        loop {
            match scan::step(mapping, self.position) {
                Step::Record(frame) => {
                    let sequence = self.position.sequence;
                    self.position = frame.next;
                    return Ok(Next::Record(frame.recorded(mapping, sequence)));
                }
                Step::Padding(next) => self.position = next,
                Step::Close(reason) => return Ok(Next::Closed(reason)),
                Step::Damage(problem) => return Err(mapping.damaged(self.position, problem)),
                Step::Empty => {
                    if let Some(found) = self.look(mapping)? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// What to say of a zero word; `None` to look at it again.
    fn look<R>(&mut self, mapping: &Mapping) -> Result<Option<Next<R>>, ReadError> {
        let position = self.position;
        let found = self.liveness.look(
            position.offset,
            clock::steady_millis(),
            self.timeout,
            || lock::is_held(&mapping.file),
            || scan::step(mapping, position) == Step::Empty,
        );
        match found {
            Ok(None) => Ok(None),
            Ok(Some(Finding::Pending)) => Ok(Some(Next::Pending)),
            Ok(Some(Finding::Abandoned)) => match scan::hole(mapping, position) {
                None => Ok(Some(Next::Abandoned)),
                Some(problem) => Err(mapping.damaged(position, problem)),
            },
            Ok(Some(Finding::TimedOut)) => Ok(Some(Next::TimedOut)),
            Err(source) => Err(mapping.unasked(source)),
        }
    }

    /// Polls until there is something other than [`Next::Pending`].
    pub(crate) fn wait<'m>(
        &mut self,
        mapping: &'m Mapping,
        wait: Wait,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        self.wait_unless(mapping, wait, || false)
    }

    /// The same, but says [`Next::Pending`] soon after the waiting has been `ended`.
    pub(crate) fn wait_unless<'m>(
        &mut self,
        mapping: &'m Mapping,
        wait: Wait,
        ended: impl Fn() -> bool,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        let mut round = 0;
        loop {
            match self.poll(mapping)? {
                Next::Pending if !ended() => {}
                other => return Ok(other),
            }
            if wait.spins(round) {
                self.linger(mapping, wait.looks_away());
            } else if !wait.blocks().is_some_and(|time| self.block(mapping, time)) {
                wait.pause(round);
            }
            round = round.saturating_add(1);
        }
    }

    /// Sleeps until the writer wakes this process, for so long at most. `false` if it cannot.
    fn block(&self, mapping: &Mapping, time: Duration) -> bool {
        let Some(bell) = mapping.bell() else { return false };
        let left = self.liveness.time_left(clock::steady_millis(), self.timeout);
        let time = left.map_or(time, |left| left.min(time));
        // Acquire, in `Region::load`; what is there is read by the poll that follows.
        bell.wait(time, || mapping.region.load(self.position.offset) == Some(0))
    }

    /// Waits a moment for the word to change, without asking anybody, and at first, if told to, out
    /// of the way of a writer that is fast. Says whether it has.
    #[inline(always)]
    pub(crate) fn linger(&mut self, mapping: &Mapping, looks_away: bool) -> bool {
        if looks_away {
            for _ in 0..self.chase.caught_up(self.position) {
                spin_loop();
            }
        }
        for look in 0..LOOKS {
            // Acquire, in `Region::load`; what is there is read by the poll that follows.
            if mapping.region.load(self.position.offset) != Some(0) {
                self.chase.came(look);
                return true;
            }
            spin_loop();
        }
        self.chase.silent();
        false
    }
}
