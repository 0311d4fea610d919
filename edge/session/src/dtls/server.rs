//! The server side of DTLS on `rtc-dtls`, with its traps shut.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::guard::{Content, Guard};
use super::hello::{Assembler, ClientHello, Progress};
use super::{Dtls, DtlsEvent, KeyingMaterial};
use crate::fence::fence;
use crate::{CloseReason, Config, DropReason, Fingerprint, SrtpProfile};

/// `rtc-dtls` tells connections apart by address. Ours outlives addresses, so it has a constant one.
const KEY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// First wait before our last flight is sent again, as short as Chromium's own; it doubles each time.
const RESEND_FIRST: Duration = Duration::from_millis(60);

/// The wait doubles up to this.
const RESEND_LONGEST: Duration = Duration::from_secs(2);

/// Longer than any handshake lives: the timer of `rtc-dtls` must never fire. It forgets the timer on any handshake
/// record, repeats included, so it cannot be relied upon, and where it does fire it gives up after 7 times.
const CRATE_TIMER_OFF: Duration = Duration::from_secs(3600);

/// RFC 5764 section 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The server side of one connection.
pub(crate) struct RtcDtlsServer {
    config: Arc<Config>,
    fingerprint: Fingerprint,
    guard: Guard,
    assembler: Assembler,
    /// Built when the first ClientHello is whole; gone when the connection is over, because a closed `Endpoint` would
    /// begin a new handshake with whatever comes.
    endpoint: Option<Endpoint>,
    state: State,
    /// What we sent last, until the handshake is done: at most one flight.
    flight: Vec<Bytes>,
    resend_at: Option<Instant>,
    resend_after: Duration,
    transmits: VecDeque<Bytes>,
    events: VecDeque<DtlsEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Handshake,
    Connected,
    Closed,
}

impl RtcDtlsServer {
    pub(crate) fn new(config: Arc<Config>, fingerprint: Fingerprint) -> Self {
        Self {
            config,
            fingerprint,
            guard: Guard::default(),
            assembler: Assembler::default(),
            endpoint: None,
            state: State::Handshake,
            flight: Vec::new(),
            resend_at: None,
            resend_after: RESEND_FIRST,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn client_hello(&mut self, now: Instant, hello: ClientHello) {
        if self.endpoint.is_none() {
            match self.handshake_config(&hello.srtp_profiles) {
                Ok(config) => {
                    self.endpoint = Some(Endpoint::new(KEY, TransportProtocol::UDP, Some(Arc::new(config))));
                }
                Err(error) => return self.fail(CloseReason::Dtls(error.to_string())),
            }
        }
        self.read(now, hello.records);
    }

    /// GCM alone to a client that lists it: a server that lists both gets the slow one, for the client's order wins.
    fn handshake_config(&self, offered: &[u16]) -> Result<HandshakeConfig, Error> {
        let gcm = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
        let profiles = match offered {
            [] => vec![],
            _ if offered.contains(&(gcm as u16)) => vec![gcm],
            _ => vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80],
        };
        let fingerprint = self.fingerprint.clone();
        ConfigBuilder::default()
            .with_crypto_provider(self.config.provider.clone())
            .with_certificates(vec![self.config.certificate.clone()])
            .with_srtp_protection_profiles(profiles)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // No chain to verify: the fingerprint from the SDP is the trust (RFC 8827 section 6.5).
            .with_insecure_skip_verify(true)
            // `rtc-dtls` does not check the client's Finished. With the extended master secret a changed transcript
            // makes other keys, and its Finished does not decrypt.
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(CRATE_TIMER_OFF)
            .with_verify_peer_certificate(Some(Arc::new(move |chain, _| match chain.first() {
                Some(certificate) if fingerprint.matches(certificate) => Ok(()),
                _ => Err(Error::ErrNoMatchingCertificateFingerprint),
            })))
            .build(false, None)
    }

    fn read(&mut self, now: Instant, records: BytesMut) {
        let Some(endpoint) = &mut self.endpoint else { return };
        let Some(result) = fence("DTLS", || endpoint.read(now, KEY, None, records)) else {
            return self.fail(CloseReason::Dtls("a record could not be read".to_owned()));
        };
        self.flush(now);
        match result {
            Ok(events) => events.into_iter().for_each(|event| self.event(event)),
            // A warning of the peer's comes back as an error of this form and ends nothing.
            Err(Error::Other(text))
                if self.state == State::Connected && text.starts_with("Error of Alert") =>
            {
                tracing::debug!(alert = text, "DTLS warning");
            }
            Err(Error::ErrNoMatchingCertificateFingerprint) => self.fail(CloseReason::FingerprintMismatch),
            Err(error) => self.fail(CloseReason::Dtls(error.to_string())),
        }
    }

    fn event(&mut self, event: EndpointEvent) {
        match event {
            EndpointEvent::HandshakeComplete => self.connected(),
            EndpointEvent::ApplicationData(data) => self.events.push_back(DtlsEvent::Data(data.freeze())),
            EndpointEvent::PeerClosed => self.fail(CloseReason::Peer),
            _ => {}
        }
    }

    fn connected(&mut self) {
        self.state = State::Connected;
        self.flight = Vec::new();
        self.resend_at = None;
        match self.export() {
            Ok(keys) => self.events.push_back(DtlsEvent::Connected(keys)),
            Err(error) => self.fail(CloseReason::Dtls(error.to_string())),
        }
    }

    fn export(&self) -> Result<Option<KeyingMaterial>, Error> {
        let state = self.endpoint.as_ref().and_then(|endpoint| endpoint.get_connection_state(KEY));
        let state = state.ok_or(Error::HandshakeInProgress)?;
        // The callback has seen to it; the keys depend on it, so it is looked at once more where they are made.
        if !state.peer_certificates.first().is_some_and(|certificate| self.fingerprint.matches(certificate)) {
            return Err(Error::ErrNoMatchingCertificateFingerprint);
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::Aes128CmSha1_80,
            _ => return Ok(None),
        };
        let bytes = state.export_keying_material(EXPORTER_LABEL, &[], profile.keying_material_length())?;
        Ok(Some(KeyingMaterial { profile, bytes }))
    }

    /// Moves what the endpoint wants to send; during the handshake that is a flight to keep.
    fn flush(&mut self, now: Instant) {
        let Some(endpoint) = &mut self.endpoint else { return };
        let burst: Vec<Bytes> = std::iter::from_fn(|| endpoint.poll_transmit())
            .map(|transmit| transmit.message.freeze())
            .collect();
        if self.state == State::Handshake && !burst.is_empty() {
            self.flight.clone_from(&burst);
            self.resend_after = RESEND_FIRST;
            self.resend_at = Some(now + RESEND_FIRST);
        }
        self.transmits.extend(burst);
    }

    fn fail(&mut self, reason: CloseReason) {
        self.shut();
        self.events.push_back(DtlsEvent::Closed(reason));
    }

    fn shut(&mut self) {
        self.state = State::Closed;
        self.endpoint = None;
        self.flight = Vec::new();
        self.resend_at = None;
    }
}

impl Dtls for RtcDtlsServer {
    fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DropReason> {
        if self.state == State::Closed {
            return Err(DropReason::Closed);
        }
        match self.guard.inspect(datagram, self.state == State::Connected)? {
            Content::ClientHello(fragments) => match self.assembler.add(datagram, &fragments) {
                Progress::Complete(hello) => self.client_hello(now, hello),
                Progress::Incomplete => {}
                Progress::Repeat => return Err(DropReason::HandshakeRepeat),
            },
            Content::Records if self.endpoint.is_none() => return Err(DropReason::Malformed),
            Content::Records => self.read(now, BytesMut::from(datagram)),
        }
        Ok(())
    }

    fn send(&mut self, now: Instant, payload: &[u8]) {
        if self.state == State::Connected
            && let Some(endpoint) = &mut self.endpoint
            && let Err(error) = endpoint.write(now, KEY, payload)
        {
            tracing::debug!(%error, "DTLS record not sent");
        }
        self.flush(now);
    }

    fn close(&mut self, now: Instant) {
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.stop(now, KEY);
        }
        self.flush(now);
        self.shut();
    }

    fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.resend_at
    }

    /// The same bytes again, record numbers included: whoever has them drops them as replays, so a repeat that crosses
    /// the peer's next flight disturbs nobody's timer. Each of our flights is one datagram, so none arrives in part.
    fn handle_timeout(&mut self, now: Instant) {
        if self.resend_at.is_some_and(|at| at <= now) {
            self.transmits.extend(self.flight.iter().cloned());
            self.resend_after = (self.resend_after * 2).min(RESEND_LONGEST);
            self.resend_at = Some(now + self.resend_after);
        }
    }
}
