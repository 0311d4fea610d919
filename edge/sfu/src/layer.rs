//! What is received of one simulcast layer: its ring, its numbers, its repair.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::canonical::{self, Arrived, Layout};
use crate::codec::Descriptor;
use crate::reception::{Place, Reception};
use crate::report::SenderReport;
use crate::ring::{Packet, Ring, SLOT_BYTES};
use crate::{Codec, Kind, LinkId, keyframe, nack};

/// Packets of video kept: about 2 s at 5 Mbit/s; 1.5 MB a layer.
const VIDEO_SLOTS: usize = 1_024;
/// Packets of audio kept: 5 s at 20 ms; 0.4 MB.
const AUDIO_SLOTS: usize = 256;
/// Window a bitrate is measured over.
const BITRATE_WINDOW: Duration = Duration::from_secs(1);

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// In the ring under this index; `gap` when packets before it are missing.
    At {
        index: u64,
        gap: bool,
    },
    /// As `At`, and so much was lost before it that a keyframe is asked for instead of repair, or the numbering is new.
    Broken {
        index: u64,
    },
    Duplicate,
    OutOfWindow,
    Oversize,
}

#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) ring: Ring,
    pub(crate) nacks: nack::Generator,
    pub(crate) keyframes: keyframe::Requests,
    pub(crate) report: Option<SenderReport>,
    /// SSRC it arrives under, when its origin is a session.
    pub(crate) ssrc: Option<u32>,
    /// Flow it arrives on, when its origin is a link.
    pub(crate) flow: Option<(LinkId, u64)>,
    /// Flows it is sent on.
    pub(crate) links: SmallVec<[FlowOut; 2]>,
    pub(crate) live: bool,
    pub(crate) last_packet: Option<Instant>,
    pub(crate) reception: Reception,
    pub(crate) totals: Totals,
    /// Timestamp of the last keyframe counted.
    keyframe: Option<u32>,
    reported: (u64, u64),
    window: Option<(Instant, u64)>,
}

/// A flow this layer is sent on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowOut {
    pub(crate) link: LinkId,
    pub(crate) flow: u64,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

/// Running totals of a layer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) keyframes: u64,
    bitrate_bps: u64,
}

impl Layer {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            ring: Ring::new(if kind == Kind::Video { VIDEO_SLOTS } else { AUDIO_SLOTS }),
            nacks: nack::Generator::default(),
            keyframes: keyframe::Requests::default(),
            report: None,
            ssrc: None,
            flow: None,
            links: SmallVec::new(),
            live: false,
            last_packet: None,
            reception: Reception::default(),
            totals: Totals::default(),
            keyframe: None,
            reported: (0, 0),
            window: None,
        }
    }

    /// Takes a packet of the layer. `ssrc` is what it came under (0 on links); `repair` that RTX was undone.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        (codec, clock_rate_hz): (Codec, u32),
        ssrc: u32,
        repair: bool,
        arrived: &Arrived<'_>,
    ) -> Stored {
        let Some((index, place)) = self.place(ssrc, repair, arrived.sequence_number) else {
            return Stored::OutOfWindow;
        };
        if self.ring.contains(index) {
            return Stored::Duplicate;
        }
        let gap = matches!(place, Place::Newest { skipped: 1.. });
        let broken = match place {
            Place::Newest { skipped: 0 } => false,
            Place::Newest { skipped } => self.nacks.missed(index, skipped, now).is_err(),
            Place::Late => {
                self.nacks.arrived(index, now);
                false
            }
            Place::Restarted => {
                self.nacks.clear();
                self.report = None;
                true
            }
        };
        let written = self.ring.insert(index, self.reception.epoch(), now, |out| write(out, codec, arrived));
        let Some(packet) = written else { return Stored::Oversize };
        if !repair {
            self.reception.count(arrived.header.timestamp, now, clock_rate_hz);
        }
        self.last_packet = Some(now);
        self.count(now, &packet);
        if broken { Stored::Broken { index } } else { Stored::At { index, gap } }
    }

    /// Expected and received packets since the last call, for loss reports.
    pub(crate) fn take_loss(&mut self) -> (u64, u64) {
        let now = (self.reception.expected(), self.reception.received());
        let before = std::mem::replace(&mut self.reported, now);
        (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1))
    }

    /// Bits per second over the last window, 0 once the layer is silent.
    pub(crate) fn bitrate_bps(&self) -> u64 {
        if self.live { self.totals.bitrate_bps } else { 0 }
    }

    /// A keyframe's packet came; `true` for the first of its picture (parameter sets and slices each look like one).
    pub(crate) fn keyframe(&mut self, timestamp: u32) -> bool {
        self.keyframes.arrived();
        let first = self.keyframe.replace(timestamp) != Some(timestamp);
        self.totals.keyframes += u64::from(first);
        first
    }

    fn place(&mut self, ssrc: u32, repair: bool, sequence_number: u16) -> Option<(u64, Place)> {
        let late_max = u16::try_from(self.ring.capacity()).unwrap_or(u16::MAX);
        if repair {
            // A repair of nothing: the stream itself has not begun.
            self.ssrc?;
        } else if self.ssrc.replace(ssrc).is_some_and(|before| before != ssrc) {
            return Some((self.reception.restart(sequence_number), Place::Restarted));
        }
        self.reception.place(sequence_number, late_max)
    }

    fn count(&mut self, now: Instant, packet: &Packet) {
        self.totals.packets += 1;
        self.totals.bytes += u64::from(packet.layout.length);
        let (start, bytes) = *self.window.get_or_insert((now, self.totals.bytes));
        let elapsed = now.saturating_duration_since(start);
        if elapsed >= BITRATE_WINDOW {
            let bits = (self.totals.bytes - bytes) as f64 * 8.0;
            self.totals.bitrate_bps = (bits / elapsed.as_secs_f64()) as u64;
            self.window = Some((now, self.totals.bytes));
        }
    }
}

/// Canonical form; a packet of only padding is no place to start from, whatever the codec.
fn write(out: &mut [u8], codec: Codec, arrived: &Arrived<'_>) -> Option<Layout> {
    let limit = edge_wire::rtp::PACKET_BYTES_MAX.min(SLOT_BYTES);
    let mut layout = canonical::write(&mut out[..limit], codec, arrived)?;
    if layout.is_padding() {
        layout.descriptor = Descriptor::default();
    }
    Some(layout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{self, Fields, Header};

    fn receive(layer: &mut Layer, now: Instant, ssrc: u32, sequence_number: u16, repair: bool) -> Stored {
        let mut packet = [0u8; 13];
        let fields = Fields { marker: false, payload_type: 96, sequence_number: 1, timestamp: 1, ssrc };
        rtp::write_header(&mut packet, fields, &[]).expect("there is room");
        let header = Header::parse(&packet).expect("well formed");
        let payload = &packet[header.payload.clone()];
        let arrived =
            Arrived { packet: &packet, header: &header, sequence_number, payload, ids: canonical::LINK_IDS };
        layer.receive(now, (Codec::Vp8, 90_000), ssrc, repair, &arrived)
    }

    #[test]
    fn a_repair_fills_its_place_once() {
        let now = crate::begin();
        let mut layer = Layer::new(Kind::Video);
        assert_eq!(receive(&mut layer, now, 5, 9, true), Stored::OutOfWindow, "nothing to repair yet");
        let Stored::At { index: first, .. } = receive(&mut layer, now, 5, 10, false) else {
            panic!("stored")
        };
        receive(&mut layer, now, 5, 12, false);
        assert!(layer.nacks.poll_timeout().is_some());
        assert_eq!(receive(&mut layer, now, 5, 11, true), Stored::At { index: first + 1, gap: false });
        assert_eq!(receive(&mut layer, now, 5, 11, false), Stored::Duplicate);
        assert_eq!(layer.nacks.poll_timeout(), None);
        assert_eq!(layer.take_loss(), (3, 2), "a repaired loss is still a loss of the path");
    }

    #[test]
    fn another_ssrc_is_a_new_numbering() {
        let now = crate::begin();
        let mut layer = Layer::new(Kind::Video);
        let Stored::At { index, .. } = receive(&mut layer, now, 5, 65_000, false) else { panic!("stored") };
        let Stored::Broken { index: restarted } = receive(&mut layer, now, 6, 64_999, false) else {
            panic!("restarted")
        };
        assert!(restarted > index);
        assert_ne!(layer.ring.get(index).map(|p| p.0.epoch), layer.ring.get(restarted).map(|p| p.0.epoch));
    }
}
