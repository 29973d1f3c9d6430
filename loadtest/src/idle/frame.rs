//! How each session gets one frame of a certain size: its user's list is imported.

use crate::crowd::{Crowd, rows::Rows};

/// Bytes of such a row in a frame without its text, about, and with the longest that it is made with.
const ROW_BYTES: u32 = 500;
const LONG_ROW_BYTES: u32 = 1_300;

/// What every session got.
pub(super) struct Sent {
    pub(super) rows: u32,
    /// Bytes of each session's largest frame: the least and the most of them.
    pub(super) bytes: (u64, u64),
}

/// Imports everybody's rows, which make a frame of about so many bytes, and waits until every session has it.
pub(super) async fn send(bytes: u32, crowd: &Crowd, rows: &Rows) -> Result<Sent, String> {
    let (count, text_bytes) = rows_of(bytes);
    crowd.forget_received().await?;
    rows.import(count, text_bytes).await?;
    crowd.wait_for_rows(count as usize).await?;
    let largest = crowd.received().await?.largest;
    Ok(Sent { rows: count, bytes: largest.unwrap_or_default() })
}

/// Rows, and bytes of the text of each.
fn rows_of(bytes: u32) -> (u32, usize) {
    let rows = bytes.div_ceil(LONG_ROW_BYTES);
    (rows, (bytes / rows).saturating_sub(ROW_BYTES) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation_protocol::limits::{FRAME_ROWS_MAX, TEXT_BYTES_MAX};

    #[test]
    fn a_frame_is_made_of_few_rows_with_long_texts() {
        assert_eq!(rows_of(20_000), (16, 750));
        for bytes in [1_000, 1_300, 1_301, 20_000, 120_000] {
            let (rows, text_bytes) = rows_of(bytes);
            assert!(rows as usize <= FRAME_ROWS_MAX && text_bytes <= TEXT_BYTES_MAX, "{bytes}");
            let sum = rows * (ROW_BYTES + text_bytes as u32);
            assert!(sum.abs_diff(bytes) <= rows, "{bytes}: {sum}");
        }
    }
}
