//! May this version serve the data that lie in a store? They say themselves how they are laid out.

use crate::StoreError;

/// The layout that this version writes. It rises only when older versions cannot go on with what a newer one wrote; data
/// without a mark are from before there were any, and have the first.
pub(crate) const LAYOUT: u64 = 1;

/// Refuses data of a newer layout.
pub(crate) fn check(found: u64) -> Result<(), StoreError> {
    if found <= LAYOUT {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!(
        "the data have layout {found}, and this version knows layouts up to {LAYOUT}: a newer version of the gateway wrote them, \
         expected that one or a later"
    )))
}
