//! `gitops create image update`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};

/// Create or update an `ImageUpdateAutomation`: commits that bring new tags into files.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create image update flux-system --git-repo-ref=flux-system --git-repo-path=./clusters/demo --checkout-branch=main --author-name=flux --author-email=flux@example.com --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The GitRepository.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    git_repo_ref: String,
    /// The GitRepository's namespace.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    git_repo_namespace: String,
    /// The folder whose files are changed.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FOLDER")]
    git_repo_path: String,
    /// The branch that is read.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "BRANCH")]
    checkout_branch: String,
    /// The branch that is pushed to; the one that is read by default.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "BRANCH")]
    push_branch: String,
    /// The template of the message.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEMPLATE")]
    commit_template: String,
    /// The author's name.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    author_name: String,
    /// The author's address.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
    author_email: String,
    /// The Secret with the key that signs.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    signing_key_secret: String,
    /// The key's form: gpg or ssh.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FORM")]
    signing_key_type: String,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    for (value, why) in [
        (&args.git_repo_ref, "a reference to a GitRepository is required (--git-repo-ref)"),
        (&args.checkout_branch, "the Git repository branch is required (--checkout-branch)"),
        (&args.author_name, "the author name is required (--author-name)"),
        (&args.author_email, "the author email is required (--author-email)"),
    ] {
        if value.is_empty() {
            return Err(why.into());
        }
    }
    if !args.signing_key_type.is_empty() && args.signing_key_secret.is_empty() {
        return Err("--signing-key-type requires --signing-key-secret".into());
    }
    if !["", "gpg", "ssh"].contains(&args.signing_key_type.as_str()) {
        return Err("--signing-key-type must be one of: gpg, ssh".into());
    }
    let mut commit = Fields::new()
        .put("author", Fields::new().put("name", &*args.author_name).put("email", &*args.author_email))
        .text("messageTemplate", &args.commit_template);
    if !args.signing_key_secret.is_empty() {
        let key =
            Fields::new().named("secretRef", &args.signing_key_secret).text("type", &args.signing_key_type);
        commit = commit.put("signingKey", key);
    }
    let checkout = Fields::new().put("ref", Fields::new().put("branch", &*args.checkout_branch));
    let git = Fields::new()
        .put("checkout", checkout)
        .put("commit", commit)
        .fields("push", Fields::new().text("branch", &args.push_branch));
    let mut spec = Fields::new().put("interval", creation.interval().to_string()).put("git", git).put(
        "sourceRef",
        Fields::new()
            .put("kind", "GitRepository")
            .put("name", &*args.git_repo_ref)
            .text("namespace", &args.git_repo_namespace),
    );
    if !args.git_repo_path.is_empty() {
        let update = Fields::new().put("path", &*args.git_repo_path).put("strategy", "Setters");
        spec = spec.put("update", update);
    }
    let kind = Target::ImageUpdate.info();
    let made = object(kind, creation, spec)?;
    if !creation.common.export {
        say::generate("generating ImageUpdateAutomation");
    }
    finish(creation, kind, &made, &Wording::of("ImageUpdateAutomation")).await.map(drop)
}
