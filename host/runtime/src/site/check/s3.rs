//! S3 servers, and what they refer to.

use fabric_model::site::Site;

use super::super::report::Report;
use super::declared;
use super::secret::text_handle;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    for (name, server) in &site.s3 {
        let at = |key| ["s3", name.as_str(), key];
        declared(report, &at("authority"), "authority", &server.authority, &site.authorities);
        text_handle(site, report, &at("access_key"), &server.access_key);
        text_handle(site, report, &at("secret_key"), &server.secret_key);
        if server.access_key == server.secret_key {
            let message = format!("`{}` stands for both keys", server.access_key);
            report.at(
                &at("secret_key"),
                message,
                "Keep the access key and the secret key under a handle each.",
            );
        }
    }
}
