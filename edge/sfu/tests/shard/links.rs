use std::time::Duration;

use edge_sfu::{Command, Event, LinkId, Origin, SessionId, SourceId};

use crate::publisher::{FRAME, Publisher, nack_missing, pli, stream, video};
use crate::world::World;

const SSRC: u32 = 5_000;
const LINK: LinkId = LinkId(7);
const FLOW: u64 = 42;

/// A publisher on one edge, a student on another, a link that loses every 13th packet.
struct Cascade {
    near: World,
    far: World,
    publisher: Publisher,
    student: usize,
    carried: usize,
    recorded: Vec<Vec<u8>>,
}

impl Cascade {
    fn new() -> Self {
        let mut near = World::new(1);
        let mut far = World::new(2);
        far.now = near.now;
        let teacher = near.join();
        near.open_video(1, Origin::Session(SessionId(0)), 3);
        near.publish(teacher, vec![video("v", 1, &["q", "h", "f"])]);
        let student = far.join();
        far.open_video(9, Origin::Link(LINK), 3);
        let publisher = Publisher::new(teacher, &["q", "h", "f"]);
        Self { near, far, publisher, student, carried: 0, recorded: Vec::new() }
    }

    fn pull(&mut self, layer: u8) {
        self.near.command(Command::LinkSubscribe { link: LINK, flow: FLOW, source: SourceId(1), layer });
        self.far.command(Command::LinkReceive { link: LINK, flow: FLOW, source: SourceId(9), layer });
    }

    fn teach(&mut self, frames: usize, lossy: bool) {
        for _ in 0..frames {
            let asked = self.publisher.respond(&mut self.near);
            self.publisher.frame(&mut self.near, asked.iter().any(|asked| *asked > 0), 3);
            self.near.run(FRAME);
            self.carry(lossy);
            self.far.run(FRAME);
            nack_missing(&mut self.far, self.student, SSRC);
        }
    }

    /// What the shells of the two edges do.
    fn carry(&mut self, lossy: bool) {
        for (link, flow, packet) in std::mem::take(&mut self.near.link_packets) {
            if link == LinkId::RECORDER {
                self.recorded.push(packet);
                continue;
            }
            self.carried += 1;
            if !(lossy && self.carried.is_multiple_of(13)) {
                self.far.link_packet(link, flow, &packet);
            }
        }
        for event in std::mem::take(&mut self.far.events) {
            let command = match event {
                Event::LinkNack { link, flow, sequence_numbers } => {
                    Command::LinkNack { link, flow, sequence_numbers }
                }
                Event::LinkKeyframe { link, flow } => Command::LinkKeyframe { link, flow },
                _ => continue,
            };
            self.near.command(command);
        }
        for event in std::mem::take(&mut self.near.events) {
            if let Event::LinkSenderReport { link: LINK, flow, ntp, rtp_timestamp, age_ms } = event {
                self.far.command(Command::LinkSenderReport { link: LINK, flow, ntp, rtp_timestamp, age_ms });
            }
        }
    }
}

#[test]
fn a_student_behind_a_lossy_link_gets_every_packet_and_only_its_layer_crosses() {
    let mut cascade = Cascade::new();
    cascade.near.peers[0].loss_up = 0.02;
    cascade.pull(1);
    let student = cascade.student;
    cascade.far.watch(student, 9, 2, SSRC, true);
    cascade.teach(120, true);
    cascade.near.peers[0].loss_up = 0.0;
    cascade.teach(30, false);
    let packets = stream(&cascade.far.peers[student].rtp, SSRC);
    let (first, last) = (packets.keys().next().expect("some"), packets.keys().next_back().expect("some"));
    assert_eq!(last - first + 1, packets.len() as u64, "a hole is left");
    assert!(packets.len() > 400);
    assert!(packets.values().all(|frame| frame.layer == 1));
    assert!(packets.values().next().expect("some").keyframe);
    let snapshot = cascade.near.sfu.snapshot();
    assert_eq!(snapshot.flows.len(), 1, "one flow, once");
    assert_eq!((snapshot.flows[0].source, snapshot.flows[0].layer), (SourceId(1), 1));
    assert!(cascade.far.sfu.counters().nacks_out > 10);
}

#[test]
fn a_pull_starts_with_the_rings_keyframe_and_asks_through_the_link_else() {
    let mut cascade = Cascade::new();
    cascade.publisher.frame(&mut cascade.near, true, 3);
    cascade.near.run(Duration::from_millis(100));
    cascade.pull(0);
    assert_eq!(cascade.near.link_packets.len(), 3, "the keyframe, at once");
    let student = cascade.student;
    cascade.far.watch(student, 9, 0, SSRC, true);
    cascade.teach(60, false);
    assert_eq!(cascade.publisher.respond(&mut cascade.near), [0, 0, 0]);
    pli(&mut cascade.far, student, SSRC);
    cascade.far.run(Duration::from_millis(50));
    cascade.carry(false);
    cascade.near.run(Duration::from_millis(50));
    assert_eq!(cascade.publisher.respond(&mut cascade.near), [1, 0, 0], "to the publisher, two edges away");
    cascade.near.command(Command::CloseLink { link: LINK });
    cascade.near.link_packets.clear();
    cascade.publisher.frame(&mut cascade.near, true, 3);
    cascade.near.run(FRAME);
    assert!(cascade.near.link_packets.is_empty());
}

#[test]
fn a_stream_goes_on_over_another_link_without_a_keyframe() {
    let mut cascade = Cascade::new();
    cascade.pull(1);
    let student = cascade.student;
    cascade.far.watch(student, 9, 1, SSRC, true);
    cascade.teach(20, false);
    // The same track by another path: another link and flow, the same numbering.
    let other = LinkId(8);
    cascade.near.command(Command::LinkUnsubscribe { link: LINK, flow: FLOW });
    cascade.near.command(Command::LinkSubscribe { link: other, flow: 5, source: SourceId(1), layer: 1 });
    cascade.far.command(Command::LinkReceive { link: other, flow: 5, source: SourceId(9), layer: 1 });
    cascade.far.command(Command::LinkStopReceive { link: LINK, flow: FLOW });
    let before = cascade.publisher.respond(&mut cascade.near);
    cascade.teach(20, false);
    let packets = stream(&cascade.far.peers[student].rtp, SSRC);
    let (first, last) = (packets.keys().next().expect("some"), packets.keys().next_back().expect("some"));
    assert_eq!((last - first + 1) as usize, packets.len());
    assert_eq!(packets.len(), cascade.far.peers[student].rtp.len(), "nothing twice");
    assert!(packets.len() >= 34 * 3, "{}", packets.len());
    let keyframes = packets.values().filter(|frame| frame.keyframe && frame.packet == 0).count();
    assert_eq!((keyframes, before), (1, vec![0, 0, 0]));
}

#[test]
fn the_recorder_gets_what_was_lost_and_repaired_too() {
    let mut cascade = Cascade::new();
    let subscribe = Command::LinkSubscribe { link: LinkId::RECORDER, flow: 3, source: SourceId(1), layer: 2 };
    cascade.near.command(subscribe);
    cascade.near.peers[0].loss_up = 0.05;
    cascade.teach(100, false);
    cascade.near.peers[0].loss_up = 0.0;
    cascade.teach(20, false);
    let mut numbers: Vec<u16> =
        cascade.recorded.iter().map(|packet| u16::from_be_bytes([packet[2], packet[3]])).collect();
    let late = numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(late > 3, "repairs come as they come: {late}");
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "none missing, none twice");
    assert!(cascade.recorded.iter().all(|packet| packet[1] & 0x7F == 96 && packet[8..12] == [0; 4]));
}
