//! Core: recorded packets to frames, segments, playlists and a manifest.
