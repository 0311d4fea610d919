//! How an edge hears of participants that are not its neighbours': every edge says what it knows of its own as a numbered log,
//! and each other edge follows that log over one link, chosen by hop path as the ways of tracks are. So each word comes
//! once, and after a loss the next link goes on where the last one stopped.

use std::collections::BTreeSet;
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{
    Follow, Message, OriginLost, OriginRoute, ParticipantGone, ParticipantUpdate, Position, RoomData, Sync,
    Unfollow,
};

use crate::Output;
use crate::edge::Edge;
use crate::limits::{HOPS_MAX, LINK_GRACE, ORIGINS_MAX, VANISHED_GRACE, WAY_HOLD};
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

    fn lost(&mut self, edge: &mut Edge, now: Instant, node_id: &str) {
        let Some(origin) = self.origins.get_mut(node_id) else { return };
        (origin.lost_at, origin.is_held) = (Some(now), self.holding);
        for (wait, why) in
            [(WAY_HOLD, "hold a way"), (VANISHED_GRACE, "vanished"), (LINK_GRACE, "link grace")]
        {
            edge.wake(now + wait, &self.record.name, why);
        }
    }

    /// Asks the upstream for all it has, and for the data that is missed. All, since an edge on the way may have left somebody
    /// out (an identity that a newer join held there), and its count of changes does not say so.
    pub(crate) fn follow(&mut self, edge: &mut Edge, node_id: &str) {
        let number = edge.new_flow();
        let Some(origin) = self.origins.get_mut(node_id).filter(|origin| !origin.is_plain) else { return };
        let Some(upstream) = origin.upstream else { return };
        origin.follow = number;
        origin.stage = Stage::Asked;
        let follow = Follow {
            room: self.record.name.clone(),
            node_id: node_id.to_owned(),
            epoch: origin.epoch,
            number,
            after: 0,
            fresh: !origin.is_whole,
            positions: origin.log.positions(),
        };
        edge.say(upstream, Message::Follow(follow));
    }

    /// A link asks for what an edge says: what it lacks, then news.
    pub(crate) fn followed(&mut self, edge: &mut Edge, link: LinkId, follow: &Follow) {
        let is_own = follow.node_id == edge.config.node_id;
        let (log, is_served) = if is_own {
            (&self.own, follow.epoch == self.epoch)
        } else {
            let Some(origin) = self.origins.get(&follow.node_id) else { return };
            let is_back = origin.upstream == Some(link);
            (&origin.log, origin.epoch == follow.epoch && origin.is_whole && !is_back)
        };
        if !is_served {
            tracing::debug!(link = link.0, node_id = %follow.node_id, "an edge asks for what is not here");
            return;
        }
        let is_full = follow.after == 0 || follow.after < log.horizon || follow.after > log.change;
        let after = follow.after;
        let sync = Sync {
            room: self.record.name.clone(),
            node_id: follow.node_id.clone(),
            number: follow.number,
            full: is_full,
            end: false,
            change: 0,
            positions: Vec::new(),
        };
        edge.say(link, Message::Sync(sync.clone()));
        // In the order of the changes: cut short, the follower has all up to the last that came.
        let mut records: Vec<(u64, &str, Option<&str>)> =
            log.changes.iter().map(|(sid, change)| (*change, sid.as_str(), None)).collect();
        if !is_full {
            records.extend(
                log.gone.iter().map(|(change, sid, who)| (*change, sid.as_str(), Some(who.as_str()))),
            );
        }
        records.retain(|(change, _, _)| is_full || *change > after);
        records.sort_unstable();
        for (change, sid, gone) in records {
            if let Some(identity) = gone {
                edge.say(link, self.gone_message(&follow.node_id, sid, identity, change));
            } else if let Some(update) = self.update_of(&follow.node_id, sid, change) {
                edge.say(link, update);
                self.tell_rules_of(edge, sid, link, change);
            }
        }
        let positions = if follow.fresh { log.standing() } else { Vec::new() };
        // Who was told less than all is told all again by the next it asks.
        let change = if self.lacks(&follow.node_id) { 0 } else { log.change };
        edge.say(link, Message::Sync(Sync { end: true, change, positions, ..sync }));
        // Who asks afresh is given what is kept as well: others may come to it for what they lack.
        for data in log.missed(&follow.positions) {
            let data = RoomData { follow: follow.number, ..data.clone() };
            edge.push(Output::LinkData { link, data });
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.follows.insert(follow.node_id.clone(), follow.number);
        }
        self.tell_link_state(edge, link, &follow.node_id);
    }

    pub(crate) fn unfollowed(&mut self, link: LinkId, node_id: &str) {
        if let Some(state) = self.links.get_mut(&link) {
            state.follows.remove(node_id);
        }
    }

    pub(crate) fn synced(&mut self, edge: &mut Edge, now: Instant, link: LinkId, sync: Sync) {
        let node_id = sync.node_id;
        let sids: BTreeSet<String> = self.sids_of(&node_id);
        let Some(origin) = self.origins.get_mut(&node_id) else { return };
        if origin.upstream != Some(link) || origin.follow != sync.number || origin.is_plain {
            return;
        }
        if !sync.end {
            origin.stage = Stage::Told(sync.full.then_some(sids));
            return;
        }
        let Stage::Told(unnamed) = std::mem::replace(&mut origin.stage, Stage::Live) else {
            origin.stage = Stage::Asked;
            return;
        };
        origin.log.change = origin.log.change.max(sync.change);
        if unnamed.is_some() {
            origin.log.horizon = sync.change;
            origin.lacks = false;
        }
        if !std::mem::replace(&mut origin.is_whole, true) {
            for Position { participant_sid, number } in sync.positions {
                origin.log.began.insert(participant_sid, number);
            }
        }
        for sid in unnamed.into_iter().flatten() {
            self.remote_left(edge, now, &node_id, &sid, sync.change);
        }
        self.roster.routes.insert(node_id.clone());
        self.deliver_held(edge, now, &node_id);
    }

    /// Whether a link may speak for the edge now; version 1 speaks for itself alone.
    pub(crate) fn speaks_for(&self, edge: &Edge, link: LinkId, node_id: &str) -> Option<String> {
        let neighbour = edge.links.get(&link)?;
        if neighbour.is_plain() {
            return Some(neighbour.node_id.clone());
        }
        let origin = self.origins.get(node_id)?;
        let is_heard = origin.upstream == Some(link) && origin.stage != Stage::Asked && !origin.is_plain;
        is_heard.then(|| node_id.to_owned())
    }

    /// A change came from upstream: its number counts from now on, and in a full account its participant is named.
    /// The number followers are told: 0 while departures may have been missed.
    pub(crate) fn note_change(&mut self, node_id: &str, sid: &str, change: u64, has_left: bool) -> u64 {
        let Some(origin) = self.origins.get_mut(node_id) else { return 0 };
        if has_left {
            let identity = self.remotes.get(sid).map_or("", |remote| &remote.participant.identity);
            origin.log.left(sid, identity, change);
        } else {
            origin.log.changed(sid, change);
        }
        if let Stage::Told(Some(unnamed)) = &mut origin.stage {
            unnamed.remove(sid);
            return 0;
        }
        origin.log.change = origin.log.change.max(change);
        if self.lacks(node_id) { 0 } else { change }
    }

    /// Whether somebody of the edge is left out here, since a newer join elsewhere has the identity.
    fn lacks(&self, node_id: &str) -> bool {
        self.origins.get(node_id).is_some_and(|origin| origin.lacks)
            || self.suppressed.values().any(|edges| edges.contains(node_id))
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
            if !is_held && state.told_routes.remove(node_id).is_some() {
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

    pub(crate) fn sids_of(&self, node_id: &str) -> BTreeSet<String> {
        let own = self.remotes.iter().filter(|(_, remote)| remote.origin == node_id);
        own.map(|(sid, _)| sid.clone()).collect()
    }

    /// The link towards an edge.
    pub(crate) fn link_towards(&self, node_id: &str) -> Option<LinkId> {
        self.origins.get(node_id)?.upstream
    }

    pub(crate) fn gone_message(&self, node_id: &str, sid: &str, identity: &str, change: u64) -> Message {
        Message::ParticipantGone(ParticipantGone {
            room: self.record.name.clone(),
            sid: sid.to_owned(),
            identity: identity.to_owned(),
            node_id: node_id.to_owned(),
            change,
        })
    }

    /// Somebody of an edge; not who moved on to another.
    fn update_of(&self, node_id: &str, sid: &str, change: u64) -> Option<Message> {
        let update = self.update_message(sid, change)?;
        let is_its = matches!(&update, Message::Participant(m) if m.participant.node_id == node_id);
        is_its.then_some(update)
    }

    pub(crate) fn update_message(&self, sid: &str, change: u64) -> Option<Message> {
        let here =
            self.peers.values().filter(|peer| peer.standing.is_present()).map(|peer| &peer.participant);
        let local = here.into_iter().find(|participant| participant.sid == sid);
        let remote = || self.remotes.get(sid).map(|remote| &remote.participant);
        let participant = local.or_else(remote)?.clone();
        let room = self.record.name.clone();
        Some(Message::Participant(ParticipantUpdate { room, participant, change }))
    }
}
