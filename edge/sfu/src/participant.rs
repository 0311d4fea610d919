//! One client session of the shard: its transport and what hangs on it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use edge_session::{ChannelId, Session};

use crate::counters::Counters;
use crate::outgoing::{Outgoing, Rewrite};
use crate::ring::Packet;
use crate::router::Router;
use crate::transmits::Transmits;
use crate::{SessionId, outgoing, twcc};

/// Data channels remembered by label; more are served by nobody.
pub(crate) const CHANNELS_MAX: usize = 16;
/// SSRC of our own in receiver reports and feedback: 1 means nothing to clients, as with other SFUs.
pub(crate) const LOCAL_SSRC: u32 = 1;

/// An open data channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) label: String,
    pub(crate) reliable: bool,
}

#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    pub(crate) ufrags: Vec<String>,
    /// SRTP keys are there.
    pub(crate) has_media: bool,
    pub(crate) router: Router,
    pub(crate) twcc: twcc::Recorder,
    /// A feedback timer is set.
    pub(crate) twcc_armed: bool,
    /// Any SSRC of the peer, for feedback messages.
    pub(crate) media_ssrc: u32,
    pub(crate) outgoing: Vec<u32>,
    /// Outgoing stream by media SSRC.
    pub(crate) by_ssrc: HashMap<u32, u32>,
    /// Next packet index of SSRCs no longer declared: should one come back, it goes on from there.
    pub(crate) retired: HashMap<u32, u64>,
    pub(crate) channels: Vec<Channel>,
    /// A reliable message was lost: no other may follow it.
    pub(crate) has_overflown: bool,
    pub(crate) rtt: Option<Duration>,
}

impl Participant {
    pub(crate) fn new(id: SessionId, session: Session, ufrag: String, now: Instant) -> Self {
        Self {
            id,
            session,
            ufrags: vec![ufrag],
            has_media: false,
            router: Router::default(),
            twcc: twcc::Recorder::new(now),
            twcc_armed: false,
            media_ssrc: 0,
            outgoing: Vec::new(),
            by_ssrc: HashMap::new(),
            retired: HashMap::new(),
            channels: Vec::new(),
            has_overflown: false,
            rtt: None,
        }
    }

    /// Where media can be sent to now.
    pub(crate) fn media_destination(&self) -> Option<SocketAddr> {
        if self.has_media { self.session.destination() } else { None }
    }

    /// Writes, seals and queues one packet of a stream of this session.
    pub(crate) fn send_media(
        &mut self,
        destination: SocketAddr,
        outgoing: &Outgoing,
        rewrite: &Rewrite,
        (packet, bytes): (&Packet, &[u8]),
        transmits: &mut Transmits,
        counters: &mut Counters,
    ) -> bool {
        let roc = (rewrite.index >> 16) as u32;
        let session = &mut self.session;
        let sent = transmits.push_with(destination, length_max(bytes), |out| {
            let length = outgoing.write(rewrite, packet, bytes, out)?;
            session.seal_rtp(roc, out, length).ok()
        });
        count(sent, counters)
    }

    /// As [`Self::send_media`], as a repair.
    pub(crate) fn send_repair(
        &mut self,
        destination: SocketAddr,
        outgoing: &mut Outgoing,
        rewrite: &Rewrite,
        (packet, bytes): (&Packet, &[u8]),
        transmits: &mut Transmits,
        counters: &mut Counters,
    ) -> bool {
        let session = &mut self.session;
        let sent = transmits.push_with(destination, length_max(bytes), |out| {
            let (length, index) = outgoing.write_repair(rewrite, packet, bytes, out)?;
            session.seal_rtp((index >> 16) as u32, out, length).ok()
        });
        count(sent, counters)
    }

    /// Seals and queues a compound RTCP packet; leaves `compound` empty.
    pub(crate) fn send_rtcp(
        &mut self,
        compound: &mut Vec<u8>,
        transmits: &mut Transmits,
        counters: &mut Counters,
    ) {
        if let Some(destination) = self.media_destination()
            && !compound.is_empty()
            && self.session.seal_rtcp(compound).is_ok()
            && transmits.push(destination, compound).is_some()
        {
            counters.rtcp_out += 1;
            counters.datagrams_out += 1;
            counters.bytes_out += compound.len() as u64;
        }
        compound.clear();
    }
}

fn length_max(canonical: &[u8]) -> usize {
    canonical.len() + outgoing::GROWTH_MAX + edge_session::SRTP_OVERHEAD_MAX
}

fn count(sent: Option<usize>, counters: &mut Counters) -> bool {
    match sent {
        Some(length) => {
            counters.datagrams_out += 1;
            counters.bytes_out += length as u64;
            true
        }
        None => {
            counters.dropped_seal_failed += 1;
            false
        }
    }
}
