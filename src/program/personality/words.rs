//! The words of a personality's TOML: OXM fields by their names, everything else by the standard's
//! word in small letters with hyphens.

use bitflags::Flags;
use rumpswitch::datapath::personality::{ActionTypeSet, FieldSet, TableIdSet};
use rumpswitch::ofp_codec::{ActionType, OxmField, TableId};

/// The standard's word of a name in Rust's cases.
fn word(name: &str) -> String {
    let mut word = String::new();
    let is_constant = !name.contains(|letter: char| letter.is_ascii_lowercase());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !is_constant && !word.is_empty() {
            word.push('-');
        }
        word.push(if letter == '_' { '-' } else { letter.to_ascii_lowercase() });
    }
    word
}

/// The words of a set of flags.
pub(crate) fn flags_to_words<F: Flags>(flags: &F) -> Vec<String> {
    flags.iter_names().map(|(name, _)| word(name)).collect()
}

/// The flag of a word.
pub(crate) fn flag<F: Flags>(text: &str) -> Result<F, String> {
    let named = F::FLAGS.iter().filter(|flag| !flag.name().is_empty());
    let mut known = named.clone();
    match known.find(|flag| word(flag.name()) == text) {
        Some(flag) => Ok(F::from_bits_retain(flag.value().bits())),
        None => {
            let words: Vec<String> = named.map(|flag| word(flag.name())).collect();
            Err(format!("\"{text}\" is none of {}", words.join(", ")))
        }
    }
}

/// The word of an action.
pub(crate) fn action_word(action: ActionType) -> String {
    word(&format!("{action:?}"))
}

/// The action of a word.
pub(crate) fn action(text: &str) -> Result<ActionType, String> {
    let mut all = ActionType::ALL.into_iter();
    all.find(|action| action_word(*action) == text).ok_or_else(|| {
        let words: Vec<String> = ActionType::ALL.into_iter().map(action_word).collect();
        format!("\"{text}\" is no action: {}", words.join(", "))
    })
}

/// The words of actions.
pub(crate) fn actions_to_words(actions: ActionTypeSet) -> Vec<String> {
    actions.iter().map(action_word).collect()
}

/// The field of a name: the standard's, or ovs-ofctl's old one where that is one field's only.
pub(crate) fn field(text: &str) -> Result<OxmField, String> {
    let named = |field: &OxmField| field.info().name == text;
    let old = || OxmField::ALL.into_iter().filter(|field| field.info().old_name == text);
    OxmField::ALL
        .into_iter()
        .find(named)
        .or_else(|| old().next().filter(|_| old().count() == 1))
        .ok_or_else(|| format!("\"{text}\" is no match field"))
}

/// The same, of one that can be set.
pub(crate) fn settable_field(text: &str) -> Result<OxmField, String> {
    let field = field(text)?;
    match FieldSet::SETTABLE.contains(field) {
        true => Ok(field),
        false => Err(format!("{text} cannot be set")),
    }
}

/// The names of fields.
pub(crate) fn fields_to_words(fields: FieldSet) -> Vec<String> {
    fields.iter().map(|field| field.info().name.to_owned()).collect()
}

/// How a field may be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    None,
    Prefix,
    Any,
}

/// A field that can be matched, `/mask` or `/prefix` behind it if it can be masked.
pub(crate) fn masked_field(text: &str) -> Result<(OxmField, Mask), String> {
    let (name, mask) = match text.split_once('/') {
        None => (text, Mask::None),
        Some((name, "mask")) => (name, Mask::Any),
        Some((name, "prefix")) => (name, Mask::Prefix),
        Some((_, other)) => return Err(format!("\"/{other}\" is neither /mask nor /prefix")),
    };
    let field = field(name)?;
    if mask != Mask::None && !field.info().maskable {
        return Err(format!("{name} cannot be masked"));
    }
    Ok((field, mask))
}

/// Numbers of tables: `0-3,7`.
pub(crate) fn table_ids(text: &str) -> Result<TableIdSet, String> {
    let mut ids = TableIdSet::NONE;
    let bad = || format!("\"{text}\" are no numbers of tables: 0-3,7 from 0 to 254");
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse().ok().filter(|id: &u8| *id <= 254);
        let (first, last) =
            number(first).zip(number(last)).filter(|(a, b)| a <= b).ok_or_else(bad)?;
        ids = (first..=last).map(TableId).fold(ids, TableIdSet::with);
    }
    Ok(ids)
}

/// Numbers of tables as they are written.
pub(crate) fn table_ids_to_text(ids: TableIdSet) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for TableId(id) in ids.iter() {
        match ranges.last_mut() {
            Some((_, last)) if u16::from(*last) + 1 == u16::from(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let text = |(first, last): (u8, u8)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumpswitch::datapath::personality::Features;

    #[test]
    fn words_are_read_as_they_are_written() {
        for action in ActionType::ALL {
            assert_eq!(self::action(&action_word(action)), Ok(action));
        }
        assert_eq!(action_word(ActionType::DecNwTtl), "dec-nw-ttl");
        for field in OxmField::ALL {
            assert_eq!(self::field(field.info().name), Ok(field));
        }
        assert_eq!(self::field("dl_dst"), Ok(OxmField::EthDst));
        assert!(self::field("tp_dst").is_err(), "of TCP, UDP or SCTP?");
        assert_eq!(flag("table-features-write"), Ok(Features::TABLE_FEATURES_WRITE));
        assert!(flag::<Features>("flying").is_err());
        for text in ["0", "0-3,7", "1-254"] {
            assert_eq!(table_ids_to_text(table_ids(text).unwrap()), text);
        }
        for text in ["255", "3-1", "x", "1-"] {
            assert!(table_ids(text).is_err(), "{text}");
        }
    }
}
