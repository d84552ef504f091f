//! A header whose fields are anything, with the right checksums, or bytes that are changed in it:
//! everything that opens files accepts it if `docs/FORMAT.md` does, and refuses it if not.

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{
    Channel, DynamicReader, FixedStr, Loss, Merge, OpenError, ParsedSchema, Reader, Record,
    RecoverError, Relation, SeekError, Timestamp, TypedReader, recover_with, relate,
};

use crate::{
    image::{PAGE, Spec, crc32c, fingerprint},
    scratch::Scratch,
};

/// Versions of one record, which a file can be of.
#[derive(Record)]
#[record(name = "Order")]
struct Old {
    #[record(unit = "none")]
    id: u64,
}

#[derive(Record)]
#[record(name = "Order")]
struct Order {
    id: u64,
    limit: Option<u16>,
}

#[derive(Record)]
#[record(name = "Order")]
struct New {
    id: u64,
    limit: Option<u16>,
    note: Option<FixedStr<4>>,
}

const MAX_PAYLOAD: u64 = (1 << 28) - 64;
const SCHEMA_LEN_MAX: usize = 1 << 20;
/// Longer files are left to the tests of sizes; here each is written anew for each input.
const FILE_SIZE_MAX: usize = 64 << 10;

/// Fields of a header, and what is changed in the bytes of the file.
pub fn check(input: &[u8]) {
    // The input was too short to say what it is.
    let _ = case(&mut Unstructured::new(input));
}

fn case(input: &mut Unstructured<'_>) -> Result<()> {
    let spec = spec(input)?;
    let bytes = file(&spec, input)?;
    Scratch::with(|scratch| {
        scratch.fill(&bytes);
        open(scratch, &bytes);
        recovered(scratch, &bytes);
    });
    Ok(())
}

fn spec(input: &mut Unstructured<'_>) -> Result<Spec> {
    let mut spec = if bool::arbitrary(input)? { Spec::raw(256) } else { typed(input)? };
    for _ in 0..input.int_in_range(0..=4)? {
        let number = number(input)?;
        match u8::arbitrary(input)? % 17 {
            0 => spec.version = number as u32,
            1 => spec.flags = number as u32,
            2 => spec.channel_id = u128::from(number).to_le_bytes(),
            3 => spec.writer_id = number,
            4 => spec.predecessor = u128::arbitrary(input)?.to_le_bytes(),
            5 => spec.created = number,
            6 => spec.boot_id = crate::image::boot_id(),
            7 => spec.device = number,
            8 => Scratch::with(|file| (spec.device, spec.inode) = (file.device, file.inode)),
            9 => spec.writer_timeout = number,
            10 => spec.capacity = number,
            11 => spec.max_payload = number as u32,
            12 => spec.alignment = number as u32,
            13 => spec.stride = number,
            14 => spec.fingerprint = number,
            15 => spec.base_plus_one = number,
            _ => spec.durable = number,
        }
    }
    Ok(spec)
}

fn typed(input: &mut Unstructured<'_>) -> Result<Spec> {
    let texts = [Old::SCHEMA.text(), Order::SCHEMA.text(), New::SCHEMA.text()];
    let schema = match input.int_in_range(0..=3)? {
        3 => {
            let tree = crate::trees::tree(input, 2)?;
            tree.text()
        }
        index => texts[index].clone(),
    };
    let size = ParsedSchema::parse(&schema).map_or(8, |schema| schema.size() as u64);
    let stride = (8 + size).next_multiple_of(8);
    let (capacity, max_payload) = (stride.saturating_mul(4), size as u32);
    let fingerprint = fingerprint(&schema);
    Ok(Spec { schema, fingerprint, stride, max_payload, capacity, ..Spec::raw(16) })
}

/// Small, near a power of two, or any.
fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    let near = u64::from(u8::arbitrary(input)?);
    Ok(match u8::arbitrary(input)? % 6 {
        0 | 1 => near,
        2 => near * 8,
        3 => (1_u64 << (near % 64)).wrapping_sub(near / 64),
        4 => u64::MAX - near,
        _ => u64::arbitrary(input)?,
    })
}

/// As long as the header says, if that is not long; or of any other length.
fn file(spec: &Spec, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = spec.header();
    let size = file_size(spec.data_offset() as u64, spec.capacity, u64::from(spec.alignment));
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let mut size = size.min(FILE_SIZE_MAX).max(bytes.len());
    if input.ratio(1, 8)? {
        size = usize::from(u16::arbitrary(input)?);
    }
    bytes.resize(size, 0);
    if input.ratio(1, 4)? {
        add(&mut bytes, 8 + 4 * (usize::from(u8::arbitrary(input)?) % 37), number(input)?);
    }
    // In front of where the header says now that data starts.
    let data = number_at(&bytes, 16, 8).and_then(|data| usize::try_from(data).ok());
    let state = data.unwrap_or(0).saturating_sub(PAGE).min(2 * FILE_SIZE_MAX);
    if let Some(page) = bytes.get_mut(state..state + 72) {
        let base = spec.base_plus_one.to_le_bytes();
        page[..8].copy_from_slice(&base);
        page[8..12].copy_from_slice(&crc32c(&[&spec.channel_id, &base]).to_le_bytes());
        page[64..].copy_from_slice(&spec.durable.to_le_bytes());
    }
    let head = 160 + spec.schema.len() + 8;
    for _ in 0..input.int_in_range(0..=4)? {
        let at = match u8::arbitrary(input)? % 4 {
            0 => usize::from(u16::arbitrary(input)?),
            1 => state + usize::from(u8::arbitrary(input)?) % 80,
            2 => spec.data_offset() + usize::from(u8::arbitrary(input)?),
            _ => usize::from(u16::arbitrary(input)?) % head,
        };
        let byte = u8::arbitrary(input)?;
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
    }
    if bool::arbitrary(input)? {
        with_checksum(&mut bytes);
    }
    Ok(bytes)
}

/// Adds to the number at a place, if there is one.
fn add(bytes: &mut [u8], at: usize, number: u64) {
    if let Some(field) = number_at(bytes, at, 8) {
        bytes[at..at + 8].copy_from_slice(&field.wrapping_add(number).to_le_bytes());
    }
}

/// Puts the checksum of the header right, whatever is in it.
fn with_checksum(bytes: &mut [u8]) {
    let Some(len) = number_at(bytes, 144, 4).map(|len| len as usize) else { return };
    if let (Some(head), Some(schema)) = (bytes.get(..156), bytes.get(160..160 + len)) {
        let sum = crc32c(&[head, schema]);
        bytes[156..160].copy_from_slice(&sum.to_le_bytes());
    }
}

fn file_size(data: u64, capacity: u64, alignment: u64) -> Option<u64> {
    let frames = capacity.checked_next_multiple_of(alignment)?;
    let size = frames.checked_add(8)?.checked_add(data)?.checked_next_multiple_of(4096)?;
    Some(size).filter(|size| i64::try_from(*size).is_ok())
}

fn number_at(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + len)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The rules of "Header" and "State page", one by one.
fn is_good(bytes: &[u8]) -> Option<bool> {
    let at = |at, len| number_at(bytes, at, len);
    if bytes.get(..8)? != b"KEKBIT\r\n" || at(8, 4)? != 1 {
        return Some(false);
    }
    let schema_len = at(144, 4)? as usize;
    if SCHEMA_LEN_MAX < schema_len {
        return Some(false);
    }
    let schema = bytes.get(160..160 + schema_len)?;
    let (flags, data, capacity) = (at(12, 4)?, at(16, 8)?, at(112, 8)?);
    let (max_payload, alignment, stride) = (at(120, 4)?, at(124, 4)?, at(128, 8)?);
    let sum = u64::from(crc32c(&[&bytes[..156], schema]));
    let head = if flags & 2 == 0 { 8 } else { 16 };
    let fields = at(156, 4)? == sum
        && flags <= 3
        && data.is_multiple_of(4096)
        && 160 + schema_len as u64 + 4096 <= data
        && bytes[24..40] != [0; 16]
        && max_payload <= MAX_PAYLOAD
        && (alignment == 8 || alignment == 64)
        && at(148, 8)? == 0
        && std::str::from_utf8(schema).is_ok();
    if !fields {
        return Some(false);
    }
    let frame_size = (head + max_payload).next_multiple_of(alignment);
    let typed = schema_len != 0;
    let records = frame_size <= capacity
        && stride == if typed { frame_size } else { 0 }
        && (typed || at(136, 8)? == 0);
    let fits = file_size(data, capacity, alignment).is_some_and(|size| size <= bytes.len() as u64);
    if !records || !fits {
        return Some(false);
    }
    let state = (data - 4096) as usize;
    let base_plus_one = at(state, 8)?;
    let check = u64::from(crc32c(&[&bytes[24..40], &base_plus_one.to_le_bytes()]));
    let base = base_plus_one.checked_sub(1).and_then(|base| base.checked_add(capacity));
    Some(base.is_some() && at(state + 8, 8)? == check)
}

/// The schema of a typed file, if header and text say the same.
fn schema(bytes: &[u8]) -> Option<(ParsedSchema, String)> {
    let len = number_at(bytes, 144, 4)? as usize;
    let text = std::str::from_utf8(bytes.get(160..160 + len)?).ok()?;
    let schema = ParsedSchema::parse(text).ok()?;
    let same = number_at(bytes, 136, 8)? == fingerprint(text)
        && number_at(bytes, 120, 4)? == schema.size() as u64;
    same.then(|| (schema, text.to_owned()))
}

fn open(scratch: &Scratch, bytes: &[u8]) {
    let good = is_good(bytes).unwrap_or(false);
    let reader = Reader::open(&scratch.path);
    assert_eq!(reader.is_ok(), good, "{:?}", reader.err());
    let typed = good.then(|| schema(bytes)).flatten();
    let dynamic = DynamicReader::open(&scratch.path);
    assert_eq!(dynamic.is_ok(), typed.is_some(), "{:?}", dynamic.err());
    let relation = typed.as_ref().map(|(_, text)| relate(text, ORDER.with(|order| *order)));
    let value = TypedReader::<Order>::open(&scratch.path);
    let readable =
        matches!(relation, Some(Relation::Identical | Relation::Older | Relation::Newer));
    assert_eq!(value.is_ok(), readable, "{:?}, {:?}", value.err(), relation);
    let views = Channel::<Order>::open(&scratch.path);
    match views {
        Ok(channel) => {
            assert!(readable);
            channel.views().take(9).for_each(|view| drop(view.map(|view| view.id())));
        }
        Err(error) => assert_eq!(readable, matches!(error, OpenError::Older { .. }), "{error}"),
    }
    if let Ok(mut reader) = reader {
        read(&mut reader);
    }
    if let Ok(mut reader) = value {
        reader.iter().take(9).for_each(|found| drop(found.map(|order| (order.id, order.limit))));
        let _ = (reader.get(0).map(drop), Merge::strict(vec![reader]).map(drop));
    }
    if let Ok(mut reader) = dynamic {
        reader
            .iter()
            .take(9)
            .for_each(|found| drop(found.map(|found| found.value.value().map(drop))));
        let _ = reader.get(u64::MAX).map(drop);
    }
}

thread_local! {
    static ORDER: &'static str = Order::SCHEMA.text().leak();
}

fn read(reader: &mut Reader) {
    let first = reader.first_sequence();
    let count = reader.record_count();
    let taken =
        reader.iter().map(|found| found.map(drop)).collect::<std::result::Result<Vec<_>, _>>();
    if let (Ok(count), Ok(taken)) = (&count, &taken) {
        assert!(*count == taken.len() as u64 || reader.header().stride != 0);
    }
    for sequence in [0, first, first + 1, u64::MAX] {
        match reader.seek(sequence) {
            Err(SeekError::NoTimeStamps { .. }) => panic!("nobody asked for a time"),
            Ok(()) => assert_eq!(reader.next_sequence(), sequence),
            Err(_) => {}
        }
    }
    let stamped = !matches!(
        reader.seek_to_time(Timestamp::from_nanos(5)),
        Err(SeekError::NoTimeStamps { .. })
    );
    assert_eq!(stamped, reader.header().time_stamps);
    assert!(!format!("{reader:?}").is_empty());
}

fn recovered(scratch: &Scratch, bytes: &[u8]) {
    let good = is_good(bytes).unwrap_or(false);
    match recover_with(&scratch.path, Loss::Refused) {
        Err(RecoverError::Open(error)) => {
            assert!(!good && !error.to_string().is_empty(), "{error}");
            assert!(scratch.bytes() == bytes);
        }
        Err(RecoverError::Damaged { .. }) => assert!(good && scratch.bytes() == bytes),
        Ok(_) => assert!(good && scratch.bytes().len() == bytes.len()),
        Err(error) => panic!("{error}"),
    }
}
