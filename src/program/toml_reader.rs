//! Reads TOML files so that everything that is wrong is told at once, each with its line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Failure;

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// Reads a file with `parse`; what is wrong is told with the file's name.
pub(crate) fn read_file<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, Vec<Wrong>>,
) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::setup(format!("{}: {error}", path.display())))?;
    parse(&text).map_err(|wrongs| {
        let place = |wrong: Wrong| format!("{}:{}: {}", path.display(), wrong.line, wrong.what);
        Failure::setup_all(wrongs.into_iter().map(place).collect())
    })
}

/// A text being read, and what was wrong with it so far.
pub(crate) struct Reader<'a> {
    text: &'a str,
    folder: PathBuf,
    wrongs: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    /// Begins to read a text that stands in a folder.
    pub(crate) fn new(text: &'a str, folder: &Path) -> (Reader<'a>, Spanned<DeTable<'a>>) {
        let mut reader = Reader { text, folder: folder.into(), wrongs: Vec::new() };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.wrong(error.span().unwrap_or(0..0), error.message());
        }
        (reader, root)
    }

    /// What was read, or all that is wrong.
    pub(crate) fn finish<T>(mut self, read: T) -> Result<T, Vec<Wrong>> {
        match self.wrongs.is_empty() {
            true => Ok(read),
            false => {
                self.wrongs.sort_by_key(|wrong| wrong.line);
                Err(self.wrongs)
            }
        }
    }
}

impl Reader<'_> {
    /// Whether nothing was wrong so far.
    pub(crate) fn is_well(&self) -> bool {
        self.wrongs.is_empty()
    }

    /// Where the text stands.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes something wrong.
    pub(crate) fn wrong(&mut self, span: Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.wrongs.push(Wrong { line, what: what.into() });
    }

    pub(crate) fn text<'v>(&mut self, value: &'v Spanned<DeValue<'_>>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("a string is wanted, not {}", value.get_ref().type_str());
            self.wrong(value.span(), what);
        }
        text
    }

    pub(crate) fn parsed<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        mut parse: impl FnMut(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = parse(self.text(value)?);
        parsed.map_err(|what| self.wrong(value.span(), what)).ok()
    }

    pub(crate) fn list<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        mut parse: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        match value.get_ref().as_array() {
            Some(items) => items.iter().filter_map(|item| self.parsed(item, &mut parse)).collect(),
            None => {
                let what =
                    format!("a list of strings is wanted, not {}", value.get_ref().type_str());
                self.wrong(value.span(), what);
                Vec::new()
            }
        }
    }

    /// A number of at most `max`: an integer, or a string where it may be too large for one.
    pub(crate) fn number(&mut self, value: &Spanned<DeValue<'_>>, max: u64) -> Option<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            DeValue::String(text) => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
            _ => None,
        };
        let number = number.filter(|number| *number <= max);
        if number.is_none() {
            self.wrong(value.span(), format!("a number from 0 to {max} is wanted"));
        }
        number
    }
}
