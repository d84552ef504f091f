//! Round trips between two processes: one sends and waits for the answer, again and again.

use std::{
    any::Any,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Barrier,
    thread,
};

use quanta::Clock;

use crate::{
    by_hand::Lines,
    harness::{Gate, Outcome, Pinned, Plan, Role, Table, Way, latencies, measure, plot},
    queues::{
        Named, Place, Queue, Receiver, Sender,
        hand::{Lined, LinedAndSummed, Looks, LooksAndSums},
        iceoryx::Iceoryx,
        kekbit,
        released::Released,
        rtrb::Rtrb,
    },
    records::words,
};

const LINES: &str = "two lines of a cache";
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// Words of a record of 64 B, and of one that fills a line with its word.
const PACKED: usize = 8;
const LINE: usize = 7;

/// Names what the other process answers through.
const HAND: &str = "hand";
const HAND_LINES: &str = "hand-lines";
const HAND_SUMMED: &str = "hand-summed";
const HAND_LINES_SUMMED: &str = "hand-lines-summed";
const CHECKED: &str = "kekbit";
const UNCHECKED: &str = "kekbit-unchecked";
const CHECKED_LINES: &str = "kekbit-lines";
const UNCHECKED_LINES: &str = "kekbit-lines-unchecked";
const RELEASED: &str = "kekbit-released";
const ICEORYX: &str = "iceoryx2";
#[cfg(feature = "aeron")]
const AERON: &str = "aeron";

pub fn run(plan: &Plan) {
    println!("\n## Round trip");
    let trips = plan.count(300_000);
    packed(plan, trips);
    lined(plan, trips);
}

fn packed(plan: &Plan, trips: u64) {
    const BAR: &str = "log by hand";
    const BAR_CHECKED: &str = "log by hand, CRC-32C";
    let mut ways = vec![
        Way::new(Role::Bar, LINES, || bare(plan, trips)),
        Way::new(Role::Bar, BAR, || processes::<Looks<1>, PACKED>(plan, HAND, trips)),
        Way::new(Role::Ours, "Kekbit, no checksums", || {
            processes::<kekbit::Unchecked, PACKED>(plan, UNCHECKED, trips)
        })
        .against(BAR),
        Way::new(Role::Bar, BAR_CHECKED, || {
            processes::<LooksAndSums<1>, PACKED>(plan, HAND_SUMMED, trips)
        }),
        Way::new(Role::Ours, "Kekbit", || {
            processes::<kekbit::Checked, PACKED>(plan, CHECKED, trips)
        })
        .against(BAR_CHECKED),
        Way::new(Role::Peer, "Kekbit 0.3.5", || {
            processes::<Released, PACKED>(plan, RELEASED, trips)
        })
        .against(BAR),
        Way::new(Role::Peer, "rtrb, two threads", || threads::<Rtrb, PACKED>(plan, trips))
            .against(BAR),
        Way::new(Role::Peer, "iceoryx2", || processes::<Iceoryx, PACKED>(plan, ICEORYX, trips))
            .against(BAR),
    ];
    #[cfg(feature = "aeron")]
    ways.push(
        Way::new(Role::Peer, "Aeron", || {
            processes::<crate::queues::aeron::Aeron, PACKED>(plan, AERON, trips)
        })
        .against(BAR),
    );
    #[cfg(not(feature = "aeron"))]
    ways.push(Way::missing("Aeron", crate::NO_AERON));
    table(plan, "64 B, packed", "round-trip", trips, ways);
}

fn lined(plan: &Plan, trips: u64) {
    const BAR: &str = "log by hand, lines";
    const BAR_CHECKED: &str = "log by hand, lines, CRC-32C";
    let ways = vec![
        Way::new(Role::Bar, LINES, || bare(plan, trips)),
        Way::new(Role::Bar, BAR, || processes::<Lined, LINE>(plan, HAND_LINES, trips)),
        Way::new(Role::Ours, "Kekbit, no checksums", || {
            processes::<kekbit::UncheckedLines, LINE>(plan, UNCHECKED_LINES, trips)
        })
        .against(BAR),
        Way::new(Role::Bar, BAR_CHECKED, || {
            processes::<LinedAndSummed, LINE>(plan, HAND_LINES_SUMMED, trips)
        }),
        Way::new(Role::Ours, "Kekbit", || {
            processes::<kekbit::CheckedLines, LINE>(plan, CHECKED_LINES, trips)
        })
        .against(BAR_CHECKED),
    ];
    table(plan, "56 B, each in a line of its own", "round-trip-lines", trips, ways);
}

fn table(plan: &Plan, what: &str, name: &str, trips: u64, ways: Vec<Way<'_>>) {
    let measured = measure(plan, Gate::TwoCores, ways);
    Table {
        title: &format!("Round trip between two processes, {what}"),
        note: format!(
            "Nanoseconds there and back, {trips} trips; both ends spin, Kekbit waits as by default."
        ),
        columns: &["p50 ns", "p99 ns", "p99.9 ns"],
        ratio: 0,
    }
    .print(&measured);
    plot::latencies(&plan.plots, name, &format!("Round trip, {what}"), &measured);
}

/// Trips that are not looked at, in front of those that are: one in so many.
const FIRST: u64 = 20;

/// The time of each trip: `send` is called for all but those that are answers.
struct Trips {
    clock: Clock,
    start: u64,
    turn: u64,
    all: u64,
    found: crate::harness::Latencies,
}

impl Trips {
    fn new(all: u64) -> Trips {
        let clock = Clock::new();
        Trips { start: 0, turn: 0, all, found: latencies(), clock }
    }

    #[inline(always)]
    fn begin<const N: usize>(&mut self, sender: &mut impl Sender<N>) {
        self.start = self.clock.raw();
        sender.send(&words(self.turn));
    }

    /// An answer has come; the next question goes out, if there is one.
    #[inline(always)]
    fn answered<const N: usize>(&mut self, words: &[u64; N], sender: &mut impl Sender<N>) {
        assert_eq!((words[0], words[N - 1]), (self.turn, !self.turn), "the answer");
        self.ended();
        if self.turn < self.all {
            self.begin(sender);
        }
    }

    #[inline(always)]
    fn ended(&mut self) {
        let nanos = self.clock.delta_as_nanos(self.start, self.clock.raw());
        if self.all / FIRST < self.turn {
            self.found.saturating_record(nanos);
        }
        self.turn += 1;
    }

    fn outcome(self) -> Outcome {
        Outcome::of(self.found, &QUANTILES)
    }
}

/// The process that answers; it says when it is ready.
fn answerer(what: &str, folder: &Path, trips: u64) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg("answer").arg(what).arg(folder).arg(trips.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("another process");
    let output = child.stdout.take().expect("a pipe");
    let mut line = String::new();
    let mut output = BufReader::new(output);
    while line.trim() != READY {
        line.clear();
        let len = output.read_line(&mut line).expect("a pipe");
        assert_ne!(len, 0, "the other process has ended");
    }
    child
}

const READY: &str = "ready";

fn folder(plan: &Plan) -> std::path::PathBuf {
    let folder = Plan::fresh(&plan.memory, "trips");
    fs::create_dir(&folder).expect("a new folder");
    folder
}

fn end(mut child: Child, folder: &Path) {
    assert!(child.wait().expect("the other process").success());
    fs::remove_dir_all(folder).expect("the folder that was just made");
}

fn bare(plan: &Plan, all: u64) -> Outcome {
    let folder = folder(plan);
    let lines = Lines::open(&folder.join(LINES_FILE));
    let child = answerer(LINES_FILE, &folder, all);
    let _pinned = Pinned::to(0);
    let mut trips = Trips::new(all);
    for turn in 1..=all {
        trips.start = trips.clock.raw();
        lines.set(0, turn);
        lines.wait(1, turn);
        trips.ended();
    }
    end(child, &folder);
    trips.outcome()
}

const LINES_FILE: &str = "lines";

fn processes<Q: Named<N>, const N: usize>(plan: &Plan, what: &str, all: u64) -> Outcome {
    let folder = folder(plan);
    let host: Box<dyn Any> = Q::host(&folder);
    let mut sender = Q::sender(&Place::new(&folder, "there", all));
    let child = answerer(what, &folder, all);
    let receiver = Q::receiver(&Place::new(&folder, "back", all));
    let pinned = Pinned::to(0);
    let mut trips = Trips::new(all);
    trips.begin(&mut sender);
    receiver.run(all, |words| trips.answered(words, &mut sender));
    drop(pinned);
    drop(sender);
    end(child, &folder);
    drop(host);
    trips.outcome()
}

/// The same with two threads, for what does not go between processes.
fn threads<Q: Queue<N>, const N: usize>(plan: &Plan, all: u64) -> Outcome {
    let place = |name| Place::new(&plan.memory, name, all);
    let (there, back) = (place("there"), place("back"));
    let (there_sender, there_receiver) = Q::pair(&there);
    let (back_sender, back_receiver) = Q::pair(&back);
    let ready = Barrier::new(2);
    let mut trips = Trips::new(all);
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut sender = back_sender();
            ready.wait();
            let receiver = there_receiver();
            let _pinned = Pinned::to(1);
            ready.wait();
            receiver.run(all, |words| sender.send(words));
            // Some queues end with their sender.
            ready.wait();
        });
        let mut sender = there_sender();
        ready.wait();
        let receiver = back_receiver();
        let _pinned = Pinned::to(0);
        ready.wait();
        trips.begin(&mut sender);
        receiver.run(all, |words| trips.answered(words, &mut sender));
        ready.wait();
    });
    trips.outcome()
}

/// What the other process does: it sends back whatever comes.
pub fn answer(what: &str, folder: &Path, all: u64) {
    match what {
        LINES_FILE => {
            let lines = Lines::open(&folder.join(LINES_FILE));
            let _pinned = Pinned::to(1);
            println!("{READY}");
            for turn in 1..=all {
                lines.wait(0, turn);
                lines.set(1, turn);
            }
        }
        HAND => send_back::<Looks<1>, PACKED>(folder, all),
        HAND_LINES => send_back::<Lined, LINE>(folder, all),
        HAND_SUMMED => send_back::<LooksAndSums<1>, PACKED>(folder, all),
        HAND_LINES_SUMMED => send_back::<LinedAndSummed, LINE>(folder, all),
        UNCHECKED => send_back::<kekbit::Unchecked, PACKED>(folder, all),
        CHECKED => send_back::<kekbit::Checked, PACKED>(folder, all),
        UNCHECKED_LINES => send_back::<kekbit::UncheckedLines, LINE>(folder, all),
        CHECKED_LINES => send_back::<kekbit::CheckedLines, LINE>(folder, all),
        RELEASED => send_back::<Released, PACKED>(folder, all),
        ICEORYX => send_back::<Iceoryx, PACKED>(folder, all),
        #[cfg(feature = "aeron")]
        AERON => send_back::<crate::queues::aeron::Aeron, PACKED>(folder, all),
        other => panic!("nothing of the name {other}"),
    }
}

fn send_back<Q: Named<N>, const N: usize>(folder: &Path, all: u64) {
    let mut sender = Q::sender(&Place::new(folder, "back", all));
    let receiver = Q::receiver(&Place::new(folder, "there", all));
    let _pinned = Pinned::to(1);
    println!("{READY}");
    receiver.run(all, |words| sender.send(words));
}
