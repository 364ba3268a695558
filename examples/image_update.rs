//! Picks the newest image of a list, writes it into a manifest and plans the commit, all in memory.
//!
//! `cargo run -p gitops-examples --example image_update`
#![allow(clippy::print_stdout, reason = "a program to look at")]

use image_policy::{
    Author, CheckoutRef, ChosenImage, CommitPlan, CommitSpec, MessageTemplate, Policies, Policy, PolicyName,
    Reference, Subject, Updater,
};

const MANIFEST: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web,   namespace: prod}   # written by hand
spec:
  template:
    spec:
      containers:
        - name: web
          image: 'ghcr.io/org/web:1.0.3'   # {"$imagepolicy": "flux-system:web"}
"#;

const MESSAGE: &str =
    "Update images\n{{ range .Changed.Changes }}\n- {{ .OldValue }} -> {{ .NewValue }}{{ end }}\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1. Which tag? The registry is asked by whoever embeds this; here is its answer.
    let tags = ["1.0.3", "1.2.0", "1.10.1", "2.0.0-rc.1", "latest"];
    let policy = Policy::semver("1.x")?;
    for (tag, verdict) in policy.explain(&tags).verdicts() {
        println!("{tag}: {verdict}");
    }
    let image = Reference::of("ghcr.io/org/web", policy.latest(&tags)?, "")?;

    // 2. Write it where markers ask for it.
    let mut policies = Policies::default();
    policies.choose(ChosenImage { policy: PolicyName::new("flux-system", "web"), image })?;
    let mut updater = Updater::new(&policies);
    updater.file("apps/web.yaml", MANIFEST.as_bytes())?;
    let update = updater.finish();
    for (file, text) in update.files() {
        println!("\n# {file}\n{text}");
    }

    // 3. Plan the commit; git is for whoever embeds this, too.
    let spec = CommitSpec {
        author: Author { name: "bot".into(), email: "bot@example.com".into() },
        message: MessageTemplate::go(MESSAGE),
        checkout: Some(CheckoutRef { branch: "main".into() }),
        ..CommitSpec::default()
    };
    match CommitPlan::new(&spec, &Subject::new("flux-system", "apps"), update.changes())? {
        Some(plan) => println!("commit {:?} to {}:\n{}", plan.files, plan.branch, plan.message),
        None => println!("nothing to commit"),
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().expect("the example works");
}
