//! How bytes of a proxied connection are kept on their way for a while.

use super::Rule;
use crate::clock;
use std::{collections::VecDeque, io, time::Duration};
use tokio::{io::AsyncWriteExt, net::tcp};

/// Bytes that are on their way for longer than usual.
#[derive(Debug, Default)]
pub(super) struct Late(VecDeque<(u64, Vec<u8>)>);

impl Late {
    /// Passes bytes on at once, or when they are due and what came before them has gone.
    pub(super) async fn carry(&mut self, rule: Rule, bytes: &[u8], to: &mut tcp::WriteHalf<'_>) -> io::Result<()> {
        match rule {
            Rule::Delay(by) => {
                self.0.push_back((clock::now_us() + by.as_micros() as u64, bytes.to_vec()));
                Ok(())
            }
            Rule::Pass | Rule::Stall | Rule::StallAnswers | Rule::Slow(_) | Rule::HalfClosed | Rule::Deaf => {
                self.write_due(rule, to).await?;
                to.write_all(bytes).await
            }
        }
    }

    /// Waits until the first bytes are due, which is now if nothing is delayed any more; for ever without any.
    pub(super) async fn is_due(&self, rule: Rule) {
        match (self.0.front(), rule) {
            (None, _) => std::future::pending().await,
            (Some((due_us, _)), Rule::Delay(_)) => {
                tokio::time::sleep(Duration::from_micros(due_us.saturating_sub(clock::now_us()))).await;
            }
            (Some(_), _) => {}
        }
    }

    pub(super) async fn write_due(&mut self, rule: Rule, to: &mut tcp::WriteHalf<'_>) -> io::Result<()> {
        let is_delayed = matches!(rule, Rule::Delay(_));
        while let Some((due_us, bytes)) = self.0.front()
            && (!is_delayed || *due_us <= clock::now_us())
        {
            to.write_all(bytes).await?;
            self.0.pop_front();
        }
        Ok(())
    }
}
