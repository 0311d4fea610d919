//! What the core counts. Plain numbers: the shell reads them between two turns of its loop.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Running totals of one shard since it started.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Name and value of each, in the order declared.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams given to the core.
    datagrams_in,
    bytes_in,
    /// Datagrams made for clients, of every kind.
    datagrams_out,
    bytes_out,
    /// RTP packets of clients that opened.
    rtp_in,
    /// RTP packets forwarded to clients, first sending only.
    rtp_out,
    rtp_out_bytes,
    rtcp_in,
    rtcp_out,
    link_packets_in,
    link_bytes_in,
    link_packets_out,
    link_bytes_out,

    /// Not STUN, and from an address no session spoke from.
    dropped_unknown_address,
    /// STUN whose user name names no session here.
    dropped_unknown_ufrag,
    /// Refused by the session: authentication, replay, malformed.
    dropped_by_session,
    dropped_malformed_rtp,
    dropped_unknown_ssrc,
    dropped_unexpected_payload_type,
    dropped_duplicate,
    /// Older than the ring, or a jump in sequence numbers not confirmed by a second packet.
    dropped_out_of_window,
    dropped_oversize,
    dropped_unknown_flow,
    /// No SRTP keys any more, or the arena is full.
    dropped_seal_failed,
    /// Late packets of a part of the stream a receiver is past.
    dropped_no_place,
    dropped_channel_not_open,
    /// Data of clients that came while the rooms could not take events.
    dropped_events_full,
    /// The channel has too much waiting for its peer.
    dropped_channel_full,
    /// Commands that name what is not there, or no longer.
    commands_unknown_id,
    /// Commands refused because a table is full.
    commands_refused_full,

    /// RTP packets that carried only padding.
    padding_in,
    /// Repairs (RFC 4588) taken in place of what was lost.
    rtx_in,
    /// Sequence numbers asked of senders.
    nacks_out,
    /// Packets no repair came for.
    repairs_given_up,
    /// Sequence numbers receivers asked for.
    nacks_in,
    /// Answers to them.
    retransmitted,
    /// Not in the ring (any more).
    nacks_missed,
    /// Answered a moment ago, or over the stream's budget.
    nacks_suppressed,
    /// Keyframe requests from receivers and links.
    keyframe_requests_in,
    /// Keyframe requests to publishers (PLI) and links.
    keyframe_requests_out,
    keyframes_in,
    layer_switches,
    /// Times a keyframe of the layer to go to came before the end of the picture being sent.
    switches_put_off,
    /// Switches whose picture was not complete in time: the receiver got it without its end.
    pictures_cut,
    /// Streams started from the ring's keyframe instead of waiting for a new one.
    started_from_ring,
    transport_feedback_out,
}
