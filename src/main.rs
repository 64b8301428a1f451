//! The program `rumpswitch`: `demo`, `run`, `replay`, `trace`.
//!
//! Exit codes: 0 all went well, 1 what was asked for failed, 2 it could not be begun (arguments,
//! files, interfaces, addresses).
#![forbid(unsafe_code)]

mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
