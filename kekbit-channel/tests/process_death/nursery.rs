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
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::recover;
use nix::{
    sys::{
        prctl::set_pdeathsig,
        ptrace::{self, traceme},
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
        let mut word = helper.hear();
        if word == "untraced" {
            println!("no process may be traced here: all kills come after a time");
            word = helper.hear();
        }
        assert_eq!(word, "open");
        Nursery { helper }
    }

    /// Forks a process that runs a program in a folder, and gives its id.
    pub(crate) fn start(&mut self, plan: &Plan, folder: &Path) -> Pid {
        self.order("start", plan.focus, plan.seed, folder)
    }

    /// Forks a process that recovers a channel. When it is killed follows from the seed.
    pub(crate) fn start_recovery(&mut self, seed: u64, channel: &Path) -> Pid {
        self.order("recover", Focus::Recover, seed, channel)
    }

    /// Forks a process that reads the channels of a folder.
    pub(crate) fn start_reader(&mut self, plan: &Plan, folder: &Path) -> Pid {
        self.order("read", plan.focus, plan.seed, folder)
    }

    fn order(&mut self, verb: &str, focus: Focus, seed: u64, path: &Path) -> Pid {
        self.helper.tell(&format!("{verb} {} {seed} {}", focus as u64, path.display()));
        Pid::from_raw(self.helper.hear().parse().unwrap())
    }

    /// Kills it at an instant that follows from the seed or that nobody can foretell, and waits for
    /// its end.
    pub(crate) fn kill(&mut self) -> Ended {
        self.helper.tell("kill 0 0 .");
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
    let traceable = is_traceable();
    if !traceable {
        say("untraced");
    }
    say("open");
    let mut child = None;
    loop {
        let line = listen();
        let mut words = line.splitn(4, ' ');
        let verb = words.next().unwrap();
        let mut number = || words.next().unwrap().parse::<u64>().unwrap();
        let (focus, seed) = (usize::try_from(number()).unwrap(), number());
        let path = PathBuf::from(words.next().unwrap());
        let plan = Plan::of(Focus::ALL[focus], seed);
        let task: Box<dyn FnOnce()> = match verb {
            "kill" => {
                let (pid, blow): (Pid, Blow) = child.take().unwrap();
                blow.strike(&board, pid);
                continue;
            }
            "reap" => {
                let (pid, _) = child.take().unwrap();
                reap(pid);
                continue;
            }
            "start" => Box::new(|| Program::new(&plan, &path, &board).run()),
            "read" => Box::new(|| watch::read_for_ever(&plan, &path, &board)),
            "recover" => Box::new(|| recover_it(&path, &board)),
            other => panic!("no verb {other}"),
        };
        let trigger = if verb == "recover" { Phase::Recovering } else { plan.trigger };
        // Threads cannot be followed like this, and what is not to be killed need not be.
        let alone = !matches!(plan.focus, Focus::Shared | Focus::Endless) && verb != "read";
        let blow = Blow::draw(trigger, seed ^ 2, alone && traceable);
        board.put(Told::Entered, 0);
        board.put(Told::StopAt, if blow.kind == Kind::Timed { 0 } else { blow.times });
        let pid = bear(&board, task);
        say(&pid.to_string());
        child = Some((pid, blow));
    }
}

/// Whether a process may be traced by its parent here.
fn is_traceable() -> bool {
    // SAFETY: as in `bear`; the child only exits.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => {
            matches!(waitpid(child, None).unwrap(), WaitStatus::Exited(_, 0))
        }
        ForkResult::Child => exit(i32::from(traceme().is_err())),
    }
}

/// Forks a process for a task.
fn bear(board: &Board, task: impl FnOnce()) -> Pid {
    // SAFETY: the one other thread there may be is that of the test harness, which waits for this
    // one and holds no lock meanwhile; so the child may allocate, print and make threads.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            set_pdeathsig(Signal::SIGKILL).unwrap();
            if board.get(Told::StopAt) != 0 {
                traceme().unwrap();
            }
            let result = catch_unwind(AssertUnwindSafe(task));
            // Nobody waits for a phase any more that will not come.
            board.put(Told::Phase, Phase::Parked as u64);
            exit(if result.is_ok() { 0 } else { 101 });
        }
    }
}

/// Recovers a channel, and says first that it is about to.
fn recover_it(path: &Path, board: &Board) {
    Teller { board, thread: 0, trigger: Phase::Recovering }.enter(Phase::Recovering);
    recover(path).unwrap();
}

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
struct Blow {
    kind: Kind,
    /// How often the phase is entered before.
    times: u64,
    /// Entries to system calls and returns from them, from there.
    calls: u64,
    /// Instructions from there.
    instructions: u64,
    /// Time from there.
    delay: Duration,
    /// Whether it is slept away: on another core the process runs on, on the same one the timer
    /// interrupts it.
    asleep: bool,
}

/// What counts until the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Time, which has nothing to do with what the process does.
    Timed,
    /// Steps: system calls, and then instructions, one by one.
    Stepped,
}

impl Blow {
    fn draw(trigger: Phase, seed: u64, traceable: bool) -> Blow {
        let mut rng = Rng::with_seed(seed);
        // How often the phase is entered again, at most, and about as far as it goes.
        let (times, micros, instructions, calls) = match trigger {
            Phase::Creating => (30, 400, 2000, 60),
            Phase::Syncing => (60, 800, 800, 4),
            Phase::Closing => (40, 100, 800, 10),
            Phase::Recovering => (0, 600, 2000, 60),
            Phase::Appending => (2000, 40, 800, 0),
            _ => (300, 40, 1600, 0),
        };
        let stepped = traceable && rng.u8(..4) != 0;
        let by_calls = calls != 0 && rng.bool();
        // Without optimization there are several times as many.
        let factor = if cfg!(debug_assertions) { 5 } else { 1 };
        let most = if by_calls { instructions / 10 } else { instructions };
        // Small numbers are as likely as large ones: much happens near the start.
        let mut below = |most: u64| {
            let shift = if rng.bool() { 0 } else { rng.u32(..7) };
            rng.u64(..=most >> shift)
        };
        Blow {
            kind: if stepped { Kind::Stepped } else { Kind::Timed },
            times: below(times) + 1,
            calls: if by_calls { below(calls) } else { 0 },
            instructions: below(most * factor),
            delay: Duration::from_nanos(below(micros * 1000)),
            asleep: rng.u8(..4) == 0,
        }
    }

    /// Kills the process, waits for its end and tells of it.
    fn strike(self, board: &Board, child: Pid) {
        if self.kind == Kind::Timed {
            self.wait(board);
        } else if let Some(status) = self.step(child) {
            return tell(status);
        }
        board.put(Told::KillSent, 1);
        kill(child, Signal::SIGKILL).unwrap();
        reap(child);
    }

    /// Waits until the process is where it is to be killed, and the time from there.
    fn wait(self, board: &Board) {
        let start = Instant::now();
        let mut rounds = 0_u32;
        while board.phase(0) != Phase::Parked && board.get(Told::Entered) < self.times {
            rounds += 1;
            if rounds.is_multiple_of(64) {
                thread::yield_now();
            }
            assert!(start.elapsed() < PATIENCE, "{self:?} does not come");
            hint::spin_loop();
        }
        let start = Instant::now();
        if self.asleep {
            thread::sleep(self.delay);
        }
        while start.elapsed() < self.delay {}
    }

    /// Lets the process go so many steps from where it stops by itself. Gives how it ended if it
    /// did before.
    fn step(self, child: Pid) -> Option<WaitStatus> {
        let mut status = waitpid(child, None).unwrap();
        for step in 0..self.calls + self.instructions {
            if !matches!(status, WaitStatus::Stopped(..)) {
                return Some(status);
            }
            if step < self.calls {
                ptrace::syscall(child, None).unwrap();
            } else {
                ptrace::step(child, None).unwrap();
            }
            status = waitpid(child, None).unwrap();
        }
        (!matches!(status, WaitStatus::Stopped(..))).then_some(status)
    }
}

fn reap(child: Pid) {
    tell(waitpid(child, None).unwrap());
}

fn tell(status: WaitStatus) {
    match status {
        WaitStatus::Signaled(_, Signal::SIGKILL, _) => say("killed"),
        WaitStatus::Exited(_, 0) => say("done"),
        other => say(&format!("{other:?}")),
    }
}

/// Whether a process is stopped.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind_name) = stat.rsplit_once(')').unwrap();
    behind_name.trim_start().starts_with('T')
}
