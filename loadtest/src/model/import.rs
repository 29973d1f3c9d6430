//! What an import makes of a list, in the plainest way.

use super::{Effect, Model, RowOutcome, row::RowHistory};
use conversation_protocol::{
    ErrorKind, UserId,
    limits::{GROUPED_MAX, GROUPS_MAX, PINNED_MAX},
    server::{ImportParams, ImportedConversation},
};

impl Model {
    /// Makes the groups that are named, in the order in which they are named, then the rows, from the end of the list to its
    /// top; an outcome per row, in the order of their making.
    pub(super) fn import(&mut self, params: &ImportParams) -> Vec<(UserId, RowOutcome)> {
        let user = &params.user_id;
        let of_rows = params.conversation_list.iter().flat_map(|row| &row.conversation_group_list);
        for name in params.conversation_group_list.iter().chain(of_rows) {
            // What cannot be made refuses the rows that are to be in it.
            let _ = self.make_group(user, name);
        }
        let rows = params.conversation_list.iter().rev();
        rows.map(|row| (user.clone(), self.import_row(user, row))).collect()
    }

    fn import_row(&mut self, user: &UserId, row: &ImportedConversation) -> RowOutcome {
        let id = &row.conversation_id;
        let names = self.group_names(user);
        if self.row(user, id).is_some_and(|history| history.stays(row)) {
            return Ok(Effect::Unchanged);
        }
        if row.is_pinned && self.count(user, RowHistory::is_pinned) >= PINNED_MAX {
            return Err(ErrorKind::TooManyPinned);
        }
        let grouped = self.count(user, RowHistory::is_grouped) as u64;
        if !row.conversation_group_list.is_empty() && grouped >= GROUPED_MAX {
            return Err(ErrorKind::TooManyGroupedConversations);
        }
        if row.conversation_group_list.iter().any(|name| !names.contains(name)) {
            let is_full = names.len() >= GROUPS_MAX;
            return Err(if is_full { ErrorKind::TooManyGroups } else { ErrorKind::UnknownGroup });
        }
        Ok(self.change(user, id, |history, clock| history.import(id, user, row, clock)))
    }
}
