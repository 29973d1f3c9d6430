//! Does the process start, serve, drain and die as it is operated?

mod support;

mod process {
    mod addresses;
    mod balanced;
    mod commands;
    mod crash;
    mod dashboards;
    mod deaf;
    mod deployed;
    mod development;
    mod drain;
    mod failover;
    mod fanout;
    mod flood;
    mod load;
    mod logs;
    mod metrics;
    mod proxied;
    mod reload;
    mod secrets;
    mod settings;
    mod shards;
    mod storms;
    mod traces;
}
