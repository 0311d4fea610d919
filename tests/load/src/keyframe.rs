//! Keyframe requests (PLI, FIR) for what a client publishes: the stock stack keeps them from the application unless it listens itself.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Browsers make no two keyframes within this, however often they are asked (libwebrtc, `kMinKeyframeSendInterval`).
const INTERVAL_MIN: Duration = Duration::from_millis(300);

/// SSRCs of which a keyframe was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<Mutex<BTreeSet<u32>>>);

impl Requests {
    /// Whether the next picture is to be a keyframe; the last one was sent at `last`.
    pub(crate) fn take(&self, ssrc: u32, last: Option<Instant>, now: Instant) -> bool {
        let is_early = last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL_MIN);
        !is_early && self.0.lock().remove(&ssrc)
    }
}

/// Reads requests as they pass, and holds up nothing.
#[derive(Default)]
pub(crate) struct Listener {
    requests: Requests,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Listener {
    pub(crate) fn new(requests: Requests) -> Self {
        Self { requests, ..Self::default() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Listener {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet {
            let mut asked = self.requests.0.lock();
            for packet in packets {
                if let Some(pli) = packet.as_any().downcast_ref::<PictureLossIndication>() {
                    asked.insert(pli.media_ssrc);
                } else if let Some(fir) = packet.as_any().downcast_ref::<FullIntraRequest>() {
                    asked.extend(fir.fir.iter().map(|entry| entry.ssrc));
                }
            }
        }
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for Listener {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use rtc::interceptor::AttributedPacket;

    use super::*;

    #[test]
    fn a_request_passes_and_is_answered_once_and_not_too_often() {
        let requests = Requests::default();
        let mut listener = Listener::new(requests.clone());
        let now = Instant::now();
        let pli = || PictureLossIndication { sender_ssrc: 1, media_ssrc: 7 };
        let mut ask = || {
            let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(pli())]));
            let message = TaggedPacket { now, transport: Default::default(), message };
            listener.handle_read(message).expect("it takes everything");
            assert!(listener.poll_read().is_some(), "others read it too");
        };
        ask();
        assert!(!requests.take(8, None, now));
        assert!(requests.take(7, None, now) && !requests.take(7, None, now));
        ask();
        assert!(!requests.take(7, Some(now), now + INTERVAL_MIN / 2), "too soon");
        assert!(requests.take(7, Some(now), now + INTERVAL_MIN), "and not forgotten");
    }
}
