//! [`Chase`]: how a reader that has caught up with its writer waits for what comes next.
//!
//! A reader that looks at the next word all the time takes its cache line away from the writer that
//! is about to fill it, and both pay for each record: while a stream is fast, that costs several
//! times what the records do. One that looks away for a while lets the writer fill some lines, and
//! then reads them in one go; but looking away is what a single answer must not wait for. So the
//! reader looks away only while there is a stream, and only for as long as it takes to bring a few
//! lines of records.
//!
//! The trouble is known as temporal slipping (Giacomoni, Moseley, Vachharajani: FastForward for
//! Efficient Pipeline Parallelism, PPoPP 2008); there it is dealt with by a distance that is kept.

/// Records that have to come at once, one after the other, before a reader looks away.
const STREAM: u32 = 16;
/// How long it looks away at first, at the most, in turns of the CPU's spin hint.
const TURNS_MIN: u32 = 8;
const TURNS_MAX: u32 = 96;
/// Records that a look away is to bring: with fewer it takes longer, with many more it is cut. With
/// hardly any it was in vain, and the stream is over.
const RUN_WANTED: u64 = 48;
const RUN_ENOUGH: u64 = 192;
const RUN_IN_VAIN: u64 = 3;
/// So is one that takes more turns a record.
const TURNS_A_RECORD: u64 = 4;
/// A record that is there at one of the first looks has come at once.
const LOOKS_AT_ONCE: u32 = 2;

/// What a reader knows of its writer's pace.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chase {
    /// How long to look away when all is read; 0 is to look all the time.
    turns: u32,
    /// How many records in a row have come at once.
    streak: u32,
    /// The number of the record that came after the last wait.
    resumed_at: u64,
}

impl Chase {
    /// All is read, up to record `sequence`: says how long to look away.
    #[inline]
    pub(crate) fn caught_up(&mut self, sequence: u64) -> u32 {
        let run = sequence.wrapping_sub(self.resumed_at);
        if run == 0 {
            // Still waiting.
            return 0;
        }
        self.resumed_at = sequence;
        if self.turns == 0 {
            if STREAM <= self.streak {
                self.turns = TURNS_MIN;
            }
        } else if run < RUN_IN_VAIN || run * TURNS_A_RECORD < u64::from(self.turns) {
            (self.turns, self.streak) = (0, 0);
        } else if run < RUN_WANTED {
            self.turns = (self.turns + self.turns / 2).min(TURNS_MAX);
        } else if RUN_ENOUGH < run {
            self.turns -= self.turns / 4;
        }
        self.turns
    }

    /// Nothing has come.
    pub(crate) fn silent(&mut self) {
        (self.turns, self.streak) = (0, 0);
    }

    /// A record has come, at that look.
    #[inline]
    pub(crate) fn came(&mut self, look: u32) {
        self.streak = if look < LOOKS_AT_ONCE { self.streak.saturating_add(1) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that has caught up `times` times, each time after a run of records of which the
    /// first was there at that look. Gives how long it looked away last.
    fn caught_up(chase: &mut Chase, times: u32, run: u64, look: u32) -> u32 {
        let mut turns = 0;
        for _ in 0..times {
            turns = chase.caught_up(chase.resumed_at + run);
            chase.came(look);
        }
        turns
    }

    #[test]
    fn answers_that_come_one_by_one_are_never_kept_waiting() {
        let mut chase = Chase::default();
        assert_eq!(caught_up(&mut chase, 1000, 1, LOOKS_AT_ONCE), 0);
    }

    #[test]
    fn a_stream_is_left_alone_until_it_ends() {
        let mut chase = Chase::default();
        assert_eq!(caught_up(&mut chase, STREAM, 1, 0), 0, "not yet");
        assert_eq!(caught_up(&mut chase, 1, 1, 0), TURNS_MIN);
        // Runs that are too short make it look away for longer, up to a limit; enough of it, less.
        assert_eq!(caught_up(&mut chase, 1, RUN_WANTED - 1, 0), TURNS_MIN * 3 / 2);
        assert_eq!(caught_up(&mut chase, 50, RUN_WANTED - 1, 0), TURNS_MAX);
        assert_eq!(caught_up(&mut chase, 1, RUN_WANTED, 0), TURNS_MAX, "just right");
        assert_eq!(caught_up(&mut chase, 1, RUN_ENOUGH + 1, 0), TURNS_MAX * 3 / 4);
        assert_eq!(caught_up(&mut chase, 1, RUN_IN_VAIN - 1, 0), 0, "in vain");
        assert_eq!(caught_up(&mut chase, STREAM - 2, 1, 0), 0, "from the beginning");
    }

    #[test]
    fn a_stream_that_is_slow_for_the_time_it_takes_is_none() {
        let mut chase = Chase { turns: TURNS_MAX, streak: STREAM, resumed_at: 0 };
        let slow = u64::from(TURNS_MAX) / TURNS_A_RECORD - 1;
        assert_eq!(caught_up(&mut chase, 1, slow, 0), 0);
    }

    #[test]
    fn silence_ends_a_stream_and_waiting_on_is_no_run() {
        let mut chase = Chase { turns: TURNS_MIN, streak: STREAM, resumed_at: 7 };
        assert_eq!(chase.caught_up(7), 0, "the same wait");
        chase.silent();
        assert_eq!(chase.caught_up(8), 0);
    }
}
