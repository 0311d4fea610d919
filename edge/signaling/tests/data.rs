//! Data packets: the sender is what the edge says, the rest arrives as it was sent.

use std::io::Write as _;

use bytes::Bytes;
use edge_signaling::lk::{
    DataError, DataState, MOVE_TOPIC, PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX, Stamped, class_word, user_packet,
};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use livekit_protocol as proto;
use livekit_protocol::data_packet::Value;
use livekit_protocol::data_stream::header::ContentHeader;
use livekit_protocol::data_stream::{Chunk, Header, TextHeader, Trailer};
use proptest::prelude::*;
use prost::Message as _;

const SID: &str = "PA_minji";
const IDENTITY: &str = "minji";

fn packet(sequence: u32, value: Value) -> proto::DataPacket {
    proto::DataPacket { sequence, value: Some(value), ..Default::default() }
}

fn stamp(state: &mut DataState, packet: &proto::DataPacket) -> Result<Option<Stamped>, DataError> {
    state.stamp(&packet.encode_to_vec().into(), SID, IDENTITY, true)
}

fn user(payload: &[u8]) -> Value {
    Value::User(proto::UserPacket { payload: payload.to_vec(), ..Default::default() })
}

fn timeline(state: &mut DataState, value: Value) -> Option<serde_json::Value> {
    let stamped = stamp(state, &packet(0, value)).expect("well-formed").expect("not a repetition");
    stamped.chat.map(|chat| {
        assert_eq!(chat.kind, "chat");
        serde_json::from_str(&chat.json).expect("JSON")
    })
}

#[test]
#[expect(deprecated, reason = "older receivers read the sender in the user packet")]
fn the_sender_is_written_over_whatever_the_client_claims() {
    let mut forged = packet(
        7,
        Value::User(proto::UserPacket {
            participant_sid: "PA_teacher".into(),
            participant_identity: "teacher".into(),
            payload: b"hello".to_vec(),
            topic: Some("class".into()),
            ..Default::default()
        }),
    );
    forged.participant_identity = "teacher".into();
    forged.participant_sid = "PA_teacher".into();
    forged.destination_identities = vec!["jun".into()];
    let stamped = stamp(&mut DataState::default(), &forged).expect("well-formed").expect("first");
    assert_eq!((stamped.data.from_sid.as_str(), stamped.data.from_identity.as_str()), (SID, IDENTITY));
    assert_eq!(stamped.data.destinations, ["jun"]);
    let read = proto::DataPacket::decode(stamped.data.payload.as_ref()).expect("still a packet");
    assert_eq!(
        (read.participant_sid.as_str(), read.participant_identity.as_str(), read.sequence),
        (SID, IDENTITY, 7)
    );
    assert_eq!(read.destination_identities, ["jun"]);
    let Some(Value::User(user)) = read.value else { panic!("not a user packet") };
    assert_eq!((user.participant_sid.as_str(), user.participant_identity.as_str()), (SID, IDENTITY));
    assert_eq!((user.payload.as_slice(), user.topic.as_deref()), (&b"hello"[..], Some("class")));
}

#[test]
fn fields_of_a_newer_protocol_pass_untouched() {
    let mut bytes = packet(1, user(b"x")).encode_to_vec();
    let unknown = [0xa2, 0x1f, 0x03, b'n', b'e', b'w'];
    bytes.extend_from_slice(&unknown);
    let stamped = DataState::default().stamp(&bytes.into(), SID, IDENTITY, false).expect("well-formed");
    let payload = stamped.expect("first").data.payload;
    assert!(payload.windows(unknown.len()).any(|window| window == unknown));
}

#[test]
fn what_was_here_before_a_resume_is_not_relayed_twice() {
    let mut state = DataState::default();
    for sequence in [1, 2] {
        assert!(stamp(&mut state, &packet(sequence, user(b"x"))).expect("well-formed").is_some());
    }
    assert_eq!(state.last_sequence(), 2);
    assert_eq!(stamp(&mut state, &packet(2, user(b"x"))), Ok(None));
    assert!(stamp(&mut state, &packet(3, user(b"x"))).expect("well-formed").is_some());
    assert!(
        stamp(&mut state, &packet(0, user(b"x"))).expect("well-formed").is_some(),
        "older clients do not count"
    );
    let lossy = packet(1, user(b"x")).encode_to_vec().into();
    assert!(
        state.stamp(&lossy, SID, IDENTITY, false).expect("well-formed").is_some(),
        "lossy packets are not counted"
    );
    assert_eq!(state.last_sequence(), 3);
}

#[test]
#[expect(deprecated, reason = "older clients address the user packet inside")]
fn private_messages_stay_private() {
    let inner = |user: proto::UserPacket| stamp(&mut DataState::default(), &packet(0, Value::User(user)));
    let by_identity = proto::UserPacket { destination_identities: vec!["jun".into()], ..Default::default() };
    assert_eq!(inner(by_identity).expect("well-formed").expect("first").data.destinations, ["jun"]);
    let by_sid = proto::UserPacket { destination_sids: vec!["PA_jun".into()], ..Default::default() };
    assert_eq!(inner(by_sid), Err(DataError::SidDestinations));
}

#[test]
#[expect(deprecated, reason = "clients still act on speaker updates in data packets")]
fn oversize_malformed_and_server_only_packets_are_refused() {
    let mut state = DataState::default();
    let long = Bytes::from(vec![0; PACKET_BYTES_MAX + 1]);
    assert!(matches!(state.stamp(&long, SID, IDENTITY, true), Err(DataError::TooLong { .. })));
    let full = packet(1, user(&[0; PAYLOAD_BYTES_MAX]));
    assert!(stamp(&mut state, &full).expect("an SDK's largest packet").is_some());
    let garbage = Bytes::from_static(&[0xff; 8]);
    assert_eq!(state.stamp(&garbage, SID, IDENTITY, true), Err(DataError::Malformed));
    let speaker = packet(9, Value::Speaker(proto::ActiveSpeakerUpdate::default()));
    assert_eq!(stamp(&mut state, &speaker), Err(DataError::ServerOnly));
    assert_eq!(state.last_sequence(), 1, "a refused packet counts for nothing");
}

#[test]
fn a_server_packet_has_no_sender() {
    let data =
        user_packet(b"quiz".to_vec(), Some("class.poll".into()), true, vec!["jun".into()]).expect("small");
    let read = proto::DataPacket::decode(data.payload.as_ref()).expect("a packet");
    assert_eq!((read.participant_identity.as_str(), data.from_sid.as_str(), data.reliable), ("", "", true));
    let Some(Value::User(user)) = read.value else { panic!("not a user packet") };
    assert_eq!((user.payload.as_slice(), user.topic.as_deref()), (&b"quiz"[..], Some("class.poll")));
    assert!(user_packet(vec![0; PAYLOAD_BYTES_MAX + 1], None, true, Vec::new()).is_err());
}

#[test]
fn only_the_server_says_words_about_the_class_and_only_those_for_everybody_are_recorded() {
    let say = |topic: &str, to: Vec<String>| {
        user_packet(b"{\"v\":1}".to_vec(), Some(topic.into()), true, to).expect("small")
    };
    let word = say("seodang.class", Vec::new());
    assert_eq!(class_word(&word).as_deref(), Some("{\"v\":1}"));
    assert_eq!(class_word(&say("seodang.class", vec!["teacher".into()])), None, "a tally");
    assert_eq!(class_word(&say("chat", Vec::new())), None);
    let mut from_client = word;
    from_client.from_sid = SID.into();
    assert_eq!(class_word(&from_client), None);
}

#[test]
fn a_client_does_not_speak_under_the_servers_topics() {
    let say = |state: &mut DataState, topic: &str| {
        let user = proto::UserPacket {
            payload: b"{\"type\":\"move\"}".to_vec(),
            topic: Some(topic.into()),
            ..Default::default()
        };
        stamp(state, &packet(4, Value::User(user)))
    };
    let mut state = DataState::default();
    for topic in ["seodang.class", MOVE_TOPIC] {
        assert_eq!(say(&mut state, topic), Err(DataError::ReservedTopic(topic)));
    }
    assert_eq!(state.last_sequence(), 0, "a refused packet counts for nothing");
    assert!(say(&mut state, "seodang.reaction").expect("the clients' own").is_some());
}

fn header(id: &str, topic: &str) -> Header {
    Header {
        stream_id: id.into(),
        timestamp: 1_800_000_000_000,
        topic: topic.into(),
        content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
        ..Default::default()
    }
}

fn chunk(id: &str, index: u64, content: &str) -> Value {
    let content = content.as_bytes().to_vec();
    Value::StreamChunk(Chunk { stream_id: id.into(), chunk_index: index, content, ..Default::default() })
}

fn trailer(id: &str) -> Value {
    Value::StreamTrailer(Trailer { stream_id: id.into(), ..Default::default() })
}

#[test]
fn a_chat_line_in_pieces_reaches_the_timeline_once() {
    let mut state = DataState::default();
    assert_eq!(timeline(&mut state, Value::StreamHeader(header("s1", "lk.chat"))), None);
    assert_eq!(timeline(&mut state, chunk("s1", 0, "안녕")), None);
    assert_eq!(timeline(&mut state, chunk("s1", 1, "하세요")), None);
    let line = timeline(&mut state, trailer("s1")).expect("the line");
    let expected = serde_json::json!({
        "id": "s1", "sid": SID, "identity": IDENTITY, "text": "안녕하세요", "timestamp_ms": 1_800_000_000_000_i64,
    });
    assert_eq!(line, expected);
    assert_eq!(timeline(&mut state, trailer("s1")), None);

    let known = Header { total_length: Some(2), ..header("s2", "lk.chat") };
    assert_eq!(timeline(&mut state, Value::StreamHeader(known)), None);
    assert_eq!(timeline(&mut state, chunk("s2", 0, "ok")).expect("whole at its length")["text"], "ok");
}

#[test]
fn short_packed_old_and_foreign_chat() {
    let mut state = DataState::default();
    let inline = Header { inline_content: Some(b"hi".to_vec()), ..header("s1", "lk.chat") };
    assert_eq!(timeline(&mut state, Value::StreamHeader(inline)).expect("at once")["text"], "hi");

    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all("꽃꽂이".repeat(100).as_bytes()).expect("a Vec grows");
    let packed = Header {
        inline_content: Some(deflate.finish().expect("a Vec grows")),
        compression: proto::data_stream::CompressionType::DeflateRaw as i32,
        ..header("s2", "lk.chat")
    };
    assert_eq!(
        timeline(&mut state, Value::StreamHeader(packed)).expect("unpacked")["text"],
        "꽃꽂이".repeat(100)
    );

    let old =
        proto::ChatMessage { id: "c1".into(), message: "old".into(), deleted: true, ..Default::default() };
    let line = timeline(&mut state, Value::ChatMessage(old)).expect("a line");
    assert_eq!((&line["text"], &line["deleted"]), (&"old".into(), &true.into()));

    assert_eq!(timeline(&mut state, Value::StreamHeader(header("s3", "files"))), None);
    assert_eq!(timeline(&mut state, chunk("s3", 0, "not chat")), None);
    assert_eq!(timeline(&mut state, trailer("s3")), None);
}

#[test]
fn endless_chat_is_cut_in_the_timeline_and_relayed_whole() {
    let mut state = DataState::default();
    for stream in 0..100 {
        assert_eq!(timeline(&mut state, Value::StreamHeader(header(&format!("s{stream}"), "lk.chat"))), None);
    }
    for index in 0..10 {
        assert_eq!(timeline(&mut state, chunk("s99", index, &"가".repeat(5000))), None);
    }
    let text = timeline(&mut state, trailer("s99")).expect("a line")["text"].as_str().map(str::len);
    assert_eq!(text, Some(16_383), "16 kB, whole characters");
    assert_eq!(timeline(&mut state, trailer("s0")), None, "the oldest gave way");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), reliable: bool) {
        let _ = DataState::default().stamp(&bytes.into(), SID, IDENTITY, reliable);
    }

    /// Whatever passes is still a packet, and from the right sender.
    #[test]
    fn what_passes_is_from_the_sender(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..40),
        payload in proptest::collection::vec(any::<u8>(), 0..40),
        at in 0usize..80,
    ) {
        let good = packet(1, user(&payload)).encode_to_vec();
        let at = at.min(good.len());
        bytes.splice(0..0, good[..at].iter().copied());
        if let Ok(Some(stamped)) = DataState::default().stamp(&bytes.into(), SID, IDENTITY, false) {
            let read = proto::DataPacket::decode(stamped.data.payload.as_ref()).expect("still a packet");
            prop_assert_eq!((read.participant_sid.as_str(), read.participant_identity.as_str()), (SID, IDENTITY));
        }
    }
}
