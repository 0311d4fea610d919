//! The plain runner: some seconds for each target on stable Rust, the same inputs on every run.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use fuzz::mutate::{Dice, next};
use fuzz::{TARGETS, Target};

/// An input that takes longer ends the run as a hang. The slowest sound ones take some 20 ms here.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// Memory the process may have taken at its highest: a parser that believes a length field takes more.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Gives every parser of outside bytes bytes that nobody meant.
#[derive(Parser)]
struct Arguments {
    /// Time for each target.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Inputs for each target instead of a time.
    #[arg(long)]
    inputs: Option<u64>,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 20_261_120)]
    seed: u64,
    /// Only targets whose name contains this.
    #[arg(long, default_value = "")]
    target: String,
    /// Runs the target on this file alone.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Writes the built-in seeds into corpus/, for cargo-fuzz.
    #[arg(long)]
    write_seeds: bool,
    /// Where inputs that broke something are put.
    #[arg(long, default_value = "artifacts")]
    artifacts: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let targets: Vec<&Target> =
        TARGETS.iter().filter(|target| target.name.contains(&arguments.target)).collect();
    ensure!(!targets.is_empty(), "no target is called {:?}", arguments.target);
    if let Some(file) = &arguments.file {
        ensure!(
            targets.len() == 1,
            "--file needs one --target, {:?} is {} of them",
            arguments.target,
            targets.len()
        );
        let input = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        (targets[0].run)(&input);
        return say(&format!("{}: {} bytes read without complaint", targets[0].name, input.len()));
    }
    if arguments.write_seeds {
        return targets.iter().try_for_each(|target| write_seeds(target));
    }
    watch_for_hangs();
    // What a target says by panicking is told below, with the input that made it.
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = panic.to_string();
        }
    }));
    let mut failed = Vec::new();
    for target in &targets {
        if !run(target, &arguments)? {
            failed.push(target.name);
        }
    }
    say(&format!("{} passed, {} failed", targets.len() - failed.len(), failed.len()))?;
    if !failed.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Milliseconds since the start at which the input under way began, 0 when there is none.
static BEGAN_MS: AtomicU64 = AtomicU64::new(0);

fn watch_for_hangs() {
    let start = Instant::now();
    std::thread::spawn(move || {
        let mut last = (0, start);
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let number = BEGAN_MS.load(Ordering::Relaxed);
            if number != last.0 {
                last = (number, Instant::now());
            } else if number != 0 && last.1.elapsed() > INPUT_TIME_MAX {
                let _ = say("an input takes too long: run again with --inputs to find it");
                std::process::exit(2);
            }
        }
    });
}

/// Whether the target stood it all.
fn run(target: &Target, arguments: &Arguments) -> anyhow::Result<bool> {
    let corpus = corpus(target)?;
    // Targets do not share their numbers: one more target changes nothing for the others.
    let mut dice = Dice::new(arguments.seed ^ u64::from(crc32c::crc32c(target.name.as_bytes())));
    let (start, mut slowest, mut done) = (Instant::now(), Duration::ZERO, 0_u64);
    let limit = Duration::from_secs_f64(arguments.seconds);
    let is_over =
        |done: u64| arguments.inputs.map_or_else(|| start.elapsed() >= limit, |inputs| done >= inputs);
    let mut seeds = corpus.iter().cloned();
    while !is_over(done) || seeds.len() > 0 {
        let input = seeds.next().unwrap_or_else(|| next(target, &corpus, &mut dice));
        let began = Instant::now();
        BEGAN_MS.fetch_add(1, Ordering::Relaxed);
        let result = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        slowest = slowest.max(began.elapsed());
        done += 1;
        if result.is_err() {
            let file = keep(&arguments.artifacts, target, &input)?;
            let why = LAST_PANIC.lock().map(|last| last.clone()).unwrap_or_default();
            say(&format!(
                "BROKEN  {}: {why}\n        input {done} of seed {}, kept as {}",
                target.name,
                arguments.seed,
                file.display()
            ))?;
            return Ok(false);
        }
    }
    let memory = memory_bytes();
    let rate = done as f64 / start.elapsed().as_secs_f64();
    say(&format!(
        "ok      {:18} {done:8} inputs {rate:8.0}/s  slowest {:5.1} ms  {:4} MiB  {}",
        target.name,
        slowest.as_secs_f64() * 1_000.0,
        memory >> 20,
        target.what,
    ))?;
    if memory > MEMORY_BYTES_MAX {
        say(&format!("BROKEN  {}: the process took {} MiB", target.name, memory >> 20))?;
    }
    Ok(memory <= MEMORY_BYTES_MAX)
}

/// Seeds, and what is kept in corpus/: inputs that were worth keeping, and those that once broke something.
fn corpus(target: &Target) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut corpus = (target.seeds)();
    let folder = folder(target);
    if folder.is_dir() {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
        files.sort();
        for file in files {
            corpus.push(std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?);
        }
    }
    Ok(corpus)
}

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

fn write_seeds(target: &Target) -> anyhow::Result<()> {
    let folder = folder(target);
    std::fs::create_dir_all(&folder)?;
    for (at, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{at}")), seed)?;
    }
    Ok(())
}

fn keep(artifacts: &Path, target: &Target, input: &[u8]) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(artifacts).with_context(|| format!("making {}", artifacts.display()))?;
    let file = artifacts.join(format!("{}-{:08x}", target.name, crc32c::crc32c(input)));
    std::fs::write(&file, input).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// The most the process ever held, by `/proc`; 0 where there is none.
fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
