//! Whether a flow goes on: timeouts, and the end of a TCP connection.

use crate::flow::ExportReason;
use crate::meter::cache::FlowCache;
use crate::meter::compact::Hot;
use crate::meter::config::MeterConfig;
use crate::meter::expiry::{Due, NEVER};
use crate::packet::Packet;
use crate::time::Timestamp;

/// What becomes of a flow when a packet of its key arrives.
pub(super) enum Fate {
    Goes,
    Cut,
    Ends(ExportReason),
}

/// What a packet that arrives now does to the flow of its key.
#[inline]
pub(super) fn fate(config: &MeterConfig, cache: &FlowCache, slot: u32, packet: &Packet<'_>, clock: Timestamp) -> Fate {
    let hot = cache.hot(slot);
    let ended = if config.tcp_end { cache.tcp_end(slot).ended } else { None };
    if let Some(ended) = ended {
        let flags = packet.info.tcp_flags;
        if clock.nanos_since(ended) >= config.tcp_linger || (flags.syn() && !flags.ack()) {
            return Fate::Ends(ExportReason::TCP_END);
        }
    }
    if goes_on(config, hot, clock) {
        return Fate::Goes;
    }
    if is_silent(config, hot, clock) {
        return Fate::Ends(if ended.is_some() { ExportReason::TCP_END } else { ExportReason::INACTIVE });
    }
    if ended.is_some() {
        return Fate::Goes;
    }
    if config.segments { Fate::Cut } else { Fate::Ends(ExportReason::ACTIVE) }
}

/// Whether a flow, but for the end of its TCP connection, is neither silent for too long nor too old.
#[inline(always)]
pub(super) fn goes_on(config: &MeterConfig, hot: &Hot, clock: Timestamp) -> bool {
    !is_silent(config, hot, clock)
        && config.active_timeout.is_none_or(|timeout| clock.nanos_since(hot.first_clock) < timeout)
}

#[inline(always)]
fn is_silent(config: &MeterConfig, hot: &Hot, clock: Timestamp) -> bool {
    config.inactive_timeout.is_some_and(|timeout| clock.nanos_since(hot.last_clock) >= timeout)
}

/// When a flow is due if no further packet comes.
#[inline]
pub(super) fn due(config: &MeterConfig, cache: &FlowCache, slot: u32) -> Due {
    let last_clock = cache.hot(slot).last_clock;
    let inactive = config.inactive_timeout.map_or(NEVER, |timeout| last_clock.saturating_add_nanos(timeout));
    let ended = cache.tcp_end(slot).ended.map_or(NEVER, |ended| ended.saturating_add_nanos(config.tcp_linger));
    (inactive.min(ended), cache.flow_id(slot))
}
