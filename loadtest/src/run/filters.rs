//! Which filters a run uses, and whether filtered pages and totals are what the whole list says.

use super::verify::ServerRows;
use crate::{
    http::{BaseUrl, CallError, Http},
    model::passes,
};
use conversation_protocol::{
    Conversation, Filter, UserId,
    method::{PageResult, TotalResult},
};
use serde_json::json;

/// Every so-manieth session watches filters.
const WATCHING_EVERY: usize = 3;
/// Rows of a filtered page; small, so that most lists take several.
const PAGE_ROWS: u32 = 7;

/// Filters of every kind.
fn all() -> Vec<Filter> {
    [
        json!({}),
        json!({"type": 1, "hasUnreadCount": true}),
        json!({"type": 2}),
        json!({"markType": 1}),
        json!({"markType": [2, "9223372036854775808"]}),
        json!({"markType": 0}),
        json!({"hasGroupAtInfo": true}),
        json!({"hasUnreadCount": false}),
        json!({"conversationGroup": ""}),
        json!({"conversationGroup": "folder 0 a"}),
        json!({"conversationGroup": "folder 1 b", "type": 2}),
    ]
    .into_iter()
    .map(|filter| serde_json::from_value(filter).expect("a filter"))
    .collect()
}

/// Two filters for the how-manieth session or user, or none.
fn two(n: usize) -> Vec<Filter> {
    let all = all();
    [n, n + 1 + n % 3].map(|n| all[n % all.len()].clone()).to_vec()
}

/// What the how-manieth session watches.
pub(super) fn watched_by(session: usize) -> Vec<Filter> {
    if session.is_multiple_of(WATCHING_EVERY) { two(session / WATCHING_EVERY) } else { Vec::new() }
}

/// What the rows that pass add up to, where messages are received.
pub(super) fn total_of(rows: &[Conversation], filter: &Filter) -> u64 {
    let counts = |row: &&Conversation| u8::from(row.recv_opt) == 0 && passes(row, filter);
    rows.iter().filter(counts).map(|row| row.unread_count).sum()
}

/// Reads filtered pages and totals of a quiet user, and compares them with the whole list.
pub(super) async fn check(
    http: &Http,
    url: &BaseUrl,
    api_key: &str,
    user: &UserId,
    n: usize,
    server: &ServerRows,
) -> Result<(), String> {
    for filter in two(n) {
        let failed = |error: CallError| format!("{user}: {filter:?}: {error}");
        let (rows, total) = read(http, url, api_key, user, &filter).await.map_err(failed)?;
        let expected: Vec<&Conversation> = server.rows.iter().filter(|row| passes(row, &filter)).collect();
        if !rows.iter().eq(expected.iter().copied()) {
            let ids = |rows: &mut dyn Iterator<Item = &Conversation>| {
                rows.map(|row| row.conversation_id.to_string()).collect::<Vec<_>>()
            };
            let (rows, expected) = (ids(&mut rows.iter()), ids(&mut expected.into_iter()));
            return Err(format!("{user}: the pages of {filter:?} have {rows:?}, the list {expected:?}"));
        }
        let sum = total_of(&server.rows, &filter);
        if total != sum {
            return Err(format!("{user}: the total of {filter:?} is {total}, the sum of the rows {sum}"));
        }
    }
    Ok(())
}

async fn read(
    http: &Http,
    url: &BaseUrl,
    api_key: &str,
    user: &UserId,
    filter: &Filter,
) -> Result<(Vec<Conversation>, u64), CallError> {
    let unexpected = |error: serde_json::Error| CallError::Unanswered(format!("not the expected result: {error}"));
    let (mut rows, mut next_seq) = (Vec::new(), 0);
    // More pages than a list may have would mean that it never ends.
    for _ in 0..=5_000 {
        let params = json!({"userID": user, "filter": filter, "nextSeq": next_seq, "count": PAGE_ROWS});
        let page = http.post(url, "/server/v1/getConversationListByFilter", api_key, params.to_string()).await?;
        let page: PageResult = serde_json::from_value(page).map_err(unexpected)?;
        rows.extend(page.conversation_list);
        next_seq = page.next_seq;
        if page.is_finished {
            let params = json!({"userID": user, "filter": filter}).to_string();
            let total = http.post(url, "/server/v1/getUnreadMessageCountByFilter", api_key, params).await?;
            let total: TotalResult = serde_json::from_value(total).map_err(unexpected)?;
            return Ok((rows, total.total_unread_count));
        }
    }
    Err(CallError::Unanswered("the pages of the filter never end".to_owned()))
}
