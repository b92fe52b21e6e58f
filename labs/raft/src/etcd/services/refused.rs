//! What this server does not do: an answer in a sentence, instead of silence.

use std::convert::Infallible;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};

/// Answers every call that no service has.
#[derive(Clone, Copy, Debug)]
pub struct Refused;

impl Refused {
    /// What is said of a method.
    fn sentence(path: &str) -> String {
        let method = path.trim_start_matches('/');
        let (service, name) = method.rsplit_once('/').unwrap_or((method, ""));
        let why = match (service.rsplit('.').next().unwrap_or_default(), name) {
            ("Auth", _) => "it has no users and no passwords",
            (_, "Defragment") => "it keeps its keys in memory, where nothing is left to defragment",
            (_, "Downgrade") => "it has one version only",
            (_, "Hash") => "ask for HashKV",
            _ => "it serves a part of etcd's v3 API",
        };
        format!("raft-server does not do {method}: {why}")
    }
}

impl<B> Service<http::Request<B>> for Refused {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let text = Self::sentence(request.uri().path());
        std::future::ready(Ok(Status::unimplemented(text).into_http()))
    }
}
