use super::*;
use crate::freshness::Policy;
use crate::vary::VaryKey;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use std::time::SystemTime;

fn flowing(body_bytes_max: u64) -> Flight {
    let mut flight = Flight::new(body_bytes_max);
    let policy = Policy::unstored(SystemTime::UNIX_EPOCH);
    let head = Head { status: StatusCode::OK, headers: HeaderMap::new(), policy, vary: VaryKey::default() };
    flight.handle_head(Arc::new(head), None);
    flight
}

fn read_all(flight: &mut Flight, id: ReaderId) -> (Vec<u8>, Read) {
    let mut bytes = Vec::new();
    loop {
        match flight.read(id) {
            Read::Data(data) => bytes.extend_from_slice(&data),
            other => return (bytes, other),
        }
    }
}

#[test]
fn late_reader_gets_everything_and_early_reader_waits_for_more() {
    let mut flight = flowing(100);
    let early = flight.join().expect("room");
    flight.handle_chunk(Bytes::from_static(b"abc"));
    assert_eq!(read_all(&mut flight, early), (b"abc".to_vec(), Read::Pending));
    let late = flight.join().expect("room");
    flight.handle_chunk(Bytes::from_static(b"def"));
    flight.handle_end();
    assert_eq!(read_all(&mut flight, early), (b"def".to_vec(), Read::End));
    assert_eq!(read_all(&mut flight, late), (b"abcdef".to_vec(), Read::End));
    assert_eq!(flight.parts().expect("it fits").concat(), b"abcdef");
}

#[test]
fn a_broken_body_never_ends_well() {
    let mut flight = flowing(100);
    let id = flight.join().expect("room");
    flight.handle_chunk(Bytes::from_static(b"abc"));
    flight.handle_failure(Failure::Truncated);
    assert_eq!(read_all(&mut flight, id), (b"abc".to_vec(), Read::Failed(Failure::Truncated)));
    let window = flight.join().expect("room");
    flight.set_window(window, 0, 2);
    assert_eq!(read_all(&mut flight, window), (b"ab".to_vec(), Read::End));
}

#[test]
fn an_outgrown_body_moves_with_its_slowest_reader_and_ends_with_its_last() {
    let mut flight = flowing(4);
    let (fast, slow) = (flight.join().expect("room"), flight.join().expect("room"));
    for chunk in [b"abc", b"def"] {
        assert!(flight.has_room());
        flight.handle_chunk(Bytes::from_static(chunk));
    }
    assert!(flight.is_outgrown() && !flight.has_room());
    assert_eq!((flight.join(), flight.parts()), (None, None));
    assert_eq!(read_all(&mut flight, fast).0, b"abcdef");
    assert!(!flight.has_room());
    assert_eq!(flight.read(slow), Read::Data(Bytes::from_static(b"abc")));
    assert!(flight.has_room());
    flight.leave(slow);
    assert!(!flight.is_deserted());
    flight.leave(fast);
    assert!(flight.is_deserted());
}

proptest! {
    #[test]
    fn every_window_reads_its_own_bytes(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9), start in 0u64..80, length in 0u64..80
    ) {
        let flat = chunks.concat();
        let mut flight = flowing(1000);
        let id = flight.join().expect("room");
        flight.set_window(id, start, start + length);
        for chunk in chunks {
            flight.handle_chunk(chunk.into());
        }
        flight.handle_end();
        let (from, to) = ((start as usize).min(flat.len()), ((start + length) as usize).min(flat.len()));
        prop_assert_eq!(read_all(&mut flight, id), (flat[from..to].to_vec(), Read::End));
    }
}
