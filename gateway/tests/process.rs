//! Does the process start, serve, drain and die as it is operated?

mod support;

mod process {
    mod addresses;
    mod crash;
    mod development;
    mod drain;
    mod fanout;
    mod flood;
    mod load;
    mod settings;
}
