//! People: who they are and how they show it.

pub mod account;
pub mod accounts;
pub mod code;
pub mod identities;
pub mod notifications;
pub mod oidc;
pub mod outbox;
pub mod password;
pub mod session;
pub mod store;

pub use account::{Account, Locale, Role};

/// Statements that take what is personal out of this part's tables; `$1` is the account. Run in one transaction with those of
/// every other part (`ERASE` in each) before the account's own row is emptied.
pub const ERASE: &[&str] = &[
    "DELETE FROM sessions WHERE account_id = $1",
    "DELETE FROM interests WHERE account_id = $1",
    "DELETE FROM identities WHERE account_id = $1",
    "DELETE FROM notifications WHERE account_id = $1",
    "DELETE FROM outbox WHERE to_address = (SELECT email FROM accounts WHERE id = $1)",
    "DELETE FROM codes WHERE email = (SELECT email FROM accounts WHERE id = $1)",
];
