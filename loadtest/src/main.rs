//! The load tool's command line.
fn main() {}
