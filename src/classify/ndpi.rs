//! Safe nDPI: owners of its module and of its flows; the only file with unsafe code.
//!
//! A [`Module`] is opened and closed under a process-wide lock, as nDPI demands. Neither owner is `Sync`; both are `Send`:
//! nDPI keeps nothing by thread. A [`Flow`] holds no pointer into a module, so their order of dropping is free.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ffi::c_char;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::ptr::NonNull;
use std::slice;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::error::Error;
use crate::error::Result;
use crate::flow::Application;
use crate::flow::Confidence;

/// What nDPI says of a flow, in its own numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Verdict {
    /// The carrying protocol; 0 without one.
    pub(super) master_protocol: u16,
    /// The application; 0 when unknown.
    pub(super) app_protocol: u16,
    category: u16,
    confidence: u8,
    /// More packets may give a label, or a more exact one.
    pub(super) undecided: bool,
}

/// A detection module, owned.
#[derive(Debug)]
pub(super) struct Module(NonNull<ndpi_sys::fg_ndpi_module>);

/// The dissection state of one flow, owned.
#[derive(Debug)]
pub struct Flow(NonNull<ndpi_sys::fg_ndpi_flow>);

// SAFETY: the module is plain memory with one owner; nDPI uses neither thread-local state nor locks of a thread. What
// modules share (tables filled at the first opening, a counter of allocated bytes) is written under `OPENING` or unread.
unsafe impl Send for Module {}

// SAFETY: the flow is plain memory with one owner, allocated by malloc and free to be freed by any thread.
unsafe impl Send for Flow {}

/// What nDPI read in a flow beside its label: numbers, and texts that lie in the flow.
pub(super) struct Said<'a> {
    /// As `fg_ndpi_facts_of` left it; nobody may write here.
    facts: ndpi_sys::fg_ndpi_facts,
    flow: PhantomData<&'a Flow>,
}

impl Module {
    /// Opens a module; a `forgetful` one uses nothing that it learnt from a flow for another.
    pub(super) fn open(forgetful: bool) -> Result<Self> {
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut error: *const c_char = ptr::null();
        // SAFETY: `error` is a place for one pointer, and the lock keeps every other opening and closing out.
        let module = unsafe { ndpi_sys::fg_ndpi_module_new(i32::from(forgetful), &mut error) };
        if let Some(module) = NonNull::new(module) {
            return Ok(Self(module));
        }
        // SAFETY: either null or a message of static lifetime.
        let detail = unsafe { text(error) }.unwrap_or("nDPI does not say why").to_owned();
        Err(Error::Classifier { detail })
    }

    /// Dissects the next packet of a flow, which begins at its IP header, at `time_ms` milliseconds since 1970.
    ///
    /// Returns how many packets of the flow were dissected so far, too. One that nDPI cannot read, or of another protocol
    /// than the flow's first, is passed over and does not count.
    #[inline]
    pub(super) fn inspect(&mut self, flow: &mut Flow, ip: &[u8], time_ms: u64) -> (Verdict, u32) {
        let len = u16::try_from(ip.len()).unwrap_or(u16::MAX);
        let mut said = NOTHING;
        // SAFETY: module and flow are alive and exclusively borrowed, `ip` holds at least `len` bytes, and nothing of
        // `ip` is used after the call: nDPI keeps pointers into a packet only until the next one.
        let given = unsafe {
            ndpi_sys::fg_ndpi_inspect(self.0.as_ptr(), flow.0.as_ptr(), ip.as_ptr(), len, time_ms, &mut said)
        };
        (Verdict::from(said), given)
    }

    /// No more packets: the label, guessed if need be.
    pub(super) fn give_up(&mut self, flow: &mut Flow) -> Verdict {
        let mut said = NOTHING;
        // SAFETY: module and flow are alive and exclusively borrowed.
        unsafe { ndpi_sys::fg_ndpi_give_up(self.0.as_ptr(), flow.0.as_ptr(), &mut said) };
        Verdict::from(said)
    }

    /// What `give_up` would say now; changes nothing.
    pub(super) fn peek(&mut self, flow: &Flow) -> Verdict {
        let mut said = NOTHING;
        // SAFETY: the module is alive and exclusively borrowed; the flow is alive and only read.
        unsafe { ndpi_sys::fg_ndpi_peek(self.0.as_ptr(), flow.0.as_ptr(), &mut said) };
        Verdict::from(said)
    }

    /// A verdict in words.
    pub(super) fn describe(&mut self, verdict: Verdict) -> Application {
        let said = ndpi_sys::fg_ndpi_verdict::from(verdict);
        let mut name = [0 as c_char; NAME_BYTES];
        // SAFETY: the module is alive and exclusively borrowed, `name` is as long as said, and the call terminates it.
        unsafe { ndpi_sys::fg_ndpi_name(self.0.as_ptr(), &said, name.as_mut_ptr(), NAME_BYTES as u32) };
        // SAFETY: `name` was terminated just now and lives until the end of this function.
        let name = unsafe { text(name.as_ptr()) }.unwrap_or("Unknown").to_owned();
        // SAFETY: the module is alive and exclusively borrowed.
        let category = unsafe { ndpi_sys::fg_ndpi_category(self.0.as_ptr(), &said) };
        // SAFETY: a terminated string that lives as long as the module.
        let category = unsafe { text(category) }.unwrap_or("Unspecified").to_owned();
        // SAFETY: reads `said` alone.
        let confidence = unsafe { ndpi_sys::fg_ndpi_confidence(&said) };
        Application {
            name,
            category,
            master_protocol: verdict.master_protocol,
            app_protocol: verdict.app_protocol,
            confidence: confidence_of(confidence),
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the module came from `fg_ndpi_module_new`, nobody else holds it, and the lock keeps every other opening
        // and closing out.
        unsafe { ndpi_sys::fg_ndpi_module_free(self.0.as_ptr()) };
    }
}

impl Flow {
    /// A flow before its first packet; `None` when memory is out.
    pub(super) fn open() -> Option<Self> {
        // SAFETY: takes nothing; allocates with calloc.
        NonNull::new(unsafe { ndpi_sys::fg_ndpi_flow_new() }).map(Self)
    }

    /// What nDPI read in the flow's packets so far beside the label; `None` when that is nothing. Changes nothing.
    pub(super) fn said(&self) -> Option<Said<'_>> {
        let mut said = MaybeUninit::uninit();
        // SAFETY: the flow is alive and only read; `said` is a place for the struct.
        let anything = unsafe { ndpi_sys::fg_ndpi_facts_of(self.0.as_ptr(), said.as_mut_ptr()) };
        // SAFETY: the call wrote every byte of it, and null pointers and zeros are valid where nothing is said.
        (anything != 0).then(|| Said { facts: unsafe { said.assume_init() }, flow: PhantomData })
    }
}

impl<'a> Said<'a> {
    /// One of its texts, `FG_NDPI_SERVER_NAME` and so on; `None` where there is none.
    pub(super) fn text(&self, which: u32) -> Option<&'a [u8]> {
        let text = self.facts.texts[which as usize];
        if text.at.is_null() {
            return None;
        }
        // SAFETY: `fg_ndpi_facts_of` wrote it: `len` bytes of the flow, which is borrowed for `'a`, so that nothing changes
        // them.
        Some(unsafe { slice::from_raw_parts(text.at.cast(), text.len) })
    }
}

impl std::ops::Deref for Said<'_> {
    type Target = ndpi_sys::fg_ndpi_facts;

    fn deref(&self) -> &ndpi_sys::fg_ndpi_facts {
        &self.facts
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        // SAFETY: the flow came from `fg_ndpi_flow_new`, and nobody else holds it.
        unsafe { ndpi_sys::fg_ndpi_flow_free(self.0.as_ptr()) };
    }
}

impl Verdict {
    /// Nothing is known.
    pub(super) const UNKNOWN: Self =
        Self { master_protocol: 0, app_protocol: 0, category: 0, confidence: 0, undecided: false };

    /// The same label in one form: an application that carries itself has no carrier, a carrier alone is the application.
    pub(super) const fn normalized(self) -> Self {
        let app_protocol = if self.app_protocol == 0 { self.master_protocol } else { self.app_protocol };
        let master_protocol = if self.master_protocol == app_protocol { 0 } else { self.master_protocol };
        Self { master_protocol, app_protocol, undecided: false, ..self }
    }
}

impl From<ndpi_sys::fg_ndpi_verdict> for Verdict {
    fn from(said: ndpi_sys::fg_ndpi_verdict) -> Self {
        Self {
            master_protocol: said.master_protocol,
            app_protocol: said.app_protocol,
            category: said.category,
            confidence: said.confidence,
            undecided: said.undecided != 0,
        }
    }
}

impl From<Verdict> for ndpi_sys::fg_ndpi_verdict {
    fn from(verdict: Verdict) -> Self {
        Self {
            master_protocol: verdict.master_protocol,
            app_protocol: verdict.app_protocol,
            category: verdict.category,
            confidence: verdict.confidence,
            undecided: u8::from(verdict.undecided),
        }
    }
}

/// The version of the library in use.
pub(super) fn version() -> &'static str {
    // SAFETY: takes nothing.
    let version = unsafe { ndpi_sys::fg_ndpi_version() };
    // SAFETY: a terminated string of static lifetime.
    unsafe { text(version) }.unwrap_or("unknown")
}

/// The text at `start`; `None` when it is null or not UTF-8.
///
/// # Safety
///
/// `start` is null or points to a terminated string that lives and stays as it is for `'a`.
unsafe fn text<'a>(start: *const c_char) -> Option<&'a str> {
    if start.is_null() {
        return None;
    }
    // SAFETY: not null, and terminated and alive by this function's own contract.
    unsafe { CStr::from_ptr(start) }.to_str().ok()
}

/// The name of a risk; `None` for a bit that means nothing.
pub(super) fn risk_name(bit: u32) -> Option<&'static str> {
    // SAFETY: takes a number.
    let name = unsafe { ndpi_sys::fg_ndpi_risk_name(bit) };
    // SAFETY: null, or a terminated string of static lifetime.
    unsafe { text(name) }
}

fn confidence_of(number: i32) -> Confidence {
    match u32::try_from(number).unwrap_or(ndpi_sys::FG_NDPI_CONFIDENCE_UNKNOWN) {
        ndpi_sys::FG_NDPI_CONFIDENCE_PORT => Confidence::MatchByPort,
        ndpi_sys::FG_NDPI_CONFIDENCE_IP => Confidence::MatchByIp,
        ndpi_sys::FG_NDPI_CONFIDENCE_PARTIAL => Confidence::DpiPartial,
        ndpi_sys::FG_NDPI_CONFIDENCE_PARTIAL_CACHE => Confidence::DpiPartialCache,
        ndpi_sys::FG_NDPI_CONFIDENCE_CACHE => Confidence::DpiCache,
        ndpi_sys::FG_NDPI_CONFIDENCE_DPI => Confidence::Dpi,
        ndpi_sys::FG_NDPI_CONFIDENCE_RULE => Confidence::Rule,
        ndpi_sys::FG_NDPI_CONFIDENCE_AGGRESSIVE => Confidence::DpiAggressive,
        _ => Confidence::Unknown,
    }
}

/// "These calls MUST NOT run in parallel", says `ndpi_api.h` of opening; closing writes the same counters.
static OPENING: Mutex<()> = Mutex::new(());

/// Two names of nDPI, of which none is longer than 32 bytes, and a dot.
const NAME_BYTES: usize = 128;

/// Where an answer is written.
const NOTHING: ndpi_sys::fg_ndpi_verdict =
    ndpi_sys::fg_ndpi_verdict { master_protocol: 0, app_protocol: 0, category: 0, confidence: 0, undecided: 0 };
