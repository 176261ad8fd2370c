//! The page: what is served at the root, and what is said of it. tests/browser looks at it with a browser.

use std::collections::BTreeSet;

use flowgauge_hub::Options;
use tempfile::TempDir;

use crate::support::{Running, ask, get, options};

const FILES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8"),
    ("/page.css", "text/css; charset=utf-8"),
    ("/icon.svg", "image/svg+xml"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_told_whole_in_a_head_and_not_sent_twice() {
    let hub = Running::start(options()).await;
    let mut tags = BTreeSet::new();
    for (path, kind) in FILES {
        let answer = ask(hub.at.http, "GET", path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        let head = ask(hub.at.http, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["content-type", "content-length", "etag", "content-security-policy"] {
            assert_eq!(head.header(name), answer.header(name), "{path} {name}");
        }
        let tag = answer.header("etag");
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = ask(hub.at.http, "GET", path, &[("If-None-Match", &known)]).await;
            assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag), "{path} {known}");
        }
        assert_eq!(ask(hub.at.http, "GET", path, &[("If-None-Match", "\"other\"")]).await.status, 200, "{path}");
        assert_eq!(ask(hub.at.http, "POST", path, &[]).await.status, 405, "{path}");
        tags.insert(tag.to_owned());
    }
    assert_eq!(tags.len(), FILES.len());
    for path in ["/index.html", "/page.ts", "/page.js/", "/../Cargo.toml", "//"] {
        assert_eq!(get(hub.at.http, path, &[]).await.0, 404, "{path}");
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_what_the_page_must_not_do() {
    let hub = Running::start(options()).await;
    for (path, _) in FILES {
        let answer = ask(hub.at.http, "GET", path, &[]).await;
        let policy: BTreeSet<&str> = answer.header("content-security-policy").split("; ").collect();
        let strict = [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ];
        assert_eq!(policy, BTreeSet::from(strict), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_names_no_other_address() {
    let hub = Running::start(options()).await;
    for (path, _) in FILES {
        let body = get(hub.at.http, path, &[]).await.1;
        // The name of SVG is an address that nobody asks, and a comment tells whose uPlot is.
        let body = body.replace("http://www.w3.org/2000/svg", "").replace("https://github.com/leeoniya/uPlot", "");
        assert!(!body.contains("://") && !body.contains("src=\"//"), "{path}");
    }
    let html = get(hub.at.http, "/", &[]).await.1;
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onload"));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_another_host_does_not_get_it() {
    let hub = Running::start(options()).await;
    for (path, _) in FILES {
        assert_eq!(get(hub.at.http, path, &[("Host", "evil.example")]).await.0, 403, "{path}");
        assert_eq!(get(hub.at.http, path, &[("Origin", "https://evil.example")]).await.0, 403, "{path}");
        assert_eq!(get(hub.at.http, path, &[("Host", "localhost:1")]).await.0, 200, "{path}");
    }
    assert_eq!(hub.stop().await.turned_away.of("origin"), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_no_token_as_it_asks_for_one() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "lab publish publish-0123456789\n").unwrap();
    let hub = Running::start(Options { tokens: Some(tokens), ..options() }).await;
    for (path, _) in FILES {
        assert_eq!(get(hub.at.http, path, &[]).await.0, 200, "{path}");
        // A token that is wrong opens nothing, and shuts nothing that is open.
        assert_eq!(get(hub.at.http, path, &[("Authorization", "Bearer wrong")]).await.0, 200, "{path}");
    }
    assert_eq!(hub.stop().await.turned_away.of("token"), 0);
}
