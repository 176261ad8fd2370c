//! Records of pieces of one capture, merged into the records of the whole.
//!
//! The pieces must lie one behind the other, each metered from the previous one's position on, without an active timeout,
//! a capacity or the option `tcp_end`. Then packets, bytes, times, flags, statistics and sequences are those of the whole,
//! bit for bit. What the analysis of TCP counts adds up, but the first segments of a piece are judged without what came
//! before. Labels are not merged (the first that is known stays). Metrics that are expressions are those of the whole when
//! the pieces were metered with [`MeterConfig::mergeable`](crate::MeterConfig::mergeable); all others become null, since what
//! they are made of is not in a record.
//!
//! Records made [of cells](FlowRecord::of_cells) merge as far as their columns tell it ([`Column::merges`]); the clock at
//! their first and last packet is taken to be their smallest and largest stamp, as it is where no packet comes out of order.
//!
//! [`Column::merges`]: crate::flow::schema::Column::merges

use std::collections::HashMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::flow::{ExportReason, FlowFlags, FlowKey, FlowRecord, FlowState};
use crate::time::Timestamp;

impl FlowRecord {
    /// Takes in `next`, the record of the same flow in the next piece of the capture.
    ///
    /// Whether the flow went on at all is the caller's to know; [`merge`] finds it out.
    ///
    /// # Errors
    ///
    /// [`Error::Merge`] when the keys differ, or `next` does not come later.
    pub fn merge(&mut self, next: &Self) -> Result<()> {
        if self.key != next.key || self.flow_id >= next.flow_id {
            return Err(Error::Merge { flow_id: self.flow_id, next: next.flow_id });
        }
        let turned = self.src_is_high != next.src_is_high;
        self.flow.merge(&next.flow, turned);
        self.export_reason = next.export_reason;
        self.merge_metrics(&next.metrics, turned);
        self.merge_stored(next, turned);
        Ok(())
    }
}

impl FlowState {
    fn merge(&mut self, next: &Self, turned: bool) {
        for direction in 0..2 {
            let other = if turned { 1 - direction } else { direction };
            if self.counts[direction].pkts == 0 {
                self.dscp[direction] = next.dscp[other];
            }
            self.counts[direction] = self.counts[direction].plus(&next.counts[other]);
            self.ttl[direction] = self.ttl[direction].plus(next.ttl[other]);
        }
        let flags = next.flags.of_counted();
        self.flags.insert(if turned { flags.turned() } else { flags });
        // What one of the pieces was metered without is not told of the whole: half of it would be a wrong number.
        match (&mut self.statistics, &next.statistics) {
            (Some(mine), Some(others)) => mine.merge(&if turned { others.turned() } else { **others }),
            (mine, _) => *mine = None,
        }
        match (self.sequence_mut(), next.sequence()) {
            (Some(mine), Some(others)) if mine.limit() == others.limit() => mine.merge(others, turned),
            _ => self.forget_sequence(),
        }
        if self.facts().is_none()
            && let Some(facts) = next.details.as_ref().and_then(|details| details.facts.clone())
        {
            self.set_facts(&facts);
        }
        if let (Some(mine), Some(others)) = (self.tcp_analysis_mut(), next.tcp_analysis()) {
            mine.merge(others, turned);
        } else if self.flags.contains(FlowFlags::TCP_ANALYSIS) != next.flags.contains(FlowFlags::TCP_ANALYSIS) {
            self.flags.remove(FlowFlags::TCP_ANALYSIS);
        }
        self.last_clock = next.last_clock;
        if self.application.as_ref().is_none_or(|application| application.app_protocol == 0) {
            self.application.clone_from(&next.application);
        }
    }
}

/// Merges the records of pieces of one capture into those of the whole, in the order of their `flow_id`.
///
/// Two records are one flow when the first was flushed at the end of its piece and less than `inactive_timeout` lies
/// between them, by the clock of the capture; it must be the timeout that the pieces were metered with. What only some
/// pieces were metered with (statistics, sequences of one length, TCP analysis) is not told of flows that go through others.
///
/// # Errors
///
/// [`Error::Merge`] when a flow has two records of the same `flow_id`, so that its packets would count twice.
pub fn merge(
    records: impl IntoIterator<Item = FlowRecord>,
    inactive_timeout: impl Into<Option<Duration>>,
) -> Result<Vec<FlowRecord>> {
    let timeout = inactive_timeout.into().map_or(u128::MAX, |timeout| timeout.as_nanos());
    let goes_on = |from: Timestamp, to: Timestamp| u128::from(to.nanos_since(from)) < timeout;
    let mut records: Vec<_> = records.into_iter().collect();
    records.sort_by_key(|record| (record.flow_id, record.key));
    if let Some(twice) = records.windows(2).find(|two| two[0].flow_id == two[1].flow_id && two[0].key == two[1].key) {
        return Err(Error::Merge { flow_id: twice[0].flow_id, next: twice[1].flow_id });
    }
    let mut whole: Vec<FlowRecord> = Vec::with_capacity(records.len());
    let mut latest: HashMap<FlowKey, usize> = HashMap::new();
    let mut clock = Timestamp::MIN;
    for record in records {
        clock = clock.max(record.last_clock);
        let before = latest.get(&record.key).map(|index| &mut whole[*index]);
        let before = before.filter(|before| before.export_reason == ExportReason::FLUSH);
        if let Some(before) = before
            && goes_on(before.last_clock, record.first_clock)
            && before.merge(&record).is_ok()
        {
            continue;
        }
        latest.insert(record.key, whole.len());
        whole.push(record);
    }
    for record in &mut whole {
        if record.export_reason == ExportReason::FLUSH && !goes_on(record.last_clock, clock) {
            record.export_reason = ExportReason::INACTIVE;
            record.store_export_reason();
        }
    }
    Ok(whole)
}
