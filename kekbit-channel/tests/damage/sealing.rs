//! What recovery makes of a file, compared with what the judge says of its bytes.

use std::{fs, os::unix::fs::FileExt};

use kekbit_channel::{CloseReason, Loss, RecoverError, Recovery, recover, recover_with};

use crate::{
    Suspect,
    image::{CHECKSUMS, PAGE},
    judge::{End, Judged},
};

/// Recovers a file, without and, if that was refused, with loss. Gives the bytes that it has to
/// have afterwards, if recovery had anything to do.
pub(crate) fn check(suspect: &Suspect<'_>) -> Option<Vec<u8>> {
    let what = suspect.what;
    let Some(judged) = &suspect.judged else {
        let error = recover_with(suspect.path, Loss::Accepted).unwrap_err();
        assert!(matches!(error, RecoverError::Open(_)), "{what}: {error}");
        check_bytes(suspect, suspect.bytes.bytes, None);
        return None;
    };
    let beyond = judged.beyond(suspect.bytes);
    let durable = judged.spec.durable;
    let closed = matches!(judged.end, End::Close(_));
    let recovery = if !closed && judged.end_sequence < durable {
        let error = recover(suspect.path).unwrap_err();
        let RecoverError::Damaged { sequence, offset, problem, durable: d, beyond: b, .. } = error
        else {
            panic!("{what}: {error}");
        };
        assert_eq!((sequence, offset), (judged.end_sequence, judged.end_offset), "{what}");
        assert_eq!((problem.is_some(), d, b), (judged.end == End::Bad, durable, beyond), "{what}");
        check_bytes(suspect, suspect.bytes.bytes, None);
        recover_with(suspect.path, Loss::Accepted)
    } else {
        recover(suspect.path)
    };
    let recovery = recovery.unwrap_or_else(|error| panic!("{what}: {error}"));
    check_facts(suspect, judged, recovery, if closed { 0 } else { beyond });
    if closed {
        let mut expected = suspect.bytes.bytes.to_vec();
        let mut given_back = None;
        if judged.end == End::Close(4) {
            // What an earlier recovery may have left undone.
            let flushing = usize::try_from(judged.data).unwrap() - PAGE + 128;
            let left = flushing_left(suspect, judged);
            expected[flushing..flushing + 8].copy_from_slice(&left.to_le_bytes());
            let durable = judged.spec.durable.min(judged.end_sequence);
            expected[flushing - 64..flushing - 56].copy_from_slice(&durable.to_le_bytes());
            given_back = give_back(suspect, judged, false);
        }
        check_bytes(suspect, &expected, given_back);
        return None;
    }
    let sealed = sealed(suspect, judged);
    let again = recover_with(suspect.path, Loss::Accepted).unwrap();
    assert!(!again.sealed, "{what}: sealed twice");
    assert_eq!((again.records, again.reason), (recovery.records, recovery.reason), "{what}");
    Some(sealed)
}

fn check_facts(suspect: &Suspect<'_>, judged: &Judged, recovery: Recovery, beyond: u64) {
    let what = suspect.what;
    let Recovery { records, sealed, problem, beyond: found, durable, reason, .. } = recovery;
    assert_eq!(records, judged.records.len() as u64, "{what}");
    assert_eq!(sealed, !matches!(judged.end, End::Close(_)), "{what}");
    let is_hole = judged.end == End::Empty
        && judged.has_words_behind(suspect.bytes)
        && !ends_with_claim(suspect, judged);
    assert_eq!(problem.is_some(), judged.end == End::Bad || is_hole, "{what}");
    assert_eq!((found, durable), (beyond, judged.spec.durable), "{what}");
    assert!(!sealed || reason == CloseReason::Recovered, "{what}: {reason:?}");
}

/// Looks at the file that recovery has sealed: the mark, the number of what is durable, the tail
/// that was given back, and no other byte.
fn sealed(suspect: &Suspect<'_>, judged: &Judged) -> Vec<u8> {
    let mut expected = suspect.bytes.bytes.to_vec();
    let mut put = |at: u64, word: u64| {
        let at = usize::try_from(at).unwrap();
        if expected.len() < at + 8 {
            expected.resize(at + 8, 0);
        }
        expected[at..at + 8].copy_from_slice(&word.to_le_bytes());
    };
    let end = judged.end_sequence;
    let vouched = flushing_left(suspect, judged) == 0;
    let durable = if vouched { end } else { judged.spec.durable.min(end) };
    put(judged.data - PAGE as u64 + 64, durable);
    put(judged.data - PAGE as u64 + 128, flushing_left(suspect, judged));
    put(judged.end_offset, judged.close_word(4, end));
    let is_end = ends_with_claim(suspect, judged) && judged.spec.flushing == 0;
    check_bytes(suspect, &expected, give_back(suspect, judged, is_end));
    let mut found = vec![0; expected.len()];
    let file = fs::File::open(suspect.path).unwrap();
    file.read_exact_at(&mut found, 0).unwrap();
    found
}

/// Whether what lies behind a zero word can only be an open claim.
fn ends_with_claim(suspect: &Suspect<'_>, judged: &Judged) -> bool {
    judged.end == End::Empty
        && judged.spec.stride == 0
        && judged.spec.durable <= judged.end_sequence
        && suspect.identity.is_searched(&judged.spec)
}

/// What the state page tells of flushes afterwards: another has succeeded; but without checksums,
/// and where a file may not be searched or one was under way, it never may be searched again.
fn flushing_left(suspect: &Suspect<'_>, judged: &Judged) -> u64 {
    let has_checksums = judged.spec.flags & CHECKSUMS != 0;
    let is_quiet = suspect.identity.is_searched(&judged.spec) && judged.spec.flushing == 0;
    if has_checksums || is_quiet { 0 } else { 2 }
}

/// What recovery may give back: the tail, if nothing there can have been records.
fn give_back(suspect: &Suspect<'_>, judged: &Judged, is_end: bool) -> Option<std::ops::Range<u64>> {
    let used = judged.spec.stride.max(8);
    let start = (judged.end_offset + used).next_multiple_of(PAGE as u64);
    let is_unused = is_end || !judged.has_words_behind(suspect.bytes);
    is_unused.then(|| start..judged.file_size().unwrap())
}

/// Compares a file with what it has to be; `hole` may have been given back or not.
fn check_bytes(suspect: &Suspect<'_>, expected: &[u8], hole: Option<std::ops::Range<u64>>) {
    let what = suspect.what;
    let file = fs::File::open(suspect.path).unwrap();
    assert_eq!(file.metadata().unwrap().len(), suspect.bytes.size, "{what}: the length");
    let mut found = vec![0; expected.len()];
    file.read_exact_at(&mut found, 0).unwrap();
    if found == expected {
        return;
    }
    let is_given_back =
        |at: usize| found[at] == 0 && hole.as_ref().is_some_and(|hole| hole.contains(&(at as u64)));
    let differs = (0..found.len()).find(|at| found[*at] != expected[*at] && !is_given_back(*at));
    assert_eq!(differs, None, "{what}: a byte that recovery should not have changed");
}
