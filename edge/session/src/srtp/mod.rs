//! SRTP and SRTCP of one peer, in place (RFC 3711, RFC 7714).
//!
//! This is the only owner of the keys. `rtc-srtp` is not used: it guesses the rollover counter where the caller knows
//! it, makes state for SSRCs before it has authenticated them, and allocates per packet. The tests have it as the
//! other side.

mod cipher;
mod kdf;
mod replay;

use std::time::Instant;

use rtc_crypto::RTCCrypto;

use crate::DropReason;
use crate::dtls::KeyingMaterial;
use cipher::{Cipher, Packet};
use replay::ReplayTable;

/// Bytes `seal_rtp` may add: the GCM tag of 16 (AES-CM adds 10).
pub const SRTP_OVERHEAD_MAX: usize = 16;

/// Bytes `seal_rtcp` may add: the GCM tag and the index of 4.
pub const SRTCP_OVERHEAD_MAX: usize = 20;

/// A sender has at most 2^31 SRTCP packets per key (RFC 3711 section 3.4): 3 years at 20 a second.
const SRTCP_INDEX_MAX: u32 = (1 << 31) - 1;

const RTP_HEADER_LENGTH: usize = 12;
const RTCP_HEADER_LENGTH: usize = 8;

/// SRTP protection profile in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// SRTP_AEAD_AES_128_GCM (RFC 7714).
    AeadAes128Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764), for peers that offer nothing better.
    Aes128CmSha1_80,
}

impl SrtpProfile {
    /// The IANA name, and a metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        }
    }

    const KEY_LENGTH: usize = 16;

    fn salt_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Two keys and two salts.
    pub(crate) fn keying_material_length(self) -> usize {
        2 * (Self::KEY_LENGTH + self.salt_length())
    }
}

/// Why a packet could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("no SRTP keys: the session is not connected, or negotiated no SRTP")]
    NoKeys,
    #[error("not an RTP or RTCP packet: too short for its header, or not version 2")]
    Malformed,
    #[error("the buffer has less than SRTP_OVERHEAD_MAX spare bytes behind the packet")]
    NoRoom,
    #[error("all 2^31 SRTCP indices of the key are used; the session has to be made anew")]
    IndexExhausted,
    #[error("the crypto provider refused")]
    Crypto,
}

/// Keys and replay state of both directions.
pub(crate) struct Srtp {
    outbound_rtp: Cipher,
    outbound_rtcp: Cipher,
    inbound_rtp: Cipher,
    inbound_rtcp: Cipher,
    rtp_replay: ReplayTable,
    rtcp_replay: ReplayTable,
    next_rtcp_index: u32,
}

impl Srtp {
    /// `material` is laid out as RFC 5764 section 4.2 says; this side is the DTLS server.
    pub(crate) fn new(material: &KeyingMaterial, crypto: &dyn RTCCrypto) -> Result<Self, SealError> {
        let salt_length = material.profile.salt_length();
        let (keys, salts) = material.bytes.as_ref().split_at(2 * SrtpProfile::KEY_LENGTH);
        let (client_key, server_key) = keys.split_at(SrtpProfile::KEY_LENGTH);
        let (client_salt, server_salt) = salts.split_at(salt_length);
        let client = kdf::Master { crypto, key: client_key, salt: client_salt };
        let server = kdf::Master { crypto, key: server_key, salt: server_salt };
        Ok(Self {
            outbound_rtp: Cipher::new(material.profile, &server, kdf::Use::Rtp)?,
            outbound_rtcp: Cipher::new(material.profile, &server, kdf::Use::Rtcp)?,
            inbound_rtp: Cipher::new(material.profile, &client, kdf::Use::Rtp)?,
            inbound_rtcp: Cipher::new(material.profile, &client, kdf::Use::Rtcp)?,
            rtp_replay: ReplayTable::default(),
            rtcp_replay: ReplayTable::default(),
            next_rtcp_index: 0,
        })
    }

    /// Opens `packet` in place; the plaintext is its first bytes, as many as returned.
    pub(crate) fn open_rtp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, DropReason> {
        let header_length = rtp_header_length(packet).ok_or(DropReason::Malformed)?;
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = read_u32(packet, 8);
        let index = self.rtp_replay.rtp_index(ssrc, sequence).ok_or(DropReason::Replayed)?;
        self.rtp_replay.check(now, ssrc, index)?;
        let rtp = Packet { ssrc, index, header_length };
        let length = self.inbound_rtp.open_rtp(rtp, packet).ok_or(DropReason::Unauthenticated)?;
        self.rtp_replay.accept(now, ssrc, index);
        Ok(length)
    }

    /// Opens a compound packet in place, as [`Self::open_rtp`] does.
    pub(crate) fn open_rtcp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, DropReason> {
        if packet.len() < RTCP_HEADER_LENGTH || packet[0] >> 6 != 2 {
            return Err(DropReason::Malformed);
        }
        let ssrc = read_u32(packet, 4);
        let index = self.inbound_rtcp.rtcp_index(packet).ok_or(DropReason::Malformed)?;
        self.rtcp_replay.check(now, ssrc, index.into())?;
        let length = self.inbound_rtcp.open_rtcp(ssrc, index, packet).ok_or(DropReason::Unauthenticated)?;
        self.rtcp_replay.accept(now, ssrc, index.into());
        Ok(length)
    }

    /// Seals `packet[..length]` under rollover counter `roc`; returns the sealed length.
    pub(crate) fn seal_rtp(
        &mut self,
        roc: u32,
        packet: &mut [u8],
        length: usize,
    ) -> Result<usize, SealError> {
        let plain = packet.get(..length).ok_or(SealError::NoRoom)?;
        let header_length = rtp_header_length(plain).ok_or(SealError::Malformed)?;
        if packet.len() - length < SRTP_OVERHEAD_MAX {
            return Err(SealError::NoRoom);
        }
        let index = u64::from(roc) << 16 | u64::from(u16::from_be_bytes([plain[2], plain[3]]));
        let rtp = Packet { ssrc: read_u32(plain, 8), index, header_length };
        self.outbound_rtp.seal_rtp(rtp, packet, length)
    }

    /// Seals a compound packet. One index counts all SSRCs, so no (SSRC, index) comes twice.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SealError> {
        if packet.len() < RTCP_HEADER_LENGTH || packet[0] >> 6 != 2 {
            return Err(SealError::Malformed);
        }
        let index = self.next_rtcp_index;
        if index > SRTCP_INDEX_MAX {
            return Err(SealError::IndexExhausted);
        }
        self.next_rtcp_index += 1;
        let ssrc = read_u32(packet, 4);
        self.outbound_rtcp.seal_rtcp(ssrc, index, packet)
    }
}

/// Length of the RTP header with CSRCs and extensions (RFC 3550 section 5.1); `None` when it overruns the packet.
fn rtp_header_length(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut length = RTP_HEADER_LENGTH + 4 * usize::from(first & 0x0F);
    if first & 0x10 != 0 {
        let head = packet.get(length..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    }
    (length <= packet.len()).then_some(length)
}

fn read_u32(packet: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes([packet[offset], packet[offset + 1], packet[offset + 2], packet[offset + 3]])
}

#[cfg(test)]
mod tests;
