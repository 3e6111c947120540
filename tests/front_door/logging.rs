//! The log: a reader that stalls stops nobody, and no level makes libraries tell secrets.

use super::support::{
    PATIENCE, Seen, SiteBuilder, Upstream, bearer, eventually, read_head, request,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// A process that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ends {
    fn signal(&self, name: &str) {
        let number = self.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &number]).status().unwrap();
        assert!(sent.success());
    }

    fn status(&mut self) -> Option<i32> {
        let status = eventually("an end", || self.0.try_wait().unwrap());
        status.code()
    }
}

/// An upstream that never answers requests about `hangs`, and breaks off all others.
fn upstream() -> Upstream {
    Upstream::raw(|stream, record, connection| {
        let Some(head) = read_head(stream) else { return };
        if head.contains("/hangs.git/") {
            record(Seen { head, body: Vec::new(), connection });
            let _ = stream.read(&mut [0]);
        }
    })
}

/// How often it is told to stop, with what in the way, and its exit status.
const STOPS: [(usize, bool, i32); 2] = [(1, false, 0), (2, true, 1)];

#[test]
fn a_reader_that_stalls_stops_nobody() {
    for (times, hangs, status) in STOPS {
        let upstream = upstream();
        let mut site = SiteBuilder::url(&upstream.url(), "").server("threads = 1").prepare();
        site.user("alice");
        let (token, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
        let mut serve = site.command(&["serve"]);
        let mut serve = Ends(serve.stdout(Stdio::piped()).spawn().unwrap());
        let mut stdout = BufReader::new(serve.0.stdout.take().unwrap());
        let address = listening(&mut stdout);
        // From now on nobody reads, and a page of lines is too much.
        rustix::pipe::fcntl_setpipe_size(stdout.get_ref(), 4096).unwrap();
        let head = "GET /team/app.git/HEAD";
        for _ in 0..200 {
            assert_eq!(request(address, head, "", b"").status, 401);
        }
        // A worker that has something to tell, and the thread that hears signals.
        assert_eq!(request(address, head, &bearer(&token), b"").status, 502);
        serve.signal("HUP");
        assert_eq!(request(address, head, "", b"").status, 401);
        let mut waiting = TcpStream::connect(address).unwrap();
        if hangs {
            let head = "GET /team/hangs.git/HEAD HTTP/1.1\r\nHost: x\r\n";
            waiting.write_all(format!("{head}{}\r\n", bearer(&token)).as_bytes()).unwrap();
            eventually("it waits upstream", || (!upstream.seen().is_empty()).then_some(()));
        }
        serve.signal("TERM");
        for _ in 1..times {
            // A signal that comes while another is on its way is the same one.
            eventually("no new connections", || TcpStream::connect(address).is_err().then_some(()));
            assert!(serve.0.try_wait().unwrap().is_none(), "it waits for a transfer");
            serve.signal("TERM");
        }
        assert_eq!(serve.status(), Some(status));
        drop((stdout, waiting));
        // What stopped so starts again.
        site.start();
    }
}

/// Reads until it is told where it listens, for clients and for operators.
fn listening(lines: &mut impl BufRead) -> SocketAddr {
    let mut address = None;
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "serve ended");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        match event["message"].as_str() {
            Some("listening") => address = event["address"].as_str().unwrap().parse().ok(),
            Some("operations") => return address.unwrap(),
            _ => {}
        }
    }
}

/// A request over HTTP/2 whose path no HTTP library takes: its head by hand (RFC 7541 §6.2.2, RFC 9113).
fn malformed(path: &str) -> Vec<u8> {
    // :method GET, :scheme https, and :authority and :path as literals that are not indexed.
    let mut block = vec![0x82, 0x87];
    for (index, value) in [(1_u8, "localhost"), (4, path)] {
        block.push(index);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // HEADERS on stream 1, the end of the headers and of the stream.
    bytes.extend_from_slice(&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    bytes
}

#[test]
fn no_level_makes_libraries_tell_what_clients_send() {
    let named = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(named.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let secret = format!("latu_{}", "s3cr3t".repeat(6));
    for level in ["debug", "trace"] {
        let builder = SiteBuilder::repositories();
        let folder = builder.folder();
        fs::write(folder.join("cert.pem"), named.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), named.signing_key.serialize_pem()).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.join("key.pem"), private).unwrap();
        let site = builder
            .server("tls_cert = 'cert.pem'\ntls_key = 'key.pem'")
            .section(&format!("[log]\nlevel = '{level}'"))
            .start();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let socket = TcpStream::connect(site.address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, socket);
        stream.write_all(&malformed(&format!("/web/x y?access_token={secret}"))).unwrap();
        until_refused(&mut stream);
        // Our own events are there at that level: what was said before them was written before them.
        drop(stream);
        let mut plain = TcpStream::connect(site.address()).unwrap();
        plain.write_all(b"no TLS at all\r\n\r\n").unwrap();
        let failed = site.logged(&[r#""level":"debug""#, "TLS handshake failed"]);
        assert_eq!(failed["client"], "127.0.0.1");
        assert!(!site.log().contains(&secret), "{level}: {}", site.log());
    }
}

/// Reads frames until the stream is reset (RFC 9113 §6.4), which is how such a request is refused.
fn until_refused(stream: &mut impl Read) {
    loop {
        let mut head = [0; 9];
        match stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return,
            Err(error) => panic!("no refusal: {error}"),
        }
        if head[3] == 3 {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        std::io::copy(&mut stream.take(length.into()), &mut std::io::sink()).unwrap();
    }
}
