//! Publishing: announcing a track, waiting until the server takes it, sending its packets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use livekit_protocol as proto;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, oneshot};
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RtpTransceiver};

use crate::keyframe::Requests;
use crate::media::{AUDIO_FRAME, Codec, Layer, Packetizer};
use crate::session::Work;

const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// How often, and how many times, the negotiation is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
const LOOKS_MAX: usize = 4_000;

type Taken = (Arc<TrackLocalStaticRTP>, Arc<dyn RtpTransceiver>);

pub(crate) async fn video(
    wake: &mpsc::Sender<Work>,
    requests: Requests,
    sid: &str,
    cid: &str,
    layers: Vec<Layer>,
    fps: u32,
) -> anyhow::Result<()> {
    let simulcast = layers.len() > 1;
    let top = layers.last().context("no layers")?;
    let mime = mime(top.codec);
    let ssrcs: Vec<u32> = layers.iter().map(|_| rand::random()).collect();
    let rid = |layer: &Layer| if simulcast { layer.rid.clone() } else { String::new() };
    let encodings =
        layers.iter().zip(&ssrcs).map(|(layer, ssrc)| encoding(mime, 90_000, 0, *ssrc, rid(layer))).collect();
    let described = layers.iter().zip(0..).map(|(layer, index)| proto::VideoLayer {
        quality: if simulcast { index } else { 2 },
        width: layer.width,
        height: layer.height,
        rid: rid(layer),
        ..proto::VideoLayer::default()
    });
    let request = proto::AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: proto::TrackType::Video as i32,
        source: proto::TrackSource::Camera as i32,
        width: top.width,
        height: top.height,
        layers: described.collect(),
        simulcast_codecs: vec![proto::SimulcastCodec {
            codec: mime.trim_start_matches("video/").to_lowercase(),
            cid: cid.to_owned(),
            ..proto::SimulcastCodec::default()
        }],
        ..proto::AddTrackRequest::default()
    };
    let taken = publish(wake, sid, cid, request, RtpCodecKind::Video, encodings).await?;
    tokio::spawn(async move {
        let senders = layers.into_iter().zip(ssrcs).map(|(layer, ssrc)| Sender::new(layer, ssrc, &requests));
        if let Err(error) = send_video(taken, senders.collect(), fps, simulcast).await {
            tracing::info!(%error, "video is no longer sent");
        }
    });
    Ok(())
}

pub(crate) async fn audio(
    wake: &mpsc::Sender<Work>,
    sid: &str,
    cid: &str,
    bitrate_bps: u32,
) -> anyhow::Result<()> {
    let ssrc = rand::random();
    let encodings = vec![encoding(MIME_TYPE_OPUS, 48_000, 2, ssrc, String::new())];
    let request = proto::AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: proto::TrackType::Audio as i32,
        source: proto::TrackSource::Microphone as i32,
        ..proto::AddTrackRequest::default()
    };
    let taken = publish(wake, sid, cid, request, RtpCodecKind::Audio, encodings).await?;
    tokio::spawn(async move {
        if let Err(error) = send_audio(taken, ssrc, bitrate_bps).await {
            tracing::info!(%error, "audio is no longer sent");
        }
    });
    Ok(())
}

fn mime(codec: Codec) -> &'static str {
    match codec {
        Codec::Vp8 => MIME_TYPE_VP8,
        Codec::H264 => MIME_TYPE_H264,
    }
}

async fn publish(
    wake: &mpsc::Sender<Work>,
    sid: &str,
    cid: &str,
    request: proto::AddTrackRequest,
    kind: RtpCodecKind,
    encodings: Vec<RTCRtpEncodingParameters>,
) -> anyhow::Result<Taken> {
    let track = MediaStreamTrack::new(sid.to_owned(), cid.to_owned(), cid.to_owned(), kind, encodings);
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let (sender, taken) = oneshot::channel();
    let work =
        Work::Publish { cid: cid.to_owned(), request: Box::new(request), track: Arc::clone(&track), sender };
    wake.send(work).await.ok().context("the client ended")?;
    Ok((track, taken.await.context("the client ended")?))
}

fn encoding(mime: &str, clock_rate: u32, channels: u16, ssrc: u32, rid: String) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid,
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: RTCRtpCodec { mime_type: mime.to_owned(), clock_rate, channels, ..RTCRtpCodec::default() },
        ..RTCRtpEncodingParameters::default()
    }
}

/// What packets of a published track must carry.
struct Negotiated {
    payload_type: u8,
    mid: String,
    mid_id: Option<u8>,
    rid_id: Option<u8>,
}

/// Waits for the answer that takes the track.
async fn negotiated(transceiver: &Arc<dyn RtpTransceiver>, mime: &str) -> anyhow::Result<Negotiated> {
    for _ in 0..LOOKS_MAX {
        if let (Ok(Some(mid)), Ok(Some(sender))) = (transceiver.mid().await, transceiver.sender().await)
            && let Ok(parameters) = sender.get_parameters().await
            && transceiver.current_direction().await.is_ok_and(|d| d == RTCRtpTransceiverDirection::Sendonly)
        {
            let codecs = &parameters.rtp_parameters.codecs;
            let codec = codecs.iter().find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime));
            let codec = codec.with_context(|| format!("the server does not take {mime}"))?;
            let id = |uri: &str| {
                let extensions = &parameters.rtp_parameters.header_extensions;
                extensions
                    .iter()
                    .find(|extension| extension.uri == uri)
                    .and_then(|extension| u8::try_from(extension.id).ok())
            };
            let (mid_id, rid_id) = (id(MID_URI), id(RID_URI));
            return Ok(Negotiated { payload_type: codec.payload_type, mid, mid_id, rid_id });
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    anyhow::bail!("the server did not take the track")
}

/// One layer on its way.
struct Sender {
    layer: Layer,
    packetizer: Packetizer,
    requests: Requests,
    /// Of the next picture, in the loop.
    index: usize,
    keyframe: Option<Instant>,
}

impl Sender {
    fn new(layer: Layer, ssrc: u32, requests: &Requests) -> Self {
        Self {
            layer,
            packetizer: Packetizer::new(ssrc),
            requests: requests.clone(),
            index: 0,
            keyframe: None,
        }
    }

    /// Packets of the next picture, `elapsed` after the start.
    fn next(&mut self, elapsed: Duration, payload_type: u8) -> Vec<rtc::rtp::Packet> {
        let now = Instant::now();
        if self.layer.answers_requests && self.requests.take(self.packetizer.ssrc, self.keyframe, now) {
            self.index = self.layer.next_keyframe(self.index);
        }
        let frame = &self.layer.frames[self.index % self.layer.frames.len()];
        self.index += 1;
        self.keyframe = if frame.is_keyframe { Some(now) } else { self.keyframe };
        self.packetizer.video(self.layer.codec, frame, elapsed, payload_type)
    }
}

async fn send_video(
    (track, transceiver): Taken,
    mut senders: Vec<Sender>,
    fps: u32,
    simulcast: bool,
) -> anyhow::Result<()> {
    let codec = senders.first().context("no layers")?.layer.codec;
    let agreed = negotiated(&transceiver, mime(codec)).await?;
    let interval = Duration::from_secs(1) / fps.max(1);
    let mut tick = tokio::time::interval(interval);
    for number in 0_u32.. {
        tick.tick().await;
        for sender in &mut senders {
            // By the camera's clock: pictures that go out together, because the machine was busy, were taken one after another.
            for mut packet in sender.next(interval * number, agreed.payload_type) {
                if let Some(id) = agreed.mid_id {
                    packet.header.set_extension(id, agreed.mid.clone().into())?;
                }
                if let Some(id) = agreed.rid_id.filter(|_| simulcast) {
                    packet.header.set_extension(id, sender.layer.rid.clone().into())?;
                }
                track.write_rtp(packet).await?;
            }
        }
    }
    Ok(())
}

async fn send_audio((track, transceiver): Taken, ssrc: u32, bitrate_bps: u32) -> anyhow::Result<()> {
    let payload_type = negotiated(&transceiver, MIME_TYPE_OPUS).await?.payload_type;
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
