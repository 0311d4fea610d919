//! Who a node is: its certificate, its key and the fleet's CA, and the TLS configurations made of them.
//!
//! Every connection between nodes is mutual TLS 1.3: both sides show a certificate of the fleet's CA, and a client
//! checks that the server's certificate carries the node id it meant to reach. No other CA is trusted.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

/// Second name in every control plane's certificate: nodes reach any of them by it.
pub const CONTROL_PLANE_NAME: &str = "control-plane";

/// A node's certificate chain, private key and the fleet's CA. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    name: String,
    roots: Arc<rustls::RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Identity {
    /// Takes the fleet's CA, the node's certificate chain (leaf first) and its key, all PEM.
    ///
    /// # Errors
    /// Says which of the three is missing or unreadable, that the key does not belong to the certificate, or that the certificate
    /// has expired: every peer would refuse it, and say less.
    pub fn load(ca_pem: &[u8], cert_pem: &[u8], key_pem: &[u8]) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates(ca_pem).context("fleet CA")? {
            roots.add(certificate).context("fleet CA: not usable as a root")?;
        }
        let chain = certificates(cert_pem).context("node certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).context("node key: no PEM private key in it")?;
        let name = peer_name(&chain).context("node certificate")?;
        check_validity(&chain, crate::unix_time_ms() / 1000).context("node certificate")?;
        let identity = Self { name, roots: Arc::new(roots), chain, key: Arc::new(key) };
        identity.server_config(&[]).context("node certificate and key")?;
        Ok(identity)
    }

    /// [`Self::load`] from files.
    ///
    /// # Errors
    /// As [`Self::load`], naming the file.
    pub fn from_files(ca: &Path, cert: &Path, key: &Path) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
        Self::load(&read(ca)?, &read(cert)?, &read(key)?).with_context(|| {
            format!("identity of {}, {} and {}", ca.display(), cert.display(), key.display())
        })
    }

    /// The node id: the first DNS name of the certificate.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// TLS 1.3 server that takes only clients with a certificate of the fleet.
    ///
    /// # Errors
    /// The key does not belong to the certificate.
    pub fn server_config(&self, alpn: &[&[u8]]) -> anyhow::Result<rustls::ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider())
            .build()
            .context("fleet CA as a client verifier")?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context("TLS 1.3")?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .context("certificate and key do not fit together")?;
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }

    /// TLS 1.3 client that shows the node's certificate and trusts only the fleet's CA. Give the peer's node id (or
    /// [`CONTROL_PLANE_NAME`]) as server name.
    ///
    /// # Errors
    /// The key does not belong to the certificate.
    pub fn client_config(&self, alpn: &[&[u8]]) -> anyhow::Result<rustls::ClientConfig> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context("TLS 1.3")?
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .context("certificate and key do not fit together")?;
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }

    /// [`Self::server_config`] for quinn. Transport settings are the caller's (`transport_config`).
    ///
    /// # Errors
    /// As [`Self::server_config`].
    pub fn quic_server_config(&self, alpn: &[&[u8]]) -> anyhow::Result<quinn::ServerConfig> {
        let tls = quinn::crypto::rustls::QuicServerConfig::try_from(self.server_config(alpn)?)
            .context("TLS configuration for QUIC")?;
        Ok(quinn::ServerConfig::with_crypto(Arc::new(tls)))
    }

    /// [`Self::client_config`] for quinn.
    ///
    /// # Errors
    /// As [`Self::client_config`].
    pub fn quic_client_config(&self, alpn: &[&[u8]]) -> anyhow::Result<quinn::ClientConfig> {
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(self.client_config(alpn)?)
            .context("TLS configuration for QUIC")?;
        Ok(quinn::ClientConfig::new(Arc::new(tls)))
    }
}

fn check_validity(chain: &[CertificateDer<'_>], now_s: u64) -> anyhow::Result<()> {
    let leaf = chain.first().context("there is none")?;
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).context("not readable")?;
    let (from, to) = (leaf.validity().not_before, leaf.validity().not_after);
    let now_s = i64::try_from(now_s).unwrap_or(i64::MAX);
    anyhow::ensure!(
        now_s <= to.timestamp(),
        "expired on {to}; make another one with `seodang certificates`, in the folder of the same CA"
    );
    anyhow::ensure!(from.timestamp() <= now_s, "not valid before {from}; is this machine's clock right?");
    Ok(())
}

/// Node id of a peer whose chain TLS has already verified: the first DNS name of its certificate.
///
/// # Errors
/// There is no certificate, it cannot be parsed, or it carries no DNS name.
pub fn peer_name(chain: &[CertificateDer<'_>]) -> anyhow::Result<String> {
    let leaf = chain.first().context("no certificate")?;
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).context("not an X.509 certificate")?;
    let names = certificate.subject_alternative_name().context("malformed subject alternative name")?;
    names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .find_map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .context("the certificate carries no DNS name, so no node id")
}

/// [`peer_name`] of an established QUIC connection.
///
/// # Errors
/// As [`peer_name`].
pub fn quic_peer_name(connection: &quinn::Connection) -> anyhow::Result<String> {
    let identity = connection.peer_identity().context("the peer showed no certificate")?;
    let chain =
        identity.downcast_ref::<Vec<CertificateDer<'static>>>().context("the peer's identity is no chain")?;
    peer_name(chain)
}

/// The one crypto provider in the house.
#[must_use]
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub(crate) fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().context("malformed PEM")?;
    anyhow::ensure!(!found.is_empty(), "no PEM certificate in it");
    Ok(found)
}
