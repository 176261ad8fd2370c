//! The page at the hub's root: what `hub/page/` builds, as a part of the binary.
//!
//! Anybody who may ask this host gets it, without a token: it holds nothing, and asks for one when the hub wants it. Its
//! policy lets it load its own files and talk to its own hub, and nothing else; no text becomes markup or code.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::hub::Shared;

#[derive(RustEmbed)]
#[folder = "page/dist/"]
struct Dist;

/// `/`, and the files that it names.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let mut routes = Router::new();
    for (path, name, kind) in FILES {
        let page = Arc::new(Page::new(Dist::get(name).expect("scripts/page makes it"), kind));
        let answer = async move |State(shared): State<Arc<Shared>>,
                                 ConnectInfo(address): ConnectInfo<SocketAddr>,
                                 headers: HeaderMap| {
            match shared.gate.check_origin(&headers) {
                Ok(()) => page.answer(&headers),
                Err(refusal) => shared.refuse(refusal, address),
            }
        };
        routes = routes.route(path, get(answer));
    }
    routes
}

/// A file, with what is said of it.
struct Page {
    body: EmbeddedFile,
    kind: &'static str,
    /// Its digest, in quotes (RFC 9110, 8.8.3).
    tag: HeaderValue,
}

impl Page {
    fn new(body: EmbeddedFile, kind: &'static str) -> Self {
        let digest: String = body.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("\"{digest}\"").parse().expect("hex digits in quotes");
        Self { body, kind, tag }
    }

    /// The file, or 304 for whoever has it.
    fn answer(&self, request: &HeaderMap) -> Response {
        let head = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            (header::ETAG, self.tag.clone()),
            // Kept, but asked for again each time: another version of the hub has another page.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let has_it = request.get_all(header::IF_NONE_MATCH).iter().any(|tags| names(tags, &self.tag));
        let answer =
            if has_it { StatusCode::NOT_MODIFIED.into_response() } else { self.body.data.clone().into_response() };
        (head, GUARDS.map(|(name, value)| (name, HeaderValue::from_static(value))), answer).into_response()
    }
}

/// Whether a list of tags has this one, weak or not, or is `*` (RFC 9110, 13.1.2).
fn names(tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(tag)) = (tags.to_str(), tag.to_str()) else { return false };
    tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// Path, file, and what that is.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/page.js", "page.js", "text/javascript; charset=utf-8"),
    ("/page.css", "page.css", "text/css; charset=utf-8"),
    ("/icon.svg", "icon.svg", "image/svg+xml"),
];

/// What a browser must not do with it.
const GUARDS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
