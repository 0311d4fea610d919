//! `application/trickle-ice-sdpfrag` (RFC 8840): what WHIP and WHEP clients send in a PATCH.

/// A fragment as read. Candidates are counted, not kept: the edge is ICE-lite and needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    pub ice_ufrag: Option<String>,
    pub ice_pwd: Option<String>,
    pub candidates: usize,
    pub end_of_candidates: bool,
}

/// A fragment with candidates of every interface is about 2 kB.
pub(crate) const FRAGMENT_BYTES_MAX: usize = 16 * 1024;

impl Fragment {
    /// Reads a fragment; `None` when it is too long or not made of SDP lines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > FRAGMENT_BYTES_MAX {
            return None;
        }
        let mut fragment = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (kind, rest) = line.split_once('=').filter(|(kind, _)| kind.len() == 1)?;
            if rest.chars().any(char::is_control) {
                return None;
            }
            if kind != "a" {
                continue;
            }
            let (name, value) = rest.split_once(':').unwrap_or((rest, ""));
            match name {
                "ice-ufrag" => fragment.ice_ufrag = Some(value.trim().to_owned()),
                "ice-pwd" => fragment.ice_pwd = Some(value.trim().to_owned()),
                "candidate" => fragment.candidates += 1,
                "end-of-candidates" => fragment.end_of_candidates = true,
                _ => {}
            }
        }
        Some(fragment)
    }
}

/// The server's half of an ICE restart. Every line has been checked or made by the edge.
pub(crate) fn restart_answer(ice_ufrag: &str, ice_pwd: &str) -> String {
    format!("a=ice-lite\r\na=ice-ufrag:{ice_ufrag}\r\na=ice-pwd:{ice_pwd}\r\n")
}
