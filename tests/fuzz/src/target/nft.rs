//! What `nft --json list ruleset` prints, and the rulesets of scripts.

use fabric_wire::nft::{self, Draft, Held, HeldTable, Replace, Ruleset};
use fabric_wire::ssh::{CommandOutput, nft_document, nft_ruleset};
use serde_json::Value;

/// JSON. A table that was read in full, loaded as it was read, is the table that was read; a ruleset survives its own notation.
pub fn run(bytes: &[u8]) {
    let output = CommandOutput { status: 0, stdout: bytes.to_vec(), stderr: Vec::new(), path: Vec::new() };
    let _ = nft_ruleset(&output);
    if let Ok(document) = nft_document(&output) {
        kept(&document);
    }
    if let Ok(ruleset) = serde_json::from_slice::<Ruleset>(bytes) {
        let text = serde_json::to_string(&ruleset).expect("plain data");
        assert_eq!(serde_json::from_str::<Ruleset>(&text).expect("its own notation"), ruleset);
        assert!(!nft::script(&ruleset).contains('\0'));
        nft::document(&ruleset);
    }
}

fn kept(document: &Value) {
    let Ok(held) = nft::held(document) else { return };
    for table in held.tables() {
        let HeldTable::Read(table) = table else { continue };
        let draft = Draft { replace: Replace::Tables, tables: vec![table.clone()] };
        let Ok(ruleset) = Ruleset::try_from(draft) else { continue };
        assert_eq!(Held::once_loaded(&ruleset).tables(), [HeldTable::Read(table.clone())]);
        assert!(nft::script(&ruleset).contains(table.name.as_str()));
    }
}
