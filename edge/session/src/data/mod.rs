//! Data channels: SCTP over DTLS (RFC 8831) with DCEP (RFC 8832), accepting what the peer opens.

mod association;
mod channels;
mod dcep;
mod screen;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::fence::fence;
use crate::{Config, Event};
use channels::Channels;

/// Longest message either way, in bytes; SDP announces it as `a=max-message-size`.
pub const MESSAGE_LENGTH_MAX: usize = 256 * 1024;

/// Receive window: a whole message and what comes meanwhile on other channels.
pub(crate) const RECEIVE_BUFFER_BYTES: u32 = 1024 * 1024;

/// Id of a data channel: its SCTP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub u16);

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendDataError {
    #[error("the data channel is not open")]
    NotOpen,
    #[error("the channel's send buffer of 1 MiB is full: drop the message or wait for acknowledgements")]
    Full,
    #[error("the message is longer than MESSAGE_LENGTH_MAX")]
    TooLong,
}

/// The data channels of one session, inside a fence: when the parser panics they are gone and the session lives.
pub(crate) struct Data {
    /// Gone for good after a panic.
    channels: Option<Box<Channels>>,
    events: VecDeque<Event>,
    timeout: Option<Instant>,
}

impl Data {
    pub(crate) fn new(config: &Config) -> Self {
        Self { channels: Some(Box::new(Channels::new(config))), events: VecDeque::new(), timeout: None }
    }

    /// Feeds one SCTP packet. Call [`Self::drive`] next.
    pub(crate) fn handle(&mut self, now: Instant, packet: Bytes) {
        self.fenced(|channels, _| channels.handle(now, packet));
    }

    /// Lets every association do what is due: packets to send go into `packets`.
    pub(crate) fn drive(&mut self, now: Instant, packets: &mut Vec<Bytes>) {
        self.fenced(|channels, events| channels.drive(now, events, packets));
        self.timeout = self.channels.as_ref().and_then(|channels| channels.poll_timeout());
    }

    /// Queues a message; [`Self::drive`] sends it.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        id: ChannelId,
        binary: bool,
        payload: &[u8],
    ) -> Result<(), SendDataError> {
        self.fenced(|channels, _| channels.send(now, id, binary, payload))
            .unwrap_or(Err(SendDataError::NotOpen))
    }

    /// Resets the stream of a channel; `ChannelClosed` comes at once.
    pub(crate) fn close_channel(&mut self, now: Instant, id: ChannelId) {
        self.fenced(|channels, events| channels.close(now, id, events));
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// As of the last [`Self::drive`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Call [`Self::drive`] next.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.fenced(|channels, _| channels.handle_timeout(now));
    }

    fn fenced<T>(&mut self, call: impl FnOnce(&mut Channels, &mut VecDeque<Event>) -> T) -> Option<T> {
        let channels = self.channels.as_deref_mut()?;
        let result = fence("SCTP", || call(channels, &mut self.events));
        if result.is_none()
            && let Some(broken) = self.channels.take()
        {
            self.events.extend(broken.into_open().into_iter().map(|id| Event::ChannelClosed { id }));
        }
        result
    }
}
