//! Personalities to start from.

use alloc::string::String;

use ofp_codec::{FlowModFlags, OxmField, PortNo, TableId};

use super::{
    Features, FieldSet, GroupShape, Messages, MeterShape, Multiparts, Outputs, Personality, Quirks,
    TableIdSet, TableShape,
};

/// Tables of the largest switch.
const TABLE_COUNT: usize = 255;

impl Personality {
    /// The names of the presets, which [`preset`](Self::preset) knows.
    pub const PRESETS: [&str; 2] = ["full", "strict"];

    /// The preset of a name.
    pub fn preset(name: &str) -> Option<Personality> {
        Some(match name {
            "full" => Personality::full(),
            "strict" => Personality::strict(),
            _ => return None,
        })
    }

    /// Everything that the switch can do: 255 tables, each with every field, action and instruction.
    pub fn full() -> Personality {
        let tables = (0..=u8::MAX).map(TableId).take(TABLE_COUNT);
        let tables = tables.map(|id| TableShape::full(TableIdSet::later(id, TABLE_COUNT)));
        Personality {
            name: String::from("full"),
            tables: tables.collect(),
            groups: GroupShape::full(),
            meters: MeterShape::full(),
            features: Features::all(),
            messages: Messages::all(),
            multiparts: Multiparts::all(),
            flow_flags: FlowModFlags::all(),
            outputs: Outputs::all(),
            max_port: PortNo::MAX,
            max_actions: u16::MAX,
            max_vlan_tags: u16::MAX,
            quirks: Quirks::empty(),
        }
    }

    /// Nothing beyond the text: masks only where the text has them, no extensions.
    pub fn strict() -> Personality {
        let fields = OxmField::ALL.into_iter();
        let masks: FieldSet = fields.filter(|field| field.info().maskable_by_text).collect();
        Personality::full()
            .named("strict")
            .without(Features::EXPERIMENTERS)
            .map_tables(|_, table| TableShape { masks, ..table })
            .consistent()
    }
}
