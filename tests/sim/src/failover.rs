//! A class on a tree that loses links, directions of links and relays one after the other while everybody sends: whoever is
//! left gets every reliable packet once and in order, and every picture again within two seconds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rand::Rng as _;

use crate::world::World;

const EDGES: std::ops::RangeInclusive<usize> = 7..=12;
const FAULTS: usize = 6;
/// Between two packets of a person.
const PACE: Duration = Duration::from_millis(100);
/// Within this all goes other ways: noticed in 300 ms, and at most two round trips of the longest links.
const REROUTE: Duration = Duration::from_millis(1_500);
const LOOK: Duration = Duration::from_millis(20);
const SETTLE: Duration = Duration::from_secs(20);

/// Runs one.
///
/// # Errors
/// The seed and what did not hold.
pub fn run(seed: u64) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| failover(seed))).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words =
            words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        format!("failover seed {seed}: {words}")
    })
}

fn failover(seed: u64) {
    let mut world = World::new(seed, 2);
    let edges = world.rng.random_range(EDGES);
    world = World::new(seed, edges);
    for edge in 0..edges {
        world.join(edge, &format!("person-{edge}"));
        world.join(edge, &format!("second-{edge}"));
    }
    for edge in 0..3 {
        let at = world.people[&format!("person-{edge}")];
        world.publish(at, false);
    }
    world.pass(SETTLE);
    assert!(world.topology.is_some(), "a room on so many edges has a tree");
    world.check_settled();
    for _ in 0..FAULTS {
        let is_kill = world.rng.random_range(0..3) == 0;
        if is_kill {
            // Publishers stay, so that every picture has to come again.
            let victim = world.rng.random_range(3..edges);
            world.kill_edge(victim);
            speak(&mut world, Duration::from_secs(8));
            world.start_edge(victim);
        } else {
            lose_link(&mut world);
            wait_for_ways(&mut world);
            speak(&mut world, Duration::from_secs(3));
            world.cut.clear();
            world.plan_soon();
        }
        speak(&mut world, Duration::from_secs(8));
    }
    world.pass(SETTLE);
    world.check_settled();
    world.check_data();
}

/// One direction or both of a link that is in use; its pair has other ways.
fn lose_link(world: &mut World) {
    let used: Vec<(usize, usize)> = (0..world.edges.len())
        .flat_map(|a| world.edges[a].links.keys().map(move |b| (a, *b)).collect::<Vec<_>>())
        .collect();
    let Some((a, b)) = used.get(world.rng.random_range(0..used.len().max(1))).copied() else { return };
    world.cut(a, b);
    if world.rng.random() {
        world.cut(b, a);
    }
}

/// Waits until every picture comes to everybody again.
fn wait_for_ways(world: &mut World) {
    // Until then nobody has noticed.
    world.pass(Duration::from_millis(300));
    let end = world.now + REROUTE;
    while let Err(what) = world.ways() {
        assert!(world.now < end, "not all goes other ways in time: {what}");
        world.everybody_speaks();
        world.pass(LOOK);
    }
}

fn speak(world: &mut World, duration: Duration) {
    let end = world.now + duration;
    while world.now < end {
        world.everybody_speaks();
        world.pass(PACE);
        world.check_always();
    }
}
