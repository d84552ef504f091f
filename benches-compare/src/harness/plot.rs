//! Plots: latencies by percentile, and throughput by the size of records.

use std::{error::Error, fs, path::Path};

use plotters::{
    coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    prelude::*,
};

use super::{Latencies, Measured, Role, median};

const SIZE: (u32, u32) = (1_110, 520);
/// What of it the names of the lines take, on the right.
const NAMES: u32 = 260;
const FONT: &str = "sans-serif";

/// Bars are grey, what is ours is thick.
const BARS: [RGBColor; 6] = [
    RGBColor(60, 60, 60),
    RGBColor(130, 130, 130),
    RGBColor(165, 165, 165),
    RGBColor(100, 100, 100),
    RGBColor(185, 185, 185),
    RGBColor(205, 205, 205),
];
const OURS: [RGBColor; 4] =
    [RGBColor(214, 39, 40), RGBColor(31, 119, 180), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];
const PEERS: [RGBColor; 9] = [
    RGBColor(255, 127, 14),
    RGBColor(23, 190, 207),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(150, 160, 20),
    RGBColor(0, 110, 90),
    RGBColor(90, 60, 160),
    RGBColor(200, 160, 0),
    RGBColor(120, 180, 240),
];

/// The styles of lines of these roles, in their order.
fn styles(series: &[Series]) -> Vec<ShapeStyle> {
    let mut next = [0; 3];
    let style = |series: &Series| {
        let (colors, width): (&[RGBColor], _) = match series.role {
            Role::Bar => (&BARS, 1),
            Role::Ours => (&OURS, 3),
            Role::Peer => (&PEERS, 1),
        };
        let next = &mut next[series.role as usize];
        let color = colors[*next % colors.len()];
        *next += 1;
        color.stroke_width(width)
    };
    series.iter().map(style).collect()
}

/// A line of a plot.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    role: Role,
}

/// Latencies in nanoseconds by percentile, further and further into the tail.
pub fn latencies(folder: &Path, name: &str, title: &str, measured: &[Measured]) {
    let series = measured.iter().filter_map(|way| {
        let points = tail(way.latencies.as_ref()?);
        Some(Series { name: way.name.clone(), points, role: way.role })
    });
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    let beyond = |points: &[(f64, f64)]| points.last().map_or(1.0, |point| point.0);
    let last = series.iter().map(|series| beyond(&series.points)).fold(10.0, f64::max);
    let label = |odds: &f64| {
        let digits = (odds.log10().round() as usize).saturating_sub(2);
        format!("{:.digits$} %", 100.0 * (1.0 - 1.0 / odds))
    };
    let axes = Axes { title, x: "percentile", y: "nanoseconds", label: &label };
    draw(folder, name, &axes, (1.0..last).log_scale(), &series);
}

/// The latencies at ever rarer odds: one in so many took longer.
fn tail(latencies: &Latencies) -> Vec<(f64, f64)> {
    let count = latencies.len() as f64;
    let odds = (0_i32..).map(|step| 10_f64.powf(f64::from(step) / 20.0));
    let seen = odds.take_while(|odds| *odds <= count);
    seen.map(|odds| (odds, latencies.value_at_quantile(1.0 - 1.0 / odds).max(1) as f64)).collect()
}

/// One way over tables of several sizes: millions of records a second, from nanoseconds a record.
pub fn throughput(folder: &Path, name: &str, title: &str, tables: &[(usize, Vec<Measured>)]) {
    let mut series: Vec<Series> = Vec::new();
    for (size, measured) in tables {
        for way in measured {
            let Some(nanos) = median(&way.column(0)) else { continue };
            let point = (*size as f64, 1_000.0 / nanos);
            match series.iter_mut().find(|series| series.name == way.name) {
                Some(series) => series.points.push(point),
                None => series.push(Series {
                    name: way.name.clone(),
                    points: vec![point],
                    role: way.role,
                }),
            }
        }
    }
    let sizes = tables.iter().map(|(size, _)| *size as f64);
    let most = sizes.clone().fold(0.0, f64::max);
    let least = sizes.fold(f64::INFINITY, f64::min);
    let label = |size: &f64| format!("{size:.0}");
    let axes = Axes { title, x: "bytes of a record", y: "million records a second", label: &label };
    draw(folder, name, &axes, (least..most).log_scale().base(2.0), &series);
}

struct Axes<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    label: &'a dyn Fn(&f64) -> String,
}

fn draw<X>(folder: &Path, name: &str, axes: &Axes<'_>, x: X, series: &[Series])
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let path = folder.join(format!("{name}.svg"));
    match try_draw(&path, axes, x, series) {
        Ok(()) => println!("\nPlot: `{name}.svg`"),
        Err(error) => println!("\nNo plot `{name}.svg`: {error}"),
    }
}

fn try_draw<X>(path: &Path, axes: &Axes<'_>, x: X, series: &[Series]) -> Result<(), Box<dyn Error>>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    let values = series.iter().flat_map(|series| &series.points).map(|point| point.1);
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    if !(0.0 < least && least <= most) {
        return Err("nothing was measured".into());
    }
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 - NAMES);
    let mut chart = ChartBuilder::on(&left)
        .caption(axes.title, (FONT, 20))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(80)
        .build_cartesian_2d(x, (least / 1.3..most * 1.3).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|x| (axes.label)(x))
        .y_label_formatter(&|y| if *y < 10.0 { format!("{y:.1}") } else { format!("{y:.0}") })
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .label_style((FONT, 14))
        .draw()?;
    for (index, (series, style)) in series.iter().zip(styles(series)).enumerate() {
        chart.draw_series(LineSeries::new(series.points.iter().copied(), style))?;
        let y = 60 + 22 * i32::try_from(index)?;
        right.draw(&PathElement::new(vec![(4, y), (26, y)], style))?;
        right.draw(&Text::new(series.name.as_str(), (34, y - 7), (FONT, 14)))?;
    }
    root.present()?;
    Ok(())
}
