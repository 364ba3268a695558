//! The client of a connection, made anew where a server no longer takes its login.

use kube::Config;
use kube::config::AuthInfo;
use std::sync::{Mutex, PoisonError};

/// A client, and how to make another one.
pub(crate) struct Session {
    /// Where the login stands in a file or comes from a program, which may have another one by now.
    config: Option<Config>,
    current: Mutex<Current>,
    /// One login is asked for at a time: a program that gives them may ask its user.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Current {
    number: u64,
    client: kube::Client,
}

impl Session {
    pub(crate) fn of(client: kube::Client) -> Self {
        Self {
            config: None,
            current: Mutex::new(Current { number: 0, client }),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn connect(config: Config) -> Result<Self, kube::Error> {
        let client = kube::Client::try_from(config.clone())?;
        let config = has_other_logins(&config.auth_info).then_some(config);
        Ok(Self { config, ..Self::of(client) })
    }

    /// Returns the client and its number.
    pub(crate) fn client(&self) -> (u64, kube::Client) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.number, current.client.clone())
    }

    /// Logs in anew after a client was refused; false where there is no other login.
    pub(crate) async fn renew(&self, refused: u64) -> bool {
        let Some(config) = &self.config else { return false };
        let _one = self.asking.lock().await;
        if self.client().0 != refused {
            return true;
        }
        let config = config.clone();
        // Programs and files block.
        let Ok(Ok(client)) = tokio::task::spawn_blocking(move || kube::Client::try_from(config)).await else {
            return false;
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Current { number: refused + 1, client };
        true
    }
}

fn has_other_logins(auth: &AuthInfo) -> bool {
    auth.exec.is_some()
        || auth.token_file.is_some()
        || auth.auth_provider.is_some()
        || auth.client_certificate.is_some()
}
