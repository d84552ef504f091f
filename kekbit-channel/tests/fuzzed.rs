//! What fuzzing has found, each as a property that holds since.
//!
//! The inputs are in `fuzz/corpus`; here is what was wrong, in words and in few lines.

#[path = "support/image.rs"]
mod image;

use image::Spec;
use kekbit_channel::{ReadErrorKind, Reader};

/// In a copy of a channel with a stride, a reader that had come upon the damage before let itself
/// be put in front of it; one that had not refused, as in a raw channel.
#[test]
fn a_seek_to_a_damaged_record_does_not_depend_on_what_was_read_before() {
    let folder = tempfile::tempdir().unwrap();
    for (name, spec) in [("raw", Spec::raw(1024)), ("stride", Spec::numbers(20))] {
        let path = folder.path().join(name);
        let mut image = spec.image();
        image.numbers(3);
        let damaged = image.tail;
        image.numbers(3);
        image.bytes[damaged + 9] ^= 1;
        image.write(&path);
        let mut reader = Reader::open(&path).unwrap();
        for walked in [false, true] {
            if walked {
                assert!(matches!(
                    reader.record_count().unwrap_err().kind(),
                    ReadErrorKind::Damaged { .. }
                ));
            }
            reader.seek(3).unwrap_or_else(|error| panic!("{name}, {walked}: {error}"));
            assert_eq!(reader.next_sequence(), 3);
            let error = reader.try_next().unwrap_err();
            assert!(matches!(error.kind(), ReadErrorKind::Damaged { sequence: 3, .. }), "{error}");
            assert!(reader.seek(4).is_err(), "{name}: what is behind cannot be found");
            reader.seek(1).unwrap();
        }
    }
}
