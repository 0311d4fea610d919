//! The peer: what a browser does on the wire, from the client's side.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ring::{digest, hmac};
use rtc_dtls::config::{ConfigBuilder, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_sctp::{
    Association, AssociationHandle, DatagramEvent, Event, Payload, PayloadProtocolIdentifier, StreamEvent,
};
use rtc_shared::TransportProtocol;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

pub(crate) struct Options {
    pub(crate) profiles: Vec<SrtpProtectionProfile>,
    pub(crate) mtu: usize,
}

impl Default for Options {
    /// What Chromium offers, in its order.
    fn default() -> Self {
        let profiles = vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ];
        Self { profiles, mtu: 1200 }
    }
}

pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) use_candidate: bool,
    pub(crate) fingerprint: String,
    pub(crate) outbox: VecDeque<Vec<u8>>,
    /// STUN answers, as they came.
    pub(crate) answers: Vec<Vec<u8>>,
    pub(crate) profile: Option<SrtpProtectionProfile>,
    pub(crate) is_closed: bool,
    /// Complete messages: stream, binary, payload.
    pub(crate) messages: Vec<(u16, bool, Vec<u8>)>,
    pub(crate) opened: Vec<u16>,
    pub(crate) reset: Vec<u16>,
    config: Arc<HandshakeConfig>,
    dtls: Endpoint,
    dtls_began: bool,
    is_connected: bool,
    next_check: Option<Instant>,
    sealer: Option<Context>,
    opener: Option<Context>,
    sctp: Option<Sctp>,
    /// The last DATA packet sent.
    last_data: Vec<u8>,
}

pub(crate) struct Sctp {
    endpoint: rtc_sctp::Endpoint,
    handle: AssociationHandle,
    association: Association,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, username: String, password: String, options: &Options) -> Self {
        let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
        let certificate =
            Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto()).expect("P-256");
        let hash = digest::digest(&digest::SHA256, &certificate.certificate[0]);
        let hex: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(options.profiles.clone())
            .with_insecure_skip_verify(true)
            .with_mtu(options.mtu)
            .with_server_name("server".to_owned())
            .build(true, None)
            .expect("a sound configuration");
        Self {
            address,
            username,
            password,
            use_candidate: true,
            fingerprint: format!("sha-256 {}", hex.join(":")),
            outbox: VecDeque::new(),
            answers: Vec::new(),
            profile: None,
            is_closed: false,
            messages: Vec::new(),
            opened: Vec::new(),
            reset: Vec::new(),
            config: Arc::new(config),
            dtls: Endpoint::new(SERVER, TransportProtocol::UDP, None),
            dtls_began: false,
            is_connected: false,
            next_check: None,
            sealer: None,
            opener: None,
            sctp: None,
            last_data: Vec::new(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.next_check = Some(now);
    }

    pub(crate) fn stop_checks(&mut self) {
        self.next_check = None;
    }

    pub(crate) fn check_now(&mut self) {
        let check = check(&self.username, &self.password, self.use_candidate);
        self.outbox.push_back(check);
    }

    pub(crate) fn handle(&mut self, now: Instant, datagram: &[u8]) {
        if datagram[0] < 4 {
            self.answers.push(datagram.to_vec());
            if datagram[..2] == [1, 1] && !self.dtls_began {
                self.dtls_began = true;
                self.dtls.connect(now, SERVER, self.config.clone(), None).expect("a sound address");
            }
        } else {
            self.handle_dtls(now, datagram);
        }
        self.flush(now);
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) {
        if !self.dtls_began || self.is_closed {
            return;
        }
        match self.dtls.read(now, SERVER, None, BytesMut::from(datagram)) {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => self.connected(),
                        EndpointEvent::ApplicationData(data) => self.handle_sctp(now, data.freeze()),
                        EndpointEvent::PeerClosed => self.is_closed = true,
                        _ => {}
                    }
                }
            }
            Err(_) => self.is_closed = true,
        }
    }

    fn connected(&mut self) {
        self.is_connected = true;
        let state = self.dtls.get_connection_state(SERVER).expect("just connected");
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => ProtectionProfile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            _ => return,
        };
        self.profile = Some(state.srtp_protection_profile());
        let mut config = rtc_srtp::config::Config { profile, ..Default::default() };
        let length = config.keying_material_len();
        let label = rtc_srtp::config::LABEL_EXTRACTOR_DTLS_SRTP;
        let material = state.export_keying_material(label, &[], length).expect("connected");
        config.set_session_keys_from_keying_material(material.as_ref(), true).expect("the right length");
        let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
        let context = |key: &[u8], salt: &[u8]| {
            Context::new(key, salt, profile, None, None, provider.crypto()).expect("keys of the right length")
        };
        self.sealer = Some(context(&config.keys.local_master_key, &config.keys.local_master_salt));
        self.opener = Some(context(&config.keys.remote_master_key, &config.keys.remote_master_salt));
    }

    /// What seals for the session.
    pub(crate) fn sealer(&mut self) -> &mut Context {
        self.sealer.as_mut().expect("connected")
    }

    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.sealer().encrypt_rtp(packet).expect("well formed").to_vec()
    }

    pub(crate) fn open_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.opener.as_mut().expect("connected").decrypt_rtp(packet).expect("genuine").to_vec()
    }

    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.sealer().encrypt_rtcp(packet).expect("well formed").to_vec()
    }

    pub(crate) fn open_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.opener.as_mut().expect("connected").decrypt_rtcp(packet).expect("genuine").to_vec()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let sctp = self.sctp.as_ref().and_then(|sctp| sctp.association.poll_timeout());
        [self.next_check, self.dtls.poll_timeout(&SERVER), sctp].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.next_check.is_some_and(|at| at <= now) {
            self.check_now();
            let pace = if self.dtls_began { 1000 } else { 50 };
            self.next_check = Some(now + Duration::from_millis(pace));
        }
        let _ = self.dtls.handle_timeout(SERVER, now);
        if let Some(sctp) = &mut self.sctp {
            sctp.association.handle_timeout(now);
        }
        self.flush(now);
    }

    pub(crate) fn close(&mut self, now: Instant) {
        self.dtls.stop(now, SERVER);
        self.flush(now);
    }

    /// Sends anything as a DTLS record, as a peer with bad intent would.
    pub(crate) fn send_record(&mut self, now: Instant, payload: &[u8]) {
        self.dtls.write(now, SERVER, payload).expect("connected");
        self.flush(now);
    }

    pub(crate) fn start_sctp(&mut self, now: Instant) {
        let config = Arc::new(rtc_sctp::EndpointConfig::new());
        let mut endpoint = rtc_sctp::Endpoint::new(SERVER, TransportProtocol::UDP, config, None);
        let (handle, association) =
            endpoint.connect(now, rtc_sctp::ClientConfig::default(), SERVER).expect("a first association");
        self.sctp = Some(Sctp { endpoint, handle, association });
        self.flush(now);
    }

    /// A forged SCTP packet of the live association around any chunks.
    pub(crate) fn sctp_packet(&self, chunks: &[u8]) -> Vec<u8> {
        let mut packet = [&self.last_data[..8], &[0; 4], chunks].concat();
        let checksum = crc32c(&packet).to_le_bytes();
        packet[8..12].copy_from_slice(&checksum);
        packet
    }

    /// TSN of the last DATA chunk sent.
    pub(crate) fn last_tsn(&self) -> u32 {
        u32::from_be_bytes([self.last_data[16], self.last_data[17], self.last_data[18], self.last_data[19]])
    }

    pub(crate) fn is_sctp_up(&self) -> bool {
        self.sctp.as_ref().is_some_and(|sctp| !sctp.association.is_handshaking())
    }

    /// DCEP OPEN with a channel type and reliability parameter of RFC 8832 section 5.1.
    pub(crate) fn open_channel(&mut self, now: Instant, id: u16, label: &str, kind: u8, parameter: u32) {
        let association = &mut self.sctp.as_mut().expect("SCTP is up").association;
        let mut stream =
            association.open_stream(id, PayloadProtocolIdentifier::Binary).expect("a fresh stream");
        let mut open = vec![3, kind, 0, 0];
        open.extend_from_slice(&parameter.to_be_bytes());
        open.extend_from_slice(&(label.len() as u16).to_be_bytes());
        open.extend_from_slice(&[0, 0]);
        open.extend_from_slice(label.as_bytes());
        stream.write_with_ppi(now, &open, PayloadProtocolIdentifier::Dcep).expect("an open stream");
        self.flush(now);
    }

    pub(crate) fn send(&mut self, now: Instant, id: u16, binary: bool, payload: &[u8]) {
        let association = &mut self.sctp.as_mut().expect("SCTP is up").association;
        let kind = if binary { PayloadProtocolIdentifier::Binary } else { PayloadProtocolIdentifier::String };
        association
            .stream(id)
            .and_then(|mut stream| stream.write_with_ppi(now, payload, kind))
            .expect("an open stream");
        self.flush(now);
    }

    pub(crate) fn close_channel(&mut self, now: Instant, id: u16) {
        let association = &mut self.sctp.as_mut().expect("SCTP is up").association;
        association.stream(id).and_then(|mut stream| stream.close(now)).expect("an open stream");
        self.flush(now);
    }

    fn handle_sctp(&mut self, now: Instant, packet: Bytes) {
        let Some(sctp) = &mut self.sctp else { return };
        if let Some((handle, DatagramEvent::AssociationEvent(event))) =
            sctp.endpoint.handle(now, SERVER, None, packet)
        {
            assert_eq!(handle, sctp.handle);
            sctp.association.handle_event(event);
        }
        while let Some(event) = sctp.association.poll() {
            match event {
                Event::Stream(StreamEvent::Readable { id }) => {
                    while let Ok(Some(chunks)) =
                        sctp.association.stream(id).and_then(|mut stream| stream.read_sctp())
                    {
                        let payload = chunks.to_payload(usize::MAX).expect("no limit").to_vec();
                        match chunks.ppi {
                            PayloadProtocolIdentifier::Dcep if payload == [2] => self.opened.push(id),
                            PayloadProtocolIdentifier::Binary => self.messages.push((id, true, payload)),
                            PayloadProtocolIdentifier::String => self.messages.push((id, false, payload)),
                            PayloadProtocolIdentifier::StringEmpty => self.messages.push((id, false, vec![])),
                            other => panic!("unexpected {other}: {payload:?}"),
                        }
                    }
                }
                Event::AssociationLost { id, .. } => self.reset.push(id),
                _ => {}
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Some(sctp) = &mut self.sctp {
            while let Some(transmit) = sctp.association.poll_transmit(now) {
                let Payload::RawEncode(packets) = transmit.message else { continue };
                for packet in packets {
                    if packet[12] == 0 {
                        self.last_data = packet.to_vec();
                    }
                    let _ = self.dtls.write(now, SERVER, &packet);
                }
            }
        }
        while let Some(transmit) = self.dtls.poll_transmit() {
            self.outbox.push_back(transmit.message.to_vec());
        }
    }
}

/// A connectivity check. The transaction id is constant: nobody here matches answers to requests.
pub(crate) fn check(username: &str, password: &str, use_candidate: bool) -> Vec<u8> {
    let mut attributes: Vec<(u16, Vec<u8>)> = vec![
        (0x0006, username.as_bytes().to_vec()),
        (0xC057, vec![0, 1, 0, 10]),
        (0x802A, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (0x0024, vec![0x6E, 0x7F, 0x1E, 0xFF]),
    ];
    if use_candidate {
        attributes.push((0x0025, vec![]));
    }
    signed_request(&attributes, password)
}

/// A binding request with these attributes and MESSAGE-INTEGRITY behind them.
pub(crate) fn signed_request(attributes: &[(u16, Vec<u8>)], password: &str) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    for (kind, value) in attributes {
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&(value.len() as u16).to_be_bytes());
        message.extend_from_slice(value);
        message.resize(message.len().next_multiple_of(4), 0);
    }
    let length = (message.len() - 20 + 24) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &message);
    message.extend_from_slice(&[0, 8, 0, 20]);
    message.extend_from_slice(tag.as_ref());
    message
}

/// RFC 9260 appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 },
        )
    })
}
