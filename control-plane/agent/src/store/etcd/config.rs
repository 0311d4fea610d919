//! How to reach an etcd cluster: `[fleet.etcd]` of a configuration file.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use super::cluster::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT};

/// An idle connection is asked for a sign of life this often: etcd takes more than one ping in five seconds for abuse.
const PING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(6);
/// Longest `prefix`, in bytes: keys have room for it.
const PREFIX_BYTES_MAX: usize = 64;
/// Members of one cluster; etcd advises against more than seven.
const ENDPOINTS_MAX: usize = 16;

/// Paths that are empty are taken from `[fleet]`; see [`crate::fleet::Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `https://host:port` of each member; `http://` on the loopback only. Each needs a certificate for its host.
    pub endpoints: Vec<String>,
    /// PEM: the authority of the members' certificates.
    pub ca: PathBuf,
    /// PEM: certificate and key shown to the members.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// User, where the cluster has authentication enabled. Needs to read and write below `{prefix}/seodang/`.
    pub user: String,
    /// File with the user's password; read again at each connection, so that it can be changed.
    pub password_file: PathBuf,
    /// Put before every key, for several fleets on one cluster: `/school`.
    pub prefix: String,
}

impl Config {
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// # Errors
    /// Names the key that is missing or malformed. Opens no file.
    pub fn check(&self) -> anyhow::Result<()> {
        let count = self.endpoints.len();
        anyhow::ensure!((1..=ENDPOINTS_MAX).contains(&count), "endpoints: 1 to {ENDPOINTS_MAX}, not {count}");
        for endpoint in &self.endpoints {
            check_endpoint(endpoint).with_context(|| format!("endpoints: {endpoint:?}"))?;
        }
        anyhow::ensure!(
            self.endpoints.iter().all(|endpoint| is_tls(endpoint) == is_tls(&self.endpoints[0])),
            "endpoints: https and http do not go together"
        );
        let given = |path: &Path| !path.as_os_str().is_empty();
        if is_tls(&self.endpoints[0]) {
            anyhow::ensure!(given(&self.ca), "ca is not given");
        } else {
            anyhow::ensure!(
                !given(&self.ca) && !given(&self.cert),
                "ca and cert are given but the endpoints are http"
            );
        }
        anyhow::ensure!(given(&self.cert) == given(&self.key), "cert and key go together");
        anyhow::ensure!(
            self.user.is_empty() != given(&self.password_file),
            "user and password_file go together"
        );
        let prefix_fits =
            self.prefix.is_empty() || (self.prefix.starts_with('/') && !self.prefix.ends_with('/'));
        anyhow::ensure!(
            prefix_fits && self.prefix.len() <= PREFIX_BYTES_MAX,
            "prefix {:?}: up to {PREFIX_BYTES_MAX} bytes that start with / and do not end with it",
            self.prefix
        );
        Ok(())
    }

    /// Reads the TLS files once; connections made later use what was read.
    pub(super) fn options(&self) -> anyhow::Result<ConnectOptions> {
        // A member that has lost the others answers nothing instead of old news.
        let mut options = ConnectOptions::new()
            .with_require_leader(true)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_keep_alive(PING_INTERVAL, ATTEMPT_TIMEOUT)
            .with_keep_alive_while_idle(false);
        if is_tls(&self.endpoints[0]) {
            options = options.with_tls(self.tls()?);
        }
        Ok(options)
    }

    fn tls(&self) -> anyhow::Result<TlsOptions> {
        let ca = read(&self.ca).context("ca")?;
        crate::identity::certificates(&ca).with_context(|| format!("ca: {}", self.ca.display()))?;
        let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(ca));
        if !self.cert.as_os_str().is_empty() {
            let cert = read(&self.cert).context("cert")?;
            crate::identity::certificates(&cert).with_context(|| format!("cert: {}", self.cert.display()))?;
            let key = read(&self.key).context("key")?;
            PrivateKeyDer::from_pem_slice(&key)
                .with_context(|| format!("key: no PEM private key in {}", self.key.display()))?;
            tls = tls.identity(Identity::from_pem(cert, key));
        }
        Ok(tls)
    }

    /// The password as it is now, without the line end editors add.
    pub(super) fn password(&self) -> anyhow::Result<Option<String>> {
        if self.user.is_empty() {
            return Ok(None);
        }
        let bytes = read(&self.password_file).context("password_file")?;
        let text = String::from_utf8(bytes)
            .map_err(|_| anyhow::anyhow!("password_file: {} is not UTF-8", self.password_file.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

fn is_tls(endpoint: &str) -> bool {
    endpoint.starts_with("https://")
}

fn check_endpoint(endpoint: &str) -> anyhow::Result<()> {
    let uri: http::Uri = endpoint.parse().context("no URL")?;
    anyhow::ensure!(uri.port_u16().is_some(), "no port");
    anyhow::ensure!(uri.path() == "/" && uri.query().is_none(), "more than https://host:port");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback => Ok(()),
        Some("http") => anyhow::bail!("http is for the loopback only"),
        _ => anyhow::bail!("write it as https://host:port"),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_named() {
        let good = Config {
            endpoints: vec!["https://etcd-0.example:2379".into()],
            ca: "ca.pem".into(),
            ..Config::default()
        };
        good.check().expect("this much is enough");
        let bad = |change: fn(&mut Config), named: &str| {
            let mut config = good.clone();
            change(&mut config);
            let error = format!("{:#}", config.check().expect_err(named));
            assert!(error.contains(named), "{error}");
        };
        bad(|config| config.endpoints.clear(), "endpoints");
        bad(|config| config.endpoints.push("http://etcd-1.example:2379".into()), "loopback");
        bad(|config| config.endpoints.push("http://127.0.0.1:2379".into()), "do not go together");
        bad(|config| config.endpoints.push("etcd-1:2379".into()), "etcd-1:2379");
        bad(|config| config.endpoints.push("https://etcd-1".into()), "no port");
        bad(|config| config.ca = PathBuf::new(), "ca");
        bad(|config| config.cert = "cert.pem".into(), "key");
        bad(|config| config.user = "seodang".into(), "password_file");
        bad(|config| config.prefix = "school/".into(), "prefix");
    }
}
