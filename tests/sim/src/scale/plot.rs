//! Bars side by side, as SVG: readable on light and dark ground, no script, no font of its own.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 56.0;
/// Share of a group's width left between it and the next.
const GAP: f64 = 0.25;
const LINES: u32 = 4;
/// Told apart by those who see few colours too.
const COLOURS: [&str; 3] = ["#1b7f79", "#d98032", "#8a8f98"];

pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    /// What the groups are.
    pub(super) across: &'a str,
    pub(super) unit: &'a str,
    pub(super) groups: &'a [String],
    /// A name, and a value for each group.
    pub(super) series: Vec<(&'a str, Vec<f64>)>,
}

impl Bars<'_> {
    pub(super) fn svg(&self) -> String {
        let values = self.series.iter().flat_map(|(_, values)| values.iter().copied());
        let top = round_up(values.fold(0.0, f64::max));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n<title>{}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"16\" font-weight=\"bold\">{} ({})</text>\n",
            self.title, self.title, self.unit
        );
        self.scale(top, &mut out);
        self.bars(top, &mut out);
        self.legend(&mut out);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n</svg>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 12.0,
            self.across
        );
        out
    }

    fn scale(&self, top: f64, out: &mut String) {
        for step in 0..=LINES {
            let value = top * f64::from(step) / f64::from(LINES);
            let y = height_of(value, top);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                short(value)
            );
        }
    }

    fn bars(&self, top: f64, out: &mut String) {
        let group = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        let bar = group * (1.0 - GAP) / self.series.len().max(1) as f64;
        for (at, name) in self.groups.iter().enumerate() {
            let left = LEFT + group * (at as f64 + GAP / 2.0);
            for (place, (_, values)) in self.series.iter().enumerate() {
                let value = values.get(at).copied().unwrap_or_default();
                let (x, y) = (left + bar * place as f64, height_of(value, top));
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"middle\">{}</text>",
                    bar - 2.0,
                    HEIGHT - BOTTOM - y,
                    COLOURS[place % COLOURS.len()],
                    x + bar / 2.0 - 1.0,
                    y - 3.0,
                    short(value)
                );
            }
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                left + group * (1.0 - GAP) / 2.0,
                HEIGHT - BOTTOM + 18.0
            );
        }
    }

    fn legend(&self, out: &mut String) {
        if self.series.len() < 2 {
            return;
        }
        for (place, (name, _)) in self.series.iter().enumerate() {
            let x = LEFT + 90.0 * place as f64;
            let _ = writeln!(
                out,
                "<rect x=\"{x}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"45\">{name}</text>",
                COLOURS[place % COLOURS.len()],
                x + 18.0
            );
        }
    }
}

fn height_of(value: f64, top: f64) -> f64 {
    TOP + (HEIGHT - BOTTOM - TOP) * (1.0 - value / top)
}

/// The next of 1, 2, 4, 5 or 8 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 4.0, 5.0, 8.0, 10.0].iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(1.0)
}

fn short(value: f64) -> String {
    if value >= 100.0 || value == value.trunc() { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_reach_as_high_as_their_value() {
        let groups = ["a".to_owned(), "b".to_owned()];
        let series = vec![("plan", vec![5.0, 10.0]), ("star", vec![0.0, 2.5])];
        let bars = Bars { title: "t", across: "x", unit: "u", groups: &groups, series };
        let svg = bars.svg();
        let heights: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains("font-size=\"10\""))
            .filter_map(|line| line.split("height=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(heights, [120.0, 0.0, 240.0, 60.0]);
        assert_eq!((round_up(977.0), round_up(3.2), round_up(0.0)), (1000.0, 4.0, 1e-9));
    }
}
