//! What is done next in one conversation: a random mix of everything that the model knows.

use super::plan::{ConversationPlan, Member};
use conversation_protocol::{UserId, conversation::AT_ALL};
use rand::{Rng, rngs::SmallRng, seq::IndexedRandom};
use serde_json::{Value, json};

/// Mentions in one conversation, below the 100 that a row keeps.
const MENTIONS_MAX: u32 = 90;
/// Gaps in what counts in one conversation, below the 256 ranges that a row keeps.
const GAPS_MAX: u32 = 200;
/// How far back reads, revokes and modifications reach, in messages; a row keeps the times of 256.
const RECENT: u64 = 50;

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operation {
    /// Who calls: a user of the conversation, or the backend.
    pub(super) caller: Caller,
    pub(super) method: &'static str,
    pub(super) params: Value,
    /// The seq of a message whose arrival as a preview can be timed.
    pub(super) timed_seq: Option<u64>,
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// With the API key.
    Backend,
    /// One of the members, by its place in the conversation.
    Member(usize),
}

/// One conversation, as far as what comes next depends on what came before.
#[derive(Debug)]
pub(super) struct Conversation {
    plan: ConversationPlan,
    name: String,
    random: SmallRng,
    next_seq: u64,
    /// A seq that was left out and comes late.
    skipped: Option<u64>,
    revision: u64,
    mentions: u32,
    gaps: u32,
    /// The time of seq 0, in seconds; each message is a second later.
    epoch_s: u64,
    last_sent: Option<Operation>,
    /// Whether only calls are made whose order does not matter.
    is_unordered: bool,
}

impl Conversation {
    pub(super) fn new(plan: ConversationPlan, name: String, random: SmallRng, epoch_s: u64) -> Self {
        Self {
            plan,
            name,
            random,
            next_seq: 1,
            skipped: None,
            revision: 0,
            mentions: 0,
            gaps: 0,
            epoch_s,
            last_sent: None,
            is_unordered: false,
        }
    }

    /// Only calls whose order does not matter, even if one is done again much later: messages, revokes and reads.
    pub(super) fn unordered(self) -> Self {
        Self { is_unordered: true, ..self }
    }

    pub(super) fn plan(&self) -> &ConversationPlan {
        &self.plan
    }

    /// The first message, which makes all the rows.
    pub(super) fn first(&mut self) -> Operation {
        let seq = self.take_seq();
        let message = self.message(seq);
        self.send(message)
    }

    /// What is done next.
    pub(super) fn next(&mut self) -> Operation {
        if let Some(seq) = self.skipped
            && self.random.random_bool(0.4)
        {
            self.skipped = None;
            let message = self.message(seq);
            return self.send(message);
        }
        if self.is_unordered {
            return match self.random.random_range(0..100) {
                0..75 => self.sent(),
                75..85 => self.revoked(),
                _ => self.read_up_to(),
            };
        }
        match self.random.random_range(0..1000) {
            0..640 => self.sent(),
            640..680 => self.foldered(),
            680..700 => {
                self.last_sent.clone().map_or_else(|| self.sent(), |again| Operation { timed_seq: None, ..again })
            }
            700..725 => self.revoked(),
            725..735 => self.message_deleted(),
            735..775 => self.modified(),
            775..790 => self.marked(),
            790..800 => self.member_call("setConversationCustomData", |s, member| {
                let data = format!("data {}", s.next_seq);
                json!({"conversationIDList": [member.conversation_id], "customData": data})
            }),
            800..805 => self
                .member_call("getConversations", |_, member| json!({"conversationIDList": [member.conversation_id]})),
            805..875 => self.read(),
            875..900 => self.member_call("setReceiveMessageOpt", |s, member| {
                let recv_opt = *[0, 0, 1, 2, 3, 4].choose(&mut s.random).unwrap_or(&0);
                json!({"conversationIDList": [member.conversation_id], "recvOpt": recv_opt})
            }),
            900..920 => self.pinned(),
            920..945 => self.member_call("setConversationDraft", |s, member| {
                let text = if s.random.random_bool(0.3) { String::new() } else { format!("draft {}", s.next_seq) };
                json!({"conversationID": member.conversation_id, "draftText": text})
            }),
            945..949 => self.member_call(
                "deleteConversationList",
                |_, member| json!({"conversationIDList": [member.conversation_id]}),
            ),
            949..960 => {
                self.member_call("deleteConversation", |_, member| json!({"conversationID": member.conversation_id}))
            }
            960..965 => self.deleted_by_backend(),
            965..975 => {
                self.member_call("clearHistoryMessage", |_, member| json!({"conversationID": member.conversation_id}))
            }
            975..990 => self.profile(),
            _ => self.joined(),
        }
    }

    fn take_seq(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq - 1
    }

    /// A seq of a message that was sent lately, or of one that has not come yet.
    fn recent_seq(&mut self) -> u64 {
        if let Some(skipped) = self.skipped {
            return skipped;
        }
        let newest = self.next_seq - 1;
        self.random.random_range(newest.saturating_sub(RECENT).max(1)..=newest.max(1))
    }

    fn member(&mut self) -> usize {
        self.random.random_range(0..self.plan.members.len())
    }

    fn message(&mut self, seq: u64) -> Value {
        let mut message = json!({
            "msgID": format!("{}-{seq}", self.name), "seq": seq, "timestamp": self.epoch_s + seq,
            "text": format!("message {seq} of {}", self.name), "nickName": "Somebody",
        });
        if self.random.random_bool(0.06) {
            message["isExcludedFromLastMessage"] = true.into();
        }
        if self.gaps < GAPS_MAX && self.random.random_bool(0.06) {
            self.gaps += 1;
            message["isExcludedFromUnreadCount"] = true.into();
        }
        if self.plan.group.is_some() && self.mentions < MENTIONS_MAX && self.random.random_bool(0.08) {
            self.mentions += 1;
            let member = self.member();
            let one = self.plan.members[member].id.to_string();
            message["atUserList"] = match self.random.random_range(0..3) {
                0 => json!([one]),
                1 => json!([AT_ALL]),
                _ => json!([AT_ALL, one]),
            };
        }
        message
    }

    /// The conversation, the sender and the recipients, as most of the backend's calls name them.
    fn about(&mut self) -> Value {
        let sender = self.member();
        let sender_id = self.plan.members[sender].id.clone();
        match &self.plan.group {
            Some(group) => {
                let group_type = if self.plan.is_audience { "AVChatRoom" } else { "Work" };
                let recipients: Vec<&UserId> = self.plan.members.iter().map(|member| &member.id).collect();
                json!({"conversation": {"type": 2, "groupID": group, "groupType": group_type},
                    "sender": sender_id, "recipients": recipients})
            }
            None => {
                let peer = &self.plan.members[1 - sender].id;
                json!({"conversation": {"type": 1}, "sender": sender_id, "recipients": [peer]})
            }
        }
    }

    fn backend(&self, method: &'static str, params: Value) -> Operation {
        Operation { caller: Caller::Backend, method, params, timed_seq: None }
    }

    fn send(&mut self, message: Value) -> Operation {
        let mut params = self.about();
        let is_timed = message.get("isExcludedFromLastMessage").is_none();
        let timed_seq = message["seq"].as_u64().filter(|_| is_timed);
        params["message"] = message;
        if !self.is_unordered && self.random.random_bool(0.1) {
            let name = format!("named {}", self.next_seq);
            if self.plan.group.is_some() {
                params["conversation"]["showName"] = name.into();
            } else {
                let sender = params["sender"].as_str().unwrap_or_default().to_owned();
                params["profiles"] = json!({sender: {"showName": name, "faceUrl": "f"}});
            }
        }
        let operation = Operation { timed_seq, ..self.backend("sendMessage", params) };
        self.last_sent = Some(operation.clone());
        operation
    }

    fn sent(&mut self) -> Operation {
        let mut seq = self.take_seq();
        if self.skipped.is_none() && self.random.random_bool(0.03) {
            self.skipped = Some(seq);
            seq = self.take_seq();
        }
        let message = self.message(seq);
        self.send(message)
    }

    fn revoked(&mut self) -> Operation {
        if self.gaps >= GAPS_MAX {
            return self.sent();
        }
        self.gaps += 1;
        let seq = self.recent_seq();
        let mut params = self.about();
        params["msgID"] = format!("{}-{seq}", self.name).into();
        params["seq"] = seq.into();
        if self.random.random_bool(0.5) {
            params["revoker"] = "admin".into();
            params["revokeReason"] = "spam".into();
        }
        self.backend("revokeMessage", params)
    }

    /// Mostly the newest, which is likely to be the preview.
    fn message_deleted(&mut self) -> Operation {
        if self.gaps >= GAPS_MAX {
            return self.sent();
        }
        self.gaps += 1;
        let seq = if self.random.random_bool(0.6) { (self.next_seq - 1).max(1) } else { self.recent_seq() };
        let mut params = self.about();
        params["msgID"] = format!("{}-{seq}", self.name).into();
        params["seq"] = seq.into();
        if seq > 1 && self.random.random_bool(0.7) {
            let before = seq - 1;
            params["previousMessage"] = json!({
                "msgID": format!("{}-{before}", self.name), "seq": before, "timestamp": self.epoch_s + before,
                "text": format!("message {before} again"), "sender": params["sender"],
            });
        }
        self.backend("deleteMessage", params)
    }

    fn marked(&mut self) -> Operation {
        self.member_call("markConversation", |s, member| {
            let mark_type = match s.random.random_range(0..4) {
                0 => json!(1),
                1 => json!("9223372036854775810"),
                2 => json!([2, "4294967296"]),
                _ => json!(1_u64 << 62),
            };
            let enable = s.random.random_bool(0.6);
            json!({"conversationIDList": [member.conversation_id], "markType": mark_type, "enableMark": enable})
        })
    }

    /// Something with the conversation groups that only this conversation goes into.
    fn foldered(&mut self) -> Operation {
        let (action, one, other) = (self.random.random_range(0..12), self.random.random_bool(0.5), 'a'..='b');
        let members: Vec<_> = self.plan.members.iter().enumerate().filter(|(_, member)| member.has_session).collect();
        let Some((member, number, id)) = members
            .choose(&mut self.random)
            .and_then(|(place, member)| Some((*place, member.folder?, member.conversation_id.clone())))
        else {
            return self.sent();
        };
        let mut names: Vec<String> = other.map(|letter| format!("folder {number} {letter}")).collect();
        if one {
            names.reverse();
        }
        let ids = json!([id]);
        let (method, params) = match action {
            0..3 => ("createConversationGroup", json!({"groupName": names[0], "conversationIDList": ids})),
            3 => ("createConversationGroup", json!({"groupName": names[0]})),
            4..7 => ("addConversationsToGroup", json!({"groupName": names[0], "conversationIDList": ids})),
            7..9 => ("deleteConversationsFromGroup", json!({"groupName": names[0], "conversationIDList": ids})),
            9..11 => ("renameConversationGroup", json!({"oldName": names[0], "newName": names[1]})),
            _ => ("deleteConversationGroup", json!({"groupName": names[0]})),
        };
        Operation { caller: Caller::Member(member), method, params, timed_seq: None }
    }

    fn modified(&mut self) -> Operation {
        // Mostly the newest, which is likely to be the preview.
        let seq = if self.random.random_bool(0.7) { (self.next_seq - 1).max(1) } else { self.recent_seq() };
        let mut params = self.about();
        self.revision += 1;
        params["message"] = json!({
            "msgID": format!("{}-{seq}", self.name), "seq": seq, "timestamp": self.epoch_s + seq,
            "text": format!("edit {}", self.revision), "cloudCustomData": "edited",
        });
        if self.random.random_bool(0.7) {
            params["revision"] = self.random.random_range(1..=self.revision).into();
        }
        self.backend("modifyMessage", params)
    }

    /// A member's own call, by one with a session; without any, a message instead.
    fn member_call(&mut self, method: &'static str, params: impl FnOnce(&mut Self, &Member) -> Value) -> Operation {
        let first = self.member();
        let count = self.plan.members.len();
        let found = (0..count).map(|n| (first + n) % count).find(|member| self.plan.members[*member].has_session);
        let Some(member) = found else { return self.sent() };
        let of = self.plan.members[member].clone();
        let params = params(self, &of);
        Operation { caller: Caller::Member(member), method, params, timed_seq: None }
    }

    fn read(&mut self) -> Operation {
        let seq = self.recent_seq();
        let (mut timestamp, mut sequence) = (0, 0);
        match self.random.random_range(0..10) {
            0..6 => {}
            6..8 => sequence = seq,
            8 => sequence = self.next_seq + 2,
            _ if self.plan.group.is_none() => timestamp = self.epoch_s + seq,
            _ => sequence = seq,
        }
        let by_backend = self.random.random_bool(0.2);
        let params = |member: &Member| json!({"conversationID": member.conversation_id, "cleanTimestamp": timestamp, "cleanSequence": sequence});
        if by_backend {
            let member = self.member();
            let member = &self.plan.members[member];
            let mut params = params(member);
            params["userID"] = member.id.to_string().into();
            return self.backend("markRead", params);
        }
        self.member_call("cleanConversationUnreadMessageCount", |_, member| params(member))
    }

    /// A read of messages that were sent before, by the backend.
    fn read_up_to(&mut self) -> Operation {
        let (seq, member) = (self.recent_seq().min(self.next_seq - 1), self.member());
        let member = &self.plan.members[member];
        let params = json!({"userID": member.id, "conversationID": member.conversation_id, "cleanTimestamp": 0, "cleanSequence": seq});
        self.backend("markRead", params)
    }

    fn pinned(&mut self) -> Operation {
        let is_pinned = self.random.random_bool(0.5);
        self.member_call(
            "pinConversation",
            |_, member| json!({"conversationID": member.conversation_id, "isPinned": is_pinned && member.may_pin}),
        )
    }

    fn deleted_by_backend(&mut self) -> Operation {
        let member = self.member();
        let member = &self.plan.members[member];
        let params = json!({"recipients": [member.id], "conversationID": member.conversation_id});
        self.backend("deleteConversation", params)
    }

    fn profile(&mut self) -> Operation {
        self.revision += 1;
        let mut conversation = match &self.plan.group {
            Some(group) => json!({"type": 2, "groupID": group}),
            None => json!({"type": 1, "userID": self.plan.members[0].id}),
        };
        conversation["showName"] = format!("profile {}", self.revision).into();
        let recipients: Vec<&UserId> = match &self.plan.group {
            Some(_) => self.plan.members.iter().map(|member| &member.id).collect(),
            None => vec![&self.plan.members[1].id],
        };
        let mut params = json!({"conversation": conversation, "recipients": recipients});
        if self.random.random_bool(0.5) {
            params["revision"] = self.random.random_range(1..=self.revision).into();
        }
        self.backend("setProfile", params)
    }

    fn joined(&mut self) -> Operation {
        let Some(group) = self.plan.group.clone() else { return self.sent() };
        let member = self.member();
        let recipients = json!([self.plan.members[member].id]);
        let mut params = json!({"conversation": {"type": 2, "groupID": group}, "recipients": recipients});
        if self.random.random_bool(0.7) {
            params["seq"] = (self.next_seq - 1).max(1).into();
        }
        self.backend("joinGroup", params)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Plan, PlanSize};
    use super::*;
    use conversation_protocol::{method::ClientCall, server::ServerCall};
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_of_call_comes_and_the_protocol_takes_it() {
        let size = PlanSize { run: "t".to_owned(), sessions: 20, conversations_per_user: 8, recipients: 5 };
        let plan = Plan::new(&size, &mut SmallRng::seed_from_u64(1));
        let mut methods = BTreeSet::new();
        for (n, conversation) in plan.conversations.into_iter().enumerate() {
            let random = SmallRng::seed_from_u64(n as u64);
            let mut conversation = Conversation::new(conversation, format!("c{n}"), random, 1_000);
            for operation in
                std::iter::once(conversation.first()).chain((0..200).map(|_| conversation.next())).collect::<Vec<_>>()
            {
                let params = operation.params.to_string();
                match operation.caller {
                    Caller::Backend => ServerCall::parse(operation.method, &params).map(|_| ()),
                    Caller::Member(_) => ClientCall::parse(operation.method, &params).map(|_| ()),
                }
                .unwrap_or_else(|error| panic!("{} {params}: {error}", operation.method));
                methods.insert((operation.caller == Caller::Backend, operation.method));
            }
        }
        assert_eq!(methods.len(), 23, "{methods:?}");
    }
}
