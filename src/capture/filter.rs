//! BPF expressions.
