use proptest::prelude::*;

use super::*;

/// Reads a feedback message back: (sequence number, arrival in units of 250 us since the origin) of what was received.
fn decode(message: &[u8]) -> (Vec<(u16, i64)>, u16) {
    let half = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    let (base, count) = (half(12), half(14));
    let reference = i64::from((u32::from(half(16)) << 8) | u32::from(message[18]));
    let mut at = 20;
    let mut symbols = Vec::new();
    while symbols.len() < usize::from(count) {
        let chunk = half(at);
        at += 2;
        match chunk >> 14 {
            0 | 1 => symbols.extend(std::iter::repeat_n(chunk >> 13, usize::from(chunk & 0x1FFF))),
            2 => symbols.extend((0..14).map(|n| (chunk >> (13 - n)) & 1)),
            _ => symbols.extend((0..7).map(|n| (chunk >> (2 * (6 - n))) & 3)),
        }
    }
    symbols.truncate(usize::from(count));
    let mut time = reference * 256;
    let mut received = Vec::new();
    for (n, symbol) in symbols.iter().enumerate() {
        match symbol {
            0 => continue,
            1 => {
                time += i64::from(message[at]);
                at += 1;
            }
            2 => {
                time += i64::from(i16::from_be_bytes([message[at], message[at + 1]]));
                at += 2;
            }
            other => panic!("symbol {other}"),
        }
        received.push((base.wrapping_add(n as u16), time));
    }
    assert!(message.len() - at < 4, "only padding follows");
    (received, count)
}

/// Laid out by hand after the figures of section 3.1 of the draft.
#[test]
fn known_message() {
    let origin = crate::begin();
    let at = |us| origin + Duration::from_micros(us);
    let mut recorder = Recorder::new(origin);
    recorder.arrived(0xFFFF, at(64_000));
    recorder.arrived(0, at(64_500));
    recorder.arrived(2, at(164_500));
    let mut out = Vec::new();
    assert!(recorder.write(&mut out, 1, 2));
    let expected = [
        0x8F,
        205,
        0,
        6, // FMT 15, seven words
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2, // SSRCs
        0xFF,
        0xFF,
        0,
        4, // base, count
        0,
        0,
        1,
        0, // reference time 1 (64 ms), first feedback
        0b1101_0100,
        0b1000_0000, // two-bit vector: small, small, none, large
        0,
        2,
        0x01,
        0x90, // deltas 0, 500 us, 100 ms
        0,
        0,
    ];
    assert_eq!(out, expected);
    assert!(recorder.is_idle());
    assert!(!recorder.write(&mut out, 1, 2));
}

#[test]
fn late_packet_is_reported_once_more_from_its_place() {
    let origin = crate::begin();
    let mut recorder = Recorder::new(origin);
    for sequence_number in [10, 11, 13] {
        recorder.arrived(sequence_number, origin);
    }
    let mut out = Vec::new();
    recorder.write(&mut out, 1, 2);
    recorder.arrived(12, origin + Duration::from_millis(90));
    recorder.arrived(14, origin + Duration::from_millis(91));
    out.clear();
    assert!(recorder.write(&mut out, 1, 2));
    let numbers: Vec<u16> = decode(&out).0.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [12, 13, 14]);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(steps in proptest::collection::vec((1u16..20, 0u64..80_000), 1..600), first in any::<u16>()) {
        let origin = crate::begin();
        let mut recorder = Recorder::new(origin);
        let (mut sequence_number, mut us) = (first, 0);
        let mut sent = Vec::new();
        let mut out = Vec::new();
        let mut read = Vec::new();
        for (skip, wait) in steps {
            sequence_number = sequence_number.wrapping_add(skip);
            us += wait;
            recorder.arrived(sequence_number, origin + Duration::from_micros(us));
            sent.push((sequence_number, us as i64 / 250));
            if sent.len() % 90 == 0 {
                while recorder.write(&mut out, 1, 2) {
                    prop_assert!(out.len() < 1_200);
                    read.extend(decode(&out).0);
                    out.clear();
                }
            }
        }
        while recorder.write(&mut out, 1, 2) {
            read.extend(decode(&out).0);
            out.clear();
        }
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn any_numbers_in_any_order_never_panic(numbers in proptest::collection::vec(any::<u16>(), 1..300)) {
        let origin = crate::begin();
        let mut recorder = Recorder::new(origin);
        let mut out = Vec::new();
        for (n, number) in numbers.iter().enumerate() {
            recorder.arrived(*number, origin + Duration::from_millis(n as u64));
            if n % 7 == 0 {
                while recorder.write(&mut out, 1, 2) {
                    decode(&out);
                    out.clear();
                }
            }
        }
    }
}
