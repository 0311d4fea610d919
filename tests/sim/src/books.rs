//! The media thread as a book of what is open; commands that do not fit are defects.

use std::collections::{BTreeMap, BTreeSet};

use edge_sfu::{Command, LinkId, Origin, SessionId, SourceId};

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) sources: BTreeMap<SourceId, (Origin, u8)>,
    /// What goes out over links (and to the recorder): the layer of a source, by link and flow.
    pub(crate) feeds: BTreeMap<(LinkId, u64), (SourceId, u8)>,
    /// What comes in over links.
    pub(crate) receives: BTreeMap<(LinkId, u64), (SourceId, u8)>,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    outgoing: BTreeSet<String>,
    /// Source that feeds each section.
    pub(crate) watches: BTreeMap<String, SourceId>,
}

impl Books {
    pub(crate) fn take(&mut self, command: Command) {
        match command {
            Command::OpenSession { session, .. } => {
                assert!(
                    self.sessions.insert(session, Session::default()).is_none(),
                    "{session:?} opens twice"
                );
            }
            Command::CloseSession { session } => {
                assert!(self.sessions.remove(&session).is_some(), "{session:?} closes and is not open");
            }
            Command::OpenSource { source, origin, layers, .. } => {
                assert!(self.sources.insert(source, (origin, layers)).is_none(), "{source:?} opens twice");
            }
            Command::CloseSource { source } => {
                assert!(self.sources.remove(&source).is_some(), "{source:?} closes and is not open");
                self.feeds.retain(|_, (fed, _)| *fed != source);
                self.sessions.values_mut().for_each(|session| session.watches.retain(|_, s| *s != source));
            }
            Command::SetIncoming { session, incoming } => {
                assert!(self.sessions.contains_key(&session), "{session:?} publishes and is not open");
                let unknown = incoming.iter().find(|incoming| !self.sources.contains_key(&incoming.source));
                assert!(unknown.is_none(), "{unknown:?} feeds no open source");
            }
            Command::SetOutgoing { session, outgoing } => {
                self.session(session).outgoing = outgoing.into_iter().map(|section| section.mid).collect();
            }
            Command::Watch { session, mid, source, .. } => {
                assert!(self.sources.contains_key(&source), "{source:?} is watched and not open");
                let session = self.session(session);
                assert!(session.outgoing.contains(&mid), "section {mid} is watched and not outgoing");
                session.watches.insert(mid, source);
            }
            Command::Unwatch { session, mid } => {
                self.session(session).watches.remove(&mid);
            }
            Command::LinkSubscribe { link, flow, source, layer } => {
                let (_, layers) = self.sources.get(&source).expect("a fed source is open");
                assert!(layer < *layers, "layer {layer} of {layers} is fed");
                let before = self.feeds.insert((link, flow), (source, layer));
                assert!(before.is_none(), "flow {flow} of {link:?} is fed twice");
            }
            Command::LinkUnsubscribe { link, flow } => {
                self.feeds.remove(&(link, flow));
            }
            Command::LinkReceive { link, flow, source, layer } => {
                let (origin, _) = self.sources.get(&source).expect("a receiving source is open");
                assert_eq!(*origin, Origin::Link(link), "a flow feeds a source of another link");
                let before = self.receives.insert((link, flow), (source, layer));
                assert!(before.is_none(), "flow {flow} of {link:?} is received twice");
            }
            Command::LinkStopReceive { link, flow } => {
                assert!(self.receives.remove(&(link, flow)).is_some(), "flow {flow} stops and did not come");
            }
            Command::CloseLink { link } => {
                self.feeds.retain(|(known, _), _| *known != link);
                self.receives.retain(|(known, _), _| *known != link);
            }
            _ => {}
        }
    }

    fn session(&mut self, session: SessionId) -> &mut Session {
        self.sessions.get_mut(&session).expect("commands name sessions that are open")
    }
}
