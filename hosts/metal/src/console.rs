//! The serial line: one line an event, and words that are typed in.

use core::fmt::{self, Write};

use alloc::string::String;

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

/// What was typed so far.
#[derive(Default)]
pub(crate) struct Console {
    typed: String,
}

impl Console {
    /// The longest line that is listened to.
    const LONGEST: usize = 64;

    /// A line that was finished.
    pub(crate) fn read(&mut self) -> Option<String> {
        while let Some(byte) = machine::read_serial() {
            match byte {
                b'\r' | b'\n' if self.typed.is_empty() => {}
                b'\r' | b'\n' => return Some(core::mem::take(&mut self.typed)),
                b' '..=b'~' if self.typed.len() < Self::LONGEST => self.typed.push(byte.into()),
                _ => {}
            }
        }
        None
    }
}
