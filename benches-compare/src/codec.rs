//! Nanoseconds to encode and to decode a value, hot in the cache and over many values.

use std::{hint::black_box, time::Instant};

use crate::{
    codecs::{
        Codec, Slot, Value,
        by_bytes::{Aligned, Bytemuck, Copied, Zerocopy},
        kekbit::{self, Kekbit},
        serde_like::{Bincode, Bitcode, Postcard, Rkyv},
        values::{Bytes, Numbers, Order},
    },
    harness::{Gate, Outcome, Pinned, Plan, Role, Table, Way, measure},
    records,
};

/// What all values of a run that stays in the cache may take, in and out.
const HOT: usize = 24 << 10;

/// All codecs for a value: with room for its bytes in any of them, its image as a loop by hand
/// would judge it, its image with enums and flags, and the type of Kekbit.
macro_rules! codecs {
    ($plan:expr, $name:literal, $room:literal, $value:ty, $flat:ty, $image:ty, $($ours:ty),+) => {{
        const ROOM: usize = $room;
        let (plan, bar) = ($plan, <Copied<$value, $flat> as Codec>::NAME);
        let ways = vec![
            way::<Copied<$value, $flat>, ROOM>(plan, Role::Bar),
            $(way::<Kekbit<$ours>, ROOM>(plan, Role::Ours).against(bar),)+
            way::<Zerocopy<$value, $image>, ROOM>(plan, Role::Peer).against(bar),
            way::<Bytemuck<$value, $image>, ROOM>(plan, Role::Peer).against(bar),
            way::<Rkyv<$value>, ROOM>(plan, Role::Peer).against(bar),
            way::<Bincode<$value>, ROOM>(plan, Role::Peer).against(bar),
            way::<Bitcode<$value>, ROOM>(plan, Role::Peer).against(bar),
            way::<Postcard<$value>, ROOM>(plan, Role::Peer).against(bar),
        ];
        table(plan, $name, many::<ROOM>(plan), ways);
    }};
}

pub fn run(plan: &Plan) {
    println!("\n## Codec");
    codecs!(
        plan,
        "realistic record",
        80,
        Order,
        records::OrderImage,
        Aligned,
        records::Order,
        kekbit::BytesOrder
    );
    codecs!(plan, "[u8; 1024]", 1040, Bytes, [u8; 1024], [u8; 1024], kekbit::Bytes);
    // Numbers of varying length take five bytes at most.
    codecs!(plan, "[u32; 256]", 1296, Numbers, [u32; 256], [u32; 256], kekbit::Numbers);
}

fn table(plan: &Plan, name: &str, many: usize, ways: Vec<Way<'_>>) {
    let measured = measure(plan, Gate::Open, ways);
    Table {
        title: &format!("Encode and decode, {name}"),
        note: format!(
            "Nanoseconds a value: hot in the L1 cache, and over {many} values. All codecs check \
             what they decode, but for what any bytes are; in the record the others hold 16 bytes \
             where Kekbit has a text, and once bytes as well. Two fields are read in place where a \
             codec can. The ratio is that of decoding {many} values."
        ),
        columns: &[
            "bytes",
            "encode, hot",
            "encode, many",
            "decode, hot",
            "decode, many",
            "two fields, hot",
            "two fields, many",
        ],
        ratio: 4,
    }
    .print(&measured);
}

/// How many values do not fit any cache.
fn many<const ROOM: usize>(plan: &Plan) -> usize {
    usize::try_from(plan.count_of(1_000_000, ROOM)).expect("64 bits")
}

fn way<C: Codec, const ROOM: usize>(plan: &Plan, role: Role) -> Way<'_> {
    Way::new(role, C::NAME, move || run_codec::<C, ROOM>(many::<ROOM>(plan), plan.short))
}

fn run_codec<C: Codec, const ROOM: usize>(many: usize, short: bool) -> Outcome {
    let hot = (HOT / (2 * ROOM)).max(4);
    let turns = if short { 100 } else { 2_000_000 / (hot * ROOM / 32) };
    let few = Values::<C, ROOM>::new(hot);
    let all = Values::<C, ROOM>::new(many);
    let (mut few, mut all) = (few, all);
    let _pinned = Pinned::to(0);
    // The first turn over many fills the pages.
    all.encode(1);
    let (hot_encode, many_encode) = (few.encode(turns), all.encode(1));
    let (hot_decode, many_decode) = (few.decode(turns), all.decode(1));
    let (hot_two, many_two) = (few.two(turns), all.two(1));
    let mut figures = vec![all.lens[0] as f64, hot_encode, many_encode, hot_decode, many_decode];
    figures.extend(hot_two);
    figures.extend(many_two);
    figures.into()
}

/// Values, and room for their bytes.
struct Values<C: Codec, const ROOM: usize> {
    codec: C,
    values: Vec<C::Value>,
    slots: Vec<Slot<ROOM>>,
    lens: Vec<usize>,
}

impl<C: Codec, const ROOM: usize> Values<C, ROOM> {
    fn new(count: usize) -> Self {
        let values = (0..count as u64).map(C::Value::make).collect();
        let (slots, lens) = (vec![Slot([0; ROOM]); count], vec![0; count]);
        let mut new = Values { codec: C::new(), values, slots, lens };
        new.encode(1);
        for (value, (slot, len)) in new.values.iter().zip(new.slots.iter().zip(&new.lens)) {
            let decoded = new.codec.decode(&slot.0[..*len]);
            assert_eq!(value.sum(), decoded.sum(), "the same value");
        }
        new
    }

    fn timed(&mut self, turns: usize, mut each: impl FnMut(&mut Self)) -> f64 {
        let start = Instant::now();
        for _ in 0..turns {
            each(self);
        }
        start.elapsed().as_nanos() as f64 / (turns * self.values.len()) as f64
    }

    fn encode(&mut self, turns: usize) -> f64 {
        self.timed(turns, |all| {
            let room = all.slots.iter_mut().zip(&mut all.lens);
            for (value, (slot, len)) in all.values.iter().zip(room) {
                *len = all.codec.encode(black_box(value), &mut slot.0);
            }
            black_box(&mut all.slots);
        })
    }

    fn decode(&mut self, turns: usize) -> f64 {
        self.timed(turns, |all| {
            for (slot, len) in all.slots.iter().zip(&all.lens) {
                // By reference: a value that is moved there is copied in pieces that wait for those
                // in which it was put together.
                black_box(&all.codec.decode(&slot.0[..*len]));
            }
        })
    }

    /// `None` if the codec cannot.
    fn two(&mut self, turns: usize) -> Option<f64> {
        self.codec.two(&self.slots[0].0[..self.lens[0]])?;
        Some(self.timed(turns, |all| {
            let mut total = 0_u64;
            for (slot, len) in all.slots.iter().zip(&all.lens) {
                let two = all.codec.two(&slot.0[..*len]).expect("as before");
                total = total.wrapping_add(two);
            }
            black_box(total);
        }))
    }
}
