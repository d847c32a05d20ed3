//! Reads of the Proxmox VE API.

pub mod cluster_status;
pub mod guest_config;
pub mod guest_interfaces;
pub mod guest_start;
pub mod guest_status;
pub mod guest_stop;
pub mod node_zones;
pub mod permissions;
pub mod sdn_subnets;
pub mod sdn_vnets;
pub mod sdn_zones;
