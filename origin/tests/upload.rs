//! Journals over QUIC: what is acknowledged is on disk, and becomes a recording that plays.

mod fleet;
#[path = "../archive/tests/world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use control_plane_api::recording::{Manifest, RecordingState};
use edge_wire::ingest::error_code;
use edge_wire::model::TrackSource;
use fleet::{Fleet, Upload, journal};
use world::{Stream, Tape, arrive, encoded, packetize};

const FOLDER: &str = "%EC%84%9C%EB%8B%B9%201/RM_1";

fn lesson() -> Vec<u8> {
    let camera = Stream::new(1, TrackSource::Camera, "video/H264");
    let microphone = Stream::new(2, TrackSource::Microphone, "audio/opus");
    let mut tape = Tape::default();
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, &packetize::h264(encoded::h264(), 0), arrive);
    tape.publish(&microphone, &packetize::opus(0), arrive);
    tape.end(12_500);
    tape.bytes()
}

/// All objects of the recording, by path.
fn objects(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (root, mut found) = (folder.join("objects"), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below the root").display().to_string();
                found.insert(name, std::fs::read(&path).expect("an object"));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_class_is_played_over_http_within_five_seconds() {
    let fleet = Fleet::new();
    let mut origin = fleet.start().await;
    let bytes = lesson();
    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, offset) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    assert_eq!(offset, 0);
    // Half of it: the class is live, and rewinds.
    let half = bytes.len() / 2;
    upload.send.write_all(&bytes[..half]).await.expect("the origin reads");
    let live = origin.update().await;
    assert_eq!((live.state, live.room.as_str()), (RecordingState::Live, "서당 1"));
    assert_eq!(live.manifest, format!("/{FOLDER}/manifest.json"));

    let ended = Instant::now();
    assert_eq!(upload.complete(&bytes[half..]).await, Ok(bytes.len() as u64));
    let recording = origin.update().await;
    assert_eq!(recording.state, RecordingState::Complete);
    assert!(ended.elapsed().as_secs() < 5, "{:?}", ended.elapsed());

    let response = origin.get(&format!("/{}", recording.manifest)).await;
    let manifest: Manifest = serde_json::from_slice(&response.body).expect("the manifest is its contract");
    assert_eq!(manifest.state, RecordingState::Complete);
    let [one] = &manifest.presentations[..] else { panic!("{manifest:#?}") };
    let base = format!("http://{}/{FOLDER}/{}", origin.addresses.http, one.path);
    let played = tokio::task::spawn_blocking(move || {
        world::silent(
            std::process::Command::new("ffmpeg").args(["-v", "error", "-i", &base, "-f", "null", "-"]),
        );
        world::times(Path::new(&base), "v").len()
    });
    assert_eq!(played.await.expect("ffmpeg plays"), 180);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_killed_again_and_again_makes_the_same_objects() {
    let bytes = lesson();
    let quiet = Fleet::new();
    let mut origin = quiet.start().await;
    let connection = quiet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, _) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    upload.complete(&bytes).await.expect("all of it");
    while origin.update().await.state == RecordingState::Live {}
    origin.stop().await;

    let fleet = Fleet::new();
    for part in 1..=4 {
        // Each life ends without warning, in the middle of a record.
        let life = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build();
        let life = life.expect("a runtime");
        let (address, sent) = (life.block_on_elsewhere(&fleet), bytes.len() * part / 5 + 37);
        let connection = fleet.connect("edge-seoul", address).await;
        let (mut upload, offset) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
        assert!(part == 1 || offset > 0, "what was acknowledged is kept");
        upload.send.write_all(&bytes[offset as usize..sent]).await.expect("the origin reads");
        upload.acknowledged(sent as u64 - 2_000).await.expect("durable");
        life.shutdown_background();
        torn_write(&fleet);
    }
    let mut origin = fleet.start().await;
    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, offset) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    upload.complete(&bytes[offset as usize..]).await.expect("the rest");
    while origin.update().await.state == RecordingState::Live {}
    origin.stop().await;
    let (one, other) = (objects(quiet.folder()), objects(fleet.folder()));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (path, bytes) in &one {
        assert!(other[path] == *bytes, "{path} differs");
    }
}

trait Life {
    fn block_on_elsewhere(&self, fleet: &Fleet) -> std::net::SocketAddr;
}

impl Life for tokio::runtime::Runtime {
    /// Starts an origin on this runtime; killing the runtime kills the origin.
    fn block_on_elsewhere(&self, fleet: &Fleet) -> std::net::SocketAddr {
        let (config, identity) = (fleet.config(), fleet.identity("origin"));
        let (sender, updates) = tokio::sync::mpsc::channel(64);
        let (tell, told) = std::sync::mpsc::channel();
        self.spawn(async move {
            let _updates = updates;
            let bound = origin::Origin::bind(config, &identity, sender).await.expect("free ports");
            tell.send(bound.addrs().quic).expect("the test waits");
            bound.run(tokio_util::sync::CancellationToken::new()).await
        });
        told.recv().expect("the origin starts")
    }
}

/// What a power cut leaves behind: half a record.
fn torn_write(fleet: &Fleet) {
    use std::io::Write as _;
    let path = fleet.folder().join(format!("journals/{FOLDER}/edge-seoul-1763672400000.journal"));
    let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the journal");
    file.write_all(&[90, 0, 0, 0, 1, 2, 3, 4, 5, 6]).expect("a torn write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_are_refused_and_what_precedes_them_is_kept() {
    let fleet = Fleet::new();
    let origin = fleet.start().await;
    let mut bytes = lesson();
    let good = bytes.len() / 2;
    bytes[good + 500] ^= 0x10;
    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, _) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    assert_eq!(upload.complete(&bytes).await, Err(u64::from(error_code::CORRUPT)));
    let (_, offset) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken again");
    assert!((1..=(good as u64 + 500)).contains(&offset), "{offset}");
    let metrics = fleet::request(origin.addresses.admin, "GET", "/metrics", &[]).await;
    assert!(
        metrics.text().contains("seodang_origin_uploads_refused_total{reason=\"corrupt\"} 1"),
        "{}",
        metrics.text()
    );
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_uploads_its_own_journals_under_usable_names_only() {
    let fleet = Fleet::new();
    let origin = fleet.start().await;
    let connection = fleet.connect("edge-jeju", origin.addresses.quic).await;
    let refused = async |open| Upload::open(&connection, &open).await.err();
    assert_eq!(refused(journal("edge-seoul")).await, Some(error_code::NOT_YOURS.into()));
    let mut bad = journal("edge-jeju");
    bad.room = "..".into();
    assert_eq!(refused(bad).await, Some(error_code::BAD_OPEN.into()));
    let mut bad = journal("edge-jeju");
    bad.version = 99;
    assert_eq!(refused(bad).await, Some(error_code::BAD_OPEN.into()));
    // A class named after a way up stays below the folder.
    let mut odd = journal("edge-jeju");
    odd.room = "../../etc/passwd".into();
    assert!(Upload::open(&connection, &odd).await.is_ok());
    assert!(fleet.folder().join("journals/..%2F..%2Fetc%2Fpasswd/RM_1").is_dir());
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_of_another_fleet_is_turned_away() {
    let (fleet, stranger) = (Fleet::new(), Fleet::new());
    let origin = fleet.start().await;
    let client =
        stranger.identity("edge-seoul").quic_client_config(&[edge_wire::ALPN_INGEST]).expect("a client");
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a port");
    endpoint.set_default_client_config(client);
    let connected = endpoint.connect(origin.addresses.quic, "origin").expect("a name").await;
    assert!(connected.is_err(), "another fleet's CA signed neither side");
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_upload_of_the_same_journal_takes_over() {
    let fleet = Fleet::new();
    let mut origin = fleet.start().await;
    let bytes = lesson();
    let first = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut old, _) = Upload::open(&first, &journal("edge-seoul")).await.expect("taken");
    old.send.write_all(&bytes[..40_000]).await.expect("the origin reads");
    old.acknowledged(30_000).await.expect("durable");
    let second = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut new, offset) = Upload::open(&second, &journal("edge-seoul")).await.expect("taken over");
    assert!(offset >= 30_000);
    assert_eq!(old.acknowledged(u64::MAX).await.err(), Some(error_code::BUSY.into()));
    new.complete(&bytes[offset as usize..]).await.expect("the rest");
    while origin.update().await.state == RecordingState::Live {}
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_whose_edge_stays_away_is_ended_and_comes_back_with_it() {
    let fleet = Fleet::new();
    let mut origin = fleet.start().await;
    let bytes = lesson();
    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, _) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    upload.send.write_all(&bytes[..bytes.len() / 2]).await.expect("the origin reads");
    upload.acknowledged(bytes.len() as u64 / 2 - 2_000).await.expect("durable");
    connection.close(0_u8.into(), b"gone");
    assert_eq!(origin.update().await.state, RecordingState::Live);
    let short = origin.update().await;
    assert_eq!(short.state, RecordingState::Partial);

    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let (mut upload, offset) = Upload::open(&connection, &journal("edge-seoul")).await.expect("taken");
    upload.complete(&bytes[offset as usize..]).await.expect("the rest");
    assert_eq!(origin.update().await.state, RecordingState::Live);
    let whole = origin.update().await;
    assert_eq!(whole.state, RecordingState::Complete);
    assert!(whole.duration_ms > short.duration_ms);
    // A start tells again what is finished, and takes nothing for unfinished.
    origin.stop().await;
    let mut origin = fleet.start().await;
    assert_eq!(origin.update().await, whole);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_to_the_edge_and_to_readiness() {
    let fleet = Fleet::new();
    let origin = fleet.start().await;
    let folder = fleet.folder().join(format!("journals/{FOLDER}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    // Linux has a device that is always full.
    std::os::unix::fs::symlink("/dev/full", folder.join("edge-seoul-1763672400000.journal")).expect("a link");
    let connection = fleet.connect("edge-seoul", origin.addresses.quic).await;
    let code = match Upload::open(&connection, &journal("edge-seoul")).await {
        Ok((mut upload, _)) => upload.complete(&lesson()).await.err(),
        Err(code) => Some(code),
    };
    assert_eq!(code, Some(error_code::STORAGE.into()));
    let ready = fleet::request(origin.addresses.admin, "GET", "/readyz", &[]).await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().starts_with("storage: "), "{}", ready.text());
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_named_with_its_role() {
    let fleet = Fleet::new();
    let origin = fleet.start().await;
    let (sender, _updates) = tokio::sync::mpsc::channel(1);
    let mut config = fleet.config();
    config.listen = origin.addresses.http;
    let error = origin::Origin::bind(config, &fleet.identity("origin"), sender).await.expect_err("taken");
    let text = format!("{error:#}");
    assert!(text.contains(&origin.addresses.http.to_string()) && text.contains("listen"), "{text}");
    origin.stop().await;
}
