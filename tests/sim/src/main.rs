//! `sim --seeds N [--first S]`: lessons under seeds. `sim scale`: placement at the scale of a fleet, as a table.

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Runs lessons of many edges under seeds, and placement at scale")]
struct Arguments {
    /// Seeds to run, one after the other.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them. `--first S --seeds 1` replays one.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Every so many seeds also lose links and relays while everybody sends; they are long. 0: none does.
    #[arg(long, default_value_t = 10)]
    failover_every: u64,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// 1,000 edges, 1M viewers, 10,000 rooms.
    Scale {
        /// Comma-separated lines instead of a table.
        #[arg(long)]
        csv: bool,
        /// Also writes plots (SVG) into this folder.
        #[arg(long, value_name = "FOLDER")]
        svg: Option<std::path::PathBuf>,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    if let Some(Command::Scale { csv, svg }) = arguments.command {
        let figures = sim::scale::measure();
        if let Some(folder) = svg {
            figures.plot(&folder).with_context(|| format!("plots in {}", folder.display()))?;
        }
        return Ok(write!(out, "{}", if csv { figures.csv() } else { figures.table() })?);
    }
    let (mut failed, mut messages, mut announcements) = (Vec::new(), 0, 0);
    for seed in arguments.first..arguments.first + arguments.seeds {
        if arguments.failover_every > 0
            && seed.is_multiple_of(arguments.failover_every)
            && let Err(what) = sim::failover::run(seed)
        {
            writeln!(out, "{what}")?;
            failed.push(seed);
        }
        match sim::lesson::run(seed) {
            Ok(outcome) => {
                messages += outcome.messages;
                announcements += outcome.announcements;
            }
            Err(what) => {
                writeln!(out, "{what}")?;
                failed.push(seed);
            }
        }
    }
    writeln!(
        out,
        "{} seeds, {messages} messages, {announcements} announcements, {} failed",
        arguments.seeds,
        failed.len()
    )?;
    anyhow::ensure!(failed.is_empty(), "failed seeds: {failed:?}");
    Ok(())
}
