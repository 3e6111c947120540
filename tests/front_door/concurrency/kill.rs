//! The server is killed amid changes, over HTTP and by commands.

use super::book::{Book, registry};
use super::hand::Hand;
use super::site;
use gitlatch::store::Registry as _;
use rusqlite::Connection;
use std::time::Duration;

/// A round each: after which step of one hand the server is killed, and how many milliseconds after the next
/// one was sent. Passwords take some tens of them: the kill comes before, amid and after the change.
const KILLS: [(u64, u64); 5] = [(5, 0), (3, 15), (7, 30), (4, 45), (6, 70)];
const HANDS: u64 = 4;
const STEPS: u64 = 10;

#[test]
fn whatever_was_acknowledged_is_there_after_a_kill_and_nothing_is_half_done() {
    let mut site = site();
    let before = registry(&site).trail_head().unwrap();
    let (mut book, mut kept, mut unanswered) = (Book::default(), before.link, 0);
    for (round, (after, delay)) in (0_u64..).zip(KILLS) {
        let books = std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS)
                .map(|nth| {
                    let site = &site;
                    scope.spawn(move || {
                        let seed = 0x5eed + 977 * nth + 31 * round;
                        let mut hand = Hand::new(site, &format!("{round}.{nth}"), seed);
                        if nth == round % HANDS {
                            hand.doom = Some((after, Duration::from_millis(delay)));
                        }
                        for _ in 0..STEPS {
                            // A server that is gone is passed over: the command line goes on without it.
                            hand.step();
                        }
                        hand.book
                    })
                })
                .collect();
            hands.into_iter().map(|hand| hand.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(site.wait(), None, "it was killed");
        site.start();
        for other in books {
            book.absorb(other);
        }
        unanswered += book.maybes.len();
        book.settle(&site);
        kept = book.hold(&site, before.entries, kept).link;
    }
    assert!(unanswered > 0, "no kill hit anything");
    let store = Connection::open(site.database()).unwrap();
    let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
