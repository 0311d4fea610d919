//! Load clients: stock WebRTC peers that drive any server of the wire, and count what arrives.
