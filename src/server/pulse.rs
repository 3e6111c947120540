//! Whether every thread of a server still comes round: each is asked, and answers from its runtime.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Asks the threads of one server. Without being asked it costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Threads>);

#[derive(Debug, Default)]
struct Threads {
    asked: watch::Sender<u64>,
    /// What each thread answered last. One that ended in order has left; one that crashed has not.
    answered: Mutex<Vec<(String, u64)>>,
}

impl Pulse {
    /// Asks every thread anew. The number of this question.
    #[must_use]
    pub fn ask(&self) -> u64 {
        let mut number = 0;
        self.0.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        number
    }

    /// The names of the threads that have not answered this question.
    #[must_use]
    pub fn silent(&self, question: u64) -> Vec<String> {
        let silent =
            |(name, answered): &(String, u64)| (*answered < question).then(|| name.clone());
        self.answered().iter().filter_map(silent).collect()
    }

    /// Has the thread that calls this, by its runtime, answer from now on.
    pub(super) fn join(&self, name: &str) -> Member {
        let mut asked = self.0.asked.subscribe();
        // What was asked before it came is no question to it.
        self.answered().push((name.to_owned(), *asked.borrow_and_update()));
        let (pulse, own) = (self.clone(), name.to_owned());
        tokio::task::spawn_local(async move {
            while asked.changed().await.is_ok() {
                let question = *asked.borrow_and_update();
                let mut answered = pulse.answered();
                let Some(entry) = answered.iter_mut().find(|(name, _)| *name == own) else {
                    return;
                };
                entry.1 = question;
            }
        });
        Member { pulse: self.clone(), name: name.to_owned() }
    }

    fn answered(&self) -> MutexGuard<'_, Vec<(String, u64)>> {
        self.0.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that answers.
pub(super) struct Member {
    pulse: Pulse,
    name: String,
}

impl Member {
    /// It ends in order: nobody waits for its answer any more.
    pub(super) fn leave(self) {
        self.pulse.answered().retain(|(name, _)| *name != self.name);
    }
}
