//! Messages on the control stream of a link between two edges.
//!
//! The dialling side opens one bidirectional stream; both send [`Hello`] on it first, then anything. Order within the stream is
//! the order of effect. Reliable [`Data`](crate::model::Data) travels on one unidirectional stream per publisher, so that
//! a large message of one does not hold up control or another publisher.

use crate::model;

/// One control frame.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Control {
    #[prost(
        oneof = "Message",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24"
    )]
    pub message: Option<Message>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Message {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    EnterRoom(EnterRoom),
    #[prost(message, tag = "3")]
    LeaveRoom(LeaveRoom),
    #[prost(message, tag = "4")]
    Participant(ParticipantUpdate),
    #[prost(message, tag = "5")]
    ParticipantGone(ParticipantGone),
    #[prost(message, tag = "6")]
    Announce(Announce),
    #[prost(message, tag = "7")]
    Withdraw(Withdraw),
    #[prost(message, tag = "8")]
    Subscribe(Subscribe),
    #[prost(message, tag = "9")]
    Unsubscribe(Unsubscribe),
    #[prost(message, tag = "10")]
    Keyframe(KeyframeRequest),
    #[prost(message, tag = "11")]
    Nack(Nack),
    #[prost(message, tag = "12")]
    SenderReport(SenderReport),
    #[prost(message, tag = "13")]
    Data(RoomData),
    #[prost(message, tag = "14")]
    Speakers(Speakers),
    #[prost(message, tag = "15")]
    Command(RoomCommand),
    #[prost(message, tag = "16")]
    Bye(Bye),
    #[prost(message, tag = "17")]
    RoomUpdate(RoomUpdate),
    #[prost(message, tag = "18")]
    Quality(Quality),
    #[prost(message, tag = "19")]
    SubscriptionRules(SubscriptionRules),
    #[prost(message, tag = "20")]
    OriginRoute(OriginRoute),
    #[prost(message, tag = "21")]
    OriginLost(OriginLost),
    #[prost(message, tag = "22")]
    Follow(Follow),
    #[prost(message, tag = "23")]
    Unfollow(Unfollow),
    #[prost(message, tag = "24")]
    Sync(Sync),
}

/// First message in each direction.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hello {
    /// [`crate::VERSION`] of the speaker.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Must equal the node name in the certificate, else the link is closed.
    #[prost(string, tag = "2")]
    pub node_id: String,
    #[prost(string, tag = "3")]
    pub region: String,
    /// Start time of this process (ms): tells a restarted node from a re-dialled one.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
}

/// "I hold participants of this room; tell me yours." The receiver checks that the control plane admitted the
/// sender to the room and answers with its own `EnterRoom`, participants and announcements.
///
/// From version 2 on: each side numbers its sessions of the room on the link; what a side says counts once it has
/// answered the other's session, so that nothing said before a break is taken for something said after it. An `EnterRoom` of a
/// new session is answered with another one; one of a known session only tells `spare`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EnterRoom {
    #[prost(message, required, tag = "1")]
    pub room: model::Room,
    /// The sender's session, never 0; 0 from version 1, of which every `EnterRoom` begins anew.
    #[prost(uint64, tag = "2")]
    pub session: u64,
    /// The receiver's session as the sender knows it, 0 when it knows none.
    #[prost(uint64, tag = "3")]
    pub answers: u64,
    /// The sender could do without this link in the room. It leaves the room once both can.
    #[prost(bool, tag = "4")]
    pub spare: bool,
}

/// "I hold nobody of this room any more." Everything of the room on this link is dropped.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaveRoom {
    #[prost(string, tag = "1")]
    pub room: String,
}

/// Room metadata or recording flag changed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomUpdate {
    #[prost(message, required, tag = "1")]
    pub room: model::Room,
}

/// Upsert of one participant owned by the sender, tracks included.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ParticipantUpdate {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(message, required, tag = "2")]
    pub participant: model::Participant,
    /// Number of the change by the owning edge (`participant.node_id`); 0 when the receiver is not to count it.
    #[prost(uint64, tag = "3")]
    pub change: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ParticipantGone {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub sid: String,
    #[prost(string, tag = "3")]
    pub identity: String,
    /// Edge that owned the participant; empty from version 1, which speaks for itself alone.
    #[prost(string, tag = "4")]
    pub node_id: String,
    /// As in [`ParticipantUpdate`].
    #[prost(uint64, tag = "5")]
    pub change: u64,
}

/// "You can pull this track from me."
#[derive(Clone, PartialEq, prost::Message)]
pub struct Announce {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub track_sid: String,
    #[prost(string, tag = "3")]
    pub participant_sid: String,
    /// Node ids the media passes, publisher's edge first, the sender last. A receiver that finds itself drops the announcement.
    #[prost(string, repeated, tag = "4")]
    pub hops: Vec<String>,
    /// Sum of link costs along the hops (ms of RTT by default; a link that is about to leave the room counts far more).
    #[prost(uint32, tag = "5")]
    pub cost: u32,
    /// Codec as it is on the flows.
    #[prost(message, required, tag = "6")]
    pub codec: Codec,
    /// Number of layers (1 for audio), lowest first.
    #[prost(uint32, tag = "7")]
    pub layers: u32,
}

/// Payload format of a track's flows.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Codec {
    /// `video/H264`, `audio/opus`, …
    #[prost(string, tag = "1")]
    pub mime_type: String,
    #[prost(uint32, tag = "2")]
    pub clock_rate_hz: u32,
    #[prost(uint32, tag = "3")]
    pub channels: u32,
    #[prost(string, tag = "4")]
    pub fmtp: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Withdraw {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub track_sid: String,
}

/// "Send me this layer under this flow id." The receiver of media picks the id: it must be unused on this link in that direction.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Subscribe {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub track_sid: String,
    /// Index into the announced layers.
    #[prost(uint32, tag = "3")]
    pub layer: u32,
    #[prost(uint64, tag = "4")]
    pub flow: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Unsubscribe {
    #[prost(uint64, tag = "1")]
    pub flow: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyframeRequest {
    #[prost(uint64, tag = "1")]
    pub flow: u64,
}

/// Packets of a flow the receiver misses; answered from the sender's ring.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Nack {
    #[prost(uint64, tag = "1")]
    pub flow: u64,
    #[prost(uint32, repeated, tag = "2")]
    pub sequence_numbers: Vec<u32>,
}

/// NTP to RTP mapping of a flow, from the publisher's RTCP SR (RFC 3550 section 6.4.1).
#[derive(Clone, PartialEq, prost::Message)]
pub struct SenderReport {
    #[prost(uint64, tag = "1")]
    pub flow: u64,
    /// 32.32 fixed point NTP time of the publisher's clock.
    #[prost(fixed64, tag = "2")]
    pub ntp: u64,
    #[prost(uint32, tag = "3")]
    pub rtp_timestamp: u32,
    /// Time since the report arrived at the publisher's edge, milliseconds.
    #[prost(uint32, tag = "4")]
    pub age_ms: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomData {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(message, required, tag = "2")]
    pub data: model::Data,
    /// Edge of the publisher; empty from version 1, which speaks for itself alone.
    #[prost(string, tag = "3")]
    pub node_id: String,
    /// Reliable data: counts the publisher's packets from 1 on, without gaps.
    #[prost(uint64, tag = "4")]
    pub number: u64,
    /// The [`Follow`] this answers.
    #[prost(uint64, tag = "5")]
    pub follow: u64,
    /// Lossy data: edges it has passed.
    #[prost(uint32, tag = "6")]
    pub passed: u32,
}

/// Speakers among an edge's participants; level 0 ends speaking.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Speakers {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(message, repeated, tag = "2")]
    pub speakers: Vec<Speaker>,
    /// That edge; empty from version 1, which speaks for itself alone.
    #[prost(string, tag = "3")]
    pub node_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Speaker {
    #[prost(string, tag = "1")]
    pub participant_sid: String,
    /// 0.0 silent to 1.0 loudest.
    #[prost(float, tag = "2")]
    pub level: f32,
}

/// Connection quality of an edge's participants.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Quality {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub participant_sid: String,
    /// 0 poor, 1 good, 2 excellent, 3 lost.
    #[prost(uint32, tag = "3")]
    pub quality: u32,
    #[prost(float, tag = "4")]
    pub score: f32,
    /// That edge; empty from version 1, which speaks for itself alone.
    #[prost(string, tag = "5")]
    pub node_id: String,
}

/// Who may subscribe to the tracks of one of an edge's participants; the receiver holds its own clients to it.
/// Without this message everybody may.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SubscriptionRules {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub participant_sid: String,
    /// Everybody may; `allowed` says nothing then.
    #[prost(bool, tag = "3")]
    pub all_participants: bool,
    #[prost(message, repeated, tag = "4")]
    pub allowed: Vec<AllowedSubscriber>,
    /// That edge; empty from version 1, which speaks for itself alone.
    #[prost(string, tag = "5")]
    pub node_id: String,
    /// As in [`ParticipantUpdate`].
    #[prost(uint64, tag = "6")]
    pub change: u64,
}

/// One subscriber, by identity or (where that is empty) by sid, and what it may watch.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AllowedSubscriber {
    #[prost(string, tag = "1")]
    pub participant_sid: String,
    #[prost(string, tag = "2")]
    pub identity: String,
    #[prost(bool, tag = "3")]
    pub all_tracks: bool,
    #[prost(string, repeated, tag = "4")]
    pub track_sids: Vec<String>,
}

/// A moderation command for a participant the receiver owns, or knows the way to.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomCommand {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub identity: String,
    #[prost(oneof = "CommandKind", tags = "3, 4, 5")]
    pub kind: Option<CommandKind>,
    /// Node ids it has passed, the sender last. An edge that finds itself drops it.
    #[prost(string, repeated, tag = "6")]
    pub passed: Vec<String>,
    /// Of a removal that is told to every edge of the room: how long ago it was. Tokens signed before it let nobody in. 0: the
    /// command itself.
    #[prost(uint64, tag = "7")]
    pub ago_ms: u64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CommandKind {
    #[prost(message, tag = "3")]
    Mute(MuteTrack),
    /// Remove the participant from the room.
    #[prost(bool, tag = "4")]
    Remove(bool),
    #[prost(message, tag = "5")]
    Permission(model::Permission),
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MuteTrack {
    #[prost(string, tag = "1")]
    pub track_sid: String,
    #[prost(bool, tag = "2")]
    pub muted: bool,
}

/// "From me you can hear what this edge says": its participants, their rules, who speaks, data.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OriginRoute {
    #[prost(string, tag = "1")]
    pub room: String,
    /// Node ids its word passes, the edge itself first, the sender last. A receiver that finds itself drops it.
    #[prost(string, repeated, tag = "2")]
    pub hops: Vec<String>,
    /// `Hello.epoch` of the edge: what an older one said is void.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// Links on the way that neither of their ends needs any more. Ways with fewer are taken first.
    #[prost(uint32, tag = "4")]
    pub leaving: u32,
}

/// "From me you cannot any more."
#[derive(Clone, PartialEq, prost::Message)]
pub struct OriginLost {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub node_id: String,
}

/// "Tell me what this edge says, from where I am." Answered by a [`Sync`], what was missed, another [`Sync`], then news as it comes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Follow {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub node_id: String,
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// Chosen by the sender, new each time.
    #[prost(uint64, tag = "4")]
    pub number: u64,
    /// Last change it has; 0 for none, then all comes.
    #[prost(uint64, tag = "5")]
    pub after: u64,
    /// Nobody was here yet: data published before is for handing on only.
    #[prost(bool, tag = "6")]
    pub fresh: bool,
    /// Last reliable packet it has of each publisher.
    #[prost(message, repeated, tag = "7")]
    pub positions: Vec<Position>,
}

/// Where a publisher's reliable data stands.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Position {
    #[prost(string, tag = "1")]
    pub participant_sid: String,
    #[prost(uint64, tag = "2")]
    pub number: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Unfollow {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub node_id: String,
}

/// Stands before and after what answers a [`Follow`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sync {
    #[prost(string, tag = "1")]
    pub room: String,
    #[prost(string, tag = "2")]
    pub node_id: String,
    #[prost(uint64, tag = "3")]
    pub number: u64,
    /// What follows is everybody there is: who is not named is gone.
    #[prost(bool, tag = "4")]
    pub full: bool,
    /// The one after.
    #[prost(bool, tag = "5")]
    pub end: bool,
    /// In the one after: the last change it was made of.
    #[prost(uint64, tag = "6")]
    pub change: u64,
    /// In the one after: where reliable data stands, for a follower that asked afresh. It is sent what is kept from before that as
    /// well, so that any edge a way leads by has it.
    #[prost(message, repeated, tag = "7")]
    pub positions: Vec<Position>,
}

/// Orderly end of the link.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Bye {
    #[prost(string, tag = "1")]
    pub reason: String,
}

impl From<Message> for Control {
    fn from(message: Message) -> Self {
        Self { message: Some(message) }
    }
}
