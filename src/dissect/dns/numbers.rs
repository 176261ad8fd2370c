//! Names of the numbers in DNS messages (IANA DNS parameters).

use domain::base::iana::{Class, Opcode, Rcode, Rtype};

/// The name of a type of records: `A`, `HTTPS` ...; `None` for one that has no name here.
pub fn type_name(kind: u16) -> Option<&'static str> {
    Rtype::from_int(kind).to_mnemonic_str()
}

/// The name of a class: `IN`, `CH`, `HS`, `NONE` or `ANY`; `None` for others.
pub fn class_name(class: u16) -> Option<&'static str> {
    match Class::from_int(class) {
        Class::ANY => Some("ANY"),
        class => class.to_mnemonic_str(),
    }
}

/// The name of a response code: `NOERROR`, `NXDOMAIN` ...; `None` for one that has no name here.
pub fn rcode_name(rcode: u8) -> Option<&'static str> {
    Rcode::masked_from_int(rcode).to_mnemonic_str()
}

/// The name of what a message is about: `QUERY`, `UPDATE` ...; `None` for one that has no name here.
pub fn opcode_name(opcode: u8) -> Option<&'static str> {
    Opcode::from_int(opcode).to_mnemonic_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_the_registry() {
        assert_eq!([1, 28, 65, 255, 54].map(type_name), [Some("A"), Some("AAAA"), Some("HTTPS"), Some("ANY"), None]);
        assert_eq!([1, 3, 254, 255, 2].map(class_name), [Some("IN"), Some("CH"), Some("NONE"), Some("ANY"), None]);
        assert_eq!([0, 3, 10, 15].map(rcode_name), [Some("NOERROR"), Some("NXDOMAIN"), Some("NOTZONE"), None]);
        assert_eq!([0, 4, 5, 3].map(opcode_name), [Some("QUERY"), Some("NOTIFY"), Some("UPDATE"), None]);
    }
}
