//! Why telemetry was not taken, and what OTLP's two transports answer to it. Only what is worth another attempt gets
//! a retryable code.

use std::time::Duration;

use http::StatusCode;
use store::Short;
use tonic::Code;

use crate::signal::Signal;

/// Why a request was turned away, or a receiver stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than a message may have, after decompression.
    #[error("the message is larger than {0} bytes after decompression")]
    TooLarge(usize),
    /// It holds more than can be taken or stored at once, although its bytes are not too many.
    #[error("{0}")]
    TooMuch(String),
    /// It is not the message it should be.
    #[error("malformed: {0}")]
    Malformed(String),
    /// It can't be taken now.
    #[error("{0}; try again")]
    Busy(&'static str),
    /// It can't be taken while the machine has too little of something.
    #[error("{}; try again later", short(.0))]
    Short(Short),
    /// Its body came too slowly.
    #[error("the body took too long to arrive")]
    Slow,
    /// The sender went away in the middle of the body.
    #[error("the connection ended inside the body")]
    Gone,
    /// The body is packed in another way than those taken.
    #[error("unsupported compression: send gzip, zstd, or none")]
    Encoding,
    /// Another content type than OTLP has.
    #[error("unsupported content type: send application/x-protobuf or application/json")]
    ContentType,
    /// Another method than POST.
    #[error("send telemetry with POST")]
    Method,
    /// Nothing is received here.
    #[error("nothing is received here; {0}")]
    Path(String),
    /// A browser's page that is not listed.
    #[error("requests from this browser origin are not allowed")]
    Origin,
    /// The listener failed.
    #[error("the receiver can't listen: {0}")]
    Listen(#[from] std::io::Error),
}

impl Error {
    /// The same of what a part of a message was measured with: the limit is the message's.
    pub(crate) fn of_limit(self, limit: usize) -> Self {
        if matches!(self, Self::TooLarge(_)) { Self::TooLarge(limit) } else { self }
    }

    /// The status of an HTTP answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) | Self::TooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) | Self::Gone => StatusCode::BAD_REQUEST,
            // A slow body too: clients of OTLP do not try again after 408.
            Self::Busy(_) | Self::Short(_) | Self::Listen(_) | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
            Self::Encoding | Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path(_) => StatusCode::NOT_FOUND,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    /// The status of a gRPC answer. RESOURCE_EXHAUSTED goes without RetryInfo, so it is not tried again.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::TooLarge(_) | Self::TooMuch(_) => Code::ResourceExhausted,
            Self::Malformed(_) | Self::ContentType => Code::InvalidArgument,
            Self::Busy(_) | Self::Short(_) | Self::Listen(_) => Code::Unavailable,
            Self::Slow => Code::DeadlineExceeded,
            Self::Gone => Code::Cancelled,
            Self::Encoding | Self::Method | Self::Path(_) => Code::Unimplemented,
            Self::Origin => Code::PermissionDenied,
        }
    }

    /// After how long another attempt is welcome.
    pub(crate) fn retry(&self) -> Option<Duration> {
        match self {
            Self::Busy(_) | Self::Listen(_) | Self::Slow | Self::Short(Short::Memory) => Some(Duration::from_secs(1)),
            // Somebody must make room first.
            Self::Short(Short::Disk) => Some(Duration::from_secs(10)),
            _ => None,
        }
    }

    /// The reason on the status page: one of a few, with nothing of the sender in it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "message too large",
            Self::TooMuch(_) => "message holds too much",
            Self::Malformed(_) => "malformed message",
            Self::Busy(_) | Self::Listen(_) => "overloaded or storage failing (told to try again)",
            Self::Short(Short::Disk) => "disk nearly full (told to try again)",
            Self::Short(Short::Memory) => "memory nearly used up (told to try again)",
            Self::Slow => "body too slow",
            Self::Gone => "connection ended inside a message",
            Self::Encoding => "unsupported compression",
            Self::ContentType => "unsupported content type",
            Self::Method => "not a POST",
            Self::Path(_) => "unknown path or gRPC method",
            Self::Origin => "browser origin not allowed",
        }
    }
}

/// What a sender gets to read: nothing of how large the machine is.
fn short(what: &Short) -> &'static str {
    match what {
        Short::Disk => "the disk is nearly full",
        Short::Memory => "memory is nearly used up",
    }
}

impl From<crate::wire::Malformed> for Error {
    fn from(why: crate::wire::Malformed) -> Self {
        Self::Malformed(why.0.to_owned())
    }
}

/// What is received where, by HTTP path or by gRPC method.
pub(crate) fn places(place: fn(Signal) -> &'static str) -> Error {
    let places = Signal::ALL.map(|s| format!("{} go to {}", s.records(), place(s)));
    Error::Path(places.join(", "))
}
