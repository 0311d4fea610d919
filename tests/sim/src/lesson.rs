//! A lesson under a seed: who comes and goes, what breaks, and what must hold in the end.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use edge_room::{LINK_GRACE, PeerId, RESUME_LINGER};
use rand::Rng as _;

use crate::wires::link;
use crate::world::World;

const EDGES: std::ops::RangeInclusive<usize> = 2..=12;
const PEOPLE: std::ops::RangeInclusive<usize> = 3..=16;
const STEPS: std::ops::RangeInclusive<usize> = 10..=40;
/// Longer than any lease, grace or linger there is, one after the other.
const SETTLE: Duration = Duration::from_secs(5 + LINK_GRACE.as_secs() * 2 + RESUME_LINGER.as_secs() + 5);

/// What a lesson came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub announcements: usize,
    pub messages: usize,
}

/// Runs a lesson.
///
/// # Errors
/// The seed and what did not hold.
pub fn run(seed: u64) -> Result<Outcome, String> {
    catch_unwind(AssertUnwindSafe(|| lesson(seed))).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words =
            words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        format!("seed {seed}: {words}")
    })
}

fn lesson(seed: u64) -> Outcome {
    let mut world = World::new(seed, 2);
    let edges = world.rng.random_range(EDGES);
    world = World::new(seed, edges);
    let people = world.rng.random_range(PEOPLE);
    for index in 0..people {
        let edge = world.rng.random_range(0..edges);
        world.join(edge, &format!("person-{index}"));
        let wait = world.rng.random_range(0..300);
        world.pass(Duration::from_millis(wait));
    }
    for _ in 0..world.rng.random_range(STEPS) {
        step(&mut world, people);
        world.everybody_speaks();
        world.check_always();
        let wait = match world.rng.random_range(0..10) {
            0..4 => 0,
            4..8 => world.rng.random_range(0..400),
            _ => world.rng.random_range(0..8_000),
        };
        world.pass(Duration::from_millis(wait));
        world.check_always();
    }
    heal(&mut world);
    world.pass(SETTLE);
    world.check_settled();
    let settled = world.announcements;
    world.pass(Duration::from_secs(30));
    assert_eq!(world.announcements, settled, "ways are announced on and on though nothing changes");
    world.check_settled();
    let outcome = Outcome { announcements: world.announcements, messages: world.messages };
    for at in std::mem::take(&mut world.people).into_values() {
        world.leave(at);
    }
    world.pass(SETTLE);
    world.check_empty();
    outcome
}

fn step(world: &mut World, people: usize) {
    let edges = world.edges.len();
    let edge = world.rng.random_range(0..edges);
    let other = (edge + world.rng.random_range(1..edges)) % edges;
    let person = format!("person-{}", world.rng.random_range(0..people + 4));
    match world.rng.random_range(0..100) {
        0..25 => with(world, &person, |world, at| {
            let is_audio = world.rng.random();
            world.publish(at, is_audio);
        }),
        25..35 => with(world, &person, |world, at| unpublish(world, at, &person)),
        35..45 => move_to(world, &person, edge),
        45..60 => {
            world.cut(edge, other);
            if world.rng.random() {
                world.cut(other, edge);
            }
        }
        60..68 => {
            world.cut.remove(&(edge, other));
            world.cut.remove(&(other, edge));
            world.plan_soon();
        }
        68..73 => split(world),
        73..78 => {
            world.cut.clear();
            world.plan_soon();
        }
        78..84 if world.edges.iter().filter(|edge| edge.rooms.is_some()).count() > 1 => {
            if world.edges[edge].rooms.is_some() {
                world.kill_edge(edge);
            }
        }
        84..90 => {
            if world.edges[edge].rooms.is_none() {
                world.start_edge(edge);
            }
        }
        90..93 => drain(world, edge),
        93..96 => world.view_delay_ms = *[20, 150, 3_000].get(edge % 3).unwrap_or(&150),
        _ => {
            let cost = world.rng.random_range(1..200);
            if let Some(rooms) = &mut world.edges[edge].rooms {
                rooms.set_link_cost(link(other), cost);
            }
        }
    }
}

fn with(world: &mut World, person: &str, act: impl FnOnce(&mut World, (usize, PeerId))) {
    if let Some(at) = world.people.get(person).copied() {
        act(world, at);
    }
}

/// A person leaves for good as far as tracks go: they come back without them.
fn unpublish(world: &mut World, at: (usize, PeerId), person: &str) {
    world.people.remove(person);
    world.leave(at);
    world.rejoin_soon(person.to_owned());
}

/// A person comes, or goes to another edge: the new join is made first, the old place is left without a word.
fn move_to(world: &mut World, person: &str, edge: usize) {
    let before = world.people.remove(person);
    if before.is_some_and(|(index, _)| index == edge) {
        world.people.extend(before.map(|at| (person.to_owned(), at)));
        return;
    }
    world.join(edge, person);
    if let Some(before) = before {
        world.vanish(before);
    }
}

/// The network falls into two halves.
fn split(world: &mut World) {
    let edges = world.edges.len();
    let at = world.rng.random_range(1..edges.max(2));
    for a in 0..at.min(edges) {
        for b in at..edges {
            world.cut(a, b);
            world.cut(b, a);
        }
    }
}

/// No new joins; those who are here go elsewhere, one after the other.
fn drain(world: &mut World, edge: usize) {
    let Some(rooms) = &mut world.edges[edge].rooms else { return };
    rooms.set_draining(true);
    world.edges[edge].is_draining = true;
    let here: BTreeMap<String, (usize, PeerId)> =
        world.people.iter().filter(|(_, at)| at.0 == edge).map(|(who, at)| (who.clone(), *at)).collect();
    for (person, at) in here {
        world.rejoin_soon(person);
        world.vanish(at);
        world.pass(Duration::from_millis(50));
    }
}

fn heal(world: &mut World) {
    world.cut.clear();
    world.plan_soon();
    world.view_delay_ms = 150;
    if world.edges.iter().all(|edge| edge.is_draining || edge.rooms.is_none()) {
        // Nobody would get in anywhere.
        if world.edges[0].rooms.is_some() {
            world.kill_edge(0);
        }
    }
    for edge in 0..world.edges.len() {
        if world.edges[edge].rooms.is_none() {
            world.start_edge(edge);
        }
    }
}
