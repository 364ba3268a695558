//! `gitops bootstrap github`: GitHub and GitHub Enterprise, by their REST interface of 2022-11-28.

use super::api::{Api, Host, id, part, text};
use super::{DeployKey, Flags, Forge, Plan, Project, Visibility};
use crate::Failure;
use crate::bootstrap::token::token;
use gitops_core::ports::Secret;
use gitops_transport::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const TOKEN: &str = "GITHUB_TOKEN";

/// Bootstrap with a repository on GitHub, which is made where it does not exist.
///
/// The token of GITHUB_TOKEN needs the right to make repositories and deploy keys. The cluster gets a deploy key of its own, or with
/// --token-auth the token.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # A private repository of an organization; the cluster reads it with a deploy key
  GITHUB_TOKEN=... gitops bootstrap github --owner=org --repository=fleet --path=clusters/production

  # The same with two teams, one of which may administer it
  GITHUB_TOKEN=... gitops bootstrap github --owner=org --repository=fleet --team=platform:admin --team=apps:push --path=clusters/production

  # A public repository of one's own
  GITHUB_TOKEN=... gitops bootstrap github --owner=me --repository=fleet --private=false --personal --path=clusters/home

  # GitHub Enterprise, with the token instead of a key
  GITHUB_TOKEN=... gitops bootstrap github --hostname=github.example.com --owner=org --repository=fleet --token-auth --path=clusters/production

Exit codes: 0 the cluster follows the repository, 1 it does not")]
pub(in crate::bootstrap) struct Args {
    #[command(flatten)]
    flags: Flags,
    /// GitHub's host.
    #[arg(long, default_value = "github.com", value_name = "HOST")]
    hostname: String,
    /// Make the repository private.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    private: bool,
}

pub(in crate::bootstrap) fn run(common: &crate::bootstrap::Args, args: &Args) -> Result<ExitCode, Failure> {
    common.common.refuse_reused_key("github")?;
    let project = Project::new(&args.flags)?;
    let host = Host::new(&args.hostname, args.flags.allow_insecure_http)?;
    let token = token(TOKEN, "Please enter your GitHub personal access token (PAT)")?;
    let api = Api::new(base(&host), (TOKEN, token.clone()), "application/vnd.github+json", &common.common)?;
    let forge = GitHub { api, project: project.clone() };
    let visibility = Visibility::of(args.private);
    let flags = &args.flags;
    Plan { common, flags, host, project, visibility, token, with_deploy_token: false, forge }.run()
}

/// GitHub's interface has a host of its own, GitHub Enterprise's a path.
fn base(host: &Host) -> String {
    if host.name() == "github.com" {
        "https://api.github.com".to_owned()
    } else {
        format!("{}/api/v3", host.root())
    }
}

struct GitHub {
    api: Api,
    project: Project,
}

impl GitHub {
    fn path(&self) -> String {
        format!("/repos/{}/{}", part(&self.project.owner), part(&self.project.name))
    }

    fn team(&self, name: &str) -> String {
        let owner = part(&self.project.owner);
        format!("/orgs/{owner}/teams/{}{}", part(name), self.path())
    }
}

impl Forge for GitHub {
    async fn user(&self) -> Result<String, Failure> {
        Ok(text(&self.api.get("/user").await?, "login").to_owned())
    }

    async fn visibility(&self) -> Result<Option<Visibility>, Failure> {
        let found = self.api.find(&self.path()).await?;
        Ok(found.map(|found| {
            let is_private = found.get("private").and_then(Value::as_bool).unwrap_or_default();
            if text(&found, "visibility") == "internal" {
                Visibility::Internal
            } else {
                Visibility::of(is_private)
            }
        }))
    }

    async fn create(&self, visibility: Visibility, _branch: &str) -> Result<(), Failure> {
        let path = if self.project.is_personal {
            "/user/repos".to_owned()
        } else {
            format!("/orgs/{}/repos", part(&self.project.owner))
        };
        let body = json!({"name": self.project.name, "private": visibility == Visibility::Private});
        self.api.send(Method::POST, &path, Some(&body)).await.map(drop)
    }

    async fn set_visibility(&self, visibility: Visibility) -> Result<(), Failure> {
        let body = json!({"private": visibility == Visibility::Private});
        self.api.send(Method::PATCH, &self.path(), Some(&body)).await.map(drop)
    }

    async fn keys(&self) -> Result<Vec<DeployKey>, Failure> {
        let found = self.api.list(&format!("{}/keys", self.path()), "per_page").await?;
        found.iter().map(key).collect()
    }

    async fn add_key(&self, key: &DeployKey) -> Result<(), Failure> {
        let body = json!({"title": key.title, "key": key.key, "read_only": !key.can_write});
        self.api.send(Method::POST, &format!("{}/keys", self.path()), Some(&body)).await.map(drop)
    }

    async fn remove_key(&self, id: u64) -> Result<(), Failure> {
        self.api.send(Method::DELETE, &format!("{}/keys/{id}", self.path()), None).await.map(drop)
    }

    async fn access(&self, team: &str) -> Result<Option<String>, Failure> {
        if self.api.find(&self.team(team)).await?.is_none() {
            return Ok(None);
        }
        // What it may do stands in the repository's list of teams.
        let teams = self.api.list(&format!("{}/teams", self.path()), "per_page").await?;
        let found = teams.iter().find(|found| text(found, "slug") == team);
        Ok(Some(found.map_or_else(String::new, |found| text(found, "permission").to_owned())))
    }

    async fn grant(&self, team: &str, access: &str) -> Result<(), Failure> {
        let body = json!({"permission": access});
        self.api.send(Method::PUT, &self.team(team), Some(&body)).await.map(drop)
    }

    async fn deploy_token(&self, _name: &str) -> Result<(String, Secret), Failure> {
        Err("GitHub has no deploy tokens".into())
    }
}

/// A deploy key as GitHub and Gitea have it.
pub(super) fn key(value: &Value) -> Result<DeployKey, Failure> {
    Ok(DeployKey {
        id: id(value)?,
        title: text(value, "title").to_owned(),
        key: text(value, "key").to_owned(),
        can_write: value.get("read_only").and_then(Value::as_bool) == Some(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_has_a_host_or_a_path_of_its_own() {
        for (host, wanted) in [
            ("github.com", "https://api.github.com"),
            ("https://github.com", "https://api.github.com"),
            ("github.example.com", "https://github.example.com/api/v3"),
        ] {
            assert_eq!(base(&Host::new(host, false).unwrap()), wanted);
        }
    }
}
