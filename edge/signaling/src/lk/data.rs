//! Data packets: who they are from is written by the edge, never believed; the rest passes as it is.

use bytes::Bytes;
use edge_wire::model;
use livekit_protocol as proto;
use livekit_protocol::data_packet::Value;
use prost::Message as _;

use super::chat::{Assembler, Chat};
use super::wire;

/// Largest message on a data channel: what clients hold their own channels to.
pub const PACKET_BYTES_MAX: usize = 65_535;
/// Largest payload of the server's own packets: SDKs keep chunks below it, so that packet and stamp fit a message.
pub const PAYLOAD_BYTES_MAX: usize = 64_000;

/// Topic of the control plane's words about a class.
const CLASS_TOPIC: &str = "seodang.class";
/// Topic of the edge's own word to a client that is to go on at another edge.
pub const MOVE_TOPIC: &str = "seodang.move";

/// Field numbers of `DataPacket` (4, 17, and 2 = user packet) and `UserPacket` (1, 5) that name the sender.
const PACKET_USER: u32 = 2;
const PACKET_IDENTITY: u32 = 4;
const PACKET_SID: u32 = 17;
const PACKET_SEQUENCE: u32 = 16;
const USER_SID: u32 = 1;
const USER_IDENTITY: u32 = 5;

/// What the edge remembers of one client's data, for the life of its session (kept over a resume).
#[derive(Debug, Default)]
pub struct DataState {
    last_sequence: u32,
    /// Receivers know the participant by packets of another connection, numbered higher: its own pass without a number.
    is_unnumbered: bool,
    chat: Assembler,
}

/// A packet ready to be relayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    pub data: model::Data,
    /// A chat line that ends in this packet.
    pub chat: Option<Chat>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DataError {
    #[error("the packet is {length} bytes, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("the packet is no DataPacket")]
    Malformed,
    #[error("speaker updates come from the edge, not from clients")]
    ServerOnly,
    /// Relaying it to everyone would tell a private message.
    #[error("the packet is addressed by sid: address it by identity")]
    SidDestinations,
    /// A receiver that does not know its sender yet would take it for the server's.
    #[error("the topic {0} is the server's: use another one")]
    ReservedTopic(&'static str),
}

impl DataState {
    /// Of a client that goes on here with the sid it had elsewhere.
    #[must_use]
    pub fn unnumbered() -> Self {
        Self { is_unnumbered: true, ..Self::default() }
    }

    /// Sequence number of the last reliable packet got; 0 before the first. Goes into the answer to a resume, after which
    /// the client sends later ones again.
    #[must_use]
    pub fn last_sequence(&self) -> u32 {
        self.last_sequence
    }

    /// Reads a packet of the client `sid`, writes who it is from and finds whom it is for. `Ok(None)`: a reliable packet
    /// that was here before the client resumed.
    ///
    /// # Errors
    /// The packet is to be dropped and counted.
    pub fn stamp(
        &mut self,
        payload: &Bytes,
        sid: &str,
        identity: &str,
        reliable: bool,
    ) -> Result<Option<Stamped>, DataError> {
        if payload.len() > PACKET_BYTES_MAX {
            return Err(DataError::TooLong { length: payload.len(), limit: PACKET_BYTES_MAX });
        }
        let packet = proto::DataPacket::decode(payload.as_ref()).map_err(|_| DataError::Malformed)?;
        let destinations = destinations(&packet)?;
        let is_counted = reliable && packet.sequence != 0;
        if is_counted && packet.sequence <= self.last_sequence {
            return Ok(None);
        }
        let stamped = write_sender(payload, sid, identity, self.is_unnumbered).ok_or(DataError::Malformed)?;
        if is_counted {
            self.last_sequence = packet.sequence;
        }
        let chat = packet.value.as_ref().and_then(|value| self.chat.take(value, sid, identity));
        let data = model::Data {
            from_sid: sid.to_owned(),
            from_identity: identity.to_owned(),
            reliable,
            destinations,
            payload: stamped.into(),
        };
        Ok(Some(Stamped { data, chat }))
    }
}

/// A packet of the server itself (the SendData call): no sender, the application's payload and topic.
///
/// # Errors
/// The payload is longer than [`PAYLOAD_BYTES_MAX`].
#[expect(deprecated, reason = "clients of protocol 16 still read the kind")]
pub fn user_packet(
    payload: Vec<u8>,
    topic: Option<String>,
    reliable: bool,
    destinations: Vec<String>,
) -> Result<model::Data, DataError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(DataError::TooLong { length: payload.len(), limit: PAYLOAD_BYTES_MAX });
    }
    let kind = if reliable { proto::data_packet::Kind::Reliable } else { proto::data_packet::Kind::Lossy };
    let packet = proto::DataPacket {
        kind: kind as i32,
        destination_identities: destinations.clone(),
        value: Some(Value::User(proto::UserPacket { payload, topic, ..proto::UserPacket::default() })),
        ..proto::DataPacket::default()
    };
    Ok(model::Data {
        from_sid: String::new(),
        from_identity: String::new(),
        reliable,
        destinations,
        payload: packet.encode_to_vec().into(),
    })
}

/// A word of the control plane about the class, sent to everybody: its JSON, for the recording's timeline. What a client
/// sends under the same topic is none, since its sender is written into it.
#[must_use]
pub fn class_word(data: &model::Data) -> Option<String> {
    if !data.from_sid.is_empty() || !data.destinations.is_empty() {
        return None;
    }
    let packet = proto::DataPacket::decode(data.payload.as_ref()).ok()?;
    let Some(Value::User(user)) = packet.value else { return None };
    let is_word = user.topic.as_deref() == Some(CLASS_TOPIC);
    is_word.then(|| String::from_utf8(user.payload).ok())?
}

#[expect(deprecated, reason = "older clients address the user packet inside")]
fn destinations(packet: &proto::DataPacket) -> Result<Vec<String>, DataError> {
    let inner = match &packet.value {
        Some(Value::Speaker(_)) => return Err(DataError::ServerOnly),
        Some(Value::User(user)) => {
            let is_topic = |reserved: &&str| user.topic.as_deref() == Some(*reserved);
            if let Some(topic) = [CLASS_TOPIC, MOVE_TOPIC].into_iter().find(is_topic) {
                return Err(DataError::ReservedTopic(topic));
            }
            Some(user)
        }
        _ => None,
    };
    if !packet.destination_identities.is_empty() {
        return Ok(packet.destination_identities.clone());
    }
    match inner {
        Some(user) if !user.destination_identities.is_empty() => Ok(user.destination_identities.clone()),
        Some(user) if !user.destination_sids.is_empty() => Err(DataError::SidDestinations),
        _ => Ok(Vec::new()),
    }
}

/// Puts the sender into the packet and into the user packet in it, where older receivers look.
fn write_sender(payload: &[u8], sid: &str, identity: &str, is_unnumbered: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len() + 2 * (sid.len() + identity.len()) + 16);
    let rewrite = |number: u32, user: &[u8]| {
        if number != PACKET_USER {
            return None;
        }
        let mut inner = Vec::with_capacity(user.len() + sid.len() + identity.len() + 8);
        wire::copy_without(user, &[USER_SID, USER_IDENTITY], |_, _| None, &mut inner)?;
        wire::put_bytes(USER_SID, sid.as_bytes(), &mut inner);
        wire::put_bytes(USER_IDENTITY, identity.as_bytes(), &mut inner);
        Some(inner)
    };
    let dropped = [PACKET_IDENTITY, PACKET_SID, PACKET_SEQUENCE];
    let dropped = if is_unnumbered { &dropped[..] } else { &dropped[..2] };
    wire::copy_without(payload, dropped, rewrite, &mut out)?;
    wire::put_bytes(PACKET_IDENTITY, identity.as_bytes(), &mut out);
    wire::put_bytes(PACKET_SID, sid.as_bytes(), &mut out);
    Some(out)
}
