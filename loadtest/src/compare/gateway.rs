//! The gateway's rows of the comparison.

use super::{
    Bench,
    meter::Meter,
    report::{Row, Storage},
};
use crate::{
    processes::{self, Redis},
    progress::Progress,
    publish::{self, Phase, Processes, play},
    violations::Violations,
};
use std::sync::Arc;

/// Measures the gateway on a store, with a driver of WebSockets or its own choice of one. Its sessions are opened twice, for groups
/// of one member and of many.
pub(super) async fn measure(
    bench: &Bench<'_>,
    storage: Storage,
    driver: Option<&str>,
    progress: &Progress,
) -> Result<(Row, Violations), String> {
    let (server, redis) = (name(driver), bench.redis(storage).await?);
    let name = storage.name(&server);
    let progress = &progress.of(&name);
    let gateway = start(bench, redis.as_ref(), driver).await?;
    let meter = Meter::new(vec![gateway.process.id()], redis.as_ref());
    bench.keep_apart(&meter)?;
    let mut violations = Violations::default();
    let before = meter.look()?;
    let one = bench.publish_options(&gateway.url(), 1, bench.options.rate);
    let opened = publish::Gateway::open(&one, 1, &bench.http, progress).await?;
    let (idle, idle_redis) = meter.costs(&before, bench.options.sessions).await?;
    let one = publish(opened, &one, &name, &meter, &mut violations).await?;
    let many = bench.publish_options(&gateway.url(), bench.options.recipients, bench.options.fanout_rate);
    let opened = publish::Gateway::open(&many, 1, &bench.http, progress).await?;
    let many = publish(opened, &many, &name, &meter, &mut violations).await?;
    let lacks = String::new();
    Ok((Row { server, storage, idle, idle_redis, one, many, lacks }, violations))
}

/// The gateway's name with its driver of WebSockets.
pub(super) fn name(driver: Option<&str>) -> String {
    driver.map_or("gateway".to_owned(), |driver| format!("gateway {driver}"))
}

async fn start(bench: &Bench<'_>, redis: Option<&Redis>, driver: Option<&str>) -> Result<processes::Gateway, String> {
    let store = redis.map_or("memory:".to_owned(), |redis| format!("redis://{}", redis.address));
    let mut settings = vec!["--workers".to_owned(), "1".to_owned(), "--store".to_owned(), store];
    settings.extend(driver.into_iter().flat_map(|driver| ["--websocket".to_owned(), driver.to_owned()]));
    processes::Gateway::start(&bench.programs, &settings, &[]).await
}

async fn publish(
    gateway: publish::Gateway,
    options: &publish::PublishOptions,
    server: &str,
    meter: &Meter,
    violations: &mut Violations,
) -> Result<Phase, String> {
    let gateway = Arc::new(gateway);
    gateway.first_messages().await?;
    let processes = Processes { name: server, servers: &meter.ids(), stores: &[] };
    let phase = play(options, options.rate, &gateway, &gateway.crowd, processes).await?;
    let found = gateway.check().await?;
    violations.add_all(found);
    Arc::into_inner(gateway).ok_or("a call is still under way")?.close().await?;
    Ok(phase)
}
