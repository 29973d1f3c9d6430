//! Does a session follow its rules? Each test is a script of what happens and what must come of it.

mod filters;
mod forks;
mod gaps;
mod groups;
mod life;
mod live;
mod notes;
mod script;
mod syncs;
