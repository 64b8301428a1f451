//! From the command line to the command.

mod args;
mod config;
mod demo;
mod failure;
mod out;
mod replay;
mod run;
mod table_files;
mod trace;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
pub(crate) use failure::Failure;

/// Runs the command that the command line names.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.command.unwrap_or_default() {
        Command::Demo(demo) => demo::run(&demo),
        Command::Replay(replay) => replay::run(&replay),
        Command::Run(run) => run::run(&run),
        Command::Trace(trace) => trace::run(&trace),
    };
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
