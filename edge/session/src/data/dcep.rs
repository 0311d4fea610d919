//! Data channel establishment messages (RFC 8832 section 5).

use bytes::Bytes;
use rtc_sctp::ReliabilityType;

use crate::{ChannelId, Event};

/// DATA_CHANNEL_ACK.
pub(crate) const ACK: Bytes = Bytes::from_static(&[2]);

const OPEN: u8 = 3;

/// Of label and of protocol. The protocol allows 64 kB each, and both live as long as the channel's owner keeps them.
const NAME_LENGTH_MAX: usize = 1024;

/// DATA_CHANNEL_OPEN.
#[derive(Debug, PartialEq)]
pub(crate) struct Open {
    pub(crate) ordered: bool,
    pub(crate) reliability: ReliabilityType,
    /// Retransmissions or milliseconds.
    pub(crate) reliability_parameter: u32,
    pub(crate) label: String,
    pub(crate) protocol: String,
}

impl Open {
    /// `None` for any other message, and for an OPEN that is not well formed.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let (header, names) = message.split_first_chunk::<12>()?;
        if header[0] != OPEN {
            return None;
        }
        let reliability = match header[1] & 0x7F {
            0 => ReliabilityType::Reliable,
            1 => ReliabilityType::Rexmit,
            2 => ReliabilityType::Timed,
            _ => return None,
        };
        let label_length = usize::from(u16::from_be_bytes([header[8], header[9]]));
        let protocol_length = usize::from(u16::from_be_bytes([header[10], header[11]]));
        if label_length > NAME_LENGTH_MAX || protocol_length > NAME_LENGTH_MAX {
            return None;
        }
        let (label, rest) = names.split_at_checked(label_length)?;
        let protocol = rest.get(..protocol_length)?;
        Some(Self {
            ordered: header[1] & 0x80 == 0,
            reliability,
            reliability_parameter: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            label: String::from_utf8(label.to_vec()).ok()?,
            protocol: String::from_utf8(protocol.to_vec()).ok()?,
        })
    }

    pub(crate) fn into_event(self, id: ChannelId) -> Event {
        let reliable = self.reliability == ReliabilityType::Reliable;
        Event::ChannelOpen { id, label: self.label, protocol: self.protocol, ordered: self.ordered, reliable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_is_read_and_every_truncation_refused() {
        let mut message = vec![3, 0x81, 1, 0, 0, 0, 0, 5, 0, 6, 0, 2];
        message.extend_from_slice("_lossyv1".as_bytes());
        let open = Open::parse(&message).expect("well formed");
        assert_eq!((open.label.as_str(), open.protocol.as_str(), open.ordered), ("_lossy", "v1", false));
        assert_eq!((open.reliability, open.reliability_parameter), (ReliabilityType::Rexmit, 5));
        for length in 0..message.len() {
            assert_eq!(Open::parse(&message[..length]), None);
        }
        message[1] = 3;
        assert_eq!(Open::parse(&message), None, "no such reliability");
        assert_eq!(Open::parse(&ACK), None);
    }
}
