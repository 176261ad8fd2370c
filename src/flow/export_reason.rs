//! Why a record left the meter.

/// Why a record left the meter: a number from 0 to 255, of which 5 to 15 are reserved.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExportReason(u8);

impl ExportReason {
    /// The flow was silent for the inactive timeout (IPFIX `flowEndReason` 1, idle timeout).
    pub const INACTIVE: Self = Self(0);
    /// The flow lived for the active timeout and was cut; it continues in the next segment (`flowEndReason` 2).
    pub const ACTIVE: Self = Self(1);
    /// The source ended or was stopped (`flowEndReason` 4, forced end).
    pub const FLUSH: Self = Self(2);
    /// The TCP connection ended, with the option `tcp_end` (`flowEndReason` 3, end of flow detected).
    pub const TCP_END: Self = Self(3);
    /// The cache was full and this flow was nearest its end (`flowEndReason` 5, lack of resources).
    pub const CAPACITY: Self = Self(4);
    /// The first of the user's own reasons: that of [`MeterConfig::end_flow_when`](crate::meter::MeterConfig::end_flow_when).
    pub const FIRST_OF_USER: Self = Self(16);

    /// The reasons that have a name, in the order of their numbers.
    pub const NAMED: [(Self, &'static str); 5] = [
        (Self::INACTIVE, "inactive"),
        (Self::ACTIVE, "active"),
        (Self::FLUSH, "flush"),
        (Self::TCP_END, "tcp_end"),
        (Self::CAPACITY, "capacity"),
    ];

    /// A user's own reason, 16 to 255; `None` for any other number.
    pub const fn user(number: u8) -> Option<Self> {
        if number >= 16 { Some(Self(number)) } else { None }
    }

    /// The reason of this number; `None` for the reserved ones, 5 to 15.
    pub const fn of(number: u8) -> Option<Self> {
        if number < 5 || number >= 16 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The word for it; `user` for every number of the user's own.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(reason, _)| *reason == self).map_or("user", |(_, name)| name)
    }

    /// The value of IPFIX element 136, `flowEndReason`.
    pub const fn ipfix(self) -> u8 {
        match self {
            Self::INACTIVE => 1,
            Self::ACTIVE => 2,
            Self::TCP_END => 3,
            Self::CAPACITY => 5,
            _ => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_reasons_begin_at_sixteen() {
        assert_eq!(ExportReason::user(15), None);
        assert_eq!(ExportReason::user(16).map(ExportReason::number), Some(16));
        assert_eq!(ExportReason::user(255).map(ExportReason::name), Some("user"));
    }

    #[test]
    fn ipfix_reasons_follow_the_iana_registry() {
        let all = ExportReason::NAMED.map(|(reason, _)| reason.ipfix());
        assert_eq!(all, [1, 2, 4, 3, 5]);
        assert_eq!(ExportReason::user(99).map(ExportReason::ipfix), Some(4));
    }
}
