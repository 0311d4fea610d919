//! One m-line of a peer: what it carries in each direction.

use edge_sdp::{AnswerMedia, Direction, Kind, OfferMedia};
use edge_sfu::Incoming;

use crate::codec::{self, Chosen};

#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) mid: String,
    pub(crate) kind: Kind,
    /// As last offered.
    pub(crate) offered: OfferMedia,
    /// The client sends in it.
    pub(crate) sends: bool,
    /// Format the client sends in, once chosen; it stays while the client sends.
    pub(crate) receiving: Option<Chosen>,
    /// Published track it carries.
    pub(crate) published: Option<String>,
    /// Stream this edge sends in it.
    pub(crate) outgoing: Option<OutgoingStream>,
    /// A stream ended here; the section is answered inactive once before it carries another.
    pub(crate) resting: bool,
}

/// A stream in a receiving section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutgoingStream {
    /// `None` only for a player whose sections are kept ready.
    pub(crate) track_sid: Option<String>,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
    pub(crate) cname: String,
    pub(crate) stream_id: String,
    /// `None`: the section's whole list is answered.
    pub(crate) format: Option<Chosen>,
}

impl Section {
    pub(crate) fn new(offered: OfferMedia) -> Self {
        Self {
            mid: offered.mid.clone(),
            kind: offered.kind,
            offered,
            sends: false,
            receiving: None,
            published: None,
            outgoing: None,
            resting: false,
        }
    }

    /// The client takes a stream in it (and sends none, so that it was made for receiving).
    pub(crate) fn receives(&self) -> bool {
        self.kind != Kind::Application
            && !self.offered.rejected
            && self.offered.direction.receives()
            && !self.sends
    }

    /// May be given a track now.
    pub(crate) fn can_take(&self) -> bool {
        self.receives()
            && !self.resting
            && self.outgoing.as_ref().is_none_or(|stream| stream.track_sid.is_none())
    }

    /// The client's own id of what it sends here.
    pub(crate) fn is_cid(&self, cid: &str) -> bool {
        self.mid == cid || self.offered.msid.as_ref().is_some_and(|(_, track)| track == cid)
    }

    /// RIDs by layer, lowest first: known names by their quality, else the offer's order.
    pub(crate) fn rids(&self) -> Vec<String> {
        const KNOWN: [&str; 3] = ["q", "h", "f"];
        let mut rids: Vec<String> =
            self.offered.send_rids.iter().take(edge_sfu::LAYERS_MAX).cloned().collect();
        let rank = |rid: &String| KNOWN.iter().position(|known| known == rid);
        if rids.iter().all(|rid| rank(rid).is_some()) {
            rids.sort_by_key(rank);
        }
        rids
    }

    /// How the media thread recognises what the client sends here.
    pub(crate) fn incoming(&self, source: edge_sfu::SourceId) -> Option<Incoming> {
        let chosen = self.receiving.as_ref()?;
        let rids = self.rids();
        // With one layer the client may declare it, or name it by RID, or both.
        let ssrcs = if rids.len() <= 1 {
            self.offered.sources.first().map(|s| (s.ssrc, s.rtx_ssrc)).into_iter().collect()
        } else {
            Vec::new()
        };
        Some(Incoming {
            mid: self.mid.clone(),
            source,
            payload_type: chosen.codec.payload_type,
            rtx_payload_type: chosen.rtx.as_ref().map(|rtx| rtx.payload_type),
            rids,
            ssrcs,
            extensions: codec::extensions(&self.offered.extensions).0,
        })
    }

    pub(crate) fn outgoing(&self) -> Option<edge_sfu::Outgoing> {
        let stream = self.outgoing.as_ref()?;
        Some(edge_sfu::Outgoing {
            mid: self.mid.clone(),
            ssrc: stream.ssrc,
            rtx_ssrc: stream.rtx_ssrc,
            cname: stream.cname.clone(),
            extensions: codec::extensions(&self.offered.extensions).0,
        })
    }

    pub(crate) fn answer(&self) -> AnswerMedia {
        let is_data = self.kind == Kind::Application;
        let direction = match (&self.receiving, &self.outgoing) {
            _ if is_data => Direction::SendRecv,
            (Some(_), None) if self.sends => Direction::RecvOnly,
            (_, Some(_)) => Direction::SendOnly,
            _ => Direction::Inactive,
        };
        let codecs = match (&self.receiving, self.outgoing.as_ref().and_then(|stream| stream.format.as_ref()))
        {
            (Some(chosen), _) if self.sends => chosen.list(),
            (_, Some(format)) => format.list(),
            _ => codec::supported(self.kind, &self.offered.codecs),
        };
        let unusable = !is_data && (codecs.is_empty() || (self.sends && self.receiving.is_none()));
        AnswerMedia {
            mid: self.mid.clone(),
            kind: self.kind,
            rejected: self.offered.rejected || unusable,
            direction,
            codecs,
            extensions: codec::extensions(&self.offered.extensions).1,
            receive_rids: if self.sends { self.offered_rids() } else { Vec::new() },
            outgoing: self.outgoing.as_ref().map(|stream| edge_sdp::Outgoing {
                ssrc: stream.ssrc,
                rtx_ssrc: stream.rtx_ssrc,
                cname: stream.cname.clone(),
                stream_id: stream.stream_id.clone(),
                track_id: stream.track_sid.clone().unwrap_or_else(|| self.mid.clone()),
            }),
        }
    }

    /// Accepted RIDs in the offer's order.
    fn offered_rids(&self) -> Vec<String> {
        self.offered.send_rids.iter().take(edge_sfu::LAYERS_MAX).cloned().collect()
    }
}
