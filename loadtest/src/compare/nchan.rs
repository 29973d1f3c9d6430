//! nchan, a module of nginx: how it is started, and how its clients and publishers speak.

use super::peer::{Call, Peer, find, not_installed};
use crate::{
    http::{BaseUrl, Http},
    measure::process::children,
    processes::{Process, serve},
};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const CONFIG: &str = include_str!("../../peers/nchan.conf");
/// How long it may take to reach its Redis.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Channels that a publisher may name at once.
const CHANNELS_MAX: u32 = 255;

/// nginx with one worker.
pub(super) struct Nchan {
    nginx: Process,
    url: BaseUrl,
    _directory: TempDir,
}

impl Nchan {
    /// Starts one on a free port; an error says what is missing.
    pub(super) async fn start(
        nginx: &Path,
        module: &Path,
        redis: Option<SocketAddr>,
        recipients: u32,
    ) -> Result<Self, String> {
        let how = "make peers, or apt-get install nginx libnginx-mod-nchan";
        let nginx = find(nginx).ok_or_else(|| not_installed("nginx", how))?;
        let module = find(module).ok_or_else(|| not_installed(&module.display().to_string(), how))?;
        if recipients > CHANNELS_MAX {
            return Err(format!("a call of nchan has at most {CHANNELS_MAX} recipients"));
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let command = |address| {
            let file = directory.path().join("nginx.conf");
            fs::write(&file, config(&module, address, redis)).map_err(|error| error.to_string())?;
            let mut command = Command::new(&nginx);
            command.arg("-p").arg(directory.path()).arg("-c").arg(file).args(["-e", "stderr", "-g", "daemon off;"]);
            Ok(command)
        };
        let (nginx, url) = serve("nginx", "/healthz", command).await?;
        let nchan = Self { nginx, url, _directory: directory };
        let ready = timeout(PATIENCE, nchan.ready()).await;
        ready
            .map_err(|_| format!("nchan does not reach its store within {PATIENCE:?}: {}", nchan.nginx.last_words()))?;
        Ok(nchan)
    }

    /// It answers 503 until it has reached its Redis, and then that there is no such channel.
    async fn ready(&self) {
        let http = Http::new();
        while !http.text(&self.url, "/publish?id=none").await.is_ok_and(|(status, _)| status == 404) {
            sleep(LOOK).await;
        }
    }
}

fn config(module: &Path, address: SocketAddr, redis: Option<SocketAddr>) -> String {
    let (upstream, pass) = match redis {
        Some(redis) => (format!("upstream store {{ nchan_redis_server redis://{redis}; }}"), "nchan_redis_pass store;"),
        None => (String::new(), ""),
    };
    CONFIG
        .replace("@MODULE@", &module.display().to_string())
        .replace("@LISTEN@", &address.to_string())
        .replace("@UPSTREAM@", &upstream)
        .replace("@PASS@", pass)
}

impl Drop for Nchan {
    /// A worker outlives a master that is killed.
    fn drop(&mut self) {
        let workers = children(self.nginx.id());
        self.nginx.kill();
        for worker in workers {
            let _ = Command::new("kill").args(["-KILL", &worker.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

impl Peer for Nchan {
    const LACKS: &'static str = "no list of a user: no unread totals, no merging of changes to one state, no deletions; \
         who comes back gets what is left of the last 100 messages and 5 minutes; \
         no token is checked; all recipients of a call get the same bytes";

    fn url(&self) -> &BaseUrl {
        &self.url
    }

    fn ids(&self) -> Vec<u32> {
        [vec![self.nginx.id()], children(self.nginx.id())].concat()
    }

    fn path(&self, user: &str) -> String {
        format!("/subscribe?id={user}")
    }

    fn call(&self, recipients: &[String], text: &str) -> Call {
        Call { path: format!("/publish?id={}", recipients.join(",")), body: text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_configuration_is_filled_in() {
        let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let of = |redis| config(Path::new("/m.so"), address, redis);
        assert!(!of(None).contains('@') && !of(None).contains("redis"));
        assert!(of(None).contains("load_module /m.so;") && of(None).contains("listen 127.0.0.1:8080 "));
        let with_redis = of(Some("127.0.0.1:6379".parse().unwrap()));
        assert!(with_redis.contains("nchan_redis_server redis://127.0.0.1:6379;"));
        // It is not inherited.
        assert_eq!(with_redis.matches("nchan_redis_pass store;").count(), 2);
    }
}
