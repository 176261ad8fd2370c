//! Interfaces, through libpcap.
