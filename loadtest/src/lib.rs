//! Black box tests of the gateway: the plain model of the rules, the reference client and the load tool.

pub mod model;

#[cfg(feature = "tool")]
pub mod burst;
#[cfg(feature = "tool")]
mod chart;
#[cfg(feature = "tool")]
pub mod client;
#[cfg(feature = "tool")]
pub mod clock;
#[cfg(feature = "tool")]
pub mod cluster;
#[cfg(feature = "tool")]
pub mod compare;
#[cfg(feature = "tool")]
pub mod crowd;
#[cfg(feature = "tool")]
mod document;
#[cfg(feature = "tool")]
pub mod faults;
#[cfg(feature = "tool")]
pub mod floor;
#[cfg(feature = "tool")]
pub mod http;
#[cfg(feature = "tool")]
pub mod idle;
#[cfg(feature = "tool")]
mod markup;
#[cfg(feature = "tool")]
pub mod measure;
#[cfg(feature = "tool")]
pub mod processes;
#[cfg(feature = "tool")]
pub mod progress;
#[cfg(feature = "tool")]
mod proxy;
#[cfg(feature = "tool")]
pub mod publish;
#[cfg(feature = "tool")]
pub mod reconnect;
#[cfg(feature = "tool")]
pub mod redis_shards;
#[cfg(feature = "tool")]
pub mod report;
#[cfg(feature = "tool")]
pub mod rolling;
#[cfg(feature = "tool")]
pub mod run;
#[cfg(feature = "tool")]
pub mod soak;
#[cfg(feature = "tool")]
pub mod tail;
#[cfg(feature = "tool")]
pub mod target;
#[cfg(feature = "tool")]
pub mod token;
#[cfg(feature = "tool")]
pub mod violations;
