/* The few calls of nDPI that flowgauge makes, the same for every nDPI from 4.2 to 5.x.
 *
 * Whatever depends on nDPI's version or on the layout of its structures lives in shim.c, which is compiled against the
 * installed header; bindgen sees this file only. Nothing here is safe to call from two threads on one module or on one
 * flow at a time. */
#ifndef FLOWGAUGE_NDPI_SHIM_H
#define FLOWGAUGE_NDPI_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* A detection module: the automata, the tables and what was learnt from the flows it saw. */
typedef struct fg_ndpi_module fg_ndpi_module;

/* The dissection state of one flow; independent of the module, so that it can be freed after it. */
typedef struct fg_ndpi_flow fg_ndpi_flow;

/* What nDPI makes of a flow, in its own numbers. */
typedef struct fg_ndpi_verdict {
  uint16_t master_protocol; /* the carrying protocol; 0 without one */
  uint16_t app_protocol;    /* 0 when unknown */
  uint16_t category;
  uint8_t confidence;       /* ndpi_confidence_t; fg_ndpi_confidence tells what it means */
  uint8_t undecided;        /* 1: more packets may give a label, or a more exact one */
} fg_ndpi_verdict;

/* Bytes of a flow's state, of whatever character set: `at` is NULL where `len` is 0. Valid until the next call that takes
 * the flow and may change it. */
typedef struct fg_ndpi_text {
  const char *at;
  size_t len;
} fg_ndpi_text;

/* The texts of fg_ndpi_facts. */
enum {
  FG_NDPI_SERVER_NAME,  /* TLS or QUIC server name, HTTP host, DNS or NetBIOS name, STUN realm, DHCP host name */
  FG_NDPI_USER_AGENT,   /* of HTTP or QUIC */
  FG_NDPI_CONTENT_TYPE, /* of an HTTP response */
  FG_NDPI_JA3,          /* nDPI up to 4.10 only */
  FG_NDPI_JA3S,
  FG_NDPI_TLS_ALPN, /* what the client offers, with commas between */
  FG_NDPI_HASSH,
  FG_NDPI_HASSH_SERVER,
  FG_NDPI_SSH_CLIENT,
  FG_NDPI_SSH_SERVER,
  FG_NDPI_DHCP_FINGERPRINT,
  FG_NDPI_TEXTS
};

/* What nDPI read in the packets of a flow beside its label. */
typedef struct fg_ndpi_facts {
  uint64_t risks;          /* bit n: a risk that fg_ndpi_risk_name(n) names */
  uint16_t tls_version;    /* as on the wire; 0 without one */
  uint16_t dns_query_type; /* 0 without one */
  uint8_t dns_response_code;
  uint8_t is_dns;          /* DNS, mDNS or LLMNR: the server name is what is asked for */
  uint8_t is_dns_answered; /* dns_response_code was read */
  uint8_t is_dhcp;         /* the server name is the name of the host itself */
  fg_ndpi_text texts[FG_NDPI_TEXTS];
} fg_ndpi_facts;

/* What fg_ndpi_confidence returns. */
enum {
  FG_NDPI_CONFIDENCE_UNKNOWN = 0,
  FG_NDPI_CONFIDENCE_PORT = 1,
  FG_NDPI_CONFIDENCE_IP = 2,
  FG_NDPI_CONFIDENCE_PARTIAL = 3,
  FG_NDPI_CONFIDENCE_PARTIAL_CACHE = 4,
  FG_NDPI_CONFIDENCE_CACHE = 5,
  FG_NDPI_CONFIDENCE_DPI = 6,
  FG_NDPI_CONFIDENCE_RULE = 7,
  FG_NDPI_CONFIDENCE_AGGRESSIVE = 8
};

/* A new module with every protocol and no file loaded, as ndpiReader sets it up; with `forgetful` nothing that was
 * learnt from a flow is used for another. NULL with *error set to a message of static lifetime when it cannot be made.
 * No two calls of this function or of fg_ndpi_module_free may run at the same time, on whatever modules. */
fg_ndpi_module *fg_ndpi_module_new(int forgetful, const char **error);
void fg_ndpi_module_free(fg_ndpi_module *module);

/* A flow before its first packet; NULL when memory is out. */
fg_ndpi_flow *fg_ndpi_flow_new(void);
void fg_ndpi_flow_free(fg_ndpi_flow *flow);

/* Dissects the next packet: `len` bytes from the IP header, at `time_ms` milliseconds since 1970. Returns how many
 * packets of the flow were dissected so far. One that nDPI cannot read (its lengths contradict `len`, or it is a later
 * fragment), or whose protocol is not that of the flow's first, is passed over and does not count. */
uint32_t fg_ndpi_inspect(fg_ndpi_module *module, fg_ndpi_flow *flow, const uint8_t *ip, uint16_t len, uint64_t time_ms,
                         fg_ndpi_verdict *verdict);

/* No more packets: the label, guessed from ports and addresses when dissection has none. */
void fg_ndpi_give_up(fg_ndpi_module *module, fg_ndpi_flow *flow, fg_ndpi_verdict *verdict);

/* What fg_ndpi_give_up would say now (after 4.2: what fg_ndpi_inspect said last); changes neither flow nor module. */
void fg_ndpi_peek(fg_ndpi_module *module, const fg_ndpi_flow *flow, fg_ndpi_verdict *verdict);

/* The label in words, as ndpi_protocol2name writes it ("TLS.Instagram"); always terminated. */
void fg_ndpi_name(fg_ndpi_module *module, const fg_ndpi_verdict *verdict, char *name, uint32_t size);

/* The category in words; never NULL, valid as long as the module. */
const char *fg_ndpi_category(fg_ndpi_module *module, const fg_ndpi_verdict *verdict);

/* FG_NDPI_CONFIDENCE_* of a verdict. */
int fg_ndpi_confidence(const fg_ndpi_verdict *verdict);

/* What is known of a flow beside its label; changes nothing. Returns 0 when that is nothing. */
int fg_ndpi_facts_of(const fg_ndpi_flow *flow, fg_ndpi_facts *facts);

/* What a bit of fg_ndpi_facts.risks means; of static lifetime, NULL for a bit that means nothing. */
const char *fg_ndpi_risk_name(uint32_t bit);

/* The version of the library in use: "4.2.0"; of static lifetime. */
const char *fg_ndpi_version(void);

#endif
