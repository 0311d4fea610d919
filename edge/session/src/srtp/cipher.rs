//! The two transforms: AES-GCM (RFC 7714) on ring, AES-CM with HMAC-SHA1 (RFC 3711) for the peers without it.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use rtc_crypto::{StreamCipher, StreamCipherAlgorithm};

use super::kdf::{Label, Master, Use};
use super::{RTCP_HEADER_LENGTH, SealError, SrtpProfile};

const GCM_TAG_LENGTH: usize = 16;
const HMAC_TAG_LENGTH: usize = 10;
const INDEX_LENGTH: usize = 4;

/// First bit of the word behind an SRTCP packet: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Session keys of one direction, for RTP or for RTCP.
pub(crate) enum Cipher {
    Gcm(Box<Gcm>),
    Cm(Box<Cm>),
}

pub(crate) struct Gcm {
    pub(super) key: LessSafeKey,
    pub(super) salt: [u8; 12],
}

pub(crate) struct Cm {
    stream: Box<dyn StreamCipher>,
    authentication: hmac::Key,
    salt: [u8; 14],
}

/// What the transforms need to know of an RTP packet.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) ssrc: u32,
    /// Rollover counter and sequence number.
    pub(crate) index: u64,
    pub(crate) header_length: usize,
}

impl Cipher {
    pub(crate) fn new(profile: SrtpProfile, master: &Master<'_>, usage: Use) -> Result<Self, SealError> {
        let key: [u8; 16] = master.derive(usage, Label::Encryption)?;
        Ok(match profile {
            SrtpProfile::AeadAes128Gcm => {
                let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| SealError::Crypto)?;
                let salt = master.derive(usage, Label::Salt)?;
                Self::Gcm(Box::new(Gcm { key: LessSafeKey::new(key), salt }))
            }
            SrtpProfile::Aes128CmSha1_80 => {
                let authentication: [u8; 20] = master.derive(usage, Label::Authentication)?;
                Self::Cm(Box::new(Cm {
                    stream: master
                        .crypto
                        .new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, &key)
                        .map_err(|_| SealError::Crypto)?,
                    authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
                    salt: master.derive(usage, Label::Salt)?,
                }))
            }
        })
    }

    /// Seals `buffer[..length]`; the caller has made sure of room for the tag.
    pub(crate) fn seal_rtp(
        &mut self,
        rtp: Packet,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, SealError> {
        let (packet, spare) = buffer.split_at_mut(length);
        let (header, payload) = packet.split_at_mut(rtp.header_length);
        match self {
            Self::Gcm(gcm) => {
                let tag = gcm
                    .key
                    .seal_in_place_separate_tag(gcm.rtp_nonce(rtp), Aad::from(&*header), payload)
                    .map_err(|_| SealError::Crypto)?;
                spare[..GCM_TAG_LENGTH].copy_from_slice(tag.as_ref());
                Ok(length + GCM_TAG_LENGTH)
            }
            Self::Cm(cm) => {
                cm.keystream(rtp.ssrc, rtp.index, payload).ok_or(SealError::Crypto)?;
                let tag = cm.tag(packet, &rtp.roc());
                spare[..HMAC_TAG_LENGTH].copy_from_slice(&tag.as_ref()[..HMAC_TAG_LENGTH]);
                Ok(length + HMAC_TAG_LENGTH)
            }
        }
    }

    /// Opens in place; the length of the plaintext packet, or `None` when it does not authenticate.
    pub(crate) fn open_rtp(&mut self, rtp: Packet, packet: &mut [u8]) -> Option<usize> {
        match self {
            Self::Gcm(gcm) => {
                let (header, sealed) = packet.split_at_mut(rtp.header_length);
                let opened = gcm.key.open_in_place(gcm.rtp_nonce(rtp), Aad::from(&*header), sealed).ok()?;
                Some(rtp.header_length + opened.len())
            }
            Self::Cm(cm) => {
                let length = packet.len().checked_sub(HMAC_TAG_LENGTH)?;
                let (packet, tag) = packet.split_at_mut(length);
                cm.verify(packet, &rtp.roc(), tag)?;
                cm.keystream(rtp.ssrc, rtp.index, packet.get_mut(rtp.header_length..)?)?;
                Some(length)
            }
        }
    }

    pub(crate) fn seal_rtcp(&mut self, ssrc: u32, index: u32, packet: &mut Vec<u8>) -> Result<(), SealError> {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::Gcm(gcm) => {
                let (header, payload) = packet.split_at_mut(RTCP_HEADER_LENGTH);
                let aad = Aad::from(rtcp_aad(header, word));
                let tag = gcm
                    .key
                    .seal_in_place_separate_tag(gcm.rtcp_nonce(ssrc, index), aad, payload)
                    .map_err(|_| SealError::Crypto)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Self::Cm(cm) => {
                cm.keystream(ssrc, index.into(), &mut packet[RTCP_HEADER_LENGTH..])
                    .ok_or(SealError::Crypto)?;
                let tag = cm.tag(packet, &word);
                packet.extend_from_slice(&word);
                packet.extend_from_slice(&tag.as_ref()[..HMAC_TAG_LENGTH]);
            }
        }
        Ok(())
    }

    /// The index an SRTCP packet carries; `None` when it is too short or says it is not encrypted (RFC 8827
    /// section 6.5 wants all of it encrypted).
    pub(crate) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let (behind, tag_length) = match self {
            Self::Gcm(_) => (0, GCM_TAG_LENGTH),
            Self::Cm(_) => (HMAC_TAG_LENGTH, HMAC_TAG_LENGTH),
        };
        if packet.len() < RTCP_HEADER_LENGTH + tag_length + INDEX_LENGTH {
            return None;
        }
        let word = super::read_u32(packet, packet.len() - behind - INDEX_LENGTH);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    /// Opens in place a packet whose index [`Self::rtcp_index`] has read; the length of the plaintext packet.
    pub(crate) fn open_rtcp(&mut self, ssrc: u32, index: u32, packet: &mut [u8]) -> Option<usize> {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::Gcm(gcm) => {
                let end = packet.len().checked_sub(INDEX_LENGTH)?;
                let (header, sealed) = packet[..end].split_at_mut(RTCP_HEADER_LENGTH);
                let aad = Aad::from(rtcp_aad(header, word));
                let opened = gcm.key.open_in_place(gcm.rtcp_nonce(ssrc, index), aad, sealed).ok()?;
                Some(RTCP_HEADER_LENGTH + opened.len())
            }
            Self::Cm(cm) => {
                let length = packet.len().checked_sub(INDEX_LENGTH + HMAC_TAG_LENGTH)?;
                let (packet, trailer) = packet.split_at_mut(length);
                cm.verify(packet, &word, trailer.get(INDEX_LENGTH..)?)?;
                cm.keystream(ssrc, index.into(), packet.get_mut(RTCP_HEADER_LENGTH..)?)?;
                Some(length)
            }
        }
    }
}

impl Packet {
    fn roc(self) -> [u8; 4] {
        ((self.index >> 16) as u32).to_be_bytes()
    }
}

impl Gcm {
    /// RFC 7714 section 8.1.
    fn rtp_nonce(&self, rtp: Packet) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &rtp.ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &rtp.index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// RFC 7714 section 9.1.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[8..12], &index.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Cm {
    /// RFC 3711 section 4.1.1.
    fn keystream(&mut self, ssrc: u32, index: u64, data: &mut [u8]) -> Option<()> {
        let mut counter = [0; 16];
        counter[..14].copy_from_slice(&self.salt);
        xor(&mut counter[4..8], &ssrc.to_be_bytes());
        xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
        self.stream.apply_keystream(&counter, data).ok()
    }

    fn tag(&self, packet: &[u8], trailer: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(trailer);
        context.sign()
    }

    fn verify(&self, packet: &[u8], trailer: &[u8], tag: &[u8]) -> Option<()> {
        let expected = self.tag(packet, trailer);
        rtc_crypto::constant_time_eq(&expected.as_ref()[..HMAC_TAG_LENGTH], tag).then_some(())
    }
}

/// RFC 7714 section 9.2: the header and the word with the index.
fn rtcp_aad(header: &[u8], word: [u8; 4]) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..RTCP_HEADER_LENGTH].copy_from_slice(header);
    aad[RTCP_HEADER_LENGTH..].copy_from_slice(&word);
    aad
}

fn xor(target: &mut [u8], with: &[u8]) {
    for (byte, mask) in target.iter_mut().zip(with) {
        *byte ^= mask;
    }
}
