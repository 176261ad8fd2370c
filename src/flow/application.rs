//! What a classifier said of a flow: names and numbers, nothing of the classifier itself.

/// The application of a flow.
///
/// Numbers and names are those of the classifier: for nDPI its protocol ids, `ndpi_protocol2name` and
/// `ndpi_category_get_name`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Application {
    /// The carrying protocol and the application, as in `TLS.Instagram`; one word where they are the same; `Unknown`.
    pub name: String,
    /// What kind of application it is: `SocialNetwork`, `Web` ...; `Unspecified` where nothing is known.
    pub category: String,
    /// Number of the carrying protocol; 0 without one.
    pub master_protocol: u16,
    /// Number of the application; 0 when unknown.
    pub app_protocol: u16,
    /// How sure the classifier is.
    pub confidence: Confidence,
}

/// What a label rests on, in the words of nDPI 4.2 (`ndpi_confidence_t`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Confidence {
    /// There is no label.
    Unknown,
    /// Guessed from the ports.
    MatchByPort,
    /// Guessed from the addresses.
    MatchByIp,
    /// Dissection that did not come to its end.
    DpiPartial,
    /// Remembered from another flow, and dissection that did not come to its end.
    DpiPartialCache,
    /// Remembered from another flow.
    DpiCache,
    /// Dissection.
    Dpi,
    /// A rule of the classifier's own configuration.
    Rule,
    /// Dissection of the kind that risks a false answer.
    DpiAggressive,
}

impl Confidence {
    /// Whether the label is a guess from ports or addresses alone.
    pub const fn is_guessed(self) -> bool {
        matches!(self, Self::MatchByPort | Self::MatchByIp)
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::MatchByPort => "match_by_port",
            Self::MatchByIp => "match_by_ip",
            Self::DpiPartial => "dpi_partial",
            Self::DpiPartialCache => "dpi_partial_cache",
            Self::DpiCache => "dpi_cache",
            Self::Dpi => "dpi",
            Self::Rule => "rule",
            Self::DpiAggressive => "dpi_aggressive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_and_addresses_make_a_guess() {
        let guessed = [Confidence::MatchByPort, Confidence::MatchByIp];
        let seen =
            [Confidence::Unknown, Confidence::DpiPartial, Confidence::DpiCache, Confidence::Dpi, Confidence::Rule];
        assert!(guessed.iter().all(|confidence| confidence.is_guessed()));
        assert!(!seen.iter().any(|confidence| confidence.is_guessed()));
    }
}
