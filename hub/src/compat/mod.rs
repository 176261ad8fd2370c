//! The two ports of netdumplings: what its kitchens send goes in at one, what its eaters get comes out at the other.
//!
//! Spoken as its own hub 0.5.1 speaks: any path, a hello of JSON, no welcome, no acknowledgement, dumplings forwarded byte for
//! byte. What its clients would stumble over is dropped and counted, and the connection kept.

pub(crate) mod dumpling;
mod eaters;
mod kitchens;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::Utf8Bytes;
use axum::routing::any;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::error::Result;
use crate::hub::{self, Shared};
use crate::listen;
use crate::message;
use crate::options::Options;
use crate::socket::{Farewell, GOING_AWAY, Socket};

/// Both ports, taken.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) kitchens: (TcpListener, SocketAddr),
    pub(crate) eaters: (TcpListener, SocketAddr),
}

impl Ports {
    /// Takes both.
    pub(crate) async fn bind(options: &Options) -> Result<Self> {
        let kitchens = hub::bound((options.compat_address, options.compat_in).into()).await?;
        let eaters = hub::bound((options.compat_address, options.compat_out).into()).await?;
        Ok(Self { kitchens, eaters })
    }

    /// Serves both, and tells eaters of it.
    pub(crate) fn serve(self, tasks: &mut JoinSet<()>, shared: &Arc<Shared>) {
        status::tell(shared);
        let router = Router::new().fallback(any(kitchens::upgrade)).with_state(Arc::clone(shared));
        tasks.spawn(listen::serve(self.kitchens.0, None, router, Arc::clone(shared)));
        let router = Router::new().fallback(any(eaters::upgrade)).with_state(Arc::clone(shared));
        tasks.spawn(listen::serve(self.eaters.0, None, router, Arc::clone(shared)));
        tasks.spawn(status::keep_telling(Arc::clone(shared)));
    }
}

/// The first message of a client: its name, and the whole text, which the status repeats.
async fn hello<T>(socket: &mut Socket, shared: &Shared) -> Result<(T, Box<RawValue>), Farewell>
where
    T: for<'de> Deserialize<'de>,
{
    let text: Utf8Bytes = socket.hello(shared.options.hello_timeout).await.map_err(|farewell| match farewell {
        GOING_AWAY => GOING_AWAY,
        (_, words) => (BAD_HELLO, words),
    })?;
    let named = message::object(&text).map_err(|_| (BAD_HELLO, "the hello has no name"))?;
    Ok((named, serde_json::from_str(&text).map_err(|_| (BAD_HELLO, "the hello is no JSON"))?))
}

/// What its hub closes with after a hello that it cannot read.
const BAD_HELLO: u16 = 1011;
