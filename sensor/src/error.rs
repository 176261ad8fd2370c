//! What can go wrong before a sensor runs, or end it.

/// An error of a sensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Of the capture.
    #[error(transparent)]
    Capture(#[from] flowgauge::Error),

    /// Of the way to the hub.
    #[error(transparent)]
    Hub(#[from] flowgauge_hub::Error),

    /// An option that cannot be kept.
    #[error("{option} must be {allowed}, not {value}")]
    Option {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        allowed: String,
    },

    /// A processor that cannot be made, or whose needs cannot be met.
    #[error("processor {name}: {detail}")]
    Processor {
        /// Which.
        name: String,
        /// Why.
        detail: String,
    },

    /// Messages could not be written.
    #[error("cannot write to {what}: {source}")]
    Write {
        /// Where to.
        what: String,
        /// Why.
        source: std::io::Error,
    },

    /// The sensor's thread.
    #[error("the sensor's thread {0}")]
    Thread(String),
}

/// What may be an error of a sensor.
pub type Result<T, E = Error> = std::result::Result<T, E>;
