//! Every limit of the crate, with its why. What happens when one is reached is said beside it.

use std::time::Duration;

/// A client whose signalling broke comes back within this time, or its place is given up.
pub const RESUME_LINGER: Duration = Duration::from_secs(15);
/// A room outlives its last local participant by this much: an instructor who reloads the page does not end the class.
pub const ROOM_LINGER: Duration = Duration::from_secs(3);
/// Participants of another edge stay this long after the link to it broke; a redial takes a second or two.
pub const LINK_GRACE: Duration = Duration::from_secs(5);
/// The same for an edge that the control plane has let go as well: it does not come back.
pub(crate) const VANISHED_GRACE: Duration = Duration::from_secs(1);
/// A link that came into the room is greeted again after this time if the far edge does not answer, and ever more seldom ...
pub(crate) const GREET_AGAIN: Duration = Duration::from_millis(200);
/// ... until it is this seldom: an edge that hears of the link or of its part in the room anew says so by itself.
pub(crate) const GREET_SELDOM: Duration = Duration::from_secs(1);
/// Ways that are lost with the parent are not taken back from those behind this edge for so long: another parent is found within two
/// round trips, and those behind need not look for one themselves. No loop can come of it, since every way told onward names this edge.
pub(crate) const WAY_HOLD: Duration = Duration::from_millis(1_500);
/// A link that neither side needs in a room stays in it for this long, until all goes other ways.
pub(crate) const HANDOVER: Duration = Duration::from_secs(2);
/// And at most this much longer while no other link is in the room.
pub(crate) const HANDOVER_MAX: Duration = Duration::from_secs(8);
/// What a way that is held counts more for those behind: more than any that stands, however many of its links are about to leave.
pub(crate) const HELD_COST_MS: u32 = 1 << 24;
/// Likewise, in links that are about to leave.
pub(crate) const HELD_LEAVING: u32 = 1 << 8;
/// What each link of a way that is about to leave the room counts more: any other way is taken.
pub(crate) const LEAVING_COST_MS: u32 = 100_000;
/// A media session that ended is given this long for the client's own goodbye before the client is told to join again.
pub const MEDIA_LINGER: Duration = Duration::from_secs(2);

/// A participant that comes from another edge takes its place by then, with what has come of its media.
pub const HEIR_MAX: Duration = Duration::from_secs(5);
/// The first connection of a participant that went on elsewhere is closed then, if its client has not.
pub const GHOST_MAX: Duration = Duration::from_secs(10);
/// A participant's record is this much newer at its new edge: changes that the old one told meanwhile are older.
pub(crate) const MOVE_VERSIONS: u32 = 64;

/// A client that has not offered by then is asked to: some wait for the edge to say what it has.
pub(crate) const FIRST_OFFER_WAIT: Duration = Duration::from_millis(500);
/// A pulled layer nobody watches any more is let go after this, so that a flapping window does not flap the link.
pub(crate) const PULL_RELEASE: Duration = Duration::from_millis(500);
/// A wanted layer that has not begun (or went silent) this long after it was asked for is backed by the next lower one.
pub(crate) const FALLBACK_AFTER: Duration = Duration::from_millis(1_000);
/// A publisher is told to stop a layer only after nobody wanted it for this long; starting is told at once.
pub(crate) const DYNACAST_DOWN: Duration = Duration::from_secs(2);
/// Speakers are told at most this often: faster is not seen.
pub(crate) const SPEAKERS_INTERVAL: Duration = Duration::from_millis(300);
/// Connection quality is told at most this often.
pub(crate) const QUALITY_INTERVAL: Duration = Duration::from_secs(1);
/// Rosters of large rooms are told at most this often; every change is N messages.
pub(crate) const ROSTER_INTERVAL: Duration = Duration::from_millis(200);
/// From this many local participants on a room counts as large.
pub(crate) const LARGE_ROOM: usize = 32;
/// The number of participants is told at most this often.
pub(crate) const ROOM_NOTICE_INTERVAL: Duration = Duration::from_secs(1);
/// Keyframes asked of recorded cameras, so that recordings can be cut into segments and layers line up.
pub(crate) const KEYFRAMES_CAMERA: Duration = Duration::from_secs(2);
/// Screen shares have large keyframes and change seldom.
pub(crate) const KEYFRAMES_SCREEN: Duration = Duration::from_secs(4);

/// Participants of one room over all edges; beyond it joins are refused and remote ones not listed.
pub const ROOM_PARTICIPANTS_MAX: usize = 5_000;
/// Published (and announced) tracks of one participant; further ones are refused.
pub const TRACKS_PER_PARTICIPANT_MAX: usize = 16;
/// Name of a track in a request about it; ours have 15 bytes. A longer one is nobody's.
pub(crate) const SID_BYTES_MAX: usize = 64;
/// Subscriptions a client may name beyond the tracks there are: it may ask before a track appears. Further ones are ignored.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 4_096;
/// Sections a client is brought to by requests of this edge, below the SDP reader's own limit; tracks beyond it wait.
pub(crate) const SECTIONS_MAX: usize = 112;
/// A participant's record with all its tracks, as it travels: one frame of a link with room to spare. A join, an update or a
/// track beyond it is refused.
pub(crate) const RECORD_BYTES_MAX: usize = 192 * 1024;
/// Attributes of one participant, keys and values together; also its metadata. Larger updates are refused.
pub const ATTRIBUTES_BYTES_MAX: usize = 64 * 1024;
/// Name of a participant or a track; longer ones are refused or cut.
pub const NAME_BYTES_MAX: usize = 1_024;
/// People sent out of one life of a room that an edge keeps in mind; beyond it the one sent out longest ago is forgotten.
pub(crate) const REMOVED_MAX: usize = 256;
/// The same word by several ways is one word within this.
pub(crate) const REMOVED_AGAIN: Duration = Duration::from_secs(1);
/// Bytes of one subscription permission (it travels in one frame of a link); entries beyond are ignored, so nobody is allowed
/// who was not meant.
pub(crate) const RULES_BYTES_MAX: usize = 64 * 1024;
/// One data packet with its destinations; a frame of a link holds twice that. Larger ones are dropped.
pub const DATA_BYTES_MAX: usize = 128 * 1024;
/// Body of a timeline event; a journal record holds 64 kB. Larger ones are not recorded.
pub const EVENT_BYTES_MAX: usize = 60 * 1024;
/// Format parameters of a codec; a format with more is not taken.
pub(crate) const FMTP_BYTES_MAX: usize = 1_024;
/// Feature codes of a track; further ones are cut.
pub(crate) const FEATURES_MAX: usize = 32;
/// Reliable data kept for a client whose data channel is not open yet; the oldest goes first.
pub(crate) const EARLY_DATA_MAX: usize = 128;
/// And so many bytes of it: a few seconds of chat, or one large message.
pub(crate) const EARLY_BYTES_MAX: usize = 256 * 1024;
/// Flows one link may pull from us; further subscriptions are refused (logged).
pub(crate) const FLOWS_PER_LINK_MAX: usize = 16_384;
/// Announced tracks of one room over all links; further announcements are dropped.
pub(crate) const PATHS_MAX: usize = 65_536;
/// Edges a track, or what an edge says, may pass; longer paths are dropped. A tree has paths of 8; one that heals by itself has
/// longer ones for a moment.
pub(crate) const HOPS_MAX: usize = 16;
/// Edges heard of in one room; further ones are not heard.
pub(crate) const ORIGINS_MAX: usize = 4_096;
/// Departures of an edge's participants kept by number; a follower that lacks more is told all.
pub(crate) const GONE_KEPT_MAX: usize = 1_024;
/// Reliable data of one edge kept for those who lose their way to it: longer than any loss goes unnoticed and any way is looked for ...
pub(crate) const DATA_KEPT_FOR: Duration = Duration::from_secs(10);
/// ... and so many packets at most ...
pub(crate) const DATA_KEPT_MAX: usize = 1_024;
/// ... and bytes; the oldest goes first.
pub(crate) const DATA_KEPT_BYTES_MAX: usize = 1 << 20;
/// Reliable data that waits for the record of its publisher, for the end of an account (all that another edge keeps, and news
/// besides, may overtake it) or for the edge to enter; the oldest goes first.
pub(crate) const HELD_MAX: usize = 2 * DATA_KEPT_MAX;
pub(crate) const HELD_BYTES_MAX: usize = 2 * DATA_KEPT_BYTES_MAX;
/// Rooms another edge may have entered that this one does not hold (yet); further ones are dropped.
pub(crate) const KNOCKS_MAX: usize = 4_096;
/// Missing packets asked for in one message; a larger one is cut.
pub(crate) const NACK_MAX: usize = 512;
/// Cost of a link whose round trip is not known, ms.
pub(crate) const LINK_COST_MS: u32 = 10;
/// What every link on a way costs besides its round trip, ms: an edge that carries it and may fail, a copy more to send. A way
/// over one edge more has to save so much; a round trip measured while a machine is busy differs by less.
pub(crate) const HOP_COST_MS: u32 = 10;
