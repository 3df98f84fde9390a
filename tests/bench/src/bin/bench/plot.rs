//! SVG plots with two logarithmic axes.

use std::fmt::Write;

/// A plot of several series of points.
#[derive(Debug)]
pub(crate) struct Plot {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    pub(crate) series: Vec<Series>,
}

/// One line of a plot.
#[derive(Debug)]
pub(crate) struct Series {
    name: String,
    /// The points. Both coordinates are positive.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), points: Vec::new() }
    }
}

const COLOURS: [&str; 6] = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555"];

/// The size of the image, and the area of the lines: left, top, right, bottom.
const SIZE: (f64, f64) = (860.0, 590.0);
const FIELD: (f64, f64, f64, f64) = (80.0, 50.0, 840.0, 390.0);

impl Plot {
    pub(crate) fn new(title: &'static str, x: &'static str, y: &'static str) -> Self {
        Self { title, x, y, series: Vec::new() }
    }

    pub(crate) fn to_svg(&self) -> String {
        let points = || self.series.iter().flat_map(|it| it.points.iter());
        let x = Axis::over(points().map(|it| it.0), (FIELD.0, FIELD.2));
        let y = Axis::over(points().map(|it| it.1), (FIELD.3, FIELD.1));
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" font-family="sans-serif" font-size="13">
<rect width="{w}" height="{h}" fill="white"/>
<text x="{left}" y="28" font-size="17">{title}</text>
"##,
            w = SIZE.0,
            h = SIZE.1,
            left = FIELD.0,
            title = self.title,
        );
        for power in x.powers() {
            let (at, label) = (x.at(10f64.powi(power)), label(power));
            let (top, bottom, below) = (FIELD.1, FIELD.3, FIELD.3 + 20.0);
            line(&mut svg, (at, top), (at, bottom));
            text(&mut svg, (at, below), "middle", &label);
        }
        for power in y.powers() {
            let (at, label) = (y.at(10f64.powi(power)), label(power));
            line(&mut svg, (FIELD.0, at), (FIELD.2, at));
            text(&mut svg, (FIELD.0 - 8.0, at + 4.0), "end", &label);
        }
        text(&mut svg, ((FIELD.0 + FIELD.2) / 2.0, FIELD.3 + 42.0), "middle", self.x);
        text(&mut svg, (FIELD.0, FIELD.1 - 8.0), "middle", self.y);
        for (index, series) in self.series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let mut path = String::new();
            for (px, py) in &series.points {
                let (px, py) = (x.at(*px), y.at(*py));
                // Ignored: writing to a string does not fail.
                let _ = write!(path, "{px:.1},{py:.1} ");
                let _ =
                    writeln!(svg, r#"<circle cx="{px:.1}" cy="{py:.1}" r="3.5" fill="{colour}"/>"#);
            }
            let _ = writeln!(
                svg,
                r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#
            );
            let (lx, ly) = (FIELD.0, FIELD.3 + 72.0 + index as f64 * 22.0);
            let _ = writeln!(
                svg,
                r#"<rect x="{lx}" y="{:.1}" width="14" height="10" fill="{colour}"/>"#,
                ly - 10.0
            );
            text(&mut svg, (lx + 20.0, ly), "start", &series.name);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        svg,
        r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#dddddd"/>"##
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
}

/// Formats a power of ten.
fn label(power: i32) -> String {
    match power {
        0..=5 => format!("{}", 10u64.pow(power as u32)),
        6..=8 => format!("{} M", 10u64.pow(power as u32 - 6)),
        _ => format!("1e{power}"),
    }
}

/// A logarithmic axis, which maps values to positions.
struct Axis {
    from: f64,
    to: f64,
    positions: (f64, f64),
}

impl Axis {
    /// Creates an axis between powers of ten that covers the values.
    fn over(values: impl Iterator<Item = f64>, positions: (f64, f64)) -> Self {
        let logs: Vec<f64> = values.filter(|it| *it > 0.0).map(f64::log10).collect();
        let from = logs.iter().copied().fold(f64::INFINITY, f64::min);
        let to = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if logs.is_empty() {
            return Self { from: 0.0, to: 1.0, positions };
        }
        let from = from.floor();
        Self { from, to: to.ceil().max(from + 1.0), positions }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        self.positions.0 + share.max(0.0) * (self.positions.1 - self.positions.0)
    }

    fn powers(&self) -> impl Iterator<Item = i32> {
        self.from as i32..=self.to as i32
    }
}
