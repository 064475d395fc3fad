//! Bytes for RPC and disk.
