//! Edges and control planes die in the middle of lessons: everybody who joined has joined and left once in the database, and
//! webhooks tell the same.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use control_plane_classes::database::Place;
use control_plane_classes::{Database, Sql};
use support::fleet::{CONTROL_PLANE, EDGE, Fleet};
use support::{house, say, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A lost edge notices nothing of it; its next start and the retries take seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(40);

/// Webhooks as they came: event, identity and id of each.
type Told = Arc<Mutex<Vec<(String, String, String)>>>;

/// Takes webhooks, and answers every third with an error at first.
async fn receiver() -> anyhow::Result<(String, Told)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let told = Told::default();
    let (taken, refused) = (Arc::clone(&told), Arc::new(Mutex::new(BTreeSet::new())));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&taken), Arc::clone(&refused)));
        }
    });
    Ok((url, told))
}

async fn serve(
    mut stream: TcpStream,
    told: Told,
    refused: Arc<Mutex<BTreeSet<String>>>,
) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "the sender is gone");
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")).context("a length")?;
        let length: usize = length.trim().parse()?;
        while buffer.len() < end + length {
            anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "the sender is gone");
        }
        let event: serde_json::Value = serde_json::from_slice(&buffer[end..end + length])?;
        buffer.drain(..end + length);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&event["id"]);
        let fails = id.ends_with('3') && refused.lock().expect("no panic").insert(id.clone());
        if !fails {
            let event = (text(&event["event"]), text(&event["participant"]["identity"]), id);
            told.lock().expect("no panic").push(event);
        }
        let status = if fails { "503 Service Unavailable" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
    }
}

/// How often each `identity joined` and `identity left: reason` is stored.
async fn stored(fleet: &Fleet) -> anyhow::Result<BTreeMap<String, u64>> {
    let file = fleet.directory().join(CONTROL_PLANE).join("classes.db");
    let database = Database::open(&Place::File(file)).await?;
    let sql = "SELECT identity, kind, COALESCE(reason, ''), COUNT(*) FROM facts WHERE kind IN ('joined', 'left') \
        GROUP BY identity, kind, COALESCE(reason, ''), participant_sid";
    let mut counts = BTreeMap::new();
    for row in database.rows(sql, Vec::new()).await? {
        let name = format!("{} {} {}", row.text(0)?, row.text(1)?, row.text(2)?);
        *counts.entry(name.trim_end().to_owned()).or_default() += row.count(3)?;
    }
    database.close().await;
    Ok(counts)
}

async fn stored_as(fleet: &Fleet, what: &str, expected: &[&str]) {
    let expected: BTreeMap<String, u64> = expected.iter().map(|name| ((*name).to_owned(), 1)).collect();
    let mut last = BTreeMap::new();
    let found = tokio::time::timeout(TOLD_WITHIN, async {
        loop {
            last = stored(fleet).await.unwrap_or_default();
            if last == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let in_time = found.await.is_ok();
    assert!(in_time, "{what}: {last:#?} is not {expected:#?}\n{}", fleet.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_joins_and_leaves_once_whatever_is_killed() -> anyhow::Result<()> {
    let (url, told) = receiver().await?;
    let mut fleet = Fleet::open().await?;
    let file = fleet.directory().join(format!("{EDGE}.toml"));
    let settings =
        std::fs::read_to_string(&file)?.replace("[edge]\n", &format!("[edge]\nwebhooks = [\"{url}\"]\n"));
    std::fs::write(&file, settings)?;
    fleet.kill(EDGE);
    fleet.start(EDGE).await?;
    let class = house::make_class(&fleet.web(), fleet.key(), "Counted class", false).await?;

    let leaves = fleet.join(&class, "leaves").await;
    let stays = fleet.join(&class, "stays").await;
    stored_as(&fleet, "both joined", &["leaves joined", "stays joined"]).await;

    // No control plane: what happens is kept. Then the edge goes too.
    fleet.kill(CONTROL_PLANE);
    leaves.leave().await;
    let late = fleet.join(&class, "late").await;
    until("the webhooks come without a control plane", TOLD_WITHIN, async || {
        let told = told.lock().expect("no panic");
        told.iter().any(|(event, who, _)| event == "participant_joined" && who == "late").then_some(())
    })
    .await;
    fleet.kill(EDGE);
    drop((stays, late));
    fleet.start(CONTROL_PLANE).await?;
    fleet.start(EDGE).await?;
    let all = [
        "late joined",
        "late left edge-lost",
        "leaves joined",
        "leaves left client-initiated",
        "stays joined",
        "stays left edge-lost",
    ];
    stored_as(&fleet, "after both were killed", &all).await;

    // Again and again, with what is there already sent once more.
    for name in ["one", "two"] {
        let client = fleet.join(&class, name).await;
        fleet.kill(CONTROL_PLANE);
        fleet.start(CONTROL_PLANE).await?;
        client.leave().await;
    }
    let more = ["one joined", "one left client-initiated", "two joined", "two left client-initiated"];
    let all: Vec<&str> = all.into_iter().chain(more).collect();
    stored_as(&fleet, "after the control plane was killed twice", &all).await;
    let _ = std::fs::remove_file(fleet.directory().join(EDGE).join("facts/control-plane.cursor"));
    fleet.kill(EDGE);
    fleet.start(EDGE).await?;
    stored_as(&fleet, "after a cursor was lost", &all).await;

    let expected: BTreeSet<(String, String)> = all
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(who, what)| {
            (format!("participant_{}", &what.split(' ').next().unwrap_or_default()), who.to_owned())
        })
        .collect();
    until("the webhooks tell the same", TOLD_WITHIN, async || {
        let told = told.lock().expect("no panic");
        let people = told.iter().filter(|(_, who, _)| !who.is_empty());
        let events: BTreeSet<_> = people.map(|(event, who, _)| (event.clone(), who.clone())).collect();
        (events == expected).then_some(())
    })
    .await;
    let told = told.lock().expect("no panic");
    let ids: BTreeSet<&String> = told.iter().map(|(_, _, id)| id).collect();
    let people: BTreeSet<_> = told.iter().filter(|(_, who, _)| !who.is_empty()).collect();
    assert_eq!(people.len(), expected.len(), "one id for each event: {told:#?}");
    say(&format!(
        "{} facts of attendance once each; {} webhooks, {} events",
        all.len(),
        told.len(),
        ids.len()
    ));
    Ok(())
}
