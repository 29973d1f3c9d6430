//! What a node says at `/metrics`, in the text form that Prometheus reads.

use crate::http::{BaseUrl, CallError, Http};

/// The samples of one answer.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Vec<(String, f64)>);

/// Asks a node.
pub async fn scrape(http: &Http, url: &BaseUrl) -> Result<Metrics, CallError> {
    let (_, text) = http.text(url, "/metrics").await?;
    Ok(Metrics::read(&text))
}

impl Metrics {
    fn read(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.split('{').next().unwrap_or(name).to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// A metric summed up over its labels; 0 where there is none.
    pub fn sum(&self, name: &str) -> f64 {
        self.0.iter().filter(|(of, _)| of == name).map(|(_, value)| value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_up_over_its_labels() {
        let metrics = Metrics::read(
            "# HELP a_total of 7\na_total{code=\"4200\"} 2\na_total{code=\"4201\"} 3\na_total_of 9\nb 1.5\nnonsense\n",
        );
        assert_eq!((metrics.sum("a_total"), metrics.sum("b"), metrics.sum("c")), (5.0, 1.5, 0.0));
    }
}
