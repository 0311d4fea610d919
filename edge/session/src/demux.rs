//! What a datagram on the shared port is (RFC 7983, RFC 5761).

/// Kind of a datagram, by its first two bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramKind {
    /// First byte 0–3.
    Stun,
    /// First byte 20–63.
    Dtls,
    /// First byte 128–191, second byte not an RTCP packet type.
    Rtp,
    /// First byte 128–191, second byte 192–223 (RTP payload types 64–95 are unusable with rtcp-mux for that reason).
    Rtcp,
    /// Anything else, an empty datagram included.
    Unknown,
}

/// Sorts a datagram. Says nothing about whether it is well formed.
#[must_use]
pub fn classify(datagram: &[u8]) -> DatagramKind {
    match (datagram.first(), datagram.get(1)) {
        (Some(0..=3), _) => DatagramKind::Stun,
        (Some(20..=63), _) => DatagramKind::Dtls,
        (Some(128..=191), Some(192..=223)) => DatagramKind::Rtcp,
        (Some(128..=191), Some(_)) => DatagramKind::Rtp,
        _ => DatagramKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_rfc_7983_is_told_apart() {
        assert_eq!(classify(&[]), DatagramKind::Unknown);
        assert_eq!(classify(&[0, 1]), DatagramKind::Stun);
        assert_eq!(classify(&[3]), DatagramKind::Stun);
        assert_eq!(classify(&[4]), DatagramKind::Unknown);
        assert_eq!(classify(&[20]), DatagramKind::Dtls);
        assert_eq!(classify(&[63]), DatagramKind::Dtls);
        assert_eq!(classify(&[64]), DatagramKind::Unknown);
        assert_eq!(classify(&[128]), DatagramKind::Unknown);
        assert_eq!(classify(&[128, 111]), DatagramKind::Rtp);
        assert_eq!(classify(&[0x90, 0x80 | 63]), DatagramKind::Rtp);
        assert_eq!(classify(&[0x80, 200]), DatagramKind::Rtcp);
        assert_eq!(classify(&[0x81, 206]), DatagramKind::Rtcp);
        assert_eq!(classify(&[0x80, 224]), DatagramKind::Rtp);
        assert_eq!(classify(&[192, 0]), DatagramKind::Unknown);
    }
}
