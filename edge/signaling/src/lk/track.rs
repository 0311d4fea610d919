//! Track record to and from the wire.

use edge_room::AddTrack;
use edge_wire::model;
use livekit_protocol as proto;

/// Layers a client may announce; the forwarding core has no more either.
const LAYERS_MAX: usize = 4;
/// Codecs a client may announce for one track (one and a backup are usual).
const CODECS_MAX: usize = 4;

/// "I am about to publish": what the client knows of its track.
#[expect(deprecated, reason = "native clients still set the older stereo and DTX flags")]
pub(crate) fn from_add_track(request: proto::AddTrackRequest) -> AddTrack {
    let is_video = request.r#type() == proto::TrackType::Video;
    let first_codec = request.simulcast_codecs.first();
    let announced = match first_codec.filter(|codec| !codec.layers.is_empty()) {
        Some(codec) if request.layers.is_empty() => &codec.layers,
        _ => &request.layers,
    };
    let layers = if is_video { from_layers(announced, request.width, request.height) } else { Vec::new() };
    let prefix = if is_video { "video/" } else { "audio/" };
    let codecs = request.simulcast_codecs.iter().filter(|codec| !codec.codec.is_empty()).take(CODECS_MAX);
    let codecs =
        codecs.map(|c| if c.codec.contains('/') { c.codec.clone() } else { format!("{prefix}{}", c.codec) });
    let has = |feature: proto::AudioTrackFeature| request.audio_features.contains(&(feature as i32));
    let track = model::Track {
        sid: request.sid.clone(),
        name: request.name.clone(),
        kind: if is_video { model::TrackKind::Video } else { model::TrackKind::Audio } as i32,
        source: request.source,
        mime_type: String::new(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        layers,
        stereo: request.stereo || has(proto::AudioTrackFeature::TfStereo),
        disable_dtx: request.disable_dtx || has(proto::AudioTrackFeature::TfNoDtx),
        disable_red: request.disable_red,
        stream: request.stream.clone(),
        encryption: request.encryption,
        mid: String::new(),
        audio_features: request.audio_features.clone(),
        packet_trailer_features: request.packet_trailer_features.clone(),
        backup_codec_policy: request.backup_codec_policy,
    };
    let cid = match first_codec {
        Some(codec) if request.cid.is_empty() => codec.cid.clone(),
        _ => request.cid.clone(),
    };
    AddTrack { cid, track, codecs: codecs.collect() }
}

/// Lowest first; a client that leaves the RIDs out means the usual ones.
fn from_layers(layers: &[proto::VideoLayer], width: u32, height: u32) -> Vec<model::VideoLayer> {
    if layers.is_empty() {
        let quality = proto::VideoQuality::High as u32;
        return vec![model::VideoLayer { rid: String::new(), quality, width, height, bitrate_bps: 0 }];
    }
    let is_simulcast = layers.len() > 1;
    let mut read: Vec<model::VideoLayer> = layers
        .iter()
        .take(LAYERS_MAX)
        .map(|layer| {
            let quality = layer.quality().min(proto::VideoQuality::High);
            let rid = match quality {
                _ if !is_simulcast => "",
                _ if !layer.rid.is_empty() => layer.rid.as_str(),
                proto::VideoQuality::Low => "q",
                proto::VideoQuality::Medium => "h",
                _ => "f",
            };
            model::VideoLayer {
                rid: rid.to_owned(),
                quality: quality as u32,
                width: layer.width,
                height: layer.height,
                bitrate_bps: layer.bitrate,
            }
        })
        .collect();
    read.sort_by_key(|layer| layer.quality);
    read
}

/// The codec entry appears once the codec is known: clients switch to the codec named first there.
#[expect(deprecated, reason = "clients of protocol 16 read layers, simulcast, stereo and DTX here")]
pub(crate) fn to_track(track: &model::Track) -> proto::TrackInfo {
    let layers: Vec<proto::VideoLayer> = track.layers.iter().map(to_layer).collect();
    let mode = match track.kind() {
        model::TrackKind::Video => proto::video_layer::Mode::OneSpatialLayerPerStream,
        model::TrackKind::Audio => proto::video_layer::Mode::Unused,
    };
    let codec = proto::SimulcastCodecInfo {
        mime_type: track.mime_type.clone(),
        mid: track.mid.clone(),
        layers: layers.clone(),
        video_layer_mode: mode as i32,
        ..proto::SimulcastCodecInfo::default()
    };
    proto::TrackInfo {
        sid: track.sid.clone(),
        r#type: track.kind,
        name: track.name.clone(),
        muted: track.muted,
        width: track.width,
        height: track.height,
        simulcast: track.simulcast,
        disable_dtx: track.disable_dtx,
        source: track.source,
        layers,
        mime_type: track.mime_type.clone(),
        mid: track.mid.clone(),
        codecs: if track.mime_type.is_empty() { Vec::new() } else { vec![codec] },
        stereo: track.stereo,
        disable_red: track.disable_red,
        encryption: track.encryption,
        stream: track.stream.clone(),
        version: None,
        audio_features: track.audio_features.clone(),
        backup_codec_policy: track.backup_codec_policy,
        packet_trailer_features: track.packet_trailer_features.clone(),
    }
}

fn to_layer(layer: &model::VideoLayer) -> proto::VideoLayer {
    proto::VideoLayer {
        quality: i32::try_from(layer.quality).unwrap_or(0),
        width: layer.width,
        height: layer.height,
        bitrate: layer.bitrate_bps,
        rid: layer.rid.clone(),
        spatial_layer: i32::try_from(layer.quality).unwrap_or(0),
        ..proto::VideoLayer::default()
    }
}
