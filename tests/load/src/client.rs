//! One participant: a stock peer connection and its signalling.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Say;
use livekit_protocol::signal_response::Message as Hear;
use parking_lot::Mutex;
use prost::Message as _;
use rtc::rtp;
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;

use crate::impairment::{Faults, Impairment};
use crate::keyframe::Requests;
use crate::media::Layer;
use crate::peer::peer_connection;
use crate::publish;
use crate::session::{Offers, Session, Work};
use crate::signal;
use crate::tally::Tally;

const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Happenings that wait for whoever listens; a listener that is further behind misses the newest.
const HAPPENINGS_MAX: usize = 65_536;

/// How to join.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Base URL of the server.
    pub url: String,
    pub token: String,
    pub auto_subscribe: bool,
    /// Media goes through an [`Impairment`] with these.
    pub faults: Option<Faults>,
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
    Data {
        from: String,
        topic: Option<String>,
        payload: Vec<u8>,
    },
    Speakers(Vec<(String, f32)>),
    /// Qualities of the own track that somebody watches: (track sid, [low, medium, high]).
    Watched(String, [bool; 3]),
    Left {
        reason: i32,
        action: i32,
    },
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

/// What the client's tasks know together.
pub(crate) struct State {
    received: Mutex<BTreeMap<String, Received>>,
    tracks: Mutex<BTreeMap<String, Track>>,
    impairment: Mutex<Option<Arc<Impairment>>>,
    published: Mutex<BTreeMap<String, String>>,
    reliable: Mutex<Option<Arc<dyn DataChannel>>>,
    happenings: mpsc::Sender<Happening>,
    packets: Option<mpsc::UnboundedSender<(String, rtp::Packet)>>,
    /// Keyframes asked of this client.
    pub(crate) requests: Requests,
    pub(crate) began: Instant,
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
        let first = tokio::time::timeout(JOIN_TIMEOUT, signal.receiver.recv()).await;
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
            requests: Requests::default(),
            began,
        });
        state.learn(&join.other_participants);
        let pc = peer_connection(&state).await?;
        let (wake, work) = mpsc::channel(64);
        let say = signal.sender.clone();
        let offers = Offers::default();
        let session = Session { config, state: Arc::clone(&state), signal, pc, work, offers };
        tokio::spawn(session.run());
        Ok(Self {
            sid: participant.sid,
            identity: participant.identity,
            joined_in,
            state,
            say,
            wake,
            happenings: receiver,
        })
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
        self.state.impairment()
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
        publish::video(&self.wake, self.state.requests.clone(), &self.sid, cid, layers, fps).await
    }

    /// Publishes audio of about `bitrate_bps` until the client ends.
    ///
    /// # Errors
    /// The client ended before the track was taken in.
    pub async fn publish_audio(&self, cid: &str, bitrate_bps: u32) -> anyhow::Result<()> {
        publish::audio(&self.wake, &self.sid, cid, bitrate_bps).await
    }

    /// Leaves in an orderly way.
    pub async fn leave(self) {
        self.say(Say::Leave(proto::LeaveRequest::default())).await;
        let _ = self.wake.send(Work::Close).await;
    }
}

impl State {
    pub(crate) fn happen(&self, happening: Happening) {
        let _ = self.happenings.try_send(happening);
    }

    pub(crate) fn reliable_is_open(&self, channel: &Arc<dyn DataChannel>) {
        *self.reliable.lock() = Some(Arc::clone(channel));
    }

    pub(crate) fn is_published(&self, cid: String, sid: String) {
        self.published.lock().insert(cid, sid);
    }

    pub(crate) fn goes_through(&self, relay: Arc<Impairment>) {
        *self.impairment.lock() = Some(relay);
    }

    pub(crate) fn impairment(&self) -> Option<Arc<Impairment>> {
        self.impairment.lock().clone()
    }

    pub(crate) fn learn(&self, participants: &[proto::ParticipantInfo]) {
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

    pub(crate) fn take(&self, track_sid: &str, is_video: bool, packet: rtp::Packet) {
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
