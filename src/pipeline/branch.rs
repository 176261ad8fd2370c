//! A router: items go several ways.

use std::fmt;

use crate::error::Result;
use crate::pipeline::{Batch, Counts, Item, Link, Sink, Wants};

/// Sends every item several ways, each with links and a sink of its own. What is changed on one way is seen on no other.
///
/// As a link it hands the items on, as they came; as a sink it is the end of them.
#[derive(Debug, Default)]
pub struct Branch {
    ways: Vec<Way>,
}

/// One of the ways: which items take it, what is done with them, and where they end.
pub struct Way {
    name: String,
    wanted: Option<Wanted>,
    links: Vec<Box<dyn Link>>,
    sink: Box<dyn Sink>,
}

type Wanted = Box<dyn FnMut(&Item) -> bool + Send>;

impl Branch {
    /// Adds a way.
    #[must_use]
    pub fn way(mut self, way: Way) -> Self {
        self.ways.push(way);
        self
    }

    /// The names of the ways, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ways.iter().map(|way| way.name.as_str())
    }

    fn send(&mut self, batch: &Batch) -> Result<()> {
        self.ways.iter_mut().try_for_each(|way| way.take(batch.branched()))
    }

    fn end(&mut self) -> Result<()> {
        self.ways.iter_mut().try_for_each(Way::end)
    }

    fn all_want(&self) -> Wants {
        let ways = self.ways.iter();
        ways.flat_map(|way| way.links.iter().map(|link| link.wants()).chain([way.sink.wants()])).collect()
    }

    fn count_all(&self, counts: &mut Counts) {
        for way in &self.ways {
            way.links.iter().for_each(|link| link.count(counts));
            way.sink.count(counts);
        }
    }
}

impl Way {
    /// A way into `sink`.
    pub fn new(name: impl Into<String>, sink: impl Sink + 'static) -> Self {
        Self { name: name.into(), wanted: None, links: Vec::new(), sink: Box::new(sink) }
    }

    /// Adds a link before the sink, behind those that are there.
    #[must_use]
    pub fn link(mut self, link: impl Link + 'static) -> Self {
        let wanted = link.wants();
        self.links.iter_mut().for_each(|before| before.provide(&wanted));
        self.links.push(Box::new(link));
        self
    }

    /// Only the items of which `wanted` is true take this way. By default all do.
    #[must_use]
    pub fn only(mut self, wanted: impl FnMut(&Item) -> bool + Send + 'static) -> Self {
        self.wanted = Some(Box::new(wanted));
        self
    }

    fn take(&mut self, mut batch: Batch) -> Result<()> {
        if let Some(wanted) = &mut self.wanted {
            batch.items.retain(|item| wanted(item));
        }
        self.run(&mut batch, 0)
    }

    fn run(&mut self, batch: &mut Batch, from: usize) -> Result<()> {
        self.links[from..].iter_mut().try_for_each(|link| link.process(batch))?;
        if !batch.items.is_empty() {
            self.sink.take(batch)?;
        }
        if batch.is_prompt() { self.sink.flush() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<()> {
        let mut batch = Batch::default();
        for place in 0..self.links.len() {
            loop {
                batch.clear();
                let more = self.links[place].finish(&mut batch)?;
                self.run(&mut batch, place + 1)?;
                if !more {
                    break;
                }
            }
        }
        self.sink.finish()
    }
}

impl Link for Branch {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        self.send(batch)
    }

    fn finish(&mut self, _batch: &mut Batch) -> Result<bool> {
        self.end().map(|()| false)
    }

    fn wants(&self) -> Wants {
        self.all_want()
    }

    fn count(&self, counts: &mut Counts) {
        self.count_all(counts);
    }
}

impl Sink for Branch {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        self.send(batch)
    }

    fn flush(&mut self) -> Result<()> {
        self.ways.iter_mut().try_for_each(|way| way.sink.flush())
    }

    fn finish(&mut self) -> Result<()> {
        self.end()
    }

    fn fail(&mut self) {
        self.ways.iter_mut().for_each(|way| way.sink.fail());
    }

    fn wants(&self) -> Wants {
        self.all_want()
    }

    fn count(&self, counts: &mut Counts) {
        self.count_all(counts);
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("name", &self.name).field("links", &self.links.len()).finish_non_exhaustive()
    }
}
