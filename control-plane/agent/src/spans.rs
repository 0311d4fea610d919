//! Spans of what people wait for and of what lives long: a control plane's requests, an edge's joins, links and rooms.
//! Never anything per packet.
//!
//! Off unless `[telemetry] otlp` names a collector; a [`Span`] then is nothing and costs a look at a pointer. The control
//! plane puts the context of a join's span into the join token ([`Span::traceparent`]), and the edge goes on from there
//! ([`Span::within`]), so that one join is one trace across nodes. Who a person is is in no span: a collector is no part of
//! the school.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use parking_lot::Mutex;

mod export;

pub(crate) use export::start;
pub use export::{flush, register};

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// `00-{trace id}-{span id}-{flags}` (W3C Trace Context, section 3.2).
const TRACEPARENT_BYTES: usize = 55;

/// Something with a beginning and an end; it ends when it is dropped.
#[derive(Debug, Default)]
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

impl Span {
    /// A request answered, at the beginning of a trace. What a caller from outside says of a trace of its own is not
    /// taken: anybody could have everything recorded.
    #[must_use]
    pub fn request(name: impl Into<Cow<'static, str>>) -> Self {
        Self::begin(name.into(), SpanKind::Server, None)
    }

    /// Part of the trace that `traceparent` names; the beginning of one when that is empty or malformed.
    #[must_use]
    pub fn within(traceparent: &str, name: &'static str) -> Self {
        Self::begin(name.into(), SpanKind::Server, parent(traceparent))
    }

    /// Something this node does by itself.
    #[must_use]
    pub fn internal(name: &'static str) -> Self {
        Self::begin(name.into(), SpanKind::Internal, None)
    }

    fn begin(name: Cow<'static, str>, kind: SpanKind, parent: Option<SpanContext>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let context =
            parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        Self(Some(Box::new(tracer.build_with_context(builder, &context))))
    }

    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// With the room that it is about.
    #[must_use]
    pub fn of_room(mut self, name: &str, sid: &str) -> Self {
        if self.0.is_some() {
            self.set("room", name.to_owned());
            self.set("room_sid", sid.to_owned());
        }
        self
    }

    /// With the node it happens on.
    #[must_use]
    pub fn on(mut self, node: &str, region: &str) -> Self {
        if self.0.is_some() {
            self.set("node", node.to_owned());
            self.set("region", region.to_owned());
        }
        self
    }

    /// It did not come to a good end.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(why));
        }
    }

    /// For whoever goes on elsewhere; `None` while nothing is exported. Says too whether the trace is recorded, so that all
    /// of it is or nothing.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span_context();
        let flags = context.trace_flags().to_u8() & 1;
        Some(format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
    }
}

/// A span that the layer around a handler and the handler share.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Span>>);

impl Shared {
    #[must_use]
    pub fn new(span: Span) -> Self {
        Self(Arc::new(Mutex::new(span)))
    }

    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        self.0.lock().set(key, value);
    }

    pub fn fail(&self, why: impl Into<Cow<'static, str>>) {
        self.0.lock().fail(why);
    }

    /// [`Span::traceparent`]
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.0.lock().traceparent()
    }
}

fn parent(traceparent: &str) -> Option<SpanContext> {
    if traceparent.len() != TRACEPARENT_BYTES || !traceparent.is_ascii() {
        return None;
    }
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != "00" || (trace.len(), span.len(), flags.len()) != (32, 16, 2) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::new(flags & 1), true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_taken_when_it_is_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = parent(good).expect("a parent");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let all_zero = good.replace(|c: char| c.is_ascii_hexdigit() && c != '0', "0");
        let long = format!("{good}0");
        let other = good.replacen("00", "01", 1);
        let not_hex = good.replace('b', "x");
        for bad in
            ["", "x", &good[1..], &long, &all_zero, &other, &not_hex, &"가".repeat(18), &"-".repeat(55)]
        {
            assert_eq!(parent(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_a_collector_a_span_is_nothing() {
        let mut span = Span::internal("room").on("node", "region").of_room("room", "sid");
        span.fail("for a reason");
        assert_eq!(span.traceparent(), None);
    }
}
