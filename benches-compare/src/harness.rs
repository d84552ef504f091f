//! How everything here is measured.
//!
//! The ways of a table take turns within each repetition. A figure is the median of its
//! repetitions, with the least and the most; a ratio is the median of the ratios within each one.
//! Repetitions of two threads count only if a cache line went from core to core and back in the
//! usual time before and after them: the cores of a virtual machine move.

use std::{
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hdrhistogram::Histogram;

mod cores;
pub mod machine;
pub mod plot;
mod table;

pub use cores::{Pinned, probe};
pub use table::{Table, figure, median};

pub type Latencies = Histogram<u64>;

/// An empty histogram of nanoseconds.
pub fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds in order")
}

/// What a run is to be like.
#[derive(Debug, Clone)]
pub struct Plan {
    pub repetitions: usize,
    /// Whether it is to show only that everything works.
    pub short: bool,
    /// A folder in memory, and one on a disk.
    pub memory: PathBuf,
    pub disk: PathBuf,
    /// Where plots go.
    pub plots: PathBuf,
    /// The round trips of a cache line with which a repetition counts, in nanoseconds.
    pub gate: RangeInclusive<f64>,
    /// How long a repetition waits for a machine that has other things to do.
    pub patience: Duration,
    /// The power of ten of the longest files.
    pub longest: u32,
    /// Only the peers whose names contain one of these, and the bars.
    pub only: Vec<String>,
}

impl Plan {
    /// How many records, or whatever it is, of so many in a full run.
    pub fn count(&self, full: u64) -> u64 {
        if self.short { (full / 50).max(1) } else { full }
    }

    /// As many of `size` bytes as fit into a quarter of a gigabyte, and not more than `full`.
    pub fn count_of(&self, full: u64, size: usize) -> u64 {
        self.count(full.min((1 << 28) / size as u64))
    }

    /// A path in `folder` that is not used yet.
    pub fn fresh(folder: &Path, name: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: a number alone.
        folder.join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn is_wanted(&self, way: &Way) -> bool {
        let named = |part: &String| way.name.to_lowercase().contains(&part.to_lowercase());
        way.role == Role::Bar || self.only.is_empty() || self.only.iter().any(named)
    }
}

/// What a way is measured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What there is to reach.
    Bar,
    Ours,
    Peer,
}

/// What one run of a way gave: a figure for each column, and the latencies if they are looked at.
#[derive(Debug, Default)]
pub struct Outcome {
    pub figures: Vec<f64>,
    pub latencies: Option<Latencies>,
}

impl From<f64> for Outcome {
    fn from(figure: f64) -> Outcome {
        Outcome { figures: vec![figure], latencies: None }
    }
}

impl From<Vec<f64>> for Outcome {
    fn from(figures: Vec<f64>) -> Outcome {
        Outcome { figures, latencies: None }
    }
}

impl Outcome {
    /// Nanoseconds at each of the quantiles.
    pub fn of(latencies: Latencies, quantiles: &[f64]) -> Outcome {
        let at = |quantile: &f64| latencies.value_at_quantile(*quantile) as f64;
        Outcome { figures: quantiles.iter().map(at).collect(), latencies: Some(latencies) }
    }
}

/// One of the things that a table compares.
pub struct Way<'w> {
    name: String,
    role: Role,
    /// The name of what it is compared with.
    bar: Option<String>,
    run: Box<dyn FnMut() -> Outcome + 'w>,
    /// Why it cannot be run.
    missing: Option<String>,
}

impl<'w> Way<'w> {
    pub fn new<O: Into<Outcome>>(
        role: Role,
        name: impl Into<String>,
        mut run: impl FnMut() -> O + 'w,
    ) -> Way<'w> {
        let run = Box::new(move || run().into());
        Way { name: name.into(), role, bar: None, run, missing: None }
    }

    /// One that cannot be run, which the table says.
    #[cfg_attr(feature = "aeron", expect(dead_code, reason = "all peers are here"))]
    pub fn missing(name: &str, why: &str) -> Way<'w> {
        let mut way = Way::new(Role::Peer, name, Outcome::default);
        way.missing = Some(why.to_owned());
        way
    }

    pub fn against(mut self, bar: &str) -> Way<'w> {
        self.bar = Some(bar.to_owned());
        self
    }
}

/// Whether repetitions are bracketed by the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    TwoCores,
}

/// All that was found of a way.
pub struct Measured {
    pub name: String,
    pub role: Role,
    pub bar: Option<String>,
    /// The figures of each repetition, `None` where it was set aside.
    pub kept: Vec<Option<Vec<f64>>>,
    /// The first figure and the round trip of those set aside.
    pub aside: Vec<(f64, f64)>,
    pub latencies: Option<Latencies>,
    /// Repetitions that began though the machine had other things to do.
    pub busy: usize,
    /// Why there is nothing, or not all.
    pub missing: Option<String>,
}

impl Measured {
    /// The figures of a column.
    pub fn column(&self, column: usize) -> Vec<f64> {
        self.kept.iter().flatten().filter_map(|figures| figures.get(column).copied()).collect()
    }

    fn count(&self) -> usize {
        self.kept.iter().flatten().count()
    }

    /// The ratios to `bar` in the repetitions that have both.
    pub fn ratios(&self, bar: &Measured, column: usize) -> Vec<f64> {
        let pairs = self.kept.iter().zip(&bar.kept);
        let both = pairs.filter_map(|(ours, bar)| Some((ours.as_ref()?, bar.as_ref()?)));
        both.filter_map(|(ours, bar)| Some(ours.get(column)? / bar.get(column)?)).collect()
    }

    fn add(&mut self, outcome: Outcome) {
        match (&mut self.latencies, outcome.latencies) {
            (Some(all), Some(more)) => all.add(more).expect("the same bounds"),
            (none, more) => *none = more,
        }
        self.kept.push(Some(outcome.figures));
    }
}

/// Runs all ways in turn until each has the repetitions asked for, or so many were set aside that
/// it has to do without.
pub fn measure(plan: &Plan, gate: Gate, ways: Vec<Way<'_>>) -> Vec<Measured> {
    let mut ways: Vec<Way<'_>> = ways.into_iter().filter(|way| plan.is_wanted(way)).collect();
    let empty = |way: &Way<'_>| Measured {
        name: way.name.clone(),
        role: way.role,
        bar: way.bar.clone(),
        kept: Vec::new(),
        aside: Vec::new(),
        latencies: None,
        busy: 0,
        missing: way.missing.clone(),
    };
    let mut measured: Vec<Measured> = ways.iter().map(empty).collect();
    let rounds = match gate {
        Gate::TwoCores if !plan.short => 3 * plan.repetitions,
        _ => plan.repetitions,
    };
    for _ in 0..rounds {
        let is_short_of =
            |found: &Measured| found.missing.is_none() && found.count() < plan.repetitions;
        if !measured.iter().any(is_short_of) {
            break;
        }
        let is_quiet = plan.short || machine::wait_until_quiet(plan.patience);
        for (way, found) in ways.iter_mut().zip(&mut measured) {
            if found.missing.is_none() {
                found.busy += usize::from(!is_quiet);
                repeat(plan, gate, way, found);
            }
        }
    }
    measured
}

fn repeat(plan: &Plan, gate: Gate, way: &mut Way<'_>, found: &mut Measured) {
    let before = if gate == Gate::TwoCores { Some(probe()) } else { None };
    // A peer that fails is told of, and the others go on.
    let Ok(outcome) = catch_unwind(AssertUnwindSafe(&mut way.run)) else {
        found.missing = Some("failed while it ran".to_owned());
        return;
    };
    let usual = |trip: f64| plan.gate.contains(&trip);
    match before {
        Some(before) => {
            let after = probe();
            // The short form shows that it works, wherever the cores are.
            if plan.short || usual(before) && usual(after) {
                found.add(outcome);
            } else {
                let trip = if usual(before) { after } else { before };
                found.aside.push((outcome.figures.first().copied().unwrap_or(0.0), trip));
                found.kept.push(None);
            }
        }
        None => found.add(outcome),
    }
}
