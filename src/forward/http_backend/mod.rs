//! A folder of bare repositories, served by git's own CGI program, `git http-backend`.
//!
//! Its environment is cleared: hooks inherit it, so nothing stands in it that a hook may not know. Who
//! pushes is told (`REMOTE_USER`) only under a permit for a change, because the name is what makes
//! `http-backend` accept a push at all.

mod alternates;
mod bare;
mod cgi;
mod complaints;
mod find;
mod folder;
mod output;
mod running;

pub use find::{FindError, find};
pub use folder::{Folder, FolderError, Unservable};
pub use output::ChildOutput;

use super::body::{Body, Meter, Upload, UploadState, unless_idle};
use super::{ForwardError, Outbound};
use crate::domain::policy::{Permit, Traveller};
use crate::domain::service_user::ServiceUser;
use bytes::{Buf, Bytes};
use complaints::Complaints;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use running::{Room, Running, Seat};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinHandle;

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// What pipes to and from the program hold, where the system allows it: fewer, larger copies.
const PIPE: usize = 1024 * 1024;
/// The most that is held of an answer that begins before it is known whether the request may be so long.
const HELD: usize = 64 * 1024;

/// The program and the folder that it serves.
pub struct HttpBackend {
    program: PathBuf,
    folder: Folder,
    service_user: ServiceUser,
    path: OsString,
    room: Room,
    complaints: Rc<Complaints>,
}

impl HttpBackend {
    /// The backend for `folder`, of the worker whose thread this is.
    #[must_use]
    pub fn new(program: PathBuf, folder: Folder, service_user: ServiceUser) -> Self {
        let path =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let (room, complaints) = (Room::open(), Complaints::new());
        Self { program, folder, service_user, path, room, complaints }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) async fn send(
        &self,
        permit: &Permit,
        request: Outbound,
        idle: Duration,
    ) -> Result<Response<Body>, ForwardError> {
        let nobody = *permit.traveller() == Traveller::Nobody;
        let path = self.locate(permit, request.service())?;
        let seat = self.room.seat().ok_or(ForwardError::Programs)?;
        let meter = Rc::clone(&request.meter);
        // What it waited for its slot is not the program's silence.
        meter.saw();
        let limit = request.body.limit();
        let (mut output, fed) = self.start(permit, request, &path, seat, idle)?;
        // git answers before it has read the request, and a head that is sent cannot become a 413.
        let fed = fed.filter(|_| limit < u64::MAX);
        let head = unless_idle(pin!(begin(&mut output, fed)), &meter, idle).await;
        let (status, mut headers) = match (head, meter.upload()) {
            // A push that is refused is not to come to its end all the same.
            (_, UploadState::TooLarge) => {
                output.end();
                return Err(ForwardError::TooLarge(limit));
            }
            (Some(Ok(head)), _) => head,
            (_, UploadState::Broken) => return Err(ForwardError::Client),
            (_, UploadState::Stalled) => {
                output.end();
                return Err(ForwardError::Stalled);
            }
            (failed, _) => {
                output.end();
                let error = failed.and_then(Result::err);
                return Err(error.map_or(ForwardError::Silent, ForwardError::Backend));
            }
        };
        if status == StatusCode::NOT_FOUND && nobody {
            return Err(ForwardError::NotPublic);
        }
        super::headers::inbound(&mut headers, &[], false);
        if let Some(length) = text(&headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok()) {
            output.promise(length);
        }
        let mut response = Response::new(Body::Child(Box::new(output)));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The `PATH_INFO` of the request.
    fn locate(&self, permit: &Permit, service: &str) -> Result<String, ForwardError> {
        // Nothing else is in a folder.
        let repository = permit.repository().ok_or(ForwardError::Unsendable)?;
        self.folder.locate(repository, service).map_err(|why| match (permit.traveller(), why) {
            (_, Unservable::OutOfReach(error)) => ForwardError::backend(error),
            // Who shows no credential is not told what exists: what is missing looks like what is not
            // public.
            (Traveller::Nobody, _) => ForwardError::NotPublic,
            (_, Unservable::Missing) => ForwardError::NoRepository(repository.to_string()),
            (_, Unservable::Borrows) => ForwardError::Borrows(repository.to_string()),
        })
    }

    /// Starts the program; its output, and the feeding of it, if there is anything to feed it with.
    fn start(
        &self,
        permit: &Permit,
        request: Outbound,
        path: &str,
        seat: Seat,
        idle: Duration,
    ) -> Result<(ChildOutput, Option<JoinHandle<()>>), ForwardError> {
        let meter = request.meter.clone();
        let mut child =
            self.command(permit, &request, path).spawn().map_err(ForwardError::backend)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // What merely asks for a push's advertisement changes nothing.
        let changes = permit.writes() && request.method == Method::POST;
        let program: Running = self.room.watch(child, seat, changes, idle);
        let Some(stdout) = stdout else { return Err(ForwardError::Unsendable) };
        if let Some(stderr) = stderr {
            let complaints = Rc::clone(&self.complaints);
            tokio::task::spawn_local(complaints.listen(stderr, request.id));
        }
        let feeding = |stdin| {
            let fed = feed(request.body, stdin, Rc::clone(&meter));
            let meter = Rc::clone(&meter);
            tokio::task::spawn_local(async move {
                // A program that takes nothing and says nothing is not waited for for ever.
                unless_idle(pin!(fed), &meter, idle).await;
            })
        };
        let fed = stdin.map(feeding);
        enlarge(&stdout);
        Ok((ChildOutput::new(stdout, program, meter, idle, request.slot), fed))
    }

    /// The program with the variables of CGI (RFC 3875) that it reads (git's `http-backend.c`).
    fn command(&self, permit: &Permit, request: &Outbound, path: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_PROJECT_ROOT", self.folder.root())
            .env("PATH_INFO", path)
            .env("REQUEST_METHOD", request.method.as_str())
            .env("QUERY_STRING", request.target.query().unwrap_or_default())
            .current_dir(self.folder.root())
            .stdin(if request.body.length() == Some(0) { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if *permit.traveller() != Traveller::Nobody {
            // Without it, only repositories with a file `git-daemon-export-ok` are shown: the public ones.
            command.env("GIT_HTTP_EXPORT_ALL", "1");
        }
        if permit.writes() {
            command.env("REMOTE_USER", self.name(permit));
        }
        if permit.hold().no_force {
            // Read by receive-pack like a configuration (git-config, GIT_CONFIG_COUNT).
            command
                // A replacement could make a stranger look like a descendant.
                .env("GIT_NO_REPLACE_OBJECTS", "1")
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "receive.denyNonFastForwards")
                .env("GIT_CONFIG_VALUE_0", "true");
        }
        if let Some(client) = request.client {
            command.env("REMOTE_ADDR", client.to_string());
        }
        // Never CONTENT_LENGTH: given one, http-backend spins for ever when a body ends before its length
        // (`pipe_fixed_length` takes the end for a read of nothing). Without it, it reads to the end.
        let headers = &request.headers;
        for (name, variable) in [
            (CONTENT_TYPE, "CONTENT_TYPE"),
            (CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
            (GIT_PROTOCOL, "HTTP_GIT_PROTOCOL"),
        ] {
            if let Some(value) = text(headers, &name) {
                command.env(variable, value);
            }
        }
        command
    }

    fn name(&self, permit: &Permit) -> String {
        match permit.traveller() {
            Traveller::User(name) => name.to_string(),
            Traveller::Service { project, repository } => {
                self.service_user.name(project, repository.as_deref())
            }
            // No permit for a change has nobody for a traveller; git refuses an empty name too.
            Traveller::Nobody => String::new(),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn enlarge(pipe: impl std::os::fd::AsFd) {
    // Systems without it, or with a lower limit, keep their own size.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE);
}

/// Reads the head of the answer. Where `fed` is given, it is held back until the request was fed whole
/// or broke off, the answer ends, or more of it came than is held.
async fn begin(
    output: &mut ChildOutput,
    fed: Option<JoinHandle<()>>,
) -> io::Result<(StatusCode, HeaderMap)> {
    let head = cgi::read_head(output).await?;
    if let Some(mut fed) = fed {
        while output.buffered().len() < HELD {
            tokio::select! {
                biased;
                _ = &mut fed => break,
                more = output.fill() => if !more? { break },
            }
        }
    }
    Ok(head)
}

/// Feeds the request's body to the program. When the body breaks off the pipe just ends, and git
/// notices that the pack is cut: every pack ends in its checksum. When the program has heard enough,
/// the rest is drained as the body is dropped.
async fn feed(mut body: Upload, mut stdin: ChildStdin, meter: Rc<Meter>) {
    enlarge(&stdin);
    while let Some(Ok(frame)) = body.frame().await {
        let mut data: Bytes = frame.into_data().unwrap_or_default();
        while data.has_remaining() {
            let Ok(taken) = stdin.write(&data).await else { return };
            data.advance(taken);
            meter.saw();
        }
    }
}

/// An answer that is no CGI answer.
fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
