//! Core: recorded packets to frames, segments, playlists and a manifest.
//!
//! ```text
//! journal record -> journal -> participant -> stream [reorder -> depacketize -> clock] -> ladder (video), sound (audio)
//!                                          -> presentation [fmp4 | webm, playlist] -> Object -> (shell) object store
//! ```
//!
//! What it is: a remuxer that never decodes. Everything it gives out is a function of the journals' bytes, so an origin
//! that was killed reads them again and puts the same objects under the same names.
//! What it is not: it opens no file and no socket, asks no clock and starts no thread. Time is that of the records.
//!
//! Class time inside is microseconds of the publisher's edge's wall clock (`_us`).

#![forbid(unsafe_code)]

mod archive;
mod audio;
mod clock;
mod codec;
mod depacketize;
mod fmp4;
mod group;
mod handover;
mod journal;
mod ladder;
mod object;
mod participant;
mod playlist;
mod presentation;
mod reorder;
mod rtp;
mod stream;
mod timeline;
mod webm;

pub use archive::{Archive, folder};
pub use journal::{JournalId, Stats};
pub use object::{
    Lifetime, NAME_BYTES_MAX, NameError, Object, component_name, content_type, lifetime, path_component,
};
