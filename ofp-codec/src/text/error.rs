//! What was wrong with a text, and where: the error of every parser of this module, and the lighter
//! form (a borrowed word and a message) that travels inside until the line is known.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// Longest piece of the offending text that an error repeats, in characters.
const WORD_MAX: usize = 60;
/// Longest message, which may hold a name out of the text.
const MESSAGE_MAX: usize = 120;

/// An error in a flow, group, meter, match or action text.
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_flows};
///
/// let file = "# web\ntcp,tp_dst=80,actions=1\nactions=resubmit(,1)\n";
/// let error = parse_flows(file, &NoNames).unwrap_err();
/// assert_eq!((error.line, error.column), (3, 9));
/// assert!(error.to_string().starts_with("line 3: \"resubmit(,1)\": "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Line in the file, counted from 1; 0 when the text was a single line by itself.
    pub line: u32,
    /// Where the word starts in its line, in characters counted from 1; 0 when the whole line is
    /// meant.
    pub column: u32,
    /// The word at fault, shortened when it is long; empty when the whole line is meant.
    pub word: String,
    /// What is wrong with it, in one line.
    pub message: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line != 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.word.is_empty() {
            write!(f, "\"{}\": ", self.word)?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for TextError {}

/// An error that still borrows its word from the text.
#[derive(Clone, Debug)]
pub(super) struct Fault<'t> {
    /// A slice of the text that is being parsed, or `""`.
    pub(super) word: &'t str,
    /// What is wrong.
    pub(super) message: String,
}

/// Result of the inner parsers.
pub(super) type Parsed<'t, T> = Result<T, Fault<'t>>;

impl<'t> Fault<'t> {
    pub(super) fn new(word: &'t str, message: impl Into<String>) -> Self {
        Fault { word, message: message.into() }
    }

    /// Adds the place: `text` is the line that `word` was cut from.
    pub(super) fn at(self, line: u32, text: &str) -> TextError {
        TextError {
            line,
            column: column(text, self.word),
            word: printable(self.word, WORD_MAX),
            message: printable(&self.message, MESSAGE_MAX),
        }
    }
}

/// The character column of `word`, a slice of `text`; 0 if it is not one.
fn column(text: &str, word: &str) -> u32 {
    if word.is_empty() {
        return 0;
    }
    let Some(offset) = (word.as_ptr() as usize).checked_sub(text.as_ptr() as usize) else {
        return 0;
    };
    text.get(..offset).map_or(0, |before| {
        u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1)
    })
}

/// One line, no control characters, not longer than `max`.
fn printable(text: &str, max: usize) -> String {
    let is_control = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut out: String =
        text.chars().take(max).map(|c| if is_control(c) { ' ' } else { c }).collect();
    if text.chars().nth(max).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}
