/* target_spec.h: one target specification as a person writes it, read into addresses. */
#ifndef NSCAN_CORE_TARGET_SPEC_H
#define NSCAN_CORE_TARGET_SPEC_H

#include <stdbool.h>

#include "nscan/err.h"
#include "nscan/ranges.h"
#include "nscan/targets.h"

#include "octet_pattern.h"

struct target_spec {
	bool is_pattern;
	struct addr_range range;      /* unless is_pattern */
	struct octet_pattern pattern; /* if is_pattern */
};

/* Reads an address, a name, octet ranges, a network or a full range: see target_set_add. */
bool target_spec_parse(const char *text, const struct resolver *resolver, struct target_spec *out, struct err *err);

#endif
