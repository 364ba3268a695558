//! `gitops bootstrap git`: over any git server's https, http or ssh.

use super::layout::{KUSTOMIZATION, Layout, Sync};
use crate::Failure;
use crate::cluster::ready::{POLL, condition};
use crate::cluster::{Target, address, fetch, installed, node, run as run_async, say, text, within, worded};
use crate::confirm::confirm;
use crate::create::{known_hosts, upsert};
use crate::flags::duration;
use crate::install::{Controller, install};
use gitops_core::api::{GoDuration, ServedVersions};
use gitops_core::git_location::{GitLocation, LocalRepositories, Transport};
use gitops_core::health::{self, State};
use gitops_core::ports::{
    Author, Cluster, FetchRequest, FieldConflicts, GitReference, GitRemote, ObjectRef, PortError,
    PushRequest, Secret, SigningKey, WriteOptions,
};
use gitops_core::tree::{MemTree, Source};
use gitops_git::{Git, Options, PlainHttp, SshLogin};
use gitops_kube::KubeCluster;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};
use kustomize_rs::Build;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Commit the controller's manifests to a git repository, install them, and let the cluster follow it.
///
/// Under PATH a folder named as the namespace is written: gotk-components.yaml, gotk-sync.yaml and a kustomization.yaml that
/// names both; one that is there is kept, with its patches. What is the same is not committed again: a second run upgrades.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # With a token, which the cluster uses too
  gitops bootstrap git --url=https://example.com/org/fleet --token-auth --password=TOKEN --path=clusters/production

  # With the password from the environment
  GIT_PASSWORD=... gitops bootstrap git --url=https://example.com/org/fleet --token-auth --username=me --path=clusters/production

  # With an SSH key
  gitops bootstrap git --url=ssh://git@example.com/org/fleet --private-key-file=./id_ed25519 --silent --path=clusters/production

  # With the keys of your SSH agent, and a new key for the cluster, which is shown
  gitops bootstrap git --url=ssh://git@example.com/org/fleet --path=clusters/production

Exit codes: 0 the cluster follows the repository, 1 it does not")]
pub(super) struct Args {
    /// The repository: https, http or ssh.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The cluster's folder in the repository; the whole of it by default.
    #[arg(long, default_value = "", hide_default_value = true)]
    path: String,
    /// How often the cluster looks at the repository.
    #[arg(long, default_value = "1m0s", value_name = "TIME", value_parser = duration)]
    interval: GoDuration,
    /// The user.
    #[arg(long, short, default_value = "git", value_name = "NAME")]
    username: String,
    /// The password or token, or that of the private key; GIT_PASSWORD of the environment by default.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    /// Send the password as a bearer token.
    #[arg(long)]
    with_bearer_token: bool,
    /// Send credentials over http:// too.
    #[arg(long)]
    allow_insecure_http: bool,
    /// Do not ask whether the repository lets the cluster's key in.
    #[arg(long, short)]
    silent: bool,
}

pub(super) fn run(common: &super::Args, args: &Args) -> Result<ExitCode, Failure> {
    let namespace = common.cluster.namespace();
    let controller = Controller::new(&common.controller, &namespace)?;
    for component in ["source-controller", "kustomize-controller"] {
        if !controller.has(component) {
            return Err(format!("component {component} is required").into());
        }
    }
    let is_token = common.common.token_auth || args.with_bearer_token;
    let password = password(args, is_token)?;
    let (remote, location) = remote(common, args, &password)?;
    let layout = Layout::new(&args.path, &namespace)?;
    let url = sync_url(common, args, &location, is_token);
    let work = Work {
        common,
        args,
        namespace: namespace.clone(),
        is_token,
        password,
        remote,
        location,
        layout,
        url,
    };
    run_async(within(common.cluster.timeout.0, work.run(&controller)))
}

fn password(args: &Args, is_token: bool) -> Result<Secret, Failure> {
    let mut password = args.password.clone();
    if password.is_empty() {
        password = std::env::var("GIT_PASSWORD").unwrap_or_default();
    }
    if password.is_empty() && is_token {
        anstream::eprint!("Please enter your Git repository password: ");
        std::io::stdin().lock().read_line(&mut password)?;
        password.truncate(password.trim_end().len());
        if password.is_empty() {
            return Err(
                "could not read token: --token-auth needs --password, GIT_PASSWORD or an answer".into()
            );
        }
    }
    Ok(Secret::new(password))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()).into())
}

/// Where the repository is, and how this program logs in there.
fn remote(common: &super::Args, args: &Args, password: &Secret) -> Result<(Git, GitLocation), Failure> {
    if args.url.is_empty() {
        return Err("--url is required".into());
    }
    let (scheme, _) = args.url.split_once("://").unwrap_or_default();
    let mut options = Options::default();
    options.timeout = common.cluster.timeout.0;
    match scheme {
        "https" | "ssh" => {}
        "http" if args.allow_insecure_http => options.plain_http = PlainHttp::WithCredentials,
        "http" => {
            return Err("scheme http is insecure, pass --allow-insecure-http=true to allow it".into());
        }
        scheme => return Err(format!("scheme {scheme:?} is not supported").into()),
    }
    let mut secret: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut put = |key: &str, value: &str| drop(secret.insert(key.to_owned(), value.as_bytes().to_vec()));
    if scheme == "ssh" {
        let Some(file) = &common.common.private_key_file else {
            options.ssh_login = SshLogin::OfUser;
            return Ok((Git::new(options), GitLocation::of_user(&args.url, LocalRepositories::Refused)?));
        };
        put("identity", &read(file)?);
        let host = crate::create::host_of(&args.url)?;
        put("known_hosts", &known_hosts(&host)?);
    } else if args.with_bearer_token {
        put("bearerToken", password.reveal());
    } else if !password.reveal().is_empty() {
        put("username", &args.username);
    }
    if !password.reveal().is_empty() && !args.with_bearer_token {
        put("password", password.reveal());
    }
    if let Some(file) = &common.common.ca_file {
        put("ca.crt", &read(file)?);
    }
    let location = GitLocation::new(&args.url, Some(&secret), LocalRepositories::Refused)?;
    Ok((Git::new(options), location))
}

/// The address that the cluster uses.
fn sync_url(common: &super::Args, args: &Args, location: &GitLocation, is_token: bool) -> String {
    let GitLocation { transport, host, path, credentials } = location;
    let is_http = matches!(transport, Transport::Http | Transport::Https);
    if is_token {
        let host = if is_http { host } else { host.split(':').next().unwrap_or(host) };
        let scheme = if is_http && args.allow_insecure_http { transport.name() } else { "https" };
        return format!("{scheme}://{host}{path}");
    }
    let named =
        credentials.username.as_ref().filter(|_| *transport == Transport::Ssh && args.username == "git");
    let user = named.unwrap_or(&args.username);
    let host = common.common.ssh_hostname.as_ref().unwrap_or(host);
    format!("ssh://{user}@{host}{path}")
}

/// A bootstrap while it goes on.
struct Work<'a> {
    common: &'a super::Args,
    args: &'a Args,
    namespace: String,
    is_token: bool,
    password: Secret,
    remote: Git,
    location: GitLocation,
    layout: Layout,
    url: String,
}

/// What the branch holds.
struct Head {
    /// The commit; none where the repository is empty.
    commit: Option<String>,
    tree: MemTree,
}

impl Head {
    fn text(&self, path: &str) -> Option<String> {
        self.tree.read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Work<'_> {
    async fn run(&self, controller: &Controller<'_>) -> Result<ExitCode, Failure> {
        let flags = &self.common.common;
        let cluster = self.common.cluster.connect().await?;
        if let Some(found) = installed::distribution(&cluster).await?
            && !matches!(found.managed_by.as_str(), "" | "flux" | "gitops")
            && !flags.force
            && !confirm(&format!(
                "Flux has been installed on this cluster with {0}! Are you sure you want to override the {0} installation",
                found.managed_by
            ))?
        {
            return Err("bootstrap cancelled".into());
        }
        say::action(format_args!(
            "cloning branch {:?} from Git repository {:?}",
            flags.branch,
            self.location.to_string()
        ));
        let mut head = self.clone_branch().await?;
        say::success("cloned repository");

        say::action("generating component manifests");
        let mut objects = controller.objects(ServedVersions::Newest)?;
        // A login is no part of a repository.
        let is_secret = |object: &Node| text(object, &["kind"]) == "Secret";
        let logins: Vec<Node> = objects.iter().filter(|object| is_secret(object)).cloned().collect();
        objects.retain(|object| !is_secret(object));
        let components = controller.print(&objects)?;
        say::success("generated component manifests");
        let message = format!("Add gitops v{} component manifests", env!("CARGO_PKG_VERSION"));
        let files = [("gotk-components.yaml", components)];
        self.commit(&mut head, "component", &message, &files).await?;

        let sync = self.sync();
        let path = sync.path.clone();
        self.check_path(&cluster, &path).await?;
        if self.must_install(&cluster).await? {
            say::action(format_args!("installing components in {:?} namespace", self.namespace));
            let built = match self.kept_kustomization(&head)? {
                Some(_) if head.text(&self.layout.file("gotk-sync.yaml")).is_some() => self.build(&head)?,
                _ => objects,
            };
            // What the controller shall follow comes when its login is there.
            let (first, _) = self.split(built);
            install(&cluster, &first, &writing(), self.common.cluster.timeout.0).await?;
            say::success("installed components");
        }
        for login in &logins {
            upsert(&cluster, login).await?;
            say::success(format_args!("reconciled image pull secret {}", text(login, &["metadata", "name"])));
        }
        say::success("reconciled components");

        self.source_secret(&cluster).await?;

        say::action("generating sync manifests");
        let mut files = vec![("gotk-sync.yaml", sync.file()?)];
        if self.kept_kustomization(&head)?.is_none() {
            files.push(("kustomization.yaml", KUSTOMIZATION.to_owned()));
        }
        say::success("generated sync manifests");
        self.commit(&mut head, "sync", "Add Flux sync manifests", &files).await?;
        say::action("applying sync manifests");
        let (_, followed) = self.split(self.build(&head)?);
        for object in &followed {
            cluster.apply(object, &writing()).await.map_err(worded)?;
        }
        say::success("reconciled sync configuration");

        let commit = head.commit.as_deref().unwrap_or_default();
        let format = if commit.len() > 40 { "sha256" } else { "sha1" };
        let revision = format!("{}@{format}:{commit}", flags.branch);
        self.follow(&cluster, Target::Git, &["status", "artifact", "revision"], &revision).await?;
        self.follow(&cluster, Target::Kustomization, &["status", "lastAttemptedRevision"], &revision).await?;
        say::action("confirming components are healthy");
        loop {
            let found = installed::deployments(&cluster, &self.namespace).await?;
            if found.iter().all(|one| health::status(one).state == State::Current) {
                for deployment in &found {
                    let name = text(deployment, &["metadata", "name"]);
                    say::success(format_args!("{name}: deployment ready"));
                }
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        say::success("all components are healthy");
        Ok(ExitCode::SUCCESS)
    }

    fn sync(&self) -> Sync<'_> {
        let flags = &self.common.common;
        Sync {
            namespace: &self.namespace,
            url: &self.url,
            branch: &flags.branch,
            secret: &flags.secret_name,
            interval: self.args.interval,
            recurse_submodules: flags.recurse_submodules,
            sparse_checkout: &flags.sparse_checkout,
            path: self.layout.sync_path(),
        }
    }

    /// Fetches the branch; a repository without a commit is no fault.
    async fn clone_branch(&self) -> Result<Head, Failure> {
        let branch = Some(self.common.common.branch.clone());
        let reference = GitReference { branch, ..GitReference::default() };
        match self.remote.fetch(&FetchRequest::new(self.location.clone(), reference)).await {
            Ok(checkout) => Ok(Head { commit: Some(checkout.commit.id), tree: checkout.tree }),
            Err(why) if why.to_string().contains("remote repository is empty") => {
                Ok(Head { commit: None, tree: MemTree::new() })
            }
            Err(why) => Err(format!("failed to clone repository: {why}").into()),
        }
    }

    /// Commits those files that differ from what is there, and pushes; where others pushed meanwhile, on top of that.
    async fn commit(
        &self,
        head: &mut Head,
        what: &str,
        message: &str,
        files: &[(&str, String)],
    ) -> Result<(), Failure> {
        let branch = &self.common.common.branch;
        for is_last in [false, true] {
            let changes: Vec<(String, &String)> = files
                .iter()
                .map(|(name, text)| (self.layout.file(name), text))
                .filter(|(path, text)| head.text(path).as_ref() != Some(text))
                .collect();
            if changes.is_empty() {
                say::success(format_args!("{what} manifests are up to date"));
                return Ok(());
            }
            match self.push(head, message, &changes).await {
                Ok(commit) => {
                    say::success(format_args!("committed {what} manifests to {branch:?} ({commit:?})"));
                    for (path, text) in changes {
                        head.tree.add_file(&path, text.as_bytes())?;
                    }
                    head.commit = Some(commit);
                    return Ok(());
                }
                Err(why) if why.can_retry() && !is_last => {
                    say::waiting("git conflict detected, retrying with a fresh clone");
                    *head = self.clone_branch().await?;
                }
                Err(why) => return Err(format!("failed to push {what} manifests: {why}").into()),
            }
        }
        Ok(())
    }

    async fn push(
        &self,
        head: &Head,
        message: &str,
        files: &[(String, &String)],
    ) -> Result<String, PortError> {
        let flags = &self.common.common;
        say::action(format_args!("pushing to {:?}", self.location.to_string()));
        let mut request = PushRequest::new(self.location.clone(), head.commit.clone(), &flags.branch);
        request.changes =
            files.iter().map(|(path, text)| (path.clone(), Some(Arc::from(text.as_bytes())))).collect();
        request.author = Author { name: flags.author_name.clone(), email: flags.author_email.clone() };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        request.time = i64::try_from(now).unwrap_or_default();
        request.message = match flags.commit_message_appendix.as_str() {
            "" => message.to_owned(),
            appendix => format!("{message}\n\n{appendix}"),
        };
        request.signing = self.signing().map_err(|why| PortError::stalled(why.to_string()))?;
        self.remote.push(&request).await
    }

    fn signing(&self) -> Result<Option<SigningKey>, Failure> {
        let flags = &self.common.common;
        let passphrase = |text: &Option<String>| text.as_ref().map(|text| Secret::new(text.clone()));
        if let Some(file) = &flags.gpg_key_ring {
            let key = Secret::new(read(file)?);
            return Ok(Some(SigningKey::OpenPgp(key, passphrase(&flags.gpg_passphrase))));
        }
        if let Some(file) = &flags.ssh_signing_key_file {
            return Ok(Some(SigningKey::Ssh(
                Secret::new(read(file)?),
                passphrase(&flags.ssh_signing_password),
            )));
        }
        match &flags.private_key_file {
            Some(file) if flags.ssh_signing_reuse_private_key => {
                let password = Some(self.password.clone()).filter(|password| !password.reveal().is_empty());
                Ok(Some(SigningKey::Ssh(Secret::new(read(file)?), password)))
            }
            _ => Ok(None),
        }
    }

    /// The kustomization that the repository has already, which is its owner's.
    fn kept_kustomization(&self, head: &Head) -> Result<Option<String>, Failure> {
        for name in ["kustomization.yaml", "kustomization.yml", "Kustomization"] {
            if let Some(text) = head.text(&self.layout.file(name)) {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// What the repository makes of components and sync, with its own patches.
    fn build(&self, head: &Head) -> Result<Vec<Node>, Failure> {
        let output = Build::new(&head.tree).run(&self.layout.directory())?;
        let mut text = String::new();
        for resource in output.resources() {
            text.push_str("---\n");
            output.append_yaml(resource, &mut text)?;
        }
        let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3())?;
        Ok(documents.into_iter().map(|document| document.root).collect())
    }

    /// Parts what runs the controller from what it follows.
    fn split(&self, objects: Vec<Node>) -> (Vec<Node>, Vec<Node>) {
        let followed = [Target::Git, Target::Kustomization].map(|target| target.info().kind);
        objects.into_iter().partition(|object| !followed.contains(&text(object, &["kind"])))
    }

    fn own(&self, target: Target) -> ObjectRef {
        address(target.info(), &self.namespace, &self.namespace)
    }

    /// Whether the cluster does not keep its components itself yet.
    async fn must_install(&self, cluster: &KubeCluster) -> Result<bool, Failure> {
        let target = self.own(Target::Kustomization);
        if cluster.kind(&target.gvk).await.map_err(worded)?.is_none() {
            return Ok(true);
        }
        let found = cluster.get(&target).await.map_err(worded)?;
        Ok(found.is_none_or(|found| text(&found, &["status", "lastAppliedRevision"]).is_empty()))
    }

    /// A cluster that follows another folder is left alone.
    async fn check_path(&self, cluster: &KubeCluster, path: &str) -> Result<(), Failure> {
        let target = self.own(Target::Kustomization);
        if cluster.kind(&target.gvk).await.map_err(worded)?.is_none() {
            return Ok(());
        }
        let Some(found) = cluster.get(&target).await.map_err(worded)? else { return Ok(()) };
        let stored = text(&found, &["spec", "path"]);
        let plain = |path: &str| path.trim_start_matches("./").trim_end_matches('/').to_owned();
        if plain(stored) == plain(path) {
            return Ok(());
        }
        Err(format!(
            "sync path configuration ({path:?}) would overwrite path ({stored:?}) of existing Kustomization"
        )
        .into())
    }

    /// Gives the cluster its login.
    async fn source_secret(&self, cluster: &KubeCluster) -> Result<(), Failure> {
        let flags = &self.common.common;
        let (namespace, name) = (&self.namespace, &flags.secret_name);
        say::action(format_args!("determining if source secret \"{namespace}/{name}\" exists"));
        let gvk = gitops_core::object::Gvk::new("v1", "Secret");
        let target = ObjectRef { gvk, namespace: namespace.as_str().into(), name: name.as_str().into() };
        let is_there = cluster.get(&target).await.map_err(worded)?.is_some();
        if is_there && flags.private_key_file.is_none() && flags.ca_file.is_none() && !self.is_token {
            say::success("source secret up to date");
            return Ok(());
        }
        say::action("generating source secret");
        let mut data = Map::new();
        let mut put = |key: &str, value: &str| drop(data.insert(key.to_owned(), value.into()));
        if self.is_token {
            if self.args.with_bearer_token {
                put("bearerToken", self.password.reveal());
            } else {
                put("username", &self.args.username);
                put("password", self.password.reveal());
            }
            if let Some(file) = &flags.ca_file {
                put("ca.crt", &read(file)?);
            }
        } else {
            let pair = flags.keys.pair(flags.private_key_file.as_deref(), self.password.reveal())?;
            put("identity", &pair.private);
            put("identity.pub", &pair.public);
            put("known_hosts", &known_hosts(&crate::create::host_of(&self.url)?)?);
            if flags.private_key_file.is_some() && !self.password.reveal().is_empty() {
                put("password", self.password.reveal());
            }
            say::success(format_args!("public key: {}", pair.public.trim()));
            if !self.args.silent && !confirm("Please give the key access to your repository")? {
                return Err("aborting".into());
            }
        }
        say::action(format_args!("applying source secret \"{namespace}/{name}\""));
        let metadata = json!({"name": name, "namespace": namespace});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        upsert(cluster, &node(&secret)?).await?;
        say::success("reconciled source secret");
        Ok(())
    }

    /// Waits until an object has dealt with a revision.
    async fn follow(
        &self,
        cluster: &KubeCluster,
        target: Target,
        field: &[&str],
        revision: &str,
    ) -> Result<(), Failure> {
        let kind = target.info().kind;
        let at = self.own(target);
        say::waiting(format_args!("waiting for {kind} \"{0}/{0}\" to be reconciled", self.namespace));
        loop {
            let object = fetch(cluster, &at).await?;
            if object
                .at_path(&["spec", "suspend"])
                .and_then(Node::scalar)
                .is_some_and(|value| &**value == "true")
            {
                return Err(format!("{kind} '{0}/{0}' is suspended", self.namespace).into());
            }
            let number = |path: &[&str]| object.at_path(path).and_then(Node::scalar).cloned();
            let is_seen = number(&["status", "observedGeneration"]) == number(&["metadata", "generation"]);
            if let Some(ready) = condition(&object, "Ready").filter(|_| is_seen) {
                match text(ready, &["status"]) {
                    "True" if text(&object, field) == revision => break,
                    "False" => return Err(text(ready, &["message"]).into()),
                    _ => {}
                }
            }
            tokio::time::sleep(POLL).await;
        }
        say::success(format_args!("{kind} reconciled successfully"));
        Ok(())
    }
}

fn writing() -> WriteOptions {
    WriteOptions { manager: "gitops".into(), conflicts: FieldConflicts::TakenOver, ..WriteOptions::default() }
}
