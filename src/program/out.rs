//! Standard output that may end before we do: whoever reads it has seen enough.

use std::fmt;
use std::io::{self, Write};

/// Prints a line, at once.
macro_rules! say {
    ($($arg:tt)*) => {
        $crate::program::out::write(format_args!("{}\n", format_args!($($arg)*)))
    };
}

/// Prints text without a line's end.
macro_rules! say_part {
    ($($arg:tt)*) => {
        $crate::program::out::write(format_args!($($arg)*))
    };
}

pub(crate) use {say, say_part};

/// Writes to standard output; ends the program when nobody reads it any more.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if out.write_fmt(text).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
