//! What MinIO and servers like it say about themselves.

pub mod health;
