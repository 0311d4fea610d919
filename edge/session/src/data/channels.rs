//! The channels of one peer over its association.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{Association, PayloadProtocolIdentifier, StreamEvent};

use super::association::Associations;
use super::screen::{Screen, Verdict};
use super::{ChannelId, MESSAGE_LENGTH_MAX, SendDataError, dcep};
use crate::{Config, Event};

/// Unacknowledged bytes a channel holds before `send_data` says `Full`: half a minute of a weak link.
const SEND_BUFFER_BYTES: usize = 1024 * 1024;

/// The client SDKs open three. A peer that goes beyond is cut off from data.
const CHANNELS_MAX: usize = 32;

/// The channels, open and being opened.
pub(crate) struct Channels {
    associations: Associations,
    screen: Screen,
    open: Vec<ChannelId>,
    /// The peer went too far: its association is aborted, and no other is begun.
    is_cut_off: bool,
}

impl Channels {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            associations: Associations::new(config),
            screen: Screen::default(),
            open: Vec::new(),
            is_cut_off: false,
        }
    }

    /// Feeds one SCTP packet. Call [`Self::drive`] next.
    pub(crate) fn handle(&mut self, now: Instant, packet: Bytes) {
        if self.is_cut_off {
            return;
        }
        match self.screen.inbound(&packet) {
            Verdict::Pass => self.associations.handle(now, packet),
            Verdict::Drop => {}
            Verdict::Abort => self.is_cut_off = true,
        }
    }

    /// Lets every association do what is due: events out, packets to send into `packets`.
    pub(crate) fn drive(&mut self, now: Instant, events: &mut VecDeque<Event>, packets: &mut Vec<Bytes>) {
        self.associations.settle();
        if let Some(association) = self.associations.established() {
            while let Some(event) = association.poll() {
                match event {
                    rtc_sctp::Event::Stream(StreamEvent::Readable { id }) => {
                        let reading = Reading { open: &mut self.open, events, screen: &mut self.screen };
                        reading.stream(now, association, id);
                    }
                    // One per stream, for a reset of that stream as for the end of the association.
                    rtc_sctp::Event::AssociationLost { id, .. } => {
                        close_channel(&mut self.open, events, ChannelId(id));
                    }
                    _ => {}
                }
            }
            // The streams waiting to be accepted are the channels we learn of by their OPEN.
            while association.accept_stream().is_some() {}
            self.is_cut_off |= association.stream_ids().len() > CHANNELS_MAX;
            if self.is_cut_off {
                tracing::debug!("SCTP association cut off");
                let _ = association.abort();
            }
        }
        let sent_before = packets.len();
        self.associations.transmit(now, packets);
        packets[sent_before..].iter().for_each(|packet| self.screen.outbound(packet));
        if self.associations.reap() {
            for id in std::mem::take(&mut self.open) {
                events.push_back(Event::ChannelClosed { id });
            }
            self.screen = Screen::default();
        }
    }

    /// Queues a message; [`Self::drive`] sends it.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        id: ChannelId,
        binary: bool,
        payload: &[u8],
    ) -> Result<(), SendDataError> {
        if payload.len() > MESSAGE_LENGTH_MAX {
            return Err(SendDataError::TooLong);
        }
        if !self.open.contains(&id) {
            return Err(SendDataError::NotOpen);
        }
        let association = self.associations.established().ok_or(SendDataError::NotOpen)?;
        let mut stream = association.stream(id.0).map_err(|_| SendDataError::NotOpen)?;
        if stream.buffered_amount().unwrap_or(0) + payload.len() > SEND_BUFFER_BYTES {
            return Err(SendDataError::Full);
        }
        // SCTP has no empty message: RFC 8831 section 6.6 sends one byte under an identifier that says so.
        let (identifier, bytes) = match (binary, payload.is_empty()) {
            (true, false) => (PayloadProtocolIdentifier::Binary, payload),
            (false, false) => (PayloadProtocolIdentifier::String, payload),
            (true, true) => (PayloadProtocolIdentifier::BinaryEmpty, &[0][..]),
            (false, true) => (PayloadProtocolIdentifier::StringEmpty, &[0][..]),
        };
        let bytes = Bytes::copy_from_slice(bytes);
        stream.write_chunk_with_ppi(now, &bytes, identifier).map(|_| ()).map_err(|_| SendDataError::NotOpen)
    }

    /// Resets the stream of a channel; `ChannelClosed` comes at once.
    pub(crate) fn close(&mut self, now: Instant, id: ChannelId, events: &mut VecDeque<Event>) {
        if let Some(association) = self.associations.established()
            && let Ok(mut stream) = association.stream(id.0)
        {
            let _ = stream.close(now);
        }
        close_channel(&mut self.open, events, id);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.associations.poll_timeout()
    }

    pub(crate) fn into_open(self) -> Vec<ChannelId> {
        self.open
    }

    /// Call [`Self::drive`] next.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.associations.handle_timeout(now);
    }
}

fn close_channel(open: &mut Vec<ChannelId>, events: &mut VecDeque<Event>, id: ChannelId) {
    if let Some(index) = open.iter().position(|known| *known == id) {
        open.swap_remove(index);
        events.push_back(Event::ChannelClosed { id });
    }
}

/// Where what is read from a stream goes.
struct Reading<'a> {
    open: &'a mut Vec<ChannelId>,
    events: &'a mut VecDeque<Event>,
    screen: &'a mut Screen,
}

impl Reading<'_> {
    /// Reads a stream dry: `Readable` comes on the edge, not while there is something.
    fn stream(mut self, now: Instant, association: &mut Association, id: u16) {
        loop {
            let Ok(mut stream) = association.stream(id) else { return };
            let Ok(Some(chunks)) = stream.read_sctp() else { return };
            self.screen.delivered();
            let Ok(payload) = chunks.to_payload(MESSAGE_LENGTH_MAX) else {
                tracing::debug!(id, length = chunks.len(), "data channel closed: message too long");
                let _ = stream.close(now);
                close_channel(self.open, self.events, ChannelId(id));
                return;
            };
            match chunks.ppi {
                PayloadProtocolIdentifier::Dcep => self.control(now, association, id, &payload),
                PayloadProtocolIdentifier::String => self.message(id, false, payload.freeze()),
                PayloadProtocolIdentifier::Binary => self.message(id, true, payload.freeze()),
                PayloadProtocolIdentifier::StringEmpty => self.message(id, false, Bytes::new()),
                PayloadProtocolIdentifier::BinaryEmpty => self.message(id, true, Bytes::new()),
                _ => {}
            }
        }
    }

    fn message(&mut self, id: u16, binary: bool, payload: Bytes) {
        let id = ChannelId(id);
        if self.open.contains(&id) {
            self.events.push_back(Event::ChannelData { id, binary, payload });
        }
    }

    fn control(&mut self, now: Instant, association: &mut Association, id: u16, payload: &[u8]) {
        let Ok(mut stream) = association.stream(id) else { return };
        let Some(open) = dcep::Open::parse(payload) else {
            return;
        };
        if self.open.contains(&ChannelId(id)) {
            return;
        }
        let acknowledged = stream.write_chunk_with_ppi(now, &dcep::ACK, PayloadProtocolIdentifier::Dcep);
        let prepared =
            stream.set_reliability_params(!open.ordered, open.reliability, open.reliability_parameter);
        if acknowledged.is_ok() && prepared.is_ok() {
            self.open.push(ChannelId(id));
            self.events.push_back(open.into_event(ChannelId(id)));
        }
    }
}
