//! A folder of bare repositories, served by git's own CGI program, `git http-backend`.
//!
//! Its environment is cleared: hooks inherit it, so nothing stands in it that a hook may not know. Who
//! pushes is told (`REMOTE_USER`) only under a permit for a change, because the name is what makes
//! `http-backend` accept a push at all.

mod cgi;
mod find;
mod folder;
mod output;

pub use find::{FindError, find};
pub use folder::{Folder, FolderError};
pub use output::ChildOutput;

use super::body::{Body, Upload, UploadState, unless_idle};
use super::{ForwardError, Outbound};
use crate::domain::policy::{Permit, Traveller};
use crate::domain::service_user::ServiceUser;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// What pipes to and from the program hold, where the system allows it: fewer, larger copies.
const PIPE: usize = 1024 * 1024;
/// The most that is kept of what the program says on standard error, for the log.
const COMPLAINT: u64 = 4 * 1024;

/// The program and the folder that it serves.
pub struct HttpBackend {
    program: PathBuf,
    folder: Folder,
    service_user: ServiceUser,
    path: OsString,
}

impl HttpBackend {
    /// The backend for `folder`.
    #[must_use]
    pub fn new(program: PathBuf, folder: Folder, service_user: ServiceUser) -> Self {
        let path =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        Self { program, folder, service_user, path }
    }

    pub(super) async fn send(
        &self,
        permit: &Permit,
        request: Outbound,
        idle: Duration,
    ) -> Result<Response<Body>, ForwardError> {
        let repository = permit.repository();
        let nobody = *permit.traveller() == Traveller::Nobody;
        // Who shows no credential is not told what exists: what is missing looks like what is not public.
        let missing = || {
            if nobody {
                ForwardError::NotPublic
            } else {
                ForwardError::NoRepository(repository.to_string())
            }
        };
        let path = self.folder.locate(repository, &request.service).ok_or_else(missing)?;
        let meter = Rc::clone(&request.meter);
        let limit = request.body.limit();
        let mut child =
            self.command(permit, &request, &path).spawn().map_err(ForwardError::Backend)?;
        if let Some(stdin) = child.stdin.take() {
            tokio::task::spawn_local(feed(request.body, stdin));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::task::spawn_local(complain(stderr, request.id.clone()));
        }
        let Some(stdout) = child.stdout.take() else { return Err(ForwardError::Unsendable) };
        enlarge(&stdout);
        let mut output = ChildOutput::new(stdout, child, Rc::clone(&meter), idle);
        let head = unless_idle(cgi::read_head(&mut output), &meter, idle).await;
        let (status, mut headers) = match (head, meter.upload()) {
            (Some(Ok(head)), _) => head,
            (_, UploadState::Broken) => return Err(ForwardError::Client),
            (_, UploadState::Stalled) => return Err(ForwardError::Stalled),
            (_, UploadState::TooLarge) => return Err(ForwardError::TooLarge(limit)),
            (Some(Err(error)), _) => return Err(ForwardError::Backend(error)),
            (None, _) => return Err(ForwardError::Silent),
        };
        if status == StatusCode::NOT_FOUND && nobody {
            return Err(ForwardError::NotPublic);
        }
        super::headers::inbound(&mut headers, &[], false);
        let mut response = Response::new(Body::Child(Box::new(output)));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
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

/// Feeds the request's body to the program. When the body breaks off the pipe just ends, and git
/// notices that the pack is cut: every pack ends in its checksum. When the program has heard enough,
/// the rest is drained as the body is dropped.
async fn feed(mut body: Upload, mut stdin: ChildStdin) {
    enlarge(&stdin);
    while let Some(Ok(frame)) = body.frame().await {
        let data: Bytes = frame.into_data().unwrap_or_default();
        if stdin.write_all(&data).await.is_err() {
            return;
        }
    }
}

/// Puts what the program says on standard error into the log, within bounds, and reads the rest away.
async fn complain(stderr: tokio::process::ChildStderr, id: http::HeaderValue) {
    let mut lines = BufReader::new(stderr).take(COMPLAINT).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::warn!(id = id.to_str().unwrap_or_default(), "git http-backend: {line}");
    }
    let mut rest = lines.into_inner().into_inner();
    let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
}

/// Ends the program and everything that it started, so that git can put its locks and temporary files
/// away.
fn end(child: &Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
        // It may have ended on its own in this moment.
        let _: Result<(), _> =
            rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    }
}

/// An answer that is no CGI answer.
fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
