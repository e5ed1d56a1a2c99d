/* service.h: what a UDP answer says about who gave it: the service really found, its version, its identity.
 *
 * An answer is recognised by its content, also on a port where its protocol is not at home; the port only decides which readers try
 * first, and lets those speak whose protocol has nothing to be recognised by (time, daytime, echo). Readers are pure, bounds-checked
 * and allocation-free: one file for each family in src/probes/read_*.c. They take answers only, so a request that an echo service sends
 * back is not taken for its protocol. */
#ifndef NSCAN_SERVICE_H
#define NSCAN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"

enum {
	SERVICE_MAX_DETAILS = 14,
	SERVICE_NAME_BYTES = 56, /* product and version, NUL included */
	SERVICE_INFO_BYTES = 160,
	SERVICE_TEXT_BYTES = 520,
};

struct service_detail {
	const char *key; /* static, kebab-case: "engine-id" */
	uint16_t at;     /* its value begins there in `text` */
};

/* What was read. Holds no pointers but to static text, so it may be copied. Texts end with NUL, are free of line breaks and NULs, and
 * may else hold whatever the network sent: escape them before they are printed. */
struct service_reading {
	const char *service; /* as port_service names it ("domain"); NULL: the protocol was not recognised */
	bool one_answer;     /* the protocol gives exactly one answer to a request: another one contradicts it */
	bool names_itself;   /* the line says what it is (product, system), which is worth more than what it does */
	bool has_mapped;     /* STUN, NAT-PMP: where our request came from, as the server sees it */
	struct addr mapped;
	uint16_t mapped_port; /* 0: not told */
	char product[SERVICE_NAME_BYTES];
	char version[SERVICE_NAME_BYTES];
	char info[SERVICE_INFO_BYTES]; /* one short line for a person; never empty */
	uint8_t detail_count;
	uint16_t text_bytes;
	struct service_detail details[SERVICE_MAX_DETAILS];
	char text[SERVICE_TEXT_BYTES]; /* the values of the details, one behind the other */
};

/* Reads the first n bytes of an answer of `wire_bytes` (more than n when the capture cut it short; else n or 0) that came from UDP port
 * `port`. True: the service is known (out->service). False: it is not, and out->info only says how long the answer is and how it
 * begins. *out is filled in both cases; of a cut answer the detail "captured" says how much was there to be read. */
bool service_read(uint16_t port, const uint8_t *data, size_t n, size_t wire_bytes, struct service_reading *out);
/* The value of that detail; NULL when there is none. */
const char *service_detail(const struct service_reading *reading, const char *key);
/* Adds a detail; one that is there already stays as it is. False when there is no room. `key` must be static. */
bool service_add_detail(struct service_reading *reading, const char *key, const char *value);
/* Adds what another answer of the same port says. What was not recognised gives way to what was; a detail that is there
 * already stays as it is. True when something was new. */
bool service_merge(struct service_reading *into, const struct service_reading *more);
/* Whether the detail differs between two true answers to the same request (clocks, counters, random tokens). */
bool service_detail_varies(const char *key);
/* The line without its parts that vary, for reports that are compared with each other (ndiff). Returns out. */
const char *service_lasting_info(const struct service_reading *reading, char out[SERVICE_INFO_BYTES]);

#endif
