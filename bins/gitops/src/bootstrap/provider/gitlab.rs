//! `gitops bootstrap gitlab`: GitLab, by its REST interface, version 4.

use super::api::{Api, Host, id, part, text};
use super::{DeployKey, Flags, Forge, Plan, Project, Visibility};
use crate::Failure;
use crate::bootstrap::token::token;
use crate::cluster::say;
use crate::flags::one_of;
use gitops_core::ports::Secret;
use gitops_transport::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const TOKEN: &str = "GITLAB_TOKEN";

/// Bootstrap with a project on GitLab, which is made where it does not exist.
///
/// The token of GITLAB_TOKEN needs the scope api. The cluster gets a deploy key of its own, with --deploy-token-auth a deploy
/// token that reads the project, or with --token-auth the token itself.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # A private project of a group; the cluster reads it with a deploy key
  GITLAB_TOKEN=... gitops bootstrap gitlab --owner=group --repository=fleet --path=clusters/production

  # In a group within the group, with a deploy token
  GITLAB_TOKEN=... gitops bootstrap gitlab --owner=group --repository=platform/fleet --deploy-token-auth --path=clusters/production

  # A project that everybody who is logged in may read, on a server of one's own
  GITLAB_TOKEN=... gitops bootstrap gitlab --hostname=gitlab.example.com --owner=group --repository=fleet --visibility=internal

  # A project of one's own, shared with another group
  GITLAB_TOKEN=... gitops bootstrap gitlab --owner=me --repository=fleet --personal --token-auth --path=clusters/home

Exit codes: 0 the cluster follows the repository, 1 it does not")]
pub(in crate::bootstrap) struct Args {
    #[command(flatten)]
    flags: Flags,
    /// GitLab's host.
    #[arg(long, default_value = "gitlab.com", value_name = "HOST")]
    hostname: String,
    /// Who may read the project: private, internal or public.
    #[arg(long, default_value = "private", value_parser = one_of("visibility", &["private", "internal", "public"]))]
    visibility: String,
    /// The former name of --visibility=private.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    private: bool,
    /// Give the cluster a deploy token of the project instead of a key.
    #[arg(long)]
    deploy_token_auth: bool,
}

pub(in crate::bootstrap) fn run(common: &crate::bootstrap::Args, args: &Args) -> Result<ExitCode, Failure> {
    if common.common.token_auth && args.deploy_token_auth {
        return Err("--token-auth and --deploy-token-auth cannot be set both".into());
    }
    let project = Project::new(&args.flags)?;
    check_name(&project.name)?;
    let host = Host::new(&args.hostname, args.flags.allow_insecure_http)?;
    let token = token(TOKEN, "Please enter your GitLab personal access token (PAT)")?;
    let base = format!("{}/api/v4", host.root());
    let api = Api::new(base, (TOKEN, token.clone()), "application/json", &common.common)?;
    let forge = GitLab { api, project: project.clone() };
    let visibility = match args.visibility.as_str() {
        _ if !args.private => {
            say::warning("using visibility public as --private=false");
            Visibility::Public
        }
        name => visibility(name),
    };
    let with_deploy_token = args.deploy_token_auth;
    let flags = &args.flags;
    Plan { common, flags, host, project, visibility, token, with_deploy_token, forge }.run()
}

/// GitLab's own rule.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_' || ('\u{a9}'..='\u{1f9ff}').contains(&c);
    if name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c == '.' || c == '-') {
        return Ok(());
    }
    Err(format!(
        "{name} is an invalid project name for gitlab: it can contain only letters, digits, emojis, '_', '.' and dashes, and must start with a letter, digit, emoji or '_'"
    )
    .into())
}

fn visibility(name: &str) -> Visibility {
    match name {
        "public" => Visibility::Public,
        "internal" => Visibility::Internal,
        _ => Visibility::Private,
    }
}

/// GitLab's numbers for what a group may do.
const LEVELS: [(&str, u64); 5] =
    [("pull", 10), ("triage", 20), ("push", 30), ("maintain", 40), ("admin", 50)];

struct GitLab {
    api: Api,
    project: Project,
}

impl GitLab {
    fn path(&self) -> String {
        format!("/projects/{}", part(&self.project.path()))
    }

    /// The number of a group: `team` or `org/team`.
    async fn group(&self, name: &str) -> Result<u64, Failure> {
        let found = self.api.find(&format!("/groups/{}?with_projects=false", part(name))).await?;
        id(&found.ok_or_else(|| format!("there is no group {name:?}"))?)
    }

    /// What a group may do; `None` where the project is not shared with it.
    async fn level(&self, group: u64) -> Result<Option<u64>, Failure> {
        let project = self.api.get(&self.path()).await?;
        let shared = project.get("shared_with_groups").and_then(Value::as_array);
        let is_it = |found: &&Value| found.get("group_id").and_then(Value::as_u64) == Some(group);
        let found = shared.and_then(|groups| groups.iter().find(is_it));
        Ok(found.map(|found| found.get("group_access_level").and_then(Value::as_u64).unwrap_or_default()))
    }
}

impl Forge for GitLab {
    async fn user(&self) -> Result<String, Failure> {
        Ok(text(&self.api.get("/user").await?, "username").to_owned())
    }

    async fn visibility(&self) -> Result<Option<Visibility>, Failure> {
        let found = self.api.find(&self.path()).await?;
        Ok(found.map(|found| visibility(text(&found, "visibility"))))
    }

    async fn create(&self, visibility: Visibility, _branch: &str) -> Result<(), Failure> {
        let name = &self.project.name;
        let mut body = json!({"name": name, "path": name, "visibility": visibility.name()});
        if !self.project.is_personal {
            body["namespace_id"] = self.group(&self.project.owner).await?.into();
        }
        self.api.send(Method::POST, "/projects", Some(&body)).await.map(drop)
    }

    async fn set_visibility(&self, visibility: Visibility) -> Result<(), Failure> {
        let body = json!({"visibility": visibility.name()});
        self.api.send(Method::PUT, &self.path(), Some(&body)).await.map(drop)
    }

    async fn keys(&self) -> Result<Vec<DeployKey>, Failure> {
        let found = self.api.list(&format!("{}/deploy_keys", self.path()), "per_page").await?;
        let key = |value: &Value| -> Result<DeployKey, Failure> {
            Ok(DeployKey {
                id: id(value)?,
                title: text(value, "title").to_owned(),
                key: text(value, "key").to_owned(),
                can_write: value.get("can_push").and_then(Value::as_bool).unwrap_or_default(),
            })
        };
        found.iter().map(key).collect()
    }

    async fn add_key(&self, key: &DeployKey) -> Result<(), Failure> {
        let body = json!({"title": key.title, "key": key.key, "can_push": key.can_write});
        self.api.send(Method::POST, &format!("{}/deploy_keys", self.path()), Some(&body)).await.map(drop)
    }

    async fn remove_key(&self, id: u64) -> Result<(), Failure> {
        self.api.send(Method::DELETE, &format!("{}/deploy_keys/{id}", self.path()), None).await.map(drop)
    }

    async fn access(&self, team: &str) -> Result<Option<String>, Failure> {
        let level = self.level(self.group(team).await?).await?;
        let name = |level| LEVELS.iter().find(|(_, number)| *number == level).map_or("", |(name, _)| *name);
        Ok(level.map(|level| name(level).to_owned()))
    }

    async fn grant(&self, team: &str, access: &str) -> Result<(), Failure> {
        let group = self.group(team).await?;
        let level = LEVELS.iter().find(|(name, _)| *name == access).map_or(40, |(_, level)| *level);
        if self.level(group).await?.is_some() {
            self.api.send(Method::DELETE, &format!("{}/share/{group}", self.path()), None).await?;
        }
        let body = json!({"group_id": group, "group_access": level});
        self.api.send(Method::POST, &format!("{}/share", self.path()), Some(&body)).await.map(drop)
    }

    async fn deploy_token(&self, name: &str) -> Result<(String, Secret), Failure> {
        let path = format!("{}/deploy_tokens", self.path());
        // A token is told once, when it is made: one that is there is of no use any more.
        for found in self.api.list(&path, "per_page").await? {
            if text(&found, "name") == name {
                self.api.send(Method::DELETE, &format!("{path}/{}", id(&found)?), None).await?;
            }
        }
        let body = json!({"name": name, "scopes": ["read_repository"]});
        let made = self.api.send(Method::POST, &path, Some(&body)).await?;
        let (username, token) = (text(&made, "username"), text(&made, "token"));
        if username.is_empty() || token.is_empty() {
            return Err("the server's answer has no token".into());
        }
        Ok((username.to_owned(), Secret::new(token)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_gitlabs() {
        for name in ["fleet", "_x", "9-a.b", "größe", "🚀fleet"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["-fleet", ".fleet", "a+b", ""] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
