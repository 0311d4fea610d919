//! Core: one WebRTC transport session without IO.
