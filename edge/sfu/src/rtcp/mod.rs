//! RTCP: reading compound packets and writing what the core says (RFC 3550 section 6, RFC 4585, RFC 5104).

pub(crate) mod parse;
pub(crate) mod write;

pub(crate) const SENDER_REPORT: u8 = 200;
pub(crate) const RECEIVER_REPORT: u8 = 201;
pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of [`TRANSPORT_FEEDBACK`].
pub(crate) const FORMAT_NACK: u8 = 1;
pub(crate) const FORMAT_TRANSPORT_CC: u8 = 15;
/// Formats of [`PAYLOAD_FEEDBACK`].
pub(crate) const FORMAT_PLI: u8 = 1;
pub(crate) const FORMAT_FIR: u8 = 4;

/// One report block of an SR or RR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    /// 1/256ths, since the last report.
    pub(crate) fraction_lost: u8,
    /// Signed 24 bits.
    pub(crate) cumulative_lost: i32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    /// Middle 32 bits of the last SR's NTP time, 0 for none.
    pub(crate) last_report: u32,
    /// Time since that SR, 1/65,536 s.
    pub(crate) delay: u32,
}
