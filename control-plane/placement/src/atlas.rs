//! The nodes of a role laid out for many questions: the answers of [`crate::nearest`], a few microseconds each among a
//! thousand nodes. Built once per change of the view.
//!
//! A node's cost is at least its distance, unless it carries the room. So the directions of all nodes are compared with the
//! user's in one pass of multiplications; the nearest few are rated; and of the rest only those whose distance alone
//! does not rule them out.

use control_plane_api::node::{Location, Node, Role};

use crate::ROOM_KM;
use crate::geography::EARTH_RADIUS_KM;
use crate::nearest::{Excluded, Hint, Measured, Ranking, Rated, User, candidates, rate};

/// Error of a product of two unit vectors in 32 bits, generously.
const ROUNDING: f32 = 4e-6;

#[derive(Clone, Debug)]
pub struct Atlas<'a> {
    nodes: Vec<&'a Node>,
    /// Those that may be chosen, by id.
    candidates: Vec<&'a Node>,
    /// Unit vectors of the candidates; zero for those without a position.
    directions: [Vec<f32>; 3],
    unlocated: Vec<usize>,
    excluded: Vec<Excluded>,
}

/// The nodes that carry a room, as an atlas knows them: made once per room and kept while the atlas is.
#[derive(Clone, Debug)]
pub struct Carrying {
    is_carrying: Vec<bool>,
    any: bool,
}

impl<'a> Atlas<'a> {
    #[must_use]
    pub fn new(nodes: &[&'a Node], role: Role) -> Self {
        let (mut candidates, excluded) = candidates(nodes, role);
        candidates.sort_by(|a, b| a.id.cmp(&b.id));
        let mut directions = [Vec::new(), Vec::new(), Vec::new()];
        let mut unlocated = Vec::new();
        for (index, node) in candidates.iter().enumerate() {
            let place = node.location.filter(Location::is_valid);
            if place.is_none() {
                unlocated.push(index);
            }
            let direction = place.map_or([0.0; 3], |place| direction(&place));
            directions.iter_mut().zip(direction).for_each(|(axis, value)| axis.push(value));
        }
        Self { nodes: nodes.to_vec(), candidates, directions, unlocated, excluded }
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
    pub fn first(&self, carrying: &Carrying, hint: &Hint, measured: &Measured<'_>) -> Option<&'a Node> {
        self.picks(carrying, hint, measured, 1).first().map(|rated| rated.node)
    }

    fn picks(
        &self,
        carrying: &Carrying,
        hint: &Hint,
        measured: &Measured<'_>,
        limit: usize,
    ) -> Vec<Rated<'a>> {
        let user = User::new(&self.nodes, hint, measured);
        let mut best = Best { limit, picks: Vec::with_capacity(limit.min(self.candidates.len()) + 1) };
        let rate_at =
            |index: usize| rate(carrying.is_carrying[index], hint, measured, &user, self.candidates[index]);
        // What is measured is not ruled out by distance; those are a few.
        let Some(location) = user.location.filter(|_| measured.is_empty()) else {
            (0..self.candidates.len()).for_each(|index| best.offer(rate_at(index)));
            return best.picks;
        };
        let mut first: Vec<usize> = self.unlocated.clone();
        let dots = self.dots(direction(&location));
        first.extend(most(&dots, limit.min(self.candidates.len())));
        first.sort_unstable();
        first.dedup();
        first.iter().for_each(|index| best.offer(rate_at(*index)));
        // A node that carries the room may be farther away than its cost.
        let mut dot_min = best.dot_min(if carrying.any { ROOM_KM } else { 0.0 });
        for (index, dot) in dots.iter().enumerate() {
            if *dot < dot_min || first.binary_search(&index).is_ok() {
                continue;
            }
            if carrying.is_carrying[index] || *dot >= best.dot_min(0.0) {
                best.offer(rate_at(index));
                dot_min = best.dot_min(if carrying.any { ROOM_KM } else { 0.0 });
            }
        }
        best.picks
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.candidates.binary_search_by(|node| node.id.as_str().cmp(id)).ok()
    }

    fn dots(&self, user: [f32; 3]) -> Vec<f32> {
        let [x, y, z] = &self.directions;
        x.iter().zip(y).zip(z).map(|((x, y), z)| x * user[0] + y * user[1] + z * user[2]).collect()
    }
}

/// The best so far, best first.
struct Best<'a> {
    limit: usize,
    picks: Vec<Rated<'a>>,
}

impl<'a> Best<'a> {
    fn offer(&mut self, rated: Rated<'a>) {
        let at = self.picks.partition_point(|known| known.order(&rated).is_lt());
        if at < self.limit {
            self.picks.insert(at, rated);
            self.picks.truncate(self.limit);
        }
    }

    /// Cosine of the angle beyond which distance alone rules a node out.
    fn dot_min(&self, bonus_km: f64) -> f32 {
        match self.picks.last().filter(|_| self.picks.len() == self.limit) {
            Some(last) if last.cost_km + bonus_km >= std::f64::consts::PI * EARTH_RADIUS_KM => f32::MIN,
            Some(last) => ((last.cost_km + bonus_km).max(0.0) / EARTH_RADIUS_KM).cos() as f32 - ROUNDING,
            None => f32::MIN,
        }
    }
}

/// Positions of the greatest numbers, in no order.
fn most(numbers: &[f32], count: usize) -> Vec<usize> {
    let mut kept: Vec<(f32, usize)> = Vec::with_capacity(count + 1);
    let mut least = f32::MIN;
    for (index, number) in numbers.iter().enumerate() {
        if count > 0 && (kept.len() < count || *number > least) {
            let at = kept.partition_point(|(known, _)| known >= number);
            kept.insert(at, (*number, index));
            kept.truncate(count);
            least = kept.last().map_or(f32::MIN, |(number, _)| *number);
        }
    }
    kept.into_iter().map(|(_, index)| index).collect()
}

fn direction(place: &Location) -> [f32; 3] {
    let (latitude, longitude) = (place.latitude.to_radians(), place.longitude.to_radians());
    [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
        .map(|axis| axis as f32)
}
