//! One participant: a stock peer connection and its signalling.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Say;
use livekit_protocol::signal_response::Message as Hear;
use parking_lot::Mutex;
use prost::Message as _;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
    RTCSessionDescription, Registry, SettingEngineBuilder, configure_simulcast_extension_headers,
    register_default_interceptors,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

use crate::media::{AUDIO_FRAME, Layer, Packetizer};
use crate::tally::Tally;
use crate::{Impairment, signal};

const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Happenings that wait for whoever listens; the oldest client code may ignore them, so the newest are dropped.
const HAPPENINGS_MAX: usize = 4_096;
const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// How to join.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Base URL of the server.
    pub url: String,
    pub token: String,
    pub auto_subscribe: bool,
    /// Loss share both ways and the seed of its dice: media goes through an [`Impairment`].
    pub impairment: Option<(f64, u64)>,
    /// Arriving packets are also given here: (track sid, packet).
    pub packets: Option<mpsc::UnboundedSender<(String, rtp::Packet)>>,
}

/// A track as the server announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    pub sid: String,
    pub identity: String,
    pub is_video: bool,
    pub muted: bool,
    pub layers: usize,
}

/// What a client notices.
#[derive(Clone, Debug)]
pub enum Happening {
    Connected,
    /// Media or signalling is gone.
    Disconnected(String),
    /// Identities and states of changed participants: `true` while they are there.
    Participants(Vec<(String, bool, BTreeMap<String, String>)>),
    Data { from: String, topic: Option<String>, payload: Vec<u8> },
    Speakers(Vec<(String, f32)>),
    /// Qualities of the own track that somebody watches: (track sid, [low, medium, high]).
    Watched(String, [bool; 3]),
    Left { reason: i32, action: i32 },
}

/// Arriving media of one track.
#[derive(Clone, Debug)]
pub struct Received {
    pub tally: Tally,
    pub is_video: bool,
    pub first_packet: Instant,
    pub last_packet: Instant,
}

/// A joined participant. Dropping it leaves.
pub struct Client {
    pub sid: String,
    pub identity: String,
    pub joined_in: Duration,
    state: Arc<State>,
    say: mpsc::Sender<Say>,
    wake: mpsc::Sender<Work>,
    happenings: mpsc::Receiver<Happening>,
}

struct State {
    received: Mutex<BTreeMap<String, Received>>,
    tracks: Mutex<BTreeMap<String, Track>>,
    impairment: Mutex<Option<Arc<Impairment>>>,
    published: Mutex<BTreeMap<String, String>>,
    reliable: Mutex<Option<Arc<dyn DataChannel>>>,
    happenings: mpsc::Sender<Happening>,
    packets: Option<mpsc::UnboundedSender<(String, rtp::Packet)>>,
    began: Instant,
}

enum Work {
    Publish { cid: String, request: Box<proto::AddTrackRequest>, track: Arc<TrackLocalStaticRTP>, sender: tokio::sync::oneshot::Sender<Arc<dyn RtpTransceiver>> },
    Close,
}

impl Client {
    /// Joins and waits for the server's word; media connects after it ([`Happening::Connected`]).
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn join(config: ClientConfig) -> anyhow::Result<Self> {
        let began = Instant::now();
        let request = proto::JoinRequest {
            client_info: Some(proto::ClientInfo {
                sdk: proto::client_info::Sdk::Rust as i32,
                protocol: 16,
                version: "1.0.0".into(),
                ..proto::ClientInfo::default()
            }),
            connection_settings: Some(proto::ConnectionSettings {
                auto_subscribe: config.auto_subscribe,
                ..proto::ConnectionSettings::default()
            }),
            ..proto::JoinRequest::default()
        };
        let mut signal = signal::connect(&config.url, &config.token, request).await?;
        let first = tokio::time::timeout(Duration::from_secs(10), signal.receiver.recv()).await;
        let join = match first.context("no answer to the join")? {
            Some(Hear::Join(join)) => join,
            Some(Hear::Leave(leave)) => anyhow::bail!("the server refused: reason {}", leave.reason),
            other => anyhow::bail!("the first message is not a join: {other:?}"),
        };
        let joined_in = began.elapsed();
        let participant = join.participant.unwrap_or_default();
        let (happenings, receiver) = mpsc::channel(HAPPENINGS_MAX);
        let state = Arc::new(State {
            received: Mutex::default(),
            tracks: Mutex::default(),
            impairment: Mutex::default(),
            published: Mutex::default(),
            reliable: Mutex::default(),
            happenings,
            packets: config.packets.clone(),
            began,
        });
        state.learn(&join.other_participants);
        let pc = peer_connection(&state).await?;
        let (wake, work) = mpsc::channel(64);
        let say = signal.sender.clone();
        let session = Session { config, state: Arc::clone(&state), signal, pc, work, offered: None, again: false, offer_id: 0, say_offer: true };
        tokio::spawn(session.run());
        Ok(Self { sid: participant.sid, identity: participant.identity, joined_in, state, say, wake, happenings: receiver })
    }

    /// Next happening; `None` when the client has ended.
    pub async fn happening(&mut self) -> Option<Happening> {
        self.happenings.recv().await
    }

    /// Waits for a happening that `wanted` says yes to.
    ///
    /// # Errors
    /// It did not happen in time, or the client ended.
    pub async fn wait_for<T>(
        &mut self,
        timeout: Duration,
        mut wanted: impl FnMut(Happening) -> Option<T>,
    ) -> anyhow::Result<T> {
        let search = async {
            loop {
                let happening = self.happenings.recv().await.context("the client ended")?;
                if let Some(found) = wanted(happening) {
                    return anyhow::Ok(found);
                }
            }
        };
        tokio::time::timeout(timeout, search).await.context("it did not happen in time")?
    }

    /// # Errors
    /// Media did not connect in time.
    pub async fn connected(&mut self, timeout: Duration) -> anyhow::Result<()> {
        self.wait_for(timeout, |happening| matches!(happening, Happening::Connected).then_some(())).await
    }

    /// What has arrived, by track sid.
    #[must_use]
    pub fn received(&self) -> BTreeMap<String, Received> {
        self.state.received.lock().clone()
    }

    /// Tracks of others, by sid.
    #[must_use]
    pub fn tracks(&self) -> BTreeMap<String, Track> {
        self.state.tracks.lock().clone()
    }

    /// When the join began: first packets are measured from it.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.state.began
    }

    /// The relay, once media goes through it.
    #[must_use]
    pub fn impairment(&self) -> Option<Arc<Impairment>> {
        self.state.impairment.lock().clone()
    }

    /// Server's sid of a track published under `cid`.
    #[must_use]
    pub fn published(&self, cid: &str) -> Option<String> {
        self.state.published.lock().get(cid).cloned()
    }

    /// Says any signalling message.
    pub async fn say(&self, message: Say) {
        let _ = self.say.send(message).await;
    }

    /// Asks for at most this quality (0 low, 1 medium, 2 high) of a track, or for nothing.
    pub async fn want(&self, track_sid: &str, quality: Option<i32>) {
        self.say(Say::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![track_sid.to_owned()],
            disabled: quality.is_none(),
            quality: quality.unwrap_or(0),
            ..proto::UpdateTrackSettings::default()
        }))
        .await;
    }

    /// Sends application data on the reliable channel.
    ///
    /// # Errors
    /// The channel is not open (yet).
    #[expect(deprecated, reason = "the kind is still read by servers of protocol 16")]
    pub async fn send(&self, payload: &[u8], sequence: u32) -> anyhow::Result<()> {
        let channel = self.state.reliable.lock().clone().context("the reliable channel is not open")?;
        let packet = proto::DataPacket {
            kind: proto::data_packet::Kind::Reliable as i32,
            sequence,
            value: Some(proto::data_packet::Value::User(proto::UserPacket {
                payload: payload.to_vec(),
                ..proto::UserPacket::default()
            })),
            ..proto::DataPacket::default()
        };
        channel.send(BytesMut::from(&packet.encode_to_vec()[..])).await?;
        Ok(())
    }

    /// Publishes video in simulcast layers (one layer: no simulcast) at `fps` until the client ends.
    ///
    /// # Errors
    /// The client ended before the track was taken in.
    pub async fn publish_video(&self, cid: &str, layers: Vec<Layer>, fps: u32) -> anyhow::Result<()> {
        let simulcast = layers.len() > 1;
        let ssrcs: Vec<u32> = layers.iter().map(|_| rand::random()).collect();
        let encodings = layers
            .iter()
            .zip(&ssrcs)
            .map(|(layer, ssrc)| encoding(MIME_TYPE_VP8, 90_000, 0, *ssrc, if simulcast { &layer.rid } else { "" }))
            .collect();
        let top = layers.last().context("no layers")?;
        let request = proto::AddTrackRequest {
            cid: cid.to_owned(),
            name: cid.to_owned(),
            r#type: proto::TrackType::Video as i32,
            source: proto::TrackSource::Camera as i32,
            width: top.width,
            height: top.height,
            layers: layers
                .iter()
                .enumerate()
                .map(|(index, layer)| proto::VideoLayer {
                    quality: if simulcast { index as i32 } else { 2 },
                    width: layer.width,
                    height: layer.height,
                    rid: if simulcast { layer.rid.clone() } else { String::new() },
                    ..proto::VideoLayer::default()
                })
                .collect(),
            ..proto::AddTrackRequest::default()
        };
        let (track, transceiver) = self.publish(cid, request, RtpCodecKind::Video, encodings).await?;
        tokio::spawn(send_video(track, transceiver, layers, ssrcs, fps, simulcast));
        Ok(())
    }

    /// Publishes audio of about `bitrate_bps` until the client ends.
    ///
    /// # Errors
    /// The client ended before the track was taken in.
    pub async fn publish_audio(&self, cid: &str, bitrate_bps: u32) -> anyhow::Result<()> {
        let ssrc = rand::random();
        let encodings = vec![encoding(MIME_TYPE_OPUS, 48_000, 2, ssrc, "")];
        let request = proto::AddTrackRequest {
            cid: cid.to_owned(),
            name: cid.to_owned(),
            r#type: proto::TrackType::Audio as i32,
            source: proto::TrackSource::Microphone as i32,
            ..proto::AddTrackRequest::default()
        };
        let (track, transceiver) = self.publish(cid, request, RtpCodecKind::Audio, encodings).await?;
        tokio::spawn(send_audio(track, transceiver, ssrc, bitrate_bps));
        Ok(())
    }

    async fn publish(
        &self,
        cid: &str,
        request: proto::AddTrackRequest,
        kind: RtpCodecKind,
        encodings: Vec<RTCRtpEncodingParameters>,
    ) -> anyhow::Result<(Arc<TrackLocalStaticRTP>, Arc<dyn RtpTransceiver>)> {
        let track = MediaStreamTrack::new(self.sid.clone(), cid.to_owned(), cid.to_owned(), kind, encodings);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let (sender, taken) = tokio::sync::oneshot::channel();
        let work = Work::Publish { cid: cid.to_owned(), request: Box::new(request), track: Arc::clone(&track), sender };
        self.wake.send(work).await.ok().context("the client ended")?;
        Ok((track, taken.await.context("the client ended")?))
    }

    /// Leaves in an orderly way.
    pub async fn leave(self) {
        self.say(Say::Leave(proto::LeaveRequest::default())).await;
        let _ = self.wake.send(Work::Close).await;
    }
}

fn encoding(mime: &str, clock_rate: u32, channels: u16, ssrc: u32, rid: &str) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: rid.to_owned(),
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: RTCRtpCodec { mime_type: mime.to_owned(), clock_rate, channels, ..RTCRtpCodec::default() },
        ..RTCRtpEncodingParameters::default()
    }
}

impl State {
    fn happen(&self, happening: Happening) {
        let _ = self.happenings.try_send(happening);
    }

    fn learn(&self, participants: &[proto::ParticipantInfo]) {
        let mut tracks = self.tracks.lock();
        for participant in participants {
            tracks.retain(|_, track| track.identity != participant.identity);
            if participant.state() == proto::participant_info::State::Disconnected {
                continue;
            }
            for track in &participant.tracks {
                let known = Track {
                    sid: track.sid.clone(),
                    identity: participant.identity.clone(),
                    is_video: track.r#type() == proto::TrackType::Video,
                    muted: track.muted,
                    #[expect(deprecated, reason = "servers of protocol 16 fill the older list")]
                    layers: track.layers.len(),
                };
                tracks.insert(track.sid.clone(), known);
            }
        }
    }

    fn take(&self, track_sid: &str, is_video: bool, packet: rtp::Packet) {
        let now = Instant::now();
        let mut received = self.received.lock();
        let entry = received.entry(track_sid.to_owned()).or_insert_with(|| Received {
            tally: Tally::default(),
            is_video,
            first_packet: now,
            last_packet: now,
        });
        entry.last_packet = now;
        entry.tally.take(packet.header.sequence_number, packet.payload.len() + 12);
        drop(received);
        if let Some(packets) = &self.packets {
            let _ = packets.send((track_sid.to_owned(), packet));
        }
    }
}

struct Handler {
    state: Arc<State>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.state.happen(Happening::Connected),
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => {
                self.state.happen(Happening::Disconnected(state.to_string()));
            }
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let state = Arc::clone(&self.state);
        tokio::spawn(async move {
            let sid = track.track_id().await;
            let is_video = track.kind().await == RtpCodecKind::Video;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    state.take(&sid, is_video, packet);
                }
            }
        });
    }
}

async fn peer_connection(state: &Arc<State>) -> anyhow::Result<Arc<dyn PeerConnection>> {
    let mut media = MediaEngine::default();
    media.register_default_codecs()?;
    configure_simulcast_extension_headers(&mut media)?;
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    let settings = SettingEngineBuilder::default()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .build();
    let pc = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .with_handler(Arc::new(Handler { state: Arc::clone(state) }))
        .with_udp_addrs(vec!["127.0.0.1:0"])
        .build()
        .await?;
    let pc: Arc<dyn PeerConnection> = Arc::new(pc);
    for (label, reliable) in [("_reliable", true), ("_lossy", false)] {
        let init = RTCDataChannelInit {
            ordered: reliable,
            max_retransmits: (!reliable).then_some(0),
            ..RTCDataChannelInit::default()
        };
        let channel = pc.create_data_channel(label, Some(init)).await?;
        let state = Arc::clone(state);
        tokio::spawn(async move { read_channel(&state, &channel, reliable).await });
    }
    Ok(pc)
}

async fn read_channel(state: &State, channel: &Arc<dyn DataChannel>, reliable: bool) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen if reliable => *state.reliable.lock() = Some(Arc::clone(channel)),
            DataChannelEvent::OnMessage(message) => {
                let Ok(packet) = proto::DataPacket::decode(&message.data[..]) else { continue };
                if let Some(proto::data_packet::Value::User(user)) = packet.value {
                    let data = Happening::Data { from: packet.participant_identity, topic: user.topic, payload: user.payload };
                    state.happen(data);
                }
            }
            _ => {}
        }
    }
}

/// The client's own loop: signalling, negotiation, pings.
struct Session {
    config: ClientConfig,
    state: Arc<State>,
    signal: signal::Signal,
    pc: Arc<dyn PeerConnection>,
    work: mpsc::Receiver<Work>,
    /// Id of the offer that has no answer yet.
    offered: Option<u32>,
    /// Something changed while an offer was out.
    again: bool,
    offer_id: u32,
    say_offer: bool,
}

impl Session {
    async fn run(mut self) {
        let result = self.serve().await;
        let why = result.err().map_or_else(|| "ended".to_owned(), |error| format!("{error:#}"));
        self.state.happen(Happening::Disconnected(why));
        let _ = self.pc.close().await;
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            if std::mem::take(&mut self.say_offer) {
                self.negotiate().await?;
            }
            tokio::select! {
                message = self.signal.receiver.recv() => {
                    if !self.hear(message.context("the signalling connection closed")?).await? {
                        return Ok(());
                    }
                }
                work = self.work.recv() => match work {
                    Some(Work::Publish { cid, request, track, sender }) => self.publish(cid, *request, track, sender).await?,
                    Some(Work::Close) | None => return Ok(()),
                },
                _ = ping.tick() => {
                    let timestamp = self.state.began.elapsed().as_millis() as i64;
                    self.say(Say::PingReq(proto::Ping { timestamp, rtt: 0 })).await?;
                }
            }
        }
    }

    async fn say(&self, message: Say) -> anyhow::Result<()> {
        self.signal.sender.send(message).await.context("the signalling connection closed")
    }

    async fn publish(
        &mut self,
        cid: String,
        request: proto::AddTrackRequest,
        track: Arc<TrackLocalStaticRTP>,
        sender: tokio::sync::oneshot::Sender<Arc<dyn RtpTransceiver>>,
    ) -> anyhow::Result<()> {
        tracing::debug!(cid, "publishing");
        self.say(Say::AddTrack(request)).await?;
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec![],
            send_encodings: vec![],
        };
        let transceiver = self.pc.add_transceiver_from_track(track, Some(init)).await?;
        let _ = sender.send(transceiver);
        self.negotiate().await
    }

    /// One offer at a time.
    async fn negotiate(&mut self) -> anyhow::Result<()> {
        if self.offered.is_some() {
            self.again = true;
            return Ok(());
        }
        self.offer_id += 1;
        self.offered = Some(self.offer_id);
        let offer = self.pc.create_offer(None).await?;
        self.pc.set_local_description(offer.clone()).await?;
        self.say(Say::Offer(proto::SessionDescription {
            r#type: "offer".into(),
            sdp: offer.sdp,
            id: self.offer_id,
            ..proto::SessionDescription::default()
        }))
        .await
    }

    async fn hear(&mut self, message: Hear) -> anyhow::Result<bool> {
        match message {
            Hear::Answer(answer) => {
                let sdp = self.impair(answer.sdp).await?;
                self.pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
                self.offered = None;
                if std::mem::take(&mut self.again) {
                    self.negotiate().await?;
                }
            }
            Hear::MediaSectionsRequirement(sections) => {
                for (kind, count) in
                    [(RtpCodecKind::Audio, sections.num_audios), (RtpCodecKind::Video, sections.num_videos)]
                {
                    for _ in 0..count {
                        let init = RTCRtpTransceiverInit {
                            direction: RTCRtpTransceiverDirection::Recvonly,
                            streams: vec![],
                            send_encodings: vec![],
                        };
                        self.pc.add_transceiver_from_kind(kind, Some(init)).await?;
                    }
                }
                self.negotiate().await?;
            }
            Hear::TrackPublished(published) => {
                let sid = published.track.unwrap_or_default().sid;
                self.state.published.lock().insert(published.cid, sid);
            }
            Hear::Update(update) => {
                self.state.learn(&update.participants);
                let there = |p: &proto::ParticipantInfo| p.state() != proto::participant_info::State::Disconnected;
                let changed = update.participants.iter().map(|p| {
                    (p.identity.clone(), there(p), p.attributes.clone().into_iter().collect())
                });
                self.state.happen(Happening::Participants(changed.collect()));
            }
            Hear::SpeakersChanged(changed) => {
                let speakers = changed.speakers.iter().map(|s| (s.sid.clone(), if s.active { s.level } else { 0.0 }));
                self.state.happen(Happening::Speakers(speakers.collect()));
            }
            Hear::SubscribedQualityUpdate(update) => self.watched(&update),
            Hear::Leave(leave) => {
                self.state.happen(Happening::Left { reason: leave.reason, action: leave.action });
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    #[expect(deprecated, reason = "servers may fill the older list")]
    fn watched(&self, update: &proto::SubscribedQualityUpdate) {
        let mut enabled = [false; 3];
        let codecs = update.subscribed_codecs.iter().flat_map(|codec| &codec.qualities);
        for quality in codecs.chain(&update.subscribed_qualities) {
            if let Some(slot) = enabled.get_mut(quality.quality as usize) {
                *slot |= quality.enabled;
            }
        }
        self.state.happen(Happening::Watched(update.track_sid.clone(), enabled));
    }

    /// Puts the relay between this client and the edge, if there is to be one.
    async fn impair(&self, sdp: String) -> anyhow::Result<String> {
        let Some((loss, seed)) = self.config.impairment else { return Ok(sdp) };
        let candidates: Vec<SocketAddr> = sdp.lines().filter_map(candidate).collect();
        let edge = candidates.iter().find(|address| address.ip().is_loopback()).or(candidates.first());
        let edge = *edge.context("the answer has no candidate")?;
        let existing = self.state.impairment.lock().clone();
        let relay = match existing {
            Some(relay) => relay,
            None => {
                let relay = Arc::new(Impairment::start(edge, loss, seed).await?);
                *self.state.impairment.lock() = Some(Arc::clone(&relay));
                relay
            }
        };
        let rewrite = |line: &str| match candidate(line) {
            Some(_) => {
                let mut parts: Vec<String> = line.split(' ').map(str::to_owned).collect();
                parts[4] = relay.address.ip().to_string();
                parts[5] = relay.address.port().to_string();
                parts.join(" ")
            }
            None => line.to_owned(),
        };
        Ok(sdp.lines().map(rewrite).collect::<Vec<_>>().join("\r\n") + "\r\n")
    }
}

/// Address of an `a=candidate` line.
fn candidate(line: &str) -> Option<SocketAddr> {
    let mut parts = line.strip_prefix("a=candidate:")?.split(' ').skip(4);
    let ip = parts.next()?.parse().ok()?;
    Some(SocketAddr::new(ip, parts.next()?.parse().ok()?))
}

/// What packets of a published track must carry.
struct Negotiated {
    payload_type: u8,
    mid: String,
    mid_id: Option<u8>,
    rid_id: Option<u8>,
}

/// Waits for the answer that takes the track.
async fn negotiated(transceiver: &Arc<dyn RtpTransceiver>) -> anyhow::Result<Negotiated> {
    for _ in 0..2_000 {
        if let (Ok(Some(mid)), Ok(Some(sender))) = (transceiver.mid().await, transceiver.sender().await)
            && let Ok(parameters) = sender.get_parameters().await
            && let Some(codec) = parameters.rtp_parameters.codecs.first()
            && transceiver.current_direction().await.is_ok_and(|d| d == RTCRtpTransceiverDirection::Sendonly)
        {
            let id = |uri: &str| {
                let extensions = &parameters.rtp_parameters.header_extensions;
                extensions.iter().find(|extension| extension.uri == uri).map(|extension| extension.id as u8)
            };
            return Ok(Negotiated { payload_type: codec.payload_type, mid, mid_id: id(MID_URI), rid_id: id(RID_URI) });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("the server did not take the track")
}

async fn send_video(
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    layers: Vec<Layer>,
    ssrcs: Vec<u32>,
    fps: u32,
    simulcast: bool,
) -> anyhow::Result<()> {
    let agreed = negotiated(&transceiver).await?;
    let mut packetizers: Vec<Packetizer> = ssrcs.into_iter().map(Packetizer::new).collect();
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / fps.max(1));
    for index in 0_usize.. {
        tick.tick().await;
        for (layer, packetizer) in layers.iter().zip(&mut packetizers) {
            let frame = &layer.frames[index % layer.frames.len()];
            for mut packet in packetizer.vp8(frame, start.elapsed(), agreed.payload_type) {
                if let Some(id) = agreed.mid_id {
                    packet.header.set_extension(id, agreed.mid.clone().into())?;
                }
                if let Some(id) = agreed.rid_id.filter(|_| simulcast) {
                    packet.header.set_extension(id, layer.rid.clone().into())?;
                }
                track.write_rtp(packet).await?;
            }
        }
    }
    Ok(())
}

async fn send_audio(
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    ssrc: u32,
    bitrate_bps: u32,
) -> anyhow::Result<()> {
    let payload_type = negotiated(&transceiver).await?.payload_type;
    let mut packetizer = Packetizer::new(ssrc);
    let bytes = (bitrate_bps as usize / 8 / 50).max(3);
    let start = Instant::now();
    let mut tick = tokio::time::interval(AUDIO_FRAME);
    loop {
        tick.tick().await;
        // TOC byte of a 20 ms full-band CELT frame, then noise.
        let mut payload = vec![0xf8_u8; bytes];
        rand::fill(&mut payload[1..]);
        track.write_rtp(packetizer.audio(payload.into(), start.elapsed(), payload_type)).await?;
    }
}
