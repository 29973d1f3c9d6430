//! What is read of processes, nodes and stores from outside, and how figures are summed up.

pub mod exposition;
pub mod look;
pub mod machine;
pub mod percentiles;
pub mod process;
pub mod redis;
pub mod series;
pub mod slope;
