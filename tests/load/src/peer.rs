//! The peer connection of one client, and what it hears of it.

use std::sync::Arc;

use livekit_protocol as proto;
use prost::Message as _;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Slot;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
    Registry, SettingEngineBuilder, configure_simulcast_extension_headers, register_default_interceptors,
};

use crate::client::{Happening, State};
use crate::keyframe::Listener;

/// Packets a repair may be late by and still be opened; the stock default of 64 is less than a large keyframe.
const REPLAY_WINDOW: usize = 1_024;

/// Last of all, nearest to the application.
const LISTENER: Slot = Slot::Custom(20_000);

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

/// What load clients send and take. No RTX: the stock NACK generator does not see packets repaired that way and asks for
/// each of them again and again, and the stock responder's repairs of simulcast layers name no layer. Plain
/// retransmission (RFC 4585) works both ways, for audio too.
fn codecs() -> anyhow::Result<MediaEngine> {
    let feedback = |kinds: &[(&str, &str)]| -> Vec<RTCPFeedback> {
        let one = |(typ, parameter): &(&str, &str)| RTCPFeedback {
            typ: (*typ).to_owned(),
            parameter: (*parameter).to_owned(),
        };
        kinds.iter().map(one).collect()
    };
    let video = feedback(&[("ccm", "fir"), ("nack", ""), ("nack", "pli")]);
    let constrained_baseline = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    let table = [
        (RtpCodecKind::Audio, MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1", 111),
        (RtpCodecKind::Video, MIME_TYPE_VP8, 90_000, 0, "", 96),
        (RtpCodecKind::Video, MIME_TYPE_H264, 90_000, 0, constrained_baseline, 106),
    ];
    let mut engine = MediaEngine::default();
    for (kind, mime_type, clock_rate, channels, fmtp, payload_type) in table {
        let rtcp_feedback =
            if kind == RtpCodecKind::Audio { feedback(&[("nack", "")]) } else { video.clone() };
        let rtp_codec = RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: fmtp.to_owned(),
            rtcp_feedback,
        };
        engine.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)?;
    }
    Ok(engine)
}

pub(crate) async fn peer_connection(state: &Arc<State>) -> anyhow::Result<Arc<dyn PeerConnection>> {
    let mut media = codecs()?;
    configure_simulcast_extension_headers(&mut media)?;
    let registry = register_default_interceptors(Registry::new(), &mut media)?
        .with(LISTENER, Listener::new(state.requests.clone()));
    let settings = SettingEngineBuilder::default()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .with_srtp_replay_protection_window(REPLAY_WINDOW)
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
            DataChannelEvent::OnOpen if reliable => state.reliable_is_open(channel),
            DataChannelEvent::OnMessage(message) => {
                let Ok(packet) = proto::DataPacket::decode(&message.data[..]) else { continue };
                if let Some(proto::data_packet::Value::User(user)) = packet.value {
                    state.happen(Happening::Data {
                        from: packet.participant_identity,
                        topic: user.topic,
                        payload: user.payload,
                    });
                }
            }
            _ => {}
        }
    }
}
