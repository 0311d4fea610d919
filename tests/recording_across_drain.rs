//! A recorded class goes on while its edge is drained: the recording goes on from the edge its people move to, nothing of the
//! drained edge's journal is lost, and the replay is one class.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use control_plane_api::recording::{Manifest, Presentation, RecordingState};
use load::media::Layer;
use load::{Client, ClientConfig, Happening};
use support::fleet::{EDGE, Fleet, ORIGIN, SECOND_EDGE};
use support::{house, http, say, until, video};

const FPS: u32 = 15;
/// Of sound or of picture, in a row.
const MISSING_MS_MAX: u64 = 500;
/// Where the second edge had the picture before the sound, its part begins silent.
const TWICE_MS_MAX: u64 = 300;
/// The instructor's two tracks do not begin and end at one instant.
const EDGE_MS_MAX: u64 = 1_000;
const MOVED_WITHIN: Duration = Duration::from_secs(20);
const FINISHED_WITHIN: Duration = Duration::from_secs(60);
const BEFORE: Duration = Duration::from_secs(6);
const AFTER: Duration = Duration::from_secs(6);
/// How often sound and picture are looked for.
const LOOK_MS: u64 = 10;

struct Class {
    fleet: Fleet,
    id: String,
    layer: Layer,
}

/// Somebody in the class whose client knows how to move.
struct Person {
    client: Client,
    layer: Option<Layer>,
}

impl Class {
    /// Three people: the instructor and a student on the edge that goes, a student on the one that stays.
    async fn open() -> anyhow::Result<(Self, Vec<Person>, Client)> {
        let mut fleet = Fleet::open().await?;
        fleet.add_edge().await?;
        let layer = video::h264_layer(fleet.directory(), FPS, 10)?;
        let id = house::make_class(&fleet.web(), fleet.key(), "Class that moves", true).await?;
        let class = Self { fleet, id, layer };
        let instructor =
            Person { client: class.join(EDGE, "instructor").await, layer: Some(class.layer.clone()) };
        instructor.publish().await?;
        let student = Person { client: class.join(EDGE, "student").await, layer: None };
        let stays = class.join(SECOND_EDGE, "stays").await;
        until("the one who stays hears the class", support::PATIENCE, async || {
            (stays.received().len() == 2).then_some(())
        })
        .await;
        Ok((class, vec![instructor, student], stays))
    }

    async fn join(&self, edge: &str, identity: &str) -> Client {
        self.fleet.join_at(edge, &self.id, identity).await
    }

    async fn drain(&self, edge: &str) -> anyhow::Result<()> {
        let url = format!("{}/v1/ops/drains/node/{edge}", self.fleet.web());
        let bearer = house::bearer(self.fleet.key());
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let wish = br#"{"deadline_s": 120, "exit": true}"#;
        let answer = http::request("POST", &url, &headers, wish).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        Ok(())
    }

    async fn ended(&mut self, edge: &str) {
        let end = Instant::now() + MOVED_WITHIN;
        while !self.fleet.has_ended(edge) {
            assert!(Instant::now() < end, "{edge} does not end:\n{}", self.fleet.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Journals the edge still has on its disk.
    fn journals(&self, edge: &str) -> usize {
        files(&self.fleet.directory().join(edge).join("journals"))
    }

    /// Waits for the finished recording, read through the cdn: its events and itself.
    async fn recording(&self) -> anyhow::Result<(Vec<serde_json::Value>, Manifest)> {
        let class = format!("{}/v1/classes/{}", self.fleet.web(), self.id);
        let (url, manifest) = until("the recording is finished", FINISHED_WITHIN, async || {
            let class: BTreeMap<String, serde_json::Value> =
                serde_json::from_slice(&http::get(&class).await.ok()?.body).ok()?;
            let url = format!("{}{}", self.fleet.cdn(), class.get("replay")?.as_str()?);
            let manifest: Manifest = serde_json::from_slice(&http::get(&url).await.ok()?.body).ok()?;
            (manifest.state != RecordingState::Live).then_some((url, manifest))
        })
        .await;
        let base = url.rsplit_once('/').context("a path")?.0;
        let events = http::get(&format!("{base}/{}", manifest.timeline)).await?;
        for presentation in &manifest.presentations {
            let url = format!("{base}/{}", presentation.path);
            assert_eq!(video::complaints(url.as_ref())?, "", "the decoder complains about {url}");
        }
        Ok((serde_json::from_slice(&events.body)?, manifest))
    }
}

impl Person {
    async fn publish(&self) -> anyhow::Result<()> {
        let Some(layer) = &self.layer else { return Ok(()) };
        self.client.publish_video("camera", vec![layer.clone()], FPS).await?;
        self.client.publish_audio("microphone", 24_000).await?;
        let taken = async || self.client.published("camera").zip(self.client.published("microphone"));
        until("the tracks are taken", support::PATIENCE, taken).await;
        Ok(())
    }

    /// Does as the edge says: opens the second connection, waits for its word, closes the first.
    async fn moves(mut self) -> anyhow::Result<Self> {
        let word =
            self.client.wait_for(MOVED_WITHIN, |said| said_of(said, "move")).await.context("told to move")?;
        let url = word["edges"][0]["url"].as_str().context("an edge")?.to_owned();
        let token = word["token"].as_str().context("a token")?.to_owned();
        let config = ClientConfig { url, token, auto_subscribe: true, faults: None, packets: None };
        let second = Self { client: house::connect(config).await?, layer: self.layer.take() };
        second.publish().await?;
        self.client
            .wait_for(MOVED_WITHIN, |said| said_of(said, "moved"))
            .await
            .context("told that it moved")?;
        self.client.leave().await;
        Ok(second)
    }
}

/// The edge's word of this type about a move.
fn said_of(said: Happening, wanted: &str) -> Option<serde_json::Value> {
    let Happening::Data { topic, payload, .. } = said else { return None };
    let word: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    (topic.as_deref() == Some("seodang.move") && word["type"] == wanted).then_some(word)
}

async fn move_all(people: Vec<Person>) -> anyhow::Result<Vec<Person>> {
    futures_util::future::try_join_all(people.into_iter().map(Person::moves)).await
}

fn files(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "journal")).count()
}

fn now_ms() -> u64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(age.as_millis()).unwrap_or_default()
}

/// At a moment of the class: how many presentations of the instructor have a picture, and how many sound.
fn at(manifest: &Manifest, ms: u64) -> (usize, usize) {
    let missing = |one: &Presentation| one.gaps.iter().any(|gap| (gap.start_ms..gap.end_ms).contains(&ms));
    let there = manifest.presentations.iter().filter(|one| one.identity == "instructor");
    let there = there.filter(|one| (one.start_ms..one.end_ms).contains(&ms) && !missing(one));
    there.fold((0, 0), |(seen, heard), one| {
        (seen + usize::from(one.has_video), heard + usize::from(one.has_audio))
    })
}

/// What the recording has of the instructor between two moments of the class.
#[derive(Debug, Default)]
struct Missing {
    /// Longest in a row, ms.
    picture_ms: u64,
    sound_ms: u64,
    /// Heard in two presentations at once, all in all.
    twice_ms: u64,
}

fn missing(manifest: &Manifest, from_ms: u64, to_ms: u64) -> Missing {
    let mut found = Missing::default();
    let (mut unseen_ms, mut unheard_ms) = (0, 0);
    for ms in (from_ms..to_ms).step_by(usize::try_from(LOOK_MS).expect("small")) {
        let (seen, heard) = at(manifest, ms);
        unseen_ms = if seen == 0 { unseen_ms + LOOK_MS } else { 0 };
        unheard_ms = if heard == 0 { unheard_ms + LOOK_MS } else { 0 };
        found.picture_ms = found.picture_ms.max(unseen_ms);
        found.sound_ms = found.sound_ms.max(unheard_ms);
        found.twice_ms += if heard > 1 { LOOK_MS } else { 0 };
    }
    found
}

/// One class: who came and went, each once, and the instructor's tracks once.
fn is_one_class(events: &[serde_json::Value]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let (kind, who) = (event["kind"].as_str(), event["data"]["identity"].as_str());
        let source = event["data"]["source"].as_str().unwrap_or_default();
        let name = format!("{} {} {source}", who.unwrap_or_default(), kind.unwrap_or_default());
        *counts.entry(name.trim_end().to_owned()).or_default() += 1;
    }
    let expected =
        ["instructor", "stays", "student"].map(|who| [format!("{who} join"), format!("{who} leave")]);
    let tracks = ["instructor publish camera", "instructor publish microphone"].map(str::to_owned);
    let expected = expected.into_iter().flatten().chain(tracks).map(|name| (name, 1)).collect();
    assert_eq!(counts, expected, "{events:#?}");
}

/// Ends the class and judges its recording. `moved`: when the drain began and when everybody had moved.
async fn judge(
    class: &Class,
    people: Vec<Person>,
    stays: Client,
    began_ms: u64,
    moved: (u64, u64),
) -> anyhow::Result<()> {
    tokio::time::sleep(AFTER).await;
    let ended_ms = now_ms();
    stays.leave().await;
    for person in people {
        person.client.leave().await;
    }
    let (events, manifest) = class.recording().await?;
    let class_ms = |ms: u64| ms.saturating_sub(manifest.started_at_ms);
    let found = missing(&manifest, class_ms(began_ms) + EDGE_MS_MAX, class_ms(ended_ms) - EDGE_MS_MAX);
    say(&format!(
        "{:?}; drain from {} to {} ms of the class; longest without picture {} ms, without sound {} ms; heard twice {} ms",
        manifest.state,
        class_ms(moved.0),
        class_ms(moved.1),
        found.picture_ms,
        found.sound_ms,
        found.twice_ms
    ));
    for one in &manifest.presentations {
        let (source, gaps) = (one.source, &one.gaps);
        say(&format!("{} to {} ms: {} {source:?}, gaps {gaps:?}", one.start_ms, one.end_ms, one.id));
    }
    is_one_class(&events);
    assert_eq!(manifest.state, RecordingState::Complete, "{manifest:#?}");
    assert!(
        found.picture_ms <= MISSING_MS_MAX && found.sound_ms <= MISSING_MS_MAX,
        "{found:?}\n{manifest:#?}"
    );
    assert!(found.twice_ms <= TWICE_MS_MAX, "a voice is heard once: {found:?}\n{manifest:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_goes_on_from_the_edge_people_move_to() -> anyhow::Result<()> {
    let (mut class, people, stays) = Class::open().await?;
    let began_ms = now_ms();
    tokio::time::sleep(BEFORE).await;
    let drained_ms = now_ms();
    class.drain(EDGE).await?;
    let people = move_all(people).await?;
    let moved = (drained_ms, now_ms());
    class.ended(EDGE).await;
    assert_eq!(class.journals(EDGE), 0, "the origin holds all of it: {}", class.fleet.said());
    judge(&class, people, stays, began_ms, moved).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_edge_waits_for_an_origin_that_is_away() -> anyhow::Result<()> {
    let (mut class, people, stays) = Class::open().await?;
    let began_ms = now_ms();
    tokio::time::sleep(BEFORE).await;
    class.fleet.kill(ORIGIN);
    let drained_ms = now_ms();
    class.drain(EDGE).await?;
    let people = move_all(people).await?;
    let moved = (drained_ms, now_ms());
    // Empty of people, and a room lingers for less.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!class.fleet.has_ended(EDGE), "it has a journal the origin does not hold");
    let ready = http::get(&format!("{}/readyz", class.fleet.admin(EDGE))).await?;
    assert_eq!((ready.status, ready.text().as_str()), (503, "edge: draining\n"));
    assert_eq!(class.journals(EDGE), 1);
    class.fleet.start(ORIGIN).await?;
    class.ended(EDGE).await;
    assert_eq!(class.journals(EDGE), 0, "the origin holds all of it: {}", class.fleet.said());
    judge(&class, people, stays, began_ms, moved).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_is_told_to_end_hands_its_recording_over_too() -> anyhow::Result<()> {
    let (mut class, people, stays) = Class::open().await?;
    let began_ms = now_ms();
    tokio::time::sleep(BEFORE).await;
    let drained_ms = now_ms();
    class.fleet.terminate(EDGE);
    let people = move_all(people).await?;
    let moved = (drained_ms, now_ms());
    class.ended(EDGE).await;
    assert_eq!(class.journals(EDGE), 0, "the origin holds all of it: {}", class.fleet.said());
    judge(&class, people, stays, began_ms, moved).await
}
