//! A Unix process as a host.
