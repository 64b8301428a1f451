//! A file as lines: what is a comment, what is empty, which number a line has, which command word
//! it starts with.

use alloc::vec::Vec;

use super::error::{Parsed, TextError};

/// Reads every line that says something; a `#` starts a comment.
pub(super) fn parse<T>(
    text: &str,
    mut read: impl FnMut(&str) -> Parsed<'_, T>,
) -> Result<Vec<T>, TextError> {
    let mut all = Vec::new();
    for (line, number) in text.lines().zip(1u32..) {
        let content = line.split_once('#').map_or(line, |(content, _)| content);
        if !content.trim().is_empty() {
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
