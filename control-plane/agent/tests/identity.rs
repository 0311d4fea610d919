//! Who may speak with whom: certificates of the fleet, as QUIC links and the CA's folder use them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use control_plane_agent::authority::Authority;
use control_plane_agent::identity::{Identity, quic_peer_name};

const ALPN: &[&[u8]] = &[b"test"];

fn identity(authority: &Authority, name: &str) -> Identity {
    authority.issue(name, &[]).expect("issued").identity().expect("fits")
}

/// Connects `client` to `server`, expecting to reach `name`. Answers how the server sees the client.
async fn meet(server: &Identity, client: &Identity, name: &str) -> anyhow::Result<String> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let listening = quinn::Endpoint::server(server.quic_server_config(ALPN)?, free)?;
    let calling = quinn::Endpoint::client(free)?;
    let address = listening.local_addr()?;
    let accepted = tokio::spawn(async move {
        let incoming = listening.accept().await.expect("somebody calls");
        let connection = incoming.await?;
        let peer = quic_peer_name(&connection)?;
        connection.closed().await;
        anyhow::Ok(peer)
    });
    let connection = calling.connect_with(client.quic_client_config(ALPN)?, address, name)?.await?;
    assert_eq!(quic_peer_name(&connection)?, server.name());
    connection.close(0u32.into(), b"");
    accepted.await?
}

#[tokio::test]
async fn nodes_of_one_fleet_know_each_other_by_name() {
    let authority = Authority::in_memory().expect("a fleet");
    let (seoul, jeju) = (identity(&authority, "seoul-edge"), identity(&authority, "jeju-edge"));
    assert_eq!(meet(&seoul, &jeju, "seoul-edge").await.expect("they meet"), "jeju-edge");
    let error =
        format!("{:#}", meet(&seoul, &jeju, "gangneung-edge").await.expect_err("somebody else answers"));
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn another_fleet_is_refused_on_both_sides() {
    let (ours, theirs) = (Authority::in_memory().expect("a fleet"), Authority::in_memory().expect("another"));
    let (node, stranger) = (identity(&ours, "edge"), identity(&theirs, "edge"));
    for (server, client) in [(&node, &stranger), (&stranger, &node)] {
        let error = format!("{:#}", meet(server, client, "edge").await.expect_err("strangers"));
        assert!(error.contains("certificate"), "{error}");
    }
    // A client that trusts our CA, but shows no certificate of it.
    let mut roots = rustls::RootCertStore::empty();
    let ca = rustls::pki_types::pem::PemObject::from_pem_slice(ours.ca_pem().as_bytes()).expect("PEM");
    roots.add(ca).expect("a root");
    let nameless = rustls::ClientConfig::builder_with_provider(control_plane_agent::identity::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    let server = Arc::new(node.server_config(ALPN).expect("a server"));
    let mut server = rustls::ServerConnection::new(server).expect("a connection");
    let name = rustls::pki_types::ServerName::try_from("edge").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(nameless), name).expect("a connection");
    let error = shake(&mut client, &mut server).expect_err("no certificate");
    assert_eq!(error, rustls::Error::NoCertificatesPresented);
}

/// Carries TLS records between two ends until the server is content or refuses.
fn shake(
    client: &mut rustls::ClientConnection,
    server: &mut rustls::ServerConnection,
) -> Result<(), rustls::Error> {
    while server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("to memory");
        server.read_tls(&mut wire.as_slice()).expect("from memory");
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).expect("to memory");
        client.read_tls(&mut wire.as_slice()).expect("from memory");
        client.process_new_packets()?;
    }
    Ok(())
}

#[tokio::test]
async fn the_authority_stays_the_same_in_its_folder_and_its_key_is_secret() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let first = Authority::open(directory.path()).expect("made");
    first.issue("seoul-edge", &[]).expect("issued").write(directory.path(), "seoul-edge").expect("written");
    let again = Authority::open(directory.path()).expect("read");
    let file = |name: &str| directory.path().join(name);
    let seoul = Identity::from_files(&file("ca.pem"), &file("seoul-edge.pem"), &file("seoul-edge.key"))
        .expect("fits");
    assert_eq!(
        meet(&seoul, &identity(&again, "jeju-edge"), "seoul-edge").await.expect("one fleet"),
        "jeju-edge"
    );
    for secret in ["ca.key", "seoul-edge.key"] {
        let mode = std::fs::metadata(file(secret)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    std::fs::remove_file(file("ca.key")).expect("removed");
    let error = format!("{:#}", Authority::open(directory.path()).expect_err("half a CA"));
    assert!(error.contains("ca.key"), "{error}");
}

#[test]
fn files_that_do_not_belong_together_are_named() {
    let authority = Authority::in_memory().expect("a fleet");
    let (a, b) = (authority.issue("a", &[]).expect("issued"), authority.issue("b", &[]).expect("issued"));
    let load = |ca: &str, cert: &str, key: &str| {
        format!(
            "{:#}",
            Identity::load(ca.as_bytes(), cert.as_bytes(), key.as_bytes()).expect_err("no identity")
        )
    };
    assert!(load(&a.ca_pem, &a.cert_pem, &b.key_pem).contains("certificate and key"));
    assert!(load("", &a.cert_pem, &a.key_pem).contains("fleet CA"));
    assert!(load(&a.ca_pem, &a.key_pem, &a.key_pem).contains("node certificate"));
    assert!(load(&a.ca_pem, &a.cert_pem, &a.cert_pem).contains("node key"));
    assert!(authority.issue("Not a name", &[]).is_err());
}

#[test]
fn a_certificate_that_has_expired_says_so_at_the_start() {
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let made = |from, to| {
        let ca_key = rcgen::KeyPair::generate().expect("a key");
        let mut ca = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).expect("signed").pem();
        let mut node = rcgen::CertificateParams::new(vec!["edge".to_owned()]).expect("parameters");
        (node.not_before, node.not_after) = (year(from), year(to));
        let key = rcgen::KeyPair::generate().expect("a key");
        let node = node.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).expect("signed");
        Identity::load(ca_pem.as_bytes(), node.pem().as_bytes(), key.serialize_pem().as_bytes())
    };
    assert!(made(2020, 2120).is_ok());
    let expired = format!("{:#}", made(2020, 2021).expect_err("expired"));
    assert!(expired.contains("expired on") && expired.contains("seodang certificates"), "{expired}");
    let early = format!("{:#}", made(2110, 2120).expect_err("not valid yet"));
    assert!(early.contains("not valid before"), "{early}");
}
