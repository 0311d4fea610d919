//! One m-line of an offer: codecs, extensions, RIDs, sources.

use crate::section::{Attribute, Section, value, values};
use crate::{
    Codec, Direction, Error, Extension, Kind, MAX_RIDS, MAX_SOURCES, OfferMedia, RemoteSource, is_token,
};

/// Reads one section. Whether it is in the bundle is known to the caller only.
pub(crate) fn read(
    section: &Section<'_>,
    session: &[Attribute<'_>],
    index: usize,
    is_bundled: bool,
) -> Result<OfferMedia, Error> {
    let attributes = section.attributes.as_slice();
    let mid = value(attributes, "mid").filter(|mid| !mid.is_empty()).ok_or(Error::NoMid { index })?;
    if !is_token(mid) {
        return Err(Error::Syntax(format!("the mid of m-line {index} is no token of visible characters")));
    }
    let kind = match section.media {
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        "application" => Kind::Application,
        _ => {
            return Err(Error::Syntax(format!(
                "m-line {index} is neither audio nor video nor application: leave it out"
            )));
        }
    };
    let is_bundle_only = value(attributes, "bundle-only").is_some();
    let mut media = OfferMedia {
        mid: mid.to_owned(),
        kind,
        rejected: !is_bundled || (section.port == 0 && !is_bundle_only),
        direction: direction(attributes).or_else(|| direction(session)).unwrap_or(Direction::SendRecv),
        codecs: Vec::new(),
        extensions: Vec::new(),
        send_rids: Vec::new(),
        sources: Vec::new(),
        msid: None,
        sctp_port: None,
        max_message_size: None,
    };
    if kind == Kind::Application {
        media.sctp_port = sctp_port(attributes);
        media.max_message_size = value(attributes, "max-message-size").and_then(saturating);
        return Ok(media);
    }
    media.codecs = codecs(section);
    media.extensions = extensions(session, attributes);
    media.send_rids = send_rids(attributes);
    media.sources = sources(attributes);
    media.msid = msid(attributes);
    Ok(media)
}

fn direction(attributes: &[Attribute<'_>]) -> Option<Direction> {
    attributes.iter().find_map(|a| match a.name {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

/// RFC 8841, or the older `sctpmap:5000 webrtc-datachannel 1024`.
fn sctp_port(attributes: &[Attribute<'_>]) -> Option<u16> {
    let new = value(attributes, "sctp-port").and_then(|v| v.parse().ok());
    new.or_else(|| value(attributes, "sctpmap")?.split_ascii_whitespace().next()?.parse().ok())
}

/// A size beyond 32 bits means "as large as you like".
fn saturating(text: &str) -> Option<u32> {
    text.parse::<u64>().ok().map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// In the m-line's order; a payload type named twice counts once, one without rtpmap only if it is a static one.
fn codecs(section: &Section<'_>) -> Vec<Codec> {
    let mut codecs: Vec<Codec> = Vec::new();
    for format in &section.formats {
        let Some(payload_type) = format.parse::<u8>().ok().filter(|pt| *pt < 128) else { continue };
        if codecs.iter().any(|c| c.payload_type == payload_type) {
            continue;
        }
        let rtpmap = of_payload(&section.attributes, "rtpmap", payload_type).next();
        let Some(rtpmap) = rtpmap.or_else(|| static_rtpmap(payload_type)) else { continue };
        let mut parts = rtpmap.trim().split('/');
        let (Some(name), Some(clock)) = (parts.next(), parts.next()) else { continue };
        let Ok(clock_rate_hz) = clock.trim().parse() else { continue };
        if !is_token(name) {
            continue;
        }
        let feedback = values(&section.attributes, "rtcp-fb").filter_map(|v| {
            let (pt, what) = v.split_once(' ')?;
            (pt == "*" || pt.parse() == Ok(payload_type)).then(|| what.trim().to_owned())
        });
        codecs.push(Codec {
            payload_type,
            name: name.to_owned(),
            clock_rate_hz,
            channels: parts.next().and_then(|c| c.trim().parse().ok()).unwrap_or(1),
            fmtp: of_payload(&section.attributes, "fmtp", payload_type)
                .next()
                .unwrap_or("")
                .trim()
                .to_owned(),
            rtcp_fb: feedback.collect(),
        });
    }
    codecs
}

/// Values of `a=name:<pt> value`.
fn of_payload<'a>(
    attributes: &[Attribute<'a>],
    name: &str,
    payload_type: u8,
) -> impl Iterator<Item = &'a str> {
    values(attributes, name).filter_map(move |v| {
        let (pt, rest) = v.split_once(' ')?;
        (pt.parse() == Ok(payload_type)).then_some(rest)
    })
}

/// RFC 3551 section 6: the static types WebRTC endpoints still name without a map.
fn static_rtpmap(payload_type: u8) -> Option<&'static str> {
    match payload_type {
        0 => Some("PCMU/8000"),
        8 => Some("PCMA/8000"),
        9 => Some("G722/8000"),
        13 => Some("CN/8000"),
        _ => None,
    }
}

/// RFC 8285 section 8: `<id>[/direction] <uri> [attributes]`; session-level ones hold for every section.
fn extensions(session: &[Attribute<'_>], attributes: &[Attribute<'_>]) -> Vec<Extension> {
    let mut extensions: Vec<Extension> = Vec::new();
    for value in values(session, "extmap").chain(values(attributes, "extmap")) {
        let mut words = value.split_ascii_whitespace();
        let (Some(id), Some(uri)) = (words.next(), words.next()) else { continue };
        let (id, direction) = id.split_once('/').unwrap_or((id, ""));
        let Some(id) = id.parse::<u8>().ok().filter(|id| *id != 0) else { continue };
        if direction != "inactive" && !extensions.iter().any(|e| e.id == id) {
            extensions.push(Extension { id, uri: uri.to_owned() });
        }
    }
    extensions
}

/// RFC 8853: the streams of `a=simulcast:send`, the first of alternatives, `~` (paused) taken off; only RIDs declared by
/// `a=rid:… send` count. Without a simulcast line the declared ones in their order.
fn send_rids(attributes: &[Attribute<'_>]) -> Vec<String> {
    let declared: Vec<&str> = values(attributes, "rid")
        .filter_map(|v| {
            let mut words = v.split_ascii_whitespace();
            let (rid, direction) = (words.next()?, words.next()?);
            (direction == "send" && is_token(rid)).then_some(rid)
        })
        .take(MAX_RIDS)
        .collect();
    let mut ordered: Vec<&str> = Vec::new();
    if let Some(simulcast) = value(attributes, "simulcast") {
        let words: Vec<&str> = simulcast.split_ascii_whitespace().collect();
        let list =
            words.iter().position(|w| *w == "send").and_then(|at| words.get(at + 1)).copied().unwrap_or("");
        for stream in list.split(';') {
            let first = stream.split(',').next().unwrap_or("");
            let rid = first.strip_prefix('~').unwrap_or(first);
            if declared.contains(&rid) && !ordered.contains(&rid) {
                ordered.push(rid);
            }
        }
    } else {
        for rid in declared {
            if !ordered.contains(&rid) {
                ordered.push(rid);
            }
        }
    }
    ordered.into_iter().map(str::to_owned).collect()
}

/// RFC 5576: media SSRCs in order; those a group names as repair (FID) or FEC of another are not media themselves.
fn sources(attributes: &[Attribute<'_>]) -> Vec<RemoteSource> {
    let mut groups: Vec<(bool, u32, u32)> = Vec::new();
    for value in values(attributes, "ssrc-group").take(MAX_SOURCES) {
        let mut words = value.split_ascii_whitespace();
        let semantics = words.next().unwrap_or("");
        let is_repair = semantics == "FID";
        if !is_repair && !semantics.starts_with("FEC") {
            continue;
        }
        let pair = (words.next().and_then(|w| w.parse().ok()), words.next().and_then(|w| w.parse().ok()));
        if let (Some(primary), Some(other)) = pair {
            groups.push((is_repair, primary, other));
        }
    }
    let mut sources: Vec<RemoteSource> = Vec::new();
    for value in values(attributes, "ssrc") {
        let (ssrc, rest) = value.split_once(' ').unwrap_or((value, ""));
        let Ok(ssrc) = ssrc.parse::<u32>() else { continue };
        if groups.iter().any(|(_, _, other)| *other == ssrc) {
            continue;
        }
        let at = match sources.iter().position(|s| s.ssrc == ssrc) {
            Some(at) => at,
            None if sources.len() == MAX_SOURCES => continue,
            None => {
                let rtx_ssrc = groups.iter().find(|(fid, primary, _)| *fid && *primary == ssrc).map(|g| g.2);
                sources.push(RemoteSource { ssrc, rtx_ssrc, cname: String::new() });
                sources.len() - 1
            }
        };
        if let Some(cname) = rest.trim().strip_prefix("cname:") {
            cname.clone_into(&mut sources[at].cname);
        }
    }
    sources
}

/// RFC 8830 `a=msid:<stream> [<track>]`, or the older `a=ssrc:<n> msid:<stream> <track>`.
fn msid(attributes: &[Attribute<'_>]) -> Option<(String, String)> {
    let legacy = || {
        values(attributes, "ssrc")
            .find_map(|v| v.split_once(' ').and_then(|(_, r)| r.trim().strip_prefix("msid:")))
    };
    let mut words = value(attributes, "msid").or_else(legacy)?.split_ascii_whitespace();
    Some((words.next()?.to_owned(), words.next().unwrap_or("").to_owned()))
}
