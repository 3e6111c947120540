//! Lines on their way to standard output, which may have a reader that stalls.
//!
//! A worker appends its lines to a buffer of its own; one thread collects the buffers every few
//! milliseconds and writes them. A reader that stalls therefore stalls no request: past a bound, lines
//! are dropped and counted. The program's events go the same way, for an event that waited would stop
//! the thread that tells it: a worker, or the one that hears of SIGTERM.

use super::log::lock;
use super::metrics::Metrics;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often buffers are collected.
const COLLECT: Duration = Duration::from_millis(20);
/// When a line is written, if somebody reads.
pub const SOON: Duration = Duration::from_millis(100);
/// The most that one worker's lines may hold while nobody reads them.
const MOST: usize = 4 * 1024 * 1024;
/// How long the end of the program waits for a reader that stalls.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines of one worker.
pub struct Lines {
    buffer: Arc<Mutex<Vec<u8>>>,
    json: bool,
    metrics: Arc<Metrics>,
}

impl Lines {
    /// Appends one line.
    pub fn write(&self, format: impl FnOnce(&mut Vec<u8>, bool)) {
        let mut buffer = lock(&self.buffer);
        if buffer.len() < MOST {
            format(&mut buffer, self.json);
        } else {
            self.metrics.log_lines_dropped(1);
        }
    }
}

/// Where events go while a thread writes lines. It belongs to the log's subscriber, which is global.
static EVENTS: Mutex<Option<Lines>> = Mutex::new(None);

/// The way out for one event.
pub(super) fn way_out() -> impl Write {
    WayOut
}

struct WayOut;

impl Write for WayOut {
    /// An event comes as one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if let Some(lines) = &*lock(&EVENTS) {
            lines.write(|buffer, _json| buffer.extend_from_slice(event));
            return Ok(event.len());
        }
        // Before the thread there is nothing to keep waiting yet, and behind it nothing any more.
        io::stdout().write_all(event).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The buffers of all workers.
type Sources = Vec<Arc<Mutex<Vec<u8>>>>;

/// The thread that writes the lines of all workers, and events.
pub struct LineWriter {
    sources: Arc<Mutex<Sources>>,
    stop: Option<Sender<()>>,
    ended: Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
    json: bool,
    metrics: Arc<Metrics>,
}

impl LineWriter {
    /// Starts it.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(
        json: bool,
        metrics: Arc<Metrics>,
        mut to: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let sources: Arc<Mutex<Sources>> = Arc::default();
        let (stop, stopped) = channel();
        let (tell, ended) = channel();
        let (collected, counting) = (Arc::clone(&sources), Arc::clone(&metrics));
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            collect(&collected, &stopped, &mut *to, &counting);
            drop(tell);
        })?;
        let (stop, ended) = (Some(stop), Mutex::new(ended));
        let writer = Self { sources, stop, ended, thread: Some(thread), json, metrics };
        *lock(&EVENTS) = Some(writer.lines());
        Ok(writer)
    }

    /// The lines of one more worker.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let buffer = Arc::<Mutex<Vec<u8>>>::default();
        lock(&self.sources).push(Arc::clone(&buffer));
        Lines { buffer, json: self.json, metrics: Arc::clone(&self.metrics) }
    }
}

impl Drop for LineWriter {
    /// Writes what is left, if somebody reads it.
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = lock(&self.ended).recv_timeout(PATIENCE);
        if ended == Err(RecvTimeoutError::Timeout) {
            // It is stuck, and holds standard output: events must not wait for that now either, so
            // they stay with a buffer that nobody collects.
            return;
        }
        *lock(&EVENTS) = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn collect(sources: &Mutex<Sources>, stop: &Receiver<()>, to: &mut dyn Write, metrics: &Metrics) {
    let mut spare = Vec::new();
    loop {
        let last = stop.recv_timeout(COLLECT) != Err(RecvTimeoutError::Timeout);
        // The list is let go of before anything is written: a worker that starts adds itself to it.
        let all = lock(sources).clone();
        for source in all {
            std::mem::swap(&mut *lock(&source), &mut spare);
            if !spare.is_empty() {
                // Nobody may be reading; a log that cannot be written is no reason to stop.
                if to.write_all(&spare).and_then(|()| to.flush()).is_err() {
                    metrics.log_lines_dropped(memchr::memchr_iter(b'\n', &spare).count());
                }
                spare.clear();
            }
        }
        if last {
            return;
        }
    }
}
