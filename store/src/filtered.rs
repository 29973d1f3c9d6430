//! How a page of the rows that pass a filter is read: first what filters ask for, then the rows that pass.

use crate::{FacetPage, Store, StoreError};
use conversation_protocol::{Conversation, Facets, Filter, Page, RowState, UserId, limits::FILTER_SCAN_ROWS_MAX};

/// Rows whose facets are read in one trip, so that no trip keeps a store busy for long.
const TRIP_ROWS: u32 = 1_000;

/// The first `count` rows below an orderKey (exclusive; 0: from the top) that pass a filter, with the head from before
/// the first of them was read. Looks at no more than [`FILTER_SCAN_ROWS_MAX`] rows of the list and reads only the rows
/// that pass; may give fewer than `count`, and still not be the last page.
///
/// # Errors
/// As [`Store::facets`] and [`Store::rows`].
pub async fn filtered_page(
    store: &dyn Store,
    user: &UserId,
    filter: &Filter,
    below: u64,
    count: u32,
) -> Result<Page, StoreError> {
    let (mut head, mut next_seq, mut is_finished) = (None, below, false);
    let (mut scanned, mut passing) = (0, Vec::new());
    // One more than asked for shows that the page is not the last, without another page that would be empty.
    let wanted = count as usize + 1;
    while !is_finished && passing.len() < wanted && scanned < FILTER_SCAN_ROWS_MAX {
        let FacetPage { head: now, rows, is_finished: is_last } = store.facets(user, next_seq, TRIP_ROWS).await?;
        head.get_or_insert(now);
        is_finished = is_last;
        scanned += rows.len();
        for row in rows {
            if filter.matches(&row.conversation_id, &row.facets) {
                if passing.len() == count as usize {
                    passing.push(row.conversation_id);
                    is_finished = false;
                    break;
                }
                passing.push(row.conversation_id);
            }
            next_seq = row.order_key;
        }
    }
    passing.truncate(count as usize);
    let (now, found) = store.rows(user, &passing).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in found.into_iter().flatten() {
        // It may have changed since its facets were read: the change is newer than the page's head, and tells itself.
        if passes(filter, &row)? {
            rows.push(row);
        }
    }
    Ok(Page { head: head.unwrap_or(now), rows, next_seq, is_finished })
}

fn passes(filter: &Filter, row: &RowState) -> Result<bool, StoreError> {
    let conversation: Conversation = serde_json::from_str(&row.json)
        .map_err(|error| StoreError::Corrupt(format!("a row of {} bytes: {error}", row.json.len())))?;
    Ok(filter.matches(&row.conversation_id, &Facets::of(&conversation)))
}
