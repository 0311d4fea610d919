//! Sessions come, say things and go.

use std::time::Instant;

use bytes::Bytes;
use edge_session::{LocalIce, RemoteParameters, SendDataError, Session};

use super::Sfu;
use crate::participant::{CHANNELS_MAX, Channel, Participant};
use crate::timers::Timer;
use crate::{Event, QUALITY_INTERVAL, SessionId};

use super::periodic::REPORT_INTERVAL;

impl Sfu {
    pub(super) fn open_session(
        &mut self,
        now: Instant,
        id: SessionId,
        local: LocalIce,
        remote: RemoteParameters,
    ) {
        let taken = self.by_id.contains_key(&id) || self.by_ufrag.contains_key(&local.ufrag);
        if taken || self.participants.len() >= self.config.sessions_max {
            self.counters.commands_refused_full += 1;
            self.tell(Event::SessionClosed {
                session: id,
                reason: if taken { "id in use" } else { "shard full" },
            });
            return;
        }
        let ufrag = local.ufrag.clone();
        let session = Session::new(self.config.session.clone(), local, remote, now);
        let slot = self.participants.insert(Participant::new(id, session, ufrag.clone(), now));
        self.by_id.insert(id, slot);
        self.by_ufrag.insert(ufrag, slot);
        self.after_session(now, slot);
    }

    pub(super) fn restart_ice(&mut self, now: Instant, id: SessionId, local: LocalIce, remote_ufrag: String) {
        let Some(slot) = self.slot(id) else { return };
        if self.by_ufrag.contains_key(&local.ufrag) {
            self.counters.commands_refused_full += 1;
            return;
        }
        let Some(participant) = self.participants.get_mut(slot) else { return };
        // The session accepts the credentials before these until a check uses the new ones; older ones are dead.
        if participant.ufrags.len() == 2 {
            self.by_ufrag.remove(&participant.ufrags.remove(0));
        }
        participant.ufrags.push(local.ufrag.clone());
        self.by_ufrag.insert(local.ufrag.clone(), slot);
        participant.session.restart_ice(now, local, remote_ufrag);
        self.after_session(now, slot);
    }

    pub(super) fn close_session(&mut self, now: Instant, id: SessionId) {
        let Some(slot) = self.slot(id) else { return };
        if let Some(participant) = self.participants.get_mut(slot) {
            participant.session.close(now);
            while let Some(transmit) = participant.session.poll_transmit(now) {
                self.transmits.push(transmit.destination, &transmit.payload);
            }
        }
        self.remove_session(slot);
    }

    pub(super) fn send_data(
        &mut self,
        now: Instant,
        id: SessionId,
        label: &str,
        binary: bool,
        payload: &Bytes,
    ) {
        let Some(slot) = self.slot(id) else { return };
        let Some(participant) = self.participants.get_mut(slot) else { return };
        // The newest channel of a label is the one in use: clients open anew after a reconnect.
        let Some(channel) = participant.channels.iter().rfind(|known| known.label == label) else {
            self.counters.dropped_channel_not_open += 1;
            return;
        };
        if channel.reliable && participant.has_overflown {
            self.counters.dropped_channel_full += 1;
            return;
        }
        let sent = participant.session.send_data(now, channel.id, binary, payload);
        if sent.is_err() {
            self.counters.dropped_channel_full += 1;
        }
        if sent == Err(SendDataError::Full) && channel.reliable {
            participant.has_overflown = true;
            self.tell(Event::DataOverflow { session: id });
        }
        self.after_session(now, slot);
    }

    /// Takes what the session has to send and say, and its next deadline.
    pub(super) fn after_session(&mut self, now: Instant, slot: u32) {
        let Some(participant) = self.participants.get_mut(slot) else { return };
        while let Some(transmit) = participant.session.poll_transmit(now) {
            if self.transmits.push(transmit.destination, &transmit.payload).is_some() {
                self.counters.datagrams_out += 1;
                self.counters.bytes_out += transmit.payload.len() as u64;
            }
        }
        while let Some(event) = self.participants.get_mut(slot).and_then(|p| p.session.poll_event()) {
            self.handle_session_event(now, slot, event);
        }
        if let Some((at, _)) = self.participants.get(slot).and_then(|p| p.session.poll_timeout()) {
            self.timers.no_later(Timer::Session(slot), at);
        }
    }

    /// Slot of a session named by a command; counts those that are gone.
    pub(super) fn slot(&mut self, id: SessionId) -> Option<u32> {
        let slot = self.by_id.get(&id).copied();
        self.counters.commands_unknown_id += u64::from(slot.is_none());
        slot
    }

    fn handle_session_event(&mut self, now: Instant, slot: u32, event: edge_session::Event) {
        let Some(participant) = self.participants.get_mut(slot) else { return };
        let session = participant.id;
        match event {
            edge_session::Event::Connected { profile } => {
                participant.has_media = profile.is_some();
                let Some(remote) = participant.session.destination() else { return };
                self.timers.no_later(Timer::Report(slot), now + REPORT_INTERVAL);
                self.timers.no_later(Timer::Quality(slot), now + QUALITY_INTERVAL);
                self.tell(Event::SessionConnected { session, remote });
                self.start_all(now, slot);
            }
            edge_session::Event::ChannelOpen { id, label, reliable, .. } => {
                if participant.channels.len() == CHANNELS_MAX {
                    participant.channels.remove(0);
                }
                participant.channels.push(Channel { id, label: label.clone(), reliable });
                self.tell(Event::ChannelOpen { session, label });
            }
            edge_session::Event::ChannelClosed { id } => {
                participant.channels.retain(|known| known.id != id);
            }
            edge_session::Event::ChannelData { id, binary, payload } => {
                let known = participant.channels.iter().find(|known| known.id == id);
                if let Some(channel) = known {
                    let label = channel.label.clone();
                    self.tell(Event::Data { session, label, binary, payload });
                }
            }
            // The destination is asked of the session for every packet.
            edge_session::Event::AddressChanged { .. } => {}
            edge_session::Event::Closed { reason } => {
                self.remove_session(slot);
                self.tell(Event::SessionClosed { session, reason: reason.as_str() });
            }
        }
    }

    fn remove_session(&mut self, slot: u32) {
        let Some(participant) = self.participants.remove(slot) else { return };
        self.by_id.remove(&participant.id);
        for ufrag in &participant.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        self.addresses.forget(slot);
        for key in participant.outgoing {
            self.detach(key);
            self.outgoings.remove(key);
        }
        for timer in
            [Timer::Session(slot), Timer::Report(slot), Timer::TransportFeedback(slot), Timer::Quality(slot)]
        {
            self.timers.cancel(timer);
        }
    }
}
