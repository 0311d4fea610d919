//! Every parser of outside bytes, given bytes that nobody meant.
//!
//! A [`Target`] is a function from bytes to nothing that must not panic, hang or swell, with seeds that reach deep. Two
//! things run them: the plain runner of this package (`cargo run --release`, stable, fixed seed: part of `tests/run`) and
//! libFuzzer (`cargo fuzz run`, README).
//!
//! What this is not: a proof. Bugs found become regression tests in the crate they were in.

#![forbid(unsafe_code)]

#[expect(dead_code, reason = "the session's tests use more of the client than these")]
#[path = "../../../edge/session/tests/session/client.rs"]
mod client;
pub mod mutate;
pub mod steps;
pub mod targets;

/// Something that reads what comes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub name: &'static str,
    /// What reads it, and from whom it comes.
    pub what: &'static str,
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Inputs are [`steps`]: the plain runner mutates one step at a time.
    pub is_steps: bool,
    /// Words worth writing into inputs.
    pub words: &'static [&'static [u8]],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    targets::wire::FRAMES,
    targets::wire::JOURNAL,
    targets::wire::SPOOL,
    targets::sdp::OFFER,
    targets::signaling::CONNECT,
    targets::signaling::REQUESTS,
    targets::signaling::DATA,
    targets::doors::TWIRP,
    targets::doors::WHIP,
    targets::token::TOKEN,
    targets::session::STRANGER,
    targets::sfu::LINK,
    targets::sfu::MEMBER,
    targets::archive::JOURNALS,
    targets::archive::NAMES,
    targets::cache::MESSAGES,
    targets::dns::QUERIES,
];
