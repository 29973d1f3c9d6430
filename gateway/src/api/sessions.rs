//! What a backend asks of a user's live sessions: which they are, and that they end.

use super::{CallResult, encode, store_error, write_error};
use crate::node::Node;
use conversation_protocol::{
    ApiError, UserId,
    server::{KickResult, KickUserParams, SessionInfo, SessionsResult},
};
use conversation_store::{SessionLease, rules::Change};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time;

/// How long a kick waits for sessions to go, and how often it looks.
const KICK_WAIT: Duration = Duration::from_secs(2);
const KICK_POLL: Duration = Duration::from_millis(40);

/// A user's sessions on all nodes, the longest connected first.
pub(super) async fn list(node: &Node, user: &UserId) -> CallResult {
    let mut leases = leases(node, user).await?;
    leases.sort_by(|a, b| (a.connected_at, &a.node, a.session).cmp(&(b.connected_at, &b.node, b.session)));
    let info = |lease: SessionLease| SessionInfo {
        device: lease.device,
        transport: lease.transport,
        node: lease.node,
        connected_at: lease.connected_at,
    };
    encode(&SessionsResult { session_list: leases.into_iter().map(info).collect() })
}

/// Ends a user's sessions on all nodes, and waits a while for them to go.
pub(super) async fn kick(node: &Arc<Node>, params: KickUserParams) -> CallResult {
    let KickUserParams { user_id, device, reason } = params;
    let live = async || -> Result<HashSet<SessionLease>, ApiError> {
        Ok(leases(node, &user_id)
            .await?
            .into_iter()
            .filter(|lease| device.is_none() || lease.device == device)
            .collect())
    };
    let before = live().await?;
    let change = Change::Kick { device: device.clone(), reason };
    node.writer.apply(user_id.clone(), change).await.map_err(write_error)?;
    let mut left = before.len();
    let mut waited = Duration::ZERO;
    while left > 0 && waited < KICK_WAIT {
        time::sleep(KICK_POLL).await;
        waited += KICK_POLL;
        left = live().await?.intersection(&before).count();
    }
    encode(&KickResult { kicked: (before.len() - left) as u64, unconfirmed: left as u64 })
}

async fn leases(node: &Node, user: &UserId) -> Result<Vec<SessionLease>, ApiError> {
    let of_users = node.store.sessions(std::slice::from_ref(user)).await;
    Ok(of_users.map_err(|error| store_error(&error))?.pop().unwrap_or_default())
}
