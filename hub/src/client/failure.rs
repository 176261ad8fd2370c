//! Why there is no hub, in words for people.

use std::time::Duration;

use tungstenite::Error as WsError;
use tungstenite::protocol::CloseFrame;

/// Why a hub was not reached, or left.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) words: String,
    /// It does not want us: soon again it would say the same.
    pub(crate) turned_away: bool,
}

impl Failure {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), turned_away: false }
    }

    pub(crate) fn turned_away(words: impl Into<String>) -> Self {
        Self { words: words.into(), turned_away: true }
    }

    pub(crate) fn ended() -> Self {
        Self::new("the hub ended the connection")
    }

    pub(crate) fn silent() -> Self {
        Self::new(format!("the hub said nothing for {} s", SILENCE.as_secs()))
    }

    pub(crate) fn broken(error: WsError) -> Self {
        Self::new(format!("the connection broke: {error}"))
    }

    pub(crate) fn farewell(farewell: Option<&CloseFrame>) -> Self {
        let Some(farewell) = farewell else { return Self::new("the hub said farewell") };
        let code = u16::from(farewell.code);
        // Its words come from elsewhere, and end in logs.
        let reason: String = farewell.reason.chars().filter(|c| !c.is_control()).collect();
        let words = format!("the hub said farewell: {code} {reason}");
        // 1008 is who we are or what we say; 1013 that it has no place.
        if matches!(code, 1008 | 1013) { Self::turned_away(words) } else { Self::new(words) }
    }
}

/// How long a hub may say nothing.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one.
pub(crate) const LASTED: Duration = Duration::from_secs(5);
