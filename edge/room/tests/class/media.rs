//! A media thread that only keeps the books, and finds fault with commands that do not fit.

use std::collections::{BTreeMap, BTreeSet};

use edge_sfu::{Codec, Command, Incoming, LinkId, Origin, Outgoing, SessionId, SourceId, Target};

#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) sources: BTreeMap<SourceId, Source>,
    /// (link, flow) to (source, layer).
    pub(crate) feeds: BTreeMap<(LinkId, u64), (SourceId, u8)>,
    pub(crate) receives: BTreeMap<(LinkId, u64), (SourceId, u8)>,
    pub(crate) keyframes: Vec<(SourceId, u8)>,
    pub(crate) data: Vec<(SessionId, &'static str, Vec<u8>)>,
    pub(crate) link_commands: Vec<String>,
    ufrags: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) ufrag: String,
    pub(crate) incoming: Vec<Incoming>,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) watches: BTreeMap<String, Watch>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Watch {
    pub(crate) source: SourceId,
    pub(crate) payload_type: u8,
    pub(crate) target: Target,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) origin: Origin,
    pub(crate) codec: Codec,
    pub(crate) layers: u8,
    pub(crate) is_muted: bool,
}

impl Media {
    pub(crate) fn take(&mut self, command: Command) {
        match command {
            Command::OpenSession { session, local, .. } => {
                assert!(self.ufrags.insert(local.ufrag.clone()), "a ufrag is used twice");
                assert!(local.ufrag.bytes().all(|b| b.is_ascii_alphanumeric()) && local.pwd.len() >= 22);
                let fresh = Session { ufrag: local.ufrag, ..Session::default() };
                assert!(self.sessions.insert(session, fresh).is_none(), "{session:?} is open already");
            }
            Command::RestartIce { session, local, .. } => {
                assert!(self.ufrags.insert(local.ufrag.clone()), "a ufrag is used twice");
                self.session(session).ufrag = local.ufrag;
            }
            Command::CloseSession { session } => {
                assert!(self.sessions.remove(&session).is_some(), "{session:?} is not open");
            }
            Command::OpenSource { source, origin, codec, layers, .. } => {
                let fresh = Source { origin, codec, layers, is_muted: false };
                assert!(self.sources.insert(source, fresh).is_none(), "{source:?} is open already");
            }
            Command::CloseSource { source } => {
                assert!(self.sources.remove(&source).is_some(), "{source:?} is not open");
                self.feeds.retain(|_, (fed, _)| *fed != source);
                for session in self.sessions.values_mut() {
                    session.watches.retain(|_, watch| watch.source != source);
                }
            }
            Command::MuteSource { source, muted } => {
                self.sources.get_mut(&source).expect("a muted source is open").is_muted = muted;
            }
            Command::SetIncoming { session, incoming } => {
                assert!(
                    incoming.iter().all(|i| self.sources.contains_key(&i.source)),
                    "a source is not open"
                );
                self.session(session).incoming = incoming;
            }
            Command::SetOutgoing { session, outgoing } => self.session(session).outgoing = outgoing,
            Command::Watch { session, mid, source, payload_type, target, .. } => {
                assert!(self.sources.contains_key(&source), "{source:?} is not open");
                let session = self.session(session);
                assert!(session.outgoing.iter().any(|o| o.mid == mid), "mid {mid} is not outgoing");
                session.watches.insert(mid, Watch { source, payload_type, target });
            }
            Command::Retarget { session, mid, target } => {
                self.session(session).watches.get_mut(&mid).expect("a retargeted mid is watched").target =
                    target;
            }
            Command::Unwatch { session, mid } => {
                self.session(session).watches.remove(&mid);
            }
            Command::RequestKeyframe { source, layer } => self.keyframes.push((source, layer)),
            Command::SendData { session, label, payload, .. } => {
                self.data.push((session, label, payload.to_vec()))
            }
            other => self.take_link(other),
        }
    }

    fn take_link(&mut self, command: Command) {
        match command {
            Command::LinkSubscribe { link, flow, source, layer } => {
                let known = self.sources.get(&source).expect("a fed source is open");
                assert!(layer < known.layers, "layer {layer} of {}", known.layers);
                assert!(self.feeds.insert((link, flow), (source, layer)).is_none(), "flow {flow} is in use");
            }
            Command::LinkUnsubscribe { link, flow } => {
                self.feeds.remove(&(link, flow));
            }
            Command::LinkReceive { link, flow, source, layer } => {
                let known = self.sources.get(&source).expect("a receiving source is open");
                assert_eq!(known.origin, Origin::Link(link));
                assert!(
                    self.receives.insert((link, flow), (source, layer)).is_none(),
                    "flow {flow} is in use"
                );
            }
            Command::LinkStopReceive { link, flow } => {
                assert!(self.receives.remove(&(link, flow)).is_some(), "flow {flow} is not received");
            }
            Command::CloseLink { link } => {
                self.feeds.retain(|(l, _), _| *l != link);
                self.receives.retain(|(l, _), _| *l != link);
            }
            other => self.link_commands.push(format!("{other:?}")),
        }
    }

    fn session(&mut self, session: SessionId) -> &mut Session {
        self.sessions.get_mut(&session).expect("the session is open")
    }

    /// Layers fed to other edges (not the recorder), sorted.
    pub(crate) fn layers_sent(&self) -> Vec<u8> {
        let mut layers: Vec<u8> = self
            .feeds
            .iter()
            .filter(|((link, _), _)| *link != LinkId::RECORDER)
            .map(|(_, (_, layer))| *layer)
            .collect();
        layers.sort_unstable();
        layers
    }

    /// Layers received from other edges, sorted.
    pub(crate) fn layers_received(&self) -> Vec<u8> {
        let mut layers: Vec<u8> = self.receives.values().map(|(_, layer)| *layer).collect();
        layers.sort_unstable();
        layers
    }
}

impl Session {
    pub(crate) fn clone_watches(&self) -> BTreeMap<String, Watch> {
        self.watches.clone()
    }
}
