//! The nodes of a role laid out for many questions: the answers of [`crate::nearest`], within a microsecond or two among a
//! thousand nodes. Built once per change of the view, by a shell that keeps it.
//!
//! A node costs at least its distance, less [`ROOM_KM`] if it carries the room. The globe is divided into cells; a cell knows its
//! nodes by distance from its centre, made when the first user from there asks. So the nodes are rated in that order
//! until the distance alone rules out the next, which is after those of the region. Nodes whose cost has other grounds (measured, no
//! position, the user's present one) are rated first, whatever their distance.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use control_plane_api::node::{Location, Node, Role};

use crate::ROOM_KM;
use crate::geography::distance_km;
use crate::nearest::{Excluded, Hint, Measured, Ranking, Rated, User, candidates, rate};

/// Side of a cell in degrees: a few towns. 16,200 cells.
const CELL_DEGREES: f64 = 2.0;
const COLUMNS: usize = 180;
const ROWS: usize = 90;
/// No place of a cell is farther from its centre; half the diagonal at the equator, rounded up.
const CELL_RADIUS_KM: f64 = 160.0;
/// Nodes a cell knows; who asks for more (rooms of nodes crowded into one place) has all nodes looked at. 512 bytes a cell.
const CELL_NODES_MAX: usize = 64;
/// Error of distances in 32 bits, generously.
const ROUNDING_KM: f64 = 1.0;

#[derive(Debug)]
pub struct Atlas {
    /// Those that may be chosen, by id.
    candidates: Vec<Node>,
    /// Unit vectors to the candidates; `None` for those without a place on the globe.
    directions: Vec<Option<[f64; 3]>>,
    /// Positions of those among them without a place on the globe.
    unlocated: Vec<usize>,
    excluded: Vec<Excluded>,
    /// Places of all nodes, of whatever role, by id.
    places: BTreeMap<String, Location>,
    regions: BTreeMap<String, Location>,
    /// None for a fleet so small that all its nodes are rated each time.
    cells: Vec<OnceLock<Cell>>,
}

/// Nodes by distance from the cell's centre.
#[derive(Debug)]
struct Cell {
    nodes: Vec<(f32, u32)>,
    /// Whether these are all there are.
    is_whole: bool,
}

/// The nodes that carry a room, as an atlas knows them: made once per room and kept while the atlas is.
#[derive(Clone, Debug)]
pub struct Carrying {
    is_carrying: Vec<bool>,
    any: bool,
}

impl Atlas {
    #[must_use]
    pub fn new(nodes: &[&Node], role: Role) -> Self {
        let (mut candidates, excluded) = candidates(nodes, role);
        candidates.sort_by(|a, b| a.id.cmp(&b.id));
        let candidates: Vec<Node> = candidates.into_iter().cloned().collect();
        let direction_of =
            |node: &Node| node.location.filter(Location::is_valid).map(|place| direction(&place));
        let directions: Vec<Option<[f64; 3]>> = candidates.iter().map(direction_of).collect();
        let unlocated = (0..candidates.len()).filter(|index| directions[*index].is_none()).collect();
        let mut by_id: Vec<&Node> = nodes.to_vec();
        by_id.sort_by(|a, b| a.id.cmp(&b.id));
        let (mut places, mut regions) = (BTreeMap::new(), BTreeMap::new());
        for node in by_id {
            let Some(place) = node.location else { continue };
            places.insert(node.id.clone(), place);
            if place.is_valid() {
                regions.entry(node.region.clone()).or_insert(place);
            }
        }
        let cells = if candidates.len() > CELL_NODES_MAX { COLUMNS * ROWS } else { 0 };
        let cells = (0..cells).map(|_| OnceLock::new()).collect();
        Self { candidates, directions, unlocated, excluded, places, regions, cells }
    }

    /// As [`crate::nearest_measured`] with `carrying` in place of the view's.
    #[must_use]
    pub fn nearest(
        &self,
        carrying: &Carrying,
        hint: &Hint,
        measured: &Measured<'_>,
        limit: usize,
    ) -> Ranking {
        let picks = self.picks(carrying, hint, measured, limit);
        let choices = picks.into_iter().map(Rated::into_ranked).collect();
        Ranking { choices, excluded: self.excluded.clone() }
    }

    /// The choices of [`Self::nearest`] without the words around them: the node and its distance.
    #[must_use]
    pub fn choose(
        &self,
        carrying: &Carrying,
        hint: &Hint,
        measured: &Measured<'_>,
        limit: usize,
    ) -> Vec<(&Node, Option<f64>)> {
        let picks = self.picks(carrying, hint, measured, limit);
        picks.into_iter().map(|rated| (rated.node, rated.distance_km)).collect()
    }

    /// The nodes of these ids; ids that may not be chosen do not count.
    #[must_use]
    pub fn carrying<'b>(&self, ids: impl IntoIterator<Item = &'b str>) -> Carrying {
        let mut carrying = Carrying { is_carrying: vec![false; self.candidates.len()], any: false };
        ids.into_iter().for_each(|id| self.carry(&mut carrying, id));
        carrying
    }

    /// One more node carries the room.
    pub fn carry(&self, carrying: &mut Carrying, id: &str) {
        if let Some(index) = self.index(id) {
            carrying.is_carrying[index] = true;
            carrying.any = true;
        }
    }

    /// The one node to send the user to, without the words around it.
    #[must_use]
    pub fn first(&self, carrying: &Carrying, hint: &Hint, measured: &Measured<'_>) -> Option<&Node> {
        self.picks(carrying, hint, measured, 1).first().map(|rated| rated.node)
    }

    fn picks(
        &self,
        carrying: &Carrying,
        hint: &Hint,
        measured: &Measured<'_>,
        limit: usize,
    ) -> Vec<Rated<'_>> {
        let by_region = || hint.region.as_ref().and_then(|region| self.regions.get(region)).copied();
        let location = hint.location.filter(Location::is_valid).or_else(by_region);
        let user = User::at(location, measured, |id| self.places.get(id).copied());
        let mut best = Best::new(limit.min(self.candidates.len()));
        let rated =
            |index: usize| rate(carrying.is_carrying[index], hint, measured, &user, &self.candidates[index]);
        let Some(location) = location.filter(|_| !self.cells.is_empty()) else {
            (0..self.candidates.len()).for_each(|index| best.offer(rated(index)));
            return best.picks;
        };
        let first = self.whatever_their_distance(measured);
        first.iter().for_each(|index| best.offer(rated(*index)));
        let bonus_km = if carrying.any { ROOM_KM } else { 0.0 };
        let cell = self.cell(&location);
        for (distance_km, index) in &cell.nodes {
            // What the user's own network adds is added to all of these alike; leaving it out rules out fewer.
            if f64::from(*distance_km) - CELL_RADIUS_KM - bonus_km - ROUNDING_KM > best.cost_km_max() {
                return best.picks;
            }
            if first.binary_search(&(*index as usize)).is_err() {
                best.offer(rated(*index as usize));
            }
        }
        if cell.is_whole {
            return best.picks;
        }
        let known: Vec<u32> = cell.nodes.iter().map(|(_, index)| *index).collect();
        let is_new = |index: &usize| !known.contains(&(*index as u32)) && first.binary_search(index).is_err();
        (0..self.candidates.len()).filter(is_new).for_each(|index| best.offer(rated(index)));
        best.picks
    }

    /// Nodes to rate before the order of distances counts, ascending.
    fn whatever_their_distance(&self, measured: &Measured<'_>) -> Vec<usize> {
        let mut first = self.unlocated.clone();
        if !measured.is_empty() {
            let named = measured.rtt_ms.keys().copied().chain(measured.current);
            first.extend(named.filter_map(|id| self.index(id)));
            first.sort_unstable();
            first.dedup();
        }
        first
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.candidates.binary_search_by(|node| node.id.as_str().cmp(id)).ok()
    }

    fn cell(&self, place: &Location) -> &Cell {
        let along = |degrees: f64, count: usize| ((degrees / CELL_DEGREES) as usize).min(count - 1);
        let (row, column) = (along(place.latitude + 90.0, ROWS), along(place.longitude + 180.0, COLUMNS));
        self.cells[row * COLUMNS + column].get_or_init(|| {
            let middle = |index: usize, from: f64| (index as f64 + 0.5) * CELL_DEGREES - from;
            self.seen_from(&Location { latitude: middle(row, 90.0), longitude: middle(column, 180.0) })
        })
    }

    fn seen_from(&self, centre: &Location) -> Cell {
        let [x, y, z] = direction(centre);
        // The greater the product, the nearer: told apart to a hair, and much cheaper than a distance.
        let located = self.directions.iter().enumerate();
        let mut by_nearness: Vec<(f64, u32)> = located
            .filter_map(|(index, to)| to.map(|to| (-(to[0] * x + to[1] * y + to[2] * z), index as u32)))
            .collect();
        let is_whole = by_nearness.len() <= CELL_NODES_MAX;
        if !is_whole {
            by_nearness.select_nth_unstable_by(CELL_NODES_MAX, |a, b| a.0.total_cmp(&b.0));
            by_nearness.truncate(CELL_NODES_MAX);
        }
        let distance = |index: &u32| {
            let place = self.candidates[*index as usize].location;
            place.and_then(|place| distance_km(centre, &place))
        };
        let mut nodes: Vec<(f32, u32)> =
            by_nearness.iter().filter_map(|(_, index)| Some((distance(index)? as f32, *index))).collect();
        nodes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Cell { nodes, is_whole }
    }
}

fn direction(place: &Location) -> [f64; 3] {
    let (latitude, longitude) = (place.latitude.to_radians(), place.longitude.to_radians());
    [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
}

/// The best so far, best first.
struct Best<'a> {
    limit: usize,
    picks: Vec<Rated<'a>>,
}

impl<'a> Best<'a> {
    fn new(limit: usize) -> Self {
        Self { limit, picks: Vec::with_capacity(limit + 1) }
    }

    fn offer(&mut self, rated: Rated<'a>) {
        let at = self.picks.partition_point(|known| known.order(&rated).is_lt());
        if at < self.limit {
            self.picks.insert(at, rated);
            self.picks.truncate(self.limit);
        }
    }

    /// What costs more is not among the best.
    fn cost_km_max(&self) -> f64 {
        match self.picks.last() {
            Some(last) if self.picks.len() == self.limit => last.cost_km,
            _ if self.limit == 0 => f64::MIN,
            _ => f64::MAX,
        }
    }
}

#[cfg(test)]
#[path = "atlas_tests.rs"]
mod tests;
