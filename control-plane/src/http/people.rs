//! `/v1/me`, `/v1/accounts`, `/v1/session`, `/v1/password`, `/v1/admin`: who somebody is.

use axum::routing::{get, patch, post, put};

use super::Route;

pub(crate) mod admin;
pub(crate) mod me;
pub(crate) mod oidc;
pub(crate) mod sign_in;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        ("/v1/me", get(me::read).patch(me::change).delete(me::erase)),
        ("/v1/me/notifications", get(me::notifications)),
        ("/v1/me/notifications/read", put(me::notifications_read)),
        ("/v1/accounts", post(sign_in::sign_up)),
        ("/v1/accounts/confirm", post(sign_in::confirm)),
        ("/v1/session", post(sign_in::sign_in).delete(sign_in::sign_out)),
        ("/v1/password/forgotten", post(sign_in::forgotten)),
        ("/v1/password", post(sign_in::reset)),
        ("/v1/oidc/{provider}", get(oidc::begin)),
        ("/v1/oidc/{provider}/back", get(oidc::back)),
        ("/v1/dev/mail", get(admin::mail)),
        ("/v1/admin/accounts", get(admin::list)),
        ("/v1/admin/accounts/{id}", patch(admin::change)),
    ]
}
