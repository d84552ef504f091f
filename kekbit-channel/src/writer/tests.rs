//! The protocol on the heap: a model, the invariant of zeroes, poisoning, time.

use std::{
    fs::File,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use proptest::prelude::*;

use super::*;
#[cfg(loom)]
use crate::bell::Bell;
use crate::{
    layout,
    next::Next,
    reader::Reader,
    region::Region,
    scan::{self, Step},
};

/// A raw channel on the heap.
fn channel(options: &ChannelOptions) -> Writer {
    channel_on(options, None, Region::on_heap)
}

/// A channel without a schema in a region, of which the size is asked for. If its records all have
/// one size, it has a stride.
pub(crate) fn channel_on(
    options: &ChannelOptions,
    record_size: Option<u64>,
    region: impl FnOnce(u64) -> Region,
) -> Writer {
    let plan = options.plan(record_size).unwrap();
    let header = Header {
        data_offset: layout::data_offset(0),
        checksums: plan.flags & layout::FLAG_CHECKSUMS != 0,
        time_stamps: plan.flags & layout::FLAG_TIME_STAMPS != 0,
        channel_id: 7,
        capacity: plan.capacity,
        max_payload: plan.max_payload,
        alignment: plan.alignment,
        stride: plan.stride,
        fingerprint: 0,
        schema: String::new(),
        ..crate::header::tests::sample()
    };
    let region = region(header.file_size().unwrap());
    let nowhere = File::options().read(true).write(true).open("/dev/zero").unwrap();
    let mut mapping = Mapping::over(region, header, 0, nowhere, Path::new("heap"), false);
    // No other boot, no copy.
    mapping.native = true;
    Writer::start(mapping, None, options)
}

#[cfg(loom)]
impl Writer {
    /// Leaves everything as it is, as a process does that is killed. The lock is the caller's.
    pub(crate) fn die(mut self) -> Arc<Mapping> {
        self.owner = 0;
        Arc::clone(&self.mapping)
    }

    /// Lets it wake the readers of its mapping.
    pub(crate) fn with_bell(mut self) -> Writer {
        let (own, readers) = Bell::on_heap();
        self.mapping.set_bell(readers);
        self.sidecar = Some(Sidecar::over(own));
        self
    }

    /// Makes it the writer of a file that is found as a copy is: not to be searched.
    pub(crate) fn in_a_copy(mut self) -> Writer {
        Arc::get_mut(&mut self.mapping).unwrap().native = false;
        self
    }
}

fn small() -> ChannelOptions {
    ChannelOptions::new().bytes(32 * 1024)
}

/// Every record from the first on.
fn records(writer: &Writer) -> Vec<Vec<u8>> {
    let mut reader = Reader::over(Arc::clone(&writer.mapping));
    reader.iter().map(|record| record.unwrap().value.to_vec()).collect()
}

/// Checks that every byte behind the last published frame is zero.
fn check_zeroes(writer: &Writer) {
    let region = &writer.mapping.region;
    for offset in (writer.tail.offset..region.size()).step_by(8) {
        assert_eq!(region.load(offset), Some(0), "at {offset}, tail {}", writer.tail.offset);
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Append(usize),
    Commit(usize),
    CommitFirst(usize, usize),
    Drop(usize),
    Forget(usize),
    Panic(usize),
    Sync,
}

fn operation() -> impl Strategy<Value = Operation> {
    let len = prop_oneof![4 => 0..200_usize, 1 => 4000..9000_usize];
    prop_oneof![
        4 => len.clone().prop_map(Operation::Append),
        2 => len.clone().prop_map(Operation::Commit),
        2 => (len.clone(), 0.0..1.0).prop_map(|(len, part)| {
            Operation::CommitFirst(len, (len as f64 * part) as usize)
        }),
        1 => len.clone().prop_map(Operation::Drop),
        1 => len.clone().prop_map(Operation::Forget),
        1 => len.prop_map(Operation::Panic),
        1 => Just(Operation::Sync),
    ]
}

/// Bytes of which none is zero, so that a leftover shows.
fn payload(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|index| (1 + (index * 31 + seed * 17) % 255) as u8).collect()
}

fn apply(writer: &mut Writer, operation: &Operation, seed: usize, oracle: &mut Vec<Vec<u8>>) {
    let full = |error: WriteError| assert!(matches!(error, WriteError::Full { .. }), "{error}");
    match *operation {
        Operation::Append(len) => match writer.append(&payload(len, seed)) {
            Ok(sequence) => {
                assert_eq!(sequence, oracle.len() as u64);
                oracle.push(payload(len, seed));
            }
            Err(error) => full(error),
        },
        Operation::Sync => {
            let synced = writer.sync().unwrap();
            assert_eq!(synced.durable, oracle.len() as u64);
            assert_eq!(writer.mapping.durable(), oracle.len() as u64);
        }
        Operation::Commit(len) | Operation::CommitFirst(len, _) => match writer.claim(len) {
            Ok(mut claim) => {
                assert!(claim.iter().all(|byte| *byte == 0), "a claim is zero at first");
                claim.copy_from_slice(&payload(len, seed));
                assert_eq!(claim.sequence(), oracle.len() as u64);
                let mut expected = payload(len, seed);
                if let Operation::CommitFirst(_, first) = *operation {
                    claim.commit_first(first).unwrap();
                    expected.truncate(first);
                } else {
                    claim.commit();
                }
                oracle.push(expected);
            }
            Err(error) => full(error),
        },
        Operation::Drop(len) | Operation::Forget(len) | Operation::Panic(len) => {
            let result = catch_unwind(AssertUnwindSafe(|| match writer.claim(len) {
                Ok(mut claim) => {
                    claim.fill(0xFF);
                    match operation {
                        Operation::Forget(_) => mem::forget(claim),
                        Operation::Panic(_) => std::panic::resume_unwind(Box::new(())),
                        _ => drop(claim),
                    }
                }
                Err(error) => full(error),
            }));
            drop(result);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 300 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever becomes of claims, readers see what was committed, and the rest stays zero.
    #[test]
    fn readers_see_what_was_committed(
        operations in prop::collection::vec(operation(), 0..40),
        stamped: bool,
        checked: bool,
        line: bool,
    ) {
        let mut options = small();
        if stamped {
            options = options.time_stamps();
        }
        if !checked {
            options = options.without_checksums();
        }
        if line {
            options = options.alignment(crate::Alignment::CacheLine);
        }
        let mut writer = channel(&options);
        let mut oracle = Vec::new();
        for (seed, operation) in operations.iter().enumerate() {
            apply(&mut writer, operation, seed, &mut oracle);
            if matches!(operation, Operation::Forget(_)) {
                writer.settle();
            }
            check_zeroes(&writer);
            prop_assert_eq!(&records(&writer), &oracle);
        }
        let mut reader = Reader::over(Arc::clone(&writer.mapping));
        drop(writer);
        prop_assert_eq!(reader.iter().count(), oracle.len());
        let is_closed = matches!(reader.try_next().unwrap(), Next::Closed(_));
        prop_assert!(is_closed);
    }
}

/// The handshake itself, on memory that all threads share, for tools that watch every access: a
/// sanitizer, Miri.
#[test]
fn threads_that_read_while_another_writes_see_whole_records() {
    const COUNT: u64 = if cfg!(miri) { 50 } else { 20_000 };
    let payload = |sequence: u64| payload((sequence % 50) as usize, sequence as usize);
    for options in [ChannelOptions::new(), ChannelOptions::new().without_checksums().time_stamps()]
    {
        let mut writer = channel(&options.bytes(COUNT * 80));
        std::thread::scope(|threads| {
            for _ in 0..3 {
                let mut reader = Reader::over(Arc::clone(&writer.mapping));
                threads.spawn(move || {
                    while reader.next_sequence() < COUNT {
                        let sequence = reader.next_sequence();
                        if let Some(record) = reader.iter().next() {
                            let record = record.unwrap();
                            assert_eq!(record.sequence, sequence);
                            assert_eq!(record.value, payload(sequence));
                        }
                    }
                });
            }
            for sequence in 0..COUNT {
                if sequence % 7 == 0 {
                    drop(writer.claim(40).map(|mut claim| claim.fill(0xFF)));
                }
                writer.append(&payload(sequence)).unwrap();
            }
        });
    }
}

#[test]
fn a_small_claim_gives_its_room_back_and_a_large_one_is_padded() {
    let mut writer = channel(&small());
    let before = writer.available();
    drop(writer.claim(4000).unwrap());
    assert_eq!(writer.available(), before);
    drop(writer.claim(5000).unwrap());
    assert_eq!(writer.available(), before - 5008);
    writer.append(b"behind").unwrap();
    assert_eq!(records(&writer), [b"behind"]);
    let step = scan::step(&writer.mapping, writer.mapping.start());
    assert!(matches!(step, Step::Padding(_)), "{step:?}");
}

#[test]
fn the_close_mark_has_room_in_a_channel_that_is_full_to_the_last_byte() {
    for alignment in [crate::Alignment::Packed, crate::Alignment::CacheLine] {
        for capacity in [64, 72, 100, 128, 4096, 4097] {
            let mut writer = channel(&ChannelOptions::new().bytes(capacity).alignment(alignment));
            while writer.append(b"").is_ok() {}
            let mapping = Arc::clone(&writer.mapping);
            writer.close().unwrap();
            let mut reader = Reader::over(mapping);
            let count = reader.iter().count() as u64;
            assert_eq!(count, capacity / u64::from(alignment.bytes()));
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
        }
    }
}

#[test]
fn a_failed_sync_ends_the_channel_for_good() {
    let mut writer = channel(&small());
    writer.append(b"safe").unwrap();
    assert_eq!(writer.sync().unwrap().durable, 1);
    writer.append(b"lost").unwrap();
    writer.mapping.region.fail_flush(2);
    match writer.sync().unwrap_err() {
        SyncError::Io { durable: 1, source, .. } => assert_eq!(source.raw_os_error(), Some(5)),
        other => panic!("{other}"),
    }
    assert_eq!(writer.mapping.durable(), 1, "the record that never arrived is not blessed");
    let poisoned = PoisonReason::SyncFailed;
    assert!(
        matches!(writer.append(b"no"), Err(WriteError::Poisoned { reason }) if reason == poisoned)
    );
    assert!(matches!(writer.claim(1), Err(WriteError::Poisoned { .. })));
    assert!(matches!(writer.sync(), Err(SyncError::Poisoned { reason }) if reason == poisoned));
    let mut reader = Reader::over(Arc::clone(&writer.mapping));
    assert_eq!(reader.iter().count(), 2);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::SyncFailed));
    assert!(matches!(writer.close(), Err(CloseError::Poisoned { .. })));
}

/// Between the failure and its news to the writer lies a moment, in which another thread may close.
#[test]
fn a_close_that_overtakes_a_failed_sync_tells_of_it() {
    let mut writer = channel(&small());
    writer.append(b"lost").unwrap();
    let mapping = Arc::clone(&writer.mapping);
    mapping.region.fail_flush(1);
    let target = writer.sync_target().unwrap();
    assert!(matches!(writer.durability.flush(&mapping, target), Err(SyncError::Io { .. })));
    assert!(matches!(writer.close_shared(), Err(CloseError::Poisoned { .. })));
    writer.sync_failed();
    assert!(matches!(writer.sync(), Err(SyncError::Poisoned { .. })));
    let mut reader = Reader::over(mapping);
    assert_eq!(reader.iter().count(), 1);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::SyncFailed));
}

#[test]
fn every_handle_learns_of_a_failed_sync() {
    let shared = channel(&small()).into_shared();
    let other = shared.clone();
    shared.append(b"lost").unwrap();
    shared.claim(0).unwrap().commit();
    let mapping = {
        let claim = shared.claim(0).unwrap();
        Arc::clone(claim_mapping(&claim))
    };
    mapping.region.fail_flush(1);
    assert!(matches!(other.sync(), Err(SyncError::Io { .. })));
    assert!(matches!(shared.append(b"no"), Err(WriteError::Poisoned { .. })));
    assert!(matches!(shared.sync(), Err(SyncError::Poisoned { .. })));
    assert!(matches!(shared.close(), Err(CloseError::Poisoned { .. })));
}

fn claim_mapping<W: DerefMut<Target = Writer>>(claim: &Claim<W>) -> &Arc<Mapping> {
    &claim.writer.mapping
}

#[test]
fn a_fence_stays_as_wide_as_it_was_where_it_can() {
    let mut writer = channel(&small());
    let [wide, narrow] = [100, 10].map(|len| writer.header().frame_size(len));
    writer.append(&[1; 100]).unwrap();
    let page = writer.tail.offset / PAGE_SIZE;
    while writer.tail.offset / PAGE_SIZE == page {
        writer.append(&[1; 10]).unwrap();
    }
    writer.append(&[1; 10]).unwrap();
    assert_eq!(writer.tail.fence.size(), wide, "in a new page");
    while writer.append(&[1; 10]).is_ok() {}
    assert!(writer.available() < narrow, "and all of the room can be used");
}

#[test]
fn a_writer_stops_when_somebody_else_writes() {
    let mut writer = channel(&small());
    writer.append(&[1; 100]).unwrap();
    while writer.tail.fence.covers(writer.tail.offset) {
        writer.append(&[1; 100]).unwrap();
    }
    writer.mapping.region.store(writer.tail.offset, 0xBAD).unwrap();
    let poisoned = writer.append(&[1; 100]).err();
    match poisoned {
        Some(WriteError::Poisoned {
            reason: PoisonReason::ForeignWrite { found: 0xBAD, offset },
        }) => assert_eq!(offset, writer.tail.offset),
        other => panic!("{other:?}"),
    }
    let tail = writer.tail.offset;
    let mapping = Arc::clone(&writer.mapping);
    assert!(matches!(writer.close(), Err(CloseError::Poisoned { .. })));
    assert_eq!(mapping.region.load(tail), Some(0xBAD), "not overwritten by a close mark");
}

#[test]
fn time_stamps_stand_still_while_the_clock_is_behind() {
    use std::cell::Cell;
    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }
    fn clock() -> Timestamp {
        Timestamp::from_nanos(NOW.get())
    }
    let mut writer = channel(&small().time_stamps().clock(clock));
    let mut reader = Reader::over(Arc::clone(&writer.mapping));
    let mut stamp_at = |now| {
        NOW.set(now);
        writer.append(b"").unwrap();
        let lag = writer.clock_lag();
        let next = reader.try_next().unwrap().record().unwrap();
        (next.timestamp.unwrap().as_nanos(), lag)
    };
    assert_eq!(stamp_at(5_000_000_000), (5_000_000_000, None));
    assert_eq!(stamp_at(4_500_000_000), (5_000_000_000, None));
    assert_eq!(stamp_at(3_000_000_000), (5_000_000_000, Some(Duration::from_secs(2))));
    assert_eq!(stamp_at(6_000_000_000), (6_000_000_000, Some(Duration::from_secs(2))));
}

#[test]
fn a_panic_closes_with_its_own_reason() {
    let writer = channel(&small());
    let mapping = Arc::clone(&writer.mapping);
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _writer = writer;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    let mut reader = Reader::over(mapping);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Panicked));
}

#[test]
fn lengths_are_refused_with_their_numbers() {
    let mut writer = channel(&ChannelOptions::new().bytes(64).max_payload(16));
    assert!(matches!(writer.append(&[0; 17]), Err(WriteError::TooLong { len: 17, max: 16 })));
    assert!(matches!(writer.claim(17), Err(WriteError::TooLong { len: 17, max: 16 })));
    let claim = writer.claim(8).unwrap();
    assert!(matches!(claim.commit_first(9), Err(WriteError::TooLong { len: 9, max: 8 })));
    writer.append(&[1; 16]).unwrap();
    writer.append(&[1; 16]).unwrap();
    match writer.append(&[1; 16]) {
        Err(WriteError::Full { needed: 24, available: 16 }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(writer.append(&[1; 8]).unwrap(), 2, "a shorter one still fits");
}
