//! TLS towards clients and upstreams: rustls with ring.

use crate::config::Tls;
use anyhow::{Context, ensure};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// Configuration of the listener, for HTTP/2 and HTTP/1.1.
pub(crate) fn server(tls: &Tls) -> anyhow::Result<ServerConfig> {
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("cdn: tls.key {} holds no readable PEM key", tls.key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates(&tls.cert)?, key)
        .with_context(|| format!("cdn: tls.cert {} and tls.key do not fit", tls.cert.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Configuration for upstreams; without authorities every `https` upstream is refused.
pub(crate) fn client(authorities: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        for certificate in certificates(path)? {
            roots.add(certificate).with_context(|| format!("cdn: upstream_ca {}", path.display()))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let certificates = read().with_context(|| format!("cdn: {} is no readable PEM file", path.display()))?;
    ensure!(!certificates.is_empty(), "cdn: {} holds no certificate", path.display());
    Ok(certificates)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
