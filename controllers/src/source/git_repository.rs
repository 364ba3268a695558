//! GitRepository: a commit's files as an artifact.

use gitops_core::api::{GitReferenceSpec, GitRepository, GitVerification, Object};
use gitops_core::artifact;
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{
    FetchRequest, GitReference, GitRemote, PortError, SignatureError, SignatureProblem, Signer, Verification,
    VerificationMode,
};
use gitops_core::revision::Revision;
use gitops_core::tree::{IgnoreRules, MemTree};
use gitops_yaml::Node;

use super::{Published, referenced};
use crate::context::{Context, Failure, Outcome, Run};
use crate::event::{Event, Severity};
use crate::kind::Kind;
use crate::status::{Truth, mapping};
use crate::world::World;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return run.delete_source().await;
    }
    let spec = match Object::<GitRepository>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let interval = run.context.spread(spec.interval.unwrap_or_default().0);
    match fetch(&mut run, &spec).await {
        Ok(()) => run.end(Outcome::after(interval)).await,
        Err(failure) => {
            if is_of_signature(failure.reason) {
                run.status.condition("SourceVerified", Truth::False, failure.reason, &failure.message);
            } else {
                run.status.condition("FetchFailed", Truth::True, failure.reason, &failure.message);
            }
            run.fail(failure).await
        }
    }
}

async fn fetch<W: World>(run: &mut Run<'_, W>, spec: &GitRepository) -> Result<(), Failure> {
    let context = run.context;
    if let Some(provider) = spec.provider.as_deref().filter(|provider| *provider != "generic") {
        let message = format!("the provider '{provider}' is not supported: use a token or key in secretRef");
        return Err(Failure::lasting("ProviderNotSupported", message));
    }
    let location = context.git_location(&run.key.namespace, spec).await?;
    let reference = git_reference(spec.reference.as_ref());
    let refused = |error: PortError| checkout_failed(&location, &error);
    let revision = context.world.git().resolve(&location, &reference).await.map_err(refused)?;
    let included = included(run, spec)?;
    let known = run.kept_artifact().await.filter(|known| {
        known.revision == revision.to_string()
            && !run.is_new_generation()
            && same_includes(run, &included)
            && run.status.truth("ArtifactInStorage") == Some(Truth::True)
    });
    if let Some(known) = known {
        run.status.drop_condition("FetchFailed");
        ready(run, &known.revision);
        return Ok(());
    }
    let request = FetchRequest {
        directories: spec.sparse_checkout.clone(),
        submodules: spec.recurse_submodules,
        verification: match &spec.verify {
            Some(verify) => Some(context.verification(&run.key.namespace, verify).await?),
            None => None,
        },
        ..FetchRequest::new(location.clone(), reference)
    };
    run.status.progressing(&format!("building artifact: new upstream revision '{revision}'"));
    let checkout = context.world.git().fetch(&request).await.map_err(|error| match unverified(&error) {
        Some(failure) => failure,
        None => refused(error),
    })?;
    verified(run, spec, &checkout.signers);
    let (tree, revision) = (checkout.tree, checkout.revision);
    let tree = include(context, tree, spec, &included).await?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::passing("ArtifactFailed", format!("the files can not be packed: {error}"))
    };
    let rules = IgnoreRules::load(&tree, spec.ignore.as_deref()).map_err(|error| failed(&error))?;
    let packed = artifact::pack(&tree, Some(&rules)).map_err(|error| failed(&error))?;
    let digest = packed.digest.clone();
    let file = format!("{}.tar.gz", file_name(&revision, &digest));
    run.publish(&file, &revision.to_string(), (packed.content.into(), packed.digest), &[]).await?;
    run.status.drop_condition("FetchFailed");
    if included.is_empty() {
        run.status.unset("includedArtifacts");
    } else {
        run.status.set("includedArtifacts", Node::sequence(included.iter().map(described).collect()));
    }
    ready(run, &revision.to_string());
    let subject: String =
        checkout.commit.message.lines().next().unwrap_or_default().chars().take(50).collect();
    let event = Event::of(
        &run.key,
        &run.object,
        Severity::Info,
        "NewArtifact",
        format!("stored artifact for commit '{subject}'"),
    );
    run.send(event.with("revision", revision.to_string()).with("digest", digest));
    Ok(())
}

/// Says whose signatures were found good, or that none were asked for.
fn verified<W: World>(run: &mut Run<'_, W>, spec: &GitRepository, signers: &[Signer]) {
    let Some(verify) = &spec.verify else {
        run.status.drop_condition("SourceVerified");
        run.status.unset("sourceVerificationMode");
        return;
    };
    let one = |signer: &Signer| format!("\n\t- {} with key '{}'", signer.object, signer.key);
    let message = format!("verified signature of{}", signers.iter().map(one).collect::<String>());
    run.status.condition("SourceVerified", Truth::True, "Succeeded", &message);
    let mode = verify.mode.as_deref().unwrap_or("HEAD");
    run.status.set_text("sourceVerificationMode", if mode == "head" { "HEAD" } else { mode });
}

/// Reads what is wrong with a signature, in Flux's reasons; tags move and commits come, so that most of it may pass.
fn unverified(error: &PortError) -> Option<Failure> {
    let cause = std::error::Error::source(error)?.downcast_ref::<SignatureError>()?;
    let message = cause.message.clone();
    Some(match cause.problem {
        SignatureProblem::NoTag => Failure::lasting("InvalidVerificationMode", message),
        SignatureProblem::UnsignedTag => Failure::passing("InvalidGitObject", message),
        SignatureProblem::Tag => Failure::passing("InvalidTagSignature", message),
        SignatureProblem::Commit => Failure::passing("InvalidCommitSignature", message),
    })
}

/// Whether a reason is one of a signature that is not there or not good, and not of the way to the repository.
fn is_of_signature(reason: &str) -> bool {
    matches!(
        reason,
        "VerificationError"
            | "InvalidVerificationMode"
            | "InvalidGitObject"
            | "InvalidTagSignature"
            | "InvalidCommitSignature"
    )
}

fn ready<W: World>(run: &mut Run<'_, W>, revision: &str) {
    let message = format!("stored artifact for revision '{revision}'");
    run.status.condition("ArtifactInStorage", Truth::True, "Succeeded", &message);
    run.status.ready("Succeeded", &message);
}

/// The archive's name: the commit, and where the files were chosen by more than it, the digest too.
fn file_name(revision: &Revision, digest: &str) -> String {
    let digest = digest.rsplit(':').next().unwrap_or_default();
    format!("{}-{}", revision.hash(), digest.get(..12).unwrap_or(digest))
}

impl<W: World> Context<W> {
    /// Reads where a repository is and how it is logged in to.
    pub(crate) async fn git_location(
        &self,
        namespace: &str,
        spec: &GitRepository,
    ) -> Result<GitLocation, Failure> {
        let secret = match &spec.secret_ref {
            Some(secret) => Some(
                self.secret(namespace, &secret.name)
                    .await
                    .map_err(|error| Failure::passing("AuthenticationFailed", error.to_string()))?,
            ),
            None => None,
        };
        let local =
            if self.settings.local_git { LocalRepositories::Allowed } else { LocalRepositories::Refused };
        GitLocation::new(&spec.url, secret.as_ref(), local)
            .map_err(|error| Failure::lasting("URLInvalid", error.to_string()))
    }
}

impl<W: World> Context<W> {
    /// Reads whose signatures are trusted: `*.sshpub` hold SSH keys, and all others, which should be
    /// called `*.asc`, OpenPGP keys.
    async fn verification(&self, namespace: &str, spec: &GitVerification) -> Result<Verification, Failure> {
        let failed = |message: String| Failure::passing("VerificationError", message);
        let mode = match spec.mode.as_deref().unwrap_or("HEAD") {
            "HEAD" | "head" => VerificationMode::Head,
            "Tag" => VerificationMode::Tag,
            "TagAndHEAD" => VerificationMode::TagAndHead,
            other => {
                let message = format!("spec.verify.mode '{other}' is none of HEAD, Tag and TagAndHEAD");
                return Err(Failure::lasting("VerificationError", message));
            }
        };
        let data = self
            .secret(namespace, &spec.secret_ref.name)
            .await
            .map_err(|error| failed(format!("public keys secret error: {error}")))?;
        let mut verification = Verification { mode, ..Verification::default() };
        for (key, value) in data {
            let text = String::from_utf8_lossy(&value).into_owned();
            if key.ends_with(".sshpub") {
                verification.ssh_keys.push(text);
            } else {
                verification.pgp_keys.push(text);
            }
        }
        if verification.pgp_keys.is_empty() && verification.ssh_keys.is_empty() {
            let name = &spec.secret_ref.name;
            return Err(failed(format!(
                "the secret '{namespace}/{name}' has no key that ends in .asc or .sshpub"
            )));
        }
        Ok(verification)
    }
}

/// Reads which commit is wanted; Flux's default is the branch `master`.
pub(crate) fn git_reference(spec: Option<&GitReferenceSpec>) -> GitReference {
    let spec = spec.cloned().unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut reference = GitReference {
        branch: given(spec.branch),
        tag: given(spec.tag),
        semver: given(spec.semver),
        name: given(spec.name),
        commit: given(spec.commit),
        short: None,
    };
    if reference == GitReference::default() {
        reference.branch = Some("master".into());
    }
    reference
}

fn checkout_failed(location: &GitLocation, error: &PortError) -> Failure {
    let text = error.to_string();
    let reason = if text.contains("authentication") { "AuthenticationFailed" } else { "GitOperationFailed" };
    let message = format!("failed to checkout and determine revision: unable to clone '{location}': {text}");
    Failure::passing(reason, message)
}

fn included<W: World>(run: &Run<'_, W>, spec: &GitRepository) -> Result<Vec<Published>, Failure> {
    let find = |include: &gitops_core::api::Include| {
        let key = referenced(Kind::GitRepository, None, &include.repository.name, &run.key.namespace);
        let found = run.context.cache.get(&key);
        found.as_deref().and_then(Published::of).ok_or_else(|| {
            let message = format!("could not get resource for include '{}': no artifact yet", key.name);
            Failure::passing("NotFound", message)
        })
    };
    spec.include.iter().map(find).collect()
}

fn same_includes<W: World>(run: &Run<'_, W>, included: &[Published]) -> bool {
    let known = run.status.field(&["includedArtifacts"]).and_then(Node::items).unwrap_or_default();
    let digests = known.iter().map(|known| known.get("digest").and_then(Node::as_str));
    digests.eq(included.iter().map(|included| Some(included.digest.as_str())))
}

fn described(included: &Published) -> Node {
    mapping(vec![
        ("digest", Node::string(included.digest.as_str())),
        ("path", Node::string(included.path.as_str())),
        ("revision", Node::string(included.revision.as_str())),
        ("url", Node::string(included.url.as_str())),
    ])
}

async fn include<W: World>(
    context: &Context<W>,
    mut tree: MemTree,
    spec: &GitRepository,
    included: &[Published],
) -> Result<MemTree, Failure> {
    for (include, published) in spec.include.iter().zip(included) {
        let files = context.tree(published).await?;
        let failed = |error: &dyn std::fmt::Display| {
            let name = &include.repository.name;
            Failure::lasting("InvalidPath", format!("include '{name}': {error}"))
        };
        let from = include.from_path.as_deref().filter(|path| !path.is_empty());
        let part = files.subtree(from.unwrap_or(".")).map_err(|error| failed(&error))?;
        let to = include.to_path.as_deref().filter(|path| !path.is_empty());
        tree.mount(to.unwrap_or(&include.repository.name), &part).map_err(|error| failed(&error))?;
    }
    Ok(tree)
}
