//! `gitops bootstrap gitea`: Gitea and Forgejo, by their REST interface, version 1.

use super::api::{Api, Host, part, text};
use super::{DeployKey, Flags, Forge, Plan, Project, Visibility, github};
use crate::Failure;
use crate::bootstrap::token::token;
use gitops_core::ports::Secret;
use gitops_transport::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const TOKEN: &str = "GITEA_TOKEN";

/// Bootstrap with a repository on Gitea or Forgejo, which is made where it does not exist.
///
/// The token of GITEA_TOKEN needs the right to make repositories and deploy keys. The cluster gets a deploy key of its own, or with
/// --token-auth the token. A team has one access to all its repositories there: that of --team is not looked at.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # A private repository of an organization; the cluster reads it with a deploy key
  GITEA_TOKEN=... gitops bootstrap gitea --hostname=git.example.com --owner=org --repository=fleet --path=clusters/production

  # A public repository of one's own
  GITEA_TOKEN=... gitops bootstrap gitea --owner=me --repository=fleet --private=false --personal --path=clusters/home

  # A server whose ssh is elsewhere
  GITEA_TOKEN=... gitops bootstrap gitea --hostname=git.example.com --ssh-hostname=ssh.example.com:2222 --owner=org --repository=fleet

Exit codes: 0 the cluster follows the repository, 1 it does not")]
pub(in crate::bootstrap) struct Args {
    #[command(flatten)]
    flags: Flags,
    /// Gitea's host.
    #[arg(long, default_value = "gitea.com", value_name = "HOST")]
    hostname: String,
    /// Make the repository private.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    private: bool,
}

pub(in crate::bootstrap) fn run(common: &crate::bootstrap::Args, args: &Args) -> Result<ExitCode, Failure> {
    common.common.refuse_reused_key("gitea")?;
    let project = Project::new(&args.flags)?;
    let host = Host::new(&args.hostname, args.flags.allow_insecure_http)?;
    let token = token(TOKEN, "Please enter your Gitea personal access token (PAT)")?;
    let base = format!("{}/api/v1", host.root());
    let api = Api::new(base, (TOKEN, token.clone()), "application/json", &common.common)?;
    let forge = Gitea { api, project: project.clone() };
    let visibility = Visibility::of(args.private);
    let flags = &args.flags;
    Plan { common, flags, host, project, visibility, token, with_deploy_token: false, forge }.run()
}

struct Gitea {
    api: Api,
    project: Project,
}

impl Gitea {
    fn path(&self) -> String {
        format!("/repos/{}/{}", part(&self.project.owner), part(&self.project.name))
    }
}

impl Forge for Gitea {
    async fn user(&self) -> Result<String, Failure> {
        Ok(text(&self.api.get("/user").await?, "login").to_owned())
    }

    async fn visibility(&self) -> Result<Option<Visibility>, Failure> {
        let found = self.api.find(&self.path()).await?;
        Ok(found
            .map(|found| Visibility::of(found.get("private").and_then(Value::as_bool).unwrap_or_default())))
    }

    async fn create(&self, visibility: Visibility, branch: &str) -> Result<(), Failure> {
        let path = if self.project.is_personal {
            "/user/repos".to_owned()
        } else {
            format!("/orgs/{}/repos", part(&self.project.owner))
        };
        let is_private = visibility == Visibility::Private;
        let body = json!({"name": self.project.name, "private": is_private, "default_branch": branch});
        self.api.send(Method::POST, &path, Some(&body)).await.map(drop)
    }

    async fn set_visibility(&self, visibility: Visibility) -> Result<(), Failure> {
        let body = json!({"private": visibility == Visibility::Private});
        self.api.send(Method::PATCH, &self.path(), Some(&body)).await.map(drop)
    }

    async fn keys(&self) -> Result<Vec<DeployKey>, Failure> {
        let found = self.api.list(&format!("{}/keys", self.path()), "limit").await?;
        found.iter().map(github::key).collect()
    }

    async fn add_key(&self, key: &DeployKey) -> Result<(), Failure> {
        let body = json!({"title": key.title, "key": key.key, "read_only": !key.can_write});
        self.api.send(Method::POST, &format!("{}/keys", self.path()), Some(&body)).await.map(drop)
    }

    async fn remove_key(&self, id: u64) -> Result<(), Failure> {
        self.api.send(Method::DELETE, &format!("{}/keys/{id}", self.path()), None).await.map(drop)
    }

    async fn access(&self, team: &str) -> Result<Option<String>, Failure> {
        let found = self.api.find(&format!("{}/teams/{}", self.path(), part(team))).await?;
        Ok(found.map(|found| text(&found, "permission").to_owned()))
    }

    async fn grant(&self, team: &str, _access: &str) -> Result<(), Failure> {
        let path = format!("{}/teams/{}", self.path(), part(team));
        self.api.send(Method::PUT, &path, None).await.map(drop)
    }

    async fn deploy_token(&self, _name: &str) -> Result<(String, Secret), Failure> {
        Err("Gitea has no deploy tokens".into())
    }
}
