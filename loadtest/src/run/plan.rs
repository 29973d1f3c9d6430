//! Who takes part in a run: users with their devices, and the conversations between them.

use conversation_protocol::{ConversationId, GroupId, UserId};
use rand::{Rng, rngs::SmallRng};
use std::collections::{BTreeSet, HashMap};

/// Rows of one user that may be pinned in a run, well below the limit of 50.
const PINNABLE_PER_USER: usize = 20;
/// Rows of one user with conversation groups (folders) of their own, two each: well below the limit of 20 groups.
const FOLDERED_PER_USER: usize = 8;

/// A session to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionPlan {
    /// Index of the user.
    pub(super) user: usize,
    /// The how-manieth device of that user.
    pub(super) device: usize,
}

/// One conversation, with everybody who has a row for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConversationPlan {
    /// The group; `None` between two users.
    pub(super) group: Option<GroupId>,
    pub(super) is_audience: bool,
    pub(super) members: Vec<Member>,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Index of the user.
    pub(super) user: usize,
    pub(super) id: UserId,
    pub(super) conversation_id: ConversationId,
    pub(super) has_session: bool,
    pub(super) may_pin: bool,
    /// The number of the conversation groups that only this conversation of the user goes into, if it has some.
    pub(super) folder: Option<usize>,
}

/// Everybody and everything of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) users: Vec<UserId>,
    pub(super) sessions: Vec<SessionPlan>,
    pub(super) conversations: Vec<ConversationPlan>,
}

/// How large a run is.
#[derive(Debug, Clone)]
pub(super) struct PlanSize {
    /// Goes into every id, so that runs do not meet in a store.
    pub(super) run: String,
    pub(super) sessions: usize,
    pub(super) conversations_per_user: usize,
    pub(super) recipients: usize,
}

impl Plan {
    /// Half of the conversations are groups of `recipients` members, half are between two users.
    pub(super) fn new(size: &PlanSize, random: &mut SmallRng) -> Self {
        let sessions = sessions(size.sessions);
        let with_session = sessions.iter().map(|session| session.user + 1).max().unwrap_or(0);
        let group_size = size.recipients.max(2);
        let count = with_session.max(group_size).max(2);
        let users: Vec<UserId> =
            (0..count).map(|n| format!("{}-u{n}", size.run).parse().expect("a short id")).collect();
        let mut rows_of: HashMap<usize, usize> = HashMap::new();
        let mut member = |user: usize, conversation_id: ConversationId| {
            let rows = rows_of.entry(user).or_default();
            *rows += 1;
            let may_pin = *rows <= PINNABLE_PER_USER;
            let folder = (*rows <= FOLDERED_PER_USER).then_some(*rows - 1);
            let has_session = user < with_session;
            Member { user, id: users[user].clone(), conversation_id, has_session, may_pin, folder }
        };
        let mut conversations = Vec::new();
        let rows = count * size.conversations_per_user;
        for n in 0..(rows / 2).div_ceil(group_size) {
            let group: GroupId = format!("{}-g{n}", size.run).parse().expect("a short id");
            let id = ConversationId::group(&group);
            let chosen = rand::seq::index::sample(random, count, group_size);
            let members = chosen.into_iter().map(|user| member(user, id.clone())).collect();
            conversations.push(ConversationPlan { group: Some(group), is_audience: n % 20 == 19, members });
        }
        let mut pairs = BTreeSet::new();
        // Few users have fewer pairs than asked for; the bound ends the search.
        for _ in 0..rows {
            if pairs.len() >= rows / 4 {
                break;
            }
            let (a, b) = (random.random_range(0..count), random.random_range(0..count));
            if a != b && pairs.insert((a.min(b), a.max(b))) {
                let members =
                    vec![member(a, ConversationId::c2c(&users[b])), member(b, ConversationId::c2c(&users[a]))];
                conversations.push(ConversationPlan { group: None, is_audience: false, members });
            }
        }
        Self { users, sessions, conversations }
    }
}

/// Every third user has two devices, every twelfth three.
fn sessions(count: usize) -> Vec<SessionPlan> {
    let devices = |user: usize| match user % 12 {
        11 => 3,
        2 | 5 | 8 => 2,
        _ => 1,
    };
    (0..count).flat_map(|user| (0..devices(user)).map(move |device| SessionPlan { user, device })).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn plan(sessions: usize, recipients: usize) -> Plan {
        let size = PlanSize { run: "t".to_owned(), sessions, conversations_per_user: 8, recipients };
        Plan::new(&size, &mut SmallRng::seed_from_u64(7))
    }

    #[test]
    fn there_are_as_many_sessions_as_asked_and_some_users_have_several() {
        let plan = plan(100, 5);
        assert_eq!(plan.sessions.len(), 100);
        assert!(plan.users.len() < 100 && plan.sessions.iter().any(|session| session.device == 2));
    }

    #[test]
    fn nobody_has_two_rows_for_one_conversation_or_too_many_pins() {
        let plan = plan(30, 6);
        let mut rows = BTreeSet::new();
        let mut pins: HashMap<usize, usize> = HashMap::new();
        for member in plan.conversations.iter().flat_map(|conversation| &conversation.members) {
            assert!(rows.insert((member.user, member.conversation_id.clone())), "{member:?}");
            *pins.entry(member.user).or_default() += usize::from(member.may_pin);
        }
        assert!(pins.values().all(|pins| *pins <= PINNABLE_PER_USER));
    }

    #[test]
    fn one_session_still_has_somebody_to_talk_to() {
        let plan = plan(1, 2);
        assert_eq!((plan.sessions.len(), plan.users.len()), (1, 2));
        assert!(!plan.conversations.is_empty());
    }
}
