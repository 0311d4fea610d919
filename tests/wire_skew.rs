//! A rolling upgrade: one of three edges speaks the wire version before, then it starts again with this one while the class
//! goes on. Media, what people say, and who is there are the same on every edge, before and after.

mod support;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use control_plane_api::token::ApiKey;
use load::media::Layer;
use load::{Client, ClientConfig, Happening, Track};
use support::house::{Node, Packets, binary, connect, free_ports, now_s, token};
use support::http::Metrics;
use support::{PATIENCE, Turn, http, say, turn, until};
use tokio::sync::mpsc;

const CONTROL_PLANE: &str = "control-plane-0";
const EDGES: [&str; 3] = ["seoul-edge", "gangneung-edge", "jeju-edge"];
/// The one of the wire version before.
const OLD: usize = 2;
const ROOM: &str = "class";
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long nothing happens, to see what this machine makes of it.
const QUIET: Duration = Duration::from_secs(3);
/// Somebody of whom nothing came for so long is not heard.
const FRESH: Duration = Duration::from_millis(300);
const FPS: u32 = 15;
/// Sound comes every 20 ms, a picture every 67. Those on other edges than the one that starts again wait no longer than this for any of it.
const GAP_MAX: Duration = Duration::from_millis(500);

struct Fleet {
    // Edges before the control plane they say goodbye to.
    edges: Vec<Option<Node>>,
    _control_plane: Node,
    port_base: u16,
    key: ApiKey,
    directory: tempfile::TempDir,
    _turn: Turn,
}

impl Fleet {
    async fn open() -> anyhow::Result<Self> {
        let turn = turn().await;
        let directory = tempfile::Builder::new().prefix("seodang-").tempdir()?;
        let port_base = free_ports();
        let key = ApiKey { key: "fleet".into(), secret: format!("{:032x}", rand::random::<u128>()) };
        for names in [&["--control-plane", CONTROL_PLANE][..], &EDGES[..]] {
            let mut command = Command::new(binary());
            command.args(["certificates", "--directory", "certificates"]).args(names);
            let output = command.current_dir(directory.path()).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let keys = format!("[{{ key = \"{}\", secret = \"{}\" }}]", key.key, key.secret);
        let local = |offset: u16| format!("\"127.0.0.1:{}\"", port_base + offset);
        let fleet = |name: &str, planes: &str| {
            format!(
                "[fleet]\nca = \"certificates/ca.pem\"\ncertificate = \"certificates/{name}.pem\"\n\
                 key = \"certificates/{name}.key\"\ncontrol_planes = [{planes}]\n[telemetry]\nfilter = \"info\"\n"
            )
        };
        let own = format!(
            "[control_plane]\nid = \"{CONTROL_PLANE}\"\nregion = \"seoul\"\nlisten = {}\nadmin = {}\nnodes = {}\n\
             data_dir = \"{CONTROL_PLANE}\"\napi_keys = {keys}\n{}",
            local(0),
            local(1),
            local(2),
            fleet(CONTROL_PLANE, "")
        );
        std::fs::write(directory.path().join(format!("{CONTROL_PLANE}.toml")), own)?;
        for (edge, name) in (0_u16..).zip(EDGES) {
            let first = 10 + 10 * edge;
            let own = format!(
                "[edge]\nid = \"{name}\"\nregion = \"{name}\"\nlisten = {}\nmedia = {}\nlink = {}\nadmin = {}\n\
                 data_dir = \"{name}\"\nkeys = {keys}\n{}",
                local(first),
                local(first + 1),
                local(first + 2),
                local(first + 3),
                fleet(name, &local(2))
            );
            std::fs::write(directory.path().join(format!("{name}.toml")), own)?;
        }
        let arguments = ["control-plane", "--config", &format!("{CONTROL_PLANE}.toml")].map(str::to_owned);
        let mut control_plane = Node::start(CONTROL_PLANE, directory.path(), &arguments)?;
        ready(&mut control_plane, port_base + 1).await?;
        let edges = EDGES.map(|_| None).into();
        let mut fleet = Self { edges, _control_plane: control_plane, port_base, key, directory, _turn: turn };
        for edge in 0..EDGES.len() {
            fleet.start(edge, (edge == OLD).then_some(edge_wire::VERSION - 1)).await?;
        }
        Ok(fleet)
    }

    fn port(&self, edge: usize, offset: u16) -> u16 {
        self.port_base + 10 + 10 * u16::try_from(edge).expect("three edges") + offset
    }

    async fn start(&mut self, edge: usize, wire_version: Option<u32>) -> anyhow::Result<()> {
        let mut arguments = vec!["edge".to_owned(), "--config".into(), format!("{}.toml", EDGES[edge])];
        if let Some(version) = wire_version {
            arguments.extend(["--set".to_owned(), format!("edge.wire_version={version}")]);
        }
        let mut node = Node::start(EDGES[edge], self.directory.path(), &arguments)?;
        ready(&mut node, self.port(edge, 3)).await?;
        self.edges[edge] = Some(node);
        Ok(())
    }

    async fn join(&self, edge: usize, identity: &str) -> anyhow::Result<Pupil> {
        let (sender, packets) = mpsc::unbounded_channel();
        let token = token(&self.key, ROOM, identity, now_s() + 3_600);
        let url = format!("http://127.0.0.1:{}", self.port(edge, 0));
        let config = ClientConfig { url, token, auto_subscribe: true, faults: None, packets: Some(sender) };
        let client = connect(config).await?;
        client.publish_audio("microphone", 24_000).await?;
        client.publish_video("camera", vec![Layer::synthetic("", 320, 180, 150_000, FPS)], FPS).await?;
        Ok(Pupil::new(client, packets))
    }

    /// Waits until both other edges say that they speak this version with the old one.
    async fn spoken(&self, version: u32) {
        let series = format!("seodang_link_wire_version{{peer=\"{}\"}}", EDGES[OLD]);
        for edge in 0..OLD {
            let admin = format!("http://127.0.0.1:{}", self.port(edge, 3));
            until("the version is spoken", PATIENCE, async || {
                let spoken = Metrics::of(&admin).await.ok()?.get(&series);
                (spoken == f64::from(version)).then_some(())
            })
            .await;
        }
    }

    fn said(&self) -> String {
        let nodes = EDGES.iter().zip(&self.edges);
        nodes
            .map(|(name, node)| format!("--- {name}\n{}", node.as_ref().map_or_else(String::new, Node::said)))
            .collect()
    }
}

async fn ready(node: &mut Node, admin: u16) -> anyhow::Result<()> {
    let end = Instant::now() + START_TIMEOUT;
    let url = format!("http://127.0.0.1:{admin}/readyz");
    while !http::get(&url).await.is_ok_and(|answer| answer.status == 200) {
        ensure!(!node.has_ended() && Instant::now() < end, "a node does not get ready:\n{}", node.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Longest and latest of what came, by track.
type Silences = Arc<Mutex<BTreeMap<String, (Duration, Instant)>>>;

/// Somebody in class who speaks all the time.
struct Pupil {
    client: Client,
    silences: Silences,
    sent: u32,
}

impl Pupil {
    fn new(client: Client, mut packets: Packets) -> Self {
        let silences = Silences::default();
        let heard = Arc::clone(&silences);
        tokio::spawn(async move {
            while let Some((track, _)) = packets.recv().await {
                let now = Instant::now();
                let mut heard = heard.lock().expect("nobody panics with it");
                let (longest, last) = heard.entry(track).or_insert((Duration::ZERO, now));
                *longest = (*longest).max(now - *last);
                *last = now;
            }
        });
        Self { client, silences, sent: 0 }
    }

    /// Whose sound or picture comes now, by track.
    fn gets(&self) -> Vec<String> {
        let tracks = self.client.tracks();
        let silences = self.silences.lock().expect("nobody panics with it");
        let fresh = silences.iter().filter(|(_, (_, last))| last.elapsed() < FRESH);
        fresh.filter_map(|(track, _)| Some(tracks.get(track)?.identity.clone())).collect()
    }

    fn mark(&self) {
        let mut silences = self.silences.lock().expect("nobody panics with it");
        silences.values_mut().for_each(|(longest, _)| *longest = Duration::ZERO);
    }

    /// The longest silence of somebody's sound, or stillness of the picture, since the mark; the one that goes on included.
    fn longest(&self, of: &str, is_video: bool) -> Option<Duration> {
        let tracks = self.client.tracks();
        let silences = self.silences.lock().expect("nobody panics with it");
        let is_his = |track: &Track| track.identity == of && track.is_video == is_video;
        let his = silences.iter().filter(|(sid, _)| tracks.get(*sid).is_some_and(is_his));
        his.map(|(_, (longest, last))| (*longest).max(last.elapsed())).max()
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.sent += 1;
        self.client.send(text.as_bytes(), self.sent).await
    }
}

/// Everybody hears and sees everybody else, and what each says comes to all others once.
async fn whole(pupils: &mut [Pupil], word: &str) -> anyhow::Result<()> {
    let others = pupils.len() - 1;
    for pupil in &*pupils {
        let what = format!("{} hears and sees {others} others", pupil.client.identity);
        until(&what, PATIENCE, async || (pupil.gets().len() == 2 * others).then_some(())).await;
    }
    for speaker in 0..pupils.len() {
        let text = format!("{word} of {}", pupils[speaker].client.identity);
        until("the channel is open", PATIENCE, async || pupils[speaker].say(&text).await.ok()).await;
        for (_, listener) in pupils.iter_mut().enumerate().filter(|(number, _)| *number != speaker) {
            listener
                .client
                .wait_for(PATIENCE, |happening| is_said(&happening, &text).then_some(()))
                .await
                .with_context(|| format!("{text:?} has not come to {}", listener.client.identity))?;
        }
    }
    Ok(())
}

fn is_said(happening: &Happening, text: &str) -> bool {
    matches!(happening, Happening::Data { payload, .. } if payload == text.as_bytes())
}

/// Whom a client sees come or go.
async fn sees(pupil: &mut Pupil, identity: &str, there: bool) -> anyhow::Result<()> {
    let wanted = |happening: &Happening| match happening {
        Happening::Participants(changes) => {
            changes.iter().any(|(who, is, _)| who == identity && *is == there)
        }
        _ => false,
    };
    let seen = pupil.client.wait_for(PATIENCE, |happening| wanted(&happening).then_some(()));
    seen.await.with_context(|| format!("{} has not seen that {identity}: {there}", pupil.client.identity))
}

async fn class(fleet: &mut Fleet) -> anyhow::Result<()> {
    let mut pupils = Vec::new();
    for edge in 0..EDGES.len() {
        pupils.push(fleet.join(edge, &format!("pupil-{edge}")).await?);
    }
    fleet.spoken(edge_wire::VERSION - 1).await;
    whole(&mut pupils, "a word before").await?;

    // Somebody comes and goes on the edge of the version before, and on one of this version.
    for edge in [OLD, 0] {
        let guest = format!("guest-{edge}");
        let joined = fleet.join(edge, &guest).await?;
        for pupil in &mut pupils {
            sees(pupil, &guest, true).await?;
        }
        joined.client.leave().await;
        for pupil in &mut pupils {
            sees(pupil, &guest, false).await?;
        }
    }

    pupils.iter().for_each(Pupil::mark);
    tokio::time::sleep(QUIET).await;
    let undisturbed = report("undisturbed", &pupils, &[0, 1, OLD]);

    // The upgrade: nobody else is concerned.
    let upgraded = pupils.pop().context("the pupil of the old edge")?;
    pupils.iter().for_each(Pupil::mark);
    upgraded.client.leave().await;
    fleet.edges[OLD] = None;
    fleet.start(OLD, None).await?;
    let back = until("the upgraded edge takes somebody in", PATIENCE, async || {
        fleet.join(OLD, "pupil-2").await.ok()
    })
    .await;
    pupils.push(back);
    fleet.spoken(edge_wire::VERSION).await;
    let worst = report("while one is upgraded", &pupils, &[0, 1]);
    // A machine that builds beside it makes gaps of its own.
    let bound = GAP_MAX.max(2 * undisturbed);
    ensure!(
        worst <= bound,
        "the others did not hear or see one another for {worst:?}, undisturbed {undisturbed:?}"
    );
    whole(&mut pupils, "a word after").await
}

/// The longest silence among those of `watched`.
fn report(when: &str, pupils: &[Pupil], watched: &[usize]) -> Duration {
    let pairs: Vec<_> =
        watched.iter().flat_map(|one| watched.iter().map(move |other| (*one, *other))).collect();
    let longest = |is_video| {
        let apart = pairs.iter().filter(|(listener, of)| listener != of);
        let gaps = apart.map(|(listener, of)| pupils[*listener].longest(&format!("pupil-{of}"), is_video));
        gaps.map(|gap| gap.unwrap_or(Duration::MAX)).max().unwrap_or_default()
    };
    let (sound, picture) = (longest(false), longest(true));
    say(&format!(
        "{when}: longest gap of sound {} ms, of pictures {} ms",
        sound.as_millis(),
        picture.as_millis()
    ));
    sound.max(picture)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_over_two_wire_versions_goes_on_while_the_older_edge_is_upgraded() -> anyhow::Result<()> {
    let mut fleet = Fleet::open().await?;
    let result = class(&mut fleet).await;
    result.with_context(|| fleet.said())
}
