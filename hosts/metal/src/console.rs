//! The serial line: one line an event, and words that are typed in.

use core::fmt::{self, Write};

use crate::machine;

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(machine::write_serial);
        Ok(())
    }
}

/// Writes a line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    // The line takes all that it is given.
    let _ = writeln!(Serial, "rumpswitch: {text}");
}

/// What was typed so far; kept without memory of the heap, which may be used up.
#[derive(Default)]
pub(crate) struct Console {
    typed: [u8; Console::LONGEST],
    len: usize,
}

impl Console {
    /// The longest line that is listened to.
    const LONGEST: usize = 32;

    /// Hands over each line that was finished.
    pub(crate) fn read(&mut self, mut obey: impl FnMut(&str)) {
        while let Some(byte) = machine::read_serial() {
            match (byte, self.typed.get_mut(self.len)) {
                (b'\r' | b'\n', _) => {
                    let typed = self.typed.get(..self.len).unwrap_or_default();
                    let word = core::str::from_utf8(typed).unwrap_or_default().trim();
                    if !word.is_empty() {
                        obey(word);
                    }
                    self.len = 0;
                }
                (b' '..=b'~', Some(place)) => {
                    *place = byte;
                    self.len += 1;
                }
                _ => {}
            }
        }
    }
}
