//! The command line through its front door: the program itself, in a folder of its own. One module a
//! command.
#![expect(unreachable_pub, reason = "one crate of tests: pub says what a module offers the others")]
#![expect(
    clippy::expect_used,
    reason = "helpers of tests state what they expect, like the tests themselves"
)]

mod house;

mod audit;
mod backup;
mod check;
mod demo;
mod explain;
mod grants;
mod groups;
mod identity;
mod output;
mod rules;
mod serve;
mod settings;
mod store;
mod token_create;
mod token_life;
mod token_list;
mod token_revoke;
mod token_rotate;
mod users;
