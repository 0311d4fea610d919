//! Somebody in the class who behaves as a good client does: notices a dead edge, and goes to the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use load::media::Layer;
use load::{Client, ClientConfig, Happening};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::gaps::Gaps;
use crate::order::Order;

/// So long without a packet, and the edge is asked whether it lives: as the web app does (`lifeline.ts`).
const SILENCE: Duration = Duration::from_millis(500);
/// So long it has to answer (`edges.ts`).
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
const JOIN_TIMEOUT: Duration = Duration::from_millis(1_500);
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Reliable messages of each publisher.
const DATA_INTERVAL: Duration = Duration::from_millis(100);
const AUDIO_BPS: u32 = 24_000;
const VIDEO_BPS: u32 = 80_000;
const FPS: u32 = 10;

/// What is known of one pupil from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) gaps: Gaps,
    pub(crate) order: Order,
    /// Number of the edge it is on, if it is on one.
    pub(crate) edge: Option<usize>,
    /// Reliable messages sent so far.
    pub(crate) sent: u64,
    /// Goes back to its own edge as soon as it can.
    pub(crate) homesick: bool,
    /// The class is over: leaves in an orderly way.
    pub(crate) over: bool,
    /// Every join, by the sid the edge gave it: whether anything came, so that the edge surely knows of it.
    pub(crate) joins: BTreeMap<String, bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pupil {
    pub(crate) identity: String,
    pub(crate) publishes: bool,
    /// Number of its own edge.
    pub(crate) home: usize,
    seen: Arc<Mutex<Seen>>,
}

/// How to enter.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Of all edges, the pupil's own first, then in the order in which it goes on.
    pub(crate) edges: Vec<(usize, String)>,
    pub(crate) token: String,
}

impl Pupil {
    /// Sends somebody into the class for as long as the process lives.
    pub(crate) fn enter(identity: String, publishes: bool, door: Door) -> Self {
        let home = door.edges.first().map_or(0, |(edge, _)| *edge);
        let pupil = Self { identity, publishes, home, seen: Arc::default() };
        let task = pupil.clone();
        tokio::spawn(async move { task.attend(door).await });
        pupil
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn attend(self, door: Door) {
        let mut at = 0;
        while !self.look(|seen| seen.over) {
            if self.look(|seen| std::mem::take(&mut seen.homesick)) {
                at = 0;
            }
            let (edge, url) = &door.edges[at % door.edges.len()];
            let (packets, received) = mpsc::unbounded_channel();
            let config = ClientConfig {
                url: url.clone(),
                token: door.token.clone(),
                auto_subscribe: true,
                faults: None,
                packets: Some(packets),
            };
            if let Ok(Ok(client)) = tokio::time::timeout(JOIN_TIMEOUT, Client::join(config)).await {
                self.look(|seen| {
                    seen.edge = Some(*edge);
                    seen.joins.insert(client.sid.clone(), false);
                });
                self.stay(client, received, url).await;
                self.look(|seen| seen.edge = None);
            }
            at += 1;
        }
    }

    /// Until the edge is dead or sends us away.
    async fn stay(
        &self,
        mut client: Client,
        mut packets: mpsc::UnboundedReceiver<(String, load::rtp::Packet)>,
        url: &str,
    ) {
        if self.publishes {
            let layer = Layer::on_request("q", 320, 180, VIDEO_BPS, FPS);
            let sends = async {
                client.publish_audio("microphone", AUDIO_BPS).await?;
                client.publish_video("camera", vec![layer], FPS).await
            };
            if !matches!(tokio::time::timeout(PUBLISH_TIMEOUT, sends).await, Ok(Ok(()))) {
                return;
            }
        }
        let joined = Instant::now();
        let mut is_known = false;
        let mut owners: BTreeMap<String, (String, bool)> = BTreeMap::new();
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        let mut data = tokio::time::interval(DATA_INTERVAL);
        loop {
            tokio::select! {
                packet = packets.recv() => {
                    let Some((sid, _)) = packet else { return };
                    if !owners.contains_key(&sid) {
                        owners.extend(client.tracks().into_iter().map(|(sid, track)| (sid, (track.identity, track.is_video))));
                    }
                    if let Some((owner, is_video)) = owners.get(&sid) {
                        self.look(|seen| {
                            seen.gaps.heard(owner, *is_video, Instant::now());
                            if !std::mem::replace(&mut is_known, true) {
                                seen.joins.insert(client.sid.clone(), true);
                            }
                        });
                    }
                }
                happening = client.happening() => match happening {
                    Some(Happening::Data { from, payload, .. }) => self.look(|seen| seen.order.take(&from, &payload)),
                    Some(Happening::Disconnected(_) | Happening::Left { .. }) | None => return,
                    Some(_) => {}
                },
                _ = data.tick(), if self.publishes => self.send(&client).await,
                _ = look.tick() => {
                    let homesick = self.look(|seen| {
                        let away = seen.homesick && seen.edge != Some(self.home);
                        seen.homesick &= away;
                        away
                    });
                    if self.look(|seen| seen.over) {
                        return client.leave().await;
                    }
                    if homesick {
                        return;
                    }
                    let last = self.look(|seen| seen.gaps.last()).map_or(joined, |last| last.max(joined));
                    if last.elapsed() > SILENCE && !answers(url).await {
                        return;
                    }
                }
            }
        }
    }

    async fn send(&self, client: &Client) {
        let number = self.look(|seen| seen.sent + 1);
        if client.send(number.to_string().as_bytes(), u32::try_from(number).unwrap_or(u32::MAX)).await.is_ok()
        {
            self.look(|seen| seen.sent = number);
        }
    }
}

/// Whether the edge answers at all.
async fn answers(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://") else { return false };
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(host).await?;
        stream
            .write_all(format!("GET /probe HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
            .await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        anyhow::Ok(())
    };
    tokio::time::timeout(PROBE_TIMEOUT, asked).await.is_ok_and(|answer| answer.is_ok())
}
