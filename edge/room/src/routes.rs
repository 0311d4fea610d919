//! Ways to hear edges that are not neighbours: by hop path, as the ways of tracks are; one is used, and told onward.
//! What comes by it is in [`crate::follow`].

use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{Message, OriginLost, OriginRoute, Unfollow};

use crate::edge::Edge;
use crate::limits::{HELD_LEAVING, HOPS_MAX, LINK_GRACE, ORIGINS_MAX, VANISHED_GRACE, WAY_HOLD};
use crate::origin::{Origin, Route, Stage};
use crate::room::Room;

impl Room {
    /// A link says that an edge can be heard by way of it.
    pub(crate) fn origin_route(&mut self, edge: &mut Edge, now: Instant, link: LinkId, route: OriginRoute) {
        let Some(neighbour) = edge.links.get(&link) else { return };
        let OriginRoute { hops, epoch, leaving, .. } = route;
        let Some(node_id) = hops.first().cloned() else { return };
        let is_its_own = hops.len() == 1;
        let is_sound = hops.last() == Some(&neighbour.node_id)
            && hops.len() <= HOPS_MAX
            && (!is_its_own || epoch >= neighbour.epoch);
        let known = self.origins.get(&node_id).map(|origin| origin.epoch);
        if !is_sound || hops.contains(&edge.config.node_id) || known.is_some_and(|known| known > epoch) {
            tracing::debug!(link = link.0, %node_id, epoch, "a way to an edge is dropped");
            self.lose_route(edge, now, link, &node_id);
            return;
        }
        if known.is_none() && self.origins.len() >= ORIGINS_MAX {
            tracing::warn!(link = link.0, "too many edges in one room; one is not heard");
            return;
        }
        if known.is_some_and(|known| known < epoch) {
            tracing::info!(%node_id, epoch, "an edge was started again: what it said before is void");
            self.forget_origin(edge, now, &node_id);
        }
        let origin = self.origins.entry(node_id.clone()).or_insert_with(|| Origin::new(epoch));
        origin.routes.insert(link, Route { hops, leaving });
        self.choose_upstream(edge, now, &node_id);
    }

    pub(crate) fn origin_lost(&mut self, edge: &mut Edge, now: Instant, link: LinkId, node_id: &str) {
        self.lose_route(edge, now, link, node_id);
    }

    pub(crate) fn lose_route(&mut self, edge: &mut Edge, now: Instant, link: LinkId, node_id: &str) {
        let Some(origin) = self.origins.get_mut(node_id) else { return };
        if origin.routes.remove(&link).is_some() {
            self.choose_upstream(edge, now, node_id);
        }
    }

    /// An edge that speaks version 1 is heard over its own link, from the moment it enters.
    pub(crate) fn hear_plain(&mut self, edge: &mut Edge, link: LinkId) {
        let Some(neighbour) = edge.links.get(&link) else { return };
        let origin = self.origins.entry(neighbour.node_id.clone()).or_default();
        origin.epoch = neighbour.epoch;
        origin.is_plain = true;
        origin.routes.insert(link, Route { hops: vec![neighbour.node_id.clone()], leaving: 0 });
        (origin.upstream, origin.lost_at, origin.stage) = (Some(link), None, Stage::Live);
    }

    /// The way an edge is heard: the one in use unless more of its links are about to leave the room, or another has fewer hops.
    /// What counts grows with each hop, for every edge alike: else two would each prefer the other's way, and change for ever.
    pub(crate) fn choose_upstream(&mut self, edge: &mut Edge, now: Instant, node_id: &str) {
        let Some(origin) = self.origins.get(node_id) else { return };
        let rank = |link: LinkId, route: &Route| {
            let (leaving, is_other) = (self.leaving_by(link, route), origin.upstream != Some(link));
            (leaving, route.hops.len(), is_other, edge.link_cost_ms(link), link)
        };
        let usable = origin.routes.iter().filter(|(link, _)| self.links.contains_key(link));
        let best = usable.map(|(link, route)| rank(*link, route)).min().map(|rank| rank.4);
        let before = origin.upstream;
        if best == before {
            if best.is_none() && origin.lost_at.is_none() {
                self.lost(edge, now, node_id);
            }
            self.roster.routes.insert(node_id.to_owned());
            return;
        }
        if let Some(old) = before.filter(|old| self.links.contains_key(old) && !origin.is_plain) {
            let (room, node_id) = (self.record.name.clone(), node_id.to_owned());
            edge.say(old, Message::Unfollow(Unfollow { room, node_id }));
        }
        let Some(origin) = self.origins.get_mut(node_id) else { return };
        origin.upstream = best;
        origin.stage = Stage::Asked;
        // Held data is asked for again.
        origin.take_held();
        self.roster.routes.insert(node_id.to_owned());
        if best.is_some() {
            origin.lost_at = None;
            if !origin.is_plain {
                self.follow(edge, node_id);
            }
        } else {
            self.lost(edge, now, node_id);
        }
    }

    /// Nothing of the edge stays: it was started again, or has been away for too long.
    pub(crate) fn forget_origin(&mut self, edge: &mut Edge, now: Instant, node_id: &str) {
        for sid in self.sids_of(node_id) {
            self.drop_remote(edge, now, &sid);
        }
        let Some(origin) = self.origins.remove(node_id) else { return };
        if let Some(upstream) =
            origin.upstream.filter(|link| self.links.contains_key(link) && !origin.is_plain)
        {
            let (room, node_id) = (self.record.name.clone(), node_id.to_owned());
            edge.say(upstream, Message::Unfollow(Unfollow { room, node_id }));
        }
        for state in self.links.values_mut() {
            state.follows.remove(node_id);
        }
        self.roster.routes.insert(node_id.to_owned());
    }

    /// Edges without a way for too long are forgotten, sooner when the control plane has let them go as well.
    pub(crate) fn forget_lost(&mut self, edge: &mut Edge, now: Instant) {
        let lost: Vec<String> = self
            .origins
            .iter()
            .filter(|(node_id, origin)| {
                let grace = if self.nodes.as_ref().is_some_and(|p| !p.contains(*node_id)) {
                    VANISHED_GRACE
                } else {
                    LINK_GRACE
                };
                origin.lost_at.is_some_and(|at| at + grace <= now)
            })
            .map(|(node_id, _)| node_id.clone())
            .collect();
        for node_id in lost {
            if self.sids_of(&node_id).iter().any(|sid| self.is_reachable(sid)) {
                // Its media still comes by way of another edge.
                edge.wake(now + LINK_GRACE, &self.record.name, "link grace");
                if let Some(origin) = self.origins.get_mut(&node_id) {
                    origin.lost_at = Some(now);
                }
            } else {
                self.forget_origin(edge, now, &node_id);
            }
        }
    }

    /// Tells links which edges can be heard from here.
    pub(crate) fn tell_routes(&mut self, edge: &mut Edge, now: Instant, only: Option<LinkId>) {
        let mut nodes = std::mem::take(&mut self.roster.routes);
        if only.is_some() {
            self.roster.routes.clone_from(&nodes);
            nodes = self.origins.keys().cloned().chain([edge.config.node_id.clone()]).collect();
        }
        for node_id in nodes {
            let way = if node_id == edge.config.node_id {
                Some((Route::default(), self.epoch))
            } else {
                self.way_to(&node_id)
            };
            let held = self.origins.get(&node_id).filter(|origin| origin.is_held).and_then(|o| o.lost_at);
            let is_held = held.is_some_and(|at| now < at + WAY_HOLD);
            let links: Vec<LinkId> = self.told_links(edge, only);
            for link in links {
                self.tell_route(edge, link, &node_id, way.as_ref(), is_held);
            }
        }
    }

    /// The link towards an edge.
    pub(crate) fn link_towards(&self, node_id: &str) -> Option<LinkId> {
        self.origins.get(node_id)?.upstream
    }

    fn lost(&mut self, edge: &mut Edge, now: Instant, node_id: &str) {
        let Some(origin) = self.origins.get_mut(node_id) else { return };
        (origin.lost_at, origin.is_held) = (Some(now), self.holding);
        for (wait, why) in
            [(WAY_HOLD, "hold a way"), (VANISHED_GRACE, "vanished"), (LINK_GRACE, "link grace")]
        {
            edge.wake(now + wait, &self.record.name, why);
        }
    }

    fn tell_route(
        &mut self,
        edge: &mut Edge,
        link: LinkId,
        node_id: &str,
        way: Option<&(Route, u64)>,
        is_held: bool,
    ) {
        let Some(neighbour) = edge.links.get(&link).map(|link| link.node_id.clone()) else { return };
        let Some(state) = self.links.get_mut(&link) else { return };
        let room = self.record.name.clone();
        let way = way.filter(|(route, _)| !route.hops.contains(&neighbour) && route.hops.len() < HOPS_MAX);
        let Some(way) = way else {
            // Held for those behind only, and they take any other before it.
            if is_held && !state.wanted {
                let told =
                    state.told_routes.get_mut(node_id).filter(|(route, _)| route.leaving < HELD_LEAVING);
                if let Some((route, epoch)) = told {
                    route.leaving += HELD_LEAVING;
                    let Route { hops, leaving } = route.clone();
                    edge.say(link, Message::OriginRoute(OriginRoute { room, hops, epoch: *epoch, leaving }));
                }
            } else if state.told_routes.remove(node_id).is_some() {
                state.follows.remove(node_id);
                edge.say(link, Message::OriginLost(OriginLost { room, node_id: node_id.to_owned() }));
            }
            return;
        };
        let (mut route, epoch) = way.clone();
        route.hops.push(edge.config.node_id.clone());
        let told = (route, epoch);
        if state.told_routes.get(node_id) != Some(&told) {
            state.told_routes.insert(node_id.to_owned(), told.clone());
            let Route { hops, leaving } = told.0;
            edge.say(link, Message::OriginRoute(OriginRoute { room, hops, epoch, leaving }));
        }
    }

    /// The way an edge is heard by, once all of it is known here.
    fn way_to(&self, node_id: &str) -> Option<(Route, u64)> {
        let origin = self.origins.get(node_id).filter(|origin| origin.is_whole)?;
        let upstream = origin.upstream?;
        let route = origin.routes.get(&upstream)?;
        let leaving = self.leaving_by(upstream, route);
        Some((Route { hops: route.hops.clone(), leaving }, origin.epoch))
    }

    /// Links on a way, our own among them, that are about to leave the room.
    fn leaving_by(&self, link: LinkId, route: &Route) -> u32 {
        route.leaving.saturating_add(u32::from(self.is_leaving(link)))
    }

    /// Links that are told of routes: those that know them.
    fn told_links(&self, edge: &Edge, only: Option<LinkId>) -> Vec<LinkId> {
        let knows = |link: &LinkId| edge.links.get(link).is_some_and(|link| !link.is_plain());
        let entered = self.links.iter().filter(|(_, state)| state.entered).map(|(link, _)| *link);
        entered.filter(|link| only.is_none_or(|only| only == *link)).filter(knows).collect()
    }
}
