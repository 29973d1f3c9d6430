//! The documents of the protocol, as machines and as people read them, from files built into the binary.

use crate::demo::page_file;
use actix_web::web::{self, ServiceConfig};

const OPENAPI: &str = include_str!("../../protocol/generated/openapi.json");
const ASYNCAPI: &str = include_str!("../../protocol/generated/asyncapi.json");

/// Path, type and content of each.
const FILES: [(&str, &str, &str); 5] = [
    ("/openapi.json", "application/json", OPENAPI),
    ("/asyncapi.json", "application/json", ASYNCAPI),
    ("/docs", "text/html; charset=utf-8", include_str!("../docs-page/index.html")),
    ("/docs/page.css", "text/css; charset=utf-8", include_str!("../docs-page/page.css")),
    ("/docs/page.js", "text/javascript; charset=utf-8", include_str!("../docs-page/page.js")),
];

/// `/openapi.json`, `/asyncapi.json`, and `/docs`, a page that shows them.
pub fn routes(config: &mut ServiceConfig) {
    for (path, kind, content) in FILES {
        config.route(path, web::get().to(move || async move { page_file(kind, content) }));
    }
}
