//! `gitops trigger`: calls a Receiver's web hook, as the service that it waits for would.

use crate::Failure;
use crate::cluster::{NamespaceFlags, run as run_async, say, within};
use crate::flags::duration;
use clap::Subcommand;
use gitops_controllers::notification::webhook_path;
use gitops_core::api::GoDuration;
use gitops_transport::{Authorization, Call, Client, Method, Options, Retries};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::process::ExitCode;

/// Call the web hook of a Receiver.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops trigger receiver ci --token=secret --url=https://hooks.example.com")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Receiver(Box<Receiver>),
}

/// Send a request to the web hook of a Receiver; no cluster is asked.
///
/// The path follows from the Receiver's name, namespace and token.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops trigger receiver ci --token=secret --url=https://hooks.example.com
  gitops trigger receiver ci --type=generic-hmac --token=secret --url=https://hooks.example.com --payload='{\"image\":\"org/app:1.0\"}'
  gitops trigger receiver ci --type=generic-oidc --oidc-provider=github --url=https://hooks.example.com")]
struct Receiver {
    /// The Receiver's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The Receiver's token; for every type but generic-oidc, which has none.
    #[arg(long, default_value = "", hide_default_value = true)]
    token: String,
    /// Where web hooks come in; it may have a path.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The Receiver's type: generic, generic-hmac or generic-oidc.
    #[arg(long = "type", default_value = "generic", value_name = "TYPE")]
    kind: String,
    /// Who gives the OIDC token: github or forgejo, in one of their workflows.
    #[arg(long, value_name = "NAME")]
    oidc_provider: Option<String>,
    /// The OIDC token; by default FLUX_TRIGGER_RECEIVER_OIDC_TOKEN of the environment.
    #[arg(long, value_name = "TOKEN")]
    oidc_token: Option<String>,
    /// Whom the OIDC token is for; notification-controller where it is not said.
    #[arg(long, value_name = "AUDIENCE")]
    oidc_audience: Option<String>,
    /// The JSON that is sent.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    payload: String,
    /// How often it is tried again where the server does not answer, or with 404, 408, 429 or 5xx.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    retries: u32,
    /// How long is waited between.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
    retry_delay: GoDuration,
    #[command(flatten)]
    place: NamespaceFlags,
}

const OIDC: &str = "generic-oidc";
const OIDC_TOKEN: &str = "FLUX_TRIGGER_RECEIVER_OIDC_TOKEN";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let What::Receiver(args) = &args.what;
    if args.url.is_empty() {
        return Err("--url is required".into());
    }
    args.check()?;
    run_async(within(args.place.timeout.0, trigger(args)))
}

impl Receiver {
    fn check(&self) -> Result<(), Failure> {
        let kind = self.kind.as_str();
        if !["generic", "generic-hmac", OIDC].contains(&kind) {
            let known = "generic, generic-hmac, generic-oidc";
            return Err(format!("invalid --type {kind:?}, must be one of: {known}").into());
        }
        if kind != OIDC {
            if self.token.is_empty() {
                return Err(format!("--token is required for --type={kind}").into());
            }
            if self.oidc_provider.is_some() || self.oidc_token.is_some() || self.oidc_audience.is_some() {
                let flags = "--oidc-provider, --oidc-token and --oidc-audience";
                return Err(format!("{flags} can only be set for --type={OIDC}").into());
            }
            return Ok(());
        }
        if !self.token.is_empty() {
            let why = "the Receiver of this type has no secret";
            return Err(format!("--token must not be set for --type={OIDC}, {why}").into());
        }
        match &self.oidc_provider {
            Some(_) if self.oidc_token.is_some() => {
                Err("--oidc-provider and --oidc-token are mutually exclusive".into())
            }
            Some(name) if !["github", "forgejo"].contains(&name.as_str()) => {
                Err(format!("invalid --oidc-provider {name:?}, must be one of: github, forgejo").into())
            }
            None if self.oidc_audience.is_some() => {
                Err("--oidc-audience can only be set together with --oidc-provider".into())
            }
            _ => Ok(()),
        }
    }

    /// The token that a workflow's service or the user gives.
    async fn oidc(&self, client: &Client) -> Result<String, Failure> {
        if self.oidc_provider.is_some() {
            let variable = |name: &str| {
                std::env::var(name)
                    .map_err(|_| format!("{name} is not set: this runs in no workflow with id-token: write"))
            };
            let mut url = gitops_transport::Url::parse(&variable("ACTIONS_ID_TOKEN_REQUEST_URL")?)?;
            let audience = self.oidc_audience.as_deref().unwrap_or("notification-controller");
            url.query_pairs_mut().append_pair("audience", audience);
            let login = Authorization::bearer(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
            let answer =
                client.call(&Call::get(url.as_str())?.authorization(Some(login))).await?.success()?;
            let said: serde_json::Value = serde_json::from_slice(&answer.body)?;
            let token = said.get("value").and_then(serde_json::Value::as_str);
            return Ok(token.ok_or("the provider answered without a token")?.to_owned());
        }
        match self.oidc_token.clone().or_else(|| std::env::var(OIDC_TOKEN).ok()) {
            Some(token) if !token.is_empty() => Ok(token),
            _ => Err(format!(
                "no OIDC token provided: set --oidc-provider, --oidc-token or the {OIDC_TOKEN} environment variable"
            )
            .into()),
        }
    }
}

async fn trigger(args: &Receiver) -> Result<ExitCode, Failure> {
    let namespace = args.place.namespace();
    let mut options = Options::default();
    options.retries = Retries::none();
    let client = Client::new(options)?;
    let path = webhook_path(args.token.as_bytes(), &args.name, &namespace);
    let url = format!("{}{path}", args.url.trim_end_matches('/'));
    let mut call = Call::new(Method::POST, &url)?
        .header("Content-Type", "application/json")?
        .body(args.payload.clone().into_bytes());
    if args.kind == "generic-hmac" {
        let mut mac = Hmac::<Sha256>::new_from_slice(args.token.as_bytes())?;
        mac.update(args.payload.as_bytes());
        let mut signature = "sha256=".to_owned();
        for byte in mac.finalize().into_bytes() {
            write!(signature, "{byte:02x}")?;
        }
        call = call.header("X-Signature", &signature)?;
    } else if args.kind == OIDC {
        call = call.authorization(Some(Authorization::bearer(args.oidc(&client).await?)));
    }
    say::action(format_args!("triggering Receiver {namespace}/{}", args.name));
    let mut tries = 0;
    loop {
        let (why, can_retry) = match client.call(&call).await {
            Ok(answer) if answer.status.is_success() => {
                say::success(format_args!("Receiver {namespace}/{} triggered", args.name));
                return Ok(ExitCode::SUCCESS);
            }
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                let said = said.trim();
                let separator = if said.is_empty() { "" } else { ": " };
                let why = format!("request to {url} failed with status {}{separator}{said}", answer.status);
                (why, matches!(answer.status.as_u16(), 404 | 408 | 429 | 500 | 502 | 503 | 504))
            }
            Err(why) => (format!("request to {url} failed: {why}"), true),
        };
        if !can_retry || tries >= args.retries {
            return Err(why.into());
        }
        tries += 1;
        say::waiting(format_args!("{why}; retrying in {} ({tries}/{})", args.retry_delay, args.retries));
        tokio::time::sleep(args.retry_delay.0).await;
    }
}
