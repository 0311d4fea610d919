//! Seodang.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    seodang::cli::run(seodang::cli::Cli::parse())
}
