//! What the shell carries out, and what it reports.

use bytes::Bytes;
use edge_sfu::{Command, LinkId};
use edge_wire::{control, journal, model};

use super::{LeaveReason, Notice, PeerId};

/// What the shell carries out, in order.
#[derive(Clone, Debug)]
pub enum Output {
    Notify {
        peer: PeerId,
        notice: Notice,
    },
    Media(Command),
    /// Say on the link's control stream.
    Link {
        link: LinkId,
        message: control::Message,
    },
    /// Application data for a link: reliable on the publisher's stream, lossy in a datagram.
    LinkData {
        link: LinkId,
        data: control::RoomData,
    },
    /// A client's data packet that the protocol adapter must read (sender, destinations) and give back by [`crate::Rooms::relay`].
    ClientData {
        peer: PeerId,
        reliable: bool,
        payload: Bytes,
    },
    /// First participant of the room on this edge: the shell registers the edge's presence, links follow.
    RoomOpened {
        room: model::Room,
    },
    /// Number or names of this edge's own participants changed: the shell updates its presence record.
    RoomPresence {
        room: String,
        identities: Vec<String>,
    },
    /// Last participant left (after [`crate::ROOM_LINGER`]); the shell withdraws its presence.
    RoomClosed {
        room: String,
    },
    /// An entry of the room's recording journal. Packets come from the shard as flows of [`LinkId::RECORDER`]; the flow id is the
    /// `stream` of the `StreamOpen` entry.
    Record {
        room: String,
        room_sid: String,
        entry: journal::Entry,
    },
    /// The participant goes on at another edge; its client may close this connection.
    Moved {
        peer: PeerId,
    },
    /// A fact for attendance, webhooks and metrics.
    Fact(Fact),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    RoomStarted {
        room: model::Room,
    },
    RoomFinished {
        room: model::Room,
    },
    /// Its media is connected for the first time.
    ParticipantJoined {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined at another edge goes on here.
    ParticipantArrived {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined, or arrived, goes on at another edge: no leave.
    ParticipantDeparted {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined is gone, and was last heard `unheard` ago.
    ParticipantLeft {
        room: model::Room,
        participant: model::Participant,
        reason: LeaveReason,
        unheard: std::time::Duration,
    },
    TrackPublished {
        room: model::Room,
        participant: model::Participant,
        track: model::Track,
    },
    TrackUnpublished {
        room: model::Room,
        participant: model::Participant,
        track: model::Track,
    },
}
