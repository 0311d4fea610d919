use ring::aead::{AES_128_GCM, LessSafeKey, UnboundKey};

use super::cipher::Gcm;
use super::*;

/// Key and salt of the examples in RFC 7714 section 16, which gives session keys, not master keys.
fn rfc_7714() -> Cipher {
    let key: Vec<u8> = (0..16).collect();
    let key = UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes");
    Cipher::Gcm(Box::new(Gcm { key: LessSafeKey::new(key), salt: *b"Quid pro quo" }))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).expect("hex")).collect()
}

/// RFC 7714 section 16.1.1.
#[test]
fn the_srtp_gcm_vector_of_rfc_7714_comes_out_and_back() {
    let plain = hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
         69736120 696e2070 61727465 73207472 6573");
    let sealed = hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
         0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce");
    let rtp = Packet { ssrc: 0x5501_a0b2, index: 0xf17b, header_length: 12 };
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
    assert_eq!(rfc_7714().seal_rtp(rtp, &mut buffer, plain.len()), Ok(sealed.len()));
    assert_eq!(buffer, sealed);
    assert_eq!(rfc_7714().open_rtp(rtp, &mut buffer), Some(plain.len()));
    assert_eq!(buffer[..plain.len()], plain);
}

/// RFC 7714 section 17.1.
#[test]
fn the_srtcp_gcm_vector_of_rfc_7714_comes_out_and_back() {
    let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef");
    let sealed = hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    let (ssrc, index) = (0x4d61_7273, 0x5d4);
    let mut packet = plain.clone();
    assert_eq!(rfc_7714().seal_rtcp(ssrc, index, &mut packet), Ok(()));
    assert_eq!(packet, sealed);
    assert_eq!(rfc_7714().rtcp_index(&packet), Some(index));
    assert_eq!(rfc_7714().open_rtcp(ssrc, index, &mut packet), Some(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
}

#[test]
fn the_header_with_csrcs_and_extension_is_measured_and_never_beyond_the_packet() {
    let mut packet = vec![0x92, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(&[0xBE, 0xDE, 0, 2]);
    packet.extend_from_slice(&[0; 8]);
    assert_eq!(rtp_header_length(&packet), Some(12 + 8 + 4 + 8));
    for length in 0..packet.len() {
        assert_eq!(rtp_header_length(&packet[..length]), None);
    }
    assert_eq!(rtp_header_length(&[0x40; 12]), None, "version 1");
}
