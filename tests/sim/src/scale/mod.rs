//! Placement at the scale of a fleet: 1,000 edges in 40 regions, 10,000 rooms, a million viewers.

mod plot;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
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

/// Fleets of other sizes, in regions of as many edges, for how the time of a join grows with them.
const FLEETS: [usize; 5] = [4, 12, 40, 120, 360];
/// Viewers who join each of those.
const FLEET_VIEWERS: usize = 200_000;

/// Everything measured.
#[derive(Debug)]
pub struct Figures {
    joins_per_s: f64,
    /// Edges of a fleet, and joins per second and core among them.
    joins_by_edges: Vec<(usize, f64)>,
    costs: Duration,
    planned: Duration,
    replanned: Duration,
    touched: usize,
    lines: Vec<Line>,
}

/// What a room's plan is compared with.
const SHAPES: [&str; 3] = ["plan", "star", "mesh"];

/// Runs it all.
#[must_use]
pub fn measure() -> Figures {
    let mut rng = StdRng::seed_from_u64(1);
    let nodes = fleet(&mut rng, REGIONS);
    let views: Vec<&Node> = nodes.iter().collect();
    let (rooms, joins) = join_all(&mut rng, &views, ROOMS);
    let started = now();
    let network = Network::new(&views);
    let costs = started.elapsed();
    let started = now();
    let plans: Vec<Plan> = rooms.iter().map(|edges| plan(&network, edges, None)).collect();
    let planned = started.elapsed();
    let (replanned, touched) = lose_region(&views, &rooms, &plans);
    let by_edges = |regions: &usize| {
        let nodes = fleet(&mut rng, *regions);
        let views: Vec<&Node> = nodes.iter().collect();
        let (_, spent) = join_all(&mut rng, &views, ROOMS * FLEET_VIEWERS / VIEWERS);
        (nodes.len(), FLEET_VIEWERS as f64 / spent.as_secs_f64())
    };
    Figures {
        joins_by_edges: FLEETS.iter().map(by_edges).collect(),
        joins_per_s: VIEWERS as f64 / joins.as_secs_f64(),
        costs,
        planned,
        replanned,
        touched,
        lines: compare(&network, &plans),
    }
}

impl Figures {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!(
            "joins: {VIEWERS} by one core at {:.0} per s\nlink costs of {} edges: {:.3} s\nplans of {ROOMS} rooms: {:.3} s\n",
            self.joins_per_s,
            REGIONS * EDGES_PER_REGION,
            self.costs.as_secs_f64(),
            self.planned.as_secs_f64()
        );
        let _ = writeln!(
            out,
            "after losing a region: {} rooms planned again in {:.3} s (costs of links among them)",
            self.touched,
            self.replanned.as_secs_f64()
        );
        for (edges, joins_per_s) in &self.joins_by_edges {
            let _ = writeln!(out, "joins among {edges} edges: {joins_per_s:.0} per s and core");
        }
        out.push_str("    edges  rooms shape  hops mean  hops max     path ms copies at source  WAN Gbit/s Gbit/s x 1000km\n");
        self.lines.iter().for_each(|line| out.push_str(&line.print(false)));
        out
    }

    /// For other plots.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = "edges_min,edges_max,rooms,shape,hops_mean,hops_max,path_ms_mean,copies_of_publisher_max,wan_gbit_per_s,wan_gbit_1000km_per_s\n".to_owned();
        self.lines.iter().for_each(|line| out.push_str(&line.print(true)));
        out
    }

    /// Writes the plots into a folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn plot(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let groups: Vec<String> = self.lines.iter().step_by(SHAPES.len()).map(Line::sizes).collect();
        let by_shape = |value: fn(&Line) -> f64| -> Vec<(&str, Vec<f64>)> {
            let of = |shape: &str| self.lines.iter().filter(|line| line.shape == shape).map(value).collect();
            SHAPES.iter().map(|shape| (*shape, of(shape))).collect()
        };
        let chart = |title, unit, series| plot::Bars {
            title,
            across: "edges of a room",
            unit,
            groups: &groups,
            series,
        };
        let hops = chart("Hops from the publisher's edge, mean", "hops", by_shape(Line::hops_mean));
        let wan = chart("Media between regions, all rooms of a size", "Gbit/s", by_shape(Line::wan_gbit));
        let far = chart("Media weighted by its way", "Gbit/s x 1,000 km", by_shape(Line::far_gbit));
        let copies = chart(
            "Copies one edge sends of a track, at most",
            "copies",
            by_shape(|line| line.copies_max as f64),
        );
        let path =
            chart("Way from the publisher's edge, mean round trip", "ms", by_shape(Line::path_ms_mean));
        let edges: Vec<String> = self.joins_by_edges.iter().map(|(edges, _)| edges.to_string()).collect();
        let joins = self.joins_by_edges.iter().map(|(_, joins_per_s)| joins_per_s / 1_000.0).collect();
        let joins = plot::Bars {
            title: "Joins placed per second by one core",
            across: "edges of the fleet",
            unit: "thousand per s",
            groups: &edges,
            series: vec![("joins", joins)],
        };
        let plots = [
            ("hops", hops),
            ("wan", wan),
            ("wan-distance", far),
            ("copies", copies),
            ("path", path),
            ("joins", joins),
        ];
        for (name, bars) in plots {
            std::fs::write(folder.join(format!("{name}.svg")), bars.svg())?;
        }
        Ok(())
    }
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

fn fleet(rng: &mut StdRng, regions: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    for region in 0..regions {
        let centre = (rng.random_range(-40.0..60.0), rng.random_range(-170.0..170.0));
        for edge in 0..EDGES_PER_REGION {
            nodes.push(Node {
                id: format!("edge-{region:03}-{edge:02}"),
                role: Role::Edge,
                region: format!("region-{region:03}"),
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
fn join_all<'a>(rng: &mut StdRng, nodes: &[&'a Node], count: usize) -> (Vec<BTreeSet<&'a str>>, Duration) {
    let atlas = Atlas::new(nodes, Role::Edge);
    let mut rooms: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); count];
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
        *uses.entry(region_of(id)).or_default() += 1;
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

/// The part of an edge's name that is its region's.
fn region_of(edge: &str) -> &str {
    edge.rsplit_once('-').map_or(edge, |(region, _)| region)
}

/// One line of the table.
#[derive(Debug, Default)]
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
    fn bounds(&self) -> (usize, usize) {
        (self.edges.0, self.edges.1.min(REGIONS * EDGES_PER_REGION))
    }

    fn sizes(&self) -> String {
        let (min, max) = self.bounds();
        format!("{min}-{max}")
    }

    fn hops_mean(&self) -> f64 {
        self.hops / self.pairs.max(1.0)
    }

    fn path_ms_mean(&self) -> f64 {
        self.path_ms / self.pairs.max(1.0)
    }

    fn wan_gbit(&self) -> f64 {
        self.wan_bps / 1e9
    }

    fn far_gbit(&self) -> f64 {
        self.wan_bps_1000km / 1e9
    }

    fn print(&self, csv: bool) -> String {
        let (min, max) = self.bounds();
        let (hops, path_ms) = (self.hops_mean(), self.path_ms_mean());
        let (wan, far) = (self.wan_gbit(), self.far_gbit());
        let Self { rooms, shape, hops_max, copies_max, .. } = self;
        if csv {
            return format!(
                "{min},{max},{rooms},{shape},{hops:.2},{hops_max},{path_ms:.1},{copies_max},{wan:.2},{far:.2}\n"
            );
        }
        let edges = self.sizes();
        format!(
            "{edges:>9} {rooms:>6} {shape:>5} {hops:>10.2} {hops_max:>9} {path_ms:>11.1} {copies_max:>16} {wan:>11.2} {far:>15.2}\n"
        )
    }
}

/// For each size of room: its plan against a star around the first edge and a mesh, with one instructor per room, at the
/// room's first edge. Copies inside a region cost nothing between regions; the last column weighs all by their way.
fn compare(network: &Network, plans: &[Plan]) -> Vec<Line> {
    let mut lines = Vec::new();
    for size in SIZES {
        let of_size = || plans.iter().filter(|plan| (size.0..=size.1).contains(&plan.places.len()));
        for shape in SHAPES {
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
    let (mut next, mut copies_max, mut ways, mut between_regions) = (0, 0, 0.0, 0_usize);
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
                between_regions += usize::from(region_of(at) != region_of(id));
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
    line.wan_bps += between_regions as f64 * STREAM_BPS;
    // 15 ms of round trip are 1,000 km.
    line.wan_bps_1000km += ways / 15.0 * STREAM_BPS;
    debug_assert!(tree::degree(ids.len()) >= 4);
}
