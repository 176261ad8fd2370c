//! No broker: the shape of one, which nobody can have.

use std::sync::Arc;

use crate::broker::State;
use crate::counters::{Counters, Refused};
use crate::entry::Draft;
use crate::error::{Error, Result};
use crate::hub::Shared;
use crate::message::MessageId;
use crate::options::Options;
use crate::queue::Queue;
use crate::relay::{Place, Relay, Resume, Seat};
use crate::socket::Farewell;
use crate::stop::Stop;

#[derive(Debug)]
pub(crate) enum Login {}

#[derive(Debug)]
pub(crate) enum Broker {}

#[derive(Debug)]
pub(crate) enum Outbox {}

impl Login {
    pub(crate) fn read(_: &Options) -> Result<Self> {
        Err(Error::NoBroker)
    }

    pub(crate) async fn connect(self, _: &Options) -> Result<(Broker, Place)> {
        match self {}
    }
}

impl Broker {
    pub(crate) fn outbox(self: &Arc<Self>, _: &Arc<Counters>, _: &Stop) -> Outbox {
        match **self {}
    }

    pub(crate) async fn seat(
        self: &Arc<Self>,
        _: &Arc<Relay>,
        _: Queue,
        _: &MessageId,
    ) -> Result<(Seat, Resume, Place), Farewell> {
        match **self {}
    }

    pub(crate) async fn idle(&self) {
        match *self {}
    }

    pub(crate) fn state(&self) -> State {
        match *self {}
    }
}

impl Outbox {
    pub(crate) async fn put(&self, _: Draft, _: impl FnOnce() -> MessageId) -> Result<(), Refused> {
        match *self {}
    }

    pub(crate) async fn room(&self) {
        match *self {}
    }

    pub(crate) async fn changed(&self, _: u64) {
        match *self {}
    }

    pub(crate) fn progress(&self) -> (u64, bool) {
        match *self {}
    }
}

pub(crate) async fn follow(_: Arc<Shared>) {}
