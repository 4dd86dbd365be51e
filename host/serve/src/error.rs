//! Why a request has no answer: once for both protocols.

use std::fmt;

/// Which kind of trouble; each has a status in HTTP and one in gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong: 400, INVALID_ARGUMENT.
    Invalid,
    /// The bearer token is missing or wrong: 401, UNAUTHENTICATED.
    Unauthenticated,
    /// There is no such model, version or path: 404, NOT_FOUND.
    NotFound,
    /// The path exists, for another method: 405, UNIMPLEMENTED.
    Method,
    /// The body or a picture is larger than the limit: 413, INVALID_ARGUMENT.
    TooLarge,
    /// The body is coded in a way that is not read: 415, UNIMPLEMENTED.
    Coding,
    /// The queue or the memory for bodies is full: 429, RESOURCE_EXHAUSTED.
    Full,
    /// An engine failed on it again and again: 500, INTERNAL.
    Failed,
    /// No engine answers, or the service ends: 503, UNAVAILABLE.
    Unavailable,
    /// The time is over: 504, DEADLINE_EXCEEDED.
    Late,
}

impl Kind {
    /// The status in HTTP.
    #[must_use]
    pub fn http(self) -> u16 {
        match self {
            Kind::Invalid => 400,
            Kind::Unauthenticated => 401,
            Kind::NotFound => 404,
            Kind::Method => 405,
            Kind::TooLarge => 413,
            Kind::Coding => 415,
            Kind::Full => 429,
            Kind::Failed => 500,
            Kind::Unavailable => 503,
            Kind::Late => 504,
        }
    }

    /// The status in gRPC.
    #[must_use]
    pub fn grpc(self) -> tonic::Code {
        match self {
            Kind::Invalid | Kind::TooLarge => tonic::Code::InvalidArgument,
            Kind::Unauthenticated => tonic::Code::Unauthenticated,
            Kind::NotFound => tonic::Code::NotFound,
            Kind::Method | Kind::Coding => tonic::Code::Unimplemented,
            Kind::Full => tonic::Code::ResourceExhausted,
            Kind::Failed => tonic::Code::Internal,
            Kind::Unavailable => tonic::Code::Unavailable,
            Kind::Late => tonic::Code::DeadlineExceeded,
        }
    }
}

/// Why a request has no answer: what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which kind.
    pub kind: Kind,
    /// In a sentence.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Refusal {
        Refusal {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(Kind::Invalid, message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for tonic::Status {
    fn from(refusal: Refusal) -> tonic::Status {
        tonic::Status::new(refusal.kind.grpc(), refusal.message)
    }
}
