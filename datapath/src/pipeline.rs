//! The walk of a packet through the flow tables, in the order of the standard (§5.1, §5.9).

use hypercall::{Frame, Hypercall};
use ofp_codec::PacketInReason;

use crate::counters::{DropReason, Load};
use crate::execute::{Carrier, Flow, Origin, Run};
use crate::flow_entry::FlowEntry;
use crate::meters::Verdict;
use crate::observer::{Observer, Step};
use crate::packet::Packet;
use crate::program::{ActionSet, Op};

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Sends a packet through the tables from the first one on and to wherever they say; the output
    /// that it owes at the end is [`finish`](Self::finish)'s. `first` is the first table's answer,
    /// where a batch has asked already.
    ///
    /// 1. Count a lookup; find the entry of highest priority that matches.
    /// 2. None: drop. 3. Count a match, note the use, run the entry's instructions.
    /// 4. Goto-Table: on with that table. 5. None: execute the action set.
    pub(crate) fn walk(
        &mut self,
        set: &mut ActionSet,
        carrier: &mut Carrier<H::Frame>,
        first: Option<Option<u32>>,
    ) {
        self.outcomes = 0;
        set.clear();
        let tables = self.tables;
        let mut table_id = 0;
        let mut known = first;
        loop {
            let found = match known.take() {
                Some(found) => found,
                None => tables.find(table_id, &mut carrier.packet),
            };
            let key = &carrier.packet.key;
            self.observer.step(tables, Step::Lookup { table_id, key, found });
            let entry = found.and_then(|slot| Some((slot, tables.entries.get(slot)?)));
            self.count_lookup(table_id, entry.is_some());
            let Some((slot, entry)) = entry else {
                if self.outcomes == 0 {
                    self.dropped(DropReason::TableMiss, &carrier.packet);
                }
                break;
            };
            self.count_match(slot, &carrier.packet);
            match self.instructions(set, carrier, table_id, entry) {
                Next::Table(next) => table_id = next,
                Next::Dropped => break,
                Next::End => {
                    self.action_set(set, carrier, table_id);
                    break;
                }
            }
        }
    }

    /// Runs an entry's program.
    fn instructions(
        &mut self,
        set: &mut ActionSet,
        carrier: &mut Carrier<H::Frame>,
        table_id: u8,
        entry: &FlowEntry,
    ) -> Next {
        let is_miss = entry.is_table_miss();
        let reason = if is_miss { PacketInReason::NoMatch } else { PacketInReason::Action };
        let origin = Origin { table_id, cookie: entry.cookie(), reason, is_packet_out: false };
        let mut left = entry.program().ops().len();
        for op in entry.program().ops() {
            left = left.saturating_sub(1);
            match op {
                Op::Apply(act) => {
                    let is_last = left == 0 && !set.sends();
                    if self.act(carrier, act, origin, 0, is_last) == Flow::Stop {
                        return Next::Dropped;
                    }
                }
                Op::Write(act) => set.write(*act, is_miss),
                Op::GotoTable(next) => return Next::Table(*next),
                Op::WriteMetadata { value, mask } => carrier.packet.write_metadata(*value, *mask),
                Op::ClearActions => set.clear(),
                Op::Meter(slot) => {
                    if self.meter(carrier, *slot) == Flow::Stop {
                        return Next::Dropped;
                    }
                }
            }
        }
        Next::End
    }

    /// Executes the action set at the end of the pipeline (§5.10).
    fn action_set(&mut self, set: &ActionSet, carrier: &mut Carrier<H::Frame>, table_id: u8) {
        if !set.sends() {
            if self.outcomes == 0 {
                self.dropped(DropReason::NoOutput, &carrier.packet);
            }
            return;
        }
        self.observer.step(self.tables, Step::ActionSet);
        let is_miss = set.outputs_for_miss();
        let reason = if is_miss { PacketInReason::NoMatch } else { PacketInReason::Action };
        let origin = Origin { table_id, cookie: u64::MAX, reason, is_packet_out: false };
        for act in set.acts() {
            // A group or output ends the set, so it is the last to need the packet.
            if self.act(carrier, &act, origin, 0, true) == Flow::Stop {
                return;
            }
        }
        // A flood may find no port to go to.
        if self.outcomes == 0 {
            self.dropped(DropReason::NoOutput, &carrier.packet);
        }
    }

    fn meter(&mut self, carrier: &mut Carrier<H::Frame>, slot: u32) -> Flow {
        let load = Load::of(carrier.packet.frame.len(), &carrier.packet.meta);
        self.observer.step(self.tables, Step::Meter { slot });
        let verdict = if O::DRY {
            Verdict::Pass
        } else {
            self.tables.meters.measure(slot, self.cells, load, self.now)
        };
        match verdict {
            Verdict::Pass => Flow::Continue,
            Verdict::Remark(levels) => {
                self.remark(carrier, levels);
                Flow::Continue
            }
            Verdict::Drop => {
                self.dropped(DropReason::Meter, &carrier.packet);
                Flow::Stop
            }
        }
    }

    fn count_lookup(&self, table_id: u8, matched: bool) {
        if O::DRY {
            return;
        }
        if let Some(cell) = self.cells.tables.get(u32::from(table_id)) {
            cell.lookups.add(1);
            cell.matches.add(u64::from(matched));
        }
    }

    fn count_match(&self, slot: u32, packet: &Packet<H::Frame>) {
        if O::DRY {
            return;
        }
        if let Some(cell) = self.cells.entries.get(slot) {
            cell.add(Load::of(packet.frame.len(), &packet.meta), self.now);
        }
    }
}

/// What follows an entry's instructions.
enum Next {
    Table(u8),
    End,
    Dropped,
}
