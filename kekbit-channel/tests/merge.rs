//! Goal: a merge gives every record of its inputs once, in the order of their stamps as far as that
//! was promised, and says which came late.
//!
//! Method: writers and merge take the time from one clock, which the test sets; so each case is a
//! list of events and the list of what the merge gives.

#[path = "support/image.rs"]
mod image;

use std::{cell::Cell, path::PathBuf, time::Duration};

use kekbit_channel::{
    ChannelOptions, Merge, MergeError, Merged, ReadErrorKind, Record, Timestamp, TypedReader,
    TypedWriter, recover,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::image::{Image, Spec};

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp::from_nanos(NOW.get())
}

/// Channels that are written side by side.
struct Channels {
    folder: TempDir,
    writers: Vec<Option<TypedWriter<Number>>>,
}

impl Channels {
    fn new(count: usize) -> Channels {
        let folder = tempfile::tempdir().unwrap();
        let options = ChannelOptions::new().records(100).time_stamps().clock(clock);
        let writers = (0..count)
            .map(|input| {
                let path = folder.path().join(format!("{input}.kekbit"));
                Some(TypedWriter::create(path, &options).unwrap())
            })
            .collect();
        Channels { folder, writers }
    }

    fn path(&self, input: usize) -> PathBuf {
        self.folder.path().join(format!("{input}.kekbit"))
    }

    fn readers(&self) -> Vec<TypedReader<Number>> {
        (0..self.writers.len()).map(|input| TypedReader::open(self.path(input)).unwrap()).collect()
    }

    /// Appends a record whose value is its stamp.
    fn append(&mut self, input: usize, now: u64) {
        NOW.set(now);
        self.writers[input].as_mut().unwrap().append(&Number { value: now }).unwrap();
    }

    fn close(&mut self, input: usize) {
        self.writers[input].take().unwrap().close().unwrap();
    }
}

/// Everything that the merge gives now: input, stamp, and whether it is late. And whether all
/// inputs have ended.
fn drain(merge: &mut Merge<Number>) -> (Vec<(usize, u64, bool)>, bool) {
    let mut found = Vec::new();
    loop {
        match merge.try_next().unwrap() {
            Merged::Record { input, late, record, .. } => {
                assert_eq!(record.timestamp, Some(Timestamp::from_nanos(record.value.value)));
                found.push((input, record.value.value, late));
            }
            Merged::Pending => return (found, false),
            Merged::Ended => return (found, true),
            other => panic!("{other:?}"),
        }
    }
}

const ON_TIME: bool = false;
const LATE: bool = true;

#[test]
fn a_strict_merge_waits_for_every_open_input() {
    let mut channels = Channels::new(3);
    let mut merge = Merge::strict(channels.readers()).unwrap().clock(clock);
    assert_eq!(drain(&mut merge), (vec![], false));
    channels.append(0, 10);
    channels.append(0, 40);
    channels.append(1, 20);
    NOW.set(u64::MAX);
    assert_eq!(drain(&mut merge), (vec![], false), "the third input may still say something");
    channels.append(2, 30);
    assert_eq!(drain(&mut merge), (vec![(0, 10, ON_TIME), (1, 20, ON_TIME)], false));
    channels.append(1, 50);
    assert_eq!(drain(&mut merge), (vec![(2, 30, ON_TIME)], false));
    channels.close(2);
    assert_eq!(drain(&mut merge), (vec![(0, 40, ON_TIME)], false));
    channels.close(0);
    assert_eq!(drain(&mut merge), (vec![(1, 50, ON_TIME)], false));
    channels.append(1, 60);
    assert_eq!(drain(&mut merge), (vec![(1, 60, ON_TIME)], false));
    channels.close(1);
    assert_eq!(drain(&mut merge), (vec![], true));
    assert_eq!(drain(&mut merge), (vec![], true));
}

#[test]
fn ties_go_by_input_and_then_by_number() {
    let mut channels = Channels::new(3);
    for input in [2, 0, 1, 0, 2] {
        channels.append(input, 7);
    }
    for input in 0..3 {
        channels.close(input);
    }
    let mut merge = Merge::strict(channels.readers()).unwrap();
    let mut found = Vec::new();
    while let Merged::Record { input, late, record, .. } = merge.try_next().unwrap() {
        assert!(!late);
        found.push((input, record.sequence));
    }
    assert_eq!(found, [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]);
}

#[test]
fn a_merge_within_a_delay_waits_no_longer_and_marks_what_is_late() {
    let mut channels = Channels::new(2);
    let delay = Duration::from_nanos(100);
    let mut merge = Merge::within(channels.readers(), delay).unwrap().clock(clock);
    channels.append(0, 1000);
    NOW.set(1099);
    assert_eq!(drain(&mut merge), (vec![], false), "not yet due");
    NOW.set(1100);
    assert_eq!(drain(&mut merge), (vec![(0, 1000, ON_TIME)], false));
    // The other input was slow: these are stamped before what was given out.
    channels.append(1, 998);
    channels.append(1, 1000);
    channels.append(1, 1001);
    NOW.set(1100);
    assert_eq!(drain(&mut merge), (vec![(1, 998, LATE), (1, 1000, ON_TIME)], false));
    NOW.set(1101);
    assert_eq!(drain(&mut merge), (vec![(1, 1001, ON_TIME)], false));
    // With both there, nothing needs to wait.
    channels.append(0, 2000);
    channels.append(1, 2001);
    NOW.set(2001);
    assert_eq!(drain(&mut merge), (vec![(0, 2000, ON_TIME)], false));
    // An input that has ended is not waited for.
    channels.close(0);
    assert_eq!(drain(&mut merge), (vec![(1, 2001, ON_TIME)], false));
    channels.close(1);
    assert_eq!(drain(&mut merge), (vec![], true));
}

#[test]
fn a_delay_that_reaches_past_all_time_is_no_trouble() {
    let mut channels = Channels::new(2);
    let mut merge = Merge::within(channels.readers(), Duration::MAX).unwrap().clock(clock);
    channels.append(0, 5);
    NOW.set(u64::MAX - 1);
    assert_eq!(drain(&mut merge), (vec![], false));
    let mut merge = Merge::within(channels.readers(), Duration::ZERO).unwrap().clock(clock);
    NOW.set(4);
    assert_eq!(drain(&mut merge), (vec![], false), "a stamp in the future is waited for");
    NOW.set(5);
    assert_eq!(drain(&mut merge), (vec![(0, 5, ON_TIME)], false));
}

#[test]
fn a_merge_of_nothing_has_ended() {
    assert_eq!(drain(&mut Merge::strict(Vec::new()).unwrap()), (vec![], true));
    let mut channels = Channels::new(1);
    let mut merge = Merge::strict(channels.readers()).unwrap();
    assert_eq!(drain(&mut merge), (vec![], false));
    channels.append(0, 1);
    assert_eq!(drain(&mut merge), (vec![(0, 1, ON_TIME)], false));
    channels.close(0);
    assert_eq!(drain(&mut merge), (vec![], true));
}

#[test]
fn an_abandoned_input_leaves_and_a_recovered_one_stays_away() {
    let mut channels = Channels::new(1);
    let dead = channels.folder.path().join("dead.kekbit");
    let mut image: Image = Spec::numbers(100).stamped().image();
    image.record(3, &3_u64.to_le_bytes()).record(8, &8_u64.to_le_bytes()).write(&dead);
    // The schema of the image is that of the type.
    let mut inputs = channels.readers();
    inputs.push(TypedReader::open(&dead).unwrap());
    let mut merge = Merge::strict(inputs).unwrap();
    channels.append(0, 5);
    let found = vec![(1, 3, ON_TIME), (0, 5, ON_TIME)];
    assert_eq!(drain(&mut merge), (found, false), "8 waits for the living input");
    channels.append(0, 9);
    let found = vec![(1, 8, ON_TIME), (0, 9, ON_TIME)];
    assert_eq!(drain(&mut merge), (found, false), "nobody waits for the dead one");
    recover(&dead).unwrap();
    channels.append(0, 11);
    assert_eq!(drain(&mut merge), (vec![(0, 11, ON_TIME)], false));
    channels.close(0);
    assert_eq!(drain(&mut merge), (vec![], true));
}

#[test]
fn inputs_without_time_stamps_are_refused_by_name() {
    let mut channels = Channels::new(1);
    channels.append(0, 1);
    let plain = channels.folder.path().join("plain.kekbit");
    let _writer =
        TypedWriter::<Number>::create(&plain, &ChannelOptions::new().records(10)).unwrap();
    for strict in [true, false] {
        let mut inputs = channels.readers();
        inputs.push(TypedReader::open(&plain).unwrap());
        let merge = if strict {
            Merge::strict(inputs)
        } else {
            Merge::within(inputs, Duration::from_secs(1))
        };
        let error = merge.unwrap_err();
        assert!(matches!(error, MergeError::NoTimeStamps { input: 1, .. }));
        assert_eq!(
            error.to_string(),
            format!(
                "input 1, `{}`, has no time stamps, by which a merge orders; they are an option of \
                 its creation",
                plain.display()
            )
        );
    }
}

#[test]
fn damage_in_an_input_is_told_again_and_again() {
    let channels = Channels::new(0);
    let path = |name: &str| channels.folder.path().join(name);
    let (damaged, whole) = (path("damaged"), path("whole"));
    let spec = Spec::numbers(10).stamped();
    let mut image = spec.image();
    image.record(1, &1_u64.to_le_bytes()).record(2, &2_u64.to_le_bytes());
    let at = image.slot(1) + 16;
    image.bytes[at] ^= 1;
    image.write(&damaged);
    spec.image().record(1, &1_u64.to_le_bytes()).close(1).write(&whole);
    let inputs = vec![TypedReader::open(&damaged).unwrap(), TypedReader::open(&whole).unwrap()];
    let mut merge: Merge<Number> = Merge::strict(inputs).unwrap();
    assert!(matches!(merge.try_next(), Ok(Merged::Record { input: 0, .. })));
    for _ in 0..2 {
        assert!(matches!(
            merge.try_next().unwrap_err().kind(),
            ReadErrorKind::Damaged { sequence: 1, .. }
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written when: a strict merge gives all of it, sorted, and nothing late.
    #[test]
    fn a_strict_merge_sorts(
        steps in prop::collection::vec((0..3_usize, 0..5_u64, any::<bool>()), 0..60),
    ) {
        let mut channels = Channels::new(3);
        let mut merge = Merge::strict(channels.readers()).unwrap().clock(clock);
        let (mut found, mut expected, mut now) = (Vec::new(), Vec::new(), 0);
        for (input, passed, look) in steps {
            now += passed;
            channels.append(input, now);
            expected.push((now, input));
            if look {
                found.extend(drain(&mut merge).0);
            }
        }
        for input in 0..3 {
            channels.close(input);
        }
        let (rest, ended) = drain(&mut merge);
        found.extend(rest);
        prop_assert!(ended);
        expected.sort_unstable();
        let sorted: Vec<_> = expected.iter().map(|(now, input)| (*input, *now, ON_TIME)).collect();
        prop_assert_eq!(found, sorted);
    }
}
