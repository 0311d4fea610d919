//! A client's own loop: signalling, negotiation, pings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Say;
use livekit_protocol::signal_response::Message as Hear;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::{mpsc, oneshot};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, RTCSessionDescription};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

use crate::client::{ClientConfig, Happening, State};
use crate::{Impairment, signal};

const PING_INTERVAL: Duration = Duration::from_secs(5);

/// What the handle asks of the loop.
pub(crate) enum Work {
    Publish {
        cid: String,
        request: Box<proto::AddTrackRequest>,
        track: Arc<TrackLocalStaticRTP>,
        sender: oneshot::Sender<Arc<dyn RtpTransceiver>>,
    },
    Close,
}

pub(crate) struct Session {
    pub(crate) config: ClientConfig,
    pub(crate) state: Arc<State>,
    pub(crate) signal: signal::Signal,
    pub(crate) pc: Arc<dyn PeerConnection>,
    pub(crate) work: mpsc::Receiver<Work>,
    pub(crate) offers: Offers,
}

#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// Offers made so far; the id of the newest.
    last_id: u32,
    /// The newest has no answer yet.
    pending: bool,
    /// Something changed while an offer was out.
    again: bool,
}

impl Session {
    pub(crate) async fn run(mut self) {
        let result = self.serve().await;
        let why = result.err().map_or_else(|| "ended".to_owned(), |error| format!("{error:#}"));
        self.state.happen(Happening::Disconnected(why));
        let _ = self.pc.close().await;
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        self.negotiate().await?;
        loop {
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
        sender: oneshot::Sender<Arc<dyn RtpTransceiver>>,
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
        if self.offers.pending {
            self.offers.again = true;
            return Ok(());
        }
        self.offers.last_id += 1;
        self.offers.pending = true;
        let offer = self.pc.create_offer(None).await?;
        self.pc.set_local_description(offer.clone()).await?;
        self.say(Say::Offer(proto::SessionDescription {
            r#type: "offer".into(),
            sdp: offer.sdp,
            id: self.offers.last_id,
            ..proto::SessionDescription::default()
        }))
        .await
    }

    /// False when the server said its last word.
    async fn hear(&mut self, message: Hear) -> anyhow::Result<bool> {
        match message {
            Hear::Answer(answer) => {
                let sdp = self.impair(answer.sdp).await?;
                self.pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
                self.offers.pending = false;
                if std::mem::take(&mut self.offers.again) {
                    self.negotiate().await?;
                }
            }
            Hear::MediaSectionsRequirement(sections) => {
                self.add_sections(RtpCodecKind::Audio, sections.num_audios).await?;
                self.add_sections(RtpCodecKind::Video, sections.num_videos).await?;
                self.negotiate().await?;
            }
            Hear::TrackPublished(published) => {
                self.state.is_published(published.cid, published.track.unwrap_or_default().sid);
            }
            Hear::Update(update) => {
                self.state.learn(&update.participants);
                let there =
                    |p: &proto::ParticipantInfo| p.state() != proto::participant_info::State::Disconnected;
                let changed = update
                    .participants
                    .iter()
                    .map(|p| (p.identity.clone(), there(p), p.attributes.clone().into_iter().collect()));
                self.state.happen(Happening::Participants(changed.collect()));
            }
            Hear::SpeakersChanged(changed) => {
                let level = |s: &proto::SpeakerInfo| if s.active { s.level } else { 0.0 };
                let speakers = changed.speakers.iter().map(|s| (s.sid.clone(), level(s)));
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

    /// Room for tracks the server wants to send.
    async fn add_sections(&self, kind: RtpCodecKind, count: u32) -> anyhow::Result<()> {
        for _ in 0..count {
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                streams: vec![],
                send_encodings: vec![],
            };
            self.pc.add_transceiver_from_kind(kind, Some(init)).await?;
        }
        Ok(())
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
        let Some(faults) = self.config.faults else { return Ok(sdp) };
        let candidates: Vec<SocketAddr> = sdp.lines().filter_map(candidate).collect();
        let edge = candidates.iter().find(|address| address.ip().is_loopback()).or(candidates.first());
        let edge = *edge.context("the answer has no candidate")?;
        let relay = match self.state.impairment() {
            Some(relay) => relay,
            None => {
                let relay = Arc::new(Impairment::start(edge, faults).await?);
                self.state.goes_through(Arc::clone(&relay));
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
