//! Servers that make repositories, deploy keys and tokens by an interface of their own: GitHub, GitLab, Gitea.

mod api;
pub(super) mod gitea;
pub(super) mod github;
pub(super) mod gitlab;

use super::layout::Layout;
use super::work::{Access, Answer, ClusterLogin, Work, cluster};
use super::{read, signing};
use crate::Failure;
use crate::cluster::{run as run_async, say, within};
use crate::flags::duration;
use crate::install::Controller;
use api::Host;
use gitops_core::api::GoDuration;
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::Secret;
use gitops_git::{Git, Options, PlainHttp};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// What each of these servers takes.
#[derive(clap::Args, Debug)]
pub(super) struct Flags {
    /// The user or organization that the repository belongs to.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    owner: String,
    /// The repository; made where it does not exist.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    repository: String,
    /// The owner is a user, not an organization.
    #[arg(long)]
    personal: bool,
    /// A team that gets access, and which: platform:push; maintain by default (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "NAME[:ACCESS]")]
    team: Vec<String>,
    /// Let the cluster's key write too.
    #[arg(long)]
    read_write_key: bool,
    /// Set visibility and access of a repository that exists already, too.
    #[arg(long)]
    reconcile: bool,
    /// The cluster's folder in the repository; the whole of it by default.
    #[arg(long, default_value = "", hide_default_value = true)]
    path: String,
    /// How often the cluster looks at the repository.
    #[arg(long, default_value = "1m0s", value_name = "TIME", value_parser = duration)]
    interval: GoDuration,
    /// Talk to a --hostname that begins with http:// - anybody on the way can read the token.
    #[arg(long)]
    allow_insecure_http: bool,
}

/// Who may read a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visibility {
    Private,
    Internal,
    Public,
}

impl Visibility {
    fn of(is_private: bool) -> Self {
        if is_private { Self::Private } else { Self::Public }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }
}

/// A repository's place: the owner, with groups within it, and its name.
#[derive(Clone, Debug)]
struct Project {
    owner: String,
    name: String,
    is_personal: bool,
}

impl Project {
    /// Reads the flags; a name may begin with groups of an organization: `team/fleet`.
    fn new(flags: &Flags) -> Result<Self, Failure> {
        for (flag, text) in [("--owner", &flags.owner), ("--repository", &flags.repository)] {
            let is_part = |part: &str| {
                !part.is_empty() && part != "." && part != ".." && !part.contains(['?', '#', '%', '\\'])
            };
            if text.is_empty() {
                return Err(format!("{flag} is required").into());
            }
            if !text.split('/').all(is_part) || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err(format!("{flag}={text:?} is no name").into());
            }
        }
        let (groups, name) = flags.repository.rsplit_once('/').unwrap_or(("", &flags.repository));
        let owner = match groups {
            "" => flags.owner.clone(),
            _ if flags.personal => {
                return Err("a repository of a user is in no group: --repository=NAME".into());
            }
            groups => format!("{}/{groups}", flags.owner),
        };
        Ok(Self { owner, name: name.to_owned(), is_personal: flags.personal })
    }

    fn path(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// A key that lets its owner into one repository.
#[derive(Clone, Debug)]
struct DeployKey {
    /// The server's number of it; 0 for one that is not there yet.
    id: u64,
    title: String,
    key: String,
    can_write: bool,
}

impl DeployKey {
    /// Whether both are one key; servers drop or add the comment behind it.
    fn is_same(&self, other: &Self) -> bool {
        self.key.split_whitespace().take(2).eq(other.key.split_whitespace().take(2))
    }
}

/// What such a server is asked for.
trait Forge {
    /// Whose token it is.
    async fn user(&self) -> Result<String, Failure>;
    /// Who may read the repository; `None` where there is none.
    async fn visibility(&self) -> Result<Option<Visibility>, Failure>;
    /// Makes the repository, without a commit.
    async fn create(&self, visibility: Visibility, branch: &str) -> Result<(), Failure>;
    async fn set_visibility(&self, visibility: Visibility) -> Result<(), Failure>;
    async fn keys(&self) -> Result<Vec<DeployKey>, Failure>;
    async fn add_key(&self, key: &DeployKey) -> Result<(), Failure>;
    async fn remove_key(&self, id: u64) -> Result<(), Failure>;
    /// What a team may do; `None` where it has no access.
    async fn access(&self, team: &str) -> Result<Option<String>, Failure>;
    /// Gives a team access, in place of what it has.
    async fn grant(&self, team: &str, access: &str) -> Result<(), Failure>;
    /// Makes a user and password that read the repository, in place of those of the same name.
    async fn deploy_token(&self, name: &str) -> Result<(String, Secret), Failure>;
}

/// One bootstrap with such a server.
struct Plan<'a, F> {
    common: &'a super::Args,
    flags: &'a Flags,
    host: Host,
    project: Project,
    visibility: Visibility,
    token: Secret,
    with_deploy_token: bool,
    forge: F,
}

/// What a team may be given.
const ACCESS: [&str; 5] = ["pull", "triage", "push", "maintain", "admin"];

impl<F: Forge> Plan<'_, F> {
    fn run(&self) -> Result<ExitCode, Failure> {
        let Self { common, flags, host, project, .. } = self;
        let namespace = common.cluster.namespace();
        let controller = Controller::new(&common.controller, &namespace)?;
        common.check(&controller)?;
        let teams = self.teams()?;
        let signing = signing::key(&common.common, &Secret::default())?;
        let (remote, location) = self.remote()?;
        let is_token = common.common.token_auth;
        let url = if is_token || self.with_deploy_token {
            host.url(&project.path())
        } else {
            let ssh = common.common.ssh_hostname.as_deref().unwrap_or(host.name());
            format!("ssh://git@{ssh}/{}", project.path())
        };
        let login = match (is_token, self.with_deploy_token) {
            (_, true) => ClusterLogin::DeployToken,
            (true, _) => ClusterLogin::Password("git".to_owned(), self.token.clone()),
            _ => ClusterLogin::Key(Secret::default()),
        };
        let layout = Layout::new(&flags.path, &namespace)?;
        let interval = flags.interval;
        let namespace = namespace.as_str();
        let work = Work { common, namespace, remote, location, layout, url, interval, login, signing };
        run_async(within(common.cluster.timeout.0, async {
            let cluster = cluster(common).await?;
            self.repository(&teams).await?;
            work.run(&cluster, &controller, self).await
        }))
    }

    /// The teams and what each is given.
    fn teams(&self) -> Result<Vec<(&str, &str)>, Failure> {
        if self.project.is_personal && !self.flags.team.is_empty() {
            return Err("--team is for repositories of organizations, not for --personal ones".into());
        }
        self.flags.team.iter().map(|text| team(text)).collect()
    }

    /// Where the repository is for this program, which logs in with the token.
    fn remote(&self) -> Result<(Git, GitLocation), Failure> {
        let mut options = Options::default();
        options.timeout = self.common.cluster.timeout.0;
        if self.flags.allow_insecure_http {
            options.plain_http = PlainHttp::WithCredentials;
        }
        let mut secret = BTreeMap::new();
        secret.insert("username".to_owned(), self.flags.owner.as_bytes().to_vec());
        secret.insert("password".to_owned(), self.token.reveal().as_bytes().to_vec());
        if let Some(file) = &self.common.common.ca_file {
            secret.insert("ca.crt".to_owned(), read(file)?.into_bytes());
        }
        let url = self.host.url(&self.project.path());
        Ok((Git::new(options), GitLocation::new(&url, Some(&secret), LocalRepositories::Refused)?))
    }

    /// Makes the repository where there is none, and gives teams their access.
    async fn repository(&self, teams: &[(&str, &str)]) -> Result<(), Failure> {
        let path = self.project.path();
        say::action(format_args!("connecting to {}", self.host.name()));
        let found = self.forge.visibility().await;
        match found.map_err(|why| format!("failed to get Git repository {path:?}: {why}"))? {
            None => {
                self.create()
                    .await
                    .map_err(|why| format!("failed to create new Git repository {path:?}: {why}"))?;
                say::success(format_args!("repository {path:?} created"));
            }
            Some(found) if self.flags.reconcile && found != self.visibility => {
                let done = self.forge.set_visibility(self.visibility).await;
                done.map_err(|why| format!("failed to reconcile Git repository {path:?}: {why}"))?;
                say::success(format_args!("repository {path:?} reconciled"));
            }
            Some(_) => {}
        }
        if teams.is_empty() {
            return Ok(());
        }
        say::action("reconciling repository permissions");
        for (name, access) in teams {
            // A team that can not be found is no reason to leave a cluster without its repository.
            match self.team(name, access).await {
                Ok(true) => say::success(format_args!("granted {access:?} permissions to {name:?}")),
                Ok(false) => {}
                Err(why) => {
                    say::failure(format_args!("failed to grant {access:?} permissions to {name:?}: {why}"));
                }
            }
        }
        say::success("reconciled repository permissions");
        Ok(())
    }

    async fn create(&self) -> Result<(), Failure> {
        if self.project.is_personal {
            let user = self.forge.user().await?;
            if !user.eq_ignore_ascii_case(&self.project.owner) {
                return Err(format!(
                    "the specified owner '{}' doesn't match the identity associated with the given token, '{user}'",
                    self.project.owner
                )
                .into());
            }
        }
        self.forge.create(self.visibility, &self.common.common.branch).await
    }

    /// Gives a team its access; returns whether something had to change.
    async fn team(&self, name: &str, access: &str) -> Result<bool, Failure> {
        let found = self.forge.access(name).await?;
        if found.as_deref() == Some(access) || (found.is_some() && !self.flags.reconcile) {
            return Ok(false);
        }
        self.forge.grant(name, access).await?;
        Ok(true)
    }

    /// The name that keys and tokens of one cluster have: `flux-system-main-flux-system-./clusters/a`.
    fn title(&self) -> String {
        let flags = &self.common.common;
        let path = match self.flags.path.as_str() {
            "" => String::new(),
            path => Layout::new(path, "").map(|layout| layout.sync_path()).unwrap_or_default(),
        };
        let parts = [&self.common.cluster.namespace(), &flags.branch, &flags.secret_name, &path];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join("-")
    }

    async fn deploy_key(&self, public_key: &str) -> Result<(), Failure> {
        let can_write = self.flags.read_write_key;
        let wanted = DeployKey { id: 0, title: self.title(), key: public_key.to_owned(), can_write };
        for found in self.forge.keys().await? {
            if found.is_same(&wanted) && found.can_write == can_write {
                return Ok(());
            }
            // No server changes a key, and none takes one twice.
            if found.title == wanted.title || found.is_same(&wanted) {
                self.forge.remove_key(found.id).await?;
            }
        }
        self.forge.add_key(&wanted).await?;
        let (title, path) = (&wanted.title, self.project.path());
        say::success(format_args!("configured deploy key {title:?} for {path:?}"));
        Ok(())
    }
}

impl<F: Forge> Access for Plan<'_, F> {
    fn let_in<'a>(&'a self, public_key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let done = self.deploy_key(public_key).await;
            done.map_err(|why| format!("failed to configure the deploy key: {why}").into())
        })
    }

    fn deploy_token(&self) -> Answer<'_, (String, Secret)> {
        Box::pin(async {
            say::action("checking to reconcile deploy token for source secret");
            let (title, path) = (self.title(), self.project.path());
            let made = self.forge.deploy_token(&title).await;
            let made = made.map_err(|why| format!("failed to configure the deploy token: {why}"))?;
            say::success(format_args!("configured deploy token {title:?} for {path:?}"));
            Ok(made)
        })
    }
}

/// Reads a team and what it may do: `platform:push`.
fn team(text: &str) -> Result<(&str, &str), Failure> {
    let (name, access) = text.split_once(':').unwrap_or((text, "maintain"));
    if ACCESS.contains(&access) {
        return Ok((name, access));
    }
    let known = ACCESS.join(", ");
    Err(format!("invalid permission {access:?} for team {name:?}, use one of: {known}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(owner: &str, repository: &str, is_personal: bool) -> Flags {
        Flags {
            owner: owner.to_owned(),
            repository: repository.to_owned(),
            personal: is_personal,
            team: Vec::new(),
            read_write_key: false,
            reconcile: false,
            path: String::new(),
            interval: GoDuration::seconds(60),
            allow_insecure_http: false,
        }
    }

    #[test]
    fn a_repository_may_be_in_groups_of_an_organization() {
        let path = |owner, repository, is_personal| {
            Project::new(&flags(owner, repository, is_personal)).map(|project| project.path())
        };
        assert_eq!(path("org", "fleet", false).unwrap(), "org/fleet");
        assert_eq!(path("org", "a/b/fleet", false).unwrap(), "org/a/b/fleet");
        assert_eq!(path("me", "fleet", true).unwrap(), "me/fleet");
        for (owner, repository, is_personal, why) in [
            ("", "fleet", false, "--owner is required"),
            ("org", "", false, "--repository is required"),
            ("me", "a/fleet", true, "a repository of a user is in no group: --repository=NAME"),
            ("org", "../fleet", false, "--repository=\"../fleet\" is no name"),
            ("org", "fleet?x", false, "--repository=\"fleet?x\" is no name"),
            ("o rg", "fleet", false, "--owner=\"o rg\" is no name"),
        ] {
            assert_eq!(path(owner, repository, is_personal).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn a_key_is_known_without_its_comment() {
        let key = |text: &str| DeployKey { id: 1, title: "t".into(), key: text.into(), can_write: false };
        assert!(key("ssh-ed25519 AAAA").is_same(&key("ssh-ed25519 AAAA me@host\n")));
        assert!(!key("ssh-ed25519 AAAA").is_same(&key("ssh-ed25519 AAAB")));
        assert!(!key("ssh-rsa AAAA").is_same(&key("ssh-ed25519 AAAA")));
    }
}
