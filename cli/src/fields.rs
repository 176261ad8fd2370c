//! Names of columns as a user writes them: checked before anything is read, with the option that each needs.

use std::collections::HashSet;

use flowgauge::export::Columns;
use flowgauge::flow::schema::{self, Column, Group, Needs, Schema};

use crate::arguments::Metering;

/// The columns that -F asks for.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    names: Vec<String>,
}

/// The columns and options that a run has, as far as its arguments tell.
#[derive(Debug)]
pub(crate) struct Known {
    metrics: Vec<String>,
    /// Options that are on.
    pub(crate) on: Vec<Needs>,
}

impl Known {
    pub(crate) fn new(arguments: &Metering) -> Self {
        let options = [
            (Needs::Statistics, arguments.statistics),
            (Needs::Splt, arguments.splt > 0),
            (Needs::ApplicationFields, arguments.application_fields),
            (Needs::TcpAnalysis, arguments.tcp_analysis),
        ];
        let on = options.into_iter().filter_map(|(needs, on)| on.then_some(needs)).collect();
        Self { metrics: arguments.metric.iter().map(|(name, _)| name.clone()).collect(), on }
    }

    /// Turns on what the column of this name needs.
    ///
    /// # Errors
    ///
    /// What to tell the user when there is no such column, or it needs a number that only they know.
    pub(crate) fn ask_for(&mut self, name: &str) -> Result<(), String> {
        if self.metrics.iter().any(|metric| metric == name) {
            return Ok(());
        }
        let Some(column) = schema::column(name) else { return Err(self.unknown(name)) };
        match column.needs {
            Some(Needs::Splt) if !self.on.contains(&Needs::Splt) => {
                Err(format!("{name:?} is a column of the first packets: say how many with --splt N"))
            }
            Some(needs) if !self.on.contains(&needs) => {
                self.on.push(needs);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether an option is on, be it that a column needs it.
    pub(crate) fn is_on(&self, needs: Needs) -> bool {
        self.on.contains(&needs)
    }

    fn unknown(&self, name: &str) -> String {
        let names = schema::columns().map(|column| column.name).chain(self.metrics.iter().map(String::as_str));
        let distance = |other: &str| strsim::damerau_levenshtein(other, &name.to_ascii_lowercase());
        let near = names.chain(ALIASES.iter().map(|(alias, _)| *alias)).min_by_key(|other| distance(other));
        let near = near.filter(|other| distance(other) <= 2.max(name.len() / 4)).map(|near| {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == near);
            alias.map_or(near, |(_, name)| name)
        });
        let meant = near.map_or_else(String::new, |near| format!(": did you mean {near:?}?"));
        format!("there is no column {name:?}{meant} (`flowgauge schema` lists them)")
    }
}

impl Fields {
    /// The names that -F gives, groups written out; `None` when it gives none.
    ///
    /// # Errors
    ///
    /// What to tell the user of a name that is none.
    pub(crate) fn of(words: &[String], known: &mut Known) -> Result<Option<Self>, String> {
        if words.is_empty() {
            return Ok(None);
        }
        let mut names = Vec::new();
        for word in words.iter().map(|word| word.trim()) {
            if !known.metrics.iter().any(|metric| metric == word)
                && let Some(group) = known.group(word)?
            {
                names.extend(group);
                continue;
            }
            known.ask_for(word)?;
            names.push(word.to_owned());
        }
        // Groups overlap, and an object of JSON has no name twice.
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(Some(Self { names }))
    }

    /// Those of these names.
    pub(crate) fn named(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect() }
    }

    /// The first of them that is a metric, or a column that IANA's registry has no element of IPFIX for.
    pub(crate) fn without_element(&self) -> Option<&str> {
        let has_one = |name: &str| schema::column(name).is_some_and(|column| !column.ipfix.is_empty());
        self.names.iter().map(String::as_str).find(|name| !has_one(name))
    }

    /// These columns of a run.
    pub(crate) fn columns(&self, schema: &Schema) -> Columns {
        let here: Vec<_> = schema.names().collect();
        let names = self.names.iter().map(String::as_str).filter(|name| here.contains(name));
        Columns::choose(schema, names).expect("only names of the schema are left")
    }
}

impl Known {
    /// The columns of a group, whose options are turned on; `None` when it is no group. Of all columns, those of the first
    /// packets are part only when it is known how many.
    fn group(&mut self, word: &str) -> Result<Option<Vec<String>>, String> {
        let known = |column: &Column| self.on.contains(&Needs::Splt) || column.group != Group::Sequence;
        let there = schema::columns().filter(|column| word != "all" || known(column));
        let Some(names) = of_group(word, there, &self.metrics) else { return Ok(None) };
        names.iter().try_for_each(|name| self.ask_for(name))?;
        Ok(Some(names))
    }
}

/// What a word stands for that is a group of columns, `all` of them or `metrics`; `None` for any other word, and for a group
/// of which nothing is there.
pub(crate) fn of_group(
    word: &str,
    columns: impl Iterator<Item = &'static Column>,
    metrics: &[String],
) -> Option<Vec<String>> {
    let columns = columns.filter(|column| word == "all" || column.group.name() == word);
    let columns = columns.map(|column| column.name.to_owned());
    let names: Vec<_> = columns.chain(metrics.iter().filter(|_| matches!(word, "all" | "metrics")).cloned()).collect();
    (word == "metrics" || !names.is_empty()).then_some(names)
}

/// What other programs call our columns.
const ALIASES: [(&str, &str); 18] = [
    ("src", "ip_src"),
    ("dst", "ip_dst"),
    ("srcip", "ip_src"),
    ("dstip", "ip_dst"),
    ("src_ip", "ip_src"),
    ("dst_ip", "ip_dst"),
    ("ip.src", "ip_src"),
    ("ip.dst", "ip_dst"),
    ("srcport", "src_port"),
    ("dstport", "dst_port"),
    ("sport", "src_port"),
    ("dport", "dst_port"),
    ("proto", "ip_protocol"),
    ("protocol", "ip_protocol"),
    ("packets", "pkts"),
    ("application", "application_name"),
    ("server_name", "requested_server_name"),
    ("sni", "requested_server_name"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known { metrics: vec!["big".to_owned()], on: Vec::new() }
    }

    #[test]
    fn an_unknown_name_is_told_with_what_may_be_meant() {
        for (name, meant) in [
            ("ip_scr", "ip_src"),
            ("IP_SRC", "ip_src"),
            ("srcip", "ip_src"),
            ("aplication_name", "application_name"),
            ("proto", "ip_protocol"),
            ("bog", "big"),
        ] {
            let told = known().ask_for(name).unwrap_err();
            assert!(told.contains(&format!("did you mean {meant:?}?")), "{told}");
        }
        let told = known().ask_for("nothing_like_it").unwrap_err();
        assert_eq!(told, "there is no column \"nothing_like_it\" (`flowgauge schema` lists them)");
    }

    #[test]
    fn every_other_name_stands_for_a_column() {
        for (alias, name) in ALIASES {
            assert!(schema::column(alias).is_none() && schema::column(name).is_some(), "{alias}");
        }
    }

    #[test]
    fn columns_turn_on_what_they_need() {
        let mut run = known();
        let words = ["ip_src".to_owned(), "big".to_owned(), "size_mean".to_owned(), "ja4".to_owned()];
        assert_eq!(Fields::of(&words, &mut run).unwrap().unwrap().names, words);
        assert_eq!(run.on, [Needs::Statistics, Needs::ApplicationFields]);
        assert!(known().ask_for("splt_size").unwrap_err().contains("--splt N"));
    }

    #[test]
    fn groups_stand_for_their_columns() {
        let names = |word: &str| Fields::of(&[word.to_owned()], &mut known()).unwrap().unwrap().names;
        assert_eq!(names("core").len(), 14);
        assert_eq!(names("metrics"), ["big"]);
        assert!(names("tcp").len() > 5 && names("tcp").len() < names("all").len());
        assert_eq!(names("all").last().map(String::as_str), Some("big"));
        assert!(!names("all").contains(&"splt_size".to_owned()));
        assert!(Fields::of(&["sequence".to_owned()], &mut known()).unwrap_err().contains("--splt N"));
        let mut splt = Known { on: vec![Needs::Splt], ..known() };
        let all = Fields::of(&["all".to_owned()], &mut splt).unwrap().unwrap().names;
        assert!(all.contains(&"splt_size".to_owned()));
    }
}
