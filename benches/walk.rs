//! What one request costs: the pure rooms on their own, and the whole walk over loopback beside the
//! same request sent straight to the upstream. Compare the two of one run: machines are noisy.

#![expect(clippy::expect_used, reason = "a bench that cannot go on has nothing to say")]
#![expect(clippy::panic, reason = "a bench that cannot go on has nothing to say")]

use arc_swap::ArcSwap;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use gitlatch::app::{House, now};
use gitlatch::auth::credential;
use gitlatch::config::{self, Environment, Listen};
use gitlatch::domain::dialect::{Classified, Kind, RequestLine};
use gitlatch::domain::intent::Intent;
use gitlatch::domain::names::{NameCase, ProjectScope};
use gitlatch::domain::permission::{Level, Permission};
use gitlatch::domain::policy::limits::{Limits, Only, RefRules};
use gitlatch::domain::policy::{self, Circumstances};
use gitlatch::domain::principal::{Owner, OwnerKind, Rights, TokenPrincipal};
use gitlatch::domain::token::{self, TokenId};
use gitlatch::domain::trail::{Actor, Author};
use gitlatch::forward::headers;
use gitlatch::manage::Label;
use gitlatch::manage::tokens::{self, TokenRequest, Wanted};
use gitlatch::server::{self, Limits as Bounds, Peer, Plan, Pulse};
use gitlatch::store::sqlite::Database;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LINE: RequestLine<'_> = RequestLine {
    method: "GET",
    path: "/scm/team/app.git/info/refs",
    query: Some("service=git-upload-pack"),
};

/// A request of the REST API, as deep as they go.
const REST: RequestLine<'_> = RequestLine {
    method: "PUT",
    path: "/rest/api/latest/projects/TEAM/repos/app/pull-requests/4711/comments/815",
    query: None,
};

/// What is in no table and is held against every spelling of what is forbidden.
const UNLISTED: RequestLine<'_> = RequestLine {
    method: "POST",
    path: "/rest/api/latest/projects/TEAM/repos/app/pull-requests/4711/%6Derge.json",
    query: None,
};

fn intent() -> Intent {
    match Kind::Git.classify("", LINE) {
        Ok(Classified::Known(intent)) => *intent,
        other => panic!("{other:?}"),
    }
}

fn principal() -> TokenPrincipal {
    let owner = Owner::Project(ProjectScope::new("team/**").expect("a scope"));
    TokenPrincipal {
        id: TokenId(1),
        name: "ci".to_owned(),
        permissions: gitlatch::domain::permission::Permissions::highest(owner.kind()),
        owner,
        limits: Limits {
            only: Only::new(&["team/**", "!team/secret"]).expect("patterns"),
            from: vec!["127.0.0.0/8".parse().expect("a network")],
            refs: RefRules::default(),
        },
        expires: None,
        rights: Rights::Host,
        groups: Vec::new(),
        identity: None,
    }
}

fn request_headers(authorization: &str) -> HeaderMap {
    let lines = [
        ("host", "git.example.com"),
        ("user-agent", "git/2.47.3"),
        ("accept", "*/*"),
        ("accept-encoding", "deflate, gzip, br, zstd"),
        ("pragma", "no-cache"),
        ("git-protocol", "version=2"),
        ("authorization", authorization),
    ];
    lines
        .into_iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        })
        .collect()
}

fn rooms(c: &mut Criterion) {
    let minted = token::mint(OwnerKind::User, getrandom::fill).expect("randomness");
    let bearer = request_headers(&format!("Bearer {}", minted.expose()));
    let pair = format!("alice:{}", minted.expose());
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
    let basic = request_headers(&format!("Basic {encoded}"));
    let identity = HeaderName::from_static("x-webauth-user");
    let (who, intent) = (principal(), intent());
    let at = Circumstances {
        now: now().expect("a clock"),
        client: Some("127.0.0.1".parse().expect("an address")),
        case: NameCase::Exact,
        shared_identity: true,
    };
    let mut group = c.benchmark_group("rooms");
    group.bench_function("classify", |b| b.iter(|| Kind::Git.classify("", black_box(LINE))));
    group.bench_function("classify, REST", |b| {
        b.iter(|| Kind::Bitbucket.classify("", black_box(REST)));
    });
    group.bench_function("classify, REST, forbidden", |b| {
        b.iter(|| Kind::Bitbucket.classify("", black_box(UNLISTED)));
    });
    group.bench_function("credential, Bearer", |b| {
        b.iter(|| credential::read(black_box(&bearer)));
    });
    group.bench_function("credential, Basic", |b| {
        b.iter(|| credential::read(black_box(&basic)));
    });
    group.bench_function("decide", |b| {
        b.iter(|| policy::decide(black_box(&who), black_box(&intent), at));
    });
    group.bench_function("header hygiene", |b| {
        b.iter_batched(
            || bearer.clone(),
            |map| {
                let checked = headers::check(&map, None, Some(&identity));
                (checked, headers::outbound(&map, Some(&identity), false))
            },
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// The smallest upstream there is, on the same server as gitlatch.
struct Upstream;

impl server::Service for Upstream {
    type Body = Full<Bytes>;

    async fn call(&self, _peer: Peer, _request: Request<Incoming>) -> Response<Full<Bytes>> {
        Response::new(Full::from("ref: refs/heads/main\n"))
    }

    fn crashed(&self) -> Response<Full<Bytes>> {
        Response::new(Full::default())
    }
}

fn upstream(stop: CancellationToken) -> SocketAddr {
    let listen = Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listeners = server::bind(&[listen]).expect("a port");
    let address = listeners[0].tcp_address().expect("an address");
    let plan = Plan {
        name: "upstream",
        listeners,
        tls: None,
        workers: 1,
        limits: Arc::new(ArcSwap::from_pointee(Bounds {
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            ..Bounds::default()
        })),
        connections: Arc::default(),
        faults: Arc::default(),
        stop,
        pulse: Pulse::default(),
        opening: Box::new(|| Ok(())),
    };
    std::thread::spawn(move || server::run(plan, |_| Ok(Upstream)));
    address
}

fn house(folder: &Path, upstream: SocketAddr) -> (House, String) {
    let file = folder.join("proxy.toml");
    let text = format!(
        "[server]\nlisten = '127.0.0.1:0'\nthreads = 1\n[operations]\nlisten = ''\n[store]\n\
         path = '{}/gitlatch.db'\n[upstream]\nkind = 'git'\nurl = 'http://{upstream}'\n\
         [upstream.identity]\nmode = 'none'\n[access]\nusers = 'grants'\n",
        folder.display()
    );
    std::fs::write(&file, text).expect("a file");
    let (config, _) = config::load(&file, &Environment::process()).expect("a configuration");
    let house = House::build(config).expect("a house");
    let database = Database::open(&folder.join("gitlatch.db")).expect("a store");
    let request = TokenRequest {
        name: Label::new("bench").expect("a name"),
        owner: Owner::of_project("team", None).expect("a project"),
        permissions: Wanted::These(vec![Permission::Repository(Level::Read)]),
        limits: Limits::default(),
        lifetime: None,
        tells_force: true,
    };
    let mut registry = database.registry().expect("a registry");
    let by = Author { who: Actor::Gitlatch, from: None, at: now().expect("a clock") };
    let issued = tokens::create(&mut registry, request, &by, getrandom::fill);
    (house, issued.expect("a token").secret.expose().to_owned())
}

/// One request and its answer on a connection that stays open.
fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> usize {
    stream.write_all(request).expect("written");
    let mut read = 0;
    while !buffer[..read].ends_with(b"ref: refs/heads/main\n") {
        let more = stream.read(&mut buffer[read..]).expect("an answer");
        assert!(more > 0, "the connection ended: {}", String::from_utf8_lossy(&buffer[..read]));
        read += more;
    }
    read
}

fn whole_walk(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let upstream = upstream(stop.clone());
    let (house, token) = house(folder.path(), upstream);
    let (address, stop_house) = (house.address().expect("an address"), house.stop());
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let running = std::thread::spawn(move || house.run_with_log(Box::new(log)));
    let request = format!(
        "GET /team/app.git/HEAD HTTP/1.1\r\nHost: git.example.com\r\nUser-Agent: git/2.47.3\r\n\
         Accept: */*\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut group = c.benchmark_group("round trip");
    for (name, address) in [("direct", upstream), ("through gitlatch", address)] {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut buffer = vec![0; 4096];
        group.bench_function(name, |b| {
            b.iter(|| exchange(&mut stream, request.as_bytes(), &mut buffer));
        });
    }
    group.finish();
    stop_house.cancel();
    stop.cancel();
    let served = running.join().expect("no crash");
    served.expect("served");
}

criterion_group!(benches, rooms, whole_walk);
criterion_main!(benches);
