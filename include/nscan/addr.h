/* addr.h: an IPv4 or IPv6 address as one value type. */
#ifndef NSCAN_ADDR_H
#define NSCAN_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_BYTES 48 /* longest text of an address, with its NUL */
#define MAC_BYTES       6
#define MAC_TEXT_BYTES  18

/* Compared, copied and stored by value. All-zero is "no address". */
struct addr {
	uint8_t family;    /* 0 none, 4 or 6 */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are zero */
};

struct addr addr_from_v4(uint32_t host_order);
/* Takes 4 (family 4) or 16 (family 6) bytes in network order. */
struct addr addr_from_bytes(uint8_t family, const uint8_t *bytes);
/* The IPv4 address in host order; 0 for any other family. */
uint32_t addr_v4(const struct addr *a);
/* Bytes on the wire: 4, 16, or 0 for none. */
size_t addr_bytes(const struct addr *a);
/* 32, 128, or 0. */
int addr_bits(const struct addr *a);
bool addr_is_set(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* Orders by family, then numerically; <0, 0, >0. */
int addr_compare(const struct addr *a, const struct addr *b);
/* The next address up; false when *a was the last of its family (then unchanged). */
bool addr_increment(struct addr *a);
bool addr_in_prefix(const struct addr *a, const struct addr *prefix, int prefix_bits);
/* Lowest and highest address of the prefix that contains *a. prefix_bits 0 to addr_bits(). */
struct addr addr_prefix_first(const struct addr *a, int prefix_bits);
struct addr addr_prefix_last(const struct addr *a, int prefix_bits);
/* Parses a plain IPv4 dotted quad (no octal, no short forms) or IPv6 text without zone. */
bool addr_parse(const char *text, struct addr *out);
/* Writes RFC 5952 text (or "-" for none) and returns `out`. */
const char *addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES]);
/* 32-bit mix of the address for hash tables; not secret. */
uint32_t addr_hash(const struct addr *a);
/* "02:42:c0:a8:00:64", upper case as nmap prints it. */
const char *mac_format(const uint8_t mac[MAC_BYTES], char out[MAC_TEXT_BYTES]);

#endif
