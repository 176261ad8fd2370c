//! Safe nDPI: owners of its module and of its flows; the only file with unsafe code.
