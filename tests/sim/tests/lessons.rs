//! A bounded number of seeds; `cargo run -p sim --release -- --seeds 1000` runs more.

#[test]
fn fifty_lessons_end_well() {
    let failed: Vec<String> = (0..50).filter_map(|seed| sim::lesson::run(seed).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn ten_trees_lose_links_and_relays_and_nobody_misses_a_word() {
    let failed: Vec<String> = (0..10).filter_map(|seed| sim::failover::run(seed).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
