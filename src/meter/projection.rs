//! Metering no more than some columns need.

use std::collections::BTreeSet;

use crate::classify::DissectionLimits;
use crate::flow::schema::{self, Group, Needs};
use crate::meter::MeterConfig;
use crate::meter::config::Listed;

impl MeterConfig {
    /// Turns off what no column or metric of these names needs: expressions under other names, statistics, the sequence,
    /// application fields, the analysis of TCP, the classifier. The values of these columns stay what they were.
    ///
    /// What `end_flow_when` and `keep_flows` look at stays on. Closures may look at everything, so where there is one, they
    /// and all options stay. Say it after everything else. Names that nothing has need nothing.
    pub fn only_columns<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let mut wanted: BTreeSet<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.metrics.retain(|listed| match listed {
            Listed::Group(_) => true,
            Listed::Expression(name, _) => wanted.contains(name),
        });
        if self.metrics.iter().any(|listed| matches!(listed, Listed::Group(_))) {
            return self;
        }
        let expressions = self.metrics.iter().filter_map(|listed| match listed {
            Listed::Group(_) => None,
            Listed::Expression(_, expression) => Some(expression),
        });
        for expression in expressions.chain(&self.end_flow_when).chain(&self.keep_flows) {
            expression.each_column(&mut |column| {
                wanted.insert(column.name.to_owned());
            });
        }
        let columns: Vec<_> = wanted.iter().filter_map(|name| schema::column(name)).collect();
        let needs = |needs| columns.iter().any(|column| column.needs == Some(needs));
        // It also says whether gaps were too large for statistics.
        let incomplete = wanted.contains("incomplete");
        self.statistics &= incomplete || needs(Needs::Statistics);
        self.sequence = if needs(Needs::Splt) { self.sequence } else { 0 };
        self.application_fields &= needs(Needs::ApplicationFields);
        self.tcp_analysis &= needs(Needs::TcpAnalysis);
        let labels = ["application_name", "category_name"];
        let labelled = |column: &schema::Column| column.group == Group::Application || labels.contains(&column.name);
        if !columns.iter().copied().any(labelled) {
            self.classifier.limits = DissectionLimits::NONE;
        }
        self
    }

    /// Whether flows are shown to a classifier.
    pub(crate) fn is_classified(&self) -> bool {
        self.classifier.limits != DissectionLimits::NONE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metric::Metric;
    use crate::metric::expr::Expr;

    fn all() -> MeterConfig {
        MeterConfig::new().statistics(true).sequence(3).application_fields(true).tcp_analysis(true)
    }

    /// What is on: the options that are needed, and the classifier.
    fn on(config: &MeterConfig) -> (Vec<&'static str>, bool) {
        let schema = config.schema().unwrap();
        let mut options: Vec<_> = schema.columns().filter_map(|column| column.needs.map(Needs::option)).collect();
        options.dedup();
        (options, config.is_classified())
    }

    #[test]
    fn only_what_is_needed_stays_on() {
        for (names, options, classified) in [
            (vec!["pkts"], vec![], false),
            (vec!["application_name"], vec![], true),
            (vec!["application_guessed"], vec![], true),
            (vec!["ja4"], vec!["application_fields"], true),
            (vec!["size_max", "splt_gap"], vec!["statistics", "splt"], false),
            (vec!["tcp_mss", "src_to_dst_tcp_mss"], vec!["tcp_analysis"], false),
            (vec!["incomplete"], vec!["statistics"], false),
        ] {
            assert_eq!(on(&all().only_columns(&names)), (options, classified), "{names:?}");
        }
        assert!(!MeterConfig::new().only_columns(["size_max"]).statistics, "nothing is turned on");
    }

    #[test]
    fn what_expressions_look_at_stays_on() {
        let parse = |text| Expr::parse(text).unwrap();
        let config =
            || all().expression("mean", parse("flow.size_max / 2")).expression("n", parse("packet.size.sum()"));
        assert_eq!(on(&config().only_columns(["mean"])), (vec!["statistics"], false));
        assert_eq!(config().only_columns(["mean"]).schema().unwrap().metrics(), ["mean"]);
        assert_eq!(on(&config().only_columns(["n"])), (vec![], false));
        let kept = config().keep_flows(parse("flow.application_name == \"DNS\"")).only_columns(["pkts"]);
        assert_eq!(on(&kept), (vec![], true));
        let named = config().keep_flows(parse("flow.src_mac == \"flow.ja4 flow.size_max\"")).only_columns(["pkts"]);
        assert_eq!(on(&named), (vec![], false), "a text names no column");
        let ended = config().end_flow_when(parse("flow.retransmitted_pkts > 3")).only_columns(["pkts"]);
        assert_eq!(on(&ended), (vec!["tcp_analysis"], false));
    }

    #[test]
    fn closures_may_look_at_everything() {
        let config = all().metric("x", &Metric::fold(|| 0u64, |_, _, _| {})).only_columns(["pkts"]);
        assert_eq!(on(&config), on(&all()));
        assert_eq!(config.metric_names().unwrap(), Arc::from(["x".to_owned()]));
    }
}
