//! The signalling connection of one client: LiveKit wire v1 over a WebSocket.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message as Frame;

/// Messages that wait for the socket; a client says little.
const OUTGOING_MAX: usize = 256;
const INCOMING_MAX: usize = 1_024;

/// Both directions of a signalling connection. Dropping the sender closes it.
pub(crate) struct Signal {
    pub(crate) sender: mpsc::Sender<proto::signal_request::Message>,
    pub(crate) receiver: mpsc::Receiver<proto::signal_response::Message>,
}

/// Connects to `url` (`ws://…` or `http://…`).
pub(crate) async fn connect(url: &str, token: &str, request: proto::JoinRequest) -> anyhow::Result<Signal> {
    let wrapped = proto::WrappedJoinRequest {
        compression: proto::wrapped_join_request::Compression::None as i32,
        join_request: request.encode_to_vec(),
    };
    let base = url.replacen("http", "ws", 1);
    let url = format!(
        "{}/rtc/v1?access_token={token}&join_request={}",
        base.trim_end_matches('/'),
        URL_SAFE_NO_PAD.encode(wrapped.encode_to_vec())
    );
    let (socket, _) = tokio_tungstenite::connect_async(&url).await.context("signalling connection")?;
    let (mut sink, mut stream) = socket.split();
    let (sender, mut outgoing) = mpsc::channel(OUTGOING_MAX);
    let (incoming, receiver) = mpsc::channel(INCOMING_MAX);
    tokio::spawn(async move {
        while let Some(message) = outgoing.recv().await {
            let bytes = proto::SignalRequest { message: Some(message) }.encode_to_vec();
            if sink.send(Frame::Binary(bytes.into())).await.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    });
    tokio::spawn(async move {
        while let Some(Ok(frame)) = stream.next().await {
            let Frame::Binary(bytes) = frame else { continue };
            let Ok(response) = proto::SignalResponse::decode(&*bytes) else { continue };
            let Some(message) = response.message else { continue };
            if incoming.send(message).await.is_err() {
                return;
            }
        }
    });
    Ok(Signal { sender, receiver })
}
