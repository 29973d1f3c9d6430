//! The page that shows the gateway at work, from files built into the binary. Its script is made from clients/web/demo.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

/// Only the page's own scripts, styles and pictures, and only this server to talk to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! files {
    ($($name:literal => $kind:literal),+ $(,)?) => {
        /// Name, type and content of every file of the page.
        const FILES: &[(&str, &str, &str)] =
            &[$(($name, $kind, include_str!(concat!("../demo/", $name)))),+];
    };
}

files!(
    "index.html" => "text/html; charset=utf-8",
    "style.css" => "text/css; charset=utf-8",
    "icon.svg" => "image/svg+xml",
    "page.js" => "text/javascript; charset=utf-8",
);

/// `/` and `/demo/<file>`.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/", web::get().to(page)).route("/demo/{file}", web::get().to(file));
}

async fn page() -> HttpResponse {
    serve("index.html")
}

async fn file(name: web::Path<String>) -> HttpResponse {
    serve(&name)
}

fn serve(name: &str) -> HttpResponse {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, content)) => page_file(kind, content),
        None => HttpResponse::NotFound().finish(),
    }
}

/// A file of a page that takes nothing from elsewhere.
pub(crate) fn page_file(kind: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(content)
}

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        let mut there: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        let mut served: Vec<_> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(there, served);
    }
}
