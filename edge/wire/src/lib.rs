//! Contract: what edges and the origin say to one another over QUIC.
//!
//! What it is: plain messages and their encodings. Three things cross a link:
//!
//! * **control frames** on ordered reliable streams: [`frame`] (varint length, then a protobuf [`control::Control`]);
//! * **media datagrams**: [`datagram`] (varint flow id, then one plaintext RTP packet in canonical form);
//! * **the recording journal**, appended on the edge and shipped byte for byte to the origin: [`journal`].
//!
//! The records of the spool of facts ([`spool`]) cross no link; they stand here because they are made of the same nouns.
//!
//! What it is not: it opens no socket, keeps no state between messages (but for parts in [`split`]) and knows no client
//! protocol.
//! `edge/wire/README.md` documents every message; a version bump changes that page in the same commit.
//!
//! Evolution: fields are only ever added, with new tags. A receiver ignores what it does not know, so two
//! neighbouring versions of [`VERSION`] work together.

#![forbid(unsafe_code)]

pub mod checked;
pub mod control;
pub mod datagram;
pub mod frame;
pub mod ingest;
pub mod journal;
pub mod model;
pub mod probe;
pub mod rtp;
pub mod split;
pub mod spool;
pub mod varint;

/// The wire version a node says in its [`control::Hello`]. A node accepts its own and the one before.
pub const VERSION: u32 = 2;

/// ALPN of a link between two edges.
pub const ALPN_LINK: &[u8] = b"seodang-link/1";

/// ALPN of the recording upload from an edge to the origin.
pub const ALPN_INGEST: &[u8] = b"seodang-ingest/1";
