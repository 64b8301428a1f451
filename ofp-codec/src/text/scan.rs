//! Cuts a line into `key`, `key=value`, `key:value` and `key(value)` words, as the flow syntax
//! does: commas and white space separate, parentheses nest. Everything is a slice of the line, so
//! that an error can say its column.

/// What separates one word from the next.
const SEPARATORS: [char; 5] = [',', ' ', '\t', '\r', '\n'];

/// One word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    /// The whole word, for errors.
    pub(super) text: &'t str,
    /// What stands before the delimiter.
    pub(super) key: &'t str,
    /// What stands behind it; `""` when there is nothing.
    pub(super) value: &'t str,
    /// Everything from the start of the value to the end of the line.
    pub(super) tail: &'t str,
}

/// The words of a line, in order.
#[derive(Clone, Debug)]
pub(super) struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Words { rest: text }
    }

    /// What was not consumed yet, without separators in front.
    pub(super) fn rest(&self) -> &'t str {
        self.rest.trim_start_matches(SEPARATORS)
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        let start = self.rest();
        if start.is_empty() {
            self.rest = "";
            return None;
        }
        let ends_key = |c: char| SEPARATORS.contains(&c) || matches!(c, ':' | '=' | '(');
        // A port's name in quotes may hold anything.
        let quoted = start.strip_prefix('"').and_then(|name| name.find('"'));
        let key_len = match quoted {
            Some(name_len) => name_len.saturating_add(2),
            None => start.find(ends_key).unwrap_or(start.len()),
        };
        let (key, after) = start.split_at_checked(key_len)?;
        let mut chars = after.chars();
        let delimiter = chars.next();
        let tail = chars.as_str();
        let (value, rest) = match delimiter {
            Some(':' | '=') => cut(tail, |c| SEPARATORS.contains(&c)),
            Some('(') => {
                let (value, rest) = cut(tail, |c| c == ')');
                (value, rest.strip_prefix(')').unwrap_or(rest))
            }
            // Between a closing quote and the next word there may be nothing at all.
            _ => ("", after),
        };
        let text = start.get(..start.len().saturating_sub(rest.len())).unwrap_or(start);
        self.rest = rest;
        Some(Word { text, key, value, tail })
    }
}

/// Splits before the first character that `ends` and that stands outside of nested parentheses and
/// of quotes.
fn cut(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    let mut level = 0usize;
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        if level == 0 && !is_quoted && ends(c) {
            return text.split_at_checked(at).unwrap_or((text, ""));
        }
        match c {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => level = level.saturating_add(1),
            ')' if !is_quoted => level = level.saturating_sub(1),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn words(text: &str) -> Vec<(&str, &str, &str)> {
        Words::new(text).map(|w| (w.text, w.key, w.value)).collect()
    }

    #[test]
    fn separators_and_delimiters() {
        assert_eq!(
            words(" priority=5,,ip\tnw_src:1.2.3.4 , dec_ttl "),
            [
                ("priority=5", "priority", "5"),
                ("ip", "ip", ""),
                ("nw_src:1.2.3.4", "nw_src", "1.2.3.4"),
                ("dec_ttl", "dec_ttl", ""),
            ]
        );
    }

    #[test]
    fn parentheses_nest() {
        assert_eq!(
            words("write_actions(group:3,controller(max_len=5)),goto_table:4"),
            [
                (
                    "write_actions(group:3,controller(max_len=5))",
                    "write_actions",
                    "group:3,controller(max_len=5)"
                ),
                ("goto_table:4", "goto_table", "4"),
            ]
        );
        assert_eq!(words("a=b(c,d),e"), [("a=b(c,d)", "a", "b(c,d)"), ("e", "e", "")]);
    }

    #[test]
    fn unclosed_parenthesis_ends_with_the_line() {
        assert_eq!(words("x(1,2"), [("x(1,2", "x", "1,2")]);
        assert_eq!(words("x:1)"), [("x:1)", "x", "1)")]);
        assert_eq!(words("(é=:("), [("(é=:(", "", "é=:(")]);
    }

    #[test]
    fn quotes_hold_together() {
        assert_eq!(
            words("in_port=\"a,b\",\"c d=\",output:\"(\" x(\")\")y"),
            [
                ("in_port=\"a,b\"", "in_port", "\"a,b\""),
                ("\"c d=\"", "\"c d=\"", ""),
                ("output:\"(\"", "output", "\"(\""),
                ("x(\")\")", "x", "\")\""),
                ("y", "y", ""),
            ]
        );
    }

    #[test]
    fn every_text_ends() {
        for text in [
            "=", ":", "(", ")", ",", "", "(()", "a=(", "=,=,=", "))((", "\"", "\"\"\"", "\"a\"b\"",
            "a=\"(",
        ] {
            assert!(Words::new(text).count() <= text.len());
        }
    }
}
