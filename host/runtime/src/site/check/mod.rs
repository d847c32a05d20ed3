//! What must hold between the parts of a site. Each file is one subject; every finding is reported, not only the first.

mod address;
mod host;
mod once;
mod plane;
mod realm;
mod s3;
mod secret;
mod vault;
mod vip;
mod word;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fabric_model::Slug;
use fabric_model::site::Site;

use super::report::Report;
use super::suggest;

/// Records everything that does not fit together.
pub(super) fn all(site: &Site, report: &mut Report<'_>) {
    realm::check(site, report);
    word::check(site, report);
    secret::check(site, report);
    vault::check(site, report);
    s3::check(site, report);
    plane::check(site, report);
    host::check(site, report);
    address::check(site, report);
    vip::check(site, report);
    zone::check(site, report);
}

/// Records that the key at `path` names something that the file does not declare. Returns whether it does.
fn declared<T>(
    report: &mut Report<'_>,
    path: &[&str],
    what: &str,
    wanted: &Slug,
    names: &BTreeMap<Slug, T>,
) -> bool {
    if names.contains_key(wanted) {
        return true;
    }
    let hint =
        suggest::hint(wanted.as_str(), names.keys().map(Slug::as_str), &format!("Declare the {what} first."));
    report.at(path, format!("there is no {what} `{wanted}`"), hint);
    false
}
