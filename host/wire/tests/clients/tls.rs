//! TLS against servers with right and wrong certificates.

use std::sync::Arc;

use fabric_wire::WireError;
use fabric_wire::seam::Route;
use fabric_wire::tls::{self, Handshake, Problem};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peers::authority::{Authority, Leaf, accept};
use crate::peers::{World, peer, seams, soon};

fn authority() -> Authority {
    Authority::new("Lab CA", vec![KeyUsagePurpose::KeyCertSign])
}

fn server(config: Arc<ServerConfig>) -> Arc<World> {
    World::of_streams(move |_, stream| {
        let config = config.clone();
        async move {
            if let Some(mut stream) = accept(config, stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
}

async fn look(world: &Arc<World>, name: &str, pem: &str) -> Result<Handshake, WireError> {
    tls::handshake(&seams(world), &Route::Direct, peer(), name, pem.as_bytes(), soon()).await
}

/// Whether the strict client lets data through.
async fn strict(world: &Arc<World>, name: &str, pem: &str) -> Result<(), WireError> {
    let seams = seams(world);
    let stream = seams.open(&Route::Direct, peer(), soon()).await?;
    let authority = tls::Authority::from_pem(pem.as_bytes())?;
    tls::client(stream, name, &authority, seams.clock.clone(), soon()).await.map(drop)
}

#[tokio::test]
async fn a_good_certificate_verifies_in_both_versions() {
    let authority = authority();
    for (version, name, cipher) in [(&TLS13, "TLSv1.3", "TLS_AES"), (&TLS12, "TLSv1.2", "TLS_ECDHE_ECDSA")] {
        let world = server(authority.server(Leaf::default(), &[version]));
        let seen = look(&world, "n1", &authority.pem).await.expect("a handshake");
        assert!(seen.verified && seen.problem.is_none() && seen.detail.is_none(), "{seen:?}");
        assert_eq!(seen.version, name);
        assert!(seen.cipher.starts_with(cipher), "{}", seen.cipher);
        let leaf = seen.chain.first().expect("a certificate");
        assert_eq!(leaf.names, ["n1"]);
        assert!(leaf.issuer.contains("Lab CA") && !leaf.is_ca);
        assert_eq!(strict(&world, "n1", &authority.pem).await, Ok(()));
    }
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let authority = authority();
    let world = server(authority.server(Leaf { names: vec!["192.0.2.53"], ..Leaf::default() }, &[&TLS13]));
    assert!(look(&world, "192.0.2.53", &authority.pem).await.expect("a handshake").verified);
}

#[tokio::test]
async fn an_authority_without_key_usage_serves() {
    let bare = Authority::new("Proxmox Virtual Environment", vec![]);
    let world = server(bare.server(Leaf::default(), &[&TLS13]));
    assert!(look(&world, "n1", &bare.pem).await.expect("a handshake").verified);
    assert_eq!(strict(&world, "n1", &bare.pem).await, Ok(()));
}

#[tokio::test]
async fn each_problem_is_named_and_stops_the_strict_client() {
    let ours = authority();
    let other = Authority::new("Other CA", vec![KeyUsagePurpose::KeyCertSign]);
    let namesake = authority();
    let client_auth = ExtendedKeyUsagePurpose::ClientAuth;
    for (issuer, leaf, problem) in [
        (&ours, Leaf { years: (2024, 2025), ..Leaf::default() }, Problem::Expired),
        (&ours, Leaf { years: (2027, 2028), ..Leaf::default() }, Problem::NotYetValid),
        (&ours, Leaf { names: vec!["n2"], ..Leaf::default() }, Problem::WrongName),
        (&ours, Leaf { usage: client_auth, ..Leaf::default() }, Problem::BadUsage),
        (&other, Leaf::default(), Problem::UnknownIssuer),
        (&namesake, Leaf::default(), Problem::UnknownIssuer),
    ] {
        let world = server(issuer.server(leaf, &[&TLS12, &TLS13]));
        let seen = look(&world, "n1", &ours.pem).await.expect("a handshake");
        assert_eq!((seen.verified, seen.problem), (false, Some(problem)), "{:?}", seen.detail);
        assert!(seen.detail.is_some() && seen.chain.len() == 1);
        let refused = strict(&world, "n1", &ours.pem).await;
        assert!(
            matches!(&refused, Err(WireError::Tls(text)) if text.contains("does not verify")),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_an_error() {
    let pem = authority().pem;
    let garbage = World::of_streams(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    });
    assert!(matches!(look(&garbage, "n1", &pem).await, Err(WireError::Tls(_))));
    let cut = World::of_streams(|_, mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        // A record that announces 64 bytes and holds 3.
        let _ = stream.write_all(&[22, 3, 3, 0, 64, 2, 0, 0]).await;
    });
    let error = look(&cut, "n1", &pem).await.expect_err("cut off");
    assert!(matches!(&error, WireError::Tls(text) if text.contains("closed")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_in_the_handshake_times_out() {
    let hung = World::of_streams(|_, stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    assert_eq!(look(&hung, "n1", &authority().pem).await, Err(WireError::Timeout));
    assert_eq!(strict(&hung, "n1", &authority().pem).await, Err(WireError::Timeout));
}

#[tokio::test]
async fn an_authority_must_be_readable() {
    let world = server(authority().server(Leaf::default(), &[&TLS13]));
    let damaged = authority().pem.replace("MII", "AII");
    for pem in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &damaged]
    {
        assert!(matches!(look(&world, "n1", pem).await, Err(WireError::Tls(_))), "{pem}");
    }
    assert_eq!(world.dialled(), 0);
}
