//! Requests of this edge to others: webhooks, and calls another edge answers. Plain HTTP or HTTPS, as the URL says.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that nobody used for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Cheap to clone; all clones share their connections.
pub(crate) type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts the authorities this machine trusts, and those in `ca` (PEM).
///
/// # Errors
/// `ca` cannot be read or has no certificate in it.
pub(crate) fn client(ca: Option<&Path>) -> anyhow::Result<Client> {
    let mut roots = rustls::RootCertStore::empty();
    // A machine without any is one on which only `ca` counts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let what = || format!("trusted_ca {}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).with_context(what)? {
            roots.add(certificate.with_context(what)?).with_context(what)?;
        }
    }
    let tls = rustls::ClientConfig::builder_with_provider(control_plane_agent::identity::provider())
        .with_safe_default_protocol_versions()
        .context("TLS of outgoing requests")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(connector);
    Ok(client)
}

/// An error with what is behind it: the client's own text is only "client error".
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
