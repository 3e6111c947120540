//! Bodies that nobody will use, read to their end all the same.
//!
//! A client that is refused while it still sends would find its connection reset if it were closed at
//! once, and the refusal with it. So the rest is read and thrown away, within bounds, while the answer
//! goes out.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::mpsc;

/// The most bytes that are read for nothing.
const MOST: u64 = 64 * 1024 * 1024;
/// The longest time that they are read for.
const LONGEST: Duration = Duration::from_secs(10);
/// The same of a push of somebody who may push: that it is refused for its refs is known when its pack
/// has begun, and git reads the answer when it has sent all of it.
const MOST_OF_A_PUSH: u64 = 1024 * 1024 * 1024;
const LONGEST_OF_A_PUSH: Duration = Duration::from_mins(1);

/// The way to the worker's drain. Handing a body over never fails and never waits.
#[derive(Clone)]
pub struct Drain {
    queue: mpsc::UnboundedSender<(Incoming, bool)>,
}

impl Drain {
    /// Starts the drain of the worker whose thread this is.
    #[must_use]
    pub fn start() -> Self {
        let (queue, mut bodies) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            while let Some((body, pushed)) = bodies.recv().await {
                let (most, longest) =
                    if pushed { (MOST_OF_A_PUSH, LONGEST_OF_A_PUSH) } else { (MOST, LONGEST) };
                tokio::task::spawn_local(tokio::time::timeout(longest, read_out(body, most)));
            }
        });
        Self { queue }
    }

    /// Reads the rest of `body` out; `pushed` is that of a push which was refused for its refs.
    pub fn take(&self, body: Incoming, pushed: bool) {
        // A worker that stops has no drain any more: the body is dropped.
        let _ = self.queue.send((body, pushed));
    }
}

async fn read_out(mut body: Incoming, most: u64) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > most {
            return;
        }
    }
}
