//! Placement at the scale of a fleet: 1,000 edges in 40 regions, 10,000 rooms, a million viewers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_placement::{Atlas, Hint, Measured, Network, Plan, plan, tree};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const REGIONS: usize = 40;
const EDGES_PER_REGION: usize = 25;
const ROOMS: usize = 10_000;
const VIEWERS: usize = 1_000_000;
/// One camera and one microphone of an instructor, at every layer somebody watches.
const STREAM_BPS: f64 = 2_000_000.0;

/// Rooms by number of edges; the size of a class decides which comparison means something.
const SIZES: [(usize, usize); 6] = [(2, 6), (7, 12), (13, 24), (25, 48), (49, 96), (97, usize::MAX)];

/// Runs it all; a table, or lines for a plot.
#[must_use]
pub fn run(csv: bool) -> String {
    let mut rng = StdRng::seed_from_u64(1);
    let nodes = fleet(&mut rng);
    let views: Vec<&Node> = nodes.iter().collect();
    let (rooms, joins) = join_all(&mut rng, &views);
    let started = now();
    let network = Network::new(&views);
    let built = started.elapsed();
    let started = now();
    let plans: Vec<Plan> = rooms.iter().map(|edges| plan(&network, edges, None)).collect();
    let planned = started.elapsed();
    let (replanned, touched) = lose_region(&views, &rooms, &plans);
    let mut out = String::new();
    let lines = compare(&network, &plans);
    if csv {
        let _ = writeln!(
            out,
            "edges_min,edges_max,rooms,shape,hops_mean,hops_max,path_ms_mean,copies_of_publisher_max,wan_gbit_per_s,wan_gbit_1000km_per_s"
        );
    } else {
        let per_s = VIEWERS as f64 / joins.as_secs_f64();
        let _ =
            writeln!(out, "joins: {VIEWERS} in {:.2} s of one core = {per_s:.0} per s", joins.as_secs_f64());
        let _ = writeln!(out, "link costs of {} edges: {:.3} s", nodes.len(), built.as_secs_f64());
        let _ = writeln!(out, "plans of {ROOMS} rooms: {:.3} s", planned.as_secs_f64());
        let _ = writeln!(
            out,
            "after losing a region: {touched} rooms planned again in {:.3} s (costs of links among them)",
            replanned.as_secs_f64()
        );
        let _ = writeln!(
            out,
            "{:>9} {:>6} {:>5} {:>10} {:>9} {:>11} {:>16} {:>11} {:>15}",
            "edges",
            "rooms",
            "shape",
            "hops mean",
            "hops max",
            "path ms",
            "copies at source",
            "WAN Gbit/s",
            "Gbit/s x 1000km"
        );
    }
    for line in lines {
        out.push_str(&line.print(csv));
    }
    out
}

fn now() -> Instant {
    Instant::now()
}

/// Processor time of this thread: on a shared machine the clock on the wall counts others' work. Linux; elsewhere 0.
fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent_ns = stat.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(spent_ns.unwrap_or(0))
}

fn fleet(rng: &mut StdRng) -> Vec<Node> {
    let mut nodes = Vec::new();
    for region in 0..REGIONS {
        let centre = (rng.random_range(-40.0..60.0), rng.random_range(-170.0..170.0));
        for edge in 0..EDGES_PER_REGION {
            nodes.push(Node {
                id: format!("edge-{region:02}-{edge:02}"),
                role: Role::Edge,
                region: format!("region-{region:02}"),
                location: Some(Location {
                    latitude: centre.0 + rng.random_range(-3.0..3.0),
                    longitude: centre.1 + rng.random_range(-3.0..3.0),
                }),
                url: String::new(),
                quic: None,
                admin: String::new(),
                epoch: 1,
                draining: false,
                load: Load { capacity: 2_000, ..Load::default() },
                nodes: None,
                links: Vec::new(),
            });
        }
    }
    nodes
}

/// Every viewer joins: most live around their class's home, some anywhere. Only the choosing is timed.
fn join_all<'a>(rng: &mut StdRng, nodes: &[&'a Node]) -> (Vec<BTreeSet<&'a str>>, Duration) {
    let atlas = Atlas::new(nodes, Role::Edge);
    let mut rooms: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); ROOMS];
    let mut spent = Duration::ZERO;
    let measured = Measured::default();
    for (room, edges) in rooms.iter_mut().enumerate() {
        // Classes of all sizes: 4 of 5 small, a few with thousands.
        let viewers = match room % 100 {
            0 => 4_030,
            1..21 => 180,
            _ => 30,
        };
        let reach = match room % 5 {
            0 => 40.0,
            1 | 2 => 8.0,
            _ => 2.0,
        };
        let home = nodes[rng.random_range(0..nodes.len())]
            .location
            .map_or((0.0, 0.0), |l| (l.latitude, l.longitude));
        let hints: Vec<Hint> = (0..viewers)
            .map(|_| {
                let latitude = (home.0 + rng.random_range(-reach..reach)).clamp(-90.0, 90.0);
                let longitude = (home.1 + rng.random_range(-reach..reach)).clamp(-180.0, 180.0);
                Hint { location: Some(Location { latitude, longitude }), region: None }
            })
            .collect();
        let started = busy();
        let mut carrying = atlas.carrying([]);
        for hint in &hints {
            if let Some(node) = atlas.first(&carrying, hint, &measured)
                && !edges.contains(node.id.as_str())
                && let Ok(index) = nodes.binary_search_by(|known| known.id.cmp(&node.id))
            {
                edges.insert(nodes[index].id.as_str());
                atlas.carry(&mut carrying, &node.id);
            }
        }
        spent += busy().saturating_sub(started);
    }
    (rooms, spent)
}

/// A whole region goes; every room that was there is planned again.
fn lose_region(nodes: &[&Node], rooms: &[BTreeSet<&str>], plans: &[Plan]) -> (Duration, usize) {
    // The region most rooms are in.
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for id in rooms.iter().flatten() {
        *uses.entry(&id[..7]).or_default() += 1;
    }
    let lost = uses.iter().max_by_key(|(_, uses)| **uses).map_or("", |(region, _)| *region);
    let left: Vec<&Node> = nodes.iter().filter(|node| !node.id.starts_with(lost)).copied().collect();
    let started = now();
    let network = Network::new(&left);
    let mut touched = 0;
    for (edges, before) in rooms.iter().zip(plans) {
        if !edges.iter().any(|id| id.starts_with(lost)) {
            continue;
        }
        let left: BTreeSet<&str> = edges.iter().filter(|id| !id.starts_with(lost)).copied().collect();
        std::hint::black_box(plan(&network, &left, Some(before)));
        touched += 1;
    }
    (started.elapsed(), touched)
}

/// One line of the table.
#[derive(Default)]
struct Line {
    edges: (usize, usize),
    rooms: usize,
    shape: &'static str,
    pairs: f64,
    hops: f64,
    hops_max: usize,
    path_ms: f64,
    copies_max: usize,
    wan_bps: f64,
    wan_bps_1000km: f64,
}

impl Line {
    fn print(&self, csv: bool) -> String {
        let (min, max) = self.edges;
        let max = if max == usize::MAX { 1_000 } else { max };
        let pairs = self.pairs.max(1.0);
        let (hops, path_ms) = (self.hops / pairs, self.path_ms / pairs);
        let (wan, far) = (self.wan_bps / 1e9, self.wan_bps_1000km / 1e9);
        let Self { rooms, shape, hops_max, copies_max, .. } = self;
        if csv {
            return format!(
                "{min},{max},{rooms},{shape},{hops:.2},{hops_max},{path_ms:.1},{copies_max},{wan:.2},{far:.2}\n"
            );
        }
        let edges = format!("{min}-{max}");
        format!(
            "{edges:>9} {rooms:>6} {shape:>5} {hops:>10.2} {hops_max:>9} {path_ms:>11.1} {copies_max:>16} {wan:>11.2} {far:>15.2}\n"
        )
    }
}

/// For each size of room: its plan against a star around the first edge and a mesh, with one instructor per room, at the
/// room's first edge. Copies to an edge of the same region count as much as far ones; the last column weighs by the way.
fn compare(network: &Network, plans: &[Plan]) -> Vec<Line> {
    let mut lines = Vec::new();
    for size in SIZES {
        let of_size = || plans.iter().filter(|plan| (size.0..=size.1).contains(&plan.places.len()));
        for shape in ["plan", "star", "mesh"] {
            let mut line = Line { edges: size, shape, rooms: of_size().count(), ..Line::default() };
            of_size().for_each(|plan| add(&mut line, network, plan));
            if line.rooms > 0 {
                lines.push(line);
            }
        }
    }
    lines
}

fn add(line: &mut Line, network: &Network, plan: &Plan) {
    let ids: Vec<&str> = plan.places.keys().map(String::as_str).collect();
    let publisher = ids[0];
    let hub = ids[ids.len() / 2];
    let neighbours = |id: &str| -> BTreeSet<&str> {
        match line.shape {
            "plan" => plan.neighbours(id),
            "star" if id == hub => ids.iter().copied().filter(|other| *other != hub).collect(),
            "star" => BTreeSet::from([hub]),
            _ => ids.iter().copied().filter(|other| *other != id).collect(),
        }
    };
    // From the publisher outwards, each edge once.
    let mut reached: BTreeMap<&str, (usize, f64)> = BTreeMap::from([(publisher, (0, 0.0))]);
    let mut order = vec![publisher];
    let (mut next, mut copies_max, mut ways) = (0, 0, 0.0);
    while let Some(at) = order.get(next).copied() {
        let (hops, path_ms) = reached[at];
        let mut copies = 0;
        for other in neighbours(at) {
            if let Some(id) = plan
                .places
                .get_key_value(other)
                .map(|(id, _)| id.as_str())
                .filter(|id| !reached.contains_key(id))
            {
                let cost_ms = network.cost_ms(at, id).unwrap_or_default();
                reached.insert(id, (hops + 1, path_ms + cost_ms));
                order.push(id);
                copies += 1;
                ways += cost_ms;
            }
        }
        copies_max = copies_max.max(copies);
        next += 1;
    }
    line.pairs += (order.len() - 1) as f64;
    line.hops += reached.values().map(|(hops, _)| *hops as f64).sum::<f64>();
    line.path_ms += reached.values().map(|(_, path_ms)| *path_ms).sum::<f64>();
    line.hops_max = line.hops_max.max(reached.values().map(|(hops, _)| *hops).max().unwrap_or_default());
    line.copies_max = line.copies_max.max(copies_max);
    line.wan_bps += (order.len() - 1) as f64 * STREAM_BPS;
    // 15 ms of round trip are 1,000 km.
    line.wan_bps_1000km += ways / 15.0 * STREAM_BPS;
    debug_assert!(tree::degree(ids.len()) >= 4);
}
