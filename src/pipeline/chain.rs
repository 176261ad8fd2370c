//! A source and links, pulled batch by batch.

use crate::error::{Error, Result};
use crate::pipeline::{Batch, Counts, Link, Pulled, Sink, Source, Wants};

/// A source and the links behind it. It is a source again.
#[must_use = "a pipeline does nothing until it is pulled"]
pub struct Pipeline {
    source: Box<dyn Source>,
    links: Vec<Box<dyn Link>>,
    /// Once the source has ended: which link is to give what it held back.
    ending: Option<usize>,
    /// What ended the source, to be told when everything has come out.
    failed: Option<Error>,
}

impl Pipeline {
    /// A pipeline without links.
    pub fn new(source: impl Source + 'static) -> Self {
        Self { source: Box::new(source), links: Vec::new(), ending: None, failed: None }
    }

    /// Adds a link at the end.
    pub fn link(mut self, link: impl Link + 'static) -> Self {
        self.provide(&link.wants());
        self.links.push(Box::new(link));
        self
    }

    /// Lets the parts know what somebody behind this pipeline wants to be told. What links of its own want, they know.
    pub fn provide(&mut self, wanted: &Wants) {
        if !wanted.is_empty() {
            self.links.iter_mut().for_each(|link| link.provide(wanted));
        }
    }

    /// Pulls everything into `sink`.
    ///
    /// # Errors
    ///
    /// What ended the source, a link or the sink before the end. What came before an error of the source is in the sink.
    pub fn pull(self, sink: &mut dyn Sink) -> Result<Counts> {
        self.pull_while(sink, &mut || true)
    }

    /// As [`Pipeline::pull`], as long as `wanted`: that is asked after every batch, and about every 100 ms on a silent wire.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::pull`].
    pub fn pull_while(mut self, sink: &mut dyn Sink, wanted: &mut dyn FnMut() -> bool) -> Result<Counts> {
        let mut batch = Batch::default();
        self.provide(&sink.wants());
        let ended = loop {
            let pulled = match self.next_batch(&mut batch) {
                Ok(Pulled::End) => break Ok(()),
                Ok(pulled) => pulled,
                Err(error) => break Err(error),
            };
            if !batch.items.is_empty() {
                sink.take(&mut batch)?;
            }
            if pulled == Pulled::Silence || batch.is_prompt() {
                sink.flush()?;
            }
            if !wanted() {
                break Ok(());
            }
        };
        if ended.is_err() {
            sink.fail();
        }
        sink.finish()?;
        let mut counts = self.counts();
        sink.count(&mut counts);
        ended.map(|()| counts)
    }

    /// What source and links counted so far.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.count(&mut counts);
        counts
    }

    /// Gives what links held back, the first one's first, through those behind it.
    fn end(&mut self, batch: &mut Batch) -> Result<Pulled> {
        while let Some(place) = self.ending
            && let Some(link) = self.links.get_mut(place)
        {
            batch.clear();
            if !link.finish(batch)? {
                self.ending = Some(place + 1);
            }
            if !batch.items.is_empty() {
                self.links[place + 1..].iter_mut().try_for_each(|link| link.process(batch))?;
                return Ok(Pulled::Items);
            }
        }
        self.failed.take().map_or(Ok(Pulled::End), Err)
    }
}

impl Source for Pipeline {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Pulled> {
        if self.ending.is_none() {
            match self.source.next_batch(batch) {
                Ok(Pulled::End) => self.ending = Some(0),
                Err(error) => {
                    self.failed = Some(error);
                    self.ending = Some(0);
                }
                Ok(pulled) => {
                    self.links.iter_mut().try_for_each(|link| link.process(batch))?;
                    return Ok(pulled);
                }
            }
        }
        self.end(batch)
    }

    fn count(&self, counts: &mut Counts) {
        self.source.count(counts);
        self.links.iter().for_each(|link| link.count(counts));
    }
}
