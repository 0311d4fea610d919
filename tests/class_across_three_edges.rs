//! A class over three edges through 2 % loss: every subscriber gets every packet of its layer in order, layers change at
//! keyframes only, and a layer nobody watches does not cross a link.

mod support;

use std::time::{Duration, Instant};

use load::{Client, ClientConfig, Faults};
use support::house::{GANGNEUNG, House, JEJU, Packets, SEOUL};
use support::video::{self, Published};
use support::{PATIENCE, say, until};
use tokio::sync::mpsc;

const LOSS: f64 = 0.02;
const FPS: u32 = 15;
const LOW: i32 = 0;
const MEDIUM: i32 = 1;
const HIGH: i32 = 2;
/// Where the 20 subscribers are and what they watch. Nobody in Jeju watches more than the low layer.
const CROWD: [(usize, i32, usize); 7] = [
    (SEOUL, LOW, 2),
    (SEOUL, MEDIUM, 2),
    (SEOUL, HIGH, 2),
    (GANGNEUNG, LOW, 3),
    (GANGNEUNG, MEDIUM, 4),
    (JEJU, LOW, 6),
    // Changes its mind during the class.
    (JEJU, LOW, 1),
];

struct Subscriber {
    client: Client,
    packets: Packets,
    quality: i32,
    seed: u64,
}

/// A track of sound and one layer of the video.
const ONE_LAYER: f64 = 2.0;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_subscribers_on_three_edges_get_every_packet_of_their_layer() -> anyhow::Result<()> {
    let house = House::open().await?;
    let layers = video::vp8_layers(house.directory(), FPS, 8, FPS)?;
    let published = Published::new(&layers);
    let publisher = house.join_through(SEOUL, "class", "instructor", Faults::loss(LOSS, 1)).await?;
    publisher.publish_video("camera", layers, FPS).await?;
    publisher.publish_audio("microphone", 24_000).await?;
    let sid = until("the track is taken", PATIENCE, async || publisher.published("camera")).await;

    let mut crowd = enter(&house).await?;
    for subscriber in &crowd {
        subscriber.client.want(&sid, Some(subscriber.quality)).await;
    }
    let (changing, quiet) = (crowd.len() - 1, Duration::from_secs(6));
    until_flows(&house, "Jeju takes one layer, Gangneung two", ONE_LAYER, ONE_LAYER + 1.0).await?;
    tokio::time::sleep(quiet).await;
    assert_eq!(house.flows(SEOUL, JEJU).await?, ONE_LAYER, "nobody in Jeju watches more than the low layer");
    assert_eq!(house.flows(SEOUL, GANGNEUNG).await?, ONE_LAYER + 1.0, "in Gangneung two layers are watched");
    assert_eq!(house.flows(GANGNEUNG, JEJU).await? + house.flows(JEJU, GANGNEUNG).await?, 0.0);

    for (quality, flows) in [(HIGH, ONE_LAYER + 1.0), (LOW, ONE_LAYER)] {
        crowd[changing].client.want(&sid, Some(quality)).await;
        until_flows(&house, "the link follows what is watched", flows, ONE_LAYER + 1.0).await?;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    settle(&publisher, &crowd).await;

    let (seoul, mut put_off) = (house.metrics(SEOUL).await?, 0.0);
    for region in [SEOUL, GANGNEUNG, JEJU] {
        put_off += house.metrics(region).await?.get("seodang_media_switches_put_off_total");
    }
    say(&format!(
        "uplink: {} asked again, {} given up; downlink: {} answered, {} not in the ring",
        seoul.get("seodang_media_nacks_out_total"),
        seoul.get("seodang_media_repairs_given_up_total"),
        seoul.get("seodang_media_retransmitted_total"),
        seoul.get("seodang_media_nacks_missed_total"),
    ));
    let mut switches = 0;
    for (number, subscriber) in crowd.iter_mut().enumerate() {
        let taken = judge(&house, subscriber, &sid, &published)?;
        assert_eq!(taken.last(), Some(&(usize::try_from(subscriber.quality)?)), "subscriber {number}");
        if number == changing {
            assert!(taken.ends_with(&[0, 2, 0]), "low, high, low was asked for, {taken:?} came");
        }
        switches += taken.len() - 1;
    }
    say(&format!("{switches} layer switches, all at keyframes; {put_off} waited for the end of a picture"));
    Ok(())
}

/// Waits until so many tracks and layers cross from Seoul to Jeju and to Gangneung, and says where they were instead.
async fn until_flows(house: &House, what: &str, jeju: f64, gangneung: f64) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let direct = (house.flows(SEOUL, JEJU).await?, house.flows(SEOUL, GANGNEUNG).await?);
        if direct == (jeju, gangneung) {
            return Ok(());
        }
        let round = (house.flows(GANGNEUNG, JEJU).await?, house.flows(JEJU, GANGNEUNG).await?);
        anyhow::ensure!(
            Instant::now() < end,
            "not within {PATIENCE:?}: {what}; from Seoul to Jeju and Gangneung {direct:?}, between those {round:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn enter(house: &House) -> anyhow::Result<Vec<Subscriber>> {
    let mut crowd = Vec::new();
    for (region, quality, count) in CROWD {
        for _ in 0..count {
            let seed = 100 + crowd.len() as u64;
            let (sender, packets) = mpsc::unbounded_channel();
            let config = ClientConfig {
                faults: Some(Faults::loss(LOSS, seed)),
                packets: Some(sender),
                ..house.client(region, "class", &format!("student-{}", crowd.len()))
            };
            let client = support::house::connect(config).await?;
            crowd.push(Subscriber { client, packets, quality, seed });
        }
    }
    assert_eq!(crowd.len(), 20);
    Ok(crowd)
}

/// The last packets lost are not known to be lost until others follow: the loss ends, the class goes on a little.
async fn settle(publisher: &Client, crowd: &[Subscriber]) {
    for client in crowd.iter().map(|subscriber| &subscriber.client).chain([publisher]) {
        if let Some(relay) = client.impairment() {
            relay.set_loss(0.0);
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Looks at everything one subscriber got; gives the layers it took.
fn judge(
    house: &House,
    subscriber: &mut Subscriber,
    sid: &str,
    published: &Published,
) -> anyhow::Result<Vec<usize>> {
    let name = subscriber.client.identity.clone();
    let received = subscriber.client.received();
    assert_eq!(received.len(), 2, "{name}: camera and microphone");
    for (track, stream) in &received {
        let tally = &stream.tally;
        assert!(tally.received > 50, "{name}: {track} has {} packets", tally.received);
        assert_eq!(tally.lost(), 0, "{name}: {track} lacks packets after repair: {tally:?}");
    }
    let dropped = subscriber.client.impairment().map_or(0, |relay| relay.dropped());
    let repaired: u64 = received.values().map(|stream| stream.tally.reordered).sum();
    assert!(dropped > 0 && repaired > 0, "{name}: the loss (seed {}) was none", subscriber.seed);

    let mut packets = Vec::new();
    while let Ok((track, packet)) = subscriber.packets.try_recv() {
        if track == sid {
            packets.push(packet);
        }
    }
    let mut pictures = video::pictures(&packets).map_err(|error| error.context(name.clone()))?;
    let taken = published.follow(&mut pictures).map_err(|error| error.context(name.clone()))?;
    let file = house.directory().join(format!("{name}.ivf"));
    video::write_ivf(&file, &pictures)?;
    assert_eq!(video::complaints(&file)?, "", "{name}: the decoder complains");
    notices_faults(&packets, &pictures, published);
    let of: u64 = received.values().map(|stream| stream.tally.expected()).sum();
    say(&format!("{name}: {of} packets, {dropped} lost on the way, {repaired} repaired, layers {taken:?}"));
    Ok(taken)
}

/// The checks above would notice a lost packet, a lost picture, and a switch without a keyframe.
fn notices_faults(packets: &[load::rtp::Packet], pictures: &[video::Picture], published: &Published) {
    let mut ordered: Vec<_> = video::in_order(packets).into_values().cloned().collect();
    ordered.remove(ordered.len() / 2);
    assert!(video::pictures(&ordered).is_err());
    let mut fewer = pictures.to_vec();
    fewer.remove(fewer.len() / 2);
    assert!(published.follow(&mut fewer).is_err());
    let mut altered = pictures.to_vec();
    if let Some(byte) = altered.last_mut().and_then(|picture| picture.data.last_mut()) {
        *byte ^= 1;
    }
    assert!(published.follow(&mut altered).is_err());
}

/// Begins before everything else has warmed up: how long a first picture takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_picture_comes_within_two_seconds_across_edges() -> anyhow::Result<()> {
    let house = House::open().await?;
    let layers = video::vp8_layers(house.directory(), FPS, 2, FPS)?;
    let publisher = house.join(SEOUL, "class", "instructor").await?;
    publisher.publish_video("camera", layers, FPS).await?;
    let began = Instant::now();
    let student = house.join(JEJU, "class", "student").await?;
    until("a picture in Jeju", PATIENCE, async || (!student.received().is_empty()).then_some(())).await;
    let took = began.elapsed();
    say(&format!("first packet of a picture {} ms after the join began", took.as_millis()));
    assert!(took < Duration::from_secs(2), "{took:?}");
    Ok(())
}
