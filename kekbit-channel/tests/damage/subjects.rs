//! The channels that are damaged: small ones of every kind, undamaged.

use std::{fmt::Write, fs, os::unix::fs::MetadataExt, path::Path, time::UNIX_EPOCH};

use kekbit_channel::{Record, View};

use crate::{
    image::{self, CHECKSUMS, Image, PAGE, Spec, TIME_STAMPS},
    ways::{Held, Nowhere},
};

/// The type of `Spec::numbers`.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    value: u64,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
pub(crate) enum Side {
    Buy,
    Sell,
}

#[derive(Record, Debug, Clone, PartialEq)]
pub(crate) struct Leg {
    quantity: u64,
    kind: u16,
}

/// The type of the golden files.
#[derive(Record, Debug, Clone, PartialEq)]
pub(crate) struct Order {
    id: u64,
    side: Side,
    limit: Option<i64>,
    legs: [Leg; 2],
}

impl Held for Number {
    fn show(view: &View<'_, Number>, sink: &mut Nowhere) {
        write!(sink, "{view:?}").unwrap();
    }
}

impl Held for Order {
    fn show(view: &View<'_, Order>, sink: &mut Nowhere) {
        write!(sink, "{view:?}").unwrap();
    }
}

/// What the records are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Raw,
    Numbers,
    Orders,
}

#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) image: Image,
    /// Whether it passes for the file that was created here and now.
    pub(crate) native: bool,
}

/// What tells a file from its copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) boot_id: [u8; 16],
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) born: Option<u64>,
}

impl Identity {
    pub(crate) fn of(path: &Path) -> Identity {
        let metadata = fs::metadata(path).unwrap();
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Identity {
            boot_id: image::boot_id(),
            device: metadata.dev(),
            inode: metadata.ino(),
            born: born.and_then(|since| u64::try_from(since.as_nanos()).ok()),
        }
    }
}

impl Identity {
    /// Whether the end of the file is searched: it passes for the one that was created in this
    /// boot, and no flush has failed.
    pub(crate) fn is_searched(&self, spec: &Spec) -> bool {
        self.is_original(spec)
            && spec.flushing <= 1
            && spec.boot_id != [0; 16]
            && spec.boot_id == self.boot_id
    }

    pub(crate) fn is_original(&self, spec: &Spec) -> bool {
        (spec.device, spec.inode) == (self.device, self.inode)
            && self.born.is_none_or(|born| born <= spec.created)
    }
}

impl Subject {
    fn new(name: &str, kind: Kind, image: &Image) -> Subject {
        Subject { name: name.to_owned(), kind, image: image.clone(), native: false }
    }

    pub(crate) fn is_checked(&self) -> bool {
        self.image.spec.flags & CHECKSUMS != 0
    }

    /// Whether a byte belongs to a field, a word, a stamp or a payload, or lies near one.
    pub(crate) fn has_meaning(&self, at: usize) -> bool {
        let spec = &self.image.spec;
        let data = spec.data_offset();
        let header = 0..160 + spec.schema.len();
        let state = data - PAGE..data - PAGE + 136;
        // The last word of the golden files is the end of a payload.
        let frames = data..self.image.tail + 16;
        header.contains(&at) || state.contains(&at) || frames.contains(&at)
    }

    /// A channel of the same kind with other records, whole.
    pub(crate) fn stranger(&self) -> Vec<u8> {
        let spec = Spec { channel_id: *b"another channel!", ..self.image.spec.clone() };
        let mut image = spec.image();
        while image.tail + 64 < image.bytes.len() && image.sequence < 2000 {
            let value = (image.sequence * 11).to_le_bytes();
            image.record(image.sequence, &value);
        }
        image.bytes
    }
}

fn raw(flags: u32) -> Spec {
    Spec { durable: 2, ..Spec::raw(600).flags(flags) }
}

/// Records of several lengths, and a padding.
fn fill(image: &mut Image) -> &mut Image {
    let alignment = u64::from(image.spec.alignment);
    image.record(7, b"").record(8, b"seventeen bytes..").record(8, &[0x10; 40]);
    image.padding(2 * alignment - 8).record(9, b"behind the padding")
}

fn golden(name: &str, kind: Kind) -> Subject {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1");
    let mut image = Image::of_file(&folder.join(name));
    // The golden files end behind their records.
    let data = image.spec.data_offset();
    image.tail = image.bytes.iter().rposition(|byte| *byte != 0).map_or(data, |last| last & !7);
    Subject::new(name, kind, &image)
}

/// One of every kind, at most four pages long.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    for flags in [CHECKSUMS, 0, CHECKSUMS | TIME_STAMPS, TIME_STAMPS] {
        all.push(Subject::new("raw, closed", Kind::Raw, fill(&mut raw(flags).image()).close(1)));
    }
    let line = Spec { alignment: 64, max_payload: 500, ..raw(CHECKSUMS | TIME_STAMPS) };
    all.push(Subject::new("raw in lines, abandoned", Kind::Raw, fill(&mut line.image())));
    all.push(Subject::new("raw, empty", Kind::Raw, &raw(CHECKSUMS).image()));
    for native in [false, true] {
        for flags in [CHECKSUMS, 0, CHECKSUMS | TIME_STAMPS, TIME_STAMPS] {
            let mut spec = Spec { durable: 4, ..Spec::numbers(12) };
            if flags & TIME_STAMPS != 0 {
                spec = spec.stamped();
            }
            let mut image = Spec { flags, ..spec }.image();
            image.numbers(7);
            let name = if native { "numbers, native" } else { "numbers, a copy" };
            for close in [false, true] {
                if close {
                    image.close(4).patch(|spec| spec.durable = 7);
                }
                let name = format!("{name}, flags {flags}, closed {close}");
                let subject = Subject::new(&name, Kind::Numbers, &image);
                all.push(Subject { native, ..subject });
            }
        }
    }
    all.push(golden("raw-closed.kekbit", Kind::Raw));
    all.push(golden("raw-abandoned.kekbit", Kind::Raw));
    all.push(golden("orders-full.kekbit", Kind::Orders));
    all.push(golden("orders-unchecked-recovered.kekbit", Kind::Orders));
    all
}

/// A few for what is the same with all others.
pub(crate) fn few() -> Vec<Subject> {
    let mut line = Spec { alignment: 64, max_payload: 500, ..raw(0) }.image();
    let mut numbers = Spec { durable: 4, ..Spec::numbers(12).stamped() }.image();
    numbers.numbers(7);
    vec![
        Subject::new("raw", Kind::Raw, fill(&mut raw(CHECKSUMS).image()).close(1)),
        Subject::new("raw in lines, unchecked", Kind::Raw, fill(&mut line)),
        Subject::new("numbers", Kind::Numbers, &numbers),
        Subject { native: true, ..Subject::new("numbers, native", Kind::Numbers, &numbers) },
        golden("orders-unchecked-recovered.kekbit", Kind::Orders),
    ]
}

/// Channels whose data have several pages.
pub(crate) fn large() -> Vec<Subject> {
    let mut all = Vec::new();
    for (flags, native) in [(CHECKSUMS, false), (CHECKSUMS, true), (0, false), (0, true)] {
        let mut image = Spec { durable: 100, ..Spec::numbers(1000).flags(flags) }.image();
        image.numbers(900);
        let name = format!("many numbers, flags {flags}, native {native}");
        all.push(Subject { native, ..Subject::new(&name, Kind::Numbers, &image) });
    }
    let mut image = Spec { max_payload: 3000, ..Spec::raw(5 * 4096).flags(CHECKSUMS) }.image();
    for len in [3000, 1, 2000, 900, 0, 3000] {
        image.record(0, &vec![0x10; len]).padding(1000);
    }
    all.push(Subject::new("long records", Kind::Raw, image.close(1)));
    all
}
