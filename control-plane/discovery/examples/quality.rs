//! How well search and recommendation find what is meant, and how fast: `cargo run --release -p control-plane-discovery
//! --example quality`. The catalogue is `tests/catalogue`, seed 7: 5,000 classes for quality, 100,000 for latency.

#![expect(clippy::print_stdout, reason = "figures are what this prints")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock; the core does not")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use catalogue::Kind;

#[path = "../tests/quality/measure.rs"]
mod measure;

const SEED: u64 = 7;

fn main() {
    let classes = catalogue::classes(SEED, 5_000);
    let index = measure::index(&classes);
    let queries = catalogue::queries(SEED, &classes, 200);
    println!("search, 5,000 classes, 200 queries of each kind");
    println!("{:>14} {:>9} {:>12} {:>9}", "kind", "first ok", "precision@10", "none");
    for (kind, found) in measure::search(&index, &classes, &queries) {
        println!(
            "{:>14} {:>9.3} {:>12.3} {:>9.3}",
            format!("{kind:?}"),
            found.first,
            found.precision,
            found.empty
        );
    }
    let takings = catalogue::students(SEED, &classes, 20_000);
    let split = measure::Split::new(&classes, &takings);
    let started = Instant::now();
    let recommender = split.recommender(&classes);
    let built = started.elapsed();
    let (ours, popular) = (split.recall(&recommender, 10), split.recall_of_popular(&classes, 10));
    println!("\nrecommendation, 5,000 classes, 20,000 students, the last class of each held out");
    println!(
        "recall@10 {ours:.3}, by popularity {popular:.3} ({:.1} times); built in {built:.2?}",
        ours / popular
    );
    latency();
}

fn latency() {
    let classes = catalogue::classes(SEED, 100_000);
    let started = Instant::now();
    let index = measure::index(&classes);
    println!("\nlatency, 100,000 classes, index built in {:.2?}", started.elapsed());
    let queries = catalogue::queries(SEED, &classes, 200);
    let mut by_kind: BTreeMap<Kind, Vec<Duration>> = BTreeMap::new();
    for query in &queries {
        let started = Instant::now();
        std::hint::black_box(index.search(&query.text, 20, |_| true));
        by_kind.entry(query.kind).or_default().push(started.elapsed());
    }
    let mut all: Vec<Duration> = by_kind.values().flatten().copied().collect();
    for (kind, mut times) in by_kind {
        times.sort();
        println!(
            "{:>14} p50 {:>9.2?} p99 {:>9.2?}",
            format!("{kind:?}"),
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
    all.sort();
    println!("{:>14} p50 {:>9.2?} p99 {:>9.2?}", "all", all[all.len() / 2], all[all.len() * 99 / 100]);
}
