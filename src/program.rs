//! From the command line to the command.

mod args;
mod bofuss;
mod config;
mod demo;
mod failure;
mod out;
mod personality;
mod replay;
mod run;
mod table_files;
mod toml_reader;
mod trace;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, Command};
pub(crate) use failure::Failure;

/// Runs the command that the command line names.
pub(crate) fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if let Some(result) = bofuss::by_name(&words) {
        return result.unwrap_or_else(|error| report(&error));
    }
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => return report(&error),
    };
    let result = match args.command.unwrap_or_default() {
        Command::Demo(demo) => demo::run(&demo),
        Command::InstallBofussNames(names) => bofuss::install(&names.folder),
        Command::Replay(replay) => replay::run(&replay),
        Command::Run(run) => run::run(&run),
        Command::Trace(trace) => trace::run(&trace),
        Command::Personality(args) => personality::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Prints what is wrong with the arguments, or the help that they ask for. A value that its own
/// parser refused is told in one line, like everything else that is wrong outside.
fn report(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    match (error.kind(), text.lines().next()) {
        (ErrorKind::ValueValidation, Some(line)) => eprintln!("{line}"),
        _ => drop(error.print()),
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
