//! What a session is made from.

use std::str::FromStr;
use std::sync::Arc;

use ring::digest;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::crypto::Certificate;
use rtc_sctp::{EndpointConfig, ServerConfig, TransportConfig};

use crate::data::{MESSAGE_LENGTH_MAX, RECEIVE_BUFFER_BYTES};

/// What all sessions of a process share: the crypto provider, one DTLS certificate, the SCTP settings.
pub struct Config {
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
    pub(crate) certificate: Certificate,
    pub(crate) sctp_endpoint: Arc<EndpointConfig>,
    pub(crate) sctp_server: Arc<ServerConfig>,
    fingerprint: String,
}

impl Config {
    /// Makes a fresh self-signed P-256 certificate. Call once per process: peers trust it by the fingerprint in the
    /// SDP answer, so it needs no name and no file.
    ///
    /// # Errors
    /// When the crypto provider lacks randomness or P-256.
    pub fn generate() -> Result<Arc<Self>, ConfigError> {
        let provider =
            rtc_crypto::default_provider().map_err(|error| ConfigError::Provider(error.to_string()))?;
        let certificate = Certificate::generate_self_signed(vec!["seodang".to_owned()], provider.crypto())
            .map_err(|error| ConfigError::Certificate(error.to_string()))?;
        let der = certificate
            .certificate
            .first()
            .ok_or_else(|| ConfigError::Certificate("empty chain".to_owned()))?;
        let fingerprint = colon_hex(digest::digest(&digest::SHA256, der).as_ref());
        let transport = TransportConfig::default()
            .with_sctp_port(5000)
            .with_max_message_size(MESSAGE_LENGTH_MAX as u32)
            .with_max_receive_buffer_size(RECEIVE_BUFFER_BYTES);
        Ok(Arc::new(Self {
            provider,
            certificate,
            sctp_endpoint: Arc::new(EndpointConfig::new()),
            sctp_server: Arc::new(ServerConfig::new(transport)),
            fingerprint,
        }))
    }

    /// SHA-256 of the certificate as SDP writes it after `a=fingerprint:sha-256 `: `AA:BB:..`.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Why a [`Config`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("no crypto provider: {0}")]
    Provider(String),
    #[error("cannot make a DTLS certificate: {0}")]
    Certificate(String),
}

/// Our ICE credentials for one session (RFC 8445 section 5.3): at least 4 characters of ufrag, 22 of password. The
/// caller chooses them, so a ufrag can name the shard and the session.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalIce {
    pub ufrag: String,
    pub pwd: String,
}

impl std::fmt::Debug for LocalIce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIce").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// What the peer's SDP says about its transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteParameters {
    /// For the log alone: a lite agent authenticates checks by its own ufrag and password (RFC 8445 section 7.3).
    pub ice_ufrag: String,
    /// The certificate the peer must present.
    pub fingerprint: Fingerprint,
}

/// A certificate fingerprint (RFC 8122): SHA-256, SHA-384 or SHA-512 of its DER form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    algorithm: &'static digest::Algorithm,
    bytes: Vec<u8>,
}

impl Fingerprint {
    /// Whether `der` is the certificate meant.
    #[must_use]
    pub fn matches(&self, der: &[u8]) -> bool {
        digest::digest(self.algorithm, der).as_ref() == self.bytes
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the value of an `a=fingerprint` line: `sha-256 AA:BB:..`, in upper or lower case.
    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (name, hex) = value.trim().split_once(' ').ok_or(FingerprintError::Form)?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha-256" => &digest::SHA256,
            "sha-384" => &digest::SHA384,
            "sha-512" => &digest::SHA512,
            _ => return Err(FingerprintError::Algorithm(name.chars().take(16).collect())),
        };
        let mut bytes = Vec::with_capacity(algorithm.output_len());
        for pair in hex.trim().split(':') {
            let octet = if pair.len() == 2 { u8::from_str_radix(pair, 16).ok() } else { None };
            bytes.push(octet.ok_or(FingerprintError::Form)?);
            if bytes.len() > algorithm.output_len() {
                return Err(FingerprintError::Form);
            }
        }
        if bytes.len() == algorithm.output_len() {
            Ok(Self { algorithm, bytes })
        } else {
            Err(FingerprintError::Form)
        }
    }
}

/// Why a fingerprint could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    #[error("fingerprint is not `<hash> AA:BB:..` of the hash's length")]
    Form,
    #[error("fingerprint hash {0:?} is not one of sha-256, sha-384, sha-512")]
    Algorithm(String),
}

fn colon_hex(bytes: &[u8]) -> String {
    let octets: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    octets.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_and_matches_its_certificate_alone() {
        let config = Config::generate().expect("the provider has P-256");
        let parsed: Fingerprint =
            format!("SHA-256 {}", config.fingerprint().to_lowercase()).parse().expect("well formed");
        assert!(parsed.matches(&config.certificate.certificate[0]));
        assert!(!parsed.matches(b"another certificate"));
    }

    #[test]
    fn a_bad_fingerprint_says_what_is_wrong() {
        assert_eq!("sha-256".parse::<Fingerprint>(), Err(FingerprintError::Form));
        assert_eq!("sha-256 AA:BB".parse::<Fingerprint>(), Err(FingerprintError::Form));
        assert_eq!("sha-1 AA".parse::<Fingerprint>(), Err(FingerprintError::Algorithm("sha-1".to_owned())));
        let long = vec!["AA"; 40].join(":");
        assert_eq!(format!("sha-256 {long}").parse::<Fingerprint>(), Err(FingerprintError::Form));
        assert_eq!("sha-256 +A:+B".parse::<Fingerprint>(), Err(FingerprintError::Form));
    }
}
