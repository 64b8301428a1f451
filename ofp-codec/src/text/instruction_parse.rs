//! Reads what stands behind `actions=` in a flow: instructions in the order in which they are
//! executed. Plain actions are the apply-actions list, as in ovs-ofctl; `apply_actions(...)` around
//! them is allowed, too.

use alloc::format;
use alloc::vec::Vec;

use super::action_parse::{self, Actions, Context, Found, number};
use super::action_words::ActionWord;
use super::error::{Fault, Parsed};
use super::ports::PortNames;
use super::scan::{Word, Words};
use super::value;
use crate::{Instruction, MeterId, TableId};

/// The order of execution, which is the order of the text (and of the instructions on ovs-ofctl's
/// wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Start,
    Meter,
    Apply,
    Clear,
    Write,
    Metadata,
    Goto,
}

impl Rank {
    fn name(self) -> &'static str {
        match self {
            Rank::Start => "",
            Rank::Meter => "meter",
            Rank::Apply => "apply_actions",
            Rank::Clear => "clear_actions",
            Rank::Write => "write_actions",
            Rank::Metadata => "write_metadata",
            Rank::Goto => "goto_table",
        }
    }
}

/// Reads the instructions of a flow.
pub(super) fn parse<'t>(
    text: &'t str,
    context: Context,
    ports: &dyn PortNames,
) -> Parsed<'t, Vec<Instruction>> {
    let mut reader = Reader { apply: Actions::new(context), others: Vec::new(), rank: Rank::Start };
    for word in Words::new(text) {
        reader.take(word, ports)?;
    }
    reader.finish()
}

struct Reader<'t> {
    apply: Actions<'t>,
    /// All but apply-actions.
    others: Vec<Instruction>,
    rank: Rank,
}

impl<'t> Reader<'t> {
    fn take(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, ()> {
        let kind = match action_parse::find(word, ports)? {
            Found::Port(port) => {
                self.advance(Rank::Apply, word)?;
                return self.apply.output(port, word.text);
            }
            Found::Word(kind) => kind,
        };
        match kind {
            ActionWord::ApplyActions => {
                self.advance(Rank::Apply, word)?;
                let inner = action_parse::parse(word.value, self.apply.context, ports)?;
                self.apply.check_queue()?;
                self.apply.context = inner.context;
                self.apply.enqueue = inner.enqueue;
                self.apply.list.extend(inner.list);
            }
            ActionWord::Meter => {
                self.advance(Rank::Meter, word)?;
                let meter = MeterId(number(word, 32)?);
                if meter.0 == 0 || meter > MeterId::MAX {
                    return Err(Fault::new(word.text, "a meter is 1 to 0xffff0000"));
                }
                self.others.push(Instruction::Meter(meter));
            }
            ActionWord::ClearActions => {
                self.advance(Rank::Clear, word)?;
                action_parse::no_value(word)?;
                self.others.push(Instruction::ClearActions);
            }
            ActionWord::WriteActions => {
                self.advance(Rank::Write, word)?;
                self.apply.check_queue()?;
                let set = action_parse::parse(word.value, self.apply.context, ports)?;
                if !set.list.is_empty() {
                    self.others.push(Instruction::WriteActions(set.list));
                }
            }
            ActionWord::WriteMetadata => {
                self.advance(Rank::Metadata, word)?;
                let (value, mask) = metadata(word)?;
                self.others.push(Instruction::WriteMetadata { value, mask });
            }
            ActionWord::GotoTable => {
                self.advance(Rank::Goto, word)?;
                self.apply.check_queue()?;
                self.others.push(Instruction::GotoTable(TableId(number(word, 8)?)));
            }
            _ => {
                self.advance(Rank::Apply, word)?;
                self.apply.take(kind, word, ports)?;
            }
        }
        Ok(())
    }

    /// Instructions stand in order; all but apply-actions once.
    fn advance(&mut self, rank: Rank, word: Word<'t>) -> Parsed<'t, ()> {
        if rank < self.rank {
            let message = format!("{} must stand before {}", rank.name(), self.rank.name());
            return Err(Fault::new(word.text, message));
        }
        if rank == self.rank && rank != Rank::Apply {
            return Err(Fault::new(word.text, format!("{} stands here twice", rank.name())));
        }
        self.rank = rank;
        Ok(())
    }

    fn finish(self) -> Parsed<'t, Vec<Instruction>> {
        if let Some(word) = self.apply.drop.filter(|_| !self.others.is_empty()) {
            return Err(Fault::new(word, "drop cannot stand beside other actions or instructions"));
        }
        self.apply.check_drop()?;
        let mut instructions = self.others;
        if !self.apply.list.is_empty() {
            let at = usize::from(matches!(instructions.first(), Some(Instruction::Meter(_))));
            instructions
                .insert(at.min(instructions.len()), Instruction::ApplyActions(self.apply.list));
        }
        Ok(instructions)
    }
}

/// `value` or `value/mask` of write_metadata.
fn metadata(word: Word<'_>) -> Parsed<'_, (u64, u64)> {
    let (value, mask) = word.value.split_once('/').unwrap_or((word.value, "-1"));
    let read = |text| value::integer(text, 64).and_then(|number| u64::try_from(number).ok());
    match (read(value), read(mask)) {
        (Some(value), Some(mask)) => Ok((value, mask)),
        _ => Err(Fault::new(word.text, "needs VALUE or VALUE/MASK, 64 bits each")),
    }
}
