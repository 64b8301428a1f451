//! Why a command could not be begun, or failed: one line for each thing that is wrong.

use std::fmt::Display;
use std::process::ExitCode;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    lines: Vec<String>,
    code: u8,
}

impl Failure {
    /// The command could not be begun: exit code 2.
    pub(crate) fn setup(line: impl Display) -> Failure {
        Failure::setup_all(vec![line.to_string()])
    }

    /// The same, for several reasons.
    pub(crate) fn setup_all(lines: Vec<String>) -> Failure {
        Failure { lines, code: 2 }
    }

    /// What was asked for failed: exit code 1.
    pub(crate) fn failed(line: impl Display) -> Failure {
        Failure { lines: vec![line.to_string()], code: 1 }
    }

    /// The reasons.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Prints the reasons and says how to exit.
    pub(crate) fn report(self) -> ExitCode {
        for line in &self.lines {
            eprintln!("rumpswitch: {line}");
        }
        ExitCode::from(self.code)
    }
}
