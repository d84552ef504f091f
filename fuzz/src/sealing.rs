//! What recovery does to a file, held against a scan of its bytes.

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{CloseReason, Loss, RecoverError, Recovery, recover_with};

use crate::{
    frames::Origin,
    image::{CHECKSUMS, PAGE},
    reading::{self, close_reason},
    scan::{Channel, Frame, Scan},
    scratch::Scratch,
};

/// Recovers the file, reads it again, and recovers it again.
pub(crate) fn check(
    scratch: &Scratch,
    channel: Channel<'_>,
    origin: Origin,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let loss = if bool::arbitrary(input)? { Loss::Accepted } else { Loss::Refused };
    let recovered = recover_with(&scratch.path, loss);
    let after = scratch.bytes();
    let Some(base) = channel.base() else {
        assert!(matches!(recovered, Err(RecoverError::Open(_))), "{recovered:?}");
        assert!(after == channel.bytes);
        return Ok(());
    };
    let scan = channel.scan(base);
    // A flush that has failed makes it as doubtful as an earlier boot does, until it is recovered.
    let was = channel.origin(origin);
    let recovery = match recovered {
        Ok(recovery) => recovery,
        Err(RecoverError::Damaged { sequence, offset, durable, beyond, problem, .. }) => {
            assert!(loss == Loss::Refused && scan.sequence < channel.durable());
            assert_eq!((sequence, offset), (scan.sequence, scan.end as u64));
            assert_eq!((durable, beyond), (channel.durable(), valid_beyond(channel, &scan)));
            assert_eq!(problem.is_some(), scan.last == Frame::Damage);
            assert!(after == channel.bytes, "nothing is changed then");
            return Ok(());
        }
        Err(error) => panic!("{error}"),
    };
    found(channel, &scan, loss, was, &recovery);
    if recovery.sealed {
        sealed(channel, &scan, was, &after);
    } else {
        closed(channel, &scan, was, &after);
    }
    let again = Channel { spec: channel.spec, bytes: &after };
    reading::check(scratch, again, origin, input)?;
    let second = recover_with(&scratch.path, Loss::Refused).expect("a channel that is closed");
    assert_eq!((second.records, second.reason), (recovery.records, recovery.reason));
    assert!(!second.sealed && second.problem.is_none());
    assert!(scratch.bytes() == after, "recovery of what is sealed changes nothing");
    Ok(())
}

fn found(channel: Channel<'_>, scan: &Scan<'_>, loss: Loss, origin: Origin, recovery: &Recovery) {
    assert_eq!(recovery.records, scan.records.len() as u64);
    assert_eq!(recovery.durable, channel.durable());
    match scan.last {
        Frame::Close { reason } => {
            assert_eq!((recovery.reason, recovery.sealed), (close_reason(reason), false));
        }
        last => {
            assert_eq!((recovery.reason, recovery.sealed), (CloseReason::Recovered, true));
            let is_hole = last == Frame::Empty
                && channel.has_words_behind(scan)
                && !ends_with_claim(channel, scan, origin);
            assert_eq!(recovery.problem.is_some(), last == Frame::Damage || is_hole);
            assert_eq!(recovery.beyond, valid_beyond(channel, scan));
            assert!(loss == Loss::Accepted || channel.durable() <= scan.sequence);
        }
    }
}

/// Valid records at places behind the end.
fn valid_beyond(channel: Channel<'_>, scan: &Scan<'_>) -> u64 {
    if channel.spec.flags & CHECKSUMS == 0 {
        return 0;
    }
    let first = scan.records.len() as u64 + 1;
    let numbers = (first..channel.places()).zip(scan.sequence.saturating_add(1)..);
    let frames = numbers.map(|(index, sequence)| channel.frame(channel.place(index), sequence));
    frames.filter(|frame| matches!(frame, Frame::Record { .. })).count() as u64
}

/// Exactly the records of the scan are kept, a close mark stands behind them, and nothing else has
/// changed but `durable` and the tail that was given back.
fn sealed(channel: Channel<'_>, scan: &Scan<'_>, origin: Origin, after: &[u8]) {
    let (spec, before) = (channel.spec, channel.bytes);
    let kept = Channel { spec, bytes: after };
    let scanned = kept.scan(scan.sequence - scan.records.len() as u64);
    assert_eq!(scanned.last, Frame::Close { reason: 4 });
    assert_eq!((&scanned.records, scanned.end), (&scan.records, scan.end));
    let durable = spec.data_offset() - PAGE + 64;
    assert!(before[..durable] == after[..durable]);
    assert!(before[durable + 8..durable + 64] == after[durable + 8..durable + 64]);
    assert_eq!(kept.word(durable + 64), flushing_left(channel, origin), "no flush is under way");
    assert!(before[durable + 72..scan.end] == after[durable + 72..scan.end]);
    let vouched = flushing_left(channel, origin) == 0;
    let expected = if vouched { scan.sequence } else { channel.durable().min(scan.sequence) };
    assert_eq!(kept.durable(), expected);
    let behind = scan.end + 8;
    let is_quiet = channel.word(durable + 64) == 0;
    let is_end = ends_with_claim(channel, scan, origin) && is_quiet;
    let page = (scan.end + (spec.stride as usize).max(8)).next_multiple_of(PAGE).min(after.len());
    assert!(before[behind..page] == after[behind..page]);
    given_back(channel, scan, is_end, &after[page..]);
}

/// Whether what lies behind a zero word can only be an open claim.
fn ends_with_claim(channel: Channel<'_>, scan: &Scan<'_>, origin: Origin) -> bool {
    scan.last == Frame::Empty
        && origin == Origin::Native
        && channel.spec.stride == 0
        && channel.durable() <= scan.sequence
}

/// What the state page tells of flushes afterwards: without checksums, what may not be searched
/// never may be again.
fn flushing_left(channel: Channel<'_>, origin: Origin) -> u64 {
    let flushing = channel.word(channel.spec.data_offset() - PAGE + 128);
    let is_quiet = origin == Origin::Native && flushing == 0;
    if channel.spec.flags & CHECKSUMS != 0 || is_quiet { 0 } else { 2 }
}

/// A channel that was closed stays as it is, except that the work of an earlier recovery is done.
fn closed(channel: Channel<'_>, scan: &Scan<'_>, origin: Origin, after: &[u8]) {
    let before = channel.bytes;
    if scan.last != (Frame::Close { reason: 4 }) {
        assert!(after == before, "a channel that was closed stays as it is");
        return;
    }
    let flushing = channel.spec.data_offset() - PAGE + 128;
    let used = (channel.spec.stride as usize).max(8);
    let page = (scan.end + used).next_multiple_of(PAGE).min(after.len());
    let durable = flushing - 64;
    assert!(after[..durable] == before[..durable]);
    let now = Channel { bytes: after, ..channel };
    assert_eq!(now.durable(), channel.durable().min(scan.sequence));
    assert!(after[durable + 8..flushing] == before[durable + 8..flushing]);
    assert_eq!(now.word(flushing), flushing_left(channel, origin));
    assert!(after[flushing + 8..page] == before[flushing + 8..page]);
    given_back(channel, scan, false, &after[page..]);
}

/// The tail is zero, if nothing in it can have been records, or as it was.
fn given_back(channel: Channel<'_>, scan: &Scan<'_>, is_end: bool, tail: &[u8]) {
    if is_end || !channel.has_words_behind(scan) {
        assert!(tail.iter().all(|byte| *byte == 0), "the tail is given back");
    } else {
        let start = channel.bytes.len() - tail.len();
        assert!(channel.bytes[start..] == *tail, "what may be records stays");
    }
}
