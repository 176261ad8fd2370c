//! The gate: which requests may go on, by their Origin, the host they ask for, and their token.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::counters::Turned;
use crate::options::Options;
use crate::tokens::{Role, Tokens};

/// Who may come in.
#[derive(Debug)]
pub(crate) struct Gate {
    tokens: Tokens,
    origins: Vec<String>,
}

/// What a request that may go on has shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// All that is asked for.
    Granted,
    /// No token, and one is needed: a browser cannot send one with a WebSocket but in its first message.
    TokenInHello,
}

/// Why a request may not go on, and what it is told.
pub(crate) type Refusal = (Turned, StatusCode, &'static str);

impl Gate {
    /// A gate that knows these tokens, and the origins of the options.
    pub(crate) fn new(options: &Options, tokens: Tokens) -> Self {
        Self { tokens, origins: options.origins.clone() }
    }

    /// Whether a request may go on to a WebSocket for this role.
    pub(crate) fn admit(&self, headers: &HeaderMap, role: Role) -> Result<Access, Refusal> {
        self.check_origin(headers)?;
        if self.tokens.is_empty() {
            return Ok(Access::Granted);
        }
        match bearer(headers) {
            Some(token) => self.allow(token, role).map(|()| Access::Granted),
            None => Ok(Access::TokenInHello),
        }
    }

    /// Whether a request may be answered for this role.
    pub(crate) fn answer(&self, headers: &HeaderMap, role: Role) -> Result<(), Refusal> {
        match self.admit(headers, role)? {
            Access::Granted => Ok(()),
            Access::TokenInHello => Err(NO_TOKEN),
        }
    }

    /// Whether a client of netdumplings may go on: it can send `user:token@host` or `host/?token=token`, nothing else.
    pub(crate) fn admit_compat(&self, headers: &HeaderMap, query: Option<&str>, role: Role) -> Result<(), Refusal> {
        self.check_origin(headers)?;
        if self.tokens.is_empty() {
            return Ok(());
        }
        let in_query = query.and_then(|query| query.split('&').find_map(|part| part.strip_prefix("token=")));
        match (basic(headers), in_query) {
            (Some(token), _) => self.allow(&token, role),
            (None, Some(token)) => self.allow(token, role),
            (None, None) => Err(NO_TOKEN),
        }
    }

    /// Whether this token may do this.
    pub(crate) fn allow(&self, token: &str, role: Role) -> Result<(), Refusal> {
        if self.tokens.allows(token, role) { Ok(()) } else { Err(WRONG_TOKEN) }
    }

    /// A web page may connect only from the origins of the list, or from where it came itself.
    ///
    /// Without tokens, the host that is asked for has to be an address, localhost, or one of the list: a page may give its
    /// own name our address (DNS rebinding), and its requests then look as if they came from here.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("\0"));
        let host = text(header::HOST);
        if self.tokens.is_empty() && host.is_some_and(|host| !is_local(host) && !self.lists_host(host)) {
            return Err((Turned::Origin, StatusCode::FORBIDDEN, "this host is not allowed: see origins"));
        }
        let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
        let own = authority(origin).is_some() && authority(origin) == host;
        if own || self.origins.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
            return Ok(());
        }
        Err((Turned::Origin, StatusCode::FORBIDDEN, "this origin is not allowed: see origins"))
    }

    fn lists_host(&self, host: &str) -> bool {
        self.origins.iter().filter_map(|origin| authority(origin)).any(|one| one.eq_ignore_ascii_case(host))
    }
}

fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}

/// Whether a host, perhaps with a port, is an address or localhost.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "Bearer")
}

/// The password, or what stands there alone.
fn basic(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(credentials(headers, "Basic")?).ok()?).ok()?;
    Some(text.split_once(':').map_or(text.as_str(), |(_, password)| password).to_owned())
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| token.trim())
}

const NO_TOKEN: Refusal = (Turned::Token, StatusCode::UNAUTHORIZED, "a token is needed");
const WRONG_TOKEN: Refusal = (Turned::Token, StatusCode::FORBIDDEN, "this token does not allow that");

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gate(origins: &[&str], tokens: bool) -> Gate {
        let options = Options { origins: origins.iter().map(|one| (*one).to_owned()).collect(), ..Options::default() };
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "lab publish aaaaaaaaaaaaaaaa").unwrap();
        let tokens = if tokens { Tokens::read(file.path()).unwrap() } else { Tokens::default() };
        Gate::new(&options, tokens)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_from_elsewhere_is_refused() {
        let gate = gate(&["https://monitor.example"], false);
        for (host, origin, may) in [
            ("127.0.0.1:11346", None, true),
            ("localhost:11346", None, true),
            ("[::1]:11346", None, true),
            ("localhost:11346", Some("http://localhost:11346"), true),
            ("localhost:11346", Some("http://localhost:80"), false),
            ("localhost:11346", Some("https://monitor.example"), true),
            ("localhost:11346", Some("https://evil.example"), false),
            ("localhost:11346", Some("null"), false),
            ("evil.example:11346", None, false),
            ("evil.example:11346", Some("http://evil.example:11346"), false),
            ("monitor.example", Some("https://monitor.example"), true),
        ] {
            let mut pairs = vec![("host", host)];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            assert_eq!(gate.admit(&headers(&pairs), Role::Publish).is_ok(), may, "{host} {origin:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_wherever_it_can_stand() {
        let gate = gate(&[], true);
        let with = |value: &str| headers(&[("host", "hub.example"), ("authorization", value)]);
        assert_eq!(gate.admit(&with("Bearer aaaaaaaaaaaaaaaa"), Role::Publish).unwrap(), Access::Granted);
        assert_eq!(gate.admit(&with("Bearer aaaaaaaaaaaaaaaa"), Role::Subscribe).unwrap_err(), WRONG_TOKEN);
        assert_eq!(gate.admit(&with("Bearer b"), Role::Publish).unwrap_err(), WRONG_TOKEN);
        assert_eq!(gate.admit(&headers(&[]), Role::Publish).unwrap(), Access::TokenInHello);
        assert_eq!(gate.answer(&headers(&[]), Role::Publish).unwrap_err(), NO_TOKEN);
        let basic = format!("Basic {}", STANDARD.encode("lab:aaaaaaaaaaaaaaaa"));
        gate.admit_compat(&with(&basic), None, Role::Publish).unwrap();
        gate.admit_compat(&headers(&[]), Some("token=aaaaaaaaaaaaaaaa"), Role::Publish).unwrap();
        assert_eq!(gate.admit_compat(&headers(&[]), Some("token=b"), Role::Publish).unwrap_err(), WRONG_TOKEN);
        assert_eq!(gate.admit_compat(&headers(&[]), None, Role::Publish).unwrap_err(), NO_TOKEN);
    }
}
