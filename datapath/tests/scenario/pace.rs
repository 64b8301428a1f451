//! When a table is compiled that changes: on the way where there is time for it, and not again and again
//! while it grows to many times what it was.

use crate::*;
use ofp_codec::TableId;
use rumpswitch_datapath::classifier::{TableCompiled, Template};

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;

/// One of as many entries as one likes, of 512 masks.
fn of_many_masks(n: u32) -> FlowMod {
    let hash = u128::from(n.wrapping_mul(0x9e37_79b1));
    let mask = 0xffff_ffff_0000 | u128::from(n % 512) << 3 | 7;
    let fields = [Oxm::masked(OxmField::EthDst, hash << 16 & mask, mask)];
    FlowMod { matching: Match::new(fields).unwrap(), ..entry(1, &[], apply([output(2)])) }
}

impl Bed {
    /// Adds so many entries, one each `pace` nanoseconds, and looks after time between; `look` sees what the
    /// table is like now and then.
    fn grow(&mut self, count: u32, pace: u64, mut look: impl FnMut(TableCompiled)) {
        for n in 0..count {
            self.now = self.now.plus(pace);
            self.add(of_many_masks(n));
            if self.switch.tables.next_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.switch.tables.tick(self.now);
            }
            if n % 100 == 99 {
                look(self.compiled());
            }
        }
    }

    fn compiled(&self) -> TableCompiled {
        self.switch.tables.compiled(TableId(0)).unwrap()
    }

    /// Lets time pass until nothing is to be done any more; how many ticks that took.
    fn pass(&mut self) -> usize {
        let mut ticks = 0;
        while let Some(deadline) = self.switch.tables.next_deadline() {
            self.now = self.now.max(deadline);
            self.switch.tables.tick(self.now);
            ticks += 1;
            assert!(ticks < 10_000, "a deadline that was met is told again");
        }
        ticks
    }
}

#[test]
fn a_table_that_grows_fast_is_compiled_when_it_is_at_rest() {
    let mut bed = Bed::new();
    let mut trees = 0;
    bed.grow(5_000, MICRO, |table| trees += u32::from(table.template == Template::Tree));
    assert!(trees < 10, "{trees}");
    assert_eq!(bed.compiled().template, Template::Tuples);
    let loaded = bed.now;
    let deadline = bed.switch.tables.next_deadline().unwrap();
    assert!(deadline > loaded && deadline <= loaded.plus(50 * MILLI), "{deadline:?}");
    bed.pass();
    let table = bed.compiled();
    assert_eq!((table.template, table.overlay_count), (Template::Tree, 0));
}

#[test]
fn a_table_that_grows_slowly_is_compiled_on_the_way() {
    let mut bed = Bed::new();
    bed.grow(2_000, MILLI, |table| {
        let is_young = table.entry_count < 200;
        let is_light = table.overlay_count <= table.entry_count / 4 + 64;
        assert!(is_young || table.template == Template::Tree && is_light, "{table:?}");
    });
    bed.pass();
    assert_eq!(bed.compiled().overlay_count, 0);
}

#[test]
fn a_table_that_has_shrunk_meanwhile_is_owed_nothing() {
    let mut bed = Bed::new();
    bed.grow(2_000, MICRO, |_| {});
    let command = ofp_codec::FlowModCommand::DeleteStrict;
    for n in 3..2_000 {
        bed.add(FlowMod { command, ..of_many_masks(n) });
    }
    let ticks = bed.pass();
    assert!(ticks < 1_000, "{ticks}");
    assert_eq!(bed.compiled().template, Template::Fixed);
    bed.add(of_many_masks(3));
    assert!(bed.pass() < 5);
}
