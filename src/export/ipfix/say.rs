//! What a collector must know beside the records: templates again where they may have been lost, and options records.

use std::io::Write;
use std::mem;

use crate::error::Result;
use crate::export::ipfix::IpfixExporter;
use crate::export::ipfix::application::Applications;
use crate::export::ipfix::information::type_template;
use crate::export::ipfix::template::{
    APPLICATION_TEMPLATE, OPTIONS_TEMPLATE_SET, TEMPLATE_SET, TYPE_TEMPLATE, Templates, application_template,
};
use crate::flow::FlowRecord;

impl<W: Write> IpfixExporter<W> {
    /// Says before the next record what it is time to say again.
    pub(super) fn refresh(&mut self) -> Result<()> {
        let Some((messages, nanos)) = self.way.refresh.filter(|_| self.began) else {
            let due = self.way.live && self.clock.nanos_since(self.statistics_told) >= self.way.interval;
            return if due { self.say_statistics() } else { Ok(()) };
        };
        if self.messages < messages.max(1) && self.clock.nanos_since(self.refreshed) < nanos {
            return Ok(());
        }
        let mut said = self.send().and(self.say_types());
        let templates = mem::replace(&mut self.templates, Templates::new(0));
        for record in templates.records() {
            said = said.and(self.add(TEMPLATE_SET, record));
        }
        self.templates = templates;
        let applications = self.applications.take();
        let named = || applications.iter().flat_map(Applications::records);
        if named().next().is_some() {
            said = said.and(self.add(OPTIONS_TEMPLATE_SET, &application_template()));
        }
        for record in named() {
            said = said.and(self.add(APPLICATION_TEMPLATE, record));
        }
        self.applications = applications;
        self.statistics_templates.clear();
        said = said.and(self.say_statistics());
        (self.messages, self.refreshed) = (0, self.clock);
        said
    }

    /// Names the application of `record`, if it is a new one.
    pub(super) fn name_application(&mut self, record: &FlowRecord) -> Result<()> {
        let (Some(applications), Some(application)) = (&mut self.applications, record.application.as_deref()) else {
            return Ok(());
        };
        let first = applications.records().next().is_none();
        let Some(named) = applications.meet(application).map(<[u8]>::to_vec) else { return Ok(()) };
        let said = if first { self.add(OPTIONS_TEMPLATE_SET, &application_template()) } else { Ok(()) };
        said.and(self.add(APPLICATION_TEMPLATE, &named))
    }

    /// Says what the elements of the user's own are. It comes before templates that have them: there are readers that look at a
    /// template once, with what they know by then.
    pub(super) fn say_types(&mut self) -> Result<()> {
        let types = mem::take(&mut self.types);
        let mut said = if types.is_empty() { Ok(()) } else { self.add(OPTIONS_TEMPLATE_SET, &type_template()) };
        for record in &types {
            said = said.and(self.add(TYPE_TEMPLATE, record));
        }
        self.types = types;
        said
    }

    /// Tells what metering and exporting came to so far, in a message of its own: the numbers are those before it.
    pub(super) fn say_statistics(&mut self) -> Result<()> {
        if !self.statistics {
            return Ok(());
        }
        self.statistics_told = self.clock;
        let mut said = self.send();
        let enterprise = self.enterprise.filter(|_| !self.types.is_empty());
        let domain = self.message.observation_domain();
        for told in self.sent.told(domain, self.ignored.as_ref(), self.way.refresh.is_some(), enterprise) {
            if !self.statistics_templates.contains(&told.id) {
                self.statistics_templates.push(told.id);
                said = said.and(self.add(OPTIONS_TEMPLATE_SET, &told.template));
            }
            for record in &told.records {
                said = said.and(self.add(told.id, record));
            }
        }
        said
    }
}
