/* vendor.h: who made a network interface, by the first bits of its hardware address.
 *
 * The IEEE's registries as Debian's package ieee-data installs them: MA-L (24 bits), MA-M (28), MA-S and the older IAB (36).
 * Without that package nmap's list is used when it is there, and without that nobody has a name. Nothing is read before the
 * first question; then each file is mapped and its prefixes are hashed once. */
#ifndef NSCAN_VENDOR_H
#define NSCAN_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/addr.h"

enum { VENDOR_TEXT_BYTES = 96 };

struct vendors;

/* Lists from other places than /usr/share/ieee-data (a folder) and /usr/share/nmap/nmap-mac-prefixes (a file): NULL is these.
 * The texts are borrowed. NULL when memory ran out. */
struct vendors *vendors_new(const char *ieee_folder, const char *nmap_file);
void vendors_free(struct vendors *vendors);
/* Writes the organisation's name, printable UTF-8 cut to fit, and returns `out`; NULL when the address belongs to nobody known:
 * also for addresses that their owner chose (the locally administered bit, IEEE 802 section 8.4) and for `vendors` NULL. */
const char *vendor_name(struct vendors *vendors, const uint8_t mac[MAC_BYTES], char out[VENDOR_TEXT_BYTES]);

#endif
