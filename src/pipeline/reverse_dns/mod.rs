//! Names of addresses: what the address itself says, what the capture's own DNS answers told, and what a resolver says.
//!
//! Lookups are made in threads of their own; no packet of a wire ever waits for one. Time is that of the capture, so how
//! often an address is asked for depends on the packets and not on the machine.

mod cache;
mod learnt;
mod lookup;
mod pool;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::pipeline::{
    AddressKind, Batch, Counts, Domain, Item, Label, Link, LookupCounts, PacketItem, PacketMeta, batch,
};
use crate::time::Timestamp;

pub(super) use cache::Cache;
use cache::Entry;
use learnt::Learnt;
use lookup::Answer;
use pool::Pool;

/// Gives packets and flows the domains of their ends.
///
/// An address that is internal, special or a group ([`AddressKind`]) gets its word; any other the name that a DNS answer in
/// the capture told for it, else what the resolver says: a name, or `nxdomain`. Until that is known the domain is unknown.
///
/// ```
/// use std::time::Duration;
/// use flowgauge::pipeline::{Resolver, ReverseDns};
///
/// let names = ReverseDns::default().resolver(Resolver::System).max_names(10_000).wait(Duration::from_secs(1));
/// # let _ = names;
/// ```
#[derive(Debug)]
pub struct ReverseDns {
    meta: PacketMeta,
    resolver: Resolver,
    threads: usize,
    wait: Option<Duration>,
    ttl: Duration,
    negative_ttl: Duration,
    postfix: Option<Arc<str>>,
    learnt: Learnt,
    cache: Cache,
    pool: Option<Pool>,
    /// Nobody waits for a resolver that did not answer in time, until it answers something.
    silent: bool,
    watcher: Watcher,
    counts: LookupCounts,
}

/// Who looks after the user while packets wait.
#[derive(Default)]
struct Watcher(Option<Box<dyn FnMut() -> Result<()> + Send>>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher" } else { "nobody" })
    }
}

/// Who is asked for names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Resolver {
    /// Nobody: no packet leaves for a name.
    #[default]
    Off,
    /// The system's resolver, with all that it is configured to look at (getnameinfo).
    System,
    /// The DNS server at this address, over UDP.
    Server(SocketAddr),
}

impl ReverseDns {
    /// Who is asked. Defaults to [`Resolver::Off`].
    #[must_use]
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// How many answers are remembered, and as many names that the capture told. Defaults to 1,000; at least 1.
    ///
    /// Above it, entries picked at random make room. Addresses that are not looked up take none.
    #[must_use]
    pub fn max_names(mut self, most: usize) -> Self {
        self.cache = Cache::new(most);
        self.learnt = Learnt::new(most);
        self
    }

    /// How long a name is believed before it is asked for again, by the time of the capture. Defaults to 600 s. The old name
    /// stands until the new one is there.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long it is believed that there is no name, or no answer, likewise. Defaults to 60 s.
    #[must_use]
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// How long packets of one batch wait for their names at most, so that a file gives the same every time. `None`, the
    /// default, is one second for files and nothing on a wire.
    ///
    /// When nothing comes in that time, nobody waits again before the resolver has answered something.
    #[must_use]
    pub fn wait(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.wait = wait.into();
        self
    }

    /// What is called about every 50 ms while packets wait for their names; an error of it ends the run. Nothing by default.
    #[must_use]
    pub fn while_waiting(mut self, watcher: impl FnMut() -> Result<()> + Send + 'static) -> Self {
        self.watcher = Watcher(Some(Box::new(watcher)));
        self
    }

    /// How many lookups are made at a time. Defaults to 4; at least 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, 64);
        self
    }

    /// What follows `src` and `dst` in the names of the domains in a packet's dictionary. Defaults to `_domain`.
    #[must_use]
    pub fn domain_postfix(mut self, postfix: &str) -> Self {
        self.postfix = (postfix != "_domain").then(|| postfix.into());
        self
    }

    /// The domain of an address that has no word, at this time; a lookup may begin.
    fn name(&mut self, address: IpAddr, now: Timestamp) -> Result<Domain> {
        if let Some(domain) = self.learnt.name(address) {
            return Ok(domain);
        }
        if self.resolver == Resolver::Off {
            return Ok(Domain::UNKNOWN);
        }
        let known = self.cache.get_mut(&address).map(|entry| (entry.domain.clone(), entry.pending, entry.until));
        let domain = match known {
            Some((domain, pending, until)) if pending || now < until => return Ok(domain),
            Some((domain, ..)) => domain,
            None => Domain::UNKNOWN,
        };
        if self.pool.is_none() {
            self.pool = Some(Pool::new(self.resolver, self.threads)?);
        }
        let asked = self.pool.as_ref().is_some_and(|pool| pool.ask(address));
        if asked {
            self.counts.asked += 1;
            self.cache.set(address, Entry { domain: domain.clone(), until: now, pending: true });
        } else {
            self.counts.put_off += 1;
        }
        Ok(domain)
    }

    fn answered(&mut self, address: IpAddr, answer: Answer) {
        // That nobody answered says nothing of who is there.
        self.silent &= answer.is_none();
        let (ttl, domain) = match answer {
            Some(domain @ Domain::Name(_)) => {
                self.counts.names += 1;
                (self.ttl, Some(domain))
            }
            Some(domain) => {
                self.counts.nxdomain += 1;
                (self.negative_ttl, Some(domain))
            }
            None => {
                self.counts.failed += 1;
                (self.negative_ttl, None)
            }
        };
        // One that had to make room is asked for again when it comes again.
        if let Some(entry) = self.cache.get_mut(&address) {
            entry.pending = false;
            // From when it was asked for: when an answer comes depends on the machine.
            entry.until = entry.until.saturating_add(ttl);
            if let Some(domain) = domain {
                entry.domain = domain;
            }
        }
    }

    /// Takes the answers that are there.
    #[inline]
    fn collect(&mut self) {
        while let Some((address, answer)) = self.pool.as_ref().and_then(Pool::try_answer) {
            self.answered(address, answer);
        }
    }

    /// Waits until the names in `missing` are there, or patience is at its end.
    fn await_names(&mut self, missing: &[IpAddr], patience: Duration) -> Result<()> {
        let end = Instant::now() + patience.min(LONGEST_WAIT);
        let is_pending = |cache: &mut Cache, address| cache.get_mut(address).is_some_and(|entry| entry.pending);
        while !self.silent && missing.iter().any(|address| is_pending(&mut self.cache, address)) {
            let left = end.saturating_duration_since(Instant::now());
            match self.pool.as_ref().and_then(|pool| pool.answer(left.min(LOOK))) {
                Some((address, answer)) => {
                    self.answered(address, answer);
                    self.collect();
                }
                None if left <= LOOK => self.silent = true,
                None => {}
            }
            if let Watcher(Some(watcher)) = &mut self.watcher {
                watcher()?;
            }
        }
        Ok(())
    }

    fn domains(&mut self, item: &Item, now: Timestamp) -> Result<[Domain; 2]> {
        let Some(ends) = ends(item) else { return Ok([Domain::UNKNOWN; 2]) };
        Ok([self.domain(ends[0], now)?, self.domain(ends[1], now)?])
    }

    #[inline]
    fn domain(&mut self, address: IpAddr, now: Timestamp) -> Result<Domain> {
        match Label::of(AddressKind::of(address)) {
            // Nobody outside knows its name, but the capture may.
            Some(Label::Reserved) => Ok(self.learnt.name(address).unwrap_or(Domain::Label(Label::Reserved))),
            Some(label) => Ok(Domain::Label(label)),
            None => self.name(address, now),
        }
    }

    fn pending(&mut self, item: &Item, missing: &mut Vec<IpAddr>) {
        for address in ends(item).into_iter().flatten() {
            if self.cache.get_mut(&address).is_some_and(|entry| entry.pending) && !missing.contains(&address) {
                missing.push(address);
            }
        }
    }
}

/// Nobody waits longer for the names of a batch.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

impl Default for ReverseDns {
    fn default() -> Self {
        Self {
            meta: PacketMeta::default(),
            resolver: Resolver::Off,
            threads: 4,
            wait: None,
            ttl: Duration::from_secs(600),
            negative_ttl: Duration::from_secs(60),
            postfix: None,
            learnt: Learnt::new(MAX_NAMES),
            cache: Cache::new(MAX_NAMES),
            pool: None,
            silent: false,
            watcher: Watcher::default(),
            counts: LookupCounts::default(),
        }
    }
}

impl Link for ReverseDns {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let patience = self.wait.unwrap_or(if batch.is_live() { Duration::ZERO } else { DEFAULT_WAIT });
        let may_wait = self.resolver != Resolver::Off && !patience.is_zero();
        // With somebody who waits, answers come between batches only, so that it does not matter when they come.
        self.collect();
        let mut missing = Vec::new();
        let mut clock = batch.clock();
        for index in 0..batch.items.len() {
            let now = stamp(&batch.items[index]).unwrap_or(clock);
            clock = clock.max(now);
            if !may_wait {
                self.collect();
            }
            if let Item::Packet(packet) = &mut batch.items[index] {
                self.meta.decode(&batch.block, packet);
                if let Some(info) = packet.info() {
                    self.learnt.see(&batch::packet(&batch.block, packet, info));
                }
            }
            let domains = self.domains(&batch.items[index], now)?;
            if may_wait && missing.len() < MAX_NAMES {
                self.pending(&batch.items[index], &mut missing);
            }
            set(&mut batch.items[index], domains, self.postfix.as_ref());
        }
        if !missing.is_empty() && !self.silent {
            self.await_names(&missing, patience)?;
            for index in 0..batch.items.len() {
                if lacks(&batch.items[index]) {
                    let domains = self.domains(&batch.items[index], clock)?;
                    set(&mut batch.items[index], domains, self.postfix.as_ref());
                }
            }
        }
        Ok(())
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        let LookupCounts { asked, names, nxdomain, failed, put_off, learnt } = &mut counts.lookups;
        *asked += self.counts.asked;
        *names += self.counts.names;
        *nxdomain += self.counts.nxdomain;
        *failed += self.counts.failed;
        *put_off += self.counts.put_off;
        *learnt += self.learnt.count;
    }
}

#[inline]
fn stamp(item: &Item) -> Option<Timestamp> {
    match item {
        Item::Packet(packet) => Some(packet.stamp()),
        Item::Flow(flow) => Some(flow.end()),
        Item::Own(_) => None,
    }
}

/// The addresses of both ends, where there are any.
#[inline]
fn ends(item: &Item) -> Option<[IpAddr; 2]> {
    match item {
        Item::Packet(packet) => {
            let info = packet.info()?;
            let address = |number: u128| match info.ip_version {
                6 => IpAddr::V6(number.into()),
                _ => IpAddr::V4((number as u32).into()),
            };
            Some([address(info.src), address(info.dst)])
        }
        Item::Flow(flow) => Some([flow.src().0, flow.dst().0]),
        Item::Own(_) => None,
    }
}

#[inline]
fn set(item: &mut Item, domains: [Domain; 2], postfix: Option<&Arc<str>>) {
    match item {
        Item::Packet(packet) => set_packet(packet, domains, postfix),
        Item::Flow(flow) => domains.into_iter().enumerate().for_each(|(end, domain)| flow.set_domain(end, domain)),
        Item::Own(_) => {}
    }
}

#[inline]
fn set_packet(packet: &mut PacketItem, domains: [Domain; 2], postfix: Option<&Arc<str>>) {
    packet.set_domains(domains);
    if let Some(postfix) = postfix {
        packet.set_domain_postfix(postfix);
    }
}

fn lacks(item: &Item) -> bool {
    match item {
        Item::Packet(packet) => packet.info().is_some() && packet.domains().contains(&Domain::UNKNOWN),
        Item::Flow(flow) => flow.domains().contains(&Domain::UNKNOWN),
        Item::Own(_) => false,
    }
}

/// How often the watcher is called.
const LOOK: Duration = Duration::from_millis(50);
const MAX_NAMES: usize = 1_000;
const DEFAULT_WAIT: Duration = Duration::from_secs(1);
