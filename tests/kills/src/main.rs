//! `cargo run --release -p kills`: what each loss costs a class, measured on real processes with stock WebRTC clients.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that prints figures")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;

mod attendance;
mod class;
mod count;
mod figures;
mod fleet;
mod gaps;
mod order;
mod pupil;
mod relay;
mod victim;

use class::Class;
use victim::Victim;

/// Prints p50, p95, p99 and max of the media gap for each victim, as a table for `docs/reliability.md`.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Losses of each kind.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Edges; more than 6, so that the room has a tree. The last one has subscribers only.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(3..=16))]
    edges: u8,
    /// Only these. All of them otherwise.
    #[arg(long, value_enum)]
    victim: Vec<Victim>,
    /// The product; beside this program otherwise.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Seconds after a loss in which gaps count.
    #[arg(long, default_value_t = 5)]
    watch_s: u64,
    /// Fails when a stream stays away, or a reliable message is missing, double or out of order.
    #[arg(long)]
    check: bool,
    /// Leaves logs behind.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let binary = match arguments.binary.clone() {
        Some(binary) => binary,
        None => std::env::current_exe()?.parent().context("a directory")?.join("seodang"),
    };
    let postgres = postgres_server::shared()?;
    let database = postgres.map(|server| server.database()).transpose()?;
    eprintln!("starting 3 etcd, {} control planes, {} edges", fleet::CONTROL_PLANES, arguments.edges);
    let mut fleet = fleet::Fleet::open(&binary, usize::from(arguments.edges), database.clone()).await?;
    if arguments.keep {
        fleet.keep();
        eprintln!("logs: {}", fleet.kept().display());
    }
    let mut class = Class::gather(fleet).await?;
    let victims = if arguments.victim.is_empty() { Victim::ALL.to_vec() } else { arguments.victim };
    let mut rows = Vec::new();
    for victim in victims {
        let mut costs = Vec::new();
        for run in 1..=arguments.runs {
            let cost = class.lose(victim, Duration::from_secs(arguments.watch_s)).await;
            let cost = cost.with_context(|| format!("{}, run {run}", victim.name()))?;
            eprintln!("{} {run}/{}: {cost:?}", victim.name(), arguments.runs);
            let is_whole = cost.dead == 0 && cost.missing + cost.double + cost.disordered == 0;
            anyhow::ensure!(
                is_whole || !arguments.check,
                "{}, run {run}: not all came back whole",
                victim.name()
            );
            costs.push(cost);
        }
        rows.push((victim, costs));
        // After each victim: a run that is cut off has said what it knew.
        println!("{}", figures::table(&rows));
    }
    let Some(database) = database else {
        println!("Attendance was not checked: PostgreSQL is not installed (`tests/run tools` does it).");
        return Ok(());
    };
    let attendance = class.dismiss(&database).await?;
    println!("{attendance}");
    anyhow::ensure!(attendance.is_whole() || !arguments.check, "attendance is not what it was");
    Ok(())
}
