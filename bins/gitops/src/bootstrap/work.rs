//! The work of every bootstrap: components, login and sync go to the repository and the cluster, and the cluster follows.

use super::host_keys::HostKeys;
use super::layout::{KUSTOMIZATION, Layout, Sync};
use super::read;
use crate::Failure;
use crate::cluster::ready::{POLL, condition};
use crate::cluster::{Target, address, fetch, installed, node, say, text, worded};
use crate::confirm::confirm;
use crate::create::upsert;
use crate::install::{Controller, install};
use gitops_core::api::{GoDuration, ServedVersions};
use gitops_core::git_location::GitLocation;
use gitops_core::health::{self, State};
use gitops_core::ports::{
    Author, Cluster, FetchRequest, FieldConflicts, GitReference, GitRemote, ObjectRef, PortError,
    PushRequest, Secret, SigningKey, WriteOptions,
};
use gitops_core::tree::{MemTree, Source};
use gitops_git::Git;
use gitops_kube::KubeCluster;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};
use kustomize_rs::Build;
use serde_json::{Map, Value, json};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// How the cluster logs in to the repository.
pub(super) enum ClusterLogin {
    /// With this user and password.
    Password(String, Secret),
    /// With this token.
    Bearer(Secret),
    /// With the key of --private-key-file and its passphrase, or a new key, which [`Access`] lets in.
    Key(Secret),
    /// With a token that [`Access`] makes.
    DeployToken,
}

/// An answer that is waited for.
pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// How a repository comes to let the cluster in.
pub(super) trait Access {
    /// Lets a public key in.
    fn let_in<'a>(&'a self, public_key: &'a str) -> Answer<'a, ()>;

    /// Makes a user and a password for the cluster.
    fn deploy_token(&self) -> Answer<'_, (String, Secret)>;
}

/// One bootstrap: a repository, what goes there, and how the cluster follows it.
pub(super) struct Work<'a> {
    pub(super) common: &'a super::Args,
    pub(super) namespace: &'a str,
    /// How this program logs in.
    pub(super) remote: Git,
    pub(super) location: GitLocation,
    pub(super) layout: Layout,
    /// The address that the cluster uses.
    pub(super) url: String,
    pub(super) interval: GoDuration,
    pub(super) login: ClusterLogin,
    pub(super) signing: Option<SigningKey>,
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

/// Connects to the cluster, and asks before what another program installed there is taken over.
pub(super) async fn cluster(args: &super::Args) -> Result<KubeCluster, Failure> {
    let cluster = args.cluster.connect().await?;
    if let Some(found) = installed::distribution(&cluster).await?
        && !matches!(found.managed_by.as_str(), "" | "flux" | "gitops")
        && !args.common.force
        && !confirm(&format!(
            "Flux has been installed on this cluster with {0}! Are you sure you want to override the {0} installation",
            found.managed_by
        ))?
    {
        return Err("bootstrap cancelled".into());
    }
    Ok(cluster)
}

impl Work<'_> {
    pub(super) async fn run(
        &self,
        cluster: &KubeCluster,
        controller: &Controller<'_>,
        access: &dyn Access,
    ) -> Result<ExitCode, Failure> {
        let flags = &self.common.common;
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
        self.check_path(cluster, &path).await?;
        if self.must_install(cluster).await? {
            say::action(format_args!("installing components in {:?} namespace", self.namespace));
            let built = match self.kept_kustomization(&head)? {
                Some(_) if head.text(&self.layout.file("gotk-sync.yaml")).is_some() => self.build(&head)?,
                _ => objects,
            };
            // What the controller shall follow comes when its login is there.
            let (first, _) = self.split(built);
            install(cluster, &first, &writing(), self.common.cluster.timeout.0).await?;
            say::success("installed components");
        }
        for login in &logins {
            upsert(cluster, login).await?;
            say::success(format_args!("reconciled image pull secret {}", text(login, &["metadata", "name"])));
        }
        say::success("reconciled components");

        self.source_secret(cluster, access).await?;

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
        self.follow(cluster, Target::Git, &["status", "artifact", "revision"], &revision).await?;
        self.follow(cluster, Target::Kustomization, &["status", "lastAttemptedRevision"], &revision).await?;
        say::action("confirming components are healthy");
        loop {
            let found = installed::deployments(cluster, self.namespace).await?;
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
            namespace: self.namespace,
            url: &self.url,
            branch: &flags.branch,
            secret: &flags.secret_name,
            interval: self.interval,
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
        request.signing.clone_from(&self.signing);
        self.remote.push(&request).await
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
        address(target.info(), self.namespace, self.namespace)
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
    async fn source_secret(&self, cluster: &KubeCluster, access: &dyn Access) -> Result<(), Failure> {
        let flags = &self.common.common;
        let (namespace, name) = (&self.namespace, &flags.secret_name);
        say::action(format_args!("determining if source secret \"{namespace}/{name}\" exists"));
        let gvk = gitops_core::object::Gvk::new("v1", "Secret");
        let target = ObjectRef { gvk, namespace: (*namespace).into(), name: name.as_str().into() };
        let is_there = cluster.get(&target).await.map_err(worded)?.is_some();
        let is_key = matches!(self.login, ClusterLogin::Key(_));
        if is_there && is_key && flags.private_key_file.is_none() && flags.ca_file.is_none() {
            say::success("source secret up to date");
            return Ok(());
        }
        say::action("generating source secret");
        let data = self.login_data(access).await?;
        say::action(format_args!("applying source secret \"{namespace}/{name}\""));
        let metadata = json!({"name": name, "namespace": namespace});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        upsert(cluster, &node(&secret)?).await?;
        say::success("reconciled source secret");
        Ok(())
    }

    /// What the Secret with the cluster's login holds.
    async fn login_data(&self, access: &dyn Access) -> Result<Map<String, Value>, Failure> {
        let flags = &self.common.common;
        let mut data = Map::new();
        let mut put = |key: &str, value: &str| drop(data.insert(key.to_owned(), value.into()));
        match &self.login {
            ClusterLogin::Bearer(token) => put("bearerToken", token.reveal()),
            ClusterLogin::Password(username, password) => {
                put("username", username);
                put("password", password.reveal());
            }
            ClusterLogin::DeployToken => {
                let (username, password) = access.deploy_token().await?;
                put("username", &username);
                put("password", password.reveal());
            }
            ClusterLogin::Key(passphrase) => {
                let pair = flags.keys.pair(flags.private_key_file.as_deref(), passphrase.reveal())?;
                let hosts = HostKeys::of(&crate::create::host_of(&self.url)?, &flags.ssh_hostkey_algos)?;
                put("identity", &pair.private);
                put("identity.pub", &pair.public);
                put("known_hosts", hosts.best());
                if flags.private_key_file.is_some() && !passphrase.reveal().is_empty() {
                    put("password", passphrase.reveal());
                }
                say::success(format_args!("public key: {}", pair.public.trim()));
                access.let_in(pair.public.trim()).await?;
                return Ok(data);
            }
        }
        if let Some(file) = &flags.ca_file {
            put("ca.crt", &read(file)?);
        }
        Ok(data)
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
