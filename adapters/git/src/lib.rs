//! Git repositories as trees in memory, and commits pushed back.
//!
//! [`Git`] is the port [`GitRemote`](gitops_core::ports::GitRemote) over https, http, ssh and local repositories. It speaks
//! git's protocol itself: a poll asks for the wanted references alone, a fetch takes one commit without its history, and no
//! repository, work tree or cache is written to a disk. Certificates, redirects, time and memory stay under its control.
//!
//! ```no_run
//! use gitops_core::git_location::{GitLocation, LocalRepositories};
//! use gitops_core::ports::{FetchRequest, GitReference, GitRemote};
//! use gitops_git::Git;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let location = GitLocation::new("https://git.example.org/team/fleet", None, LocalRepositories::Refused)?;
//! let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
//! let checkout = Git::default().fetch(&FetchRequest::new(location, main)).await?;
//! println!("{} with {} files", checkout.revision, checkout.tree.files().len());
//! # Ok(())
//! # }
//! ```

mod checkout;
mod error;
mod fetch;
mod http;
mod object;
mod openpgp;
mod openssh;
mod options;
mod pack;
mod pkt;
mod process;
mod push;
mod references;
mod remote;
mod signing;
mod submodules;
mod verify;
mod wire;

pub use options::{Limits, Options, PlainHttp, Proxy, SshLogin};
pub use remote::Git;
pub use signing::{KeyRingError, openpgp_signing_key, ssh_signing_key};
