//! What backends and clients of a few users do, drawn at random: mostly what is usual, often what is odd.

use super::changes::Posted;
use conversation_protocol::{
    AtType, ConversationId, ConversationType, GroupAtInfo, GroupId, GroupType, RecvOpt, UserId,
    conversation::AT_ALL,
    ids::Peer,
    marks::Marks,
    method::{
        CleanUnreadParams, ClientCall, ConversationParams, ConversationsParams, CustomDataParams, DraftParams,
        GroupNameParams, GroupParams, MarkParams, PinParams, ReadScope, RecvOptParams, RenameGroupParams,
    },
    server::{
        ConversationRef, DeleteConversationParams, DeleteMessageParams, ImportParams, ImportedConversation,
        JoinGroupParams, Message, ModifyMessageParams, PreviousMessage, Profile, RevokeMessageParams,
        SendMessageParams, ServerCall, SetProfileParams, UserParams,
    },
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use std::collections::{BTreeMap, HashMap};

/// Sequences that were not yet sent when they are revoked or read.
const AHEAD_MAX: u64 = 3;
/// The group that is an AVChatRoom.
const LIVE: &str = "live";
/// Conversation groups of the first user where the list is near its limits.
const FOLDERS: u64 = 19;
const PINS: u64 = 49;
const GROUPED: u64 = 998;
/// Rows of such a list that are neither pinned nor grouped.
const PLAIN: u64 = 6;

/// The list that the first user begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// None.
    Empty,
    /// One pin and one conversation group are left.
    FewPinsLeft,
    /// Two conversations may still be put into conversation groups, beside that.
    FewGroupedLeft,
}

/// Some users and groups, and what was sent in each conversation among them.
pub(super) struct Actor {
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    beginning: Beginning,
    sent: HashMap<Place, BTreeMap<u64, (UserId, Message)>>,
    prefix: String,
    texts: u64,
}

/// A conversation as all its members share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Group(GroupId),
    /// In order, so that both sides share it.
    Pair(UserId, UserId),
}

impl Actor {
    pub(super) fn new(prefix: &str, beginning: Beginning) -> Self {
        Self {
            beginning,
            users: ["alice", "bob", "carol"].map(|name| format!("{prefix}{name}").parse().unwrap()).into(),
            groups: ["g", "h", LIVE].map(|name| format!("{prefix}{name}").parse().unwrap()).into(),
            sent: HashMap::new(),
            prefix: prefix.to_owned(),
            texts: 0,
        }
    }

    pub(super) fn users(&self) -> Vec<UserId> {
        self.users.clone()
    }

    /// What makes the list that the first user begins with.
    pub(super) fn begin(&self) -> Option<Posted> {
        let (pinned, grouped) = match self.beginning {
            Beginning::Empty => return None,
            Beginning::FewPinsLeft => (PINS, PINS / 2),
            Beginning::FewGroupedLeft => (PINS, GROUPED),
        };
        let rows = (0..grouped.max(pinned) + PLAIN).map(|number| {
            let row = serde_json::json!({
                "conversationID": self.extra(number), "isPinned": number < pinned,
                "conversationGroupList": if number < grouped { vec![folder(number % FOLDERS)] } else { Vec::new() },
            });
            serde_json::from_value(row).expect("a row to import")
        });
        Some(Posted::Server(Box::new(ServerCall::ImportConversations(ImportParams {
            user_id: self.users[0].clone(),
            conversation_list: rows.collect(),
            conversation_group_list: (0..FOLDERS).map(folder).collect(),
        }))))
    }

    /// One of the rows that a list near its limits begins with.
    fn extra(&self, number: u64) -> ConversationId {
        format!("group_{}extra{number}", self.prefix).parse().unwrap()
    }

    fn extras(&self) -> u64 {
        match self.beginning {
            Beginning::Empty => 0,
            Beginning::FewPinsLeft => PINS + PLAIN,
            Beginning::FewGroupedLeft => GROUPED + PLAIN,
        }
    }

    /// The name of a conversation group: few, so that they meet; or enough to go over the limit.
    fn name(&self, random: &mut StdRng) -> String {
        if self.extras() > 0 && random.random_bool(0.7) {
            return folder(random.random_range(0..FOLDERS + 4));
        }
        ["work", "family", "a b\n", "ü"].choose(random).unwrap().to_string()
    }

    /// The next thing that somebody does.
    pub(super) fn post(&mut self, random: &mut StdRng) -> Posted {
        if self.extras() > 0 && random.random_bool(0.3) {
            return self.go_to_a_limit(random);
        }
        match random.random_range(0..100) {
            0 => self.forget_user(random),
            1..45 => Posted::Server(Box::new(self.send(random))),
            45..51 => Posted::Server(Box::new(self.revoke(random))),
            51..55 => Posted::Server(Box::new(self.delete_message(random))),
            55..60 => Posted::Server(Box::new(self.modify(random))),
            60..64 => Posted::Server(Box::new(self.set_profile(random))),
            64..68 => Posted::Server(Box::new(self.join(random))),
            68..70 => Posted::Server(Box::new(self.delete_for_some(random))),
            70..80 => self.read(random),
            80..88 => self.change_groups(random),
            88..90 => Posted::Server(Box::new(self.import(random))),
            _ => self.call(random),
        }
    }

    /// One more pin, conversation group or grouped conversation of the first user, or one less.
    fn go_to_a_limit(&mut self, random: &mut StdRng) -> Posted {
        let user = self.users[0].clone();
        let conversation_id = self.of_user(&user, random).1;
        let call = match random.random_range(0..10) {
            0..3 => {
                let is_pinned = random.random_bool(0.7);
                ClientCall::PinConversation(PinParams { conversation_id, is_pinned, if_version: None })
            }
            3..9 => {
                let count = random.random_range(0..4);
                let conversation_id_list = (0..count).map(|_| self.of_user(&user, random).1).collect();
                let params = GroupParams { group_name: self.name(random), conversation_id_list };
                match random.random_range(0..5) {
                    0 => ClientCall::DeleteConversationsFromGroup(params),
                    1..3 => ClientCall::AddConversationsToGroup(params),
                    _ => ClientCall::CreateConversationGroup(params),
                }
            }
            _ => return Posted::Server(Box::new(self.import_of(user, random))),
        };
        Posted::Client(user, call)
    }

    /// Not of one who is near the limits, to stay there.
    fn forget_user(&self, random: &mut StdRng) -> Posted {
        let users = if self.extras() > 0 { &self.users[1..] } else { &self.users[..] };
        let user_id = users.choose(random).unwrap().clone();
        Posted::Server(Box::new(ServerCall::DeleteUser(UserParams { user_id })))
    }

    fn user(&self, random: &mut StdRng) -> UserId {
        self.users.choose(random).unwrap().clone()
    }

    /// A conversation, and one of its members.
    fn place(&self, random: &mut StdRng) -> (Place, UserId) {
        let member = self.user(random);
        let (place, _) = self.of_user(&member, random);
        (place, member)
    }

    /// The conversation as a backend names it, and whose rows it asks to change.
    fn named(&self, place: &Place, sender: &UserId, random: &mut StdRng) -> (ConversationRef, Vec<UserId>) {
        let (conversation_type, group_id, recipients) = match place {
            Place::Group(group) => {
                let mut recipients = self.users.clone();
                if random.random_bool(0.2) {
                    recipients.remove(random.random_range(0..recipients.len()));
                }
                (ConversationType::Group, Some(group.clone()), recipients)
            }
            Place::Pair(one, other) => {
                let peer = if one == sender { other } else { one };
                (ConversationType::C2c, None, vec![peer.clone()])
            }
        };
        let group_type = group_id.as_ref().and_then(|group| self.group_type(group, random));
        let conversation =
            ConversationRef { conversation_type, user_id: None, group_id, group_type, show_name: None, face_url: None };
        (conversation, recipients)
    }

    /// The kind of a group, as a backend mostly says it, but not always.
    fn group_type(&self, group: &GroupId, random: &mut StdRng) -> Option<GroupType> {
        if group.as_str().ends_with(LIVE) {
            return random.random_bool(0.8).then_some(GroupType::AVChatRoom);
        }
        *[None, None, Some(GroupType::Work), Some(GroupType::Public)].choose(random).unwrap()
    }

    fn newest(&self, place: &Place) -> u64 {
        self.sent.get(place).and_then(|sent| sent.last_key_value()).map_or(0, |(seq, _)| *seq)
    }

    /// A sequence that was sent, or nearly.
    fn seq(&self, place: &Place, random: &mut StdRng) -> u64 {
        random.random_range(1..=self.newest(place) + AHEAD_MAX)
    }

    fn message(&mut self, seq: u64, random: &mut StdRng) -> Message {
        self.texts += 1;
        let mut at_user_list = Vec::new();
        if random.random_bool(0.15) {
            at_user_list.push(self.user(random).to_string());
        }
        if random.random_bool(0.1) {
            at_user_list.push(AT_ALL.to_owned());
        }
        Message {
            msg_id: format!("m{seq}").parse().unwrap(),
            seq,
            timestamp: 1_000 + seq / 2,
            elem_type: 1,
            text: format!("text {}", self.texts),
            nick_name: String::new(),
            face_url: String::new(),
            at_user_list,
            cloud_custom_data: String::new(),
            is_excluded_from_last_message: random.random_bool(0.1),
            is_excluded_from_unread_count: random.random_bool(0.1),
        }
    }

    fn send(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, member) = self.place(random);
        let newest = self.newest(&place);
        let seq = match random.random_range(0..10) {
            0..7 => newest + 1,
            7 => newest + 3,
            _ => random.random_range(1..=newest + 1),
        };
        let known = self.sent.get(&place).and_then(|sent| sent.get(&seq)).cloned();
        let (sender, message) = known.unwrap_or_else(|| (member, self.message(seq, random)));
        self.sent.entry(place.clone()).or_default().insert(seq, (sender.clone(), message.clone()));
        let (mut conversation, recipients) = self.named(&place, &sender, random);
        let mut profiles = BTreeMap::new();
        if random.random_bool(0.2) {
            self.texts += 1;
            let profile = Profile { show_name: Some(format!("name {}", self.texts)), face_url: None };
            match conversation.conversation_type {
                ConversationType::Group => conversation.show_name = profile.show_name,
                ConversationType::C2c => _ = profiles.insert(sender.clone(), profile),
            }
        }
        ServerCall::SendMessage(SendMessageParams {
            conversation,
            sender,
            recipients,
            message,
            profiles,
            want_totals: false,
        })
    }

    fn revoke(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, sender) = self.place(random);
        let (conversation, recipients) = self.named(&place, &sender, random);
        let seq = self.seq(&place, random);
        ServerCall::RevokeMessage(RevokeMessageParams {
            conversation,
            sender,
            recipients,
            msg_id: format!("m{seq}").parse().unwrap(),
            seq,
            revoker: None,
            revoke_reason: random.random_bool(0.5).then(|| "typo".to_owned()),
        })
    }

    /// Of the newest message half of the time, since that is likely to be the preview.
    fn delete_message(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, sender) = self.place(random);
        let (conversation, recipients) = self.named(&place, &sender, random);
        let seq = if random.random_bool(0.5) { self.newest(&place).max(1) } else { self.seq(&place, random) };
        let before = self.sent.get(&place).and_then(|sent| sent.range(..seq).next_back());
        let previous = before.map(|(_, (sender, message))| PreviousMessage::new(sender.clone(), message.clone()));
        ServerCall::DeleteMessage(DeleteMessageParams {
            conversation,
            sender,
            recipients,
            msg_id: format!("m{seq}").parse().unwrap(),
            seq,
            previous_message: previous.filter(|_| random.random_bool(0.7)),
        })
    }

    fn modify(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, sender) = self.place(random);
        let (conversation, recipients) = self.named(&place, &sender, random);
        let seq = self.seq(&place, random);
        let message = Message { at_user_list: Vec::new(), ..self.message(seq, random) };
        let revision = random.random_bool(0.5).then(|| random.random_range(1..5));
        ServerCall::ModifyMessage(ModifyMessageParams { conversation, sender, recipients, message, revision })
    }

    fn set_profile(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, sender) = self.place(random);
        let (mut conversation, recipients) = self.named(&place, &sender, random);
        self.texts += 1;
        conversation.face_url = Some(format!("https://faces/{}", self.texts));
        conversation.user_id = conversation.group_id.is_none().then_some(sender);
        let revision = random.random_bool(0.5).then(|| random.random_range(1..9));
        ServerCall::SetProfile(SetProfileParams { conversation, recipients, revision })
    }

    fn join(&mut self, random: &mut StdRng) -> ServerCall {
        let group = self.groups.choose(random).unwrap().clone();
        let newest = self.newest(&Place::Group(group.clone()));
        let group_type = self.group_type(&group, random);
        ServerCall::JoinGroup(JoinGroupParams {
            conversation: ConversationRef {
                conversation_type: ConversationType::Group,
                user_id: None,
                group_id: Some(group),
                group_type,
                show_name: Some("joined".to_owned()),
                face_url: None,
            },
            recipients: vec![self.user(random)],
            seq: (newest > 0 && random.random_bool(0.5)).then_some(newest),
            message: None,
            sender: None,
        })
    }

    fn delete_for_some(&mut self, random: &mut StdRng) -> ServerCall {
        let (place, sender) = self.place(random);
        let (conversation, recipients) = self.named(&place, &sender, random);
        let conversation_id = match conversation.group_id {
            Some(group) => ConversationId::group(&group),
            None => ConversationId::c2c(&sender),
        };
        ServerCall::DeleteConversation(DeleteConversationParams { recipients, conversation_id })
    }

    /// A conversation of a user's list, or one that might be there.
    fn of_user(&self, user: &UserId, random: &mut StdRng) -> (Place, ConversationId) {
        if self.extras() > 0 && *user == self.users[0] && random.random_bool(0.6) {
            // Often one that is neither pinned nor grouped.
            let first = if random.random_bool(0.5) { self.extras() - PLAIN } else { 0 };
            let id = self.extra(random.random_range(first..self.extras()));
            let Peer::Group(group) = id.peer() else { panic!("{id} is a group") };
            return (Place::Group(group), id);
        }
        if random.random_bool(0.4) {
            let group = self.groups.choose(random).unwrap();
            return (Place::Group(group.clone()), ConversationId::group(group));
        }
        let others: Vec<&UserId> = self.users.iter().filter(|other| *other != user).collect();
        let peer = (*others.choose(random).unwrap()).clone();
        let pair = Place::Pair(user.clone().min(peer.clone()), user.clone().max(peer.clone()));
        (pair, ConversationId::c2c(&peer))
    }

    fn read(&self, random: &mut StdRng) -> Posted {
        let user = self.user(random);
        let (place, id) = self.of_user(&user, random);
        let scope = match random.random_range(0..10) {
            0 => ReadScope::All,
            1 => ReadScope::AllC2c,
            2 => ReadScope::AllGroups,
            _ => ReadScope::One(id),
        };
        let seq = self.seq(&place, random);
        let (clean_timestamp, clean_sequence) = match (&scope, random.random_range(0..3)) {
            (ReadScope::One(_), 0) => (0, seq),
            (ReadScope::One(_), 1) => (1_000 + seq / 2, 0),
            (ReadScope::One(_) | ReadScope::All | ReadScope::AllC2c | ReadScope::AllGroups, _) => (0, 0),
        };
        let conversation_id = match &scope {
            ReadScope::One(id) => id.to_string(),
            ReadScope::All => String::new(),
            ReadScope::AllC2c => "c2c".to_owned(),
            ReadScope::AllGroups => "group".to_owned(),
        };
        let params = CleanUnreadParams { conversation_id, clean_timestamp, clean_sequence };
        Posted::Client(user, ClientCall::CleanConversationUnreadMessageCount(scope, params))
    }

    fn change_groups(&self, random: &mut StdRng) -> Posted {
        let user = self.user(random);
        let name = |random: &mut StdRng| self.name(random);
        let count = random.random_range(1..3);
        let params = GroupParams {
            group_name: name(random),
            conversation_id_list: (0..count).map(|_| self.of_user(&user, random).1).collect(),
        };
        let call = match random.random_range(0..10) {
            0..3 => ClientCall::CreateConversationGroup(params),
            3..6 => ClientCall::AddConversationsToGroup(params),
            6 | 7 => ClientCall::DeleteConversationsFromGroup(params),
            8 => {
                let (old_name, new_name) = (name(random), name(random));
                ClientCall::RenameConversationGroup(RenameGroupParams { old_name, new_name })
            }
            _ => ClientCall::DeleteConversationGroup(GroupNameParams { group_name: params.group_name }),
        };
        Posted::Client(user, call)
    }

    /// A few rows, some of which are there or were; of a conversation among the users, the preview is the newest message.
    fn import(&mut self, random: &mut StdRng) -> ServerCall {
        let user_id = self.user(random);
        self.import_of(user_id, random)
    }

    fn import_of(&mut self, user_id: UserId, random: &mut StdRng) -> ServerCall {
        let mut conversation_list: Vec<ImportedConversation> = Vec::new();
        for _ in 0..random.random_range(1..4) {
            let (place, conversation_id) = self.of_user(&user_id, random);
            if conversation_list.iter().any(|row| row.conversation_id == conversation_id) {
                continue;
            }
            let newest = self.sent.get(&place).and_then(|sent| sent.last_key_value());
            let last = newest.filter(|_| random.random_bool(0.8)).map(|(_, sent)| sent.clone());
            conversation_list.push(self.imported(conversation_id, last, random));
        }
        ServerCall::ImportConversations(ImportParams {
            user_id,
            conversation_list,
            conversation_group_list: if random.random_bool(0.2) { vec![self.name(random)] } else { Vec::new() },
        })
    }

    fn imported(
        &mut self,
        conversation_id: ConversationId,
        last: Option<(UserId, Message)>,
        random: &mut StdRng,
    ) -> ImportedConversation {
        self.texts += 1;
        let newest = last.as_ref().map_or(0, |(_, message)| message.seq);
        let unread = random.random_range(0..=newest.min(3));
        let mention = GroupAtInfo { seq: newest, at_type: AtType::Me };
        let group_type = match conversation_id.peer() {
            Peer::Group(group) => self.group_type(&group, random),
            Peer::User(_) => None,
        };
        let is_revoked = random.random_bool(0.2);
        let names: Vec<String> = (0..random.random_range(0..3)).map(|_| self.name(random)).collect();
        let names = if random.random_bool(0.4) { names } else { Vec::new() };
        let row = serde_json::json!({
            "conversationID": conversation_id, "showName": format!("imported {}", self.texts), "unreadCount": unread,
            "recvOpt": random.random_range(0..3), "isPinned": random.random_bool(0.3), "customData": "imported",
            "draftText": if random.random_bool(0.3) { "draft" } else { "" },
            "markList": if random.random_bool(0.3) { vec![4_u64, 1 << 63] } else { Vec::new() },
            "c2cReadTimestamp": 900, "groupType": group_type, "conversationGroupList": names,
            "groupAtInfoList": if unread > 0 && random.random_bool(0.5) { vec![mention] } else { Vec::new() },
            "lastMessage": last.map(|(sender, message)| serde_json::json!({
                "msgID": message.msg_id, "seq": message.seq, "sender": sender, "isSelf": false,
                "timestamp": message.timestamp, "elemType": 1, "text": "imported",
                "status": if is_revoked { 6 } else { 2 }, "revoker": is_revoked.then_some("mallory"),
            })),
        });
        serde_json::from_value(row).expect("a row to import")
    }

    fn call(&mut self, random: &mut StdRng) -> Posted {
        let user = self.user(random);
        let (_, mut conversation_id) = self.of_user(&user, random);
        let call = match random.random_range(0..7) {
            0 if random.random_bool(0.3) => {
                let (_, other) = self.of_user(&user, random);
                let conversation_id_list = vec![conversation_id, other];
                ClientCall::DeleteConversationList(ConversationsParams { conversation_id_list })
            }
            0 => ClientCall::DeleteConversation(ConversationParams { conversation_id }),
            1 => ClientCall::ClearHistoryMessage(ConversationParams { conversation_id }),
            2 => {
                if random.random_bool(0.2) {
                    conversation_id = format!("group_{}new{}", self.prefix, random.random_range(0..3)).parse().unwrap();
                }
                let is_pinned = random.random_bool(0.6);
                ClientCall::PinConversation(PinParams { conversation_id, is_pinned, if_version: None })
            }
            3 => {
                self.texts += 1;
                let draft_text = if random.random_bool(0.4) { String::new() } else { format!("draft {}", self.texts) };
                ClientCall::SetConversationDraft(DraftParams { conversation_id, draft_text, if_version: None })
            }
            4 => {
                let marks = *[1, 2, 8, 3, 1 << 32, 1 << 63, 1 << 63 | 4].choose(random).unwrap();
                ClientCall::MarkConversation(MarkParams {
                    conversation_id_list: vec![conversation_id],
                    mark_type: Marks::try_from(marks).unwrap(),
                    enable_mark: random.random_bool(0.6),
                    if_version: None,
                })
            }
            5 => {
                self.texts += 1;
                let custom_data = if random.random_bool(0.3) { String::new() } else { format!("{{{}}}", self.texts) };
                ClientCall::SetConversationCustomData(CustomDataParams {
                    conversation_id_list: vec![conversation_id],
                    custom_data,
                    if_version: None,
                })
            }
            _ => ClientCall::SetReceiveMessageOpt(RecvOptParams {
                conversation_id_list: vec![conversation_id],
                recv_opt: RecvOpt::try_from(random.random_range(0..5_u8)).unwrap(),
                if_version: None,
            }),
        };
        Posted::Client(user, call)
    }
}

fn folder(number: u64) -> String {
    format!("folder {number}")
}
