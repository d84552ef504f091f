//! Goal: a process dies at any instruction, and what the channel promises holds: no record is torn,
//! skipped, doubled or invented, none is lost whose append had returned, the end is told for what
//! it is, and recovery, killed itself as often as one likes, gives the same file.
//!
//! Method: a case is a program that follows from a seed (`process_death/program.rs`), run by a
//! process that is forked for it, followed live by threads and by another process
//! (`process_death/watch.rs`), and killed at a random instant. Content and length of a record
//! follow from its number. What has returned, the program says on a board that outlives it
//! (`support/board.rs`). What it left is read after `docs/FORMAT.md`, byte by byte, and through the
//! library. The places that the kills have hit are counted and printed.
//!
//! A kill comes after a time that has nothing to do with the program, or, where the system lets
//! processes be traced, after a number of system calls and instructions. A seed repeats the program
//! and these numbers; what the readers see meanwhile, and where a time ends, is the machine's.
//!
//! 10,000 kills: `KEKBIT_CASES=10000 cargo test --release -p kekbit-channel --test process_death
//! leaves_a_prefix -- --nocapture`
// What is needed for it is different on each system.
#![cfg(target_os = "linux")]

#[path = "support/board.rs"]
mod board;
#[path = "support/cases.rs"]
mod cases;
#[path = "support/child.rs"]
mod child;
#[path = "process_death/evidence.rs"]
mod evidence;
#[path = "support/image.rs"]
mod image;
#[path = "process_death/judge.rs"]
mod judge;
#[path = "process_death/nursery.rs"]
mod nursery;
#[path = "process_death/program.rs"]
mod program;
#[path = "process_death/watch.rs"]
mod watch;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use kekbit_channel::{CreateError, Next, Reader, RecoverError, Writer, recover};
use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use crate::{
    board::Board,
    cases::{Cases, Rng},
    child::{Helper, listen, poll, role, say},
    evidence::{Evidence, Hits},
    image::Spec,
    judge::{Judge, channels},
    nursery::{Ended, Nursery, is_stopped, nurse},
    program::{Focus, Plan, Told, channel_path},
    watch::{Expected, Stage, watch},
};

/// Live readers of every case: threads of this process, and one process more.
const WATCHING_THREADS: u64 = 2;
const WATCHING: u64 = WATCHING_THREADS + 1;

/// What all cases of a test use.
struct Stand {
    board: Board,
    nursery: Nursery,
    witness: Helper,
    _folder: TempDir,
}

impl Stand {
    fn open() -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let board = Board::open(&path);
        let nursery = Nursery::open(&path);
        let witness = Helper::start("witness", &path);
        Stand { board, nursery, witness, _folder: folder }
    }
}

/// A folder for the channels of a case: on the disk, or in memory if there is such a place.
fn folder(plan: &Plan) -> TempDir {
    match tempfile::tempdir_in("/dev/shm") {
        Ok(folder) if !plan.on_disk => folder,
        _ => tempfile::tempdir().unwrap(),
    }
}

#[test]
fn a_writer_killed_anywhere_leaves_a_prefix_and_no_more() {
    let foci = [
        Focus::Create,
        Focus::Append,
        Focus::Typed,
        Focus::Claim,
        Focus::Sync,
        Focus::Close,
        Focus::Recover,
        Focus::Shared,
    ];
    let cases = Cases::of("process death", 32);
    let mut stand = Stand::open();
    cases.run(|number, rng, hits: &mut Hits| {
        // In turn, and so that a case has its focus if it is run alone.
        let focus = foci[rng.usize(..foci.len())];
        let plan = Plan::of(focus, rng.u64(..));
        killed(&mut stand, &plan, rng, hits);
        if number + 1 == cases.count && ENOUGH <= cases.count {
            check_spread(hits, cases.count);
        }
    });
}

/// From so many cases on, each place has to have been hit.
const ENOUGH: u64 = 2000;

/// A harness whose kills always hit the same wait would show nothing.
fn check_spread(hits: &Hits, count: u64) {
    for place in [
        "Appending: nothing",
        "Appending: the word",
        "Claiming",
        "Closing: no mark",
        "Closing: the mark",
        "Committing",
        "Creating: no name",
        "Creating: the name",
        "Filling",
        "Leaving",
        "Syncing: not yet",
        "threads: App",
        "recovery: unsealed",
        "recovery: sealed",
    ] {
        assert!(count / 1000 <= hits.of(place), "{place} was hardly hit; {hits}");
    }
}

/// Claims that came to nothing before the kill leave no trace.
#[test]
fn claims_dropped_forgotten_and_panicked_in_are_nothing_to_a_kill() {
    let mut stand = Stand::open();
    Cases::of("claims and death", 12).run(|_, rng, hits: &mut Hits| {
        killed(&mut stand, &Plan::of(Focus::Claim, rng.u64(..)), rng, hits);
    });
}

/// Recoveries die, one after another: the next one does what is left to do.
#[test]
fn a_recovery_killed_anywhere_is_done_again() {
    let mut stand = Stand::open();
    Cases::of("killed recoveries", 12).run(|_, rng, hits: &mut Hits| {
        killed(&mut stand, &Plan::of(Focus::Recover, rng.u64(..)), rng, hits);
    });
}

/// One case: a writer is started, watched, killed; what it left is judged, recovered and gone on
/// with.
fn killed(stand: &mut Stand, plan: &Plan, rng: &mut Rng, hits: &mut Hits) {
    let folder = folder(plan);
    let path = folder.path();
    let board = &stand.board;
    board.reset();
    let seeds: [u64; WATCHING as usize] = std::array::from_fn(|_| rng.u64(..));
    let counts: Vec<u64> = thread::scope(|threads| {
        let watches =
            seeds[1..].iter().map(|seed| threads.spawn(move || watch(plan, *seed, path, board)));
        let watches: Vec<_> = watches.collect();
        let Plan { focus, seed, .. } = plan;
        stand.witness.tell(&format!("{} {seed} {} {}", *focus as u64, seeds[0], path.display()));
        let over = Over(board);
        stand.nursery.start(plan, path);
        assert_eq!(stand.nursery.kill(), Ended::Killed, "{plan:?}");
        board.set_stage(Stage::Dead);
        poll("the live readers", || {
            assert_eq!(board.get(Told::Failed), 0, "a live reader has failed");
            (board.get(Told::Checked) == WATCHING).then_some(())
        });
        Judge { nursery: &mut stand.nursery, board, plan, rng, hits }.judge(path);
        drop(over);
        let told = stand.witness.hear().parse().unwrap();
        watches.into_iter().map(|watch| watch.join().unwrap()).chain([told]).collect()
    });
    hits.add("looks at pages that a sync had covered", board.get(Told::CleanLooks));
    hits.add("looks of readers that had caught up", board.get(Told::LiveLooks));
    let total = go_on(plan, path);
    assert!(counts.iter().all(|count| *count == total), "{counts:?} of {total}; {plan:?}");
}

/// The case is over for those who watch, however it ended.
struct Over<'b>(&'b Board);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.set_stage(Stage::Recovered);
    }
}

/// The next life of the program, as in `examples/ledger.rs`: it takes up the numbers where the
/// channels of the folder end, in a channel of its own. Gives how many records there were before.
fn go_on(plan: &Plan, folder: &Path) -> u64 {
    let earlier = channels(folder);
    let mut expected = Expected::new(plan);
    let replay = |expected: &mut Expected, path: &PathBuf| {
        let mut reader = Reader::open(path).unwrap();
        reader.iter().for_each(|record| expected.take(record.unwrap().value));
        assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)), "{plan:?}");
    };
    earlier.iter().for_each(|path| replay(&mut expected, path));
    let total = expected.count();
    if let Some(last) = earlier.last() {
        let taken = Writer::create(last, &plan.options_raw()).unwrap_err();
        assert!(matches!(taken, CreateError::Exists { .. }), "{taken}");
    }
    let path = channel_path(folder, earlier.len());
    let mut writer = Writer::create(&path, &plan.options_raw()).unwrap();
    let mut ahead = Expected::new(plan);
    ahead.indices = expected.indices;
    for sequence in 0..3 {
        assert_eq!(writer.append(ahead.next_payload()).unwrap(), sequence);
        ahead.indices[0] += 1;
    }
    writer.close().unwrap();
    replay(&mut expected, &path);
    assert_eq!(expected.indices, ahead.indices);
    total
}

/// A writer that is stopped is silent, at whatever instant it was stopped: not dead, and nothing of
/// it is lost.
#[test]
fn a_writer_stopped_anywhere_is_silent_and_loses_nothing() {
    const SILENCE: Duration = Duration::from_millis(20);
    let mut stand = Stand::open();
    Cases::of("stopped writers", 4).run(|_, rng, stops: &mut Hits| {
        let plan = Plan { on_disk: true, ..Plan::of(Focus::Endless, rng.u64(..)) };
        let folder = folder(&plan);
        stand.board.reset();
        let pid = stand.nursery.start(&plan, folder.path());
        let mut hasty = Follower::new(&plan, folder.path(), Some(SILENCE));
        let mut patient = Follower::new(&plan, folder.path(), None);
        for _ in 0..rng.u32(1..4) {
            let entered = stand.board.get(Told::Entered) + 1 + rng.u64(..200);
            poll("appends", || (entered <= stand.board.get(Told::Entered)).then_some(()));
            kill(pid, Signal::SIGSTOP).unwrap();
            poll("the stop", || is_stopped(pid).then_some(()));
            stops.count(format!("stopped: {:?}", stand.board.phase(0)));
            let found = hasty.settled();
            if let Next::Closed(_) = found {
                // On a busy machine the stop can come when all room is used up.
                kill(pid, Signal::SIGCONT).unwrap();
                break;
            }
            assert_eq!(found, Next::TimedOut);
            assert_eq!(patient.look(), Next::Pending);
            let returned = stand.board.returned(0);
            for reader in [&hasty, &patient] {
                let count = reader.expected.count();
                assert!((returned..=returned + 1).contains(&count), "{count}, {returned}");
            }
            let alive = recover(patient.reader.path()).unwrap_err();
            assert!(matches!(alive, RecoverError::WriterAlive { .. }), "{alive}");
            assert_eq!(patient.look(), Next::Pending);
            kill(pid, Signal::SIGCONT).unwrap();
            poll("a record", || (hasty.look() != Next::TimedOut).then_some(()));
        }
        stand.board.put(Told::Release, 1);
        assert_eq!(stand.nursery.reap(), Ended::Done);
        let total = stand.board.returned(0);
        for mut reader in [hasty, patient] {
            assert!(matches!(reader.settled(), Next::Closed(_)), "{plan:?}");
            assert_eq!(reader.expected.count(), total);
        }
    });
}

/// A reader of all channels of a folder, one behind the other, while there are any.
struct Follower<'p> {
    plan: &'p Plan,
    folder: PathBuf,
    channel: usize,
    timeout: Option<Duration>,
    reader: Reader,
    expected: Expected<'p>,
}

impl<'p> Follower<'p> {
    fn new(plan: &'p Plan, folder: &Path, timeout: Option<Duration>) -> Follower<'p> {
        let reader = poll("a channel", || Reader::open(channel_path(folder, 0)).ok());
        let expected = Expected::new(plan);
        let folder = folder.to_owned();
        let mut follower = Follower { plan, folder, channel: 0, timeout, reader, expected };
        follower.reader.set_timeout(timeout);
        follower
    }

    /// Takes all there is, and gives what comes then.
    fn look(&mut self) -> Next<()> {
        loop {
            for record in self.reader.iter() {
                self.expected.take(record.unwrap().value);
            }
            match self.reader.try_next().unwrap() {
                Next::Record(record) => self.expected.take(record.value),
                Next::Closed(reason) => {
                    let next = channel_path(&self.folder, self.channel + 1);
                    let Ok(reader) = Reader::open(next) else { return Next::Closed(reason) };
                    self.channel += 1;
                    self.reader = reader;
                    self.reader.set_timeout(self.timeout);
                }
                Next::Pending => return Next::Pending,
                Next::TimedOut => return Next::TimedOut,
                Next::Abandoned => panic!("abandoned, and its writer lives; {:?}", self.plan),
            }
        }
    }

    /// The same, until it is not `Pending`.
    fn settled(&mut self) -> Next<()> {
        poll("something", || Some(self.look()).filter(|found| *found != Next::Pending))
    }
}

/// Readers are killed in the middle of their reading: it is nothing to the writer, nor to others.
#[test]
fn a_reader_killed_anywhere_disturbs_nobody() {
    let mut stand = Stand::open();
    Cases::of("killed readers", 8).run(|_, rng, kills: &mut Hits| {
        let plan = Plan::of(Focus::Append, rng.u64(..));
        let folder = folder(&plan);
        let path = channel_path(folder.path(), 0);
        stand.board.reset();
        let mut writer = Writer::create(&path, &plan.options()).unwrap();
        let mut other = Reader::open(&path).unwrap();
        let (mut told, mut came) = (Expected::new(&plan), Expected::new(&plan));
        let mut append = |count: u64| {
            for _ in 0..count {
                if writer.append(told.next_payload()).is_err() {
                    return;
                }
                told.indices[0] += 1;
            }
        };
        for _ in 0..rng.u32(1..4) {
            append(rng.u64(1..100));
            stand.nursery.start_reader(&plan, folder.path());
            let killed = thread::scope(|threads| {
                let nursery = &mut stand.nursery;
                let killing = threads.spawn(move || nursery.kill());
                while !killing.is_finished() {
                    append(1);
                }
                killing.join().unwrap()
            });
            assert_eq!(killed, Ended::Killed);
            kills.count("reader killed");
            other.iter().for_each(|record| came.take(record.unwrap().value));
            let alive = recover(&path).unwrap_err();
            assert!(matches!(alive, RecoverError::WriterAlive { .. }), "{alive}");
        }
        append(1);
        assert!(writer.sync().unwrap().durable == writer.next_sequence());
        writer.close().unwrap();
        other.iter().for_each(|record| came.take(record.unwrap().value));
        assert!(matches!(other.try_next().unwrap(), Next::Closed(_)));
        assert_eq!(came.count(), told.count());
        let evidence = Evidence::of(&path, &mut Expected::new(&plan));
        assert_eq!((evidence.count, evidence.durable()), (told.count(), told.count()));
        evidence.check_zeroes(0, &plan);
    });
}

/// A forked child holds the lock for as long as it lives, so that nobody may say abandoned; nothing
/// is lost meanwhile. When it has gone, all is as it is without it.
#[test]
fn a_forked_child_that_outlives_a_writer_killed_anywhere_delays_its_end() {
    let mut stand = Stand::open();
    Cases::of("survivors", 8).run(|_, rng, hits: &mut Hits| {
        let plan = Plan::of(Focus::Fork, rng.u64(..));
        let folder = folder(&plan);
        let board = &stand.board;
        board.reset();
        stand.nursery.start(&plan, folder.path());
        let mut early = poll("a channel", || Reader::open(channel_path(folder.path(), 0)).ok());
        let mut early_expected = Expected::new(&plan);
        assert_eq!(stand.nursery.kill(), Ended::Killed);
        let channels = channels(folder.path());
        let path = channels.last().unwrap();
        // It may have been forked too late, or from the writer of an earlier channel.
        let mut reader = Reader::open(path).unwrap();
        reader.seek_to_end().unwrap();
        let held = match reader.try_next().unwrap() {
            Next::Pending => true,
            Next::Abandoned | Next::Closed(_) => false,
            other => panic!("{other:?}"),
        };
        hits.count(if held { "held by a survivor" } else { "no survivor" });
        if held {
            let alive = recover(path).unwrap_err();
            assert!(matches!(alive, RecoverError::WriterAlive { .. }), "{alive}");
            for _ in 0..100 {
                reader.set_timeout(None);
                assert_eq!(reader.try_next().unwrap(), Next::Pending);
            }
        }
        board.put(Told::Release, 1);
        poll("the end", || (reader.try_next().unwrap() != Next::Pending).then_some(()));
        let end = reader.try_next().unwrap();
        assert!(matches!(end, Next::Abandoned | Next::Closed(_)), "{end:?}");
        if matches!(end, Next::Closed(_)) {
            // Closed tells nothing of the lock, which the child may hold for a moment yet.
            poll("the lock", || recover(path).ok());
        }
        if channels.len() == 1 {
            early.iter().for_each(|record| early_expected.take(record.unwrap().value));
            assert!((board.returned(0)..=board.returned(0) + 1).contains(&early_expected.count()));
        }
        let nursery = &mut stand.nursery;
        Judge { nursery, board: &stand.board, plan: &plan, rng, hits }.judge(folder.path());
        go_on(&plan, folder.path());
    });
}

/// A program that another thread starts has, until it is loaded, the descriptors of this process:
/// the lock of a recovery must not wait for it.
#[test]
fn recovery_gives_its_lock_up_whatever_is_started_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        let starting = threads.spawn(|| {
            while !over.load(Ordering::Acquire) {
                assert!(Command::new("true").status().unwrap().success());
            }
        });
        for round in 0..100 {
            let path = folder.path().join(format!("{round}.kekbit"));
            Spec::numbers(10).image().numbers(5).write(&path);
            let first = recover(&path).map(|recovery| (recovery.records, recovery.sealed));
            let second = recover(&path).map(|recovery| (recovery.records, recovery.sealed));
            if first.is_err() || second.is_err() {
                over.store(true, Ordering::Release);
            }
            assert_eq!((first.unwrap(), second.unwrap()), ((5, true), (5, false)), "{round}");
        }
        over.store(true, Ordering::Release);
        starting.join().unwrap();
    });
}

#[test]
fn child() {
    let Some((role, path)) = role() else { return };
    match role.as_str() {
        "nursery" => nurse(&path),
        "witness" => witness(&path),
        _ => panic!("no role {role}"),
    }
}

/// Watches in a process of its own.
fn witness(path: &Path) {
    let board = Board::open(path);
    loop {
        let line = listen();
        let mut words = line.splitn(4, ' ');
        let mut number = || words.next().unwrap().parse::<u64>().unwrap();
        let (focus, seed, own) = (usize::try_from(number()).unwrap(), number(), number());
        let folder = PathBuf::from(words.next().unwrap());
        let plan = Plan::of(Focus::ALL[focus], seed);
        say(&watch(&plan, own, &folder, &board).to_string());
    }
}
