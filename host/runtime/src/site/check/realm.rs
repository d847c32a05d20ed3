//! What kind of place the site is, and from where it may be reached.

use fabric_model::site::{Realm, Site};

use super::super::report::Report;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    match (site.site.realm, site.site.namespace) {
        (Realm::Lab, None) => report.at(
            &["site", "realm"],
            "a lab without `namespace` could be anywhere",
            "Add the inode number that `stat -Lc %i /proc/self/ns/net` prints inside the lab.",
        ),
        (Realm::Real | Realm::Twin, Some(_)) => report.at(
            &["site", "namespace"],
            "only a lab is bound to a network namespace",
            "Remove the key, or write `realm = \"lab\"`.",
        ),
        (Realm::Lab, Some(_)) | (Realm::Real | Realm::Twin, None) => {}
    }
}
