//! Programs of different versions and the files of each: raised, by their prefix, passed over,
//! handed over as bytes, upcast, and read without any type.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

use kekbit_channel::{
    Channel, ChannelOptions, DynamicReader, Merge, Merged, Next, OpenError, ReadErrorKind,
    ReadOptions, Reader, Record, TypedReader, TypedWriter, ValueOrRaw, Wait, Writer, recover,
};
use tempfile::TempDir;

mod v1 {
    use kekbit_channel::Record;

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) enum Event {
        Opened { id: u64 },
        Closed,
    }
}

mod v2 {
    use kekbit_channel::Record;

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(extends = super::v1::Event)]
    pub(super) enum Event {
        Opened {
            id: u64,
            #[record(default = 5)]
            venue: u16,
        },
        Closed,
        Moved {
            to: [u32; 4],
        },
    }
}

/// Another unit, and so no version by the rules.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Sighting {
    key: u128,
}

impl From<v1::Event> for Sighting {
    fn from(event: v1::Event) -> Sighting {
        match event {
            v1::Event::Opened { id } => Sighting { key: id.into() },
            v1::Event::Closed => Sighting { key: u128::MAX },
        }
    }
}

impl From<Other> for Sighting {
    fn from(other: Other) -> Sighting {
        Sighting { key: other.0.into() }
    }
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Other(u8);

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("channel.kekbit");
    (folder, path)
}

fn write<T: Record>(path: &Path, values: &[T]) {
    let options = ChannelOptions::new().records(values.len() as u64).time_stamps();
    let mut writer = TypedWriter::create(path, &options).unwrap();
    for value in values {
        writer.append(value).unwrap();
    }
}

fn values<T: Record>(reader: &mut TypedReader<T>) -> Vec<T> {
    reader.iter().map(|record| record.unwrap().value).collect()
}

const OLD: [v1::Event; 3] =
    [v1::Event::Opened { id: 1 }, v1::Event::Closed, v1::Event::Opened { id: 3 }];
const RAISED: [v2::Event; 3] = [
    v2::Event::Opened { id: 1, venue: 5 },
    v2::Event::Closed,
    v2::Event::Opened { id: 3, venue: 5 },
];
const NEW: [v2::Event; 4] = [
    v2::Event::Opened { id: 1, venue: 9 },
    v2::Event::Moved { to: [1, 2, 3, 4] },
    v2::Event::Closed,
    v2::Event::Moved { to: [5, 6, 7, 8] },
];

#[test]
fn an_older_file_is_read_with_what_it_lacks_filled_in() {
    let (_folder, path) = place();
    write(&path, &OLD);
    let mut reader = TypedReader::<v2::Event>::open(&path).unwrap();
    assert_eq!(values(&mut reader), RAISED);
    assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
    reader.seek(0).unwrap();
    assert_eq!(
        reader.batch(2).map(|record| record.unwrap().value).collect::<Vec<_>>(),
        RAISED[..2]
    );
    let followed: Vec<_> = reader.follow(Wait::Spin).map(|record| record.unwrap().value).collect();
    assert_eq!(followed, RAISED[2..]);
    assert_eq!(reader.get(2).unwrap().unwrap().value, RAISED[2]);
    let mut other = reader.clone();
    other.seek(1).unwrap();
    assert_eq!(other.try_next().unwrap().record().unwrap().value, RAISED[1]);
}

#[test]
fn an_older_file_has_no_views_and_says_so() {
    let (_folder, path) = place();
    write(&path, &OLD);
    let mut reader = TypedReader::<v2::Event>::open(&path).unwrap();
    let error = reader.views().map(|_| ()).unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::NoViews { .. }));
    assert!(error.to_string().contains("can be decoded (`iter`, `try_next`)"), "{error}");
    let error = Channel::<v2::Event>::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Older { .. }));
    assert!(error.to_string().contains("read them with `TypedReader`"), "{error}");
}

#[test]
fn a_variant_that_came_later_is_told_passed_over_or_handed_over() {
    let (_folder, path) = place();
    write(&path, &NEW);

    let mut reader = TypedReader::<v1::Event>::open(&path).unwrap();
    let read: Vec<_> = reader.iter().collect();
    assert_eq!(read.len(), 4);
    assert_eq!(read[0].as_ref().unwrap().value, v1::Event::Opened { id: 1 });
    let error = read[1].as_ref().unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::UnknownVariant { sequence: 1, .. }), "{error}");
    assert!(error.to_string().contains("`ReadOptions::skip_unknown_variants`"), "{error}");
    assert_eq!(read[2].as_ref().unwrap().sequence, 2);
    assert!(matches!(
        reader.get(3).unwrap_err().kind(),
        ReadErrorKind::UnknownVariant { sequence: 3, .. }
    ));

    let options = ReadOptions::new().skip_unknown_variants();
    let mut reader = TypedReader::<v1::Event>::open_with(&path, &options).unwrap();
    let known = [v1::Event::Opened { id: 1 }, v1::Event::Closed];
    assert_eq!(values(&mut reader), known);
    reader.seek(0).unwrap();
    let sequences: Vec<_> = reader.follow(Wait::Spin).map(|r| r.unwrap().sequence).collect();
    assert_eq!(sequences, [0, 2]);
    reader.seek(0).unwrap();
    assert_eq!(reader.batch(3).filter(Result::is_ok).count(), 2);
    assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
    reader.seek(1).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().sequence, 2);

    let mut reader = TypedReader::<v1::Event>::open(&path).unwrap();
    let schema = DynamicReader::open(&path).unwrap().schema().clone();
    let mut raw = Vec::new();
    for record in reader.iter_or_raw() {
        let record = record.unwrap();
        match record.value {
            ValueOrRaw::Value(value) => assert_eq!(value, known[raw.len()]),
            ValueOrRaw::Raw(payload) => {
                let value = schema.datum(payload).unwrap().value().unwrap();
                raw.push((record.sequence, format!("{value:?}")));
            }
        }
    }
    assert_eq!(raw.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [1, 3]);
    assert!(raw[0].1.contains("Moved"), "{raw:?}");
    reader.seek(3).unwrap();
    let next = reader.try_next_or_raw().unwrap().record().unwrap();
    assert!(matches!(next.value, ValueOrRaw::Raw(_)));
    reader.seek(0).unwrap();
    assert_eq!(reader.follow_or_raw(Wait::Spin).filter(Result::is_ok).count(), 4);
}

/// Views of a newer file: of what is known, in place.
#[test]
fn a_newer_file_has_views() {
    let (_folder, path) = place();
    write(&path, &NEW);
    let channel = Channel::<v1::Event>::open(&path).unwrap();
    let views: Vec<_> = channel.views().map(|view| view.unwrap().value).collect();
    assert!(matches!(views[0], Ok(v1::EventView::Opened(view)) if view.id() == 1));
    assert!(views[1].as_ref().is_err_and(|invalid| invalid.is_unknown_variant()));
    assert_eq!(channel.reader().iter().filter(Result::is_ok).count(), 2);
}

/// In a file of one's own version there are no later variants: a strange tag is damage.
#[test]
fn a_tag_that_no_version_knows_is_no_later_variant() {
    let (_folder, path) = place();
    let schema_of = |path: &Path| Reader::open(path).unwrap().header().clone();
    write(&path, &NEW[..1]);
    let header = schema_of(&path);
    assert_eq!(header.max_payload, 18);
    // The same bytes with a tag that neither version has, in a file without checksums.
    let strange = path.with_file_name("strange.kekbit");
    let options = ChannelOptions::new().records(1).without_checksums();
    TypedWriter::create(&strange, &options).unwrap().append(&NEW[0]).unwrap();
    let mut bytes = std::fs::read(&strange).unwrap();
    let offset = usize::try_from(schema_of(&strange).data_offset).unwrap() + 8;
    bytes[offset] = 77;
    std::fs::write(&strange, bytes).unwrap();
    let options = ReadOptions::new().skip_unknown_variants();
    let mut reader = TypedReader::<v1::Event>::open_with(&strange, &options).unwrap();
    let error = reader.try_next().unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::Invalid { sequence: 0, .. }), "{error}");
    assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
    let mut reader = TypedReader::<v1::Event>::open(&strange).unwrap();
    assert!(matches!(reader.try_next_or_raw().unwrap_err().kind(), ReadErrorKind::Invalid { .. }));
}

#[test]
fn another_type_is_read_through_a_conversion() {
    let (folder, path) = place();
    write(&path, &OLD);
    let refused = TypedReader::<Sighting>::open(&path).unwrap_err();
    assert!(refused.to_string().contains("`ReadOptions::upcast` converts"), "{refused}");

    let options = ReadOptions::new().upcast::<Other>().upcast::<v1::Event>();
    let keys = |path: &Path| -> Vec<u128> {
        let mut reader = TypedReader::<Sighting>::open_with(path, &options).unwrap();
        assert!(path.ends_with("own") || reader.views().is_err());
        reader.iter().map(|record| record.unwrap().key).collect()
    };
    assert_eq!(keys(&path), [1, u128::MAX, 3]);
    // A file of a newer version of what is upcast, and of the type itself.
    let newer = folder.path().join("newer");
    write(&newer, &NEW[..1]);
    assert_eq!(keys(&newer), [1]);
    let other = folder.path().join("other");
    write(&other, &[Other(8)]);
    assert_eq!(keys(&other), [8]);
    let own = folder.path().join("own");
    write(&own, &[Sighting { key: 4 }]);
    assert_eq!(keys(&own), [4]);

    // Variants that came later are dealt with as without a conversion.
    let moved = folder.path().join("moved");
    write(&moved, &NEW[1..3]);
    let mut reader = TypedReader::<Sighting>::open_with(&moved, &options).unwrap();
    assert!(matches!(
        reader.try_next().unwrap_err().kind(),
        ReadErrorKind::UnknownVariant { sequence: 0, .. }
    ));
    let skipping = options.clone().skip_unknown_variants();
    let mut reader = TypedReader::<Sighting>::open_with(&moved, &skipping).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().key, u128::MAX);

    // What none of them is stays refused.
    let raw = folder.path().join("raw");
    Writer::create(&raw, &ChannelOptions::new().bytes(64)).unwrap();
    let error = TypedReader::<Sighting>::open_with(&raw, &options).unwrap_err();
    assert!(matches!(error, OpenError::Raw { .. }), "{error}");
}

/// Files of all versions in one stream, in the type of now.
#[test]
fn a_merge_reads_files_of_several_versions() {
    let (folder, path) = place();
    write(&path, &OLD);
    let newer = folder.path().join("newer");
    write(&newer, &NEW);
    let inputs = vec![TypedReader::open(&path).unwrap(), TypedReader::open(&newer).unwrap()];
    let mut merge = Merge::<v2::Event>::strict(inputs).unwrap();
    let mut merged = Vec::new();
    while let Merged::Record { record, .. } = merge.try_next().unwrap() {
        merged.push(record.value);
    }
    assert_eq!(merged, [RAISED.as_slice(), NEW.as_slice()].concat());
}

/// Recovery does not ask for types, and what it seals is read by all versions.
#[test]
fn an_older_file_can_be_recovered() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(8);
    let mut writer = TypedWriter::create(&path, &options).unwrap();
    writer.append(&OLD[0]).unwrap();
    // As a writer that died would leave it: a copy made while it runs, without a close mark.
    let copy = path.with_file_name("copy.kekbit");
    std::fs::copy(&path, &copy).unwrap();
    drop(writer);
    assert_eq!(recover(&copy).unwrap().records, 1);
    let mut reader = TypedReader::<v2::Event>::open(&copy).unwrap();
    assert_eq!(values(&mut reader), RAISED[..1]);
}

#[test]
fn every_record_is_read_without_its_type() {
    let (_folder, path) = place();
    write(&path, &NEW);
    let mut reader = DynamicReader::open(&path).unwrap();
    assert_eq!(reader.schema().name(), "Event");
    assert_eq!(reader.record_count().unwrap(), 4);
    let shown: Vec<_> = reader.iter().map(|r| format!("{:?}", r.unwrap().value())).collect();
    assert!(shown[1].contains("Moved") && shown[2].contains("Closed"), "{shown:?}");
    reader.seek(1).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().sequence, 1);
    assert_eq!(reader.next_sequence(), 2);
    assert_eq!(reader.batch(9).len(), 2);
    assert_eq!(reader.follow(Wait::Spin).count(), 2);
    assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
    reader.seek_to_end().unwrap();
    assert_eq!(reader.next_sequence(), 4);
    let first = reader.get(0).unwrap().unwrap();
    let time = first.timestamp.unwrap();
    reader.seek_to_time(time).unwrap();
    assert_eq!(reader.next_sequence(), 0);
    assert_eq!(reader.header().stride, 40);
    assert!(reader.get(4).unwrap().is_none());
}

#[test]
fn a_channel_without_a_schema_is_not_read_by_it() {
    let (_folder, path) = place();
    Writer::create(&path, &ChannelOptions::new().bytes(64)).unwrap();
    let error = DynamicReader::open(&path).unwrap_err();
    assert!(error.to_string().ends_with("has no schema; read it with `Reader`"), "{error}");
}

/// Of another type, and one of its numbers has no value here.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Picky {
    number: u64,
}

impl From<v1::Event> for Picky {
    fn from(event: v1::Event) -> Picky {
        match event {
            v1::Event::Opened { id: 1 } | v1::Event::Closed => resume_unwind(Box::new("picky")),
            v1::Event::Opened { id } => Picky { number: id },
        }
    }
}

/// As an error does, a panic of the user's conversion passes the one record, and nothing else.
#[test]
fn a_conversion_that_panics_costs_one_record() {
    let (_folder, path) = place();
    let mut writer =
        TypedWriter::<v1::Event>::create(&path, &ChannelOptions::new().records(4)).unwrap();
    for id in 0..4 {
        writer.append(&v1::Event::Opened { id }).unwrap();
    }
    writer.close().unwrap();
    let upcast = || ReadOptions::<Picky>::new().upcast::<v1::Event>();
    for options in [upcast(), upcast().skip_unknown_variants()] {
        let reader = TypedReader::<Picky>::open_with(&path, &options).unwrap();
        type Poll = fn(&mut TypedReader<Picky>) -> Option<u64>;
        let polls: [Poll; 5] = [
            |reader| Some(reader.try_next().unwrap().record()?.number),
            |reader| Some(reader.iter().next()?.unwrap().number),
            |reader| Some(reader.follow(Wait::Spin).next()?.unwrap().number),
            |reader| Some(reader.batch(4).next()?.unwrap().number),
            |reader| match reader.try_next_or_raw().unwrap().record()?.value {
                ValueOrRaw::Value(value) => Some(value.number),
                ValueOrRaw::Raw(_) => None,
            },
        ];
        for poll in polls {
            let mut reader = reader.clone();
            assert_eq!(poll(&mut reader), Some(0));
            assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut reader))).is_err());
            assert_eq!(reader.next_sequence(), 2);
            assert!(catch_unwind(AssertUnwindSafe(|| reader.get(1))).is_err());
            assert_eq!(poll(&mut reader), Some(2));
            assert_eq!(poll(&mut reader), Some(3));
            assert_eq!(poll(&mut reader), None);
            assert!(matches!(reader.try_next(), Ok(Next::Closed(_))));
        }
        // A run goes on behind it, too.
        let mut reader = reader.clone();
        let mut batch = reader.batch(4);
        assert_eq!(batch.next().unwrap().unwrap().number, 0);
        assert!(catch_unwind(AssertUnwindSafe(|| batch.next())).is_err());
        assert_eq!(batch.map(|record| record.unwrap().number).collect::<Vec<_>>(), [2, 3]);
    }
}
