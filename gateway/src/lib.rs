//! Who gets which change, and when: sessions, the hub that finds them, the relay that hears the store, the transports.

pub mod addresses;
pub mod admission;
pub mod api;
pub mod auth;
pub mod body;
pub mod clock;
pub mod compare;
pub mod config;
pub mod demo;
pub mod documents;
pub mod drain;
pub mod fanout;
pub mod http;
pub mod hub;
pub mod leases;
pub mod live;
pub mod metrics;
pub mod node;
pub mod origin;
pub mod rate;
pub mod reads;
pub mod relay;
pub mod request;
pub mod server;
pub mod session;
pub mod transport;
