//! The log on standard output: the program's own events, and the lines of requests.
//!
//! A worker appends its lines to a buffer of its own; one thread collects the buffers every few
//! milliseconds and writes them. A reader of standard output that stalls therefore stalls no request:
//! past a bound, lines are dropped and counted.

use super::metrics::Metrics;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// How often buffers are collected.
const COLLECT: Duration = Duration::from_millis(20);
/// The most that one worker's lines may hold while nobody reads them.
const MOST: usize = 4 * 1024 * 1024;

/// Sends the events of the program to standard output from now on.
pub fn start(json: bool, level: tracing::Level) {
    let builder = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    // A second call, as in tests that build several servers, keeps the first.
    let _ = if json {
        builder.event_format(super::events::Json).try_init()
    } else {
        builder.with_timer(Utc).with_ansi(false).try_init()
    };
}

/// Something that is said at most once a minute, however often it happens and by whichever worker.
#[derive(Debug, Default)]
pub struct Seldom {
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether it is to be said now.
    pub fn is_due(&self) -> bool {
        let mut last = lock(&self.last);
        let due = last.is_none_or(|last| last.elapsed() >= Duration::from_mins(1));
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// The time of now, RFC 3339 in UTC, in milliseconds.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&now())
    }
}

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
            self.metrics.log_line_dropped();
        }
    }
}

/// The buffers of all workers.
type Sources = Vec<Arc<Mutex<Vec<u8>>>>;

/// The thread that writes the lines of all workers.
pub struct LineWriter {
    sources: Arc<Mutex<Sources>>,
    stop: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
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
    ) -> std::io::Result<Self> {
        let sources: Arc<Mutex<Sources>> = Arc::default();
        let (stop, stopped) = channel();
        let collected = Arc::clone(&sources);
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || collect(&collected, &stopped, &mut *to))?;
        Ok(Self { sources, stop: Some(stop), thread: Some(thread), json, metrics })
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
    /// Writes what is left.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn collect(sources: &Mutex<Sources>, stop: &Receiver<()>, to: &mut dyn Write) {
    let mut spare = Vec::new();
    loop {
        let last = stop.recv_timeout(COLLECT) != Err(RecvTimeoutError::Timeout);
        for source in lock(sources).iter() {
            std::mem::swap(&mut *lock(source), &mut spare);
            if !spare.is_empty() {
                // Nobody may be reading; a log that cannot be written is no reason to stop.
                let _ = to.write_all(&spare).and_then(|()| to.flush());
                spare.clear();
            }
        }
        if last {
            return;
        }
    }
}

/// A panic while a line was formatted leaves whole lines and one that is cut; both may be written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
