//! Attempts one after the other and at once, under a clock that the test moves.

use super::ledger::MOST;
use super::*;
use std::net::Ipv4Addr;

/// A throttle whose clock only the test moves.
struct House {
    throttle: Throttle,
    now: Arc<Mutex<Instant>>,
}

impl House {
    fn new() -> Self {
        let now = Arc::new(Mutex::new(Instant::now()));
        let clock = Arc::clone(&now);
        Self { throttle: Throttle::with_clock(move || *clock.lock().unwrap()), now }
    }

    fn after(&self, seconds: f64) {
        *self.now.lock().unwrap() += Duration::from_secs_f64(seconds);
    }

    async fn begin(&self, account: &str, address: &str) -> Result<Attempt, Wait> {
        self.throttle.begin(account, address.parse().ok()).await
    }

    /// As many wrong passwords as there may be, up to `most`; how many that was.
    async fn wrong(&self, account: &str, address: &str, most: usize) -> usize {
        for done in 0..most {
            match self.begin(account, address).await {
                Ok(attempt) => attempt.failed(),
                Err(_) => return done,
            }
        }
        most
    }

    async fn right(&self, account: &str, address: &str) -> Result<(), u64> {
        self.begin(account, address).await.map(Attempt::succeeded).map_err(|wait| wait.seconds)
    }

    /// Wrong passwords for one account from many addresses, one each.
    async fn wrong_everywhere(&self, account: &str, most: usize) -> usize {
        for done in 0..most {
            let address = Ipv4Addr::from(0x0a00_0000 + u32::try_from(done).unwrap());
            if self.wrong(account, &address.to_string(), 1).await == 0 {
                return done;
            }
        }
        most
    }

    fn sizes(&self) -> [usize; 4] {
        self.throttle.0.ledger().sizes()
    }
}

/// Somebody who was wrong ten times, somebody who comes then, and whether that is somebody else.
#[tokio::test(start_paused = true)]
async fn who_counts_as_the_same() {
    let cases = [
        ("alice", "10.0.0.1", "alice", "10.0.0.1", true),
        ("alice", "10.0.0.1", "ALICE", "10.0.0.1", true),
        ("Zoë", "10.0.0.1", "zoË", "10.0.0.1", true),
        ("alice", "10.0.0.1", "alice", "::ffff:10.0.0.1", true),
        ("alice", "10.0.0.1", "bob", "10.0.0.1", false),
        ("alice", "10.0.0.1", "alice", "10.0.0.2", false),
        ("alice", "2001:db8:1:2::1", "alice", "2001:db8:1:2:ffff::9", true),
        ("alice", "2001:db8:1:2::1", "alice", "2001:db8:1:3::1", false),
        ("alice", "unix", "alice", "unix", true),
        ("alice", "unix", "alice", "127.0.0.1", false),
    ];
    for (account, address, other, there, same) in cases {
        let house = House::new();
        assert_eq!(house.wrong(account, address, 99).await, 10, "{account} {address}");
        assert_eq!(house.right(other, there).await.is_err(), same, "{other} {there}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_over_when_it_was_said_to_be() {
    let house = House::new();
    assert_eq!(house.wrong("alice", "10.0.0.1", 1).await, 1);
    house.after(10.0);
    assert_eq!(house.wrong("alice", "10.0.0.1", 99).await, 9);
    house.after(9.5);
    // 60 s after the first: 40.5 s are left, rounded up. Refusals do not make it longer.
    for _ in 0..20 {
        assert_eq!(house.right("alice", "10.0.0.1").await, Err(41));
    }
    house.after(41.0);
    // The first is over, the nine others are not.
    assert_eq!(house.wrong("alice", "10.0.0.1", 99).await, 1);
    assert_eq!(house.right("alice", "10.0.0.1").await, Err(10));
    house.after(60.0);
    assert_eq!(house.right("alice", "10.0.0.1").await, Ok(()));
    assert_eq!(house.wrong("alice", "10.0.0.1", 99).await, 10);
}

#[tokio::test(start_paused = true)]
async fn one_address_has_fifty_for_all_accounts() {
    let house = House::new();
    let mut wrong = 0;
    for account in 0..60 {
        wrong += house.wrong(&format!("user{account}"), "10.0.0.1", 3).await;
    }
    assert_eq!(wrong, 50);
    assert_eq!(house.right("somebody", "10.0.0.1").await, Err(60));
    assert_eq!(house.right("somebody", "10.0.0.2").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_locked_out_where_they_are_known() {
    const DAY: f64 = 86_400.0;
    let house = House::new();
    house.right("alice", "192.0.2.1").await.unwrap();
    house.after(29.0 * DAY);
    assert_eq!(house.wrong_everywhere("alice", 500).await, 100);
    assert_eq!(house.right("alice", "192.0.2.2").await, Err(60));
    assert_eq!(house.right("Alice", "192.0.2.1").await, Ok(()));
    // There too: no more than ten from one address, known or not.
    assert_eq!(house.wrong("alice", "192.0.2.1", 99).await, 10);
    // Each time it comes back the 30 days begin anew.
    house.after(29.0 * DAY);
    assert_eq!(house.wrong_everywhere("alice", 500).await, 100);
    house.right("alice", "192.0.2.1").await.unwrap();
    house.after(30.0 * DAY);
    assert_eq!(house.wrong_everywhere("alice", 500).await, 100);
    assert_eq!(house.right("alice", "192.0.2.1").await, Err(60));
}

#[tokio::test(start_paused = true)]
async fn every_end_of_an_attempt() {
    type Case = (&'static str, fn(Attempt), usize);
    let ends: [Case; 4] = [
        ("failed", Attempt::failed, 10),
        ("dropped", drop, 10),
        ("succeeded", Attempt::succeeded, 0),
        ("unjudged", Attempt::unjudged, 0),
    ];
    for (name, end, counted) in ends {
        let house = House::new();
        for _ in 0..10 {
            end(house.begin("alice", "10.0.0.1").await.unwrap());
        }
        assert_eq!(house.wrong("alice", "10.0.0.1", 99).await, 10 - counted, "{name}");
    }
}

/// Attempts at once, of which each takes a while; how many were let in, and how many of those at once.
async fn at_once(attempts: usize, end: fn(Attempt)) -> (usize, usize) {
    let house = Arc::new(House::new());
    let running = Arc::new(Mutex::new((0, 0)));
    let tasks: Vec<_> = (0..attempts)
        .map(|_| {
            let (house, running) = (Arc::clone(&house), Arc::clone(&running));
            tokio::spawn(async move {
                let Ok(attempt) = house.begin("alice", "10.0.0.1").await else { return 0 };
                {
                    let mut running = running.lock().unwrap();
                    running.0 += 1;
                    running.1 = running.0.max(running.1);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                running.lock().unwrap().0 -= 1;
                end(attempt);
                1
            })
        })
        .collect();
    let mut entered = 0;
    for task in tasks {
        entered += task.await.unwrap();
    }
    let most = running.lock().unwrap().1;
    (entered, most)
}

#[tokio::test(start_paused = true)]
async fn many_at_once() {
    // A script with right passwords is slowed down and served; guesses do not slip through.
    assert_eq!(at_once(20, Attempt::succeeded).await, (20, 10));
    assert_eq!(at_once(200, Attempt::succeeded).await, (200, 10));
    assert_eq!(at_once(200, Attempt::unjudged).await, (200, 10));
    assert_eq!(at_once(100, Attempt::failed).await, (10, 10));
    assert_eq!(at_once(100, drop).await, (10, 10));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let house = House::new();
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(house.begin("alice", "10.0.0.1").await.unwrap());
    }
    let start = tokio::time::Instant::now();
    assert_eq!(house.right("alice", "10.0.0.1").await, Err(TRY_AGAIN));
    assert_eq!(start.elapsed(), PATIENCE);
    // One that ends lets in whoever waits, at once.
    let waiting = house.right("alice", "10.0.0.1");
    let ending = async { held.pop().map(Attempt::unjudged) };
    assert_eq!(tokio::join!(waiting, ending).0, Ok(()));
    assert_eq!(start.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn full_tables_refuse_and_recover() {
    let house = House::new();
    // From as many addresses as there is room for: each of them is counted on its own.
    for number in 0..u32::try_from(MOST).unwrap() {
        let address = Ipv4Addr::from(0x0a00_0000 + number).to_string();
        assert_eq!(house.wrong(&format!("user{number}"), &address, 1).await, 1, "{number}");
    }
    assert_eq!(house.sizes(), [MOST, MOST, MOST, 0]);
    // Strangers share one count then, with the limit of one.
    let mut wrong = 0;
    for number in 0..30 {
        wrong += house.wrong(&format!("new{number}"), &format!("192.0.2.{number}"), 1).await;
    }
    assert_eq!(wrong, 10);
    assert_eq!(house.right("somebody", "198.51.100.1").await, Err(60));
    // Whoever has a count of their own keeps it.
    assert_eq!(house.right("user7", "10.0.0.7").await, Ok(()));
    assert_eq!(house.sizes(), [MOST, MOST, MOST, 1]);
    house.after(60.0);
    assert_eq!(house.right("somebody", "198.51.100.1").await, Ok(()));
    assert_eq!(house.sizes(), [0, 0, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_bounded_too() {
    let house = House::new();
    for number in 0..=u32::try_from(MOST).unwrap() {
        house.after(1.0);
        let address = Ipv4Addr::from(0x0a00_0000 + number).to_string();
        house.right("alice", &address).await.unwrap();
    }
    assert_eq!(house.sizes(), [0, 0, 0, MOST]);
    assert_eq!(
        house.wrong_everywhere("alice", 500).await,
        500,
        "known everywhere but at the first"
    );
}
