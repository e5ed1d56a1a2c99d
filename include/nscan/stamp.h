/* stamp.h: an echo request that brings back what it asked and when, so that nothing is kept for it.
 *
 * The 16 bytes of its data: the asked IPv4 address, a 32-bit stamp of the caller's, and a keyed hash (SipHash) over both, the source,
 * identifier and sequence. Only who saw the probe can return them. Identifier, sequence and IP ID stay those of the echo kind
 * (probe.h), so that ICMP errors, which need not quote data, are matched as always. */
#ifndef NSCAN_STAMP_H
#define NSCAN_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/decode.h"
#include "nscan/probe.h"

enum { STAMP_BYTES = 16 };

/* As the echo kind's make (probe.h), with a stamp for data; for IPv4. */
void probe_stamp_make(const struct probe_settings *settings, const struct ask *ask, uint32_t stamp,
                      struct probe *probe);
/* Does the echo reply carry a stamp of this run, whoever sent it? Then which address was asked, and the stamp. The ICMP checksum
 * has to be right. */
bool probe_stamp_read(const struct probe_settings *settings, const struct reply *reply, struct addr *asked,
                      uint32_t *stamp);

#endif
