//! The port: what one value of [`Git`] keeps between calls, and the way from a call to a connection.

use crate::error::Failure;
use crate::http::{self, Http};
use crate::options::{Limits, Options};
use crate::process::Process;
use crate::references;
use crate::wire::{Capabilities, Server, Service};
use gitops_core::git_location::{Credentials, GitLocation, Transport};
use gitops_core::ports::{Checkout, FetchRequest, GitReference, GitRemote, PortError, PushRequest};
use gitops_core::revision::Revision;
use reqwest::Client;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;

/// How many servers are remembered before all are forgotten.
const REMEMBERED: usize = 1_000;

/// Git repositories over https, http, ssh and on this machine. It wants tokio's runtime around it.
///
/// What a server can do is remembered, so that a poll over HTTP is one request, and connections are kept open. Cloning is
/// cheap and shares both. A call that is dropped goes on in the background, at most for [`Options::timeout`].
#[derive(Clone, Default)]
pub struct Git {
    shared: Arc<Shared>,
}

impl fmt::Debug for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Git").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    options: Options,
    clients: Mutex<HashMap<Credentials, Client>>,
    known: Mutex<HashMap<String, Known>>,
}

/// What is remembered of a server of protocol 2 over HTTP.
#[derive(Clone)]
struct Known {
    base: String,
    capabilities: Capabilities,
}

impl Git {
    /// Makes a remote with other options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { shared: Arc::new(Shared { options, ..Shared::default() }) }
    }

    /// Runs a call on a thread that may wait.
    async fn run<T: Send + 'static>(
        &self,
        location: &GitLocation,
        call: impl FnOnce(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        let shared = Arc::clone(&self.shared);
        let deadline = Instant::now() + shared.options.timeout;
        let runtime = Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            call(&Session {
                shared: &shared,
                deadline,
                runtime,
                submodules: AtomicUsize::new(0),
                bytes: AtomicUsize::new(0),
                entries: AtomicUsize::new(0),
            })
        });
        match task.await {
            Ok(result) => result.map_err(|failure| failure.of(location)),
            Err(error) if error.is_cancelled() => {
                Err(PortError::give_up("the program ends").while_doing(location))
            }
            Err(_) => Err(PortError::stalled("a fault of this program while it talked to the server")
                .while_doing(location)),
        }
    }
}

/// One call of the port.
pub(crate) struct Session<'a> {
    shared: &'a Shared,
    deadline: Instant,
    runtime: Handle,
    submodules: AtomicUsize,
    bytes: AtomicUsize,
    /// The entries of all directories that were read.
    pub(crate) entries: AtomicUsize,
}

impl Session<'_> {
    pub(crate) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Returns the limits of what is fetched next: what the repository and its submodules so far have left.
    pub(crate) fn limits(&self) -> Limits {
        let limits = self.options().limits;
        Limits {
            total_bytes: limits.total_bytes.saturating_sub(self.bytes.load(Ordering::Relaxed)),
            ..limits
        }
    }

    /// Counts a repository's objects against the limit of all.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a submodule against its limit.
    pub(crate) fn count_submodule(&self) -> Result<(), Failure> {
        let most = self.options().limits.submodules;
        if self.submodules.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(Failure::Bad(format!("there are more than {most} submodules")));
        }
        Ok(())
    }

    /// Connects and runs a conversation; it may run twice where what was remembered of the server is no longer true.
    pub(crate) fn with_server<T>(
        &self,
        location: &GitLocation,
        service: Service,
        mut talk: impl FnMut(&mut Server<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let options = self.options();
        if matches!(location.transport, Transport::Ssh | Transport::File) {
            let mut process = Process::new(location, options, self.deadline);
            return talk(&mut Server::connect(&mut process, service, self.limits())?);
        }
        let client = self.client(&location.credentials)?;
        let http =
            |base| Http::new(client.clone(), location, base, options, self.runtime.clone(), self.deadline);
        let url = location.to_string();
        let known = lock(&self.shared.known).get(&url).cloned();
        if let Some(known) = known.filter(|_| service == Service::UploadPack) {
            let mut channel = http(Some(known.base))?;
            let mut server = Server::known(&mut channel, known.capabilities, self.limits());
            let result = talk(&mut server);
            if result.is_ok() || server.has_answered() {
                return result;
            }
            if let Err(failure @ (Failure::Refused(_) | Failure::Busy(..) | Failure::Passing(_))) = result {
                return Err(failure);
            }
            lock(&self.shared.known).remove(&url);
        }
        let mut channel = http(None)?;
        let mut server = Server::connect(&mut channel, service, self.limits())?;
        let capabilities = server.capabilities.clone();
        let result = talk(&mut server);
        if capabilities.is_v2 && service == Service::UploadPack {
            let known = Known { base: channel.base().to_owned(), capabilities };
            remember(&self.shared.known, url, known);
        }
        result
    }

    /// Returns the client for servers that want these certificates.
    fn client(&self, credentials: &Credentials) -> Result<Client, Failure> {
        let certificates = Credentials {
            ca: credentials.ca.clone(),
            client_certificate: credentials.client_certificate.clone(),
            client_key: credentials.client_key.clone(),
            ..Credentials::default()
        };
        if let Some(client) = lock(&self.shared.clients).get(&certificates) {
            return Ok(client.clone());
        }
        let client = http::client(&certificates, self.options())?;
        remember(&self.shared.clients, certificates, client.clone());
        Ok(client)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember<K: Hash + Eq, V>(map: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut map = lock(map);
    if map.len() >= REMEMBERED {
        map.clear();
    }
    map.insert(key, value);
}

impl GitRemote for Git {
    async fn resolve(&self, location: &GitLocation, reference: &GitReference) -> Result<Revision, PortError> {
        if let Some(commit) = &reference.commit {
            // A commit's id says it all; whether the server has it is for the fetch to find out.
            let id = references::commit_id(commit).map_err(|failure| failure.of(location))?;
            return Ok(Revision::git(reference.branch.clone().unwrap_or_default(), id.to_string()));
        }
        let (to, wanted) = (location.clone(), reference.clone());
        self.run(location, move |session| {
            session.with_server(&to, Service::UploadPack, |server| {
                references::find(server, &wanted).map(|found| found.revision())
            })
        })
        .await
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Checkout, PortError> {
        let asked = request.clone();
        self.run(&request.location, move |session| crate::fetch::fetch(session, &asked)).await
    }

    async fn push(&self, request: &PushRequest) -> Result<String, PortError> {
        let asked = request.clone();
        self.run(&request.location, move |session| crate::push::push(session, &asked)).await
    }
}
