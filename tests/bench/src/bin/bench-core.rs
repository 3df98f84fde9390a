//! The local core on a runtime with one thread, with an authorizer that matches each topic against a hundred patterns. It
//! prints the token of its component and serves until it is killed. The argument is the number of configuration keys of the
//! component.

use greengrass_local_core::LocalCore;

/// Whether a topic matches a pattern, in which `*` matches any text.
fn matches(pattern: &[u8], topic: &[u8]) -> bool {
    match (pattern, topic) {
        ([b'*', rest @ ..], _) => (0..=topic.len()).any(|at| matches(rest, &topic[at..])),
        ([a, pattern @ ..], [b, topic @ ..]) => a == b && matches(pattern, topic),
        ([], []) => true,
        _ => false,
    }
}

fn main() -> std::io::Result<()> {
    let keys = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let keys: serde_json::Map<_, _> =
        (0..keys).map(|it: u32| (format!("key{it}"), it.into())).collect();
    let socket = std::env::var("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT")
        .map_err(std::io::Error::other)?;
    // Only the last two patterns match, so that all are checked.
    let mut patterns: Vec<String> = (0..98).map(|it| format!("devices/{it}/*")).collect();
    patterns.extend(["other/*".to_owned(), "my/*".to_owned()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let core = LocalCore::builder()
            .config("bench", keys)
            .socket_path(socket)
            .record_calls(false)
            .authorizer(move |request| {
                let topic = request.resource.as_bytes();
                patterns.iter().any(|it| matches(it.as_bytes(), topic))
            })
            .start()
            .await?;
        println!("{}", core.auth_token("bench"));
        std::future::pending().await
    })
}
