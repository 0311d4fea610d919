//! One peer's transport: ICE, DTLS, SRTP and SCTP behind one set of verbs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::data::Data;
use crate::dtls::{Dtls, DtlsEvent, KeyingMaterial, RtcDtlsServer};
use crate::ice::Ice;
use crate::srtp::Srtp;
use crate::{
    ChannelId, CloseReason, Config, DatagramKind, DropReason, Event, LocalIce, Received, RemoteParameters,
    SealError, SendDataError, Transmit, classify,
};

/// From `Session::new` to the connection. At 300 ms and 20 % loss a handshake takes under 10 s.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);

/// Consent lasts this long from the last authenticated packet (RFC 7675 section 5.1).
const CONSENT_LIFETIME: Duration = Duration::from_secs(30);

/// Datagrams waiting for `poll_transmit`. A driver that polls after every call never has more than SCTP's congestion
/// window; beyond this the oldest goes, as on a full socket.
const TRANSMITS_MAX: usize = 1024;

/// The transport of one peer. See the crate's page for the run loop contract.
pub struct Session {
    config: Arc<Config>,
    state: State,
    ice: Ice,
    dtls: Box<dyn Dtls>,
    /// Once connected, unless DTLS negotiated no SRTP.
    srtp: Option<Box<Srtp>>,
    /// From the first SCTP packet on.
    data: Option<Box<Data>>,
    /// Something was given to `data` since it was last driven.
    data_waits: bool,
    /// When something authenticated last came; written per packet, so no timer hangs on it directly.
    heard_at: Instant,
    /// The handshake's deadline; once connected, when to look at `heard_at` next.
    deadline: Instant,
    timeout: Option<(Instant, &'static str)>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    Closed,
}

impl Session {
    /// A session that waits for the peer's first check; it has 30 s to connect.
    #[must_use]
    pub fn new(config: Arc<Config>, local: LocalIce, remote: RemoteParameters, now: Instant) -> Self {
        tracing::debug!(local_ufrag = local.ufrag, remote_ufrag = remote.ice_ufrag, "session begins");
        let dtls = Box::new(RtcDtlsServer::new(config.clone(), remote.fingerprint));
        let mut session = Self {
            config,
            state: State::Connecting,
            ice: Ice::new(local),
            dtls,
            srtp: None,
            data: None,
            data_waits: false,
            heard_at: now,
            deadline: now + HANDSHAKE_DEADLINE,
            timeout: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        session.refresh_timeout();
        session
    }

    /// New ICE credentials (RFC 8445 section 9). The old ones stay valid until the first check with the new ones, and
    /// so do the addresses validated so far: media and data go on meanwhile. `remote_ufrag` is for the log.
    pub fn restart_ice(&mut self, now: Instant, local: LocalIce, remote_ufrag: String) {
        tracing::debug!(local_ufrag = local.ufrag, remote_ufrag, "ICE restarts");
        self.ice.restart(local);
        self.heard_at = self.heard_at.max(now);
    }

    /// Takes one datagram, decrypting media in place.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        if self.state == State::Closed {
            return Received::Dropped(DropReason::Closed);
        }
        let result = match classify(datagram) {
            DatagramKind::Rtp => match self.open_rtp(now, source, datagram) {
                Ok(length) => return Received::Rtp(&mut datagram[..length]),
                Err(reason) => Err(reason),
            },
            DatagramKind::Rtcp => match self.open_rtcp(now, source, datagram) {
                Ok(length) => return Received::Rtcp(&datagram[..length]),
                Err(reason) => Err(reason),
            },
            DatagramKind::Stun => self.handle_stun(now, source, datagram),
            DatagramKind::Dtls => self.handle_dtls(now, source, datagram),
            DatagramKind::Unknown => Err(DropReason::UnknownKind),
        };
        result.map_or_else(Received::Dropped, |()| Received::Nothing)
    }

    /// Seals `packet[..length]`, a plaintext RTP packet, in place for this peer and returns the sealed length. The
    /// buffer needs `SRTP_OVERHEAD_MAX` bytes behind the packet.
    ///
    /// `roc` is the upper half of the packet's 48-bit index (RFC 3711 section 3.3.1); the caller counts it per SSRC.
    /// Never seal two different packets under one (SSRC, `roc`, sequence number): with GCM that gives the key away.
    ///
    /// # Errors
    /// [`SealError::NoKeys`] before `Connected`; the others mean a caller's mistake.
    pub fn seal_rtp(&mut self, roc: u32, packet: &mut [u8], length: usize) -> Result<usize, SealError> {
        self.srtp.as_mut().ok_or(SealError::NoKeys)?.seal_rtp(roc, packet, length)
    }

    /// Seals a plaintext compound RTCP packet in place; it grows by up to `SRTCP_OVERHEAD_MAX` bytes.
    ///
    /// # Errors
    /// [`SealError::NoKeys`] before `Connected`; [`SealError::Malformed`] when shorter than an RTCP header.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SealError> {
        self.srtp.as_mut().ok_or(SealError::NoKeys)?.seal_rtcp(packet)
    }

    /// Queues a message on an open channel.
    ///
    /// # Errors
    /// [`SendDataError::Full`] when 1 MiB waits for the peer's acknowledgement: nothing of the message is queued.
    pub fn send_data(
        &mut self,
        now: Instant,
        channel: ChannelId,
        binary: bool,
        payload: &[u8],
    ) -> Result<(), SendDataError> {
        let data = self.data.as_mut().ok_or(SendDataError::NotOpen)?;
        data.send(now, channel, binary, payload)?;
        self.data_waits = true;
        Ok(())
    }

    /// Closes a data channel; `ChannelClosed` follows. Nothing happens when it is not open.
    pub fn close_channel(&mut self, now: Instant, channel: ChannelId) {
        if let Some(data) = &mut self.data {
            data.close_channel(now, channel);
            self.data_waits = true;
        }
    }

    /// The next datagram to send that is not media: STUN answers, DTLS, SCTP in DTLS.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if self.data_waits {
            self.drive_data(now);
            self.refresh_timeout();
        }
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `handle_timeout`, and what for. Cached: costs nothing to ask.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timeout
    }

    /// Does what is due at `now`; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        self.dtls.handle_timeout(now);
        self.drain_dtls(now);
        if let Some(data) = &mut self.data
            && data.poll_timeout().is_some_and(|at| at <= now)
        {
            data.handle_timeout(now);
            self.drive_data(now);
        }
        if self.deadline <= now {
            self.handle_deadline(now);
        }
        self.refresh_timeout();
    }

    /// Where media goes: the address the peer nominated last, else the first it sent a valid check from.
    #[must_use]
    pub fn destination(&self) -> Option<SocketAddr> {
        self.ice.destination()
    }

    /// Whether DTLS is established and the session is not closed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Ends the session: queues a close_notify and `Closed`. Poll transmits and events once more, then drop it.
    pub fn close(&mut self, now: Instant) {
        self.finish(now, CloseReason::Local);
    }

    fn open_rtp(&mut self, now: Instant, source: SocketAddr, packet: &mut [u8]) -> Result<usize, DropReason> {
        let srtp = validated_srtp(&self.ice, &mut self.srtp, source)?;
        let length = srtp.open_rtp(now, packet)?;
        self.heard(now, source);
        Ok(length)
    }

    fn open_rtcp(
        &mut self,
        now: Instant,
        source: SocketAddr,
        packet: &mut [u8],
    ) -> Result<usize, DropReason> {
        let srtp = validated_srtp(&self.ice, &mut self.srtp, source)?;
        let length = srtp.open_rtcp(now, packet)?;
        self.heard(now, source);
        Ok(length)
    }

    fn handle_stun(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Result<(), DropReason> {
        let before = self.ice.destination();
        let checked = self.ice.handle(now, source, datagram);
        if let Some(payload) = checked.answer {
            self.transmit(source, payload);
        }
        checked.result?;
        self.heard_at = now;
        if let (Some(from), Some(to)) = (before, self.ice.destination())
            && from != to
        {
            tracing::debug!(%from, %to, "the peer moved");
            self.events.push_back(Event::AddressChanged { from, to });
        }
        Ok(())
    }

    fn handle_dtls(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Result<(), DropReason> {
        if !self.ice.is_validated(source) {
            return Err(DropReason::UnvalidatedAddress);
        }
        self.dtls.handle(now, datagram)?;
        self.drain_dtls_from(now, Some(source));
        self.refresh_timeout();
        Ok(())
    }

    fn drain_dtls(&mut self, now: Instant) {
        self.drain_dtls_from(now, None);
    }

    /// Takes what DTLS has to say. Records that decrypt prove the peer lives at `source`.
    fn drain_dtls_from(&mut self, now: Instant, source: Option<SocketAddr>) {
        while let Some(event) = self.dtls.poll_event() {
            if let Some(source) = source {
                self.heard(now, source);
            }
            match event {
                DtlsEvent::Connected(material) => self.connect(now, material.as_ref()),
                DtlsEvent::Data(packet) => {
                    let config = &self.config;
                    self.data.get_or_insert_with(|| Box::new(Data::new(config))).handle(now, packet);
                    self.data_waits = true;
                }
                DtlsEvent::Closed(reason) => self.finish(now, reason),
            }
        }
        if self.data_waits && self.state == State::Connected {
            self.drive_data(now);
        }
        self.flush_dtls();
    }

    fn connect(&mut self, now: Instant, material: Option<&KeyingMaterial>) {
        if let Some(material) = material {
            match Srtp::new(material, self.config.provider.crypto()) {
                Ok(srtp) => self.srtp = Some(Box::new(srtp)),
                Err(error) => return self.finish(now, CloseReason::Dtls(error.to_string())),
            }
        }
        self.state = State::Connected;
        self.deadline = now + CONSENT_LIFETIME;
        let profile = material.map(|material| material.profile);
        tracing::debug!(profile = profile.map(crate::SrtpProfile::as_str), "connected");
        self.events.push_back(Event::Connected { profile });
    }

    fn drive_data(&mut self, now: Instant) {
        self.data_waits = false;
        let Some(data) = &mut self.data else { return };
        let mut packets = Vec::new();
        data.drive(now, &mut packets);
        self.events.extend(std::iter::from_fn(|| data.poll_event()));
        for packet in packets {
            self.dtls.send(now, &packet);
        }
        self.flush_dtls();
    }

    /// DTLS goes where media goes, not where it came from: the answer follows a peer that has moved meanwhile.
    fn flush_dtls(&mut self) {
        while let Some(payload) = self.dtls.poll_transmit() {
            if let Some(destination) = self.ice.destination() {
                self.transmit(destination, payload);
            }
        }
    }

    fn transmit(&mut self, destination: SocketAddr, payload: Bytes) {
        if self.transmits.len() == TRANSMITS_MAX {
            self.transmits.pop_front();
        }
        self.transmits.push_back(Transmit { destination, payload });
    }

    fn heard(&mut self, now: Instant, source: SocketAddr) {
        self.heard_at = now;
        self.ice.heard(now, source);
    }

    fn handle_deadline(&mut self, now: Instant) {
        match self.state {
            State::Connecting => self.finish(now, CloseReason::HandshakeTimeout),
            State::Connected if self.heard_at + CONSENT_LIFETIME <= now => {
                self.finish(now, CloseReason::ConsentExpired);
            }
            State::Connected => self.deadline = self.heard_at + CONSENT_LIFETIME,
            State::Closed => {}
        }
    }

    fn finish(&mut self, now: Instant, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        tracing::debug!(reason = reason.as_str(), "session ends");
        self.dtls.close(now);
        self.flush_dtls();
        self.state = State::Closed;
        self.srtp = None;
        self.data = None;
        self.data_waits = false;
        self.timeout = None;
        self.events.push_back(Event::Closed { reason });
    }

    fn refresh_timeout(&mut self) {
        let deadline = match self.state {
            State::Connecting => (self.deadline, "handshake deadline"),
            State::Connected => (self.deadline, "consent"),
            State::Closed => return self.timeout = None,
        };
        let flight = self.dtls.poll_timeout().map(|at| (at, "DTLS flight"));
        let sctp = self.data.as_ref().and_then(|data| data.poll_timeout()).map(|at| (at, "SCTP"));
        self.timeout = [Some(deadline), flight, sctp].into_iter().flatten().min_by_key(|(at, _)| *at);
    }
}

fn validated_srtp<'a>(
    ice: &Ice,
    srtp: &'a mut Option<Box<Srtp>>,
    source: SocketAddr,
) -> Result<&'a mut Srtp, DropReason> {
    if !ice.is_validated(source) {
        return Err(DropReason::UnvalidatedAddress);
    }
    srtp.as_deref_mut().ok_or(DropReason::NoKeys)
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("timeout", &self.timeout)
            .field("destination", &self.ice.destination())
            .finish_non_exhaustive()
    }
}
