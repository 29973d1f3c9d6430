//! Spans that are sent to a collector, in batches and by a thread of their own, as OTLP over HTTP.

use crate::{
    config::{Config, ConfigError},
    outgoing,
};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
        Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider, Span as SdkSpan},
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use ureq::Agent;

/// How long the collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last spans may take when the node goes.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of a collector's answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// A traceparent of this version: version, trace, span, flags.
const VERSION: &str = "00";

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Begins to trace, if a collector is configured; once in a process.
///
/// # Errors
/// Where the collector's address cannot be used.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let Some(endpoint) = &config.otlp_endpoint else { return Ok(()) };
    let wrong = |problem: String| ConfigError(format!("--otlp-endpoint: {problem}"));
    let agent = outgoing::agent(endpoint.starts_with("https://"), EXPORT_TIMEOUT).map_err(wrong)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector(agent))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.otlp_ratio))))
        .with_resource(Resource::builder().with_service_name("conversation-gateway").build())
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("conversation-gateway");
    // Only a second start would be refused, and there is none.
    let _ = TRACES.set(Traces { provider, tracer });
    Ok(())
}

/// Sends what is left. Blocks.
pub fn stop() {
    if let Some(traces) = TRACES.get()
        && let Err(error) = traces.provider.shutdown_with_timeout(STOP_PATIENCE)
    {
        tracing::warn!(%error, "the last spans were not sent");
    }
}

/// A span, until it is dropped.
pub struct Span(Option<SdkSpan>);

/// A backend's call begins; `parent` is the W3C traceparent that came with it.
pub fn call(method: &str, parent: Option<&str>) -> Span {
    Span::begin(method, SpanKind::Server, parent)
}

/// A change that was made by a call, which is traced at `parent`, has come to a session.
pub fn delivery(parent: &str, transport: &'static str) -> Span {
    let mut span = Span::begin("deliver", SpanKind::Consumer, Some(parent));
    if let Some(span) = &mut span.0 {
        span.set_attribute(KeyValue::new("gateway.transport", transport));
    }
    span
}

impl Span {
    fn begin(name: &str, kind: SpanKind, parent: Option<&str>) -> Self {
        let Some(traces) = TRACES.get() else { return Self(None) };
        let context = match parent.and_then(read) {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let builder = traces.tracer.span_builder(name.to_owned()).with_kind(kind);
        Self(Some(traces.tracer.build_with_context(builder, &context)))
    }

    /// Its W3C traceparent, if it is one of those that are sent.
    pub fn trace(&self) -> Option<Arc<str>> {
        let context = self.0.as_ref()?.span_context();
        let write = || format!("{VERSION}-{}-{}-01", context.trace_id(), context.span_id()).into();
        context.is_sampled().then(write)
    }

    /// What it is about failed, with this error code.
    pub fn failed(&mut self, code: u32) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("gateway.error_code", i64::from(code)));
            span.set_status(Status::error(""));
        }
    }
}

/// Reads a traceparent; what is none begins a trace of its own.
fn read(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
    if !is_whole || version == "ff" || (version == VERSION && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The collector, over HTTP.
#[derive(Debug)]
struct Collector(Agent);

#[async_trait]
impl HttpClient for Collector {
    /// Blocks, as only the thread that sends spans may.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = self.0.run(request.map(|body| body.to_vec()))?.into_parts();
        let body = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_w3c_says_and_nothing_else_is() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = read(good).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(!read(&good.replace("-01", "-00")).unwrap().is_sampled());
        assert!(read(&good.replace("00-0af", "01-0af")).is_some(), "a later version begins as this one does");
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            &format!("{good}-x"),
            &good.replace("00-0af", "ff-0af"),
            &good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &good.replace("b7ad6b7169203331", "0000000000000000"),
            &good.replace("b7ad6b7169203331", "b7ad6b716920333g"),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
