//! Tables in Markdown.

use std::fmt::Write;

use super::{Measured, Role};

/// A table of ways and their figures.
#[derive(Debug)]
pub struct Table<'t> {
    pub title: &'t str,
    /// What was done, and how often.
    pub note: String,
    pub columns: &'t [&'t str],
    /// The column of which ratios are shown.
    pub ratio: usize,
}

impl Table<'_> {
    pub fn print(&self, measured: &[Measured]) {
        print!("{}", self.render(measured));
    }

    fn render(&self, measured: &[Measured]) -> String {
        let mut text = format!("\n### {}\n\n{}\n\n", self.title, self.note);
        let busy = measured.iter().map(|way| way.busy).max().unwrap_or(0);
        if 0 < busy {
            text += &format!("**{busy} repetitions began while the machine was busy.**\n\n");
        }
        let has_aside = measured.iter().any(|way| !way.aside.is_empty());
        let mut heads = vec!["way"];
        heads.extend(self.columns);
        heads.extend(["x the bar", "repetitions"]);
        if has_aside {
            heads.push("set aside, round trip");
        }
        row(&mut text, &heads);
        row(&mut text, &vec!["---"; heads.len()]);
        for way in measured {
            let name = match way.role {
                Role::Bar => format!("*{}*", way.name),
                Role::Ours => format!("**{}**", way.name),
                Role::Peer => way.name.clone(),
            };
            let mut cells = vec![name];
            for column in 0..self.columns.len() {
                cells.push(match (&way.missing, column) {
                    (Some(why), 0) => why.clone(),
                    _ => figure(&way.column(column)),
                });
            }
            let bar = way.bar.as_ref().and_then(|bar| measured.iter().find(|way| way.name == *bar));
            let ratios = bar.map_or(Vec::new(), |bar| way.ratios(bar, self.ratio));
            cells.push(if ratios.is_empty() { "".into() } else { figure(&ratios) });
            cells.push(way.count().to_string());
            if has_aside {
                let aside = way
                    .aside
                    .iter()
                    .map(|(figure, trip)| format!("{} at {trip:.0} ns", Cell(*figure)));
                cells.push(aside.collect::<Vec<_>>().join(", "));
            }
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            row(&mut text, &cells);
        }
        text
    }
}

fn row(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("memory");
}

/// A number with three digits or so that mean something.
#[derive(Debug, Clone, Copy)]
pub struct Cell(pub f64);

impl std::fmt::Display for Cell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = match self.0.abs() {
            _ if self.0.fract() == 0.0 => 0,
            size if size < 10.0 => 2,
            size if size < 100.0 => 1,
            _ => 0,
        };
        write!(formatter, "{:.digits$}", self.0)
    }
}

pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    } else {
        sorted.get(middle).copied()
    }
}

/// Median (least..most), or one number if they are the same.
pub fn figure(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match median(figures) {
        Some(median) if least == most => Cell(median).to_string(),
        Some(median) => format!("{} ({}..{})", Cell(median), Cell(least), Cell(most)),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_stand_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(figure(&[10.0, 1.0, 200.0]), "10 (1..200)");
    }

    #[test]
    fn ratios_are_those_within_a_repetition() {
        let way = |name: &str, bar: Option<&str>, kept: [Option<f64>; 3]| Measured {
            name: name.to_owned(),
            role: Role::Ours,
            bar: bar.map(str::to_owned),
            kept: kept.map(|kept| kept.map(|figure| vec![figure])).to_vec(),
            aside: Vec::new(),
            latencies: None,
            busy: 0,
            missing: None,
        };
        let bar = way("bar", None, [Some(1.0), None, Some(10.0)]);
        let ours = way("ours", Some("bar"), [Some(2.0), None, Some(10.0)]);
        assert_eq!(ours.ratios(&bar, 0), [2.0, 1.0]);
        let table = Table { title: "t", note: String::new(), columns: &["ns"], ratio: 0 };
        assert!(table.render(&[bar, ours]).contains("| 1.50 (1..2) | 2 |"));
    }
}
