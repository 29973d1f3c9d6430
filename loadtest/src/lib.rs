//! Black box tests of the gateway: the plain model of the rules, the reference client and the load tool.

pub mod model;

#[cfg(feature = "tool")]
pub mod client;
#[cfg(feature = "tool")]
pub mod clock;
#[cfg(feature = "tool")]
pub mod faults;
#[cfg(feature = "tool")]
pub mod http;
#[cfg(feature = "tool")]
pub mod run;
#[cfg(feature = "tool")]
pub mod tail;
#[cfg(feature = "tool")]
pub mod token;
