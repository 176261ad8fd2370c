//! What lies between an outer UDP header and an inner packet.
