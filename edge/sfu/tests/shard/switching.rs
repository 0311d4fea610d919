//! A receiver that changes layers gets whole pictures, whatever is lost around the change.

use std::time::Duration;

use edge_sfu::{Command, Origin, SessionId, SourceId, Target};

use crate::publisher::{FRAME, Frame, Publisher, nack_missing, stream, video};
use crate::world::World;

const SSRC: u32 = 5_000;
const LOW: u8 = 0;
const HIGH: u8 = 1;
/// Packets of every picture.
const PACKETS: usize = 3;

/// A publisher of two layers and a student who watches one.
struct School {
    world: World,
    publisher: Publisher,
    student: usize,
}

impl School {
    fn new(seed: u64, layer: u8) -> Self {
        let mut world = World::new(seed);
        let teacher = world.join();
        world.open_video(1, Origin::Session(SessionId(0)), 2);
        world.publish(teacher, vec![video("v", 1, &["q", "f"])]);
        let student = world.join();
        world.watch(student, 1, layer, SSRC, true);
        let mut school = Self { world, publisher: Publisher::new(teacher, &["q", "f"]), student };
        school.publisher.frame(&mut school.world, true, PACKETS);
        school.world.run(FRAME);
        school.teach(20);
        school
    }

    fn want(&mut self, layer: u8) {
        let session = SessionId(self.student as u32);
        let target = Target { layer, paused: false };
        self.world.command(Command::Retarget { session, mid: "0".to_owned(), target });
    }

    /// Frames, keyframes where one is asked for; everybody asks for what is missing.
    fn teach(&mut self, frames: usize) {
        for _ in 0..frames {
            let keyframe = self.publisher.respond(&mut self.world).iter().any(|asked| *asked > 0);
            self.frame(keyframe, None);
        }
    }

    fn frame(&mut self, keyframe: bool, lost: Option<(usize, usize)>) {
        self.publisher.frame_without(&mut self.world, keyframe, PACKETS, lost);
        self.world.run(FRAME);
        nack_missing(&mut self.world, self.student, SSRC);
    }

    /// Asks for the change and gives the shard time to ask for the keyframe, which the next frame then is.
    fn want_and_wait(&mut self, layer: u8) {
        self.want(layer);
        self.world.run(FRAME);
        assert!(self.publisher.respond(&mut self.world)[usize::from(layer)] > 0, "a keyframe is asked for");
    }

    /// Pictures in stream order: layer and packets of each. No number is missing.
    fn pictures(&self) -> Vec<(u8, usize)> {
        let packets = stream(&self.world.peers[self.student].rtp, SSRC);
        let (first, last) = (packets.keys().next().expect("some"), packets.keys().next_back().expect("some"));
        assert_eq!(last - first + 1, packets.len() as u64, "a hole is left");
        let mut pictures: Vec<(Frame, usize)> = Vec::new();
        for packet in packets.into_values() {
            match pictures.last_mut() {
                Some((before, count)) if before.picture == packet.picture => {
                    let here = (packet.layer, packet.frame, packet.timestamp);
                    assert_eq!((before.layer, before.frame, before.timestamp), here, "two in one picture");
                    assert_eq!(usize::from(packet.packet), *count);
                    *count += 1;
                }
                before => {
                    assert_eq!(packet.packet, 0, "a picture from its middle on");
                    if let Some((before, _)) = before {
                        assert_eq!(packet.picture, before.picture.wrapping_add(1) & 0x7FFF);
                        assert!(packet.timestamp.wrapping_sub(before.timestamp) as i32 > 0, "time goes back");
                        assert!(before.layer == packet.layer || packet.keyframe, "no keyframe at a switch");
                    }
                    pictures.push((packet, 1));
                }
            }
        }
        pictures.into_iter().map(|(frame, count)| (frame.layer, count)).collect()
    }

    fn layers(&self) -> Vec<u8> {
        let mut layers: Vec<u8> = self.pictures().into_iter().map(|(layer, _)| layer).collect();
        layers.dedup();
        layers
    }
}

#[test]
fn the_picture_that_is_left_is_completed_first_when_its_end_was_lost() {
    // Going up, the keyframe comes behind the picture of the same moment; going down, before the next one.
    for (from, to) in [(LOW, HIGH), (HIGH, LOW)] {
        let mut school = School::new(1, from);
        school.want_and_wait(to);
        let end = (usize::from(from), PACKETS - 1);
        if from == LOW {
            school.frame(true, Some(end));
        } else {
            school.frame(false, Some(end));
            school.frame(true, None);
        }
        school.teach(20);
        let pictures = school.pictures();
        assert!(pictures.iter().all(|(_, packets)| *packets == PACKETS), "{from} to {to}: {pictures:?}");
        assert!(school.layers().ends_with(&[from, to]));
        assert!(
            pictures.iter().filter(|(layer, _)| *layer == to).count() >= 20,
            "none of the new layer is missing"
        );
        let counters = school.world.sfu.counters();
        assert_eq!((counters.switches_put_off, counters.pictures_cut), (1, 0));
    }
}

#[test]
fn a_picture_whose_end_never_comes_is_left_after_a_while_without_a_hole() {
    let mut school = School::new(2, LOW);
    school.want_and_wait(HIGH);
    school.frame(true, Some((usize::from(LOW), PACKETS - 1)));
    // The publisher falls silent: nothing shows the loss, nobody repairs it.
    let layers = std::mem::take(&mut school.publisher.layers);
    school.world.run(Duration::from_millis(300));
    assert_eq!(school.layers(), [LOW], "the end of the picture may still come");
    school.world.run(Duration::from_millis(300));
    assert_eq!(school.layers(), [LOW, HIGH], "the keyframe was kept, and is sent without a new packet");
    school.publisher.layers = layers;
    // Its end comes after all, too late.
    school.teach(10);
    let cut: Vec<(u8, usize)> =
        school.pictures().into_iter().filter(|(_, packets)| *packets < PACKETS).collect();
    assert_eq!(cut, [(LOW, PACKETS - 1)]);
    assert_eq!(school.world.sfu.counters().pictures_cut, 1);
}

#[test]
fn who_turns_back_while_the_end_is_awaited_misses_nothing() {
    let mut school = School::new(3, LOW);
    school.want_and_wait(HIGH);
    school.frame(true, Some((usize::from(LOW), PACKETS - 1)));
    assert_eq!(school.world.sfu.counters().switches_put_off, 1);
    school.want(LOW);
    school.teach(20);
    assert_eq!(school.layers(), [LOW]);
    assert!(school.pictures().iter().all(|(_, packets)| *packets == PACKETS));
}

#[test]
fn many_changes_through_loss_on_both_sides_cut_no_picture() {
    let mut school = School::new(4, LOW);
    let mut expected = vec![LOW];
    school.world.peers[0].loss_up = 0.08;
    school.world.peers[school.student].loss_down = 0.05;
    for n in 0..50 {
        let layer = if n % 2 == 0 { HIGH } else { LOW };
        school.want(layer);
        // Longer than the least time between two requests for a keyframe.
        school.teach(20);
        expected.push(layer);
    }
    school.world.peers[0].loss_up = 0.0;
    school.world.peers[school.student].loss_down = 0.0;
    school.teach(40);
    assert_eq!(school.layers(), expected);
    let cut = school.pictures().into_iter().filter(|(_, packets)| *packets != PACKETS).count();
    let counters = school.world.sfu.counters();
    assert_eq!((cut, counters.pictures_cut, counters.repairs_given_up), (0, 0, 0));
    assert!(counters.switches_put_off > 1, "the loss tries it: {counters:?}");
}

#[test]
fn a_stream_that_is_gone_leaves_no_switch_behind() {
    let mut school = School::new(5, LOW);
    school.want_and_wait(HIGH);
    school.frame(true, Some((usize::from(LOW), PACKETS - 1)));
    school.world.command(Command::CloseSource { source: SourceId(1) });
    school.world.run(Duration::from_secs(2));
    assert_eq!(school.layers(), [LOW]);
    assert_eq!(school.world.sfu.counters().pictures_cut, 0);
}
