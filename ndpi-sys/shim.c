/* shim.h in terms of the installed nDPI.
 *
 * Written for 4.2 to 5.x. Only 4.2 (Debian 12, 13) has been compiled and run; the branches for later versions follow
 * their release notes and headers. */

/* Shows the layout of the module, which 4.2 keeps behind this define in its public header. */
#define NDPI_LIB_COMPILATION

#include "shim.h"

#include <ndpi_api.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FG_VERSION (NDPI_MAJOR * 100 + NDPI_MINOR)
#if FG_VERSION < 402 || FG_VERSION >= 600
#error "flowgauge is written for nDPI 4.2 to 5.x"
#endif

struct fg_ndpi_module {
  struct ndpi_detection_module_struct *ndpi;
  int forgetful;
};

struct fg_ndpi_flow {
  fg_ndpi_verdict last; /* what was said last */
  uint32_t given;       /* packets so far, saturating */
  uint8_t protocol;     /* of the first packet, as nDPI reads it */
  struct ndpi_flow_struct ndpi;
};

#if FG_VERSION >= 412
#define MASTER(result) ((result).proto.master_protocol)
#define APP(result) ((result).proto.app_protocol)
#else
#define MASTER(result) ((result).master_protocol)
#define APP(result) ((result).app_protocol)
#endif

/* ---- what flows learn from each other ------------------------------------------------------------------------ */

#if FG_VERSION < 404
/* In 4.2 the caches are made when first written to, and a missing cache is an empty one: to forget is to free them. Eight of
 * them cross flows: seven LRU caches and tinc's. No dissector keeps anything else beyond a packet outside the flow
 * (the library's other writable statics are tables filled once, and counters of memory). */
#define LRU_CACHES(ndpi)                                                                                              \
  {                                                                                                                   \
    &(ndpi)->ookla_cache, &(ndpi)->bittorrent_cache, &(ndpi)->zoom_cache, &(ndpi)->stun_cache,                        \
        &(ndpi)->tls_cert_cache, &(ndpi)->mining_cache, &(ndpi)->msteams_cache                                        \
  }

/* Exported by the library; its header (libcache.h) is not installed. */
void cache_free(struct cache *cache);

static void forget(fg_ndpi_module *module) {
  struct ndpi_lru_cache **caches[] = LRU_CACHES(module->ndpi);
  size_t i;

  for (i = 0; i < sizeof caches / sizeof *caches; i++) {
    if (*caches[i]) {
      ndpi_lru_free_cache(*caches[i]);
      *caches[i] = NULL;
    }
  }
  if (module->ndpi->tinc_cache) {
    cache_free(module->ndpi->tinc_cache);
    module->ndpi->tinc_cache = NULL;
  }
}

static void never_learn(struct ndpi_detection_module_struct *ndpi) { (void)ndpi; }
#else
/* Later the caches are made by ndpi_finalize_initialization, of a size that may be 0: then there is none. */
static void forget(fg_ndpi_module *module) { (void)module; }

static void never_learn(struct ndpi_detection_module_struct *ndpi) {
#if FG_VERSION >= 410
  /* A name that a version does not know is an error without effect. */
  static const char *const sizes[] = {
      "lru.ookla.size", "lru.bittorrent.size", "lru.zoom.size",      "lru.stun.size",    "lru.tls_cert.size",
      "lru.mining.size", "lru.msteams.size",   "lru.stun_zoom.size", "lru.fpc_dns.size", "lru.signal.size",
  };
  size_t i;

  for (i = 0; i < sizeof sizes / sizeof *sizes; i++) ndpi_set_config(ndpi, NULL, sizes[i], "0");
#else
  int type;

  for (type = 0; type < NDPI_LRUCACHE_MAX; type++) ndpi_set_lru_cache_size(ndpi, (lru_cache_type)type, 0);
#endif
}
#endif

/* ---- module -------------------------------------------------------------------------------------------------- */

fg_ndpi_module *fg_ndpi_module_new(int forgetful, const char **error) {
  fg_ndpi_module *module;
#if FG_VERSION < 500
  NDPI_PROTOCOL_BITMASK all;
#endif

  *error = NULL;
  if (ndpi_detection_get_sizeof_ndpi_flow_struct() != sizeof(struct ndpi_flow_struct)) {
    *error = "the libndpi found at run time is not the one flowgauge was built against";
    return NULL;
  }
#if FG_VERSION < 404
  if (ndpi_get_ndpi_detection_module_size() != sizeof(struct ndpi_detection_module_struct)) {
    *error = "the libndpi found at run time is not the one flowgauge was built against";
    return NULL;
  }
#endif
  module = calloc(1, sizeof *module);
  if (!module) {
    *error = "out of memory";
    return NULL;
  }
  module->forgetful = forgetful;
#if FG_VERSION >= 410
  module->ndpi = ndpi_init_detection_module(NULL);
#else
  module->ndpi = ndpi_init_detection_module(ndpi_no_prefs);
#endif
  if (!module->ndpi) {
    free(module);
    *error = "ndpi_init_detection_module failed";
    return NULL;
  }
#if FG_VERSION < 500
  NDPI_BITMASK_SET_ALL(all);
  ndpi_set_protocol_detection_bitmask2(module->ndpi, &all);
#endif
  if (forgetful) never_learn(module->ndpi);
  ndpi_finalize_initialization(module->ndpi);
  return module;
}

void fg_ndpi_module_free(fg_ndpi_module *module) {
  if (!module) return;
  ndpi_exit_detection_module(module->ndpi);
  free(module);
}

/* ---- flow ---------------------------------------------------------------------------------------------------- */

fg_ndpi_flow *fg_ndpi_flow_new(void) { return calloc(1, sizeof(fg_ndpi_flow)); }

void fg_ndpi_flow_free(fg_ndpi_flow *flow) {
  if (!flow) return;
  ndpi_free_flow_data(&flow->ndpi);
  free(flow);
}

static void say(fg_ndpi_verdict *verdict, const ndpi_protocol *result, const struct ndpi_flow_struct *flow) {
  verdict->master_protocol = MASTER(*result);
  verdict->app_protocol = APP(*result);
  verdict->category = (uint16_t)result->category;
  verdict->confidence = (uint8_t)flow->confidence;
  verdict->undecided = 0;
}

uint32_t fg_ndpi_inspect(fg_ndpi_module *module, fg_ndpi_flow *flow, const uint8_t *ip, uint16_t len, uint64_t time_ms,
                         fg_ndpi_verdict *verdict) {
  uint8_t protocol;
  ndpi_protocol result;

  /* TCP and UDP state share their memory in the flow, and what is freed in the end goes by the protocol of the last
   * packet: a flow in which nDPI saw two protocols would free what is no pointer, or lose one. */
  if (ndpi_detection_get_l4(ip, len, NULL, NULL, &protocol, 0) != 0 || (flow->given && protocol != flow->protocol)) {
    *verdict = flow->last;
    verdict->undecided = 1;
    return flow->given;
  }
  flow->protocol = protocol;
  if (flow->given != UINT32_MAX) flow->given++;
#if FG_VERSION >= 406
  result = ndpi_detection_process_packet(module->ndpi, &flow->ndpi, ip, len, time_ms, NULL);
#else
  result = ndpi_detection_process_packet(module->ndpi, &flow->ndpi, ip, len, time_ms);
#endif
  say(verdict, &result, &flow->ndpi);
#if FG_VERSION >= 500
  verdict->undecided = result.state != NDPI_STATE_MONITORING &&
                       (result.state != NDPI_STATE_CLASSIFIED || flow->ndpi.extra_packets_func);
#else
  /* `fail_with_unknown`: no dissector is left that would look at another packet. */
  if (!flow->ndpi.fail_with_unknown)
    verdict->undecided = APP(result) == NDPI_PROTOCOL_UNKNOWN || ndpi_extra_dissection_possible(module->ndpi, &flow->ndpi);
#endif
  flow->last = *verdict;
  if (module->forgetful) forget(module);
  return flow->given;
}

static void give_up(fg_ndpi_module *module, struct ndpi_flow_struct *flow, fg_ndpi_verdict *verdict) {
#if FG_VERSION >= 500
  ndpi_protocol result = ndpi_detection_giveup(module->ndpi, flow);
#elif FG_VERSION >= 410
  u_int8_t guessed = 0;
  ndpi_protocol result = ndpi_detection_giveup(module->ndpi, flow, &guessed);
#else
  u_int8_t guessed = 0;
  ndpi_protocol result = ndpi_detection_giveup(module->ndpi, flow, 1 /* guess */, &guessed);
#endif

  say(verdict, &result, flow);
}

void fg_ndpi_give_up(fg_ndpi_module *module, fg_ndpi_flow *flow, fg_ndpi_verdict *verdict) {
  give_up(module, &flow->ndpi, verdict);
  flow->last = *verdict;
  if (module->forgetful) forget(module);
}

#if FG_VERSION < 404
/* In 4.2 ndpi_detection_giveup reads the flow and the module's tables and writes numbers into the flow: the label, the
 * category, risks, the "cache was asked" bit. It neither allocates nor frees nor keeps the address it is given, so it can
 * be run on a copy that is thrown away. Of the module it writes one thing: a guess of Microsoft Teams over TCP is noted
 * in the msteams cache, which is put back here. Lookups in the other caches leave their entries. */
void fg_ndpi_peek(fg_ndpi_module *module, const fg_ndpi_flow *flow, fg_ndpi_verdict *verdict) {
  struct ndpi_lru_cache **teams = &module->ndpi->msteams_cache;
  struct ndpi_lru_cache_entry *slot = NULL, kept;
  struct ndpi_flow_struct copy = flow->ndpi;

  if (*teams) {
    slot = &(*teams)->entries[ntohl(copy.saddr) % (*teams)->num_entries];
    kept = *slot;
  }
  give_up(module, &copy, verdict);
  if (slot) {
    *slot = kept;
  } else if (*teams) {
    ndpi_lru_free_cache(*teams);
    *teams = NULL;
  }
}
#else
/* Later flows own strings that giving up may write (the reasons of a risk), so that a copy would share or leak them. */
void fg_ndpi_peek(fg_ndpi_module *module, const fg_ndpi_flow *flow, fg_ndpi_verdict *verdict) {
  (void)module;
  *verdict = flow->last;
}
#endif

/* ---- facts --------------------------------------------------------------------------------------------------- */

/* Longest text that is looked at: nDPI bounds its own, but for some of them by the packet alone. */
#define MAX_TEXT 4096

/* nDPI's arrays are not always terminated. */
static fg_ndpi_text text(const char *at, size_t size) {
  fg_ndpi_text text = {NULL, 0};

  if (at && *at) {
    text.at = at;
    text.len = strnlen(at, size);
  }
  return text;
}

#define ARRAY(array) text(array, sizeof(array))
#define STRING(string) text(string, MAX_TEXT)

static int is(const struct ndpi_flow_struct *flow, uint16_t protocol) {
  return flow->detected_protocol_stack[0] == protocol || flow->detected_protocol_stack[1] == protocol;
}

/* The protocols of which ndpi_free_flow_data frees the strings in protos.tls_quic, and no others: what is read here as a
 * pointer is what nDPI itself frees as one. */
static int is_tls(const struct ndpi_flow_struct *flow) {
  return is(flow, NDPI_PROTOCOL_TLS) || is(flow, NDPI_PROTOCOL_QUIC) || is(flow, NDPI_PROTOCOL_DTLS) ||
         is(flow, NDPI_PROTOCOL_MAIL_SMTPS) || is(flow, NDPI_PROTOCOL_MAIL_POPS) || is(flow, NDPI_PROTOCOL_MAIL_IMAPS);
}

int fg_ndpi_facts_of(const fg_ndpi_flow *fg_flow, fg_ndpi_facts *facts) {
  const struct ndpi_flow_struct *flow = &fg_flow->ndpi;
  fg_ndpi_text *texts = facts->texts;

  memset(facts, 0, sizeof *facts);
  facts->risks = flow->risk;
  texts[FG_NDPI_SERVER_NAME] = ARRAY(flow->host_server_name);
  texts[FG_NDPI_USER_AGENT] = STRING(flow->http.user_agent);
  texts[FG_NDPI_CONTENT_TYPE] = STRING(flow->http.content_type);
  /* What follows share their memory: the protocol tells whose it is. */
  if (is_tls(flow)) {
    facts->tls_version = flow->protos.tls_quic.ssl_version;
#if FG_VERSION < 412
    texts[FG_NDPI_JA3] = ARRAY(flow->protos.tls_quic.ja3_client);
#endif
    texts[FG_NDPI_JA3S] = ARRAY(flow->protos.tls_quic.ja3_server);
#if FG_VERSION >= 406
    texts[FG_NDPI_TLS_ALPN] = STRING(flow->protos.tls_quic.advertised_alpns);
#else
    texts[FG_NDPI_TLS_ALPN] = STRING(flow->protos.tls_quic.alpn);
#endif
  } else if (is(flow, NDPI_PROTOCOL_SSH)) {
    texts[FG_NDPI_HASSH] = ARRAY(flow->protos.ssh.hassh_client);
    texts[FG_NDPI_HASSH_SERVER] = ARRAY(flow->protos.ssh.hassh_server);
    texts[FG_NDPI_SSH_CLIENT] = ARRAY(flow->protos.ssh.client_signature);
    texts[FG_NDPI_SSH_SERVER] = ARRAY(flow->protos.ssh.server_signature);
  } else if (is(flow, NDPI_PROTOCOL_DHCP)) {
    facts->is_dhcp = 1;
    texts[FG_NDPI_DHCP_FINGERPRINT] = ARRAY(flow->protos.dhcp.fingerprint);
  } else if (is(flow, NDPI_PROTOCOL_DNS) || is(flow, NDPI_PROTOCOL_MDNS) || is(flow, NDPI_PROTOCOL_LLMNR)) {
    facts->is_dns = 1;
    facts->dns_query_type = flow->protos.dns.query_type;
    facts->is_dns_answered = flow->protos.dns.num_queries + flow->protos.dns.num_answers > 0 && !flow->protos.dns.is_query;
    facts->dns_response_code = flow->protos.dns.reply_code;
  }
  /* All the rest comes with a protocol. */
  return facts->risks != 0 || texts[FG_NDPI_SERVER_NAME].len > 0 || texts[FG_NDPI_USER_AGENT].len > 0 ||
         texts[FG_NDPI_CONTENT_TYPE].len > 0 || is_tls(flow) || is(flow, NDPI_PROTOCOL_SSH) || facts->is_dhcp || facts->is_dns;
}

const char *fg_ndpi_risk_name(uint32_t bit) {
  const char *name = NULL;

  /* For what is no risk nDPI writes a number into a buffer that all threads share. */
  if (bit > NDPI_NO_RISK && bit < NDPI_MAX_RISK) name = ndpi_risk2str((ndpi_risk_enum)bit);
  return name && *name ? name : NULL;
}

/* ---- words --------------------------------------------------------------------------------------------------- */

void fg_ndpi_name(fg_ndpi_module *module, const fg_ndpi_verdict *verdict, char *name, uint32_t size) {
  uint16_t master = verdict->master_protocol, app = verdict->app_protocol;

  /* By hand, because the arguments of ndpi_protocol2name differ between versions. */
  if (master != NDPI_PROTOCOL_UNKNOWN && app != NDPI_PROTOCOL_UNKNOWN && master != app)
    snprintf(name, size, "%s.%s", ndpi_get_proto_name(module->ndpi, master), ndpi_get_proto_name(module->ndpi, app));
  else
    snprintf(name, size, "%s", ndpi_get_proto_name(module->ndpi, app != NDPI_PROTOCOL_UNKNOWN ? app : master));
}

const char *fg_ndpi_category(fg_ndpi_module *module, const fg_ndpi_verdict *verdict) {
  const char *name = NULL;

  /* Beyond the last category nDPI writes into a buffer that all threads share. */
  if (verdict->category < NDPI_PROTOCOL_NUM_CATEGORIES)
    name = ndpi_category_get_name(module->ndpi, (ndpi_protocol_category_t)verdict->category);
  return name && *name ? name : "Unspecified";
}

int fg_ndpi_confidence(const fg_ndpi_verdict *verdict) {
  /* By name: the numbers moved between versions, and an enumerator that a version lacks does not compile. */
  static const struct {
    const char *name;
    int confidence;
  } known[] = {
      {"Match by port", FG_NDPI_CONFIDENCE_PORT},
      {"Match by IP", FG_NDPI_CONFIDENCE_IP},
      {"DPI (partial)", FG_NDPI_CONFIDENCE_PARTIAL},
      {"DPI (partial cache)", FG_NDPI_CONFIDENCE_PARTIAL_CACHE},
      {"DPI (cache)", FG_NDPI_CONFIDENCE_CACHE},
      {"DPI", FG_NDPI_CONFIDENCE_DPI},
      {"nBPF", FG_NDPI_CONFIDENCE_RULE},
      {"Match by custom rule", FG_NDPI_CONFIDENCE_RULE},
      {"DPI (aggressive)", FG_NDPI_CONFIDENCE_AGGRESSIVE},
  };
  const char *name = ndpi_confidence_get_name((ndpi_confidence_t)verdict->confidence);
  size_t i;

  for (i = 0; name && i < sizeof known / sizeof *known; i++)
    if (!strcmp(name, known[i].name)) return known[i].confidence;
  return FG_NDPI_CONFIDENCE_UNKNOWN;
}

const char *fg_ndpi_version(void) { return ndpi_revision(); }
