//! A file as lines: what is a comment, what is empty, which number a line has, which command word
//! it starts with.

use alloc::vec::Vec;

use super::error::{Parsed, TextError};

/// How the headlines of dumps start.
const HEADLINES: [&str; 4] =
    ["OFPST_FLOW reply", "NXST_FLOW reply", "OFPST_GROUP_DESC reply", "NXST_GROUP_DESC reply"];

/// Reads every line that says something; a `#` starts a comment. The headline that ovs-ofctl prints
/// above a dump says nothing either.
pub(super) fn parse<T>(
    text: &str,
    mut read: impl FnMut(&str) -> Parsed<'_, T>,
) -> Result<Vec<T>, TextError> {
    let mut all = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let content = line.split_once('#').map_or(line, |(content, _)| content);
        let is_headline = HEADLINES.iter().any(|start| content.starts_with(start));
        if !content.trim().is_empty() && !is_headline {
            let number = u32::try_from(i).unwrap_or(u32::MAX).saturating_add(1);
            all.push(read(content).map_err(|fault| fault.at(number, line))?);
        }
    }
    Ok(all)
}

/// The first word of a line, which may be a command, and what follows it.
pub(super) fn first_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    let len = line.find([',', ' ', '\t']).unwrap_or(line.len());
    line.split_at_checked(len).unwrap_or((line, ""))
}
