//! Headers and state pages that say what is not so, under checksums that fit.

use crate::{
    PEAK, PEAK_OF_SCHEMA, Table,
    image::{PAGE, Spec, crc32c},
    place, run, subjects,
};

/// A field of the header, where it lies, and values for it that are worth a try.
pub(crate) type Field = (&'static str, usize, usize, Vec<u64>);

fn header_fields(spec: &Spec, data: u64) -> Vec<Field> {
    fn around(value: u64) -> Vec<u64> {
        let mut values = vec![0, 1, u64::MAX, 1 << 31, 1 << 32, 1 << 40, 1 << 47, 1 << 62];
        for step in [1, 8, 64, 4096] {
            values.extend([value.saturating_sub(step), value.saturating_add(step)]);
        }
        values.sort_unstable();
        values.dedup();
        values
    }
    let schema_len = spec.schema.len() as u64;
    let largest = u64::from(spec.max_payload);
    let mut lens = around(schema_len);
    lens.extend([1 << 20, (1 << 20) + 1]);
    let mut payloads = around(largest);
    payloads.extend([(1 << 28) - 64, (1 << 28) - 63, (1 << 28) - 1, u64::from(u32::MAX)]);
    let mut capacities = around(spec.capacity);
    capacities.extend([i64::MAX as u64, (1 << 63) - 8192 - data, u64::MAX - data]);
    vec![
        ("magic", 0, 8, vec![0, u64::MAX, 0x0A0D_5449_424B_454C]),
        ("version", 8, 4, vec![0, 2, u64::from(u32::MAX)]),
        ("flags", 12, 4, vec![0, 1, 2, 3, 4, 7, 1 << 31]),
        ("data offset", 16, 8, around(data)),
        ("channel id", 24, 16, vec![0, 1]),
        ("writer id", 40, 8, vec![0, u64::MAX]),
        ("predecessor", 48, 16, vec![0, u64::MAX]),
        ("created", 64, 8, vec![0, 1, u64::MAX]),
        ("boot", 72, 16, vec![0, 1]),
        ("device", 88, 8, vec![0, spec.device + 1]),
        ("inode", 96, 8, vec![0, spec.inode + 1]),
        ("writer timeout", 104, 8, vec![0, 1, u64::MAX]),
        ("capacity", 112, 8, capacities),
        ("largest payload", 120, 4, payloads),
        ("alignment", 124, 4, vec![0, 1, 4, 7, 8, 16, 63, 64, 128, u64::from(u32::MAX)]),
        ("stride", 128, 8, around(spec.stride)),
        ("fingerprint", 136, 8, vec![0, 1, spec.fingerprint ^ 1]),
        ("schema length", 144, 4, lens),
        ("reserved", 148, 8, vec![1, 1 << 63]),
    ]
}

pub(crate) fn header_values(table: &Table) -> Vec<(Field, u64)> {
    let fields = header_fields(&table.subject.image.spec, table.truth.data);
    let each = |field: Field| field.3.clone().into_iter().map(move |value| (field.clone(), value));
    fields.into_iter().flat_map(each).collect()
}

/// Puts a value into a header, without a checksum that fits.
pub(crate) fn put(bytes: &mut [u8], (_, at, size, _): &Field, value: u64) {
    bytes[*at..at + size].fill(0);
    let value = value.to_le_bytes();
    let len = value.len().min(*size);
    bytes[*at..at + len].copy_from_slice(&value[..len]);
}

/// Puts the checksum of a header right, over as much of a schema as it says, zeroes included.
pub(crate) fn sum_header(bytes: &mut [u8]) {
    let len = u32::from_le_bytes(bytes[144..148].try_into().unwrap());
    let len = usize::try_from(len.min(1 << 20)).unwrap();
    let mut schema = bytes[160..bytes.len().min(160 + len)].to_vec();
    schema.resize(len, 0);
    let sum = crc32c(&[&bytes[..156], &schema]);
    bytes[156..160].copy_from_slice(&sum.to_le_bytes());
}

/// How long a file has to be of which the header says all this, as far as that can be said.
pub(crate) fn claimed_size(bytes: &[u8]) -> u64 {
    let at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let size = at(16).saturating_add(at(112)).saturating_add(3 * PAGE as u64);
    size.clamp(bytes.len() as u64, 1 << 62)
}

/// One field of the header after the other says what is not so, and two of them, under a checksum
/// that fits, in a file that is as long as they want it: terabytes of nothing.
#[test]
fn a_header_may_say_anything() {
    let tables: Vec<Table> = subjects::few().into_iter().map(Table::of).collect();
    let values: Vec<_> = tables.iter().map(header_values).collect();
    let pairs: Vec<u64> = values.iter().map(|values| (values.len() as u64).pow(2)).collect();
    let all = pairs.iter().sum();
    run("headers", 800, Some(all), |rng, outcomes| {
        let mut place = place(rng, all);
        let mut index = 0;
        while pairs[index] <= place {
            place -= pairs[index];
            index += 1;
        }
        let (table, values) = (&tables[index], &values[index]);
        let count = values.len() as u64;
        let one = &values[usize::try_from(place % count).unwrap()];
        let other = &values[usize::try_from(place / count).unwrap()];
        let mut bytes = table.bytes().to_vec();
        put(&mut bytes, &one.0, one.1);
        put(&mut bytes, &other.0, other.1);
        sum_header(&mut bytes);
        let what = format!("{} is {:#x}, {} is {:#x}", one.0.0, one.1, other.0.0, other.1);
        let examined = table.examine(&bytes, claimed_size(&bytes), &what, PEAK_OF_SCHEMA);
        examined.count(&table.truth, outcomes);
    });
}

/// The first number, its check, and what is durable, in all combinations of worthwhile values.
#[test]
fn a_state_page_may_say_anything() {
    let tables: Vec<Table> = subjects::subjects().into_iter().map(Table::of).collect();
    let bases = |table: &Table| {
        let (stored, capacity) =
            (table.subject.image.spec.base_plus_one, table.subject.image.spec.capacity);
        [0, 1, 2, stored + 1, 1 << 32, u64::MAX, u64::MAX - 1, 0_u64.wrapping_sub(capacity)]
            .into_iter()
            .chain([0_u64.wrapping_sub(capacity) + 1, 0_u64.wrapping_sub(capacity) - 1])
            .collect::<Vec<_>>()
    };
    let durables = |table: &Table| {
        let end = table.truth.end_sequence;
        [0, 1, end.saturating_sub(1), end, end + 1, end + 100, 1 << 63, u64::MAX]
    };
    let all = (tables.len() * 2 * 10 * 8) as u64;
    run("state pages", 1000, Some(all), |rng, outcomes| {
        let place = usize::try_from(place(rng, all)).unwrap();
        let table = &tables[place / 160];
        let base = bases(table)[place / 16 % 10];
        let durable = durables(table)[place / 2 % 8];
        let state = usize::try_from(table.truth.data).unwrap() - PAGE;
        let mut bytes = table.bytes().to_vec();
        bytes[state..state + 8].copy_from_slice(&base.to_le_bytes());
        bytes[state + 64..state + 72].copy_from_slice(&durable.to_le_bytes());
        if place % 2 == 0 {
            let sum = crc32c(&[&table.truth.spec.channel_id, &base.to_le_bytes()]);
            bytes[state + 8..state + 16].copy_from_slice(&u64::from(sum).to_le_bytes());
        }
        let what = format!("base + 1 is {base:#x}, durable {durable:#x}");
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        let renumbered = base != table.truth.spec.base_plus_one;
        let honest = examined.count(&table.truth, outcomes);
        assert!(honest || renumbered, "{what}: made up");
    });
}
