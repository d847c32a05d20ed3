//! The files of a host, as far as somebody puts or reads any.

use std::collections::BTreeMap;

/// Folders that every Debian host has.
const FOLDERS: [&str; 16] = [
    "/",
    "/etc",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/systemd/system",
    "/home",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/tmp",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files(BTreeMap<String, File>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Files {
    /// Puts a file of root's there, whatever was there before.
    pub(crate) fn place(&mut self, path: &str, mode: u32, bytes: Vec<u8>) {
        let root = || "root".to_owned();
        self.0.insert(path.to_owned(), File { owner: root(), group: root(), mode, bytes });
    }

    pub(crate) fn put(&mut self, path: &str, file: File) {
        self.0.insert(path.to_owned(), file);
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    pub(crate) fn take(&mut self, path: &str) -> Option<File> {
        self.0.remove(path)
    }

    /// Whether there is such a folder: one that every host has, or one with something in it.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let within = format!("{path}/");
        FOLDERS.contains(&path) || self.0.keys().any(|file| file.starts_with(&within))
    }

    pub(crate) fn has_folder_of(&self, path: &str) -> bool {
        path.rsplit_once('/')
            .is_some_and(|(folder, _)| self.is_folder(if folder.is_empty() { "/" } else { folder }))
    }

    /// What a boot leaves: `/run` is in memory, and `/tmp` is emptied.
    pub(crate) fn reboot(&mut self) {
        self.0.retain(|path, _| !(path.starts_with("/run/") || path.starts_with("/tmp/")));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }
}
