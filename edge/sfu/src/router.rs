//! Which track and layer an RTP packet of a session belongs to: declared SSRCs, else MID and RID extensions
//! (RFC 8843 section 9.2, RFC 8852).

use std::collections::HashMap;

use crate::canonical::{self, ELEMENTS};
use crate::rtp::Header;
use crate::{Incoming, LAYERS_MAX, Layer, SourceId};

/// SSRCs learned per session: 16 tracks of 4 layers, media and repair. Beyond it packets of new SSRCs are dropped.
const SSRCS_MAX: usize = 128;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) source: SourceId,
    pub(crate) layer: Layer,
    /// It repairs (RFC 4588) instead of being the media itself.
    pub(crate) repair: bool,
    pub(crate) payload_type: u8,
    pub(crate) ids: [Option<u8>; ELEMENTS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unroutable {
    #[error("SSRC and extensions name no track")]
    UnknownSsrc,
    #[error("payload type is not the track's")]
    PayloadType,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    incoming: usize,
    layer: Layer,
    repair: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Router {
    incoming: Vec<Incoming>,
    by_ssrc: HashMap<u32, Known>,
    mid: Option<u8>,
    rid: Option<u8>,
    repaired_rid: Option<u8>,
    transport_cc: Option<u8>,
}

impl Router {
    /// Replaces what is published. SSRCs learned for an m-line that stays are kept: senders stop repeating MID and RID.
    pub(crate) fn set(&mut self, incoming: Vec<Incoming>) {
        let old = std::mem::replace(&mut self.incoming, incoming);
        let moved: Vec<Option<usize>> = old
            .iter()
            .map(|old| self.incoming.iter().position(|new| new.mid == old.mid && new.source == old.source))
            .collect();
        self.by_ssrc.retain(|_, known| match moved.get(known.incoming).copied().flatten() {
            Some(now) => {
                known.incoming = now;
                true
            }
            None => false,
        });
        for (index, incoming) in self.incoming.iter().enumerate() {
            for (layer, (media, repair)) in incoming.ssrcs.iter().take(LAYERS_MAX).enumerate() {
                let layer = layer as Layer;
                self.by_ssrc.insert(*media, Known { incoming: index, layer, repair: false });
                if let Some(repair) = repair {
                    self.by_ssrc.insert(*repair, Known { incoming: index, layer, repair: true });
                }
            }
        }
        // One id per URI over a bundle (RFC 8843 section 9.2 and RFC 8285 section 5).
        let id = |pick: fn(&crate::Extensions) -> Option<u8>| {
            self.incoming.iter().find_map(|incoming| pick(&incoming.extensions))
        };
        let ids = (id(|e| e.mid), id(|e| e.rid), id(|e| e.repaired_rid), id(|e| e.transport_cc));
        (self.mid, self.rid, self.repaired_rid, self.transport_cc) = ids;
    }

    /// The transport-wide sequence number, where agreed and present.
    pub(crate) fn transport_sequence(&self, header: &Header, packet: &[u8]) -> Option<u16> {
        let value = header.element(packet, self.transport_cc)?;
        Some(u16::from_be_bytes([*value.first()?, *value.get(1)?]))
    }

    pub(crate) fn route(&mut self, header: &Header, packet: &[u8]) -> Result<Route, Unroutable> {
        let known = match self.by_ssrc.get(&header.ssrc) {
            Some(known) => *known,
            None => self.learn(header, packet).ok_or(Unroutable::UnknownSsrc)?,
        };
        let incoming = self.incoming.get(known.incoming).ok_or(Unroutable::UnknownSsrc)?;
        let expected = if known.repair { incoming.rtx_payload_type } else { Some(incoming.payload_type) };
        if expected != Some(header.payload_type) {
            return Err(Unroutable::PayloadType);
        }
        Ok(Route {
            source: incoming.source,
            layer: known.layer,
            repair: known.repair,
            payload_type: header.payload_type,
            ids: canonical::ids_by_position(&incoming.extensions),
        })
    }

    /// Every source and layer that may come from here.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (SourceId, Layer)> {
        let layers = |incoming: &Incoming| incoming.rids.len().max(incoming.ssrcs.len()).clamp(1, LAYERS_MAX);
        self.incoming
            .iter()
            .flat_map(move |incoming| (0..layers(incoming) as Layer).map(|layer| (incoming.source, layer)))
    }

    /// What an SSRC was found to be: source and layer, media only.
    pub(crate) fn media(&self, ssrc: u32) -> Option<(SourceId, Layer)> {
        let known = self.by_ssrc.get(&ssrc).filter(|known| !known.repair)?;
        Some((self.incoming.get(known.incoming)?.source, known.layer))
    }

    fn learn(&mut self, header: &Header, packet: &[u8]) -> Option<Known> {
        if self.by_ssrc.len() >= SSRCS_MAX {
            return None;
        }
        let mid = header.element(packet, self.mid);
        let by_mid = mid.and_then(|mid| self.incoming.iter().position(|i| i.mid.as_bytes() == mid));
        let index = by_mid.or_else(|| self.by_payload_type(header.payload_type))?;
        let incoming = &self.incoming[index];
        let repair = incoming.rtx_payload_type == Some(header.payload_type);
        let rid = header.element(packet, if repair { self.repaired_rid } else { self.rid });
        let layer = match rid {
            Some(rid) => incoming.rids.iter().position(|known| known.as_bytes() == rid)?,
            None if incoming.rids.len() <= 1 => 0,
            None => return None,
        };
        if layer >= LAYERS_MAX {
            return None;
        }
        let known = Known { incoming: index, layer: layer as Layer, repair };
        // A layer has one SSRC of each sort: a new one replaces the old.
        self.by_ssrc.retain(|_, old| {
            (old.incoming, old.layer, old.repair) != (known.incoming, known.layer, known.repair)
        });
        self.by_ssrc.insert(header.ssrc, known);
        Some(known)
    }

    /// The m-line that alone uses this payload type.
    fn by_payload_type(&self, payload_type: u8) -> Option<usize> {
        let mut users = self.incoming.iter().enumerate().filter(|(_, incoming)| {
            incoming.payload_type == payload_type || incoming.rtx_payload_type == Some(payload_type)
        });
        let (index, _) = users.next()?;
        users.next().is_none().then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extensions;
    use crate::rtp::{self, Fields};

    fn incoming(mid: &str, source: u32, rids: &[&str], ssrcs: &[(u32, Option<u32>)]) -> Incoming {
        Incoming {
            mid: mid.to_owned(),
            source: SourceId(source),
            payload_type: 96,
            rtx_payload_type: Some(97),
            rids: rids.iter().map(ToString::to_string).collect(),
            ssrcs: ssrcs.to_vec(),
            extensions: Extensions {
                mid: Some(1),
                rid: Some(2),
                repaired_rid: Some(3),
                ..Extensions::default()
            },
        }
    }

    fn route(
        router: &mut Router,
        ssrc: u32,
        payload_type: u8,
        elements: &[(u8, &[u8])],
    ) -> Result<(u32, Layer, bool), Unroutable> {
        let mut packet = [0u8; 64];
        let fields = Fields { marker: false, payload_type, sequence_number: 1, timestamp: 1, ssrc };
        let length = rtp::write_header(&mut packet, fields, elements).expect("there is room");
        let header = Header::parse(&packet[..length]).expect("well formed");
        router.route(&header, &packet[..length]).map(|route| (route.source.0, route.layer, route.repair))
    }

    #[test]
    fn learns_simulcast_by_mid_and_rid_and_remembers() {
        let mut router = Router::default();
        router.set(vec![incoming("0", 7, &["q", "h", "f"], &[]), incoming("1", 8, &[], &[(50, Some(51))])]);
        assert_eq!(route(&mut router, 10, 96, &[]), Err(Unroutable::UnknownSsrc));
        assert_eq!(route(&mut router, 10, 96, &[(1, b"0"), (2, b"h")]), Ok((7, 1, false)));
        assert_eq!(route(&mut router, 11, 97, &[(1, b"0"), (3, b"h")]), Ok((7, 1, true)));
        assert_eq!(route(&mut router, 10, 96, &[]), Ok((7, 1, false)), "remembered");
        assert_eq!(route(&mut router, 12, 96, &[(1, b"0"), (2, b"x")]), Err(Unroutable::UnknownSsrc));
        assert_eq!(route(&mut router, 50, 96, &[]), Ok((8, 0, false)), "declared");
        assert_eq!(route(&mut router, 51, 97, &[]), Ok((8, 0, true)));
        assert_eq!(route(&mut router, 50, 100, &[]), Err(Unroutable::PayloadType));

        // The first m-line goes, the second moves to the front and keeps what it knows.
        router.set(vec![incoming("1", 8, &[], &[])]);
        assert_eq!(route(&mut router, 50, 96, &[]), Ok((8, 0, false)));
        assert_eq!(router.media(10), None);
    }

    #[test]
    fn a_payload_type_used_once_names_its_line() {
        let mut router = Router::default();
        router.set(vec![incoming("0", 7, &[], &[])]);
        assert_eq!(route(&mut router, 10, 96, &[]), Ok((7, 0, false)));
    }

    #[test]
    fn unknown_ssrcs_do_not_fill_the_table() {
        let mut router = Router::default();
        router.set(vec![incoming("0", 7, &[], &[])]);
        for ssrc in 0..10_000 {
            let _ = route(&mut router, ssrc, 96, &[(1, b"0")]);
        }
        assert!(router.by_ssrc.len() <= 2, "a layer has one media SSRC: {}", router.by_ssrc.len());
    }
}
