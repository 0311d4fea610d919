//! The fleet's certificate authority, for dev mode and `seodang certificates`. Kept in one directory: `ca.pem`
//! (public) and `ca.key` (0600).

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::identity::Identity;

/// Both sides' clocks may be off by this much when a certificate is fresh.
const CLOCK_SKEW: Duration = Duration::from_secs(86_400);
/// A year: nodes are restarted, and their certificates renewed, far more often.
const NODE_DAYS: u64 = 365;
const CA_DAYS: u64 = 3650;

/// Signs node certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// What a node needs to be one of the fleet, all PEM.
#[derive(Clone)]
pub struct Issued {
    pub ca_pem: String,
    pub cert_pem: String,
    pub key_pem: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

impl Issued {
    /// # Errors
    /// As [`Identity::load`].
    pub fn identity(&self) -> anyhow::Result<Identity> {
        Identity::load(self.ca_pem.as_bytes(), self.cert_pem.as_bytes(), self.key_pem.as_bytes())
    }

    /// Writes `ca.pem`, `{name}.pem` and `{name}.key` (0600) into `directory`.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn write(&self, directory: &Path, name: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        write_file(&directory.join("ca.pem"), &self.ca_pem, 0o644)?;
        write_file(&directory.join(format!("{name}.pem")), &self.cert_pem, 0o644)?;
        write_file(&directory.join(format!("{name}.key")), &self.key_pem, 0o600)
    }
}

impl Authority {
    /// Loads the CA kept in `directory`, or makes one and keeps it there.
    ///
    /// # Errors
    /// Names the file that is unreadable or only half there.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        // Two at once make one CA: the second waits, and finds it.
        let lock = directory.join("ca.lock");
        let held = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
        let held = held.with_context(|| format!("opening {}", lock.display()))?;
        held.lock().with_context(|| format!("locking {}", lock.display()))?;
        let (cert, key) = (directory.join("ca.pem"), directory.join("ca.key"));
        if cert.exists() || key.exists() {
            let read = |path: &Path| {
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
            };
            return Self::load(&read(&cert)?, &read(&key)?)
                .with_context(|| format!("fleet CA in {}", directory.display()));
        }
        let (authority, key_pem) = Self::generate()?;
        write_file(&key, &key_pem, 0o600)?;
        write_file(&cert, &authority.ca_pem, 0o644)?;
        Ok(authority)
    }

    /// A CA that lives in memory only.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn in_memory() -> anyhow::Result<Self> {
        Ok(Self::generate()?.0)
    }

    /// PEM of the CA's certificate: what every node trusts.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Certificate and key of a node. `name` is the node id and becomes the first DNS name; `more` are further names
    /// ([`crate::identity::CONTROL_PLANE_NAME`] for a control plane).
    ///
    /// # Errors
    /// A name is not a DNS label of lower-case letters, digits and `-`.
    pub fn issue(&self, name: &str, more: &[&str]) -> anyhow::Result<Issued> {
        for name in std::iter::once(&name).chain(more) {
            control_plane_api::id::check_node_name("node id", name)?;
        }
        let names: Vec<String> = std::iter::once(&name).chain(more).map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("certificate names")?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        set_validity(&mut params, NODE_DAYS);
        let key = KeyPair::generate().context("generating a node key")?;
        let certificate = params.signed_by(&key, &self.issuer).context("signing a node certificate")?;
        Ok(Issued { ca_pem: self.ca_pem.clone(), cert_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    fn generate() -> anyhow::Result<(Self, String)> {
        let mut params = CertificateParams::new(Vec::<String>::new()).context("CA parameters")?;
        params.distinguished_name.push(DnType::CommonName, "Seodang fleet");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(&mut params, CA_DAYS);
        let key = KeyPair::generate().context("generating the fleet CA's key")?;
        let certificate = params.self_signed(&key).context("signing the fleet CA")?;
        let (ca_pem, key_pem) = (certificate.pem(), key.serialize_pem());
        Ok((Self { issuer: Issuer::new(params, key), ca_pem }, key_pem))
    }

    fn load(ca_pem: &str, key_pem: &str) -> anyhow::Result<Self> {
        let key = KeyPair::from_pem(key_pem).context("ca.key: no PEM private key")?;
        let issuer = Issuer::from_ca_cert_pem(ca_pem, key).context("ca.pem: no CA certificate")?;
        Ok(Self { issuer, ca_pem: ca_pem.to_owned() })
    }
}

/// From a little before now, for clocks that run behind, until `days` from now.
fn set_validity(params: &mut CertificateParams, days: u64) {
    let now = Duration::from_millis(crate::unix_time_ms());
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(CLOCK_SKEW);
    params.not_after = epoch + now + Duration::from_secs(days * 86_400);
}

/// Whoever reads the file meanwhile reads the old one or the new one, never half of one.
fn write_file(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let what = || format!("writing {}", path.display());
    let unfinished = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .with_context(what)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    written.with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_make_one_authority() {
        let directory = tempfile::tempdir().expect("a directory");
        let issue = |number: u32| {
            let name = format!("node-{number}");
            let authority = Authority::open(directory.path()).expect("opens");
            let issued = authority.issue(&name, &[]).expect("issued");
            issued.write(directory.path(), &name).expect("written");
            issued.ca_pem
        };
        let all: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|number| scope.spawn(move || issue(number))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let kept = std::fs::read_to_string(directory.path().join("ca.pem")).expect("kept");
        assert!(all.iter().all(|ca| *ca == kept));
        let names = std::fs::read_dir(directory.path()).expect("readable").flatten();
        assert!(names.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().ends_with(".new")));
    }
}
