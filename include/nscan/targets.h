/* targets.h: sets of addresses as a person writes them, visited without ever being listed.
 *
 * A set of 2^32 addresses costs memory for its specifications only: each is kept as a range or as four octet sets,
 * and addresses are made one by one while the set is visited. */
#ifndef NSCAN_TARGETS_H
#define NSCAN_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/addr.h"
#include "nscan/err.h"
#include "nscan/ranges.h"

/* Turns a host name into an address. Injected, so that the core does no I/O. Returns false with *err set. */
struct resolver {
	bool (*resolve)(void *context, const char *name, struct addr *out, struct err *err);
	void *context;
};

struct target_set;

struct target_set *target_set_new(void);
void target_set_free(struct target_set *set);
/* Adds one specification: an address; a name; octet ranges ("192.168.0.100-200", "10.0-3.1,7.*"); CIDR, also of a name
 * ("lab/24"); "start-end" with full addresses (IPv4 or IPv6). `resolver` may be NULL: then names are refused.
 * On failure nothing was added and *err names the specification and what would be right; only when memory ran out
 * (ERR_SYSTEM) a part of it may have been. */
bool target_set_add(struct target_set *set, const char *spec, const struct resolver *resolver, struct err *err);
/* Adds every specification of a file: separated by white space or commas at top level of a line, '#' starts a comment.
 * Commas inside an octet list belong to it only where the token parses as one specification. `name` is for messages,
 * which also give the line. */
bool target_set_add_stream(struct target_set *set, FILE *file, const char *name, const struct resolver *resolver,
                           struct err *err);
bool target_set_contains(const struct target_set *set, const struct addr *addr);
bool target_set_is_empty(const struct target_set *set);
/* Number of addresses, those in several specifications counted each time; saturates at UINT64_MAX. */
uint64_t target_set_size(const struct target_set *set);
/* True when any address of that family (4 or 6) is in the set. */
bool target_set_has_family(const struct target_set *set, int family);

/* Where a visit stands. Zero-initialised means the beginning; copying it copies the place. Neither set may grow while it
 * is visited. */
struct target_cursor {
	size_t element;
	bool started;
	struct addr next;
	struct addr run_last; /* through this one the addresses are known to be wanted; none: not looked at yet */
};

/* The next address of `include` that is not in `exclude` (may be NULL) and was not visited as part of an earlier
 * specification. In the order of the specifications, ascending inside each. Runs of excluded addresses are jumped
 * over, not walked. False at the end. */
bool target_next(const struct target_set *include, const struct target_set *exclude, struct target_cursor *cursor,
                 struct addr *out);
/* The same by runs of consecutive addresses: the rest of the run that the cursor stands in, else the next one. Runs may
 * touch each other. */
bool target_next_run(const struct target_set *include, const struct target_set *exclude, struct target_cursor *cursor,
                     struct addr_range *out);

#endif
