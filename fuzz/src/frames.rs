//! A good header and frames that are good, edited, or no frames at all. All that readers and
//! recovery find is held against a scan of the same bytes that is written after `docs/FORMAT.md`.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::{
    image::{self, CHECKSUMS, Image, PAGE, Spec, TIME_STAMPS, fingerprint},
    reading,
    scan::Channel,
    scratch::Scratch,
    sealing,
};

/// What a file is to those who open it.
#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The one that was created, in this boot: its end may be searched.
    Native,
    /// The one that was created, in an earlier boot.
    EarlierBoot,
    /// Some other file.
    Copy,
}

/// Options, a list of frames, and what readers do, from one input.
pub fn check(input: &[u8]) {
    // The input was too short to say what it is.
    let _ = case(&mut Unstructured::new(input));
}

fn case(input: &mut Unstructured<'_>) -> Result<()> {
    Scratch::with(|scratch| {
        let (spec, origin) = spec(input, scratch)?;
        let bytes = bytes(&spec, input)?;
        scratch.fill(&bytes);
        let channel = Channel { spec: &spec, bytes: &bytes };
        reading::check(scratch, channel, origin, input)?;
        assert!(scratch.bytes() == bytes, "a reader has changed the file");
        sealing::check(scratch, channel, origin, input)
    })
}

fn spec(input: &mut Unstructured<'_>, scratch: &Scratch) -> Result<(Spec, Origin)> {
    let bits = u8::arbitrary(input)?;
    let mut spec = Spec::raw(8);
    spec.flags = u32::from(bits) & (CHECKSUMS | TIME_STAMPS);
    spec.alignment = if bits & 4 == 0 { 8 } else { 64 };
    let head = if spec.flags & TIME_STAMPS == 0 { 8 } else { 16 };
    let size = |len: u64| (head + len).next_multiple_of(u64::from(spec.alignment));
    if bits & 8 == 0 {
        spec.capacity = size(0) + u64::from(u16::arbitrary(input)?) % 5000;
        let most = spec.capacity / u64::from(spec.alignment) * u64::from(spec.alignment) - head;
        spec.max_payload = (most - u64::from(u8::arbitrary(input)?).min(most)) as u32;
    } else {
        let len = u64::from(u8::arbitrary(input)?) % 60;
        spec.max_payload = len as u32;
        spec.stride = size(len);
        let count = u64::from(u8::arbitrary(input)?) % 80 + 1;
        spec.capacity = spec.stride * count + u64::from(u8::arbitrary(input)?) % spec.stride;
        spec.schema = format!("struct Cell {len}\n bytes 0 {len} bytes\n");
        spec.fingerprint = fingerprint(&spec.schema);
    }
    let base = match bits >> 4 & 3 {
        0 | 1 => 0,
        2 => u64::from(u8::arbitrary(input)?),
        _ => u64::arbitrary(input)?,
    };
    spec.base_plus_one = base.wrapping_add(u64::from(bits & 64 == 0));
    let durable = u64::from(u8::arbitrary(input)?);
    spec.durable = if bits & 128 == 0 { base.wrapping_add(durable % 8) } else { durable };
    let origin = Origin::arbitrary(input)?;
    if origin != Origin::Copy {
        (spec.device, spec.inode) = (scratch.device, scratch.inode);
        spec.created = u64::MAX;
    }
    if origin == Origin::Native {
        spec.boot_id = image::boot_id();
    }
    Ok((spec, origin))
}

/// The file: frames one behind the other, as long as there is room, and bytes put over them.
fn bytes(spec: &Spec, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut image = spec.image();
    let file_end = image.bytes.len();
    for index in 0..input.int_in_range(0..=40)? {
        if spec.stride != 0 {
            image.tail = image.slot(index);
        }
        let room = file_end.saturating_sub(image.tail + 16);
        if room < 64 {
            break;
        }
        frame(&mut image, room, input)?;
    }
    // The state page, and all that is behind it.
    let first = spec.data_offset() - PAGE;
    for _ in 0..input.int_in_range(0..=4)? {
        let at = match u8::arbitrary(input)? % 4 {
            0 => first + usize::from(u8::arbitrary(input)?) % 136,
            _ => first + PAGE + usize::from(u16::arbitrary(input)?) % (file_end - first - PAGE),
        };
        image.bytes[at] = u8::arbitrary(input)?;
    }
    Ok(image.bytes)
}

/// Puts something at the tail.
fn frame(image: &mut Image, room: usize, input: &mut Unstructured<'_>) -> Result<()> {
    let alignment = image.spec.alignment as usize;
    match u8::arbitrary(input)? % 16 {
        0..=8 => {
            let len = if image.spec.stride == 0 {
                usize::from(u8::arbitrary(input)?)
            } else {
                image.spec.max_payload as usize
            };
            record(image, len.min(room), input)?;
        }
        9 => {
            let len = usize::from(u16::arbitrary(input)?) % (room + 1);
            record(image, len, input)?;
        }
        10 => {
            let count = 1 + usize::from(u8::arbitrary(input)?) % (room / alignment);
            image.padding((count * alignment - 8) as u64);
        }
        11 => {
            let len = u16::arbitrary(input)? % 300;
            if usize::from(len) < room {
                image.padding(u64::from(len));
                image.tail = image.tail.next_multiple_of(8);
            }
        }
        12 => {
            image.close(u64::from(u8::arbitrary(input)?) % 9);
            image.tail += alignment;
        }
        13 => {
            // A place that is left as it is; what comes behind it has its own number.
            image.tail += alignment;
            image.sequence = image.sequence.wrapping_add(1);
        }
        14 => {
            let word = u64::arbitrary(input)?.to_le_bytes();
            image.put(image.tail, &word);
            image.tail += alignment;
        }
        _ => {
            // A record with the number of another one.
            let sequence = image.sequence;
            image.sequence = u64::from(u8::arbitrary(input)?);
            let len = (image.spec.max_payload as usize).min(room);
            record(image, len, input)?;
            image.sequence = sequence.wrapping_add(1);
        }
    }
    Ok(())
}

fn record(image: &mut Image, len: usize, input: &mut Unstructured<'_>) -> Result<()> {
    let fill = u8::arbitrary(input)?;
    // Mostly in order, as a writer's are.
    let stamp =
        if fill < 250 { (image.sequence / 2).wrapping_mul(10) } else { u64::arbitrary(input)? };
    let sequence = image.sequence;
    // `Image::record` adds one, which the last of all numbers does not have.
    image.sequence = sequence.min(u64::MAX - 1);
    image.record(stamp, &vec![fill; len]);
    Ok(())
}
