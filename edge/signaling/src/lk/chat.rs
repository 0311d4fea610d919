//! Chat as it passes by: text streams on the chat topic put together again for the class timeline, and the older single
//! message. Nothing here changes what is relayed.

use std::collections::VecDeque;
use std::io::Read as _;

use flate2::read::DeflateDecoder;
use livekit_protocol::data_packet::Value;
use livekit_protocol::data_stream::{Chunk, CompressionType, Header};

/// Topic of the stock UI components.
const TOPIC: &str = "lk.chat";
/// A class's chat line; a longer one stands in the timeline up to here.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Streams of one sender open at once; the oldest gives way, and its line is missing in the timeline only.
const OPEN_MAX: usize = 8;

/// A chat line for the recording's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// `kind` of the journal's event.
    pub kind: &'static str,
    /// `{"id","sid","identity","text","timestamp_ms"}`, and `"edited"` or `"deleted"`: true where that is so.
    pub json: String,
}

/// Open chat streams of one sender.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    stream_id: String,
    timestamp_ms: i64,
    is_edit: bool,
    is_deflated: bool,
    total_bytes: Option<u64>,
    /// Bytes passed so far; `content` may be cut.
    seen_bytes: u64,
    content: Vec<u8>,
}

impl Assembler {
    /// Looks at one packet; a line comes out with its last piece.
    pub(crate) fn take(&mut self, value: &Value, sid: &str, identity: &str) -> Option<Chat> {
        match value {
            Value::ChatMessage(message) => {
                let text = cut(message.message.as_bytes(), TEXT_BYTES_MAX);
                let timestamp_ms = message.edit_timestamp.unwrap_or(message.timestamp);
                let is_edit = message.edit_timestamp.is_some();
                Some(line(sid, identity, &message.id, text, timestamp_ms, is_edit, message.deleted))
            }
            Value::StreamHeader(header) if header.topic == TOPIC => self.header(header, sid, identity),
            Value::StreamChunk(chunk) => self.chunk(chunk, sid, identity),
            Value::StreamTrailer(trailer) => {
                let at = self.open.iter().position(|open| open.stream_id == trailer.stream_id)?;
                self.open.remove(at).and_then(|open| open.finish(sid, identity))
            }
            _ => None,
        }
    }

    fn header(&mut self, header: &Header, sid: &str, identity: &str) -> Option<Chat> {
        use livekit_protocol::data_stream::OperationType;
        use livekit_protocol::data_stream::header::ContentHeader;
        let Some(ContentHeader::TextHeader(text)) = &header.content_header else { return None };
        if text.operation_type() == OperationType::Delete {
            return Some(line(sid, identity, &header.stream_id, "", header.timestamp, false, true));
        }
        if text.operation_type() == OperationType::Reaction {
            return None;
        }
        let mut open = Open {
            stream_id: header.stream_id.clone(),
            timestamp_ms: header.timestamp,
            is_edit: text.operation_type() == OperationType::Update,
            is_deflated: header.compression() == CompressionType::DeflateRaw,
            total_bytes: header.total_length,
            seen_bytes: 0,
            content: Vec::new(),
        };
        if let Some(inline) = &header.inline_content {
            open.push(inline);
            return open.finish(sid, identity);
        }
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back(open);
        None
    }

    fn chunk(&mut self, chunk: &Chunk, sid: &str, identity: &str) -> Option<Chat> {
        let at = self.open.iter().position(|open| open.stream_id == chunk.stream_id)?;
        let open = &mut self.open[at];
        open.push(&chunk.content);
        // The announced length is that of the text; compressed streams are ended by their trailer alone.
        let is_whole = !open.is_deflated && open.total_bytes.is_some_and(|total| open.seen_bytes >= total);
        is_whole.then(|| self.open.remove(at))?.and_then(|open| open.finish(sid, identity))
    }
}

impl Open {
    fn push(&mut self, content: &[u8]) {
        self.seen_bytes += content.len() as u64;
        let room = TEXT_BYTES_MAX - self.content.len();
        self.content.extend_from_slice(&content[..content.len().min(room)]);
    }

    fn finish(self, sid: &str, identity: &str) -> Option<Chat> {
        let content = if self.is_deflated { inflate(&self.content) } else { self.content };
        let text = cut(&content, TEXT_BYTES_MAX);
        let is_empty = text.is_empty();
        let chat = line(sid, identity, &self.stream_id, text, self.timestamp_ms, self.is_edit, false);
        (!is_empty).then_some(chat)
    }
}

/// Up to the limit; what cannot be unpacked is left out.
fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // An error after some text leaves that text: a cut stream ends in one.
    let _ = DeflateDecoder::new(bytes).take(TEXT_BYTES_MAX as u64).read_to_end(&mut out);
    out
}

/// The longest prefix of whole characters.
fn cut(bytes: &[u8], limit: usize) -> &str {
    let bytes = &bytes[..bytes.len().min(limit)];
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

fn line(
    sid: &str,
    identity: &str,
    id: &str,
    text: &str,
    timestamp_ms: i64,
    is_edit: bool,
    is_deleted: bool,
) -> Chat {
    let mut json = serde_json::json!({
        "id": id, "sid": sid, "identity": identity, "text": text, "timestamp_ms": timestamp_ms,
    });
    if is_edit {
        json["edited"] = true.into();
    }
    if is_deleted {
        json["deleted"] = true.into();
    }
    Chat { kind: "chat", json: json.to_string() }
}
