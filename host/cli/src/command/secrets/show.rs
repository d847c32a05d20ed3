//! What there is in the store, without any value or its length.

use fabric_model::exit::Exit;
use fabric_model::site::{SecretSource, Stored};
use fabric_runtime::Refusal;
use fabric_runtime::site::{KeyPath, Listed, SiteFile, Store};

use crate::stream::{say, tell};

pub(super) fn list(store: &Store, site: Option<&SiteFile>) -> Result<Exit, Refusal> {
    let listed = store.read()?.list();
    for one in &listed {
        say(line(one, site));
    }
    for (handle, stored) in references(site) {
        let Stored { key, field, former } = stored;
        let there =
            |one: &&Listed| one.key.to_string() == *key && one.field == *field && (one.former || !former);
        if !listed.iter().any(|one| there(&one)) {
            let which = if *former { "former " } else { "" };
            tell(format_args!(
                "missing: the {which}`{field}` under `{key}`, which the site file calls {handle}"
            ));
        }
    }
    Ok(Exit::Done)
}

pub(super) fn inspect(store: &Store, site: Option<&SiteFile>, key: &KeyPath) -> Result<Exit, Refusal> {
    let listed = store.read()?.list();
    let fields: Vec<&Listed> = listed.iter().filter(|one| one.key == *key).collect();
    if fields.is_empty() {
        return Err(Refusal::new(Exit::NotFound, format!("the store has no `{key}`"))
            .hint("`fabric secrets list` says what there is."));
    }
    for one in fields {
        say(line(one, site));
    }
    Ok(Exit::Done)
}

fn line(one: &Listed, site: Option<&SiteFile>) -> String {
    let mut line = format!("{}  {}  put {}", one.key, one.field, one.put);
    if let Some(rotated) = &one.rotated {
        line.push_str(&format!("  rotated {rotated}"));
    }
    if one.former {
        line.push_str("  former value kept");
    }
    let used = references(site).filter(|(_, stored)| {
        stored.key == one.key.to_string() && stored.field == one.field && (one.former || !stored.former)
    });
    for (handle, stored) in used {
        let which = if stored.former { "former " } else { "" };
        line.push_str(&format!("  {which}used as {handle}"));
    }
    line
}

/// What the site file takes from the store, by handle.
fn references(site: Option<&SiteFile>) -> impl Iterator<Item = (&String, &Stored)> {
    let secrets = site.into_iter().flat_map(|file| &file.site.secrets);
    secrets.filter_map(|(handle, source)| match source {
        SecretSource::Store(stored) => Some((handle, stored)),
        _ => None,
    })
}
