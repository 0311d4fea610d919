//! What the room tells the shard.

use std::time::Instant;

use super::Sfu;
use crate::outgoing::Watch;
use crate::source::Source;
use crate::timers::Timer;
use crate::{Command, Incoming, Kind, SessionId, SourceId, Target};

impl Sfu {
    /// Carries out a command. Ids that are not (or no longer) there are counted and ignored.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::OpenSession { session, local, remote } => self.open_session(now, session, local, remote),
            Command::RestartIce { session, local, remote_ufrag } => {
                self.restart_ice(now, session, local, remote_ufrag);
            }
            Command::CloseSession { session } => self.close_session(now, session),
            Command::OpenSource { source, origin, kind, codec, clock_rate_hz, layers } => {
                self.open_source(source, Source::new(origin, kind, codec, clock_rate_hz, layers));
            }
            Command::CloseSource { source } => self.close_source(source),
            Command::MuteSource { source, muted } => self.mute_source(source, muted),
            Command::SetIncoming { session, incoming } => self.set_incoming(session, incoming),
            Command::SetOutgoing { session, outgoing } => self.set_outgoing(session, outgoing),
            Command::Watch { session, mid, source, payload_type, rtx_payload_type, target } => {
                let Some(known) = self.sources.get(&source) else {
                    self.counters.commands_unknown_id += 1;
                    return;
                };
                let (kind, clock_rate_hz) = (known.kind, known.clock_rate_hz);
                let watch = Watch { source, payload_type, rtx_payload_type, kind, clock_rate_hz, target };
                self.watch(now, session, &mid, watch);
            }
            Command::Retarget { session, mid, target } => self.retarget(now, session, &mid, target),
            Command::Unwatch { session, mid } => {
                if let Some(key) = self.stream_by_mid(session, &mid) {
                    self.detach(key);
                }
            }
            Command::LinkSubscribe { link, flow, source, layer } => {
                self.link_subscribe(now, link, flow, source, layer);
            }
            Command::LinkUnsubscribe { link, flow } => self.link_unsubscribe(link, flow),
            Command::LinkReceive { link, flow, source, layer } => {
                self.link_receive(link, flow, source, layer)
            }
            Command::LinkStopReceive { link, flow } => self.link_stop_receive(link, flow),
            Command::LinkKeyframe { link, flow } => self.link_keyframe(now, link, flow),
            Command::LinkNack { link, flow, sequence_numbers } => {
                self.link_nack(link, flow, &sequence_numbers)
            }
            Command::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms } => {
                self.link_sender_report(now, (link, flow), ntp, rtp_timestamp, age_ms);
            }
            Command::CloseLink { link } => self.close_link(link),
            Command::RequestKeyframe { source, layer } => self.want_keyframe(now, source, layer),
            Command::SendData { session, label, binary, payload } => {
                self.send_data(now, session, label, binary, &payload);
            }
        }
    }

    /// Takes a stream off its source.
    pub(super) fn detach(&mut self, key: u32) {
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        if let Some(source) = outgoing.watch.and_then(|watch| self.sources.get_mut(&watch.source)) {
            source.subscribers.retain(|known| *known != key);
        }
        outgoing.unwatch();
    }

    fn open_source(&mut self, id: SourceId, source: Source) {
        if self.sources.contains_key(&id) {
            self.counters.commands_unknown_id += 1;
        } else if self.sources.len() >= self.config.sources_max {
            self.counters.commands_refused_full += 1;
        } else {
            self.sources.insert(id, source);
        }
    }

    fn close_source(&mut self, id: SourceId) {
        let Some(source) = self.sources.remove(&id) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        for key in source.subscribers {
            if let Some(outgoing) = self.outgoings.get_mut(key) {
                outgoing.unwatch();
            }
        }
        for (layer, state) in (0..).zip(&source.layers) {
            for out in &state.links {
                self.flows_out.remove(&(out.link, out.flow));
            }
            if let Some(flow) = state.flow {
                self.flows_in.remove(&flow);
            }
            for timer in [Timer::Nack(id, layer), Timer::Keyframe(id, layer), Timer::Silence(id, layer)] {
                self.timers.cancel(timer);
            }
        }
    }

    fn mute_source(&mut self, id: SourceId, muted: bool) {
        let Some(source) = self.sources.get_mut(&id) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        source.muted = muted;
        if muted && source.kind == Kind::Audio {
            source.level.silence();
        }
    }

    fn set_incoming(&mut self, session: SessionId, incoming: Vec<Incoming>) {
        let Some(slot) = self.slot(session) else { return };
        if let Some(participant) = self.participants.get_mut(slot) {
            participant.router.set(incoming);
        }
    }

    fn watch(&mut self, now: Instant, session: SessionId, mid: &str, watch: Watch) {
        let Some(key) = self.stream_by_mid(session, mid) else { return };
        let before = self.outgoings.get(key).and_then(|outgoing| outgoing.watch);
        if before.is_some_and(|before| before.source != watch.source) {
            self.detach(key);
        }
        if let Some(outgoing) = self.outgoings.get_mut(key) {
            outgoing.watch(watch);
        }
        if let Some(source) = self.sources.get_mut(&watch.source)
            && !source.subscribers.contains(&key)
        {
            source.subscribers.push(key);
        }
        self.start(now, key);
    }

    fn retarget(&mut self, now: Instant, session: SessionId, mid: &str, target: Target) {
        let Some(key) = self.stream_by_mid(session, mid) else { return };
        let Some(watch) = self.outgoings.get_mut(key).and_then(|outgoing| outgoing.watch.as_mut()) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        watch.target = target;
        self.start(now, key);
    }

    fn stream_by_mid(&mut self, session: SessionId, mid: &str) -> Option<u32> {
        let slot = self.slot(session)?;
        let participant = self.participants.get(slot)?;
        let named = |key: &&u32| self.outgoings.get(**key).is_some_and(|stream| stream.declared.mid == mid);
        let found = participant.outgoing.iter().find(named).copied();
        self.counters.commands_unknown_id += u64::from(found.is_none());
        found
    }
}
