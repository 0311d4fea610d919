//! `seodang load`: a crowd in one room.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use control_plane_api::token::{ApiKey, Claims, Grant, sign};

use crate::media::Layer;
use crate::report::{Percentiles, Report, Subscriber};
use crate::{Client, ClientConfig, Faults};

/// Validity of the crowd's tokens.
const TOKEN_TTL_S: u64 = 24 * 3_600;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Puts stock WebRTC clients into one room and counts what each of them gets.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Base URL of an edge (or of any server of the wire). Several: clients are spread over them in turn.
    #[arg(long, required = true)]
    pub url: Vec<String>,
    #[arg(long)]
    pub api_key: String,
    #[arg(long)]
    pub api_secret: String,
    #[arg(long, default_value = "load")]
    pub room: String,
    /// Clients that publish one video and one audio track.
    #[arg(long, default_value_t = 1)]
    pub publishers: usize,
    /// Clients that receive everything.
    #[arg(long, default_value_t = 10)]
    pub subscribers: usize,
    /// Simulcast layers of each video, 1 to 3.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub layers: u8,
    /// Bitrate of the highest layer.
    #[arg(long, default_value_t = 600_000)]
    pub bitrate_bps: u32,
    #[arg(long, default_value_t = 20)]
    pub fps: u32,
    /// Seconds of media to count.
    #[arg(long, default_value_t = 30)]
    pub duration: u64,
    /// Joins started each second.
    #[arg(long, default_value_t = 20)]
    pub joins_per_s: u32,
    /// Share of packets lost both ways between each client and its edge.
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// A token for `identity`, signed with the run's key; `now_s` is seconds since the epoch.
    #[must_use]
    pub fn token(&self, identity: &str, now_s: u64) -> String {
        let grant = Grant { room_join: true, room: self.room.clone(), ..Grant::default() };
        let claims = Claims {
            sub: identity.to_owned(),
            exp: Some(now_s + TOKEN_TTL_S),
            video: Some(grant),
            ..Claims::default()
        };
        sign(&claims, &ApiKey { key: self.api_key.clone(), secret: self.api_secret.clone() })
    }
}

struct Joined {
    client: Client,
    connect_ms: Option<f64>,
}

/// Runs the crowd. `progress` hears a line now and then.
///
/// # Errors
/// Not one client could join.
pub async fn run(arguments: &Arguments, mut progress: impl FnMut(&str)) -> anyhow::Result<Report> {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let total = arguments.publishers + arguments.subscribers;
    let pace = Duration::from_secs(1) / arguments.joins_per_s.max(1);
    let mut report = Report { clients: total, ..Report::default() };
    let mut tasks = Vec::new();
    for index in 0..total {
        let publishes = index < arguments.publishers;
        let identity = if publishes { format!("publisher-{index}") } else { format!("subscriber-{index}") };
        let config = ClientConfig {
            url: arguments.url[index % arguments.url.len()].clone(),
            token: arguments.token(&identity, now_s),
            auto_subscribe: !publishes,
            faults: (arguments.loss > 0.0).then(|| Faults::loss(arguments.loss, index as u64)),
            packets: None,
        };
        let arguments = arguments.clone();
        tasks.push(tokio::spawn(async move { enter(config, publishes, &arguments).await }));
        tokio::time::sleep(pace).await;
        if (index + 1) % 10 == 0 || index + 1 == total {
            progress(&format!("{} of {total} clients on their way", index + 1));
        }
    }
    let mut crowd = Vec::new();
    for task in tasks {
        match task.await? {
            Ok(joined) => crowd.push(joined),
            Err(error) => report.errors.push(format!("{error:#}")),
        }
    }
    anyhow::ensure!(!crowd.is_empty(), "no client could join: {}", report.errors.join("; "));
    let began = Instant::now();
    let end = began + Duration::from_secs(arguments.duration);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(5).min(end.saturating_duration_since(Instant::now()))).await;
        let packets: u64 =
            crowd.iter().flat_map(|j| j.client.received().into_values()).map(|r| r.tally.received).sum();
        progress(&format!("{:.0} s, {packets} packets arrived", began.elapsed().as_secs_f64()));
    }
    count(arguments, &crowd, began.elapsed(), &mut report);
    for joined in crowd {
        joined.client.leave().await;
    }
    Ok(report)
}

async fn enter(config: ClientConfig, publishes: bool, arguments: &Arguments) -> anyhow::Result<Joined> {
    let mut client = Client::join(config).await.context("join")?;
    if publishes {
        client.publish_video("camera", layers(arguments), arguments.fps).await?;
        client.publish_audio("microphone", 32_000).await?;
    }
    let connected = client.connected(CONNECT_TIMEOUT).await;
    let connect_ms = connected.is_ok().then(|| client.began().elapsed().as_secs_f64() * 1_000.0);
    Ok(Joined { client, connect_ms })
}

/// The layers a browser would send: each half the size and a third of the bitrate of the one above.
#[must_use]
fn layers(arguments: &Arguments) -> Vec<Layer> {
    let all = [("q", 320, 180, 9), ("h", 640, 360, 3), ("f", 1_280, 720, 1)];
    all.iter()
        .skip(3 - usize::from(arguments.layers))
        .map(|(rid, width, height, share)| {
            Layer::synthetic(rid, *width, *height, arguments.bitrate_bps / share, arguments.fps)
        })
        .collect()
}

fn count(arguments: &Arguments, crowd: &[Joined], elapsed: Duration, report: &mut Report) {
    report.duration_s = elapsed.as_secs_f64();
    report.joined = crowd.len();
    report.connected = crowd.iter().filter(|joined| joined.connect_ms.is_some()).count();
    report.join_ms =
        Percentiles::of(crowd.iter().map(|j| j.client.joined_in.as_secs_f64() * 1_000.0).collect());
    report.connect_ms = Percentiles::of(crowd.iter().filter_map(|joined| joined.connect_ms).collect());
    let mut first_frames = Vec::new();
    for joined in crowd.iter().filter(|joined| joined.client.identity.starts_with("subscriber")) {
        let received = joined.client.received();
        let mut line = Subscriber { identity: joined.client.identity.clone(), ..Subscriber::default() };
        let mut bytes = 0;
        let mut first_frame: Option<f64> = None;
        for stream in received.values() {
            line.streams += 1;
            line.expected += stream.tally.expected();
            line.received += stream.tally.received;
            line.lost += stream.tally.lost();
            line.reordered += stream.tally.reordered;
            report.packets_duplicate += stream.tally.duplicates;
            bytes += stream.tally.bytes;
            if stream.is_video {
                let after = stream.first_packet.saturating_duration_since(joined.client.began());
                let ms = after.as_secs_f64() * 1_000.0;
                first_frame = Some(first_frame.map_or(ms, |first| first.min(ms)));
            }
        }
        line.bitrate_bps = (bytes as f64 * 8.0 / elapsed.as_secs_f64().max(0.001)) as u64;
        first_frames.extend(first_frame);
        report.streams_received += line.streams;
        report.streams_expected += arguments.publishers * 2;
        report.packets_expected += line.expected;
        report.packets_received += line.received;
        report.packets_lost += line.lost;
        report.packets_reordered += line.reordered;
        report.bitrate_bps += line.bitrate_bps;
        report.subscribers.push(line);
    }
    report.first_frame_ms = Percentiles::of(first_frames);
}
