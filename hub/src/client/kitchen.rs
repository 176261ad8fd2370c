//! A publisher as `nd-hub` knows it: a kitchen, whose messages are dumplings.

use serde::Serialize;

use crate::client::publisher_options::PublisherOptions;
use crate::compat::dumpling::dumpling_of;
use crate::message::Message;

/// The hello of a kitchen, as `nd-sniff` 0.5.1 says it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kitchen {
    kitchen_name: String,
    interface: String,
    filter: String,
    chefs: Vec<String>,
    poke_interval: f64,
}

impl Kitchen {
    pub(crate) fn new(options: &PublisherOptions) -> Self {
        Self {
            kitchen_name: options.sensor.clone(),
            interface: options.interface.clone(),
            filter: options.filter.clone(),
            chefs: options.chefs.clone(),
            poke_interval: options.interval.as_secs_f64(),
        }
    }

    pub(crate) fn hello(&self) -> String {
        serde_json::to_string(self).expect("texts and a number")
    }

    /// The message of this text as a dumpling.
    pub(crate) fn dumpling(text: &str) -> String {
        // What is no message nobody made; its hub drops what it cannot read.
        Message::from_json(text).map_or_else(|_| text.to_owned(), |message| dumpling_of(&message))
    }
}
