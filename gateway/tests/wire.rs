//! Does the wire behave as it is designed to? One node, real sockets, every promise under its own name.

mod support;

mod wire {
    mod addresses;
    mod backend;
    mod backend_reads;
    mod backend_refusals;
    mod calls;
    mod deletions;
    mod devices;
    mod filter_totals;
    mod frames;
    mod group_events;
    mod hostile;
    mod hostile_readers;
    mod id_lists;
    mod isolation;
    mod isolation_table;
    mod jwks;
    mod jwks_sources;
    mod kicks;
    mod limits;
    mod live;
    mod marks;
    mod opening;
    mod origins;
    mod refusals;
    mod resume;
    mod rfc6455;
    mod sync;
    mod token_table;
    mod tokens;
    mod ways;
}
