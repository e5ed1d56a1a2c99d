/* checksum.h: the internet checksum (RFC 1071), its incremental update (RFC 1624), and choosing it. */
#ifndef NSCAN_CHECKSUM_H
#define NSCAN_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"

/* Adds n bytes, read as big-endian 16-bit words (an odd last byte is padded with zero), to a running sum.
 * All chunks but the last must be of even length. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t n);
/* Folds the carries and complements: the value that goes into a header. */
uint16_t checksum_finish(uint32_t sum);
/* Running sum of the UDP pseudo-header (RFC 768, RFC 8200 8.1). udp_bytes counts header and data. */
uint32_t checksum_pseudo(const struct addr *src, const struct addr *dst, uint8_t protocol, uint32_t udp_bytes);
/* The checksum after one 16-bit word of the covered data changed (RFC 1624, eqn. 3). */
uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word);
/* The checksum of a whole UDP datagram: ports, length, data. Never 0: RFC 768 sends 0 as 0xffff. */
uint16_t checksum_udp(const struct addr *src, const struct addr *dst, uint16_t src_port, uint16_t dst_port,
                      const uint8_t *data, size_t data_bytes);
/* The 16-bit word which, put at an even offset of data whose checksum is `now` while that word is zero,
 * makes it `wanted` (1 to 0xfffe). At an odd offset swap its two bytes before storing it. */
uint16_t checksum_solve(uint16_t now, uint16_t wanted);

#endif
