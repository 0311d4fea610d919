//! What is wrong is refused with a reason and counted, and a class that runs meanwhile loses nothing.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_agent::authority::Authority;
use control_plane_api::token::ApiKey;
use futures_util::{SinkExt as _, StreamExt as _};
use load::protocol::signal_request::Message as Say;
use load::{Client, Faults, Happening, protocol};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::house::{House, JEJU, SEOUL, now_s, token};
use support::http::{self, Metrics};
use support::{PATIENCE, say, until, video};
use tokio::net::UdpSocket;
use tokio_tungstenite::tungstenite::Message as Frame;

const FPS: u32 = 15;
/// Offsets from the house's first port (`seodang dev`).
const ORIGIN_ADMIN: u16 = 3;
const CONTROL_PLANE_ADMIN: u16 = 4;
const MEDIA: u16 = 11;
const LINK: u16 = 12;
const CDN_ADMIN: u16 = 51;

/// A class on two edges that must not notice what goes on beside it.
struct Class {
    instructor: Client,
    student: Client,
}

impl Class {
    async fn begin(house: &House) -> anyhow::Result<Self> {
        let layers = video::vp8_layers(house.directory(), FPS, 4, FPS)?;
        // Through relays without loss: garbage can then come from a participant's own address.
        let instructor = house.join_through(SEOUL, "class", "instructor", Faults::default()).await?;
        instructor.publish_video("camera", layers, FPS).await?;
        instructor.publish_audio("microphone", 24_000).await?;
        let student = house.join_through(JEJU, "class", "student", Faults::default()).await?;
        let class = Self { instructor, student };
        until("the class runs", PATIENCE, async || (class.received().0 > 100).then_some(())).await;
        Ok(class)
    }

    /// Packets the student got, and those it lacks.
    fn received(&self) -> (u64, u64) {
        let received = self.student.received();
        let sum = |of: fn(&load::Tally) -> u64| received.values().map(|stream| of(&stream.tally)).sum();
        (sum(|tally| tally.received), sum(load::Tally::lost))
    }

    /// The class went on without a missing packet and without a pause.
    async fn noticed_nothing(&mut self) -> anyhow::Result<()> {
        let before = self.received().0;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (after, lost) = self.received();
        assert!(after > before + 100, "the class stands still: {before} packets, then {after}");
        assert_eq!(lost, 0, "packets are missing");
        let ended = self.student.wait_for(Duration::from_millis(1), |happening| {
            matches!(happening, Happening::Left { .. } | Happening::Disconnected(_)).then_some(())
        });
        assert!(ended.await.is_err(), "the student was disconnected");
        say(&format!("meanwhile the class: {after} packets, {lost} lost"));
        Ok(())
    }
}

/// A counter before and after.
struct Counted {
    admin: String,
    name: &'static str,
    before: f64,
}

impl Counted {
    async fn of(admin: &str, name: &'static str) -> anyhow::Result<Self> {
        Ok(Self { admin: admin.to_owned(), name, before: Metrics::of(admin).await?.sum(name) })
    }

    /// Waits until it has risen by at least `by`.
    async fn rises(&self, by: usize) {
        until(&format!("{} rises by {by}", self.name), PATIENCE, async || {
            let now = Metrics::of(&self.admin).await.ok()?.sum(self.name);
            (now - self.before >= by as f64).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_do_not_fit_are_refused_with_a_reason() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let edge = &house.ready.edges[SEOUL];
    let refused = Counted::of(&edge.admin, "seodang_edge_refused_total").await?;
    let key = house.key();
    let stranger = ApiKey { secret: "0123456789012345678901234567890123456789".into(), ..key.clone() };
    let unknown = ApiKey { key: "nobody".into(), ..key.clone() };
    let later = now_s() + 600;
    let cases = [
        ("expired", token(&key, "class", "x", now_s() - 600), 401, "expired"),
        ("signed with another secret", token(&stranger, "class", "x", later), 401, "signature"),
        ("signed with an unknown key", token(&unknown, "class", "x", later), 401, "key"),
        ("no token at all", "nonsense".to_owned(), 401, "token"),
        ("for another room", token(&key, "other", "x", later), 403, "another room"),
    ];
    let mut count = 0;
    for (what, token, status, word) in &cases {
        for path in ["/rtc/v1/validate", "/rtc/v1"] {
            let target = format!("{}{path}?access_token={token}&room=class", edge.url);
            refusal(what, http::get(&target).await?, *status, word);
            count += 1;
        }
        let authorization = format!("Bearer {token}");
        let headers = [("content-type", "application/sdp"), ("authorization", authorization.as_str())];
        let answer = http::request("POST", &format!("{}/whip/class", edge.url), &headers, b"v=0\r\n").await?;
        refusal(&format!("{what}, WHIP"), answer, *status, word);
        count += 1;
    }
    refusal(
        "no header",
        http::request(
            "POST",
            &format!("{}/whip/class", edge.url),
            &[("content-type", "application/sdp")],
            b"v=0\r\n",
        )
        .await?,
        401,
        "authorization",
    );
    refused.rises(count + 1).await;
    class.noticed_nothing().await
}

fn refusal(what: &str, answer: http::Response, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert!(answer.text().to_lowercase().contains(word), "{what}: no {word:?} in {:?}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_do_not_decode_close_their_own_connection_only() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let edge = &house.ready.edges[JEJU];
    let malformed = Counted::of(&edge.admin, "seodang_edge_malformed_total").await?;
    let frames = [
        ("no protobuf", Frame::Binary(vec![0xff; 64].into())),
        ("a length beyond the end", Frame::Binary(vec![0x0a, 0xff, 0x7f, 1].into())),
        ("longer than a frame may be", Frame::Binary(vec![0; 300 * 1024].into())),
        ("text", Frame::Text("hello".into())),
    ];
    for (number, (what, frame)) in frames.into_iter().enumerate() {
        let token = house.token("class", &format!("vandal-{number}"));
        let url = edge.url.replacen("http", "ws", 1);
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("{url}/rtc/v1?access_token={token}")).await?;
        let first = tokio::time::timeout(PATIENCE, socket.next()).await?;
        assert!(matches!(first, Some(Ok(Frame::Binary(_)))), "{what}: no join: {first:?}");
        // A connection closed while a large frame is being written is an error here and fine.
        socket.send(frame).await.ok();
        let closed = async { while let Some(Ok(_)) = socket.next().await {} };
        tokio::time::timeout(PATIENCE, closed).await.with_context(|| format!("{what}: still open"))?;
    }
    malformed.rises(4).await;
    class.noticed_nothing().await
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_without_a_fingerprint_are_refused() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let edge = &house.ready.edges[SEOUL];
    let refused = Counted::of(&edge.admin, "seodang_edge_refused_total").await?;
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n";
    let authorization = format!("Bearer {}", house.token("class", "vandal"));
    let headers = [("content-type", "application/sdp"), ("authorization", authorization.as_str())];
    let whip = format!("{}/whip/class", edge.url);
    refusal("WHIP", http::request("POST", &whip, &headers, sdp.as_bytes()).await?, 422, "fingerprint");
    refusal("WHIP", http::request("POST", &whip, &headers, b"not an offer").await?, 400, "parse");
    refused.rises(2).await;

    let dismissed = Counted::of(&edge.admin, "seodang_edge_dismissed_total").await?;
    let mut vandal = Client::join(house.client(SEOUL, "class", "vandal")).await?;
    vandal
        .say(Say::Offer(protocol::SessionDescription {
            r#type: "offer".into(),
            sdp: sdp.into(),
            id: 99,
            ..protocol::SessionDescription::default()
        }))
        .await;
    let left = vandal.wait_for(PATIENCE, |happening| match happening {
        Happening::Left { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(left.await?, protocol::DisconnectReason::JoinFailure as i32);
    dismissed.rises(1).await;
    class.noticed_nothing().await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_the_media_port_is_dropped_and_counted() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let admin = house.ready.edges[SEOUL].admin.clone();
    let datagrams = garbage();
    let stranger = UdpSocket::bind("127.0.0.1:0").await?;
    let media = SocketAddr::from(([127, 0, 0, 1], house.port_base + MEDIA));
    let relay = class.instructor.impairment().context("media goes through a relay")?;
    let before = Metrics::of(&admin).await?;
    for datagram in &datagrams {
        stranger.send_to(datagram, media).await?;
        relay.inject(datagram).await?;
        // A burst beyond the socket's buffer would test the kernel.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let names = [
        "seodang_media_dropped_unknown_address_total",
        "seodang_media_dropped_unknown_ufrag_total",
        "seodang_media_dropped_by_session_total",
    ];
    let rise = until("every datagram is counted", PATIENCE, async || {
        let now = Metrics::of(&admin).await.ok()?;
        let rises = names.map(|name| now.get(name) - before.get(name));
        (rises.iter().sum::<f64>() >= 1.9 * datagrams.len() as f64).then_some(rises)
    })
    .await;
    say(&format!(
        "{} bad datagrams, from a stranger and from a participant's address: {rise:?}",
        datagrams.len()
    ));
    assert!(rise.iter().all(|rise| *rise > 0.0), "{names:?}: {rise:?}");
    class.noticed_nothing().await
}

/// STUN, DTLS, RTP and RTCP cut at every length, with bits flipped, and noise.
fn garbage() -> Vec<Vec<u8>> {
    let mut stun = vec![0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    stun.extend([0, 6, 0, 9]);
    stun.extend(*b"abcd:efgh\0\0\0");
    stun.extend([0x80, 0x28, 0, 0]);
    let mut hello =
        vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 48, 0xfe, 0xfd];
    hello.extend([9; 46]);
    let alert = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40];
    let mut rtp = vec![0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff];
    rtp.extend([5; 100]);
    let mut rtcp = vec![0x81, 200, 0, 6];
    rtcp.extend([3; 60]);
    let mut all = Vec::new();
    for whole in [stun, hello, alert, rtp, rtcp] {
        all.extend((1..=whole.len()).map(|length| whole[..length].to_vec()));
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x55;
            all.push(flipped);
        }
    }
    for length in [1, 2, 19, 64, 500, 1_200, 1_500] {
        for first in [0_u8, 1, 19, 20, 63, 64, 127, 128, 191, 192, 255] {
            let mut noise = vec![first; length];
            rand::fill(&mut noise[1..]);
            all.push(noise);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_the_fleets_certificate_gets_no_link() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let refused = Counted::of(&house.ready.edges[SEOUL].admin, "seodang_edge_links_refused_total").await?;
    let address = SocketAddr::from(([127, 0, 0, 1], house.port_base + LINK));
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse()?)?;
    // A CA that calls its node by the right name, but is not the fleet's.
    let folder = house.directory().join("foreign");
    Authority::open(&folder)?.issue("jeju-edge", &[])?.write(&folder, "jeju-edge")?;
    let chain = CertificateDer::from_pem_file(folder.join("jeju-edge.pem"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("jeju-edge.key"))?;
    for (what, certificate) in [("no certificate", None), ("another fleet's", Some((vec![chain], key)))] {
        endpoint.set_default_client_config(credulous(certificate)?);
        let outcome = async {
            let connection = endpoint.connect(address, "seoul-edge")?.await?;
            let (mut send, mut receive) = connection.open_bi().await?;
            send.write_all(&[0, 0, 0, 0]).await?;
            anyhow::Ok(receive.read_chunk(64, true).await?)
        };
        let outcome = tokio::time::timeout(PATIENCE, outcome).await?;
        let error = outcome.err().with_context(|| format!("{what}: a link was opened"))?;
        say(&format!("{what}: {error:#}"));
    }
    refused.rises(2).await;
    let noise = UdpSocket::bind("127.0.0.1:0").await?;
    for datagram in garbage() {
        noise.send_to(&datagram, address).await?;
    }
    class.noticed_nothing().await
}

/// A QUIC client that shows what it is given and believes any server: the test is about what the server believes.
fn credulous(
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> anyhow::Result<quinn::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous));
    let mut tls = match certificate {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![edge_wire::ALPN_LINK.to_vec()];
    Ok(quinn::ClientConfig::new(Arc::new(quinn::crypto::rustls::QuicClientConfig::try_from(tls)?)))
}

#[derive(Debug)]
struct Credulous;

impl rustls::client::danger::ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_what_is_not_there_or_not_theirs_are_refused() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut class = Class::begin(&house).await?;
    let admin = |offset: u16| format!("http://127.0.0.1:{}", house.port_base + offset);
    let (cdn, origin, web) = (&house.ready.cdn[0].url, &house.ready.origin, &house.ready.web);

    let joins = Counted::of(&admin(CONTROL_PLANE_ADMIN), "seodang_control_plane_joins_total").await?;
    let nobody = [("content-type", "application/json")];
    let bearer = support::house::bearer(&house.key());
    let json = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let join = r#"{"class":"no-such-class","identity":"x","name":"x","role":"student"}"#;
    refusal(
        "nobody",
        http::request("POST", &format!("{web}/v1/join"), &nobody, join.as_bytes()).await?,
        401,
        "not_signed_in",
    );
    let participant = format!("Bearer {}", house.token("no-such-class", "x"));
    let participant = [("authorization", participant.as_str())];
    refusal(
        "a participant's token",
        http::request("POST", &format!("{web}/v1/classes"), &participant, br#"{"title":"x"}"#).await?,
        401,
        "bad_token",
    );
    refusal(
        "unknown class",
        http::request("POST", &format!("{web}/v1/join"), &json, join.as_bytes()).await?,
        404,
        "no-such-class",
    );
    refusal(
        "unknown class",
        http::get(&format!("{web}/v1/classes/no-such-class")).await?,
        404,
        "no-such-class",
    );
    refusal(
        "no JSON",
        http::request("POST", &format!("{web}/v1/join"), &json, b"{").await?,
        400,
        "bad_request",
    );
    joins.rises(1).await;

    let errors = Counted::of(&admin(CDN_ADMIN), "cdn_errors_total").await?;
    for target in ["/../../etc/passwd", "/a/%2e%2e/%2e%2e/etc/passwd", "/a%5c..%5cb", "/%252e%252e/x"] {
        refusal(target, http::get(&format!("{cdn}{target}")).await?, 400, "path");
    }
    errors.rises(4).await;

    let paths = Counted::of(&admin(ORIGIN_ADMIN), "seodang_origin_http_bad_paths_total").await?;
    for target in
        ["/../../etc/passwd", "/a/../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"]
    {
        let answer = http::get(&format!("{origin}{target}")).await?;
        assert!([400, 404].contains(&answer.status), "{target}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("root:"), "{target}");
    }
    paths.rises(3).await;
    let missing = http::get(&format!("{cdn}/no/such/object.m4s")).await?;
    assert_eq!(missing.status, 404, "{}", missing.text());
    ranges(&house, &admin(ORIGIN_ADMIN)).await?;
    class.noticed_nothing().await
}

/// A range beyond the end is refused with the length; one that is none is ignored or refused (RFC 9110 section 14.2).
async fn ranges(house: &House, origin_admin: &str) -> anyhow::Result<()> {
    let (folder, content) = (house.directory().join("data/origin/objects/some/recording"), [7; 1_000]);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("segment.m4s"), content)?;
    let refused = Counted::of(origin_admin, "seodang_origin_http_responses_total{status=\"416\"}").await?;
    for base in [&house.ready.origin, &house.ready.cdn[0].url] {
        let url = format!("{base}/some/recording/segment.m4s");
        for (range, statuses, length) in [
            ("bytes=0-99", &[206][..], 100),
            ("bytes=-1", &[206], 1),
            ("bytes=900-5000", &[206], 100),
            ("bytes=0-18446744073709551616", &[206, 200], 1_000),
            ("bytes=1000-", &[416], 0),
            ("bytes=9-5", &[200, 416], 1_000),
            ("bytes=a-b", &[200, 416], 1_000),
            ("lines=1-2", &[200, 416], 1_000),
        ] {
            let answer = http::request("GET", &url, &[("range", range)], b"").await?;
            let status = answer.status;
            assert!(statuses.contains(&status), "{url} {range}: {status} {}", answer.text());
            if status == 416 {
                let says = answer.headers.get("content-range").map(String::as_str);
                assert_eq!(says, Some("bytes */1000"), "{url} {range}");
            } else {
                assert_eq!(answer.body.len(), length, "{url} {range}");
            }
        }
    }
    refused.rises(1).await;
    Ok(())
}
