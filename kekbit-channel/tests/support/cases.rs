//! Random cases of a harness of `docs/RELIABILITY.md`: how many, and from which seed.
//!
//! Each case draws from a generator of its own, so that it can be run again alone. A harness says
//! at its end how many cases it has run; when a case fails, what to type to see it again.
//!
//! - `KEKBIT_CASES`: how many cases; without it the short form.
//! - `KEKBIT_SEED`: the first seed. Case `n` of seed `s` is case 0 of seed `s + n`. Without it, a
//!   seed is drawn.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{env, fmt::Display, time::Instant};

pub(crate) use fastrand::Rng;

/// The cases that one harness runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cases {
    name: &'static str,
    pub(crate) count: u64,
    seed: u64,
}

impl Cases {
    /// As many as the environment asks for, or `short`.
    pub(crate) fn of(name: &'static str, short: u64) -> Cases {
        let seed = number("KEKBIT_SEED").unwrap_or_else(|| u64::from(fastrand::u32(..)));
        Cases { name, count: number("KEKBIT_CASES").unwrap_or(short), seed }
    }

    /// Runs each case with its number and generator, then says what was run. Anything that a case
    /// counts comes back in `T`.
    pub(crate) fn run<T: Default + Display>(self, mut case: impl FnMut(u64, &mut Rng, &mut T)) {
        let start = Instant::now();
        let mut counted = T::default();
        for number in 0..self.count {
            let seed = self.seed.wrapping_add(number);
            let replay = Replay { name: self.name, number, seed, count: 1 };
            case(number, &mut Rng::with_seed(seed), &mut counted);
            drop(replay);
        }
        self.say(start, "cases", &counted);
    }

    /// Runs one case with a generator, in which `count` of something come to pass; then says what
    /// was run.
    pub(crate) fn run_whole<T: Display>(self, what: &str, case: impl FnOnce(u64, &mut Rng) -> T) {
        let start = Instant::now();
        let Cases { name, count, seed } = self;
        let replay = Replay { name, number: 0, seed, count };
        let counted = case(count, &mut Rng::with_seed(seed));
        drop(replay);
        self.say(start, what, &counted);
    }

    fn say(self, start: Instant, what: &str, counted: &dyn Display) {
        let Cases { name, count, seed } = self;
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {count} {what} from seed {seed} in {seconds:.1} s; {counted}");
    }
}

/// Says how to run a case again, if it ends in a panic.
struct Replay {
    name: &'static str,
    number: u64,
    seed: u64,
    count: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Replay { name, number, seed, count } = self;
            eprintln!(
                "{name}: case {number} failed; KEKBIT_SEED={seed} KEKBIT_CASES={count} runs it \
                 alone"
            );
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}
