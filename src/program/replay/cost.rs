//! What playing cost: processor time, as nanoseconds and as cycles of the time stamp counter.

use rumpswitch::unix_host::clock::TickRate;
use serde_json::{Value, json};

/// One repetition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repetition {
    pub(super) packets: u64,
    /// Of this thread, or of those of the workers together.
    pub(super) cpu_nanos: u64,
    pub(super) wall_nanos: u64,
}

impl Repetition {
    fn nanos_per_packet(&self) -> f64 {
        self.cpu_nanos as f64 / self.packets.max(1) as f64
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "packets": self.packets,
            "cpu_ns": self.cpu_nanos,
            "cpu_ns_per_packet": self.nanos_per_packet(),
            "wall_ns": self.wall_nanos,
        })
    }
}

/// What came before: not part of any repetition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// Reading the flow entries, groups and meters, and taking them in, on this thread.
    pub(super) load_nanos: u64,
    /// Compiling what the tables had not compiled as the entries came.
    pub(super) compile_nanos: u64,
    /// Begun with the program.
    pub(super) rate: TickRate,
}

/// All repetitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    pub(super) repetitions: Vec<Repetition>,
}

impl Cost {
    /// Of all repetitions together.
    pub(super) fn nanos_per_packet(&self) -> f64 {
        let (cpu, packets) = self.repetitions.iter().fold((0, 0), |(cpu, packets), repetition| {
            (cpu + repetition.cpu_nanos, packets + repetition.packets)
        });
        cpu as f64 / packets.max(1) as f64
    }

    pub(super) fn wall_seconds(&self) -> f64 {
        self.repetitions.iter().map(|repetition| repetition.wall_nanos as f64 / 1e9).sum()
    }

    /// The cheapest repetition's, and the middle one's.
    pub(super) fn least_and_median(&self) -> (f64, f64) {
        let mut each: Vec<_> = self.repetitions.iter().map(Repetition::nanos_per_packet).collect();
        each.sort_by(f64::total_cmp);
        let low = each.get(each.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
        let high = each.get(each.len() / 2).copied().unwrap_or(0.0);
        (each.first().copied().unwrap_or(0.0), (low + high) / 2.0)
    }

    pub(super) fn json(&self, setup: &Setup) -> Value {
        let rate = setup.rate.per_second();
        let cycles = |nanos: f64| rate.map(|rate| nanos * rate / 1e9);
        let (least, median) = self.least_and_median();
        let repetitions: Vec<_> = self.repetitions.iter().map(Repetition::json).collect();
        json!({
            "cpu_ns": self.repetitions.iter().map(|each| each.cpu_nanos).sum::<u64>(),
            "tsc_hz": rate,
            "cycles_per_packet": cycles(self.nanos_per_packet()),
            "cycles_min": cycles(least),
            "cycles_median": cycles(median),
            "load_seconds": setup.load_nanos as f64 / 1e9,
            "compile_seconds": setup.compile_nanos as f64 / 1e9,
            "repetitions": repetitions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(cpu: &[u64]) -> Cost {
        let each =
            |cpu_nanos: &u64| Repetition { packets: 10, cpu_nanos: *cpu_nanos, wall_nanos: 0 };
        Cost { repetitions: cpu.iter().map(each).collect() }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(cost(&[40, 10, 20, 30]).least_and_median(), (1.0, 2.5));
        assert_eq!(cost(&[50, 10, 20]).least_and_median(), (1.0, 2.0));
        assert_eq!(cost(&[]).least_and_median(), (0.0, 0.0));
        assert_eq!(cost(&[40, 10]).nanos_per_packet(), 2.5);
    }
}
