//! The list of powers: every primitive, by hand, in the order of its name.

use fabric_model::PrimitiveName;

use crate::api_read::Read;
use crate::changing::Change;
use crate::guest_change::OnGuest;
use crate::host_fact::Fact;
use crate::link_change::OnLink;
use crate::observing::Entry;
use crate::primitive::Primitive;
use crate::s3_read::FromS3;
use crate::unit_change::OnUnit;
use crate::{
    dns, evidence, file, host, http, link, minio, nft, project, proxmox, s3, ssh, sysctl, tcp, tls, unit, vip,
};

/// Every primitive, sorted by name.
pub static REGISTRY: &[&dyn Primitive] = &[
    &Entry::<dns::query::Query>::NEW,
    &Entry::<dns::transfer::Transfer>::NEW,
    &Entry::<evidence::packets::PacketsOf>::NEW,
    &Entry::<evidence::trust::Trust>::NEW,
    &Entry::<Fact<file::digest::DigestOf>>::NEW,
    &Change::<file::put::Put>::NEW,
    &Entry::<Fact<host::accounts::Accounts>>::NEW,
    &Entry::<Fact<host::addresses::Addresses>>::NEW,
    &Entry::<Fact<host::clock::Clock>>::NEW,
    &Entry::<Fact<host::identity::IdentityOf>>::NEW,
    &Entry::<Fact<host::packages::Packages>>::NEW,
    &Entry::<Fact<host::processes::Processes>>::NEW,
    &Entry::<Fact<host::routes::Routes>>::NEW,
    &Entry::<Fact<host::sockets::Sockets>>::NEW,
    &Entry::<Fact<host::sysctl::Sysctl>>::NEW,
    &Entry::<http::Request<http::get::Get>>::NEW,
    &Entry::<http::Request<http::head::Head>>::NEW,
    &Change::<OnLink<link::down::Down>>::NEW,
    &Change::<OnLink<link::up::Up>>::NEW,
    &Entry::<FromS3<minio::health::Health>>::NEW,
    &Change::<nft::apply::Apply>::NEW,
    &Entry::<Fact<nft::ruleset::Ruleset>>::NEW,
    &Entry::<project::digest::DigestOf>::NEW,
    &Entry::<project::files::Files>::NEW,
    &Entry::<project::text::Text>::NEW,
    &Entry::<Read<proxmox::cluster_status::ClusterStatus>>::NEW,
    &Entry::<Read<proxmox::guest_config::GuestConfigOf>>::NEW,
    &Entry::<Read<proxmox::guest_interfaces::GuestInterfaces>>::NEW,
    &Change::<OnGuest<proxmox::guest_start::GuestStart>>::NEW,
    &Entry::<Read<proxmox::guest_status::GuestStatusOf>>::NEW,
    &Change::<OnGuest<proxmox::guest_stop::GuestStop>>::NEW,
    &Entry::<Read<proxmox::node_zones::NodeZones>>::NEW,
    &Entry::<Read<proxmox::permissions::PermissionsOf>>::NEW,
    &Entry::<Read<proxmox::sdn_subnets::SdnSubnets>>::NEW,
    &Entry::<Read<proxmox::sdn_vnets::SdnVnets>>::NEW,
    &Entry::<Read<proxmox::sdn_zones::SdnZones>>::NEW,
    &Entry::<FromS3<s3::anonymous::Anonymous>>::NEW,
    &Entry::<FromS3<s3::buckets::Buckets>>::NEW,
    &Entry::<FromS3<s3::get::Get>>::NEW,
    &Entry::<FromS3<s3::head::Head>>::NEW,
    &Entry::<FromS3<s3::lock_settings::LockSettingsOf>>::NEW,
    &Entry::<FromS3<s3::objects::Objects>>::NEW,
    &Entry::<FromS3<s3::policy::Policy>>::NEW,
    &Entry::<FromS3<s3::retention::RetentionOf>>::NEW,
    &Entry::<FromS3<s3::versions::Versions>>::NEW,
    &Entry::<ssh::auth::Auth>::NEW,
    &Entry::<ssh::forward::Forward>::NEW,
    &Change::<sysctl::set::Set>::NEW,
    &Entry::<tcp::connect::Connect>::NEW,
    &Entry::<tls::handshake::Shake>::NEW,
    &Change::<OnUnit<unit::kill::Kill>>::NEW,
    &Change::<OnUnit<unit::restart::Restart>>::NEW,
    &Change::<OnUnit<unit::start::Start>>::NEW,
    &Entry::<Fact<unit::state::State>>::NEW,
    &Change::<OnUnit<unit::stop::Stop>>::NEW,
    &Entry::<vip::holder::Holder>::NEW,
];

/// The primitive of that name.
pub fn find(name: &PrimitiveName) -> Option<&'static dyn Primitive> {
    let place = REGISTRY.binary_search_by(|entry| entry.name().cmp(name)).ok()?;
    REGISTRY.get(place).copied()
}
