//! Session keys from master keys (RFC 3711 section 4.3, RFC 7714 section 11), with the key derivation rate of 0 that
//! DTLS-SRTP uses.

use rtc_crypto::{BlockCipherAlgorithm, RTCCrypto};

use super::SealError;

/// The master key and salt of one direction.
pub(crate) struct Master<'a> {
    pub(crate) crypto: &'a dyn RTCCrypto,
    pub(crate) key: &'a [u8],
    pub(crate) salt: &'a [u8],
}

/// Which session keys.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Rtp,
    Rtcp,
}

#[derive(Clone, Copy)]
pub(crate) enum Label {
    Encryption,
    Authentication,
    Salt,
}

impl Master<'_> {
    /// The session key, session authentication key or session salt for `usage`.
    pub(crate) fn derive<const LENGTH: usize>(
        &self,
        usage: Use,
        label: Label,
    ) -> Result<[u8; LENGTH], SealError> {
        let label = label as u8 + if matches!(usage, Use::Rtcp) { 3 } else { 0 };
        let mut out = [0; LENGTH];
        for (counter, chunk) in out.chunks_mut(16).enumerate() {
            // A salt of 96 bits is padded to the 112 bits AES-CM has.
            let mut block = [0; 16];
            block[..self.salt.len()].copy_from_slice(self.salt);
            block[7] ^= label;
            block[15] = counter as u8;
            self.crypto
                .block_encrypt(BlockCipherAlgorithm::Aes128, self.key, &mut block)
                .map_err(|_| SealError::Crypto)?;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn the_key_derivation_vectors_of_rfc_3711_come_out() {
        let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
        let master = Master {
            crypto: provider.crypto(),
            key: &[
                0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41,
                0x39,
            ],
            salt: &[0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6],
        };
        let key: [u8; 16] = master.derive(Use::Rtp, Label::Encryption).expect("AES-128 is there");
        let salt: [u8; 14] = master.derive(Use::Rtp, Label::Salt).expect("AES-128 is there");
        let auth: [u8; 20] = master.derive(Use::Rtp, Label::Authentication).expect("AES-128 is there");
        assert_eq!(key, 0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128.to_be_bytes());
        assert_eq!(
            salt,
            [0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C, 0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1]
        );
        assert_eq!(auth[..8], [0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B]);
    }
}
