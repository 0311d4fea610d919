//! A session against a client made of other parts: `rtc-dtls` as DTLS client, `rtc-srtp`, `rtc-sctp`, and a STUN client
//! of its own, over a network in virtual time with a seed.

mod client;
mod data;
mod handshake;
mod hostile;
mod ice;
mod media;
mod world;
