//! What must hold.

use std::collections::{BTreeMap, BTreeSet};

use edge_sfu::{LinkId, Origin, SessionId, SourceId};
use edge_wire::control::Announce;
use edge_wire::journal::Entry;

use crate::wires::{link, peer_of};
use crate::world::World;

/// Edges on the longest way that may be told at any moment, as the cascade has it: two parts of a tree that lost a link, joined
/// by a second parent, until it is planned anew.
const HOPS_MAX: usize = 16;
/// Edges on the longest way of a planned tree.
const TREE_HOPS_MAX: usize = 8;

/// A way never passes an edge twice, ends with who tells it, and is not told to whom it passed.
pub(crate) fn announcement(announce: &Announce, from: &str, to: &str) {
    let hops = &announce.hops;
    let distinct: BTreeSet<&String> = hops.iter().collect();
    assert_eq!(distinct.len(), hops.len(), "a way passes an edge twice: {hops:?}");
    assert_eq!(hops.last().map(String::as_str), Some(from), "a way does not end with who tells it");
    assert!(!hops.iter().any(|hop| hop == to), "a way is told back to {to}: {hops:?}");
    assert!(hops.len() <= HOPS_MAX, "a way of {} hops is told", hops.len());
}

/// Streams open once, close once, and a journal that ended says no more of them.
pub(crate) fn journal(entries: &[Entry], must_end: bool) {
    let (mut open, mut used, mut has_ended) = (BTreeSet::new(), BTreeSet::new(), true);
    for entry in entries {
        match entry {
            Entry::Open(stream) => {
                assert!(used.insert(stream.stream), "stream {} opens twice", stream.stream);
                open.insert(stream.stream);
            }
            Entry::Close(close) => assert!(open.remove(&close.stream), "stream {} is not open", close.stream),
            Entry::Packet(packet) => assert!(open.contains(&packet.stream), "a packet of no open stream"),
            Entry::Report(report) => assert!(open.contains(&report.stream), "a report of no open stream"),
            Entry::Event(_) => {}
            Entry::End(_) => assert!(open.is_empty(), "a journal ends with streams open: {open:?}"),
        }
        has_ended = matches!(entry, Entry::End(_));
    }
    assert!(!must_end || has_ended, "a journal does not end with its end");
}

impl World {
    /// Holds at any moment: no media goes round in circles.
    pub(crate) fn check_always(&self) {
        for at in 0..self.edges.len() {
            for source in self.edges[at].books.sources.keys() {
                let (_, is_loop, _) = self.follow(at, *source);
                assert!(!is_loop, "media goes round in a circle through edge {at}");
            }
        }
    }

    /// Holds once all is healed and time has passed.
    pub(crate) fn check_settled(&self) {
        self.check_rosters();
        self.check_ways();
        self.check_flows();
        self.edges.iter().for_each(|edge| journal(&edge.journal, false));
    }

    fn check_rosters(&self) {
        let everybody: BTreeMap<String, String> = self
            .people
            .iter()
            .map(|(identity, (index, peer))| {
                let who = self.edges[*index].rooms.as_ref().and_then(|rooms| rooms.who(*peer));
                let (_, sid, _) = who.unwrap_or_else(|| panic!("{identity} is not on edge {index}"));
                (identity.clone(), sid)
            })
            .collect();
        for (index, edge) in self.edges.iter().enumerate() {
            let present: BTreeSet<&str> =
                self.people.iter().filter(|(_, at)| at.0 == index).map(|(who, _)| who.as_str()).collect();
            let clients: BTreeSet<&str> =
                edge.clients.values().filter_map(|c| Some(c.own.as_ref()?.identity.as_str())).collect();
            assert_eq!(clients, present, "clients of edge {index}");
            for client in edge.clients.values() {
                let own = &client.own.as_ref().expect("a client was told of itself").identity;
                let told: BTreeMap<&String, &String> =
                    client.roster.iter().map(|(who, (sid, _))| (who, sid)).collect();
                let others: BTreeMap<&String, &String> =
                    everybody.iter().filter(|(who, _)| *who != own).collect();
                assert_eq!(told, others, "the roster of {own} on edge {index}");
            }
        }
    }

    fn check_ways(&self) {
        match self.ways() {
            Ok(longest) => {
                assert!(longest <= TREE_HOPS_MAX, "media passes {longest} edges in a planned tree")
            }
            Err(what) => panic!("{what}"),
        }
    }

    /// Every client gets every track of the others, at most over so many edges; else who does not, and why.
    pub(crate) fn ways(&self) -> Result<usize, String> {
        let mut longest = 0;
        let published: Vec<(usize, String, String)> = self
            .people
            .iter()
            .flat_map(|(identity, (index, peer))| {
                let own = self.edges[*index].clients[peer].own.as_ref().expect("it joined");
                own.tracks.iter().map(move |track| (*index, identity.clone(), track.sid.clone()))
            })
            .collect();
        for (index, edge) in self.edges.iter().enumerate() {
            for (peer, client) in &edge.clients {
                let own = &client.own.as_ref().expect("it joined").identity;
                for (home, publisher, track) in published.iter().filter(|(_, who, _)| who != own) {
                    let what = format!("{own} on edge {index} watches {track} of {publisher} on edge {home}");
                    let mid = client.tracks.get(track).ok_or_else(|| format!("{what}: it has no section"))?;
                    let source = edge.books.sessions[&SessionId(peer.0)].watches.get(mid);
                    let source = source.ok_or_else(|| format!("{what}: nothing feeds its section"))?;
                    let (end, is_loop, edges) = self.follow(index, *source);
                    longest = longest.max(edges);
                    if is_loop || end != Some(*home) {
                        return Err(format!("{what}: its way ends at {end:?} (circle: {is_loop})"));
                    }
                }
            }
        }
        Ok(longest)
    }

    /// Everybody has every reliable packet of everybody who is there, from the first one heard to the last.
    pub(crate) fn check_data(&self) {
        for (receiver, (index, peer)) in &self.people {
            let client = &self.edges[*index].clients[peer];
            assert_eq!(client.missed, 0, "reliable packets {receiver} on edge {index} missed");
            for (sender, (home, from)) in self.people.iter().filter(|(who, _)| *who != receiver) {
                let source = &self.edges[*home].clients[from];
                let sid = &source.own.as_ref().expect("it joined").sid;
                let heard = client.heard.get(sid).copied().unwrap_or_default();
                assert_eq!(
                    heard, source.said,
                    "packets of {sender} on edge {home}, heard by {receiver} on {index}"
                );
            }
        }
    }

    /// What is sent over a link is received at its other end under the same number, and nothing else is.
    fn check_flows(&self) {
        for (a, edge) in self.edges.iter().enumerate() {
            let sent = edge.books.feeds.keys().filter(|(link, _)| *link != LinkId::RECORDER);
            for (to, flow) in sent {
                let far = &self.edges[peer_of(*to)].books.receives;
                assert!(far.contains_key(&(link(a), *flow)), "edge {a} sends {to:?} flow {flow} to nobody");
            }
            let mut layers = BTreeSet::new();
            for ((from, flow), layer) in &edge.books.receives {
                let far = &self.edges[peer_of(*from)].books.feeds;
                assert!(
                    far.contains_key(&(link(a), *flow)),
                    "edge {a} waits for flow {flow} of {from:?} in vain"
                );
                assert!(layers.insert(*layer), "edge {a} pulls a layer twice");
            }
            let Some(rooms) = &edge.rooms else { continue };
            for (link, (sent, received)) in rooms.link_flows() {
                let count = |flows: &BTreeMap<(LinkId, u64), (SourceId, u8)>| {
                    flows.keys().filter(|(l, _)| *l == link).count()
                };
                let books = (count(&edge.books.feeds), count(&edge.books.receives));
                assert_eq!((sent as usize, received as usize), books, "flows of edge {a} over {link:?}");
            }
        }
    }

    /// Holds once everybody has left and time has passed: nothing is kept.
    pub(crate) fn check_empty(&self) {
        for (index, edge) in self.edges.iter().enumerate() {
            let books = &edge.books;
            let kept = (books.sessions.len(), books.sources.len(), books.feeds.len(), books.receives.len());
            assert_eq!(kept, (0, 0, 0, 0), "sessions, sources, feeds and flows kept on edge {index}");
            let rooms = edge.rooms.as_ref().map_or(0, |rooms| rooms.rooms().count());
            assert_eq!(rooms, 0, "rooms kept on edge {index}");
            journal(&edge.journal, true);
        }
    }

    /// From a source upstream: the edge where it is published, if the way is whole; whether it is a circle; edges on it.
    fn follow(&self, at: usize, source: SourceId) -> (Option<usize>, bool, usize) {
        let (mut at, mut source) = (at, source);
        let mut passed = BTreeSet::new();
        loop {
            if !passed.insert((at, source)) {
                return (None, true, passed.len());
            }
            let books = &self.edges[at].books;
            match books.sources.get(&source).map(|(origin, _)| *origin) {
                None => return (None, false, passed.len()),
                Some(Origin::Link(from)) => {
                    let flow = books
                        .receives
                        .iter()
                        .find(|(_, (fed, _))| *fed == source)
                        .map(|((_, flow), _)| *flow);
                    let Some(flow) = flow else { return (None, false, passed.len()) };
                    let far = peer_of(from);
                    let fed = self.edges[far].books.feeds.get(&(link(at), flow));
                    let Some((above, _)) = fed else { return (None, false, passed.len()) };
                    (at, source) = (far, *above);
                }
                Some(_) => return (Some(at), false, passed.len()),
            }
        }
    }
}
