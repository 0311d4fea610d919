//! Adapter: client protocols (LiveKit wire v1, Twirp, WHIP, WHEP) to the room core's own words.
