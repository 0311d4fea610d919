//! A certificate authority of the cluster's own, and what it signs.

use std::path::Path;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Writes `ca.pem`, and for members and clients alike `cert.pem` and `key.pem`, into `directory`.
///
/// # Errors
/// A file cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.distinguished_name.push(DnType::CommonName, "etcd test");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut member = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    member.distinguished_name.push(DnType::CommonName, "member");
    member.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let cert_pem = member.signed_by(&key, &issuer)?.pem();
    for (name, text) in [("ca.pem", ca_pem), ("cert.pem", cert_pem), ("key.pem", key.serialize_pem())] {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
