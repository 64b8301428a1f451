//! What was measured: printed as lines, read again from them, and put side by side.

use std::fmt::Write;
use std::time::Instant;

/// Which of two figures is the better one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// Figures by name, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    unit: String,
    better: Better,
    samples: Vec<f64>,
    /// Medians of the runs that were read from files.
    medians: Vec<f64>,
}

impl Figures {
    /// Adds a sample to a figure.
    pub(crate) fn add(&mut self, name: &str, unit: &str, better: Better, sample: f64) {
        self.figure(name, unit, better).samples.push(sample);
    }

    /// Adds a sample of so many a second since `start`.
    pub(crate) fn rate(&mut self, name: &str, count: u32, start: Instant) {
        self.add(name, "/s", Better::More, f64::from(count) / start.elapsed().as_secs_f64());
    }

    /// Prints all figures, and how many errors the switch answered meanwhile.
    pub(crate) fn finish(&self, error_count: u64) {
        for figure in &self.0 {
            let (best, median) = (figure.best(), median(&figure.samples));
            let better = if figure.better == Better::More { "more" } else { "less" };
            println!("{}\t{}\t{better}\t{best:.2}\t{median:.2}", figure.name, figure.unit);
        }
        if error_count > 0 {
            eprintln!("ofbench: {error_count} errors: the figures are of something else");
        }
    }

    /// Reads what another run has printed.
    pub(crate) fn read(&mut self, text: &str) {
        for line in text.lines() {
            let words: Vec<&str> = line.split('\t').collect();
            let &[name, unit, better, best, median] = &words[..] else { continue };
            let (Ok(best), Ok(median)) = (best.parse(), median.parse()) else { continue };
            let better = if better == "more" { Better::More } else { Better::Less };
            let figure = self.figure(name, unit, better);
            figure.samples.push(best);
            figure.medians.push(median);
        }
    }

    fn figure(&mut self, name: &str, unit: &str, better: Better) -> &mut Figure {
        let at = self.0.iter().position(|figure| figure.name == name).unwrap_or(self.0.len());
        if at == self.0.len() {
            let (name, unit) = (name.to_owned(), unit.to_owned());
            self.0.push(Figure { name, unit, better, samples: Vec::new(), medians: Vec::new() });
        }
        &mut self.0[at]
    }
}

impl Figure {
    fn best(&self) -> f64 {
        let of = |better: fn(f64, f64) -> f64| self.samples.iter().copied().reduce(better);
        let best = if self.better == Better::More { of(f64::max) } else { of(f64::min) };
        best.unwrap_or(0.0)
    }

    /// How often better a figure is than another: of the best runs and of the medians.
    fn ratios(&self, peer: &Figure) -> (f64, f64) {
        let ratio = |ours: f64, its: f64| match self.better {
            Better::More => ours / its,
            Better::Less => its / ours,
        };
        (ratio(self.best(), peer.best()), ratio(median(&self.medians), median(&peer.medians)))
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// What both sides have, in the order of the first.
fn pairs<'a>(
    peer: &'a Figures,
    ours: &'a Figures,
) -> impl Iterator<Item = (&'a Figure, &'a Figure)> {
    peer.0.iter().filter_map(|its| {
        ours.0.iter().find(|figure| figure.name == its.name).map(|figure| (its, figure))
    })
}

/// Both sides as a table for people.
pub(crate) fn table(peer: &Figures, ours: &Figures) -> String {
    let mut text = format!(
        "{:42} {:>4} {:>12} {:>12} {:>8} {:>8}\n",
        "(best of the runs)", "", "peer", "ours", "ratio", "medians'"
    );
    for (its, figure) in pairs(peer, ours) {
        let (best, median) = figure.ratios(its);
        let (name, unit) = (&figure.name, &figure.unit);
        let (a, b) = (its.best(), figure.best());
        let _ = writeln!(text, "{name:42} {unit:>4} {a:12.1} {b:12.1} {best:7.1}x {median:7.1}x");
    }
    text
}

/// Both sides as JSON.
pub(crate) fn json(peer: &Figures, ours: &Figures) -> String {
    let rows = pairs(peer, ours).map(|(its, figure)| {
        let (best, ratio) = figure.ratios(its);
        format!(
            "  {{\"name\": \"{}\", \"unit\": \"{}\", \"more_is_better\": {}, \"peer\": {:.2}, \
             \"peer_median\": {:.2}, \"ours\": {:.2}, \"ours_median\": {:.2}, \"ratio\": {best:.3}, \
             \"ratio_of_medians\": {ratio:.3}}}",
            figure.name,
            figure.unit,
            figure.better == Better::More,
            its.best(),
            median(&its.medians),
            figure.best(),
            median(&figure.medians),
        )
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}
