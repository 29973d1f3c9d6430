//! Black box tests of the gateway: the plain model of the rules, the reference client and the load tool.

pub mod model;
