//! What stores that live in the gateway's own process have in common: there is one node, and no network.

pub(crate) mod bell;
pub(crate) mod clock;
pub(crate) mod followers;
pub(crate) mod leases;
