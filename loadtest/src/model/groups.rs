//! What conversation groups (folders) and filters are, in the plainest way.

use super::{ClientOutcome, Effect, Model, RowOutcome, row::RowHistory};
use conversation_protocol::{
    Conversation, ConversationId, ErrorKind, Filter, UserId,
    filter::MarkCondition,
    limits::{GROUPED_MAX, GROUPS_MAX},
    method::{GroupParams, RenameGroupParams},
};

impl Model {
    /// The names of a user's conversation groups, in the order in which they were made.
    pub fn group_names(&self, user: &UserId) -> Vec<String> {
        self.users.get(user).map(|of_user| of_user.group_names.clone()).unwrap_or_default()
    }

    /// The rows of a user that pass a filter, in the order of the list.
    pub fn filtered(&self, user: &UserId, filter: &Filter) -> Vec<Conversation> {
        self.rows(user).into_iter().filter(|row| passes(row, filter)).collect()
    }

    /// The sum of the unread counts of the rows with receive option 0 that pass a filter.
    pub fn filtered_total(&self, user: &UserId, filter: &Filter) -> u64 {
        let receives = |row: &&Conversation| u8::from(row.recv_opt) == 0;
        self.filtered(user, filter).iter().filter(receives).map(|row| row.unread_count).sum()
    }

    pub(super) fn create_group(&mut self, user: &UserId, params: &GroupParams) -> ClientOutcome {
        match self.make_group(user, &params.group_name) {
            Ok(()) => self.add_to_group(user, params),
            Err(kind) => ClientOutcome::Whole(Err(kind)),
        }
    }

    /// Makes a group, if it is not there.
    pub(super) fn make_group(&mut self, user: &UserId, name: &str) -> Result<(), ErrorKind> {
        let names = &mut self.users.entry(user.clone()).or_default().group_names;
        if names.iter().any(|other| other == name) {
            return Ok(());
        }
        if names.len() >= GROUPS_MAX {
            return Err(ErrorKind::TooManyGroups);
        }
        names.push(name.to_owned());
        Ok(())
    }

    pub(super) fn add_to_group(&mut self, user: &UserId, params: &GroupParams) -> ClientOutcome {
        self.in_group(user, params, |model, id| {
            let row = model.row(user, id);
            let would_be_one_more = row.is_some_and(|row| row.is_there() && !row.is_grouped());
            if would_be_one_more && model.count(user, RowHistory::is_grouped) as u64 >= GROUPED_MAX {
                return Err(ErrorKind::TooManyGroupedConversations);
            }
            model.change_present(user, id, |row| row.add_to_group(&params.group_name))
        })
    }

    pub(super) fn remove_from_group(&mut self, user: &UserId, params: &GroupParams) -> ClientOutcome {
        self.in_group(user, params, |model, id| {
            model.change_present(user, id, |row| row.remove_from_group(&params.group_name))
        })
    }

    fn in_group(
        &mut self,
        user: &UserId,
        params: &GroupParams,
        change: impl FnMut(&mut Self, &ConversationId) -> RowOutcome,
    ) -> ClientOutcome {
        if !self.group_names(user).contains(&params.group_name) {
            return ClientOutcome::Whole(Err(ErrorKind::UnknownGroup));
        }
        self.per_id(&params.conversation_id_list, change)
    }

    pub(super) fn delete_group(&mut self, user: &UserId, name: &str) -> ClientOutcome {
        if !self.group_names(user).iter().any(|other| other == name) {
            return ClientOutcome::Whole(Err(ErrorKind::UnknownGroup));
        }
        self.users.entry(user.clone()).or_default().group_names.retain(|other| other != name);
        ClientOutcome::Whole(Ok(self.change_all(user, |row| row.remove_from_group(name))))
    }

    pub(super) fn rename_group(&mut self, user: &UserId, params: &RenameGroupParams) -> ClientOutcome {
        let RenameGroupParams { old_name, new_name } = params;
        let names = self.group_names(user);
        if !names.contains(old_name) {
            return ClientOutcome::Whole(Err(ErrorKind::UnknownGroup));
        }
        if old_name != new_name && names.contains(new_name) {
            return ClientOutcome::Whole(Err(ErrorKind::InvalidParameter));
        }
        let of_user = self.users.entry(user.clone()).or_default();
        of_user.group_names.iter_mut().filter(|name| *name == old_name).for_each(|name| name.clone_from(new_name));
        ClientOutcome::Whole(Ok(self.change_all(user, |row| row.rename_group(old_name, new_name))))
    }

    /// The same change of every row that is there; the greatest of the effects.
    fn change_all(&mut self, user: &UserId, change: impl Fn(&mut RowHistory)) -> Effect {
        let ids: Vec<ConversationId> = self.rows(user).into_iter().map(|row| row.conversation_id).collect();
        let effects = ids.iter().map(|id| self.change(user, id, |row, _| change(row)));
        effects.max().unwrap_or(Effect::Unchanged)
    }
}

/// Whether a row passes a filter: each condition that is there holds.
pub fn passes(row: &Conversation, filter: &Filter) -> bool {
    if let Some(wanted) = filter.conversation_type
        && wanted != row.conversation_type
    {
        return false;
    }
    let names = &row.conversation_group_list;
    let is_in_group = match filter.conversation_group.as_deref() {
        None => true,
        Some("") => names.is_empty(),
        Some(name) => names.iter().any(|other| other == name),
    };
    let is_marked = match filter.mark_type {
        None => true,
        Some(MarkCondition::None) => row.mark_list.is_empty(),
        Some(MarkCondition::AnyOf(marks)) => row.mark_list.iter().any(|mark| u64::from(marks) & mark != 0),
    };
    if !is_in_group || !is_marked {
        return false;
    }
    if let Some(wanted) = filter.has_unread_count
        && wanted != (row.unread_count > 0)
    {
        return false;
    }
    filter.has_group_at_info.is_none_or(|wanted| wanted != row.group_at_info_list.is_empty())
}
