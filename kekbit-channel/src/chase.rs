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

use crate::mapping::Position;

/// Records that have to come at once, more or less in a row, before a reader looks away. A model
/// does so from the first on, for a moment.
const STREAM: u32 = if cfg!(loom) { 1 } else { 16 };
/// How often that number is doubled at the most, once for each time that it was in vain: answers
/// that come at once look like a stream, and must not pay for it more than once in a while.
const WARY_MAX: u32 = 7;
/// What one that does not takes back of that: where reader and writer are in each other's way, some
/// are late.
const LATE: u32 = 2;
/// How long it looks away at first, at the most, in turns of the CPU's spin hint.
const TURNS_MIN: u32 = if cfg!(loom) { 1 } else { 16 };
const TURNS_MAX: u32 = if cfg!(loom) { 1 } else { 512 };
/// Bytes that a look away is to bring: with fewer it takes longer, with many more it is cut.
const RUN_WANTED: u64 = 128 << 10;
const RUN_ENOUGH: u64 = 512 << 10;
/// With fewer records than that it was in vain, and the stream is over.
const RUN_IN_VAIN: u64 = if cfg!(loom) { 1 } else { 3 };
/// So is one that takes more turns than this many a record, and one for so many bytes: a cache
/// line, which may have to be summed.
const TURNS_A_RECORD: u64 = 2;
const BYTES_A_TURN: u64 = 64;
/// A record that is there at one of the first looks has come at once; one more for so many bytes,
/// as those of large records take their time.
const LOOKS_AT_ONCE: u32 = 3;
const BYTES_A_LOOK: u64 = 128;

/// What a reader knows of its writer's pace.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chase {
    /// How long to look away when all is read; 0 is to look all the time.
    turns: u32,
    /// How many records have come at once, less those that have not, up to what makes a stream.
    streak: u32,
    /// How often in a row looking away was in vain from the first on.
    wary: u32,
    /// At how many looks the record that is waited for has come at once.
    looks: u32,
    /// Of the record that came after the last wait, its number and where it lies.
    resumed_at: u64,
    resumed_offset: u64,
}

impl Chase {
    /// All is read, up to a position: says how long to look away.
    #[inline]
    pub(crate) fn caught_up(&mut self, position: Position) -> u32 {
        let run = position.sequence.wrapping_sub(self.resumed_at);
        let bytes = position.offset.wrapping_sub(self.resumed_offset);
        if run == 0 {
            // Still waiting.
            return 0;
        }
        (self.resumed_at, self.resumed_offset) = (position.sequence, position.offset);
        // One record is usually like the next.
        let more = if run == 1 { bytes / BYTES_A_LOOK } else { 0 };
        self.looks = LOOKS_AT_ONCE.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        if self.turns == 0 {
            if self.stream() <= self.streak {
                self.turns = TURNS_MIN;
            }
        } else if run < RUN_IN_VAIN
            || run.saturating_mul(TURNS_A_RECORD).saturating_add(bytes / BYTES_A_TURN)
                < u64::from(self.turns)
        {
            self.wary = if self.turns == TURNS_MIN { (self.wary + 1).min(WARY_MAX) } else { 0 };
            (self.turns, self.streak) = (0, 0);
        } else if bytes < RUN_WANTED {
            self.turns = (self.turns + self.turns / 2).min(TURNS_MAX);
        } else if RUN_ENOUGH < bytes {
            self.turns -= self.turns / 4;
        }
        self.turns
    }

    /// How many records have to come at once.
    #[inline]
    fn stream(&self) -> u32 {
        STREAM << self.wary
    }

    /// Nothing has come.
    pub(crate) fn silent(&mut self) {
        (self.turns, self.streak) = (0, 0);
    }

    /// A record has come, at that look.
    #[inline]
    pub(crate) fn came(&mut self, look: u32) {
        self.streak = if look < self.looks {
            self.streak.saturating_add(1).min(self.stream())
        } else {
            self.streak.saturating_sub(LATE)
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SIZE: u64 = 72;

    /// A reader that has caught up `times` times, each time after a run of records of which the
    /// first was there at that look. Gives how long it looked away last.
    fn caught_up(chase: &mut Chase, times: u32, run: u64, look: u32) -> u32 {
        let mut turns = 0;
        for _ in 0..times {
            let sequence = chase.resumed_at + run;
            turns = chase.caught_up(Position { sequence, offset: sequence * SIZE });
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
    fn answers_that_come_at_once_pay_for_it_once_in_a_while() {
        let mut chase = Chase::default();
        let kept_waiting = (0..100_000).filter(|_| caught_up(&mut chase, 1, 1, 0) != 0).count();
        assert!((1..100).contains(&kept_waiting), "{kept_waiting} times");
    }

    #[test]
    fn large_records_may_take_longer() {
        for (size, looks) in [(72, 3), (264, 5), (1032, 11)] {
            for (look, streams) in [(looks - 1, true), (looks, false)] {
                let mut chase = Chase::default();
                let turns = (1..=u64::from(STREAM) + 2).map(|sequence| {
                    let turns = chase.caught_up(Position { sequence, offset: sequence * size });
                    chase.came(look);
                    turns
                });
                assert_eq!(turns.max() > Some(0), streams, "{size} bytes, look {look}");
            }
        }
    }

    #[test]
    fn a_stream_is_left_alone_until_it_ends() {
        let mut chase = Chase::default();
        assert_eq!(caught_up(&mut chase, STREAM, 1, 0), 0, "not yet");
        assert_eq!(caught_up(&mut chase, 1, 1, 0), TURNS_MIN);
        // Runs that are too short make it look away for longer, up to a limit; enough of it, less.
        let short = RUN_WANTED / SIZE;
        assert_eq!(caught_up(&mut chase, 1, short, 0), TURNS_MIN * 3 / 2);
        assert_eq!(caught_up(&mut chase, 50, short, 0), TURNS_MAX);
        assert_eq!(caught_up(&mut chase, 1, short + 1, 0), TURNS_MAX, "just right");
        assert_eq!(caught_up(&mut chase, 1, RUN_ENOUGH / SIZE + 1, 0), TURNS_MAX * 3 / 4);
        assert_eq!(caught_up(&mut chase, 1, RUN_IN_VAIN - 1, 0), 0, "in vain");
        assert_eq!(caught_up(&mut chase, STREAM - 2, 1, 0), 0, "from the beginning");
    }

    #[test]
    fn it_never_looks_away_for_much_longer_than_the_stream_has_lasted() {
        let mut chase = Chase::default();
        caught_up(&mut chase, STREAM, 1, 0);
        let mut looked_away = 0;
        for _ in 0..20 {
            let turns = caught_up(&mut chase, 1, RUN_IN_VAIN, 0);
            assert!(turns <= TURNS_MIN + looked_away / 2, "{turns} after {looked_away}");
            looked_away += turns;
        }
    }

    #[test]
    fn a_stream_that_is_slow_for_the_time_it_takes_is_none() {
        let mut chase = Chase { turns: TURNS_MAX, streak: STREAM, ..Chase::default() };
        let slow = u64::from(TURNS_MAX) / (TURNS_A_RECORD + SIZE.div_ceil(BYTES_A_TURN)) * 3 / 4;
        assert_eq!(caught_up(&mut chase, 1, slow, 0), 0);
    }

    #[test]
    fn silence_ends_a_stream_and_waiting_on_is_no_run() {
        let at = |sequence| Position { sequence, offset: sequence * SIZE };
        let mut chase = Chase { turns: TURNS_MIN, streak: STREAM, ..Chase::default() };
        chase.caught_up(at(7));
        chase.turns = TURNS_MIN;
        assert_eq!(chase.caught_up(at(7)), 0, "the same wait");
        chase.silent();
        assert_eq!(chase.caught_up(at(8)), 0);
    }
}
