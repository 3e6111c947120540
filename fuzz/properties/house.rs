//! A gate in this process, with a client's end of a connection in memory and a host that writes down what it
//! gets.
//!
//! Everything but the log's writer runs in one thread. Its clock stands still while anybody has something to
//! do, so that sleeping is waiting until nobody has. Each connection has a gate of its own: when that is gone,
//! its connections to the host have ended and its log is written, and all of it is judged with what caused it.

use super::reading::{self, Message};
use arc_swap::ArcSwap;
use futures_util::future::LocalBoxFuture;
use gitlatch::auth::credential::{Claim, Presented};
use gitlatch::auth::ticket::{TicketKey, Tickets};
use gitlatch::auth::{Identified, Identify, Source, Trouble};
use gitlatch::config::tls::HostFiles;
use gitlatch::config::{Identity, Origin, Remote};
use gitlatch::domain::client::TrustedProxies;
use gitlatch::domain::dialect::Kind;
use gitlatch::domain::git::lfs::OtherHosts;
use gitlatch::domain::intent::Place;
use gitlatch::domain::names::{GroupName, UserName};
use gitlatch::domain::permission::{Level, Permission, Permissions};
use gitlatch::domain::policy::limits::Limits;
use gitlatch::domain::principal::{Owner, OwnerKind, Rights, TokenPrincipal};
use gitlatch::domain::secret::Secret;
use gitlatch::domain::service_user::ServiceUser;
use gitlatch::domain::timestamp::Timestamp;
use gitlatch::domain::token::{self, TokenHash, TokenId};
use gitlatch::domain::trail::{Author, Note};
use gitlatch::forward::queue::{Bounds, Queue};
use gitlatch::forward::{Forwarder, RemoteHost};
use gitlatch::gate::{
    Complaints, Gate, Ids, Knock, NameEnd, Registrar, Rules, Served, SideDoor, Ways,
};
use gitlatch::telemetry::GuestBook;
use gitlatch::telemetry::log::LineWriter;
use gitlatch::telemetry::metrics::Metrics;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::LocalKey;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::JoinHandle;

/// The header that tells the host who asks.
pub(crate) const IDENTITY: &str = "x-webauth-user";
/// What the host is told besides, under `fixed`.
pub(crate) const SECRET: &str = "Basic Ym90OnVwc3RyZWFtLXNlY3JldA==";
/// What the host sets, and no client may see.
pub(crate) const SESSION: &str = "host-session-7";

/// Longer than anything takes for which nothing is waited.
const QUIET: Duration = Duration::from_millis(1);
const PATIENT: Duration = Duration::from_mins(1);
const AHEAD: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(1 << 30);

/// One of the tokens that exist.
#[derive(Clone)]
pub(crate) struct Known {
    /// What stands for it in the bytes of a case: `{a}`, and `{A}` for it as the password of its owner.
    place: [&'static str; 2],
    pub(crate) secret: String,
    pub(crate) basic: String,
    /// What the host is told.
    pub(crate) told: &'static str,
    pub(crate) principal: Rc<TokenPrincipal>,
}

/// A request as the host got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) message: Message,
    /// For which exchange.
    exchange: Option<IpAddr>,
}

/// What came of one connection.
pub(crate) struct Exchange {
    pub(crate) received: Vec<u8>,
    pub(crate) seen: Vec<Message>,
    /// The address that the client had.
    pub(crate) peer: IpAddr,
    /// Every line that was logged for it.
    pub(crate) log: Vec<u8>,
}

pub(crate) struct House {
    runtime: LocalRuntime,
    host: Rc<Host>,
    metrics: Arc<Metrics>,
    pub(crate) address: SocketAddr,
    pub(crate) tokens: [Known; 3],
    next: Cell<u128>,
    fixed: bool,
    ahead: Cell<bool>,
}

/// The host behind the gate.
#[derive(Default)]
struct Host {
    seen: RefCell<Vec<Seen>>,
    /// The body of its next answers, as JSON of LFS; its own otherwise.
    says: RefCell<Option<Vec<u8>>>,
    /// Its connections that nobody has looked after yet.
    open: RefCell<Vec<JoinHandle<()>>>,
}

struct Register([Known; 3]);

impl Identify for Register {
    fn identify(&self, presented: &Presented) -> Result<(Identified, Option<Source>), Trouble> {
        let (hash, claim) = match presented {
            Presented::Nothing => return Ok((Identified::Nobody, None)),
            Presented::Foreign => return Ok((Identified::Foreign, None)),
            Presented::Mistyped => return Ok((Identified::Unknown, None)),
            Presented::Token { hash, claim } => (hash, claim),
        };
        let found = self.0.iter().find(|known| {
            let owner = &known.principal.owner;
            let fits = match (claim, owner) {
                (Claim::Bare, _) | (Claim::TokenAuth, Owner::Project(_)) => true,
                (Claim::User(name), Owner::User(owner)) => owner.is(name),
                _ => false,
            };
            fits && TokenHash::of(known.secret.as_bytes()) == *hash
        });
        let found = found.map(|known| Identified::Token(Rc::clone(&known.principal)));
        Ok((found.unwrap_or(Identified::Unknown), Some("memory")))
    }

    fn groups(&self, _user: &UserName) -> Result<Vec<GroupName>, Trouble> {
        Ok(Vec::new())
    }

    fn used(&self, _token: &TokenPrincipal, _at: Timestamp, _from: Option<IpAddr>) {}

    fn tell(&self, _note: Note, _by: Author) {}
}

struct Nobody;

impl SideDoor for Nobody {
    fn serve<'a>(&'a self, _knock: Knock<'a>) -> LocalBoxFuture<'a, Served> {
        Box::pin(async { Served { answer: Ok((StatusCode::OK, "{}".to_owned())), person: None } })
    }

    fn most_body(&self) -> usize {
        1024
    }
}

impl Registrar for Nobody {
    fn name_ended(
        &self,
        _place: Place,
        _end: NameEnd,
        _by: Author,
        _request: String,
    ) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// The log, kept until somebody looks at it.
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn known(
    place: [&'static str; 2],
    id: u8,
    owner: Owner,
    told: &'static str,
    level: Level,
) -> Known {
    let fill = |buffer: &mut [u8]| {
        buffer
            .iter_mut()
            .zip(1_u8..)
            .for_each(|(byte, n)| *byte = n.wrapping_mul(7).wrapping_add(id));
        Ok::<_, Infallible>(())
    };
    let Ok(secret) = token::mint(owner.kind(), fill);
    let secret = secret.expose().to_owned();
    let user = match owner.kind() {
        OwnerKind::User => told,
        _ => "x-token-auth",
    };
    let pair = format!("{user}:{secret}");
    let permissions = Permissions::combine(&[Permission::Repository(level)], owner.kind()).unwrap();
    let principal = Rc::new(TokenPrincipal {
        id: TokenId(id.into()),
        name: format!("t{id}"),
        permissions,
        owner,
        limits: Limits::default(),
        expires: None,
        rights: Rights::Host,
        groups: Vec::new(),
        identity: None,
    });
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
    Known { place, secret, basic, told, principal }
}

fn tokens() -> [Known; 3] {
    let user = |name| Owner::User(UserName::new(name).unwrap());
    let team = Owner::of_project("team", None).unwrap();
    [
        known(["{a}", "{A}"], 1, user("alice"), "alice", Level::Write),
        known(["{b}", "{B}"], 2, user("bob"), "bob", Level::Read),
        known(["{p}", "{P}"], 3, team, "gitlatch", Level::Read),
    ]
}

impl House {
    /// A house whose host is told names in a header, or has one credential for all.
    pub(crate) fn new(fixed: bool) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build_local(LocalOptions::default())
            .unwrap();
        let host = Rc::<Host>::default();
        let metrics = Arc::new(Metrics::default());
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::task::spawn_local(Rc::clone(&host).serve(listener));
            address
        });
        let (next, ahead) = (Cell::new(1), Cell::new(false));
        Self { runtime, host, metrics, address, tokens: tokens(), next, fixed, ahead }
    }

    /// Does something with the house of this thread. A new one is built when its clock, which jumps ahead
    /// whenever nobody has anything to do, is too far from that of the machine, by which some of the gate goes.
    pub(crate) fn with(own: &'static LocalKey<RefCell<Self>>, act: impl FnOnce(&Self)) {
        own.with_borrow_mut(|house| {
            if house.ahead.get() {
                *house = Self::new(house.fixed);
            }
            act(house);
        });
    }

    /// Puts the tokens where their places are.
    pub(crate) fn fill(&self, bytes: &[u8]) -> Vec<u8> {
        let mut filled = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        'next: while let Some(byte) = rest.first() {
            for known in &self.tokens {
                for (place, with) in known.place.iter().zip([&known.secret, &known.basic]) {
                    if let Some(behind) = rest.strip_prefix(place.as_bytes()) {
                        filled.extend_from_slice(with.as_bytes());
                        rest = behind;
                        continue 'next;
                    }
                }
            }
            filled.push(*byte);
            rest = &rest[1..];
        }
        filled
    }

    /// One connection: these bytes at once, and when nobody has anything to do any more, its end. The host
    /// answers with this, if anything.
    pub(crate) fn exchange(&self, bytes: &[u8], says: Option<&[u8]>) -> Exchange {
        let next = self.next.get();
        self.next.set(next + 1);
        let peer = IpAddr::V6(Ipv6Addr::from((0xfd00 << 112) + next));
        self.host.says.replace(says.map(<[u8]>::to_vec));
        let log = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Box::new(Kept(Arc::clone(&log)));
        let writer = LineWriter::start(true, Arc::clone(&self.metrics), kept).unwrap();
        let book = GuestBook::new(writer.lines(), Arc::clone(&self.metrics));
        let received = self.runtime.block_on(self.client(bytes, peer, book));
        // It writes what is left, at once.
        drop(writer);
        let log = std::mem::take(&mut *log.lock().unwrap());
        let seen = self.host.seen.take().into_iter();
        // What was on its way for another exchange, which has ended, is no concern of this one.
        let seen = seen.filter(|seen| seen.exchange.is_none_or(|of| of == peer));
        Exchange { received, seen: seen.map(|seen| seen.message).collect(), peer, log }
    }

    async fn client(&self, bytes: &[u8], peer: IpAddr, book: GuestBook) -> Vec<u8> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let register = Register(self.tokens.clone());
        let gate = Rc::new(gate(self.address, self.fixed, register, book));
        let service = hyper::service::service_fn(move |request| {
            let gate = Rc::clone(&gate);
            async move { Ok::<_, Infallible>(gate.handle(Some(peer), request).await) }
        });
        // As `server::connection` has it.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENT)
            .max_buf_size(1024 * 1024)
            .max_header_size(64 * 1024)
            .serve_connection(TokioIo::new(theirs), service);
        let connection = tokio::task::spawn_local(connection);
        let (mut reader, mut writer) = tokio::io::split(ours);
        let reading = tokio::task::spawn_local(async move {
            let mut received = Vec::new();
            // A connection may end in any way.
            let _ = reader.read_to_end(&mut received).await;
            received
        });
        let _ = writer.write_all(bytes).await;
        tokio::time::sleep(QUIET).await;
        let _ = writer.shutdown().await;
        // The gate goes with it.
        let _ = connection.await.unwrap();
        tokio::time::sleep(QUIET).await;
        self.host.is_well().await;
        let ahead =
            tokio::time::Instant::now().into_std().saturating_duration_since(Instant::now());
        self.ahead.set(ahead > AHEAD);
        reading.await.unwrap()
    }
}

impl Exchange {
    /// Holds the log to what is true of every log: what the host saw and what was answered has a line in it,
    /// and none of these secrets is in any.
    pub(crate) fn log_is_whole_and_clean<'a>(
        &self,
        answers: &[Message],
        secrets: impl IntoIterator<Item = &'a str>,
    ) {
        let log = self.log.escape_ascii();
        for message in self.seen.iter().chain(answers) {
            for id in message.values("x-request-id") {
                let member = [b"\"id\":\"", id, b"\""].concat();
                assert_eq!(times(&self.log, &member), 1, "{message:?} in the log: {log}");
            }
        }
        for secret in secrets {
            assert_eq!(times(&self.log, secret.as_bytes()), 0, "{secret} in the log: {log}");
        }
    }
}

/// How often one text is in another.
pub(crate) fn times(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text).count()
}

fn gate(address: SocketAddr, fixed: bool, register: Register, book: GuestBook) -> Gate {
    let public = Origin {
        https: true,
        host: "git.test".to_owned(),
        port: 443,
        authority: "git.test".to_owned(),
        prefix: String::new(),
    };
    let authority = address.to_string();
    let origin = Origin {
        https: false,
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        authority: authority.clone(),
        prefix: String::new(),
    };
    let identity = if fixed {
        Identity::Fixed(Secret::new(SECRET.to_owned()))
    } else {
        let service_user = ServiceUser::new("gitlatch").unwrap();
        Identity::Header { name: IDENTITY.to_owned(), service_user }
    };
    let (connect_timeout, pool_idle, tls) =
        (PATIENT, NEVER, HostFiles { ca: None, system_roots: false, client: None });
    let remote = Remote {
        origin,
        host: authority,
        connect_timeout,
        pool_idle,
        health_interval: None,
        tls,
        identity,
    };
    let host = RemoteHost::new(&remote, &public, None).unwrap();
    let ways = Ways {
        forwarder: Forwarder::Remote(Box::new(host)),
        queue: Queue::new(Bounds { requests: 64, waiting: 64, wait: PATIENT, share: None }),
        rates: Arc::default(),
        vault: None,
        tickets: Arc::new(Tickets::new(&TicketKey::generate().unwrap()).unwrap()),
        side_door: Box::new(Nobody),
        registrar: Rc::new(Nobody),
    };
    let rules = Arc::new(ArcSwap::from_pointee(rules(fixed)));
    let (complaints, ids) = (Arc::<Complaints>::default(), Ids::starting_at(1));
    Gate::new(rules, Box::new(register), ways, book, complaints, ids)
}

fn rules(fixed: bool) -> Rules {
    Rules {
        kind: Kind::Git,
        prefix: String::new(),
        trusted_proxies: TrustedProxies::default(),
        people_pass: false,
        anonymous_read: false,
        shared_identity: fixed,
        protections: Vec::new(),
        own: Vec::new(),
        push_options: Vec::new(),
        lfs_other_hosts: OtherHosts::Pass,
        idle_timeout: PATIENT,
        max_body: None,
        headers: 100,
        requests_per_token: None,
        requests_per_address: None,
    }
}

impl Host {
    async fn serve(self: Rc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let conversation = tokio::task::spawn_local(Rc::clone(&self).converse(stream));
            self.open.borrow_mut().push(conversation);
        }
    }

    /// A panic in a connection of the host's is one of the test's.
    async fn is_well(&self) {
        let (ended, open): (Vec<_>, Vec<_>) =
            self.open.take().into_iter().partition(JoinHandle::is_finished);
        self.open.borrow_mut().extend(open);
        for conversation in ended {
            conversation.await.unwrap();
        }
    }

    /// Answers every request of one connection. One that is begun is written down as far as it came.
    async fn converse(self: Rc<Self>, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut bytes = Vec::new();
        loop {
            let end = stream.read_buf(&mut bytes).await.is_ok_and(|read| read == 0);
            let message = reading::requests(&bytes).into_iter().next();
            if end && !bytes.is_empty() {
                let begun = message.clone().unwrap_or_else(|| Message::garbled(&bytes));
                self.write_down(begun);
            }
            match message {
                _ if end => return,
                Some(message) if message.whole => {
                    // Nothing is sent ahead of an answer: what is, nobody asked for.
                    if message.length != bytes.len() {
                        self.write_down(Message::garbled(&bytes));
                        return;
                    }
                    bytes.clear();
                    let answer = self.answer(&message);
                    self.write_down(message);
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn write_down(&self, message: Message) {
        let from = message.values("x-forwarded-for");
        let exchange = match &from[..] {
            [one] => std::str::from_utf8(one).ok().and_then(|text| text.parse().ok()),
            _ => None,
        };
        self.seen.borrow_mut().push(Seen { message, exchange });
    }

    fn answer(&self, message: &Message) -> Vec<u8> {
        let says = self.says.borrow();
        let (kind, body) = match &*says {
            Some(says) => ("application/vnd.git-lfs+json", says.clone()),
            None => ("text/plain", message.echo().into_bytes()),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nX-Echo: {}\r\nSet-Cookie: {SESSION}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            message.echo(),
            body.len()
        );
        let body = if message.method == "HEAD" { Vec::new() } else { body };
        [head.into_bytes(), body].concat()
    }
}
