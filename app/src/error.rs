//! What a page can be told instead of an answer.

use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::{Bytes, Encodes};
use serde::{Deserialize, Serialize};

/// Why a question has no answer; crosses the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum AppError {
    /// There is no such thing (any more).
    #[error("{0} is not known here")]
    NotFound(String),
    /// The viewer is not signed in.
    #[error("sign in to see this")]
    SignedOut,
    /// It can't be answered now; trying again may help.
    #[error("not available right now: {0}")]
    Unavailable(String),
    /// The question itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A fault of Binnacle's; the cause is in its log.
    #[error("something went wrong in Binnacle; its log has the cause")]
    Internal,
    /// The way between browser and server failed.
    #[error("{0}")]
    Transport(String),
}

impl AppError {
    /// Whether asking again may help, so that what is on the screen may stay.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Internal | Self::Transport(_))
    }

    #[cfg(feature = "ssr")]
    fn status(&self) -> http::StatusCode {
        match self {
            Self::NotFound(_) => http::StatusCode::NOT_FOUND,
            Self::SignedOut => http::StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => http::StatusCode::SERVICE_UNAVAILABLE,
            // What the arguments of a question could not be read as arrives as a fault of the way.
            Self::Invalid(_) | Self::Transport(_) => http::StatusCode::BAD_REQUEST,
            Self::Internal => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::Transport(error.to_string())
    }

    /// What a question over HTTP is answered; with the status that says the same.
    fn ser(&self) -> Bytes {
        #[cfg(feature = "ssr")]
        if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
            response.set_status(self.status());
        }
        // Words and names are always JSON.
        Self::Encoder::encode(self).unwrap_or_default()
    }
}
