//! Nanoseconds for each record from one thread to another on another core.

use std::{
    any::Any,
    fs,
    hint::{self, black_box},
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use kekbit_channel::{ChannelOptions, Prefault, TypedReader, TypedWriter, Wait};
use quanta::Clock;

use crate::{
    by_hand::{Alignment, Pages, Reader, Writer},
    harness::{
        Gate, Latencies, Measured, Outcome, Pinned, Plan, Role, Table, Way, latencies, measure,
        plot,
    },
    queues::{
        Place, Queue, Receiver, Sender,
        crossbeam::Crossbeam,
        disruptor::Disruptor,
        hand::{Looks, LooksAndSums},
        iceoryx::Iceoryx,
        kekbit,
        released::Released,
        rtrb::Rtrb,
        std_mpsc,
    },
    records::{Words, words},
};

/// The bar: the log by hand with the hints that suit it best.
const BAR: &str = "log by hand, 512 hints";
/// The same with a checksum.
const BAR_CHECKED: &str = "log by hand, CRC-32C, 512 hints";

pub fn run(plan: &Plan) {
    println!("\n## Stream");
    let tables = [
        (32, of_size::<4>(plan)),
        (64, of_size::<8>(plan)),
        (256, of_size::<32>(plan)),
        (1024, of_size::<128>(plan)),
    ];
    plot::throughput(&plan.plots, "stream", "From one core to another", &tables);
    steady(plan);
    many_readers(plan);
}

fn of_size<const N: usize>(plan: &Plan) -> Vec<Measured> {
    let count = plan.count_of(5_000_000, 8 * N);
    let mut ways = Vec::new();
    hand::<N, 1>(plan, count, &mut ways);
    hand::<N, 32>(plan, count, &mut ways);
    hand::<N, 64>(plan, count, &mut ways);
    hand::<N, 128>(plan, count, &mut ways);
    hand::<N, 256>(plan, count, &mut ways);
    hand::<N, 512>(plan, count, &mut ways);
    ways.push(way::<kekbit::Unchecked, N>(plan, Role::Ours, count));
    summed::<N, 128>(plan, count, &mut ways);
    summed::<N, 512>(plan, count, &mut ways);
    ways.push(way::<kekbit::Checked, N>(plan, Role::Ours, count).against(BAR_CHECKED));
    ways.push(way::<kekbit::Faulting, N>(plan, Role::Ours, count));
    ways.push(way::<Released, N>(plan, Role::Peer, count));
    ways.push(way::<Rtrb, N>(plan, Role::Peer, count));
    ways.push(way::<Disruptor, N>(plan, Role::Peer, count));
    ways.push(way::<Crossbeam, N>(plan, Role::Peer, count));
    ways.push(way::<std_mpsc::Bounded, N>(plan, Role::Peer, count));
    ways.push(way::<std_mpsc::Unbounded, N>(plan, Role::Peer, count));
    // Several times slower than the rest.
    ways.push(way::<Iceoryx, N>(plan, Role::Peer, count / 5));
    #[cfg(feature = "aeron")]
    ways.push(way::<crate::queues::aeron::Aeron, N>(plan, Role::Peer, count));
    #[cfg(not(feature = "aeron"))]
    ways.push(Way::missing("Aeron", crate::NO_AERON));
    let measured = measure(plan, Gate::TwoCores, ways);
    let note = format!(
        "Nanoseconds a record from the first sent to the last received, {count} records (iceoryx2 \
         a fifth of them). Both ends spin, Kekbit waits as by default; queues with slots have {}. \
         The log by hand looks again after so many of the CPU's spin hints.",
        crate::queues::SLOTS
    );
    let title = format!("Stream, {} B", 8 * N);
    Table { title: &title, note, columns: &["ns a record"], ratio: 0 }.print(&measured);
    measured
}

fn hand<'w, const N: usize, const HINTS: u32>(plan: &'w Plan, count: u64, ways: &mut Vec<Way<'w>>) {
    let name = format!("log by hand, {HINTS} hints");
    ways.push(Way::new(Role::Bar, name, move || stream::<Looks<HINTS>, N>(plan, count)));
}

/// The same with a checksum.
fn summed<'w, const N: usize, const HINTS: u32>(
    plan: &'w Plan,
    count: u64,
    ways: &mut Vec<Way<'w>>,
) {
    let name = format!("log by hand, CRC-32C, {HINTS} hints");
    ways.push(Way::new(Role::Bar, name, move || stream::<LooksAndSums<HINTS>, N>(plan, count)));
}

fn way<Q: Queue<N>, const N: usize>(plan: &Plan, role: Role, count: u64) -> Way<'_> {
    Way::new(role, Q::NAME, move || stream::<Q, N>(plan, count)).against(BAR)
}

pub fn stream<Q: Queue<N>, const N: usize>(plan: &Plan, count: u64) -> f64 {
    let folder = Plan::fresh(&plan.memory, "stream");
    fs::create_dir(&folder).expect("a new folder");
    let host: Box<dyn Any> = Q::host(&folder);
    let place = Place::new(&folder, "there", count);
    let (make_sender, make_receiver) = Q::pair(&place);
    let (made, ready) = (Barrier::new(2), Barrier::new(2));
    let elapsed = thread::scope(|threads| {
        threads.spawn(|| {
            let mut sender = make_sender();
            let _pinned = Pinned::to(0);
            made.wait();
            ready.wait();
            for seed in 0..count {
                sender.send(&words(seed));
            }
            // Some queues end with their sender; the receiver has come to the end by then.
            ready.wait();
        });
        made.wait();
        let receiver = make_receiver();
        let _pinned = Pinned::to(1);
        ready.wait();
        let start = Instant::now();
        let (mut next, mut total) = (0, 0_u64);
        receiver.run(count, |words| {
            total = total.wrapping_add(words[0] ^ words[N - 1] ^ next);
            next += 1;
        });
        let elapsed = start.elapsed();
        // Each pair of first and last word gives all ones; with the number, its complement.
        let numbers = (0..count).fold(0_u64, |total, number| total.wrapping_add(!number));
        assert_eq!(total, numbers, "every record, whole and in order");
        ready.wait();
        elapsed
    });
    drop(host);
    fs::remove_dir_all(&folder).expect("the folder that was just made");
    elapsed.as_nanos() as f64 / count as f64
}

/// Nanoseconds between two records of a steady stream.
const PACES: [u64; 5] = [30, 100, 300, 1_000, 10_000];
/// Records of a burst, as fast as they can be sent, and the nanoseconds from one burst to the next.
const BURST: u64 = 200;
const BURST_PACE: u64 = 20_000;
const BAR_STEADY: &str = "log by hand, 1 hints";

/// How late records come when they do not come as fast as they can.
fn steady(plan: &Plan) {
    let ways = vec![
        Way::new(Role::Bar, BAR_STEADY, || paces::<Looks<1>>(plan)),
        Way::new(Role::Bar, BAR, || paces::<Looks<512>>(plan)).against(BAR_STEADY),
        Way::new(Role::Ours, "Kekbit, no checksums", || paces::<kekbit::Unchecked>(plan))
            .against(BAR_STEADY),
        Way::new(Role::Ours, "Kekbit", || paces::<kekbit::Checked>(plan)).against(BAR_STEADY),
    ];
    let measured = measure(plan, Gate::TwoCores, ways);
    let mut columns = vec![format!("bursts of {BURST}, p50"), "p99".to_owned()];
    for pace in PACES {
        columns.extend([format!("every {pace} ns, p50"), "p99".to_owned()]);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Table {
        title: "Steady streams and bursts, 64 B",
        note: format!(
            "Nanoseconds from just before a record is sent until it was received, the clock \
             included. A burst begins every {} us. The ratio is that of bursts.",
            BURST_PACE / 1_000
        ),
        columns: &columns,
        ratio: 0,
    }
    .print(&measured);
}

/// Half of the records of each pace come sooner than the first figure, all but a hundredth than the
/// second; bursts first.
fn paces<Q: Queue<8>>(plan: &Plan) -> Outcome {
    let mut figures = Vec::new();
    let mut add = |found: Latencies| {
        figures.extend([0.5, 0.99].map(|quantile| found.value_at_quantile(quantile) as f64));
    };
    let bursts = plan.count(1_000);
    add(paced::<Q>(plan, bursts * BURST, |number| number / BURST * BURST_PACE));
    for pace in PACES {
        add(paced::<Q>(plan, plan.count((300_000_000 / pace).min(300_000)), |n| n * pace));
    }
    figures.into()
}

/// Sends record `n` no sooner than `due(n)` nanoseconds from the start.
fn paced<Q: Queue<8>>(plan: &Plan, count: u64, due: impl Fn(u64) -> u64 + Sync) -> Latencies {
    let folder = Plan::fresh(&plan.memory, "steady");
    fs::create_dir(&folder).expect("a new folder");
    let place = Place::new(&folder, "there", count);
    let (make_sender, make_receiver) = Q::pair(&place);
    let (made, ready) = (Barrier::new(2), Barrier::new(2));
    let clock = Clock::new();
    let found = thread::scope(|threads| {
        threads.spawn(|| {
            let mut sender = make_sender();
            let _pinned = Pinned::to(0);
            made.wait();
            ready.wait();
            let start = clock.raw();
            for number in 0..count {
                let mut words: [u64; 8] = words(number);
                loop {
                    words[1] = clock.raw();
                    if due(number) <= clock.delta_as_nanos(start, words[1]) {
                        break;
                    }
                    hint::spin_loop();
                }
                sender.send(&words);
            }
        });
        made.wait();
        let receiver = make_receiver();
        let _pinned = Pinned::to(1);
        let mut late = Vec::with_capacity(usize::try_from(count).expect("64 bits"));
        ready.wait();
        receiver.run(count, |words| late.push(clock.raw().saturating_sub(words[1])));
        let mut found = latencies();
        late.into_iter().for_each(|late| found.saturating_record(clock.delta_as_nanos(0, late)));
        found
    });
    fs::remove_dir_all(&folder).expect("the folder that was just made");
    found
}

const READERS: usize = 8;
const BAR_READERS: &str = "log by hand, 8 readers, 32 hints";

/// What a writer pays for eight readers that share the other core.
fn many_readers(plan: &Plan) {
    let count = plan.count(2_000_000);
    let ways = vec![
        Way::new(Role::Bar, "log by hand, no reader", || by_hand(plan, count, 0)),
        Way::new(Role::Bar, BAR_READERS, || by_hand(plan, count, READERS)),
        Way::new(Role::Ours, "Kekbit, no checksums, no reader", || kekbit_readers(plan, count, 0))
            .against("log by hand, no reader"),
        Way::new(Role::Ours, "Kekbit, no checksums, 8 readers", || {
            kekbit_readers(plan, count, READERS)
        })
        .against(BAR_READERS),
    ];
    let measured = measure(plan, Gate::TwoCores, ways);
    Table {
        title: "Eight readers, 64 B",
        note: format!(
            "Nanoseconds of the writer for each of {count} appends, the readers on the other core."
        ),
        columns: &["ns an append"],
        ratio: 0,
    }
    .print(&measured);
}

/// The nanoseconds of one of `count` appends, while so many threads read.
fn with_readers<R: FnOnce(&AtomicBool)>(
    path: &Path,
    count: u64,
    readers: usize,
    mut append: impl FnMut(u64),
    open: impl Fn() -> R + Sync,
) -> f64 {
    let (ready, is_over) = (Barrier::new(readers + 1), AtomicBool::new(false));
    let elapsed = thread::scope(|threads| {
        for _ in 0..readers {
            threads.spawn(|| {
                let read = open();
                let _pinned = Pinned::to(1);
                ready.wait();
                read(&is_over);
            });
        }
        let _pinned = Pinned::to(0);
        ready.wait();
        let start = Instant::now();
        for seed in 0..count {
            append(seed);
        }
        let elapsed = start.elapsed();
        // Relaxed: it says only that nobody need go on.
        is_over.store(true, Ordering::Relaxed);
        elapsed
    });
    fs::remove_file(path).expect("the file that was just made");
    elapsed.as_nanos() as f64 / count as f64
}

fn by_hand(plan: &Plan, count: u64, readers: usize) -> f64 {
    let path = Plan::fresh(&plan.memory, "readers");
    let packed = Alignment::Packed;
    let mut writer = Writer::<[u64; 8], false>::create(&path, count, packed, Pages::Present);
    let open = || {
        let mut reader = Reader::<[u64; 8], false>::open(&path, count, packed);
        move |is_over: &AtomicBool| {
            let mut total = 0_u64;
            // Relaxed: see above.
            while !is_over.load(Ordering::Relaxed) {
                match reader.next() {
                    Some(words) => total = total.wrapping_add(words[0]),
                    None => (0..32).for_each(|_| hint::spin_loop()),
                }
            }
            black_box(total);
        }
    };
    with_readers(&path, count, readers, |seed| writer.append(&words(seed)), open)
}

fn kekbit_readers(plan: &Plan, count: u64, readers: usize) -> f64 {
    let path = Plan::fresh(&plan.memory, "readers");
    let options = ChannelOptions::new().records(count).prefault(Prefault::All).without_checksums();
    let mut writer = TypedWriter::<Words<8>>::create(&path, &options).expect("a new channel");
    let open = || {
        let mut reader = TypedReader::<Words<8>>::open(&path).expect("a channel");
        reader.prefault();
        move |is_over: &AtomicBool| {
            let mut total = 0_u64;
            let count = usize::try_from(count).expect("64 bits");
            for record in reader.follow(Wait::default()).take(count) {
                total = total.wrapping_add(record.expect("a record").words[0]);
                // Relaxed: see above.
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            black_box(total);
        }
    };
    let append = |seed| {
        writer.append(&Words { words: words(seed) }).expect("room for it");
    };
    with_readers(&path, count, readers, append, open)
}
