//! How is a metric made and registered?

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

/// Makes metrics whose names begin with `gateway_`.
pub(super) struct Registrar<'a>(&'a Registry);

impl<'a> Registrar<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self(registry)
    }

    pub(super) fn add(&self, metric: impl Collector + 'static) {
        self.0.register(Box::new(metric)).expect("the metric's name is new");
    }

    fn made<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let metric = made.expect("the metric's name and labels are valid");
        self.add(metric.clone());
        metric
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.made(IntCounter::with_opts(opts(name, help)))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.made(IntCounterVec::new(opts(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.made(IntGauge::with_opts(opts(name, help)))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.made(IntGaugeVec::new(opts(name, help), labels))
    }

    /// A gauge of seconds.
    pub(super) fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.made(Gauge::with_opts(opts(name, help)))
    }

    /// Gauges of seconds.
    pub(super) fn seconds_by(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.made(GaugeVec::new(opts(name, help), labels))
    }

    /// `buckets`: their upper bounds, in seconds.
    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.made(Histogram::with_opts(histogram_opts(name, help, buckets)))
    }

    /// `buckets`: their upper bounds, in seconds.
    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.made(HistogramVec::new(histogram_opts(name, help, buckets), labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("gateway_{name}"), help)
}

fn histogram_opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(format!("gateway_{name}"), help).buckets(buckets.to_vec())
}
