//! Demand: which layers of a track somebody behind this edge watches. Remote tracks are pulled layer by layer over the link;
//! publishers of local ones are told which layers are worth sending.

use std::time::Instant;

use edge_sfu::{Command, LAYERS_MAX, Layer, LinkId, Origin, SourceId};
use edge_wire::control::{Message, Subscribe, Unsubscribe};
use edge_wire::model::TrackKind;

use crate::binding::attach;
use crate::codec;
use crate::edge::{Edge, Flow};
use crate::limits::{DYNACAST_DOWN, FALLBACK_AFTER, PULL_RELEASE};
use crate::room::Room;
use crate::track::{Owner, Pull, QUALITY_HIGH, Track};
use crate::{Notice, PeerId};

impl Room {
    /// Watchers, feeds, live layers or time changed: pulls and publishers follow.
    pub(crate) fn refresh_demand(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        match self.tracks.get(track_sid).map(|track| track.owner) {
            Some(Owner::Local(id)) => self.tell_publisher(edge, now, id, track_sid),
            Some(Owner::Remote) => self.sync_pulls(edge, now, track_sid),
            None => {}
        }
    }

    /// The publisher learns that somebody subscribed, once.
    pub(crate) fn tell_subscribed(&mut self, edge: &mut Edge, track_sid: &str) {
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        if let Owner::Local(id) = track.owner
            && !std::mem::replace(&mut track.subscribed, true)
        {
            edge.notify(id, Notice::TrackSubscribed { track_sid: track_sid.to_owned() });
        }
    }

    /// The media thread sends a client another layer than before.
    pub(crate) fn layer_switched(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        (track_sid, source): (&str, SourceId),
        layer: Layer,
    ) {
        let Some(track) = self.tracks.get_mut(track_sid).filter(|track| track.source == Some(source)) else {
            return;
        };
        if let Some(watcher) = track.watchers.get_mut(&id).filter(|watcher| !watcher.target.paused) {
            watcher.receives = Some(layer);
            self.refresh_demand(edge, now, track_sid);
        }
    }

    /// More is told at once, less after [`DYNACAST_DOWN`].
    fn tell_publisher(&mut self, edge: &mut Edge, now: Instant, id: PeerId, track_sid: &str) {
        let Some(model) = self.model_track(track_sid).filter(|model| model.kind == TrackKind::Video as i32)
        else {
            return;
        };
        let qualities: Vec<u32> = model.layers.iter().map(|layer| layer.quality).collect();
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        let wanted = track.wanted_top().map(|top| match qualities.as_slice() {
            [] | [_] => QUALITY_HIGH,
            many => many.get(usize::from(top)).copied().unwrap_or(QUALITY_HIGH),
        });
        if wanted == track.dynacast.told {
            track.dynacast.down_at = None;
            return;
        }
        if wanted < track.dynacast.told {
            let at = *track.dynacast.down_at.get_or_insert(now + DYNACAST_DOWN);
            if at > now {
                edge.wake(at, &self.record.name, "dynacast");
                return;
            }
        }
        track.dynacast.down_at = None;
        track.dynacast.told = wanted;
        let qualities = (0..=QUALITY_HIGH).map(|quality| (quality, Some(quality) <= wanted)).collect();
        let mime_type = track.codec.mime_type.clone();
        edge.notify(id, Notice::SubscribedQuality { track_sid: track_sid.to_owned(), mime_type, qualities });
    }

    fn sync_pulls(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let is_muted = self.model_track(track_sid).is_some_and(|track| track.muted);
        let route = self.route(edge, track_sid);
        let room = &self.record.name;
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        let (desired, look_at) = desired_layers(track, now, is_muted);
        if let Some(at) = look_at {
            edge.wake(at, room, "layer fallback");
        }
        if track.via.is_none() && desired.contains(&true) {
            let Some(via) = route else { return };
            open(edge, room, track_sid, track, via);
        }
        let Some(via) = track.via else { return };
        for layer in 0..LAYERS_MAX as Layer {
            let is_desired = desired[usize::from(layer)];
            match track.pulls.get_mut(&layer) {
                Some(pull) if is_desired => pull.release_at = None,
                Some(pull) => {
                    let at = *pull.release_at.get_or_insert(now + PULL_RELEASE);
                    if at <= now {
                        release(edge, track, via, layer);
                    } else {
                        edge.wake(at, room, "release a layer");
                    }
                }
                None if is_desired => {
                    let flow = Flow { room: room.clone(), track_sid: track_sid.to_owned(), layer };
                    if let Some(at) = pull(edge, track, via, flow, now) {
                        edge.wake(at, room, "layer fallback");
                    }
                }
                None => {}
            }
        }
    }
}

/// Layers to pull now, and when to look again: each wanted one; while it sends nothing, the next lower one besides.
fn desired_layers(track: &Track, now: Instant, is_muted: bool) -> ([bool; LAYERS_MAX], Option<Instant>) {
    let mut desired = track.wanted();
    let mut look_at: Option<Instant> = None;
    for layer in (1..LAYERS_MAX).rev() {
        let Some(pull) = track.pulls.get(&(layer as Layer)) else { continue };
        if !desired[layer] || track.live[layer] || is_muted {
            continue;
        }
        let at = pull.since + FALLBACK_AFTER;
        if at <= now {
            desired[layer - 1] = true;
        } else {
            look_at = Some(look_at.map_or(at, |before| before.min(at)));
        }
    }
    (desired, look_at)
}

/// Asks the far edge for a layer. Returns when to look whether it has begun, where there is a lower one.
fn pull(edge: &mut Edge, track: &mut Track, via: LinkId, flow: Flow, now: Instant) -> Option<Instant> {
    let source = track.source?;
    let id = edge.new_flow();
    let link = edge.links.get_mut(&via)?;
    let Flow { room, track_sid, layer } = flow.clone();
    link.receives.insert(id, flow);
    track.pulls.insert(layer, Pull { flow: id, since: now, release_at: None });
    edge.media(Command::LinkReceive { link: via, flow: id, source, layer });
    edge.say(via, Message::Subscribe(Subscribe { room, track_sid, layer: u32::from(layer), flow: id }));
    (layer > 0).then_some(now + FALLBACK_AFTER)
}

/// Lets a layer go. Whether it is live stays the media thread's word: pulled again soon, it does not begin anew.
pub(crate) fn release(edge: &mut Edge, track: &mut Track, via: LinkId, layer: Layer) {
    let Some(pull) = track.pulls.remove(&layer) else { return };
    if let Some(link) = edge.links.get_mut(&via) {
        link.receives.remove(&pull.flow);
        edge.media(Command::LinkStopReceive { link: via, flow: pull.flow });
        edge.say(via, Message::Unsubscribe(Unsubscribe { flow: pull.flow }));
    }
}

/// Opens the track's source on a link, in place of one on another link; whoever watches goes on with the new one.
fn open(edge: &mut Edge, room: &str, track_sid: &str, track: &mut Track, via: LinkId) {
    let source = edge.new_source(room, track_sid);
    let before = track.source.replace(source);
    track.via = Some(via);
    track.live = [false; LAYERS_MAX];
    edge.media(Command::OpenSource {
        source,
        origin: Origin::Link(via),
        kind: track.kind,
        codec: codec::sfu_codec(&track.codec.mime_type),
        clock_rate_hz: track.codec.clock_rate_hz,
        layers: track.layers,
    });
    for watcher in track.watchers.values_mut() {
        watcher.receives = None;
    }
    for id in track.watchers.keys() {
        attach(edge, track, *id);
    }
    for ((link, flow), layer) in &track.feeds {
        if before.is_some() {
            edge.media(Command::LinkUnsubscribe { link: *link, flow: *flow });
        }
        edge.media(Command::LinkSubscribe { link: *link, flow: *flow, source, layer: *layer });
    }
    if let Some(before) = before {
        edge.close_source(before);
    }
}
