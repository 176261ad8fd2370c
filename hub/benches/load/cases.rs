//! What is measured.

use std::io;
use std::time::Instant;

use serde_json::Value;

use crate::Scale;
use crate::child::{self, Hub};
use crate::crowd::{self, Crowd};
use crate::publisher::Publisher;

/// What came of one run.
struct Outcome {
    /// Messages that subscribers read, in a second.
    deliveries: f64,
    /// CPU seconds of the hub in a second, and those of publisher and subscribers.
    cores: (f64, f64),
    late_us: Vec<u32>,
    dropped: u64,
    peak_kib: u64,
}

/// How many messages a second reach 50 subscribers that want all of them, when nothing is dropped.
pub(crate) async fn deliveries(scale: &Scale) -> io::Result<()> {
    println!("deliveries: one publisher, {FEW} subscribers, as fast as they read");
    for _ in 0..scale.rounds {
        let outcome = flood(scale.seconds, false).await?;
        println!("  {outcome}");
    }
    println!();
    Ok(())
}

/// How late messages are for very many subscribers.
pub(crate) async fn fanout(scale: &Scale) -> io::Result<()> {
    println!("fanout: {} subscribers; messages are due at a rate", scale.many);
    println!("  5000 a second, each of a topic that one of them wants");
    let own: Vec<_> = (0..scale.many).map(|number| format!("\"t.{number}\"")).collect();
    let many = scale.many as u64;
    for _ in 0..scale.rounds {
        println!("    {}", paced(&own, 5000.0, scale.seconds, 1, |number| format!("t.{}", number % many)).await?);
    }
    println!(
        "  that all of them want, the best of up to {}, until it is {PROMPT_MS} ms or messages are dropped",
        scale.rounds
    );
    let all = vec![String::new(); scale.many];
    for rate in [5.0, 500.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0, 10_000.0] {
        let mut best: Option<Outcome> = None;
        for _ in 0..scale.rounds {
            let outcome = paced(&all, rate, scale.seconds, SAMPLED.min(rate as u64), |_| "load".to_owned()).await?;
            if best.as_ref().is_none_or(|best| outcome.p99_ms() < best.p99_ms()) {
                best = Some(outcome);
            }
            if best.as_ref().is_some_and(Outcome::is_prompt) {
                break;
            }
        }
        let best = best.expect("there are rounds");
        println!("    {rate:5} a second: {best}");
        if !best.is_prompt() {
            break;
        }
    }
    println!();
    Ok(())
}

/// What one that never reads costs the others.
///
/// Both ways take turns that are short, so that whatever else runs falls on both.
pub(crate) async fn stuck(scale: &Scale) -> io::Result<()> {
    let turns = 5 * scale.rounds;
    println!("stuck: the deliveries of {FEW}, without and with one more that never reads, medians of {turns} turns");
    let mut outcomes = [Vec::new(), Vec::new()];
    for _ in 0..turns {
        for (with, outcomes) in [false, true].into_iter().zip(&mut outcomes) {
            outcomes.push(flood(scale.seconds / 5.0, with).await?);
        }
    }
    let [without, with] = outcomes.map(|mut outcomes| {
        outcomes.sort_by(|one, other| one.deliveries.total_cmp(&other.deliveries));
        outcomes.swap_remove(outcomes.len() / 2)
    });
    println!("  without {without}\n  with    {with}");
    println!(
        "  with it, {:.1} % of the deliveries without, at {:.1} % of the CPU time each\n",
        100.0 * with.deliveries / without.deliveries,
        100.0 * with.cpu_each() / without.cpu_each()
    );
    Ok(())
}

/// What a subscriber to whom nothing comes takes of the hub's memory.
pub(crate) async fn memory(scale: &Scale) -> io::Result<()> {
    let hub = Hub::start().await?;
    let (before, _) = hub.memory_kib()?;
    let mut idle = Vec::new();
    for _ in 0..scale.many {
        idle.push(crowd::subscriber(hub.at, "").await?);
    }
    let (after, _) = hub.memory_kib()?;
    println!(
        "memory: {:.1} KiB for each of {} idle subscribers",
        (after - before) as f64 / scale.many as f64,
        scale.many
    );
    drop(idle);
    hub.end()
}

async fn flood(seconds: f64, with_stuck: bool) -> io::Result<Outcome> {
    let hub = Hub::start().await?;
    let crowd = Crowd::come(hub.at, &vec![String::new(); FEW], SAMPLED).await?;
    let _stuck = match with_stuck {
        true => Some(crowd::subscriber(hub.at, "").await?),
        false => None,
    };
    let mut publisher = Publisher::come(hub.at).await?;
    publisher.as_fast_as(&crowd, seconds / 4.0).await?;
    let measure = Measure::begin(&hub, &crowd)?;
    publisher.as_fast_as(&crowd, seconds).await?;
    finish(hub, &crowd, measure, !with_stuck).await
}

async fn paced(
    wishes: &[String],
    rate: f64,
    seconds: f64,
    every: u64,
    topic: impl Fn(u64) -> String,
) -> io::Result<Outcome> {
    let hub = Hub::start().await?;
    let crowd = Crowd::come(hub.at, wishes, every).await?;
    let mut publisher = Publisher::come(hub.at).await?;
    let measure = Measure::begin(&hub, &crowd)?;
    publisher.at(rate, seconds, topic).await?;
    finish(hub, &crowd, measure, true).await
}

/// Waits until all is read, if everybody reads, and ends the hub.
async fn finish(hub: Hub, crowd: &Crowd, measure: Measure, all: bool) -> io::Result<Outcome> {
    let mut outcome = measure.end(&hub, crowd)?;
    let read = |status: &Value| status["queued"] == 0 && status["delivered"] == crowd.total();
    let status = hub.until(|status| !all || read(&status["messages"])).await?;
    // What was still on its way is late, too.
    outcome.late_us.extend(crowd.take_latencies());
    outcome.late_us.sort_unstable();
    let dropped = status["messages"]["dropped"].as_object();
    outcome.dropped = dropped.into_iter().flat_map(|reasons| reasons.values()).filter_map(Value::as_u64).sum();
    outcome.peak_kib = hub.memory_kib()?.1;
    hub.end()?;
    Ok(outcome)
}

/// The beginning of what is measured.
struct Measure {
    began: Instant,
    total: u64,
    cpu: (f64, f64),
}

impl Measure {
    fn begin(hub: &Hub, crowd: &Crowd) -> io::Result<Self> {
        crowd.take_latencies();
        let cpu = (hub.cpu_seconds()?, child::cpu_seconds("self")?);
        Ok(Self { began: Instant::now(), total: crowd.total(), cpu })
    }

    fn end(self, hub: &Hub, crowd: &Crowd) -> io::Result<Outcome> {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = (hub.cpu_seconds()?, child::cpu_seconds("self")?);
        Ok(Outcome {
            deliveries: (crowd.total() - self.total) as f64 / seconds,
            cores: ((cpu.0 - self.cpu.0) / seconds, (cpu.1 - self.cpu.1) / seconds),
            late_us: crowd.take_latencies(),
            dropped: 0,
            peak_kib: 0,
        })
    }
}

impl Outcome {
    /// Nothing is lost, and hardly anything late.
    fn is_prompt(&self) -> bool {
        self.dropped == 0 && self.p99_ms() < PROMPT_MS
    }

    /// CPU seconds of the hub for a delivery.
    fn cpu_each(&self) -> f64 {
        self.cores.0 / self.deliveries
    }

    fn p99_ms(&self) -> f64 {
        self.late_ms(0.99)
    }

    fn late_ms(&self, share: f64) -> f64 {
        let at = (self.late_us.len() as f64 * share) as usize;
        self.late_us.get(at.min(self.late_us.len().saturating_sub(1))).map_or(f64::NAN, |&us| f64::from(us) / 1e3)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:9.0} deliveries/s  late p50 {:6.1} p99 {:6.1} max {:6.1} ms  dropped {:6}  CPU {:.2} of a core, {:.2} µs each \
             (others {:.2})  {:5.1} MiB",
            self.deliveries,
            self.late_ms(0.5),
            self.p99_ms(),
            self.late_ms(1.0),
            self.dropped,
            self.cores.0,
            self.cpu_each() * 1e6,
            self.cores.1,
            self.peak_kib as f64 / 1024.0,
        )
    }
}

/// Subscribers of a small hub.
const FEW: usize = 50;
/// Of so many messages of a subscriber, the latency of one is noted where there are very many.
const SAMPLED: u64 = 16;
/// What p99 stays below, in milliseconds.
const PROMPT_MS: f64 = 250.0;
