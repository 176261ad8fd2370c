//! Tokens: who may do what.
//!
//! Only digests are kept, so neither a log nor a core dump of the hub tells a token. They are compared in constant time.

use std::fs;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, Result};

/// What one may do with a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Send messages.
    Publish,
    /// Receive them.
    Subscribe,
    /// See who is there, and the counters.
    Status,
}

/// A file of tokens, read.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Clone, Debug)]
struct Token {
    name: String,
    roles: Vec<Role>,
    digest: [u8; 32],
}

impl Tokens {
    /// Reads a file: lines of name, roles with commas between them, token. `#` begins a line that is not one.
    ///
    /// A token is 16 bytes or longer; `sha256:` and 64 digits stand for one that is not in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and [`Error::Tokens`], also when there is none in it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let refuse = |line, detail| Error::Tokens { path: path.to_owned(), line, detail };
        let mut tokens = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.trim_start().starts_with('#') {
                continue;
            }
            tokens.push(Token::parse(text).map_err(|detail| refuse(line, detail))?);
        }
        if tokens.is_empty() { Err(refuse(1, "there is no token in the file")) } else { Ok(Self(tokens)) }
    }

    /// Names and roles, for people to see.
    pub fn holders(&self) -> impl Iterator<Item = (&str, &[Role])> {
        self.0.iter().map(|token| (token.name.as_str(), token.roles.as_slice()))
    }

    /// Whether there is none, and everybody may do everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody with this token may do this. Takes the same time for every token of a length.
    pub(crate) fn allows(&self, token: &str, role: Role) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.0.iter().fold(false, |allowed, one| {
            let same = bool::from(one.digest.ct_eq(&digest));
            allowed | (same & one.roles.contains(&role))
        })
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, &'static str> {
        let mut words = line.split_whitespace();
        let (Some(name), Some(roles), Some(token), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("it has not three words");
        };
        let role = |word| match word {
            "publish" => Ok(Role::Publish),
            "subscribe" => Ok(Role::Subscribe),
            "status" => Ok(Role::Status),
            _ => Err("a role is publish, subscribe or status"),
        };
        let roles = roles.split(',').map(role).collect::<Result<_, _>>()?;
        let digest = match token.strip_prefix("sha256:") {
            Some(hex) => digest_of(hex).ok_or("a digest is 64 digits of hex")?,
            None if token.len() < 16 => return Err("a token has at least 16 bytes"),
            None => Sha256::digest(token).into(),
        };
        Ok(Self { name: name.to_owned(), roles, digest })
    }
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tokens> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Tokens::read(file.path())
    }

    #[test]
    fn a_token_allows_its_roles_and_no_other() {
        // The digest is that of sixteen times "b".
        let digest: String = Sha256::digest("b".repeat(16)).iter().map(|b| format!("{b:02x}")).collect();
        let text = format!("# who may\n\nlab publish,status aaaaaaaaaaaaaaaa\ndesk subscribe sha256:{digest}\n");
        let tokens = read(&text).unwrap();
        assert!(tokens.allows("aaaaaaaaaaaaaaaa", Role::Publish));
        assert!(tokens.allows("aaaaaaaaaaaaaaaa", Role::Status));
        assert!(!tokens.allows("aaaaaaaaaaaaaaaa", Role::Subscribe));
        assert!(tokens.allows("bbbbbbbbbbbbbbbb", Role::Subscribe));
        assert!(!tokens.allows("bbbbbbbbbbbbbbb", Role::Subscribe));
        assert!(!tokens.allows("", Role::Subscribe));
        assert!(!format!("{tokens:?}").contains("aaaa"));
        assert_eq!(tokens.holders().next(), Some(("lab", &[Role::Publish, Role::Status][..])));
    }

    #[test]
    fn a_line_that_is_none_is_told_without_its_secret() {
        for (line, why) in [
            ("lab publish", "three words"),
            ("lab publish aaaaaaaaaaaaaaaa b", "three words"),
            ("lab admin aaaaaaaaaaaaaaaa", "a role is"),
            ("lab publish secret", "at least 16"),
            ("lab publish sha256:secret", "64 digits"),
            ("# none", "no token"),
        ] {
            let told = read(line).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("line 1") && !told.contains("secret"), "{told}");
        }
    }
}
