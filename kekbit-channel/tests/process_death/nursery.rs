//! The nursery: a process with one thread that forks the processes that are to be killed, kills
//! them and waits for their end.
//!
//! A fork costs a fraction of a millisecond, where the start of a test binary costs many; and a
//! process that has threads must not fork.

use std::{
    fs, hint,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::exit,
    sync::atomic::Ordering::SeqCst,
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::recover;
use nix::{
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork},
};

use crate::{
    board::Board,
    cases::Rng,
    child::{Helper, PATIENCE, listen, say},
    program::{Focus, Phase, Plan, Program, Teller, Told},
    watch,
};

/// The end of the nursery that the test holds.
pub(crate) struct Nursery {
    helper: Helper,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Killed,
    /// By itself, before the signal came.
    Done,
}

impl Nursery {
    pub(crate) fn open(board: &Path) -> Nursery {
        let mut helper = Helper::start("nursery", board);
        assert_eq!(helper.hear(), "open");
        Nursery { helper }
    }

    /// Forks a process that runs a program in a folder, and gives its id.
    pub(crate) fn start(&mut self, plan: &Plan, folder: &Path) -> Pid {
        self.order("start", plan, folder)
    }

    /// Forks a process that recovers a channel, and says first that it is about to.
    pub(crate) fn start_recovery(&mut self, plan: &Plan, channel: &Path) -> Pid {
        self.order("recover", plan, channel)
    }

    /// Forks a process that reads the channels of a folder.
    pub(crate) fn start_reader(&mut self, plan: &Plan, folder: &Path) -> Pid {
        self.order("read", plan, folder)
    }

    fn order(&mut self, verb: &str, plan: &Plan, path: &Path) -> Pid {
        let Plan { focus, seed, .. } = plan;
        self.helper.tell(&format!("{verb} {} {seed} {}", *focus as u64, path.display()));
        Pid::from_raw(self.helper.hear().parse().unwrap())
    }

    /// Kills it at an instant that nobody can foretell, and waits for its end.
    pub(crate) fn kill(&mut self, seed: u64) -> Ended {
        self.helper.tell(&format!("kill 0 {seed} ."));
        self.ended()
    }

    /// Waits until it has left by itself.
    pub(crate) fn reap(&mut self) -> Ended {
        self.helper.tell("reap 0 0 .");
        self.ended()
    }

    fn ended(&mut self) -> Ended {
        match self.helper.hear().as_str() {
            "killed" => Ended::Killed,
            "done" => Ended::Done,
            other => panic!("the process to be killed failed: {other}"),
        }
    }
}

/// The process itself: does what it is told.
pub(crate) fn nurse(path: &Path) {
    let board = Board::open(path);
    say("open");
    let mut child = None;
    let mut trigger = Phase::Between;
    loop {
        let line = listen();
        let mut words = line.splitn(4, ' ');
        let verb = words.next().unwrap();
        let mut number = || words.next().unwrap().parse::<u64>().unwrap();
        let (focus, seed) = (usize::try_from(number()).unwrap(), number());
        let path = PathBuf::from(words.next().unwrap());
        let plan = Plan::of(Focus::ALL[focus], seed);
        match verb {
            "kill" => strike(&board, child.take().unwrap(), trigger, seed),
            "reap" => reap(child.take().unwrap()),
            _ => {
                let task: Box<dyn FnOnce()> = match verb {
                    "start" => Box::new(|| Program::new(&plan, &path, &board).run()),
                    "read" => Box::new(|| watch::read_for_ever(&plan, &path, &board)),
                    "recover" => Box::new(|| recover_it(&path, &board)),
                    other => panic!("no verb {other}"),
                };
                trigger = if verb == "recover" { Phase::Recovering } else { plan.trigger };
                let pid = bear(&board, task);
                say(&pid.to_string());
                child = Some(pid);
            }
        }
    }
}

fn bear(board: &Board, task: impl FnOnce()) -> Pid {
    // SAFETY: the one other thread there may be is that of the test harness, which waits for this
    // one and holds no lock meanwhile; so the child may allocate, print and make threads.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            set_pdeathsig(Signal::SIGKILL).unwrap();
            let result = catch_unwind(AssertUnwindSafe(task));
            // Nobody waits for a phase any more that will not come.
            board.at(Told::Phase as usize).store(Phase::Parked as u64, SeqCst);
            exit(if result.is_ok() { 0 } else { 101 });
        }
    }
}

fn recover_it(path: &Path, board: &Board) {
    Teller { board, thread: 0, trigger: Phase::Recovering }.enter(Phase::Recovering);
    recover(path).unwrap();
}

/// How often the phase is entered before the kill, at most, and how long after that the kill comes
/// at most. The longest time is about what the phase takes.
fn reach(trigger: Phase) -> (u64, Duration) {
    let micros = Duration::from_micros;
    match trigger {
        Phase::Creating => (30, micros(400)),
        Phase::Syncing => (60, micros(800)),
        Phase::Closing => (40, micros(100)),
        Phase::Recovering => (1, micros(600)),
        Phase::Appending => (2000, micros(40)),
        _ => (300, micros(40)),
    }
}

/// Waits until the process is where it is to be killed, and then for a time that has nothing to do
/// with what it does; kills it, and waits for its end.
fn strike(board: &Board, child: Pid, trigger: Phase, seed: u64) {
    let mut rng = Rng::with_seed(seed ^ 2);
    let (times, longest) = reach(trigger);
    let shift = rng.u32(..6);
    let times = rng.u64(..(times >> shift).max(1)) + 1;
    let longest = longest / (1 << rng.u32(..8));
    let delay = longest.mul_f64(rng.f64());
    let asleep = rng.u8(..4) == 0;
    let start = Instant::now();
    let mut rounds = 0_u32;
    while board.phase(0) != Phase::Parked && board.get(Told::Entered) < times {
        rounds += 1;
        if rounds.is_multiple_of(64) {
            thread::yield_now();
        }
        assert!(start.elapsed() < PATIENCE, "{trigger:?} does not come");
        hint::spin_loop();
    }
    // Both kinds of a delay: on another core the process runs on, on the same one a timer
    // interrupts it.
    let start = Instant::now();
    if asleep {
        thread::sleep(delay);
    }
    while start.elapsed() < delay {}
    board.at(Told::KillSent as usize).store(1, SeqCst);
    kill(child, Signal::SIGKILL).unwrap();
    reap(child);
}

fn reap(child: Pid) {
    match waitpid(child, None).unwrap() {
        WaitStatus::Signaled(_, Signal::SIGKILL, _) => say("killed"),
        WaitStatus::Exited(_, 0) => say("done"),
        other => say(&format!("{other:?}")),
    }
}

/// Waits until a process has been stopped.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind_name) = stat.rsplit_once(')').unwrap();
    behind_name.trim_start().starts_with('T')
}
